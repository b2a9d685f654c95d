"""Where games come from: a tape, a tape that is being written, a daemon that plays now.

Each source is an iterator of entries; what goes wrong on the way is a sentence for the user.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct
from trainingrun.commands.errors import UserError
from trainingrun.local.folder import RunFolder
from trainingrun_protocol.access import Token
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import NO_SCENARIO, NewGame
from trainingrun_protocol.decisions import decode_decision
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.generic import GenericChoice, choice_of, decode_shown
from trainingrun_protocol.lines import (
    DecisionLine,
    GameError,
    GameResult,
    GameTimeout,
    Refused,
    ServerLine,
    StatusReply,
)
from trainingrun_protocol.tapes import (
    MAX_LINE_BYTES,
    SUFFIX,
    TapeEnd,
    TapeEnvironment,
    TapeError,
    TapeMove,
    TapeStart,
    decode_entry,
)

from trainingrun_daemon_commands.watch.choices import Moment
from trainingrun_daemon_commands.watch.formatting import seat_in

_CONNECT_SECONDS: Final = 5.0
_GAME_SECONDS: Final = 600
_READ_MARGIN_SECONDS: Final = 10.0
_CHUNK: Final = 256 * 1024
_POLL_SECONDS: Final = 0.2
_QUIET_SECONDS: Final = 150.0
"""A tape that has not grown for longer has lost its writer: a game takes less."""


class Opening(Struct, frozen=True):
    """What is known before the first decision."""

    title: str
    players: tuple[str, str] | None = None
    """Who plays seats 1 and 2, in words."""
    environment: TapeEnvironment | None = None
    """What was played, as a tape says it."""
    seed: int | None = None


class GameEnding(Struct, frozen=True):
    """The end in a sentence, or the winner's seat (1 or 2)."""

    text: str
    winner: int | None = None
    is_draw: bool = False


Entry: TypeAlias = Opening | Moment | GenericChoice | GameEnding


# --- tapes ----------------------------------------------------------------------------------------


def newest_tape(name: str, state: Path, kind: str) -> Path:
    """Return the newest tape of a local run, of a kind (``evaluation``, ``training``) or of any.

    Raises:
        UserError: there is none.
    """
    folder = RunFolder((state / name).absolute())
    if not folder.root.is_dir():
        known = sorted(path.parent.name for path in state.glob("*/status.json"))
        there = f"found: {', '.join(known)}" if known else "none found"
        raise UserError(
            f"no local run {name} in {state}: {there}; give the folder with --state, or a file"
        )
    tapes = sorted(folder.tapes.glob(f"{kind or '*'}-*{SUFFIX}"), key=_written_at)
    if not tapes:
        raise UserError(
            f"{name}: no game has been recorded yet in {folder.tapes}: wait for the first"
            " evaluation, or watch a daemon with --daemon"
        )
    return tapes[-1]


def is_growing(name: str, state: Path, path: Path) -> Callable[[], bool]:
    """Says whether more may come: the run is on, and its tape grew of late."""
    folder = RunFolder((state / name).absolute())

    def growing() -> bool:
        return folder.holder() is not None and time.time() - _written_at(path) < _QUIET_SECONDS

    return growing


def tape(path: Path, *, growing: Callable[[], bool] = lambda: False) -> Iterator[Entry]:
    """Yield the entries of a tape, as they come while it is growing.

    Raises:
        UserError: the file cannot be read or is no tape.
    """
    number = 0
    for number, line in enumerate(_lines(path, growing), start=1):
        try:
            entry = decode_entry(line)
        except TapeError as error:
            raise UserError(f"{path}, line {number}: {error}: give a recorded game") from error
        if (number == 1) != isinstance(entry, TapeStart):
            raise UserError(f"{path}, line {number}: is out of place: give a recorded game")
        match entry:
            case TapeStart():
                yield _opening(entry)
            case TapeMove(answer, decision):
                yield Moment(decision, answer)
            case GenericChoice():
                yield entry
            case TapeEnd():
                yield _ending(entry)
                return
    if number == 0:
        raise UserError(f"{path}: is empty: give a recorded game")
    yield GameEnding("the recording stops here, before the end of the game")


def _lines(path: Path, growing: Callable[[], bool]) -> Iterator[bytes]:
    """Whole lines; a last one without its end is given only when nothing more will come."""
    try:
        with path.open("rb") as file:
            rest = b""
            while True:
                rest += file.readline(MAX_LINE_BYTES + 2)
                if rest.endswith(b"\n") or len(rest) > MAX_LINE_BYTES:
                    yield rest.rstrip(b"\n")
                    rest = b""
                elif growing():
                    time.sleep(_POLL_SECONDS)
                else:
                    break
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}: give a recorded game") from error
    if rest:
        yield rest


