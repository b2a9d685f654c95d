"""Passwords that can be made again: derived from a key that the operator keeps in one Secret.

A run's Secret that somebody deletes must come back with the same password, because the run's Redis
continues with the old one; and an operator that was restarted meanwhile knows nothing but what the
cluster keeps. A random password could be read nowhere: Redis' own file has its hash alone. Keeping
a copy in a second Secret per run was refused, because who deletes one may delete the other.

A reader of the key can compute the password of every run that the operator has made: it stands in
the operator's own namespace, where administrators alone read Secrets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any, Final

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.errors import ConflictError, NotFoundError
from trainingrun_reconciler.kinds import SECRET
from trainingrun_reconciler.manifests.metadata import MANAGED_BY

from trainingrun_operator.kube.client import Client

_ENTRY: Final = "key"
_KEY_BYTES: Final = 32
_PASSWORD_BYTES: Final = 24


class Passwords:
    """Makes the passwords of runs.

    Without a ``place`` (namespace and name) there is nowhere to keep a key; passwords are random
    then, and last as long as the Secrets that hold them.
    """

    def __init__(self, client: Client, place: tuple[str, str] | None) -> None:
        self._client = client
        self._place = place
        self._key: bytes | None = None

    async def of(self, run_uid: str, user: str) -> str:
        """The password of a user in the Redis of a run; the same whenever it is asked for.

        Raises:
            BackendError: the key can neither be read nor made.
        """
        if self._place is None:
            return secrets.token_urlsafe(_PASSWORD_BYTES)
        if self._key is None:
            self._key = await self._read(*self._place)
        digest = hmac.digest(self._key, f"{run_uid}/{user}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_PASSWORD_BYTES]).decode()

    async def _read(self, namespace: str, name: str) -> bytes:
        """The key, which the first operator of an installation makes."""
        path = SECRET.path(namespace, name)
        try:
            found = await self._client.get(path)
        except NotFoundError:
            try:
                found = await self._client.create(SECRET.path(namespace), _key_secret(name))
            except ConflictError:
                found = await self._client.get(path)
        key = base64.b64decode((found.get("data") or {}).get(_ENTRY, ""))
        if len(key) < _KEY_BYTES:  # of a short one, everybody could compute the passwords
            raise BackendError(
                "SecretInvalid",
                f"Secret {namespace}/{name} holds no key of {_KEY_BYTES} bytes under {_ENTRY}:"
                " restore it, or delete it to have another one made for new runs",
            )
        return key


def _key_secret(name: str) -> dict[str, Any]:
    key = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.name,
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": MANAGED_BY}},
        "type": "Opaque",
        "immutable": True,
        "data": {_ENTRY: key},
    }
