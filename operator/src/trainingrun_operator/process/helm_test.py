"""What ``helm test`` runs: is all there that the operator needs, and does one answer?

    python3 -m trainingrun_operator.process.helm_test \\
        [--namespaces A,B] [--lease NAMESPACE/NAME] [--health URL]

It runs under the operator's own account, from the operator's image, and asks what the operator asks
at its start. It changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_reconciler.backends import BackendError

from trainingrun_operator.kube.client import Client, load_configuration
from trainingrun_operator.kube.preflight import check

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0)


@dataclass(frozen=True)
class Asked:
    """What to check: the namespaces (none: all), the lease, and the address of an operator."""

    namespaces: tuple[str, ...]
    lease: tuple[str, str] | None
    health: str | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the installation; returns 0, or 2 with a sentence that says what is missing."""
    given = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    asked = Asked(
        tuple(name for name in given.namespaces.split(",") if name),
        _place(given.lease),
        given.health,
    )
    try:
        asyncio.run(_check(given.kubeconfig, asked))
    except BackendError as error:
        print(f"installation: {error}", file=sys.stderr)
        return ExitCode.WRONG
    print("the definition is served and the permissions are complete")
    print(
        "an operator is ready" if given.health else "no operator was asked: metrics.enabled=false"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="installation", description="Checks an installation of the operator."
    )
    parser.add_argument("--namespaces", default="", metavar="A,B", help="those that are watched")
    parser.add_argument("--lease", metavar="NAMESPACE/NAME", help="by which one operator leads")
    parser.add_argument("--health", metavar="URL", help="of an operator, before /readyz")
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="default: the pod's account"
    )
    return parser


def _place(lease: str | None) -> tuple[str, str] | None:
    if lease is None:
        return None
    namespace, _, name = lease.partition("/")
    return namespace, name


async def _check(kubeconfig: Path | None, asked: Asked) -> None:
    client = Client(await load_configuration(kubeconfig))
    try:
        await check(client, asked.namespaces, asked.lease)
    finally:
        await client.close()
    if asked.health is not None:
        await _ask(f"{asked.health.rstrip('/')}/readyz")


async def _ask(url: str) -> None:
    """
    Raises:
        BackendError: no answer comes from there, or not "ok".
    """
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as answer:
            status, text = answer.status, await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BackendError(
            "OperatorSilent",
            f"no operator answers at {url} ({error or 'no answer in time'}): list its pods with"
            " kubectl get pods -l app.kubernetes.io/name=trainingrun",
        ) from error
    if status != 200:
        raise BackendError("OperatorNotReady", f"the operator at {url} is not ready: {text}")


if __name__ == "__main__":
    sys.exit(main())
