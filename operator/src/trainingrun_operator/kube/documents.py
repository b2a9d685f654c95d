"""Bytes of the API server as documents: each object apart, within a bound, without recursion.

Any user who may create a TrainingRun may nest it 9,000 levels deep or fill it with 1.5 MB, and its
``managedFields`` have the same depth. A parser that meets it inside a list or a watch would lose
all other objects with it, so every object is decoded alone; of one that cannot be decoded, the
members that are small enough to decode are kept, which say whose it is.

Does not belong here: what a TrainingRun may say (``trainingrun_api``), and requests.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

Document = dict[str, Any]

MOST_BYTES: Final = 1024 * 1024
"""Of an object as it is kept here. Ours are smaller: a run may have 64 KiB of overrides."""
MOST_LINE_BYTES: Final = 16 * 1024 * 1024
"""Of a line of a watch: etcd's 1.5 MiB, each byte of which JSON may write as six."""
_MOST_HEAD_BYTES: Final = 64 * 1024
"""Of each member of an object that cannot be decoded whole."""
_NOT_READ: Final = "managedFields"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_STRUCTURE: Final = re.compile(rb'["{}\[\],:]')
_NESTING: Final = re.compile(rb'"[^"\\]*"|"|[{\[]+|[}\]]')
"""Whole strings without escapes, the begin of one with escapes, and brackets."""


UNREADABLE: Final = "trainingrun.dev/unreadable"
_IDENTITY: Final = ("name", "uid", "resourceVersion")


class _TooLargeError(Exception):
    """An object has more than ``MOST_BYTES``."""


class _Change(Struct):
    type: str
    object: Raw


class _Page(Struct):
    items: list[Raw] | None = None
    metadata: Document = {}


def read(raw: bytes | Raw, *, bookkeeping: bool = True) -> Document:
    """Decode one object; without ``bookkeeping``, ``managedFields`` and what ``kubectl apply`` last
    applied are left out before memory is taken for them: two thirds of a TrainingRun.

    One that is nested too deep, or has more than ``MOST_BYTES``, is marked with the reason under
    ``UNREADABLE``; it has what could be decoded of its metadata and status, and maybe no name.
    """
    try:
        return _whole(raw, bookkeeping=bookkeeping)
    except RecursionError:
        return _marked(raw, "it is nested too deep")
    except _TooLargeError as error:
        return _marked(raw, str(error))
    except (ValueError, KeyError) as error:
        return _marked(raw, f"it cannot be decoded: {error}")


def why_unreadable(document: Mapping[str, Any]) -> str | None:
    """Why an object could not be read; None for one that was."""
    why = document.get(UNREADABLE)
    return None if why is None else str(why)


def is_identified(document: Mapping[str, Any]) -> bool:
    """Whether the name, the UID and the version of an object are known."""
    return all(document["metadata"].get(name) for name in _IDENTITY)


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a stream; one of more than ``MOST_LINE_BYTES`` is left out.

    An API server with etcd's usual limit sends none of this length.
    """
    parts, size = list[bytes](), 0
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            if size + len(end) <= MOST_LINE_BYTES:
                yield b"".join((*parts, end))
            parts, size = [], 0
        size += len(rest)
        if size > MOST_LINE_BYTES:
            parts = []
        elif rest:
            parts.append(rest)
    if parts:  # a server may leave out the last line's end
        yield b"".join(parts)


def change(line: bytes) -> tuple[str, bytes | Raw]:
    """The type of a change and its object, not decoded yet.

    Raises:
        ValueError: the line is not a change.
    """
    try:
        found = msgspec.json.decode(line, type=_Change)
    except RecursionError:
        members = dict(_members(line))
        kind = msgspec.json.decode(members.get("type", b""), type=str)
        return kind, members.get("object", b"")
    return found.type, found.object


def answer(body: bytes) -> Document:
    """The answer to a single request; of an object that is nested too deep, what can be decoded.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return msgspec.json.decode(body, type=Document)
    except RecursionError:
        return _marked(body, "it is nested too deep")


def page(body: bytes) -> Document:
    """The ``metadata`` of a list, its ``items``, which are not decoded yet, and its ``bytes``.

    Raises:
        ValueError: it is no list.
    """
    try:
        found = msgspec.json.decode(body, type=_Page)
    except RecursionError:
        members = dict(_members(body))
        metadata = msgspec.json.decode(members.get("metadata", b""), type=Document)
        items = [*_entries(members.get("items", b"[]"))]
        return {"metadata": metadata, "items": items, "bytes": len(body)}
    return {"metadata": found.metadata, "items": found.items or [], "bytes": len(body)}


