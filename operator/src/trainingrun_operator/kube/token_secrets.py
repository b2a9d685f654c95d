"""The Secret of each run that holds the token of its daemons.

A Secret of its own and not an entry beside the Redis URL: a run may have a Redis of its user's,
and the Secrets of runs that an older operator began cannot be changed. It is derived as passwords
are, so that it comes back as it was when somebody deletes it; what is said of when that is noticed
stands in ``run_secrets``.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from trainingrun_reconciler.manifests.access import (
    TOKEN_KEY,
    token_secret,
    token_secret_name,
)
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.owner import RunIdentity

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.passwords import Passwords
from trainingrun_operator.kube.run_secrets import (
    find_secret,
    is_due,
    is_own,
    own_secret,
)

_USER: Final = "daemons"
"""Under which the token is derived; no user of Redis is called so."""


@dataclass(frozen=True)
class _Known:
    """The Secret of a run as it was when it was last read."""

    at: float
    token: str
    is_there: bool = True


class TokenSecrets:
    """Makes the Secrets, and sees that they stay."""

    def __init__(
        self, client: Client, passwords: Passwords, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._passwords = passwords
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def forget(self, run_uid: str) -> None:
        """Drop what is remembered of a run that is gone."""
        self._known.pop(run_uid, None)

    async def is_there(self, run: RunIdentity, *, has_problem: bool) -> bool:
        """Whether a Secret that was made is still there, as ``RunSecrets.is_there``.

        Raises:
            BackendError: the API server cannot be asked.
        """
        known = self._known.get(run.uid)
        if known is None:
            return True
        if known.is_there and is_due(known.at, now=self._clock(), has_problem=has_problem):
            is_there = is_own(await self._find(run), run)
            known = self._known[run.uid] = replace(known, at=self._clock(), is_there=is_there)
        return known.is_there

    async def ensure(self, run: RunIdentity, *, is_new: bool) -> None:
        """Make the Secret if there is none; one that exists is never written.

        Raises:
            BackendError: the name is taken, or the Secret is refused.
        """
        known = self._known.get(run.uid)
        if known is not None and known.is_there:
            return
        found = await own_secret(
            self._client,
            run,
            token_secret_name(run),
            lambda: self._rendered(run, known),
            is_new=is_new or known is not None,
        )
        self._known[run.uid] = _Known(self._clock(), _token_in(found))

    async def _rendered(self, run: RunIdentity, known: _Known | None) -> Manifest:
        token = known.token if known is not None else await self._passwords.of(run.uid, _USER)
        return token_secret(run, token)

    async def _find(self, run: RunIdentity) -> dict[str, Any] | None:
        return await find_secret(self._client, run, token_secret_name(run))


def _token_in(secret: dict[str, Any]) -> str:
    data = secret.get("data") or {}
    return base64.b64decode(data.get(TOKEN_KEY, "")).decode(errors="replace")
