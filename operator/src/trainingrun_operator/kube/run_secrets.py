"""The Secret of each run that holds the URL of its Redis, and the URL as the operator knows it.

Secrets are not watched: the permission to watch them is the permission to read them all. So one
that somebody deletes is noticed by asking for it: seldom while all is well, for a Secret that is
gone does no harm before a pod starts; and soon once a pod of the run cannot start.

A Secret counts as the run's own if the run controls it, and never by its name or its labels alone.
It is immutable, so that the API server itself refuses to change it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.errors import ConflictError, NotFoundError
from trainingrun_reconciler.kinds import SECRET
from trainingrun_reconciler.manifests.access import (
    ORIGIN_KEY,
    URL_KEY,
    SecretKey,
    given_secret,
    managed_secret,
    redis_address,
    redis_url_key,
    secret_name,
)
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.owner import Owner, RunIdentity
from trainingrun_reconciler.views import controller_of

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.passwords import Passwords

_USERS_SECONDS: Final = 30.0
"""A user's own Secret is read again after this."""
_USUAL_SECONDS: Final = 600.0
_ORIGIN: Final = "redis"
_TROUBLED_SECONDS: Final = 10.0


@dataclass(frozen=True)
class _Known:
    """What the Secret of a run said when it was last read."""

    at: float
    url: str
    origin: str = ""
    """What the passwords follow from; empty where the Redis is not ours."""
    is_there: bool = True
    is_users: bool = False
    """Whether it is the user's own, which its user alone makes again."""


