"""One client's connection: commands in, a game or a status out.

An asyncio Protocol rather than streams and tasks: a decision is answered inside ``data_received``,
so a prompt costs no task switch, and a client that leaves is noticed at once (``connection_lost``),
whatever the game was doing. AI games run in slices by ``call_soon``: other connections are served
between two slices.

End of input counts as leaving: a client that is not there any more cannot be told from one that
will send no further bytes, and the slot of the former must be freed.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from typing import Final

from trainingrun_contracts.protocol.commands import Command, NewGame
from trainingrun_contracts.protocol.errors import CommandError, LineTooLong
from trainingrun_contracts.protocol.lines import (
    GameError,
    GameResult,
    GameTimeout,
    Refused,
    TerminalLine,
    format_line,
    format_status,
)
from trainingrun_contracts.protocol.server import ServerConnection

from trainingrun_daemon.decks import Deck, DeckError, DeckShelf
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_daemon.slots import Slots

_log = logging.getLogger(__name__)

MAX_BACKLOG_LINES: Final = 256
"""Lines that a client may write ahead before we stop reading from it."""
LINGER_SECONDS: Final = 5.0
"""How long a finished connection waits for the client to close its side."""


@dataclass(slots=True, kw_only=True)
class House:
    """What all connections of a daemon share."""

    slots: Slots
    decks: DeckShelf
    idle_seconds: float
    started: float
    """Loop time at which the daemon began."""
    is_stopping: bool = False
    guests: "set[GameConnection]" = field(default_factory=set)
    """The open connections."""
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a game ended or a connection closed; who waits for that clears it."""


