"""``trainingrun daemons``: what concerns game daemons rather than runs.

``check`` replays the conformance vectors of the line protocol against a daemon. Judging is done in
``protocol.conformance``; here are the sockets and the lines for people.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from msgspec import Struct
from trainingrun_protocol.access import Token
from trainingrun_protocol.conformance.effects import (
    Close,
    Effect,
    Observed,
    Open,
    Receive,
    Send,
    Wait,
)
from trainingrun_protocol.conformance.library import shipped_vectors
from trainingrun_protocol.conformance.replay import Outcome, Verdict, replay
from trainingrun_protocol.conformance.script import Vector

from trainingrun.commands.addresses import token_from
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Verbs
from trainingrun.commands.options import Output, OutputOption, TokenFileOption
from trainingrun.commands.output import write
from trainingrun.commands.terminal import echo

CONNECT_SECONDS: Final = 5.0
_CHUNK: Final = 1 << 16
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no seconds: close sends a reset."""

daemons = Verbs(
    name="daemons",
    help="Game daemons: start them on other machines, measure them, check their protocol.",
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a daemon listens."""

    host: str
    port: int


class Checked(Struct, frozen=True):
    """What became of one vector, for programs."""

    vector: str
    outcome: Outcome
    seconds: float
    line: int
    text: str


@daemons.callback()
def daemons_group() -> None:
    """Game daemons: start them on other machines, measure them, check their protocol."""


@daemons.verb(
    examples=(
        "trainingrun daemons check localhost:17171",
        "trainingrun daemons check 10.0.0.5:17171 --only garbage",
    )
)
def check(
    address: Annotated[
        str, typer.Argument(metavar="HOST:PORT", help="A daemon that serves test_red, test_blue.")
    ],
    *,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="VECTOR", help="Only the vector of this name, or those whose names contain it."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Count what is not supported as failed.")
    ] = False,
    token_file: TokenFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Replay the protocol's conformance vectors against a daemon, one line each.

    Use a daemon without other clients: some vectors take all its slots.
    An extension that the daemon lacks is "not supported" and no fault.
    Exit code 1: a vector failed.
    """
    place, token = parse_address(address), token_from(token_file)
    vectors = _chosen(only)
    _see_listening(place)
    checked = [_check_one(place, vector, output, token=token) for vector in vectors]
    outcomes = [each.outcome for each in checked]
    counts = {outcome: outcomes.count(outcome) for outcome in Outcome}
    if output.is_for_programs:
        write({"daemon": address, "vectors": checked}, output)
    else:
        echo(
            f"{counts[Outcome.OK]} ok, {counts[Outcome.DIFFERS]} failed,"
            f" {counts[Outcome.NOT_SUPPORTED]} not supported"
        )
    failed = counts[Outcome.DIFFERS] + (counts[Outcome.NOT_SUPPORTED] if strict else 0)
    raise typer.Exit(1 if failed else 0)


def parse_address(text: str) -> Address:
    """Read HOST:PORT, also with an IPv6 host in brackets; raises UserError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"daemons: {text!r} is not HOST:PORT: write for example localhost:17171")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def _chosen(only: str | None) -> list[Vector]:
    shipped = shipped_vectors()
    exact = [vector for vector in shipped if vector.name == only]
    vectors = exact or [vector for vector in shipped if only is None or only in vector.name]
    if not vectors:
        names = ", ".join(vector.name for vector in shipped)
        raise UserError(f"daemons: --only {only}: no vector has this in its name; they are {names}")
    return vectors


def _see_listening(address: Address) -> None:
    try:
        _connect(address).close()
    except OSError as error:
        raise UserError(
            f"daemons: nothing answers at {address.host}:{address.port}"
            f" ({error.strerror or error}): start the daemon, or give another address"
        ) from error


def _check_one(address: Address, vector: Vector, output: Output, *, token: Token | None) -> Checked:
    """Check one vector; for people, print its line as soon as it is known."""
    began = time.monotonic()
    verdict = hold_against(address, vector, token=token)
    seconds = time.monotonic() - began
    if not output.is_for_programs:
        ours = " [ours]" if vector.is_ours else ""
        word = f"{verdict.outcome.value:<13}"
        echo(f"{word}  {vector.name}  (section {vector.sections}{ours}, {seconds:.1f} s)")
        if verdict.outcome is not Outcome.OK or output is Output.WIDE:
            echo(f"{'':15}{vector.purpose}")
        if verdict.outcome is not Outcome.OK:
            echo(f"{'':15}{vector.source}, line {verdict.line}: {verdict.text}")
    return Checked(vector.name, verdict.outcome, round(seconds, 2), verdict.line, verdict.text)


def hold_against(address: Address, vector: Vector, *, token: Token | None = None) -> Verdict:
    """Replay one vector against the daemon at this address."""
    play = replay(vector, token=token)
    with _Sockets(address).open() as sockets:
        effect = next(play)
        while True:
            try:
                effect = play.send(sockets.carry_out(effect))
            except StopIteration as end:
                verdict: Verdict = end.value
                return verdict


class _Sockets:
    """Carries a replay's effects out."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._open: dict[str, socket.socket] = {}

    @contextlib.contextmanager
    def open(self) -> Iterator[_Sockets]:
        """Close whatever is left open at the end of the block."""
        try:
            yield self
        finally:
            for connection in self._open.values():
                connection.close()

    def carry_out(self, effect: Effect) -> Observed:
        """Do it, and say what came of it; a broken connection is an end."""
        data, is_closed = b"", False
        try:
            match effect:
                case Open(name):
                    self._open[name] = _connect(self._address)
                case Send(name, sent):
                    self._open[name].sendall(sent)
                case Receive(name, seconds):
                    data = self._receive(name, seconds)
                    is_closed = not data
                case Close(name, resets):
                    self._close(name, resets=resets)
                case Wait(seconds):
                    time.sleep(seconds)
        except TimeoutError:
            is_closed = isinstance(effect, Open)
        except OSError:
            is_closed = isinstance(effect, Open | Receive)
        return Observed(time.monotonic(), data, is_closed)

    def _receive(self, name: str, seconds: float) -> bytes:
        self._open[name].settimeout(max(seconds, 0.001))
        return self._open[name].recv(_CHUNK)

    def _close(self, name: str, *, resets: bool) -> None:
        connection = self._open.pop(name)
        if resets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.close()


def _connect(address: Address) -> socket.socket:
    connection = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
