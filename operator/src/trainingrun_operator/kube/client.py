"""Requests to the API server: documents in, documents out.

A thin layer over the official client's transport, which knows kubeconfigs, service accounts, token
renewal and TLS. Belongs here: verbs, content types, the brake, the fence, the patience with a
busy server, the translation of errors. Does not belong here: any kind's meaning.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from kubernetes.aio import config as client_config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from trainingrun_reconciler.backends import BackendError, ErrorKind
from trainingrun_reconciler.errors import (
    ApiError,
    BrokenOffError,
    FencedError,
    TooLargeError,
    UnreachableError,
    error_from,
)
from trainingrun_reconciler.kinds import FIELD_MANAGER

from trainingrun_operator.kube import documents
from trainingrun_operator.kube.documents import MOST_LINE_BYTES, Document
from trainingrun_operator.kube.fence import ALWAYS, Fence
from trainingrun_operator.kube.throttle import TokenBucket

APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
JSON: Final = "application/json"
METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_WATCH: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

_CONNECTIONS: Final = 32
_FIRST_PAGE: Final = 8
_LARGEST_PAGE: Final = 200
_PAGE_BYTES: Final = 2 * 1024 * 1024
"""Of a page of a list: as many objects are asked for as should have them, judged by those of the
page before. Python's memory grows to what the largest pages took at once and hardly shrinks again;
a thousand runs have ten thousand pods, and one run may have 1.5 MB."""
_MOST_PAGE_BYTES: Final = 8 * 1024 * 1024
"""A longer page is not read to its end: fewer objects are asked for. One alone may be longer."""
_SECONDS: Final = 30.0
_PAUSES: Final = (0.2, 0.6, 1.8)
"""Between the times that a request is sent to a server that fails or is busy. A reconcile of a run
makes some twenty requests: were one failure enough to end it, a third of failures would end them
all."""
_AGAIN: Final = frozenset({0, 429, 500, 502, 503, 504})
_LONGEST_PATIENCE: Final = 30.0
_WATCH_GRACE_SECONDS: Final = 20.0


async def load_configuration(kubeconfig: Path | None = None) -> Configuration:
    """The address and credentials: of the given file, else of the pod, else of ``KUBECONFIG``.

    Raises:
        BackendError: there are none; the message says where they were searched for.
    """
    configuration = Configuration()
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and kubeconfig is None
    try:
        if in_cluster:
            client_config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
        else:
            await client_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=str(kubeconfig) if kubeconfig else None,
                client_configuration=configuration,
            )
    except (client_config.ConfigException, OSError) as error:
        place = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise BackendError(
            "NoCredentials",
            f"no access to a cluster: {error}: run it in a pod with a service account, or make"
            f" {place} a valid kubeconfig",
            retry=False,
        ) from error
    return configuration


@dataclass(frozen=True)
class _Request:
    """What is sent, the same however often it is."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Document | None = None
    most_bytes: int = MOST_LINE_BYTES
    decode: Callable[[bytes], Document] = documents.answer


@dataclass(frozen=True)
class Page:
    """Some objects of a list, decoded one at a time as they are asked for."""

    metadata: Document
    items: Sequence[bytes | msgspec.Raw]
    bookkeeping: bool

    def objects(self) -> Iterator[Document]:
        """The objects; one that cannot be read is marked (:func:`documents.read`)."""
        return (documents.read(each, bookkeeping=self.bookkeeping) for each in self.items)


