"""Replays one conformance vector against a daemon: carries its effects out on sockets."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final

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
from trainingrun_protocol.conformance.replay import Verdict, replay
from trainingrun_protocol.conformance.script import Vector

from trainingrun.commands.daemons.addresses import Address, connect

_CHUNK: Final = 1 << 16
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no seconds: close sends a reset."""


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
                    self._open[name] = connect(self._address)
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
