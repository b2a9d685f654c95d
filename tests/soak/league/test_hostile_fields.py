"""Every field of every call of the league, with what no honest client sends.

Texts with NUL, control and turning characters, paths, ten thousand characters; numbers that are
not finite, or the least and the greatest of their type. On PostgreSQL, which refuses more than
SQLite does. A call may be refused or carried out; it may not be a bug.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from trainingrun_contracts.league.v1 import (
    elo_pb2,
    game_pb2,
    matchmaker_pb2,
    model_pb2,
    replay_pb2,
)

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer

SERVICES = {
    "game": game_pb2,
    "matchmaker": matchmaker_pb2,
    "model": model_pb2,
    "elo": elo_pb2,
    "replay": replay_pb2,
}
BUGS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}
TEXTS = ("\0", "a\0b", "\u202eevil\x1b[31m", "../../etc/passwd", "model/../../x", "x" * 10_000)
FLOATS = (math.nan, math.inf, -math.inf, 1e308)
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (2**32 - 1,),
    FieldDescriptor.CPPTYPE_UINT64: (2**63, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-1, 99, 2**31 - 1),
}
PLAUSIBLE = {
    "player_id": "person/ada",
    "players": "person/ada",
    "first": "model/a",
    "second": "model/b",
    "schema_hash": "0" * 64,
    "idempotency_key": "k",
    "worker": "w",
    "name": "n",
    "match_id": "m",
    "source": "s",
    "lineage": "team/a",
}
"""What gets a request past its first checks."""


def plausible(kind: Descriptor, depth: int = 0) -> Message:
    """Return a message with something in every field."""
    message: Any = GetMessageClass(kind)()
    for field in kind.fields:
        if field.containing_oneof is not None and field != field.containing_oneof.fields[0]:
            continue
        if field.message_type is not None:
            if depth < 3:
                inner = plausible(field.message_type, depth + 1)
                put(message, field, inner)
        elif field.type == FieldDescriptor.TYPE_STRING:
            put(message, field, PLAUSIBLE.get(field.name, "x"))
        elif field.type == FieldDescriptor.TYPE_BYTES:
            put(message, field, b"x")
        elif field.name != "page_token":
            put(message, field, 1)
    return message


def put(message: Any, field: FieldDescriptor, value: Any) -> None:
    """Set a field, or give it one element."""
    if field.is_repeated:
        del getattr(message, field.name)[:]
        getattr(message, field.name).append(value)
    elif isinstance(value, Message):
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def hostile(kind: Descriptor, depth: int = 0) -> Iterator[tuple[str, Message]]:
    """Yield plausible messages with one field that is not, named by its path."""
    for field in kind.fields:
        if field.message_type is not None:
            if depth < 3:
                for path, inner in hostile(field.message_type, depth + 1):
                    message = plausible(kind, depth)
                    put(message, field, inner)
                    yield f"{field.name}.{path}", message
            continue
        for value in values_of(field):
            message = plausible(kind, depth)
            put(message, field, value)
            yield f"{field.name}={value!r:.30}", message


def values_of(field: FieldDescriptor) -> tuple[Any, ...]:
    """Return what a field of this type is attacked with."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return TEXTS
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (b"\0" * 10_000, b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.")
    if field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return FLOATS if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE else FLOATS[:3]
    return INTEGERS.get(field.cpp_type, ())


def code_of(channel: grpc.Channel, method: MethodDescriptor, request: Message) -> Any:
    """Return how a call ends; a stream is read up to its first message."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    serialize, parse = type(request).SerializeToString, GetMessageClass(method.output_type)
    shape = ("stream" if method.client_streaming else "unary") + (
        "_stream" if method.server_streaming else "_unary"
    )
    call = getattr(channel, shape)(path, serialize, parse.FromString)
    given = iter([request]) if method.client_streaming else request
    try:
        answer = call(given, timeout=30)
        if method.server_streaming:
            next(answer, None)
            answer.cancel()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.needs("postgresql")
def test_no_field_is_a_bug(tmp_path: Path) -> None:
    """Expect every call to be answered in time, none with a bug's code, no traceback in the log,
    and the process to serve on."""
    found = {}
    with ExitStack() as stack:
        url = stack.enter_context(PostgresqlServer()).create_database("hostile")
        arguments = ["--database", url, "--migrate"]
        league = stack.enter_context(
            LeagueProcess(tmp_path / "league", arguments=arguments, encrypted=False)
        )
        for service, module in SERVICES.items():
            methods = [
                method
                for declared in module.DESCRIPTOR.services_by_name.values()
                for method in declared.methods
            ]
            with league.blocking(service) as channel:
                for method in methods:
                    for path, request in hostile(method.input_type):
                        clear_waits(request)
                        found[f"{method.name} {path}"] = code_of(channel, method, request)
        late = BUGS | {grpc.StatusCode.DEADLINE_EXCEEDED}
        assert not {name: code.name for name, code in found.items() if code in late}
        assert len(found) > 500
        assert "Traceback" not in league.log.read_text()
        assert league.process.is_running


def clear_waits(request: Any) -> None:
    """Nothing here is worth waiting for."""
    for name in ("wait", "timeout"):
        if name in request.DESCRIPTOR.fields_by_name and request.HasField(name):
            wait = getattr(request, name)
            if wait.seconds == 1:
                wait.Clear()