def _whole(raw: bytes | Raw, *, bookkeeping: bool) -> Document:
    if bookkeeping and len(memoryview(raw)) <= MOST_BYTES:
        found = msgspec.json.decode(raw, type=Document)
        if not isinstance(found.get("metadata"), dict):
            raise KeyError("metadata")
        return found
    members = msgspec.json.decode(raw, type=dict[str, Raw])
    head = msgspec.json.decode(members.pop("metadata"), type=dict[str, Raw])
    if not bookkeeping:
        head.pop(_NOT_READ, None)
        _drop_last_applied(head)
    size = sum(len(memoryview(each)) for each in (*members.values(), *head.values()))
    if size > MOST_BYTES:
        raise _TooLargeError(f"it has {size} bytes, at most {MOST_BYTES} are read")
    return {**_decoded(members), "metadata": _decoded(head)}


def _marked(raw: bytes | Raw, why: str) -> Document:
    return {**_head(bytes(raw)), UNREADABLE: why}


def _drop_last_applied(head: dict[str, Raw]) -> None:
    if "annotations" in head:
        annotations = msgspec.json.decode(head["annotations"], type=dict[str, Raw])
        if annotations.pop(_LAST_APPLIED, None) is not None:
            head["annotations"] = Raw(msgspec.json.encode(annotations))


def _decoded(members: dict[str, Raw]) -> Document:
    return {name: msgspec.json.decode(each) for name, each in members.items()}


def _head(raw: bytes) -> Document:
    """Type, metadata and status of an object, as far as each member is small and shallow."""
    try:
        members = dict(_members(raw))
        found = _shallow({name: each for name, each in members.items() if name not in _LARGE})
        metadata = dict(_members(members.get("metadata", b"{}")))
    except ValueError:
        return {"metadata": {}}
    metadata.pop(_NOT_READ, None)
    return {**found, "metadata": _shallow(metadata)}


_LARGE: Final = frozenset({"metadata", "spec", "data"})


def _shallow(members: dict[str, bytes]) -> Document:
    found: Document = {}
    for name, each in members.items():
        if len(each) > _MOST_HEAD_BYTES:
            continue
        try:
            found[name] = msgspec.json.decode(each)
        except (ValueError, RecursionError):
            continue
    return found


def _members(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of a JSON object, each with its value as it stands there.

    Raises:
        ValueError: it is no whole object.
    """
    place = raw.index(b"{") + 1
    while (token := _token(raw, place))[0] != b"}":
        name = token
        if name[0] == b",":
            name = _token(raw, name[1])
        begin = _token(raw, name[1], _STRUCTURE)[1]  # behind the colon
        place = _value_end(raw, begin)
        yield msgspec.json.decode(raw[name[2] : name[1]], type=str), raw[begin:place]


def _entries(raw: bytes) -> Iterator[bytes]:
    """The objects in a JSON list of objects."""
    place = raw.index(b"[") + 1
    while (token := _token(raw, place))[0] in (b"{", b","):
        begin = token[2] if token[0] == b"{" else token[1]
        place = _value_end(raw, begin)
        yield raw[begin:place]


def _token(
    raw: bytes, place: int, pattern: re.Pattern[bytes] = _STRUCTURE
) -> tuple[bytes, int, int]:
    """The next mark of structure or whole string from ``place``: what it is, its end, its begin."""
    found = pattern.search(raw, place)
    if found is None:
        raise ValueError("the object ends in the midst")
    mark = found.group()
    end = _string_end(raw, found.start()) if mark == b'"' else found.end()
    return mark, end, found.start()


def _value_end(raw: bytes, begin: int) -> int:
    """Where the value that begins at ``begin`` ends."""
    mark, end, start = _token(raw, begin)
    if mark in (b",", b"}", b"]"):  # a number, true, false or null stood before it
        return start
    if mark == b'"':
        return end
    return _nested_end(raw, end)


def _nested_end(raw: bytes, begin: int) -> int:
    """Where the object or list ends that was opened just before ``begin``."""
    depth, end, search = 1, begin, _NESTING.search
    while depth:
        found = search(raw, end)
        if found is None:
            raise ValueError("the object ends in the midst")
        mark, end = found.group(), found.end()
        if mark == b'"':
            end = _string_end(raw, found.start())
        elif mark in (b"}", b"]"):
            depth -= 1
        elif mark[0] != _QUOTE:
            depth += len(mark)
    return end


def _string_end(raw: bytes, begin: int) -> int:
    """Where the string whose first quote is at ``begin`` ends."""
    end = begin
    while True:
        end = raw.index(b'"', end + 1)
        escapes = end
        while raw[escapes - 1] == _BACKSLASH:
            escapes -= 1
        if (end - escapes) % 2 == 0:
            return end + 1


_BACKSLASH: Final = ord("\\")
_QUOTE: Final = ord('"')
