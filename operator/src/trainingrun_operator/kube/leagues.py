"""Leagues that run: their Secrets at the API server, and what they say of themselves over HTTPS.

The operator speaks no gRPC: a league's process answers a few questions as JSON beside its pages
(``contracts.league_report``), to who has the token of its services. A league is known by the
authority in its Secret, so that who gives its name to something else gets no answer and no token.
Every answer is bounded in size and time, and its sentences are shown to people, cut.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from trainingrun_contracts.league_report import (
    REPORT_BYTES,
    STATUS_PATH,
    TABLES_PATH,
    TOURNAMENTS_PATH,
    LeagueReport,
    Refusal,
    TableMarks,
    TablesMarked,
    TournamentOrder,
    TournamentReport,
)
from trainingrun_contracts.plain_text import one_line
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.controller.reach import ANYWHERE, AddressRefused, Reach
from trainingrun_reconciler.errors import NotFoundError
from trainingrun_reconciler.kinds import SECRET
from trainingrun_reconciler.leagues.identity import tokens_secret
from trainingrun_reconciler.leagues.parts import PLACES, Part, host_of
from trainingrun_reconciler.leagues.seam import LeagueAddress, LeagueRefused, LeagueSilent
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.roles.league import AUTHORITY_KEY as AUTHORITY
from trainingrun_reconciler.roles.league import TOKEN_KEY as SERVICES_TOKEN
from trainingrun_reconciler.roles.league import tokens_secret as tokens_name

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.passwords import Passwords
from trainingrun_operator.kube.run_secrets import find_secret, own_secret

ASK_SECONDS: Final = 10.0
SECRET_SECONDS: Final = 30.0
"""Between two reads of the Secret of a league. Learners of runs wait for it, whom the
league knows nothing of; hence not as rarely as the Secrets of runs."""
ENTRIES_SECONDS: Final = 4.0
"""Between two reads of a Secret that a League names: a league that starts reconciles often."""
_ORIGIN: Final = "league"
"""Under which the secret is derived that all of a league's Secret follows from."""
_AUTHORITY_BYTES: Final = 64 * 1024
_SENTENCE: Final = 300
"""Characters of a league's sentence that are shown."""
_CHUNK: Final = 16 * 1024
_FOR_GOOD: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
"""Answers of a league that asking again does not change."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Known:
    """What the Secret of a league said when it was last read."""

    at: float
    token: str = field(repr=False)
    trust: ssl.SSLContext


class KubernetesLeagues:
    """Implements ``reconciler.leagues.seam.Leagues``.

    ``address`` (host:port) replaces that of every league for an operator outside the cluster, which
    cannot resolve the names of Services; a league is still known by its certificate.
    """

    def __init__(
        self,
        client: Client,
        passwords: Passwords,
        *,
        address: str | None = None,
        reach: Reach = ANYWHERE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._passwords = passwords
        self._address = address
        self._reach = reach
        self._clock = clock
        self._known: dict[LeagueAddress, tuple[str, _Known]] = {}
        self._entries: dict[tuple[str, str], tuple[float, frozenset[str] | None]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def prepare(self, owner: Owner, certificate: str | None) -> None:
        """Make the Secret of a league, and see every ``SECRET_SECONDS`` that it is there."""
        place = LeagueAddress(owner.namespace, owner.name)
        uid, known = self._known.get(place, ("", None))
        is_known = known is not None and uid == owner.uid
        if is_known and known and self._clock() - known.at < SECRET_SECONDS:
            return
        found = await own_secret(
            self._client,
            owner,
            tokens_name(owner.name),
            lambda: self._rendered(owner, certificate),
            is_new=False,
        )
        self._known[place] = owner.uid, _read(found, owner, self._clock())

    async def _rendered(self, owner: Owner, certificate: str | None) -> Manifest:
        secret = await self._passwords.of(owner.uid, _ORIGIN)
        beside = await self._authority(owner, certificate) if certificate is not None else ""
        return tokens_secret(owner, secret, beside=beside)

    async def _authority(self, owner: Owner, name: str) -> str:
        """Who has signed the certificate that a user gives."""
        found = await find_secret(self._client, owner, name)
        if found is None:
            raise BackendError(
                "SecretNotFound",
                f"spec.access.tlsSecretRef: Secret {owner.namespace}/{name} is not there: make it,"
                f" of type kubernetes.io/tls and with {AUTHORITY}, or name another one",
            )
        text = _entry(found, AUTHORITY)
        if "BEGIN CERTIFICATE" not in text or len(text) > _AUTHORITY_BYTES:
            raise BackendError(
                "SecretNotFound",
                f"spec.access.tlsSecretRef: Secret {owner.namespace}/{name} has no entry"
                f" {AUTHORITY} with the certificates of who has signed {name}'s own: give it one",
            )
        return f"\n{text}"

    async def entries(self, league: LeagueAddress, secret: str) -> frozenset[str] | None:
        """The entries of a Secret that are not empty; read again after ``ENTRIES_SECONDS``."""
        place, now = (league.namespace, secret), self._clock()
        known = self._entries.get(place)
        if known is not None and now - known[0] < ENTRIES_SECONDS:
            return known[1]
        try:
            found = await self._client.get(SECRET.path(league.namespace, secret))
        except NotFoundError:
            names = None
        else:
            names = frozenset(name for name, value in (found.get("data") or {}).items() if value)
        recent = {key: each for key, each in self._entries.items() if now - each[0] < 60}
        self._entries = {**recent, place: (now, names)}
        return names

    async def report(self, league: LeagueAddress) -> LeagueReport:
        """What it says of itself."""
        return await self._asked(league, LeagueReport, STATUS_PATH)

    async def order(
        self, league: LeagueAddress, key: str, order: TournamentOrder
    ) -> TournamentReport:
        """The tournament of a key, made unless it is there."""
        path = f"{TOURNAMENTS_PATH}{quote(key, safe='')}"
        return await self._asked(league, TournamentReport, path, order)

    async def tournament(self, league: LeagueAddress, id: str) -> TournamentReport:
        """A tournament that was made."""
        path = f"{TOURNAMENTS_PATH}{quote(id, safe='')}"
        return await self._asked(league, TournamentReport, path)

    async def mark_tables(self, league: LeagueAddress, marks: TableMarks) -> None:
        """Say which runs are over and which are not."""
        await self._asked(league, TablesMarked, TABLES_PATH, marks)

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a league that is gone."""
        self._known = {place: known for place, known in self._known.items() if known[0] != uid}

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _asked(
        self, league: LeagueAddress, type: type[T], path: str, body: msgspec.Struct | None = None
    ) -> T:
        known = await self._credentials(league)
        host = host_of(league.name, league.namespace, Part.WEB)
        where = self._address or f"{host}:{PLACES[Part.WEB].port}"
        try:
            await self._reach.check(where.rpartition(":")[0], PLACES[Part.WEB].port)
            status, content = await self._exchange(known, f"https://{where}{path}", host, body)
        except TimeoutError as error:
            raise LeagueSilent(f"it gives no answer within {ASK_SECONDS:g} s") from error
        except (aiohttp.ClientError, AddressRefused, OSError) as error:
            raise LeagueSilent(f"it cannot be reached ({_said(error)})") from error
        if status != HTTPStatus.OK:
            raise _refusal(status, content)
        try:
            return msgspec.json.decode(content, type=type)
        except msgspec.MsgspecError as error:
            raise LeagueSilent(f"its answer cannot be read ({_said(error)})") from error

    async def _credentials(self, league: LeagueAddress) -> _Known:
        """Of a league that was prepared here; of another one, as its Secret has them."""
        found = self._known.get(league)
        if found is not None:
            return found[1]
        name = tokens_name(league.name)
        try:
            secret = await self._client.get(SECRET.path(league.namespace, name))
        except NotFoundError as error:
            raise LeagueSilent("there is no such League yet") from error
        except BackendError as error:
            raise LeagueSilent(str(error)) from error
        try:
            return _read(secret, None, self._clock())
        except BackendError as error:
            raise LeagueSilent(str(error)) from error

    async def _exchange(
        self, known: _Known, url: str, host: str, body: msgspec.Struct | None
    ) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        request = self._session.request(
            "GET" if body is None else "PUT",
            url,
            data=None if body is None else msgspec.json.encode(body),
            headers={"Authorization": f"Bearer {known.token}", "Content-Type": "application/json"},
            ssl=known.trust,
            server_hostname=host,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=ASK_SECONDS),
        )
        async with request as answer:
            return answer.status, await _bounded(answer)


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    """The body, read as far as a report may be long.

    Raises:
        ClientPayloadError: it has more.
    """
    content = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > REPORT_BYTES:
            raise aiohttp.ClientPayloadError(f"more than {REPORT_BYTES} bytes")
    return bytes(content)


