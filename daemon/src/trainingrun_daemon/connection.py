"""One client's connection: commands in, a game or a status out.

An asyncio Protocol rather than streams and tasks: a decision is answered inside ``data_received``,
so a prompt costs no task switch, and a client that leaves is noticed at once (``connection_lost``),
whatever the game was doing. AI games run in slices by ``call_soon``: other connections are served
between two slices.

End of input counts as leaving: a client that is gone cannot be distinguished from one that will
send no further bytes, and the slot of the former must be freed.

No client may hold a socket for ever or fill the memory: a command must come and end in time
(``server_context.Timeouts``), a client that does not read is cut off, and of what it writes ahead
only some is read.
"""

import asyncio
import logging
import secrets
from enum import Enum, auto
from typing import Final

from trainingrun_protocol.commands import Command, NewGame
from trainingrun_protocol.errors import CommandError, LineTooLong
from trainingrun_protocol.lines import (
    GameError,
    GameResult,
    GameTimeout,
    Refused,
    StatusReply,
    TerminalLine,
    format_line,
    format_status,
)
from trainingrun_protocol.server import ServerConnection

from trainingrun_daemon.game_factory import GameFailed, Match, Progress
from trainingrun_daemon.paced_game import PacedGame, Turn
from trainingrun_daemon.server_context import ServerContext

_log = logging.getLogger(__name__)

MAX_LINE_BYTES: Final = 16_384
"""Longest line of a client: two paths of the longest kind fit."""
MAX_AHEAD_BYTES: Final = 65_536
"""Bytes that a client may write ahead before we stop reading from it."""
_BITE_BYTES: Final = 4096
"""Bytes that are cut into lines at once: small lines cost many times their length."""
LINGER_SECONDS: Final = 5.0
"""How long a finished connection waits for the client to close its side."""


class _Stage(Enum):
    """What the connection waits for."""

    IDLE = auto()
    """A command."""
    COUNTING = auto()
    """The counters that STATUS asked for."""
    QUEUED = auto()
    """A slot."""
    PLAYING = auto()
    """The engine, or the time at which its output is due."""
    ASKING = auto()
    """The client's answer."""
    LEAVING = auto()
    """The client's end of the connection."""


