"""A client's side of one connection, without the socket: bytes in, lines out, whose turn it is.

Purpose: every client (actor, evaluator, scale test) sends an answer exactly when one is owed, knows
when a game has ended, and takes a vanished connection for an error instead of an end. Deciding what
to answer is not done here.
"""

from enum import Enum, auto
from typing import Final

import msgspec

from trainingrun_protocol.access import Token
from trainingrun_protocol.commands import Command, NewGame, Status, format_command
from trainingrun_protocol.dialects.reveals import logged_reveal
from trainingrun_protocol.errors import ConnectionLost, ProtocolError
from trainingrun_protocol.framing import MAX_LINE_BYTES, LineBuffer
from trainingrun_protocol.lines import (
    AnswerReplaced,
    DecisionLine,
    GameError,
    GameTimeout,
    Info,
    Refused,
    ServerLine,
    StatusReply,
    is_status_end,
    is_terminal,
    parse_line,
    parse_status,
)

MAX_STATUS_LINES: Final = 1000
"""Lines of a STATUS reply that are kept; a peer that sends more speaks another protocol."""


class ClientState(Enum):
    """Who may speak next."""

    IDLE = auto()
    """No command is under way: the client may send one."""
    WAITING = auto()
    """The daemon speaks."""
    ANSWERING = auto()
    """The client owes the answer to a decision."""


class ClientConnection:
    """The protocol state of one connection; reusable for the next command when the peer keeps it.

    ::

        send(connection.start(NewGame(deck1=…, deck2=…, interactive=True)))
        for line in connection.receive(data):      # then, for each DecisionLine:
            send(connection.answer("0"))
    """

    __slots__ = (
        "_command",
        "_games_left",
        "_has_begun",
        "_is_between_games",
        "_is_spent",
        "_lines",
        "_state",
        "_status_lines",
        "_token",
    )

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES, token: Token | None = None) -> None:
        """``token`` is that of the daemon; a daemon without one ignores it."""
        self._token = token
        self._lines = LineBuffer(limit=max_line_bytes)
        self._state = ClientState.IDLE
        self._command: Command | None = None
        self._games_left = 0
        self._has_begun = False
        self._is_between_games = False
        self._is_spent = False
        self._status_lines: list[bytes] = []

    @property
    def state(self) -> ClientState:
        """Who may speak next."""
        return self._state

    @property
    def owes_answer(self) -> bool:
        """Whether the daemon waits for this client."""
        return self._state is ClientState.ANSWERING

    @property
    def is_idle(self) -> bool:
        """Whether the last command has ended (or none was sent)."""
        return self._state is ClientState.IDLE

    @property
    def is_spent(self) -> bool:
        """Whether a game was cut short: what still comes is swallowed, and no command may follow.

        The original says GAME_RESULT after GAME_TIMEOUT and GAME_ERROR; the first is the outcome.
        """
        return self._is_spent

    @property
    def games_left(self) -> int:
        """How many games of the last command have not ended."""
        return self._games_left

    def start(self, command: Command) -> bytes:
        """Begin a command; gives the bytes to send. Raises ProtocolError while another is open."""
        if not self.is_idle:
            raise ProtocolError("a command is still under way on this connection")
        if self._is_spent:
            raise ProtocolError("a game was cut short on this connection; connect anew")
        line = format_command(command, token=self._token)
        self._command = command
        self._games_left = command.games if isinstance(command, NewGame) else 1
        self._status_lines = []
        self._has_begun = False
        self._is_between_games = False
        self._state = ClientState.WAITING
        return line

    def receive(self, data: bytes) -> list[ServerLine | StatusReply]:
        """Take received bytes; gives the lines that they complete, in order.

        Raises LineTooLong, or ProtocolError when the daemon speaks out of turn. The connection is
        of no use after either; lines of the same bytes before the fault are not given.
        """
        events: list[ServerLine | StatusReply] = []
        if self._is_spent:
            return events
        for line in self._lines.feed(data):
            if isinstance(self._command, Status):
                events += self._take_status_line(line)
            elif line and not self._is_spent:
                events.append(self._take_game_line(line))
        return events

    def answer(self, response: str) -> bytes:
        """Answer the open decision; gives the bytes to send."""
        if not self.owes_answer:
            raise ProtocolError("no decision waits for an answer")
        if "\n" in response or "\r" in response:
            raise ProtocolError("an answer must be one line")
        self._state = ClientState.WAITING
        return response.encode() + b"\n"

    def close(self) -> None:
        """Say that the peer closed the connection; raises ConnectionLost in the midst of a game.

        Between two games of a batch it is a daemon that does not know ``-n``: ``games_left`` says
        what it has not played.
        """
        if self._is_between_games:
            self._state = ClientState.IDLE
        elif not self.is_idle:
            raise ConnectionLost("the daemon closed the connection before the end of the game")

    def _take_status_line(self, line: bytes) -> list[ServerLine | StatusReply]:
        if self.is_idle:
            return []
        if len(self._status_lines) == MAX_STATUS_LINES:
            raise ProtocolError(f"the answer to STATUS has more than {MAX_STATUS_LINES} lines")
        self._status_lines.append(line)
        if not is_status_end(line):
            return []
        self._state = ClientState.IDLE
        return [parse_status(self._status_lines)]

    def _take_game_line(self, line: bytes) -> ServerLine:
        event = parse_line(line)
        if self.is_idle:
            raise ProtocolError("the daemon spoke after the end of the game")
        self._is_between_games = False
        if isinstance(event, DecisionLine):
            event = self._take_decision(event)
        elif is_terminal(event):
            event = self._without_token(event)
            if isinstance(event, Refused) and self._has_begun:
                return AnswerReplaced(event.text)
            self._end_game(event)
            return event
        self._has_begun = True
        return event

    def _take_decision(self, event: DecisionLine) -> ServerLine:
        """Owe the answer, unless the line only shows cards."""
        if not self._is_interactive:
            return event
        shown = logged_reveal(event.raw)
        if shown is not None:
            return Info(shown)
        if self.owes_answer:
            raise ProtocolError("the daemon asked again before it had the answer")
        self._state = ClientState.ANSWERING
        return event

    def _end_game(self, event: ServerLine) -> None:
        self._games_left -= 1
        self._has_begun = False
        is_over = self._games_left <= 0 or isinstance(event, Refused)
        self._is_spent = is_over and isinstance(event, GameTimeout | GameError)
        self._is_between_games = not is_over
        self._state = ClientState.IDLE if is_over else ClientState.WAITING

    def _without_token(self, event: ServerLine) -> ServerLine:
        """Return the line for people to read: a peer may repeat the command that it refuses."""
        if self._token is None or not isinstance(event, Refused | GameTimeout | GameError):
            return event
        return msgspec.structs.replace(event, text=event.text.replace(self._token.text, "…"))

    @property
    def _is_interactive(self) -> bool:
        return isinstance(self._command, NewGame) and self._command.interactive