def _refusal(status: int, content: bytes) -> LeagueSilent | LeagueRefused:
    try:
        said = one_line(msgspec.json.decode(content, type=Refusal).problem, _SENTENCE)
    except msgspec.MsgspecError:  # not a league's, or not one of this version
        return LeagueSilent(f"it answers with status {status}")
    return LeagueRefused(said) if status in _FOR_GOOD else LeagueSilent(said)


def _said(error: Exception) -> str:
    """Words of an error without what is long or more than a line."""
    return one_line(str(error) or type(error).__name__, _SENTENCE)


def _read(secret: dict[str, Any], owner: Owner | None, now: float) -> _Known:
    """Token and authority of a Secret.

    Raises:
        BackendError: it has none.
    """
    token, authority = _entry(secret, SERVICES_TOKEN), _entry(secret, AUTHORITY)
    try:
        trust = ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        meta = secret.get("metadata") or {}
        place = f"{owner.namespace}/{owner.name}-tokens" if owner else meta.get("name", "")
        raise BackendError(
            "SecretInvalid",
            f"Secret {place} holds no certificate under {AUTHORITY}: delete it to have it made"
            " again",
        ) from error
    return _Known(now, token, trust)


def _entry(secret: dict[str, Any], key: str) -> str:
    content = str((secret.get("data") or {}).get(key, ""))
    try:
        return base64.b64decode(content).decode().strip()
    except (binascii.Error, ValueError):
        return ""