class GameConnection(asyncio.Protocol):
    """Serves one client until it or the daemon hangs up."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._lines = ServerConnection(max_line_bytes=MAX_LINE_BYTES, token=context.token)
        self._ahead = bytearray()
        self._transport: asyncio.Transport | None = None
        self.address = ""
        """The client's network address (``slots.Seeker``)."""
        self._stage = _Stage.IDLE
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._next: asyncio.Handle | None = None
        self._command: NewGame | None = None
        self._match: Match | None = None
        self._games_left = 0
        self._game: PacedGame | None = None
        self._is_mid_line = False
        self._has_begun_command = False
        self._is_write_paused = False
        self._has_ended_input = False

    # --- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a command, but not for ever."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.address = _address(transport)
        self._context.connections.add(self)
        self._await_command()

    def data_received(self, data: bytes) -> None:
        """Take what the client says."""
        if self._stage is _Stage.LEAVING:
            return
        self._ahead += data
        self._is_mid_line = not data.endswith(b"\n")
        self._serve_lines()

    def eof_received(self) -> bool:
        """Take the end of input as leaving; only the answer to STATUS is still delivered."""
        self._has_ended_input = True
        return self._stage is _Stage.COUNTING

    def connection_lost(self, _exc: Exception | None) -> None:
        """Abort the game and free its slot."""
        self._transport = None
        self._stage = _Stage.LEAVING
        self._drop_game()
        if self._stall is not None:
            self._stall.cancel()
        self._ahead.clear()
        self._context.connections.discard(self)
        self._context.changed.set()

    def pause_writing(self) -> None:
        """Stop playing: the client does not read."""
        self._is_write_paused = True
        self._stall = self._loop.call_later(self._context.patience.stall, self.cut_off)

    def resume_writing(self) -> None:
        """Play on."""
        self._is_write_paused = False
        if self._stall is not None:
            self._stall.cancel()
        if self._next is None:
            is_playing = self._stage is _Stage.PLAYING
            step = self._play if is_playing else self._serve_scheduled_lines
            self._next = self._loop.call_soon(step)

    # --- commands ---------------------------------------------------------------------------------

    def _await_command(self) -> None:
        self._stage = _Stage.IDLE
        self._has_begun_command = False
        self._set_deadline(self._context.patience.idle)

    def _set_deadline(self, seconds: float) -> None:
        self._cancel_timers()
        self._deadline = self._loop.call_later(seconds, self._on_timeout)

    def _on_timeout(self) -> None:
        limit = self._context.patience.command
        line = Refused(f"the command did not end within {limit:g} s")
        self._hang_up(line if self._has_begun_command else None)

    def _serve_scheduled_lines(self) -> None:
        self._next = None
        self._serve_lines()

    def _serve_lines(self) -> None:
        """Use the next line: an answer if one is owed, a command if no game is open."""
        if self._transport is None or self._stage is _Stage.LEAVING:
            return
        try:
            self._read_ahead()
            if not self._is_write_paused:
                self._use_line()
            self._read_ahead()
        except (LineTooLong, CommandError) as error:
            self._hang_up(Refused(str(error)))
            return
        if len(self._ahead) > MAX_AHEAD_BYTES:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _read_ahead(self) -> None:
        """Cut bytes into lines, unless there are lines; raises LineTooLong."""
        while self._ahead and not self._lines.backlog:
            bite = bytes(self._ahead[:_BITE_BYTES])
            del self._ahead[:_BITE_BYTES]
            self._lines.receive(bite)

    def _use_line(self) -> None:
        if self._stage is _Stage.ASKING:
            answer = self._lines.take_answer()
            if answer is not None:
                self._stage = _Stage.PLAYING
                self._play(answer)
        elif self._stage is _Stage.IDLE:
            command = self._take_command()
            if command is not None:
                self._obey(command)
            elif self._is_mid_line and not self._has_begun_command:
                self._has_begun_command = True
                self._set_deadline(self._context.patience.command)

    def _take_command(self) -> Command | None:
        """Return the next command, past blank lines; raises CommandError and LineTooLong."""
        command = self._lines.take_command()
        while command is None and self._ahead:
            self._read_ahead()
            command = self._lines.take_command()
        return command

    def _obey(self, command: Command) -> None:
        self._cancel_timers()
        if not isinstance(command, NewGame):
            self._stage = _Stage.COUNTING
            self._context.allocator.ask_status(self._send_status)
            return
        if self._context.is_stopping:
            raise CommandError("the daemon is stopping and takes no new games")
        if command.games > 1 and (command.interactive or command.observe or not command.quiet):
            raise CommandError("-n plays AI games without log only; add -q, leave out -i and -o")
        self._match = self._context.games.match(command)
        self._command = command
        self._games_left = command.games
        self._seek_slot()

    def _send_status(self, reply: StatusReply) -> None:
        if self._stage is _Stage.COUNTING:
            self._write(format_status(reply))
            self._hang_up(None)

    def _seek_slot(self) -> None:
        self._stage = _Stage.QUEUED
        self._context.allocator.request(self)

    # --- the game ---------------------------------------------------------------------------------

    def begin_game(self) -> None:
        """Start playing: a slot is ours (``slots.Seeker``)."""
        assert self._command is not None
        self._stage = _Stage.PLAYING
        self._deadline = self._loop.call_later(self._limit_seconds(), self._time_out)
        self._next = self._loop.call_soon(self._play)

    def _open_game(self) -> PacedGame:
        assert self._command is not None
        assert self._match is not None
        seed = secrets.randbits(63) if self._command.seed is None else self._command.seed
        seed += self._command.games - self._games_left  # each game of a batch is another game
        return PacedGame(self._context.engine, self._match, seed=seed, now=self._loop.time())

    def _play(self, answer: str | None = None) -> None:
        """Play a slice, send what it said when that is due, and see to what comes next."""
        if self._next is not None:
            self._next.cancel()  # an answer came before we read ahead for it
            self._next = None
        now = self._loop.time()
        try:
            if self._game is None:
                self._game = self._open_game()
            turn = self._game.resume(answer, now=now)
        except Exception as error:
            # The top of a game: a fault in one game must not take the other games down with it.
            _log.exception("a game failed; it is reported to its client as GAME_ERROR")
            reason = str(error) if isinstance(error, GameFailed) else "the engine failed"
            self._end_game(GameError(f"{reason}; its log has the details"))
            return
        if turn.due > now:
            self._next = self._loop.call_at(turn.due, self._deliver, turn)
        else:
            self._deliver(turn)

    def _deliver(self, turn: Turn) -> None:
        """Send what the game said; its time has come."""
        assert self._game is not None
        self._next = None
        if turn.output:
            self._write(turn.output)
        if turn.progress is Progress.OVER:
            self._end_game(self._game.result(now=self._loop.time()))
        elif turn.progress is Progress.RUNNING:
            if not self._is_write_paused:  # else resume_writing continues
                self._next = self._loop.call_soon(self._play)
        else:
            self._game.note_sent(turn, now=self._loop.time())
            self._stage = _Stage.ASKING
            if self._lines.backlog or self._ahead:
                self._next = self._loop.call_soon(self._serve_scheduled_lines)

    def _time_out(self) -> None:
        self._end_game(GameTimeout(f"the game took longer than {self._limit_seconds()} s"))

    def _limit_seconds(self) -> int:
        assert self._command is not None
        return min(self._command.limit_seconds, self._context.longest_game)

    def _end_game(self, line: TerminalLine) -> None:
        """Send the terminal line, give the slot back, and stay or leave as the client requested.

        An interactive game that is cut short closes the connection even with ``-k``: the answer to
        its last decision may be on its way, and would be taken for a command.
        """
        command = self._command
        assert command is not None
        self._games_left -= 1
        self._write(format_line(line))
        has_next = self._games_left > 0 and not self._context.is_stopping
        is_in_step = isinstance(line, GameResult) or not command.interactive
        is_staying = command.keep_open and is_in_step and not self._context.is_stopping
        if not has_next and not is_staying:
            self._hang_up(None)
            return
        self._drop_game()
        if has_next:
            self._command = command
            self._seek_slot()
        else:
            self._await_command()
            self._next = self._loop.call_soon(self._serve_scheduled_lines)

    def _drop_game(self) -> None:
        """Forget the game and give back its slot."""
        self._cancel_timers()
        self._game = None
        self._command = None
        self._context.allocator.release(self)
        self._context.changed.set()

    # --- the end ----------------------------------------------------------------------------------

    def dismiss(self, reason: str, *, even_playing: bool) -> None:
        """Hang up because the daemon stops; a running game may be spared."""
        match self._stage:
            case _Stage.PLAYING | _Stage.ASKING:
                if even_playing:
                    self._hang_up(GameError(reason))
            case _Stage.QUEUED:
                self._hang_up(Refused(reason))
            case _Stage.IDLE:
                self._hang_up(None)
            case _Stage.COUNTING | _Stage.LEAVING:
                pass  # on its way out

    def cut_off(self) -> None:
        """Close without waiting for the client to read."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and self._stage is not _Stage.LEAVING:
            self._transport.write(data)

    def _hang_up(self, line: TerminalLine | None) -> None:
        """Say the last line and close our side; the client's side closes by itself or by force.

        Closing both at once would reset a connection on which the client has written ahead, and the
        last line could be lost with it.
        """
        if self._stage is _Stage.LEAVING:
            return
        if line is not None:
            self._write(format_line(line))
        self._stage = _Stage.LEAVING
        self._drop_game()
        self._ahead.clear()
        if self._transport is None:
            return
        if self._has_ended_input:
            self._transport.close()
            return
        self._transport.resume_reading()
        try:
            self._transport.write_eof()
        except OSError:  # reset by the client a moment ago
            self._transport.abort()
            return
        self._deadline = self._loop.call_later(LINGER_SECONDS, self.cut_off)

    def _cancel_timers(self) -> None:
        for handle in (self._deadline, self._next):
            if handle is not None:
                handle.cancel()
        self._deadline = None
        self._next = None


def _address(transport: asyncio.Transport) -> str:
    """Return the client's address without its port; a client that has gone already has none."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else ""