def _opening(start: TapeStart) -> Opening:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(start.at))
    with_what = _against(start.scenarios) or start.environment.name
    title = f"{start.run}: {start.kind} game of {when}, {with_what}, seed {start.seed}"
    return Opening(title, start.players, start.environment, start.seed)


def _against(scenarios: tuple[str, str]) -> str:
    """Return both scenarios; nothing where the game has none."""
    return "" if set(scenarios) == {NO_SCENARIO} else " against ".join(scenarios)


def _ending(end: TapeEnd) -> GameEnding:
    match end.result:
        case "won":
            return GameEnding("", end.winner)
        case "draw":
            return GameEnding("the game is a draw", is_draw=True)
        case "timeout":
            return GameEnding(f"time is over after {end.seconds:.0f} s")
        case "cut":
            return GameEnding("the recording stops here: the game was too long for it")
    return GameEnding(f"the game was given up{f': {end.reason}' if end.reason else ''}")


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed meanwhile, to make room
        return 0.0


# --- daemons --------------------------------------------------------------------------------------


def live_game(
    endpoint: str, scenarios: tuple[str, str], seed: int | None, *, token: Token | None = None
) -> Iterator[Entry]:
    """Yield a game of the engine's own players, as a daemon plays it.

    The daemon is read ahead of what is shown: a slow reader would use up the game's time.

    Raises:
        UserError: the daemon cannot be reached, refuses, or breaks the protocol.
    """
    command = NewGame(
        deck1=scenarios[0],
        deck2=scenarios[1],
        observe=True,
        quiet=True,
        seed=seed,
        limit_seconds=_GAME_SECONDS,
    )
    connection = ClientConnection(token=token)
    lines: queue.SimpleQueue[ServerLine | StatusReply | UserError] = queue.SimpleQueue()
    try:
        request = connection.start(command)
    except ProtocolError as error:
        raise UserError(f"watch: {error}") from error
    peer = _connected(endpoint)
    with peer:
        reader = threading.Thread(
            target=_read_game, args=(peer, connection, request, lines, endpoint), daemon=True
        )
        reader.start()
        said = "" if seed is None else f", seed {seed}"
        title = f"{_against(scenarios) or 'a game'} on {endpoint}{said}"
        yield Opening(title, seed=seed)
        while True:
            entry = _entry(lines.get(), endpoint)
            if entry is not None:
                yield entry
            if isinstance(entry, GameEnding):
                return


def _entry(line: ServerLine | StatusReply | UserError, endpoint: str) -> Entry | None:
    match line:
        case UserError():
            raise line
        case DecisionLine(raw):
            return _decided(raw, endpoint)
        case GameResult(winner):
            if winner is not None:
                return _won_by(winner)
            return GameEnding("the game is a draw", is_draw=True)
        case GameTimeout(text):
            return GameEnding(f"time is over: {text}")
        case GameError(text):
            return GameEnding(f"the engine failed: {text}")
        case Refused(text):
            raise UserError(f"--daemon {endpoint}: refused: {text}")
    return None


def _decided(raw: bytes, endpoint: str) -> Moment | GenericChoice:
    """Return a decision that the engine's own player has made."""
    try:
        if b'"observation"' not in raw:
            return Moment(decode_decision(raw), None)
        shown = decode_shown(raw)
    except ProtocolError as error:
        raise UserError(f"--daemon {endpoint}: {error}") from error
    if shown.ai_choice is None:
        raise UserError(
            f"--daemon {endpoint}: does not play both seats itself (-o): watch a game that a run"
            " has recorded, trainingrun watch NAME"
        )
    return choice_of(shown, str(shown.ai_choice))


def _won_by(name: str) -> GameEnding:
    seat = seat_in(name)
    return GameEnding("", seat) if seat is not None else GameEnding(f"{name} wins")


def _connected(endpoint: str) -> socket.socket:
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UserError(f"--daemon {endpoint}: is not HOST:PORT: give the address of a daemon")
    try:
        return socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS)
    except OSError as error:
        reason = error.strerror or "no answer"
        raise UserError(
            f"--daemon {endpoint}: cannot be reached ({reason}): check that a daemon runs there"
        ) from error


def _read_game(
    peer: socket.socket,
    connection: ClientConnection,
    request: bytes,
    lines: queue.SimpleQueue[ServerLine | StatusReply | UserError],
    endpoint: str,
) -> None:
    """Read the whole game into the queue; the last thing in it is a terminal line or an error."""
    try:
        peer.settimeout(_GAME_SECONDS + _READ_MARGIN_SECONDS)
        peer.sendall(request)
        while not connection.is_idle:
            data = peer.recv(_CHUNK)
            if not data:
                connection.close()
            for line in connection.receive(data):
                lines.put(line)
    except (OSError, ProtocolError) as error:
        lines.put(UserError(f"--daemon {endpoint}: {error}"))
