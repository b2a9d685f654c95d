"""The errors of the protocol package, in one small tree.

ProtocolError
├── CommandError      a client sent a line that is no command (commands)
├── DecisionError     a DECISION line holds no readable decision (decisions)
├── LineTooLong       a peer sent more than the line cap without a line end
└── ConnectionLost    the peer went away before the last line

None of them is worth a retry on the same connection: the peer is out of step. Starting the game
anew on another connection is the caller's affair.
"""


class ProtocolError(Exception):
    """A peer broke the protocol; the connection is of no further use."""


class CommandError(ProtocolError):
    """A line is not a command; the text is fit for an ``ERROR:`` line."""


class DecisionError(ProtocolError):
    """The JSON behind ``DECISION:`` cannot be read as a decision."""


class LineTooLong(ProtocolError):
    """A line is longer than the cap."""


class ConnectionLost(ProtocolError):
    """The connection ended before the terminal line."""