class RunSecrets:
    """Reads and makes the Secrets of runs."""

    def __init__(
        self,
        client: Client,
        passwords: Passwords,
        *,
        redis_address: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``redis_address`` replaces the address of managed servers for the operator itself."""
        self._client = client
        self._passwords = passwords
        self._redis_address = redis_address
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def forget(self, run_uid: str) -> None:
        """Drop what is remembered of a run that is gone."""
        self._known.pop(run_uid, None)

    async def is_there(self, run: RunIdentity, *, has_problem: bool) -> bool:
        """Whether the run's own Secret is still there; asked of the API server now and then, and
        more often where the run is ``troubled``. True of a run without one.

        Raises:
            BackendError: the API server cannot be asked.
        """
        known = self._known.get(run.uid)
        if known is None or known.is_users:
            return True
        if not known.is_there:
            return False
        if not is_due(known.at, now=self._clock(), has_problem=has_problem):
            return True
        is_there = is_own(await self._find(run), run)
        self._known[run.uid] = replace(known, at=self._clock(), is_there=is_there)
        return is_there

    async def ensure(self, run: RunIdentity, shared: SharedResources, *, is_new: bool) -> None:
        """Make the Secret if there is none; one that exists is never written.

        A run that has nothing yet (``is_new``) has no Secret either, save when we were stopped
        right there.

        Raises:
            BackendError: the name is taken, or the Secret is refused.
        """
        known = self._known.get(run.uid)
        if known is not None and known.is_there:
            return
        found = await own_secret(
            self._client,
            run,
            secret_name(run),
            lambda: self._rendered(run, shared, known),
            is_new=is_new or known is not None,
        )
        self._known[run.uid] = _Known(self._clock(), _url_in(found), _origin_in(found))

    async def url(self, run: RunIdentity, shared: SharedResources) -> str | None:
        """The URL of the run's Redis as the operator itself must use it; None while our own Secret
        is not there yet.

        Raises:
            BackendError: the user's own Secret has no URL.
        """
        if shared.redis_url is not None:
            return shared.redis_url
        known = self._known.get(run.uid)
        if shared.redis_url_secret is not None:
            if known is None or self._clock() - known.at >= _USERS_SECONDS:
                url = await self._users_url(run, redis_url_key(run, shared))
                known = self._known[run.uid] = _Known(self._clock(), url, is_users=True)
            return known.url
        if known is None:
            found = await self._find(run)
            if not is_own(found, run):
                return None  # a namesake's, on its way out; or somebody else's, which ensure says
            assert found is not None
            known = _Known(self._clock(), _url_in(found), _origin_in(found))
            self._known[run.uid] = known
        return self._reachable(run, known.url)

    def _reachable(self, run: RunIdentity, url: str) -> str:
        address = self._redis_address
        return url.replace(redis_address(run), address) if address else url

    async def _find(self, run: RunIdentity) -> dict[str, Any] | None:
        return await find_secret(self._client, run, secret_name(run))

    async def _rendered(
        self, run: RunIdentity, shared: SharedResources, known: _Known | None
    ) -> Manifest:
        """The Secret with the passwords that the run's Redis was begun with: from the origin that
        is still remembered, which may have been made at random, or else from the derived one."""
        if shared.redis_url is not None:
            return given_secret(run, shared.redis_url)
        origin = known.origin if known is not None else ""
        secret = origin or await self._passwords.of(run.uid, _ORIGIN)
        return managed_secret(run, secret, roles=shared.redis_roles, tls=shared.redis_tls)

    async def _users_url(self, run: RunIdentity, entry: SecretKey) -> str:
        try:
            secret = await self._client.get(SECRET.path(run.namespace, entry.name))
        except NotFoundError as error:
            raise _no_url(run, entry, "there is no such Secret") from error
        try:
            return _url_in(secret, entry.key)
        except (KeyError, TypeError, ValueError) as error:
            raise _no_url(run, entry, f"it has no entry {entry.key} of text") from error


async def find_secret(client: Client, owner: Owner, name: str) -> dict[str, Any] | None:
    """A Secret of a resource's namespace; None where there is none."""
    try:
        return await client.get(SECRET.path(owner.namespace, name))
    except NotFoundError:
        return None


async def own_secret(
    client: Client,
    owner: Owner,
    name: str,
    render: Callable[[], Awaitable[Manifest]],
    *,
    is_new: bool,
) -> dict[str, Any]:
    """A resource's own Secret, made if there is none; one that ``is_new`` is not read first.

    Raises:
        BackendError: the name is taken, or the Secret is refused.
    """
    found = None if is_new else await find_secret(client, owner, name)
    if found is None:
        try:
            found = await client.create(SECRET.path(owner.namespace), await render())
        except ConflictError:
            found = await find_secret(client, owner, name)
    if found is None or not is_own(found, owner):
        raise BackendError("NameTaken", _taken(owner, name))
    return found


def is_due(at: float, *, now: float, has_problem: bool) -> bool:
    """Return whether a Secret that was there ``at`` that time is to be read again."""
    return now - at >= (_TROUBLED_SECONDS if has_problem else _USUAL_SECONDS)


def is_own(found: dict[str, Any] | None, owner: Owner) -> bool:
    """Whether a Secret is there and the resource's own."""
    controller = controller_of(found) if found is not None else None
    return controller is not None and controller["uid"] == owner.uid


def _origin_in(secret: dict[str, Any] | None) -> str:
    """What the passwords of a managed Redis follow from; empty where there is none."""
    data = (secret or {}).get("data") or {}
    return base64.b64decode(data.get(ORIGIN_KEY, "")).decode(errors="replace")


def _url_in(secret: dict[str, Any], key: str = URL_KEY) -> str:
    """The URL in a Secret.

    Raises:
        KeyError: the Secret has no such entry.
        ValueError: the entry is no text.
    """
    return base64.b64decode(secret["data"][key]).decode().strip()


def _no_url(run: RunIdentity, entry: SecretKey, why: str) -> BackendError:
    return BackendError(
        "SecretNotFound",
        f"spec.redis.urlSecretRef: Secret {run.namespace}/{entry.name}: {why}: create it with the"
        f" Redis URL under the key {entry.key}",
    )


def _taken(owner: Owner, name: str) -> str:
    return (
        f"Secret {owner.namespace}/{name} is not controlled by this {owner.kind.name}: delete"
        f" it, or give the {owner.kind.name} another name"
    )
