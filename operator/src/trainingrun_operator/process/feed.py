"""What kopf reads of the API server: the identity of each resource, and the rest as one text.

kopf decodes every line and every page whole, with Python's recursive decoder and without a bound:
one run that is nested too deep ended its watch for all runs. Its session is given answers here in
which each object is small and flat, and which carry the object as text for
:func:`document_of` to read within bounds.

Does not belong here: what a run may say, and who handles it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self

import aiohttp
import kopf
import msgspec
from aiohttp.connector import Connection
from trainingrun_reconciler.kinds import Kind
from trainingrun_reconciler.resources import RESOURCE_KINDS

from trainingrun_operator.kube import documents
from trainingrun_operator.kube.documents import Document

PAGE: Final = 10
"""Runs to a page of kopf's list, which it keeps whole: a run may have 1.5 MB."""
_TEXT: Final = "document"
_MOST_TEXT: Final = 128 * 1024
"""Of text that waits in kopf; what is longer is read at once, and refused if it is too large."""
_OK: Final = 200


class _Identity(msgspec.Struct):
    name: str
    uid: str
    resourceVersion: str
    namespace: str = "default"


class _Identified(msgspec.Struct):
    metadata: _Identity


def session(info: kopf.ConnectionInfo) -> kopf.AiohttpSession:
    """A session for kopf with these credentials, whose answers are small and flat."""
    made = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        response_class=_Answer,
    )
    return kopf.AiohttpSession(server=info.server, aiohttp_session=made)


def document_of(event: Mapping[str, Any]) -> Document:
    """The resource that an object of the feed carries; one that cannot be read is marked."""
    found = documents.read(event[_TEXT].encode(), bookkeeping=False)
    return {"apiVersion": event["apiVersion"], "kind": event["kind"], **found}


class _Answer(aiohttp.ClientResponse):
    """An answer to kopf; those about our resources are rewritten, others are as they came."""

    async def start(self, connection: Connection) -> Self:
        await super().start(connection)
        kind = self._resource_kind
        if kind is not None and "watch" in self.url.query:
            self.content = _Lines(self.content, kind)  # type: ignore[assignment]
        return self

    async def json(self, **options: Any) -> Any:
        kind = self._resource_kind
        if kind is None or "watch" in self.url.query:
            return await super().json(**options)
        page = documents.page(await self.read())
        found = [_flat(bytes(each), kind) for each in page["items"]]
        return {"metadata": page["metadata"], "items": [each for each in found if each is not None]}

    @property
    def _resource_kind(self) -> Kind | None:
        """The kind of resources that it is about; None for anything else."""
        ours = (each.kind for each in RESOURCE_KINDS if self.status == _OK)
        return next((each for each in ours if self.url.path.endswith(f"/{each.plural}")), None)


class _Lines:
    """A watch's stream, line by line; in all else it is the stream that it stands for."""

    def __init__(self, content: aiohttp.StreamReader, kind: Kind) -> None:
        self._content = content
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        """The changes as lines."""
        async for line in documents.lines(self._content.iter_any()):
            try:
                change, raw = documents.change(line)
            except ValueError:
                return  # cut in the midst: kopf begins the watch again
            found = bytes(raw)
            event = _flat(found, self._kind) if change in _CHANGES else msgspec.json.decode(found)
            if event is not None:
                yield msgspec.json.encode({"type": change, "object": event}) + b"\n"


_CHANGES: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})


def _flat(raw: bytes, kind: Kind) -> Document | None:
    """An object of the feed; None where not even the name of the resource can be found."""
    if len(raw) > _MOST_TEXT:
        return _read_at_once(raw, kind)
    try:
        head = msgspec.json.decode(raw, type=_Identified).metadata
    except (ValueError, RecursionError):
        return _read_at_once(raw, kind)
    return _carrying(msgspec.to_builtins(head), raw, kind)


def _read_at_once(raw: bytes, kind: Kind) -> Document | None:
    found = documents.read(raw, bookkeeping=False)
    if not documents.is_identified(found):
        return None
    head = {"namespace": "default", **found["metadata"]}
    return _carrying(
        {name: head[name] for name in _Identity.__struct_fields__}, _encoded(found), kind
    )


def _encoded(document: Document) -> bytes:
    return msgspec.json.encode(document)


def _carrying(identity: Document, raw: bytes, kind: Kind) -> Document:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": identity,
        _TEXT: raw.decode(errors="replace"),
    }
