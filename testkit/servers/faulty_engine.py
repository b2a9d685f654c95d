"""An engine of a small game over the line protocol, with one switch for each fault that an author's
engine may have. Nothing of the product is in it.

The game: the seats add 1, 2 or 3 to a total in turn; who reaches twelve wins.
"""

from __future__ import annotations

import base64
import json
import random
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import pairwise
from typing import Any

GOAL = 12
SLOW_SECONDS = 0.12


class Fault(StrEnum):
    """What is wrong with the engine."""

    NONE = "none"
    SILENT = "silent"
    GREETS = "greets"
    NO_STATUS = "no status"
    NO_SLOTS = "no slots"
    REFUSES = "refuses"
    NOT_JSON = "not JSON"
    NO_SEAT = "no seat"
    OTHER_TYPE = "other type"
    DATA_SHORT = "data too short"
    DATA_BROKEN = "broken base64"
    NOT_A_NUMBER = "NaN"
    TOO_LARGE = "too large"
    DTYPE = "unknown dtype"
    FIVE_DIMENSIONS = "five dimensions"
    NO_ACTIONS = "no actions"
    SAME_INDEX = "same index"
    INDEX = "index beyond"
    FEATURES = "features of two widths"
    FEATURES_TOO_LARGE = "features too large"
    SECOND_GAME = "other shape in the second game"
    SECOND_DTYPE = "other dtype in the second game"
    ENDLESS = "endless"
    NO_RESULT = "closes in place of a result"
    CLOSES = "closes in mid-game"
    GAME_ERROR = "game error"
    WINNER = "unknown winner"
    MILLISECONDS = "result without time"
    RETURNS_SOMETIMES = "returns in some games"
    RETURNS_INFINITE = "returns infinite"
    RETURNS_SWAPPED = "returns of the other seat"
    LONG_LINE = "long line"
    EMPTY_LINE = "empty line"
    SPEAKS_LATE = "speaks after the end"
    CLOSES_AFTER = "no -k"
    UNSEEDED = "no -s"
    ASKS_BOTH = "no -a"
    SHARED = "shared total"
    SLOW = "slow"
    BAD_ANSWER = "closes at a bad answer"
    HANGS = "hangs at a bad answer"
    DIES = "dies at a bad answer"
    FLAGS = "refuses unknown flags"
    NO_LIMIT = "no -c"
    LEAKS = "keeps games of clients that left"


