"""Daemons by name: a name that stands for several addresses (a scaled service) is all of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.controller.daemon_status import split_endpoint
from trainingrun_reconciler.store import ResourceKey

from trainingrun.local.store import LocalStore


class NamedDaemons(LocalStore):
    """A store whose run has, at every reconcile, the daemons that the names resolve to then."""

    names: tuple[str, ...] = ()

    async def get(self, key: ResourceKey) -> TrainingRun | None:
        """See RunStore."""
        run = await super().get(key)
        if run is None or run.spec.daemon.external is None or not self.names:
            return run
        external = run.spec.daemon.external.model_copy(
            update={"endpoints": await addresses(self.names)}
        )
        daemon = run.spec.daemon.model_copy(update={"external": external})
        return run.model_copy(update={"spec": run.spec.model_copy(update={"daemon": daemon})})


async def addresses(names: Sequence[str]) -> tuple[str, ...]:
    """Return every ``address:port`` behind ``host:port`` names, each once and in order.

    A name that does not resolve (yet) stays as it is: its user reports why.
    """
    found = await asyncio.gather(*(addresses_of(name) for name in names))
    pairs = zip(names, found, strict=True)
    return tuple(dict.fromkeys(each for name, known in pairs for each in known or (name,)))


async def addresses_of(name: str) -> tuple[str, ...]:
    """Return every ``address:port`` behind one ``host:port``, sorted; none where it is not
    known."""
    host, port = split_endpoint(name)
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except OSError:
        return ()
    return tuple(sorted({_written(str(answer[4][0]), port) for answer in answers}))


def _written(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