class GameConnection(asyncio.Protocol):
    """Serves one client until it or the daemon hangs up."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._loop = asyncio.get_running_loop()
        self._lines = ServerConnection()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_slice: asyncio.Handle | None = None
        self._command: NewGame | None = None
        self._decks: tuple[Deck, Deck] | None = None
        self._games_left = 0
        self._session: GameSession | None = None
        self._began = 0.0
        self._is_asking = False
        self._is_choked = False
        self._is_leaving = False

    # --- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a command, but not for ever."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._house.guests.add(self)
        self._await_command()

    def data_received(self, data: bytes) -> None:
        """Take what the client says."""
        if self._is_leaving:
            return
        try:
            self._lines.receive(data)
        except LineTooLong as error:
            self._hang_up(Refused(str(error)))
            return
        if self._transport is not None and self._lines.backlog > MAX_BACKLOG_LINES:
            self._transport.pause_reading()
        self._serve_lines()

    def connection_lost(self, exc: Exception | None) -> None:
        """Abort the game and free its slot."""
        self._transport = None
        self._cancel_timers()
        self._session = None
        self._command = None
        self._house.slots.release(self)
        self._house.guests.discard(self)
        self._house.stirred.set()

    def pause_writing(self) -> None:
        """Stop playing: the client does not read."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """Play on."""
        self._is_choked = False
        if self._next_slice is None:
            is_playing = self._session is not None and not self._is_asking
            step = self._play if is_playing else self._serve_lines
            self._next_slice = self._loop.call_soon(step)

    # --- commands ---------------------------------------------------------------------------------

    def _await_command(self) -> None:
        self._cancel_timers()
        self._timer = self._loop.call_later(self._house.idle_seconds, self._hang_up, None)

    def _serve_lines(self) -> None:
        """Use the next line: an answer if one is owed, a command if no game is open."""
        self._next_slice = None
        if self._transport is None or self._is_leaving or self._is_choked:
            return
        if self._session is not None and self._is_asking:
            answer = self._lines.take_answer()
            if answer is not None:
                self._play(answer)
        elif self._command is None:
            try:
                command = self._lines.take_command()
            except CommandError as error:
                self._hang_up(Refused(str(error)))
                return
            if command is not None:
                self._obey(command)
        if self._transport is not None and self._lines.backlog <= MAX_BACKLOG_LINES:
            self._transport.resume_reading()

    def _obey(self, command: Command) -> None:
        if not isinstance(command, NewGame):
            uptime = int(self._loop.time() - self._house.started)
            self._write(format_status(self._house.slots.status(uptime_seconds=uptime)))
            self._hang_up(None)
            return
        if self._house.is_stopping:
            self._hang_up(Refused("the daemon is stopping and takes no new games"))
            return
        if command.games > 1 and (command.interactive or command.observe or not command.quiet):
            self._hang_up(
                Refused("-n plays AI games without log only; add -q, leave out -i and -o")
            )
            return
        try:
            self._decks = (
                self._house.decks.find(command.deck1),
                self._house.decks.find(command.deck2),
            )
        except DeckError as error:
            self._hang_up(Refused(str(error)))
            return
        self._command = command
        self._games_left = command.games
        self._cancel_timers()
        self._house.slots.request(self)

    # --- the game ---------------------------------------------------------------------------------

    def begin_game(self) -> None:
        """Start playing: a slot is ours (``slots.Seeker``)."""
        assert self._command is not None
        assert self._decks is not None
        seed = secrets.randbits(63) if self._command.seed is None else self._command.seed
        seed += self._command.games - self._games_left  # each game of a batch is another game
        self._session = GameSession(self._command, self._decks, seed=seed)
        self._began = self._loop.time()
        self._timer = self._loop.call_later(self._command.limit_seconds, self._time_out)
        self._next_slice = self._loop.call_soon(self._play)

    def _play(self, answer: str = "") -> None:
        """Play a slice, send what it said and see to what comes next."""
        self._next_slice = None
        if self._session is None:
            return
        try:
            progress = self._session.resume(answer)
        except Exception:
            # The top of a game: a fault in one card must not take the other games down with it.
            _log.exception("a game failed; it is reported to its client as GAME_ERROR")
            self._end_game(GameError("the engine failed; its log has the details"))
            return
        output = self._session.take_output()
        self._is_asking = progress is Progress.ASKING
        if output:
            self._write(output)
        if progress is Progress.OVER:
            milliseconds = round(1000 * (self._loop.time() - self._began))
            self._end_game(self._session.result(milliseconds=milliseconds))
        elif self._is_choked:
            return  # resume_writing goes on
        elif progress is Progress.RUNNING:
            self._next_slice = self._loop.call_soon(self._play)
        elif self._lines.backlog:
            self._next_slice = self._loop.call_soon(self._serve_lines)

    def _time_out(self) -> None:
        assert self._command is not None
        self._end_game(GameTimeout(f"the game took longer than {self._command.limit_seconds} s"))

    def _end_game(self, line: TerminalLine) -> None:
        """Send the terminal line, give the slot back, and stay or leave as the client wished.

        An interactive game that is cut short closes the connection even with ``-k``: the answer to
        its last decision may be on its way, and would be taken for a command.
        """
        command = self._command
        assert command is not None
        self._cancel_timers()
        self._session = None
        self._is_asking = False
        self._games_left -= 1
        self._write(format_line(line))
        self._house.slots.release(self)
        self._house.stirred.set()
        is_batch = self._games_left > 0
        if is_batch and not self._house.is_stopping:
            self._house.slots.request(self)
            return
        self._command = None
        is_in_step = isinstance(line, GameResult) or not command.interactive
        if command.keep_open and is_in_step and not self._house.is_stopping:
            self._await_command()
            self._next_slice = self._loop.call_soon(self._serve_lines)
        else:
            self._hang_up(None)

    def dismiss(self, reason: str, *, even_playing: bool) -> None:
        """Hang up because the daemon stops; a running game may be spared."""
        if self._session is not None:
            if even_playing:
                self._hang_up(GameError(reason))
        else:
            self._hang_up(None if self._command is None else Refused(reason))

    def cut_off(self) -> None:
        """Close without waiting for the client to read."""
        if self._transport is not None:
            self._transport.abort()

    # --- the wire ---------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._is_leaving:
            self._transport.write(data)

    def _hang_up(self, line: TerminalLine | None) -> None:
        """Say the last line and close our side; the client's side closes by itself or by force.

        Closing both at once would reset a connection on which the client has written ahead, and the
        last line could be lost with it.
        """
        if self._is_leaving:
            return
        if line is not None:
            self._write(format_line(line))
        self._cancel_timers()
        self._session = None
        self._command = None
        self._house.slots.release(self)
        self._is_leaving = True
        if self._transport is not None:
            self._transport.resume_reading()
            self._transport.write_eof()
            self._timer = self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def _cancel_timers(self) -> None:
        for handle in (self._timer, self._next_slice):
            if handle is not None:
                handle.cancel()
        self._timer = None
        self._next_slice = None
