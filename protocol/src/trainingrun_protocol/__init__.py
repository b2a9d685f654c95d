"""The Forge daemon's line protocol, without sockets: what a daemon and a client say.

Belongs here: the words of the protocol (commands, server lines, decisions, answers) and the two
state machines that check whose turn it is to speak. Does not belong here: sockets, clocks, games,
policies. Everything takes and gives bytes or values, so that the same code serves asyncio, threads
and tests. Only the standard library and msgspec are imported: the daemon depends on this package
alone and must start quickly.
"""

from trainingrun_protocol.commands import (
    Command,
    NewGame,
    Status,
    format_command,
    parse_command,
)
from trainingrun_protocol.decisions import (
    Card,
    Decision,
    DecisionType,
    GameState,
    decode_decision,
)
from trainingrun_protocol.errors import (
    CommandError,
    ConnectionLost,
    DecisionError,
    LineTooLong,
    ProtocolError,
)
from trainingrun_protocol.lines import (
    DecisionLine,
    GameError,
    GameResult,
    GameStart,
    GameTimeout,
    Info,
    Refused,
    ServerLine,
    StatusReply,
    is_terminal,
    parse_line,
    parse_status,
)

__all__ = [
    "Card",
    "Command",
    "CommandError",
    "ConnectionLost",
    "Decision",
    "DecisionError",
    "DecisionLine",
    "DecisionType",
    "GameError",
    "GameResult",
    "GameStart",
    "GameState",
    "GameTimeout",
    "Info",
    "LineTooLong",
    "NewGame",
    "ProtocolError",
    "Refused",
    "ServerLine",
    "Status",
    "StatusReply",
    "decode_decision",
    "format_command",
    "is_terminal",
    "parse_command",
    "parse_line",
    "parse_status",
]
