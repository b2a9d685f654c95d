"""A daemon's side of one connection, without the socket.

Purpose: strict alternation. Lines are kept in order and handed out one by one: as a command when no
game is open, as the answer when a decision is open. Lines that come early wait their turn, so a
client that writes ahead is served as if it had waited. What the lines mean for a game is not known
here.
"""

from collections import deque

from trainingrun_protocol.access import Token
from trainingrun_protocol.commands import Command, parse_command
from trainingrun_protocol.framing import MAX_LINE_BYTES, LineBuffer


class ServerConnection:
    """The lines that a client has sent and that were not taken yet.

    With a ``token``, games are for clients that have it.
    """

    __slots__ = ("_buffer", "_lines", "_token")

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES, token: Token | None = None) -> None:
        self._token = token
        self._buffer = LineBuffer(limit=max_line_bytes)
        self._lines: deque[bytes] = deque()

    @property
    def backlog(self) -> int:
        """Number of whole lines that wait; a server stops reading above its own limit."""
        return len(self._lines)

    def receive(self, data: bytes) -> None:
        """Take received bytes; raises LineTooLong."""
        self._lines.extend(self._buffer.feed(data))

    def take_command(self) -> Command | None:
        """Give the next command, or None when its line has not come; raises CommandError."""
        while self._lines:
            text = self._lines.popleft().decode("utf-8", "replace").strip()
            if text:
                return parse_command(text, token=self._token)
        return None

    def take_answer(self) -> str | None:
        """Give the answer to the open decision, or None when its line has not come."""
        if not self._lines:
            return None
        return self._lines.popleft().decode("utf-8", "replace")
