"""The Secrets that a League's user makes, and what to say of one that is not there. Pure.

A pod that waits for a Secret says so in kubelet's words, which name neither the field nor what to
do. kubelet tries again by itself, so that a League continues once the Secret is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trainingrun_api.league import LeagueSpec

_BUCKET_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_CERTIFICATE_KEYS: Final = ("tls.crt", "tls.key", "ca.crt")


@dataclass(frozen=True)
class NeededSecret:
    """A Secret that a League names.

    Attributes:
        field: of the League that names it.
        name: of the Secret.
        keys: entries that are read.
        content: what they hold, for people.
    """

    field: str
    name: str
    keys: tuple[str, ...]
    content: str


def needed_secrets(spec: LeagueSpec) -> tuple[NeededSecret, ...]:
    """The Secrets that a League's pods wait for, but for the one that the operator makes."""
    found = []
    if spec.database is not None:
        ref = spec.database.secret_ref
        what = "the address of a PostgreSQL, postgresql+asyncpg://user:password@host:5432/league"
        found.append(NeededSecret("database.secretRef", ref.name, (ref.key,), what))
    if spec.redis is not None:
        ref = spec.redis.secret_ref
        what = "the address of a Redis, redis://:password@host:6379/0"
        found.append(NeededSecret("redis.secretRef", ref.name, (ref.key,), what))
    bucket = spec.storage.s3
    if bucket is not None and bucket.secret_ref is not None:
        what = "the credentials of the bucket"
        name = bucket.secret_ref.name
        found.append(NeededSecret("storage.s3.secretRef", name, _BUCKET_KEYS, what))
    certificate = spec.access.tls_secret_ref
    if certificate is not None:
        what = "the certificate, its key, and the certificates of who has signed it"
        name = certificate.name
        found.append(NeededSecret("access.tlsSecretRef", name, _CERTIFICATE_KEYS, what))
    token = spec.daemons.token_secret_ref if spec.daemons is not None else None
    if token is not None:
        what = "the token that the daemons were started with"
        found.append(NeededSecret("daemons.tokenSecretRef", token.name, (token.key,), what))
    return tuple(found)


def describe_missing(
    spec: LeagueSpec, namespace: str, entries: Mapping[str, frozenset[str] | None]
) -> str:
    """What to do about Secrets that are not there, or lack an entry; empty where none is.

    Args:
        spec: of the League.
        namespace: of the League.
        entries: by name of a Secret those that are not empty; None: there is no such Secret.
    """
    return "; ".join(
        sentence
        for each in needed_secrets(spec)
        if each.name in entries and (sentence := _missing(each, namespace, entries[each.name]))
    )


def _missing(needed: NeededSecret, namespace: str, entries: frozenset[str] | None) -> str:
    place = f"Secret {namespace}/{needed.name}"
    keys = [each for each in needed.keys if entries is None or each not in entries]
    if entries is None:
        said = f"{place} does not exist: create it with {_listed(keys)} ({needed.content})"
    elif keys:
        said = f"{place} has no entry {_listed(keys)}: add it ({needed.content})"
    else:
        return ""
    return f"spec.{needed.field}: {said}; the pods that wait for it then start by themselves"


def _listed(keys: list[str]) -> str:
    return ", ".join(keys[:-1]) + f" and {keys[-1]}" if len(keys) > 1 else keys[0]