class Client:
    """Requests of the operator; all methods raise :class:`BackendError`.

    That is an ``ApiError``, or for a write a ``FencedError``. Without a ``fence`` every write goes
    through. ``listener`` gets the method, status and duration of every request but watches; the
    status is 0 where no answer came.
    """

    def __init__(
        self,
        configuration: Configuration,
        bucket: TokenBucket | None = None,
        *,
        fence: Fence | None = None,
        identity: str = "",
    ) -> None:
        configuration.connection_pool_maxsize = _CONNECTIONS
        self.configuration = configuration
        self.bucket = bucket or TokenBucket()
        self.fence = fence or Fence(ALWAYS)
        self._identity = identity
        self.listener: Callable[[str, int, float], None] = lambda _verb, _status, _seconds: None
        self._rest = _Rest(configuration, self.fence)

    async def close(self) -> None:
        """Close the connections at once; no farewell of the server's is waited for."""
        await self._rest.close()

    async def get(self, path: str, **query: str) -> Document:
        """Read one object, or a list of objects (``labelSelector=…``, ``limit=…``)."""
        return await self._request("GET", path, query=query)

    async def pages(
        self, path: str, *, metadata_only: bool = False, bookkeeping: bool = True, **query: str
    ) -> AsyncIterator[Page]:
        """List objects some at a time, all as they were at one moment; ``metadata_only`` leaves
        out their spec, data and status, and ``bookkeeping=False`` metadata that nothing reads.

        Raises:
            ExpiredError: it took longer than the API server keeps the moment.
        """
        headers = {"Accept": METADATA_LIST if metadata_only else JSON}
        limit, following = _FIRST_PAGE, ""
        while True:
            asked = query | {"limit": str(limit)} | ({"continue": following} if following else {})
            most = _MOST_PAGE_BYTES if limit > 1 else MOST_LINE_BYTES
            request = _Request("GET", path, asked, headers, None, most, documents.page)
            try:
                page = await self._persist(request, writes=False)
            except TooLargeError:
                if limit == 1:
                    raise
                limit = max(1, limit // 4)
                continue
            yield Page(page["metadata"], page["items"], bookkeeping)
            following = page["metadata"].get("continue", "")
            if not following:
                return
            average = max(1, page["bytes"] // max(1, len(page["items"])))
            limit = max(1, min(_LARGEST_PAGE, _PAGE_BYTES // average))

    async def create(self, path: str, body: Document, *, dry_run: bool = False) -> Document:
        """Create an object in the collection ``path``, or only ask whether it could be.

        Raises:
            ConflictError: it exists.
        """
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        return await self._request("POST", path, query=query, body=body, content=JSON)

    async def replace(self, path: str, body: Document) -> Document:
        """Write an object whole, if it is still of the resource version that ``body`` has.

        Raises:
            ConflictError: it has changed.
        """
        return await self._request("PUT", path, body=body, content=JSON)

    async def ask(self, path: str, body: Document) -> Document:
        """A question that must be posted, such as an access review; it writes nothing."""
        return await self._request("POST", path, body=body, content=JSON, writes=False)

    async def apply(
        self, path: str, body: Document, *, manager: str = FIELD_MANAGER, force: bool = True
    ) -> Document:
        """Server-side apply: create the object or change our fields of it.

        Raises:
            ConflictError: without ``force``, a field of ours is somebody else's already.
        """
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return await self._request("PATCH", path, query=query, body=body, content=APPLY)

    async def merge(self, path: str, body: Document) -> Document:
        """Change some fields."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("PATCH", path, query=query, body=body, content=MERGE)

    async def delete(self, path: str, *, propagation: str, uid: str | None = None) -> None:
        """Delete an object, if its ``uid`` is this one.

        ``propagation`` "Foreground" keeps it until its pods are gone, "Background" does not.
        """
        body: Document = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        await self._request("DELETE", path, body=body, content=JSON)

    async def watch(
        self, path: str, *, seconds: int, metadata_only: bool, **query: str
    ) -> AsyncIterator[tuple[str, Document]]:
        """Changes after ``resourceVersion``, as they come, for at most ``seconds``: the type of
        each and the object, which is marked if it cannot be read (:func:`documents.read`).

        Raises:
            ExpiredError: the resource version is too old.
        """
        query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        accept = METADATA_WATCH if metadata_only else JSON
        answer = await self._send(
            _Request("GET", path, query, {"Accept": accept}),
            aiohttp.ClientTimeout(total=seconds + _WATCH_GRACE_SECONDS, sock_connect=10.0),
        )
        try:
            if answer.status != 200:
                patience = _seconds_in(answer.headers.get("Retry-After"))
                body = await answer.read()
                raise error_from(answer.status, body, f"watch {path}", retry_after=patience)
            async for line in documents.lines(answer.content.iter_any()):
                kind, raw = documents.change(line)
                yield kind, documents.read(raw)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise BrokenOffError(f"watch {path} broke off: {error}") from error
        finally:
            answer.close()

    async def _request(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Document | None = None,
        content: str | None = None,
        accept: str = JSON,
        writes: bool | None = None,
    ) -> Document:
        """Send a request, retrying transient failures. All writes are idempotent."""
        headers = {"Accept": accept, **({"Content-Type": content} if content else {})}
        request = _Request(verb, path, query or {}, headers, body)
        return await self._persist(request, writes=verb != "GET" if writes is None else writes)

    async def _persist(self, request: _Request, *, writes: bool) -> Document:
        """Retry a request while its failure may be transient."""
        failure: ApiError | None = None
        for pause in (*_PAUSES, 0.0):  # after the last time too, as long as the server has asked
            await self.bucket.take()
            try:
                return await (self._write(request) if writes else self._read(request))
            except ApiError as error:
                if error.status not in _AGAIN or error.kind is not ErrorKind.TRANSIENT:
                    raise
                failure = error
            patience = min(max(failure.retry_after or 0.0, pause), _LONGEST_PATIENCE)
            await asyncio.sleep(patience * random.uniform(1.0, 1.25))
        raise failure or AssertionError("there is a last time")

    async def _write(self, request: _Request) -> Document:
        """A write within the fence; the server gives up on it before the term is over."""
        with self.fence.writing() as allowed:
            seconds = min(allowed, _SECONDS)
            query = {**request.query, "timeout": f"{max(1, int(seconds * 1000))}ms"}
            return await self._read(replace(request, query=query), seconds)

    async def _read(self, request: _Request, seconds: float = _SECONDS) -> Document:
        name, begin, status = f"{request.verb} {request.path}", time.monotonic(), 0
        try:
            answer = await self._send(request, aiohttp.ClientTimeout(total=seconds))
            data = await _body(answer, name, request.most_bytes)
            status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"{name} broke off: {error}") from error
        finally:
            self.listener(request.verb, status, time.monotonic() - begin)
        if not 200 <= answer.status < 300:
            patience = _seconds_in(answer.headers.get("Retry-After"))
            raise error_from(answer.status, data, name, retry_after=patience)
        try:
            return request.decode(data)
        except ValueError as error:
            raise UnreachableError(f"{name}: the answer is no JSON: {error}") from error

    async def _send(
        self, request: _Request, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        try:
            return await self._rest.send(request, self._signature(), timeout)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or type(error).__name__
            raise UnreachableError(f"the API server cannot be reached: {why}") from error

    def _signature(self) -> str:
        """Who asks, in which term: so the audit log distinguishes the writes of two leaders."""
        term = self.fence.term
        number = f"term {term.number}" if term is not None else "no term"
        return f"{FIELD_MANAGER} ({number}; {self._identity})"


async def _body(answer: aiohttp.ClientResponse, name: str, most: int) -> bytes:
    """The body of an answer.

    Raises:
        TooLargeError: it is longer than ``most``.
    """
    parts, size = list[bytes](), 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > most:
            answer.close()
            raise TooLargeError(f"{name}: the answer has more than {most} bytes")
        parts.append(chunk)
    return b"".join(parts)


class _Rest(RESTClientObject):
    """The official client's TLS, credentials and proxies, on connections that ask the fence.

    Its own way of sending takes twice the processor time: for each request it has a thread search
    for a proxy in the environment, and writes bodies with the slow encoder.
    """

    def __init__(self, configuration: Configuration, fence: Fence) -> None:
        configuration.client_session_kwargs = {"trust_env": False}
        super().__init__(configuration)
        self._fence = fence
        self.proxy = self.proxy or _proxy_in_environment(configuration.host)

    async def close(self) -> None:
        """Abort what is open: a busy server may answer the end of TLS seconds later."""
        if self.pool_manager is not None:
            await cast(_FencedConnector, self.pool_manager.connector).abort()
        await super().close()

    async def send(
        self, request: _Request, signature: str, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Send it once; the body of the answer is not read yet."""
        if self.pool_manager is None:
            self.pool_manager = self._create_pool_manager()
        known = self.configuration
        token = await known.get_api_key_with_prefix("BearerToken", alias="authorization")
        headers = {**request.headers, "User-Agent": signature}
        if token:
            headers["Authorization"] = token
        query = f"?{urlencode(request.query)}" if request.query else ""
        return await self.pool_manager.request(
            request.verb,
            f"{known.host}{request.path}{query}",
            headers=headers,
            data=None if request.body is None else msgspec.json.encode(request.body),
            timeout=timeout,
            server_hostname=known.tls_server_name,
            proxy=self.proxy,
            proxy_headers=self.proxy_headers,
        )

    def _create_connector(self) -> aiohttp.TCPConnector:
        return _FencedConnector(self._fence, limit=self.maxsize, ssl=self.ssl_context)


class _FencedConnector(aiohttp.TCPConnector):
    """Asks the fence again once a write has its connection, which it may have waited for."""

    def __init__(self, fence: Fence, **options: Any) -> None:
        super().__init__(**options)
        self._fence = fence
        self._opened = dict[asyncio.Transport, asyncio.Future[None]]()

    async def abort(self) -> None:
        """Close every connection without a farewell, also those that were given up."""
        endings = tuple(self._opened.values())
        for transport in tuple(self._opened):
            transport.abort()
        await asyncio.gather(*endings, return_exceptions=True)

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        self._note(connection)
        if "timeout" in req.url.query:  # only writes have it
            try:
                self._fence.check()
            except FencedError:
                connection.close()
                raise
        return connection

    def _note(self, connection: Connection) -> None:
        """Remember what is open until its socket is closed, which is later than we let go of it."""
        transport, protocol = connection.transport, connection.protocol
        if transport is None or transport in self._opened or protocol is None:
            return
        if (closed := protocol.closed) is not None:
            self._opened[transport] = closed
            closed.add_done_callback(lambda future: self._forget(transport, future))

    def _forget(self, transport: asyncio.Transport, ending: asyncio.Future[None]) -> None:
        self._opened.pop(transport, None)
        if not ending.cancelled():
            ending.exception()  # no other code asks, and asyncio would complain


def _proxy_in_environment(host: str) -> str | None:
    """The proxy that the usual variables name for a host; asked once, for it does not change."""
    address = urlsplit(host)
    if not address.hostname or proxy_bypass(address.netloc):
        return None
    return getproxies().get(address.scheme)


def _seconds_in(header: str | None) -> float | None:
    """The seconds of a ``Retry-After``; an API server never sends the other form, a date."""
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