_OF_SECOND_GAME = frozenset({Fault.SECOND_GAME, Fault.SECOND_DTYPE, Fault.RETURNS_SOMETIMES})


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 20

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.games = 0
        self.active = 0
        self.shared: dict[str, int] = {"total": 0}
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients leave as they like."""


class _Left(Exception):
    """The client closed the connection."""


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\n")

    def handle(self) -> None:
        if self.server.fault is Fault.GREETS:
            self.say("Welcome to the engine")
        while line := self.rfile.readline():
            command = line.decode("utf-8", "replace").split()
            if self.server.fault is Fault.SILENT:
                continue
            if command == ["STATUS"]:
                self._status()
            elif len(command) >= 3 and command[0] == "NEWGAME":
                if not self._play(command[3:]):
                    return
            else:
                self.say("ERROR: say STATUS or NEWGAME")
                return

    def _status(self) -> None:
        slots = 0 if self.server.fault is Fault.NO_SLOTS else 8
        if self.server.fault is Fault.NO_STATUS:
            self.say("404 Not Found")
            return
        self.say(f"FORGE DAEMON STATUS\nActive games: {self.server.active}\nQueued games: 0")
        self.say(f"Total games: {self.server.games}\nUptime seconds: 1\nMax concurrent: {slots}")

    def _play(self, flags: list[str]) -> bool:
        """Play one game; false where the connection ends with it."""
        fault = self.server.fault
        if fault is Fault.REFUSES or (fault is Fault.FLAGS and "--colour" in flags):
            self.say("ERROR: no such scenario or flag")
            return False
        self.server.games += 1
        self.server.active += 1
        try:
            is_over = _Game(self, flags, self.server.games).play()
        except (_Left, OSError):
            if fault is not Fault.LEAKS:
                self.server.active -= 1
            return False
        self.server.active -= 1
        return is_over and "-k" in flags and fault is not Fault.CLOSES_AFTER


class _Game:
    def __init__(self, connection: _Connection, flags: list[str], number: int) -> None:
        self._connection = connection
        self._server = connection.server
        given = connection.server.fault
        self._fault = Fault.NONE if given in _OF_SECOND_GAME and number == 1 else given
        self._own_seat = int(_value(flags, "-a", "0"))
        self._limit = float(_value(flags, "-c", "120"))
        seed = int(_value(flags, "-s", "0"))
        self._chance = random.Random(seed)
        self._board = self._server.shared if self._fault is Fault.SHARED else {"total": 0}
        start = number if self._fault is Fault.UNSEEDED else self._chance.randrange(3)
        self._board["total"] = start % 3
        self._decisions = 0

    def play(self) -> bool:
        """Play to the end; false where the connection is of no further use."""
        seat = 1
        while True:
            choices = [1, 2, 3]
            chosen = self._chance.choice(choices)
            if seat != self._own_seat or self._fault is Fault.ASKS_BOTH:
                answer = self._ask(seat)
                if answer is None:
                    return False
                chosen = choices[answer] if answer in range(3) else 1
            self._board["total"] += chosen
            if self._board["total"] >= GOAL and self._fault is not Fault.ENDLESS:
                return self._end(seat)
            if self._fault is Fault.CLOSES and self._decisions == 2:
                return False
            if self._fault is Fault.GAME_ERROR and self._decisions == 2:
                self._connection.say("GAME_ERROR: a move failed")
                return False
            self._board["total"] %= GOAL
            seat = 3 - seat

    def _ask(self, seat: int) -> int | None:
        self._decisions += 1
        if self._fault is Fault.SLOW:
            time.sleep(SLOW_SECONDS)
        if self._fault is Fault.LONG_LINE:
            self._connection.say("DECISION: " + "x" * (1 << 20))
        if self._fault is Fault.EMPTY_LINE:
            self._connection.say("")
        self._connection.say(f"DECISION: {self._decision(seat)}")
        self._connection.connection.settimeout(
            None if self._fault is Fault.NO_LIMIT else self._limit
        )
        try:
            line = self._connection.rfile.readline()
        except TimeoutError:
            self._connection.say("GAME_TIMEOUT: too late")
            return None
        if not line:
            raise _Left
        text = line.strip()
        return int(text) if text in {b"0", b"1", b"2"} else self._bad_answer()

    def _bad_answer(self) -> int | None:
        if self._fault is Fault.HANGS:
            self._connection.rfile.read()
        if self._fault is Fault.DIES:
            self._server.socket.shutdown(socket.SHUT_RDWR)
        return None if self._fault in {Fault.BAD_ANSWER, Fault.DIES} else 0

    def _end(self, seat: int) -> bool:
        if self._fault is Fault.NO_RESULT:
            return False
        returns = {
            Fault.RETURNS_SOMETIMES: "1 -1",
            Fault.RETURNS_INFINITE: "inf -inf",
            Fault.RETURNS_SWAPPED: "-1 1" if seat == 1 else "1 -1",
        }
        if self._fault in returns:
            self._connection.say(f"GAME_RETURNS: {returns[self._fault]}")
        winner = "somebody" if self._fault is Fault.WINNER else f"Agent({seat})--"
        spent = "" if self._fault is Fault.MILLISECONDS else " in 3ms"
        self._connection.say(f"GAME_RESULT: {winner} won{spent}")
        if self._fault is Fault.SPEAKS_LATE:
            self._connection.say("INFO: see you")
        return True

    def _decision(self, seat: int) -> str:
        asked = {
            "decision_type": "mulligan" if self._fault is Fault.OTHER_TYPE else "choose_action",
            "decision_id": self._decisions,
            "seat": seat,
            "observation": self._observation(),
            "actions": self._actions(),
            "message": f"the total is {self._board['total']}",
        }
        if self._fault is Fault.NO_SEAT:
            del asked["seat"]
        return "{seat: 1}" if self._fault is Fault.NOT_JSON else json.dumps(asked)

    def _observation(self) -> dict[str, Any]:
        fault, total = self._fault, self._board["total"]
        numbers = [float(place == total) for place in range(GOAL)]
        if fault is Fault.NOT_A_NUMBER:
            numbers[4] = float("nan")
        if fault is Fault.TOO_LARGE:
            numbers[4] = 300.0
        length = GOAL - 1 if fault in {Fault.DATA_SHORT, Fault.SECOND_GAME} else GOAL
        form = "<d" if fault is Fault.SECOND_DTYPE else "<f"
        data = b"".join(struct.pack(form, number) for number in numbers[:length])
        shapes = {Fault.FIVE_DIMENSIONS: [1, 1, 1, 1, GOAL], Fault.SECOND_GAME: [length]}
        dtypes = {Fault.DTYPE: "bfloat16", Fault.SECOND_DTYPE: "float64"}
        text = base64.b64encode(data).decode()
        return {
            "shape": shapes.get(fault, [GOAL]),
            "dtype": dtypes.get(fault, "float32"),
            "data": f"{text[:-3]}*" if fault is Fault.DATA_BROKEN else text,
        }

    def _actions(self) -> list[dict[str, Any]]:
        indices = {
            Fault.NO_ACTIONS: [],
            Fault.SAME_INDEX: [0, 1, 1],
            Fault.INDEX: [0, 1, 5000],
        }.get(self._fault, [0, 1, 2])
        actions: list[dict[str, Any]] = [
            {"index": index, "description": f"add {index + 1}"} for index in indices
        ]
        if self._fault in {Fault.FEATURES, Fault.FEATURES_TOO_LARGE}:
            for action in actions:
                action["features"] = [0.5, float(action["index"])]
            last = actions[-1]["features"]
            actions[-1]["features"] = [*last, 1.0] if self._fault is Fault.FEATURES else [9.5, 0.0]
        return actions


def _value(flags: list[str], flag: str, otherwise: str) -> str:
    return next((value for name, value in pairwise(flags) if name == flag), otherwise)


@contextmanager
def faulty_engine(fault: Fault = Fault.NONE) -> Iterator[int]:
    """The port of an engine with this fault."""
    server = _Server(fault)
    port: int = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
