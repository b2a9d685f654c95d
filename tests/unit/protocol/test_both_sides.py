"""Client and server held against each other over a network that cuts the stream anywhere.

The machine below is the whole conversation: commands, log lines, decisions, answers, terminal
lines, batches, kept connections, and either side leaving at any byte. The invariants are those of
strict alternation.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from trainingrun_contracts.protocol.client import ClientConnection
from trainingrun_contracts.protocol.commands import Command, NewGame, Status
from trainingrun_contracts.protocol.errors import ConnectionLost, ProtocolError
from trainingrun_contracts.protocol.lines import (
    DecisionLine,
    GameError,
    GameResult,
    GameStart,
    GameTimeout,
    Info,
    Refused,
    ServerLine,
    StatusReply,
    format_line,
    format_status,
    is_terminal,
)
from trainingrun_contracts.protocol.server import ServerConnection

LIMIT = 200
WORDS = st.text("ab1:{}\N{SNOWMAN}", min_size=1, max_size=8)
TERMINAL = st.one_of(
    st.builds(GameResult, st.none() | WORDS, st.integers(0, 10**6)),
    WORDS.map(GameTimeout),
    WORDS.map(GameError),
    WORDS.map(Refused),
)
LOG = st.one_of(WORDS.map(GameStart), WORDS.map(Info))
GAMES = st.builds(
    NewGame,
    deck1=st.sampled_from(["a", "b.dck"]),
    deck2=st.sampled_from(["a", "/x/c.dck"]),
    interactive=st.booleans(),
    quiet=st.booleans(),
    keep_open=st.booleans(),
    seed=st.none() | st.integers(0, 9),
    games=st.integers(1, 3),
    ai_seat=st.none() | st.sampled_from([1, 2]),
)
COUNTERS = st.builds(
    StatusReply,
    active=st.integers(0, 9),
    queued=st.integers(0, 9),
    total=st.integers(0, 9),
    uptime_seconds=st.integers(0, 9),
    max_concurrent=st.integers(1, 9),
)


class Conversation(RuleBasedStateMachine):
    """One connection at a time between the two state machines of the package."""

    @initialize(line_end=st.sampled_from([b"\n", b"\r\n"]))
    def connect(self, line_end: bytes) -> None:
        """Begin with two fresh ends and nothing under way."""
        self.line_end = line_end
        self.client = ClientConnection(max_line_bytes=LIMIT)
        self.server = ServerConnection(max_line_bytes=LIMIT)
        self.to_server = bytearray()
        self.to_client = bytearray()
        self.said: list[ServerLine | StatusReply] = []
        self.commands: list[Command] = []
        self.answers: list[str] = []
        self.game: NewGame | None = None
        self.games_left = 0
        self.is_asking = False

    def _send(self, pipe: bytearray, data: bytes) -> None:
        pipe += data.replace(b"\n", self.line_end)

    # --- the client -------------------------------------------------------------------------------

    @precondition(lambda self: self.client.is_idle)
    @rule(command=GAMES | st.just(Status()))
    def command(self, command: Command) -> None:
        """The client asks for something."""
        self._send(self.to_server, self.client.start(command))
        self.commands.append(command)

    @precondition(lambda self: self.client.owes_answer)
    @rule(text=WORDS | st.just(""))
    def answer(self, text: str) -> None:
        """The client answers."""
        self._send(self.to_server, self.client.answer(text))
        self.answers.append(text)

    @precondition(lambda self: not self.client.owes_answer)
    @rule()
    def answer_unasked(self) -> None:
        """An answer that is not owed is refused before it reaches the wire."""
        with pytest.raises(ProtocolError):
            self.client.answer("0")

    # --- the server -------------------------------------------------------------------------------

    @precondition(lambda self: self.game is None)
    @rule(reply=COUNTERS)
    def take_command(self, reply: StatusReply) -> None:
        """The server begins what was asked, once its line is whole."""
        command = self.server.take_command()
        if command is None:
            return
        assert command == self.commands.pop(0)
        if isinstance(command, NewGame):
            self.game, self.games_left = command, command.games
        else:
            self._send(self.to_client, format_status(reply))
            self.said.append(reply)

    @precondition(lambda self: self.game is not None)
    @rule(line=LOG)
    def log(self, line: ServerLine) -> None:
        """A log line stands anywhere in a game."""
        self._send(self.to_client, format_line(line))
        self.said.append(line)

    @precondition(lambda self: self.game is not None and not self.is_asking)
    @rule(number=st.integers(0, 9))
    def ask(self, number: int) -> None:
        """A decision; it waits for an answer in interactive games only."""
        line = DecisionLine(b'{"decision_id":%d}' % number)
        self._send(self.to_client, format_line(line))
        self.said.append(line)
        assert self.game is not None
        self.is_asking = self.game.interactive

    @precondition(lambda self: self.is_asking)
    @rule()
    def take_answer(self) -> None:
        """The answer to the open decision, once its line is whole."""
        text = self.server.take_answer()
        if text is not None:
            assert text == self.answers.pop(0)
            self.is_asking = False

    @precondition(lambda self: self.game is not None and not self.is_asking)
    @rule(line=TERMINAL)
    def finish(self, line: ServerLine) -> None:
        """A terminal line ends a game; a refusal ends a batch."""
        self._send(self.to_client, format_line(line))
        self.said.append(line)
        self.games_left -= 1
        if self.games_left == 0 or isinstance(line, Refused):
            self.game = None

    # --- the network ------------------------------------------------------------------------------

    @rule(count=st.integers(1, 40))
    def deliver_to_server(self, count: int) -> None:
        """Some bytes arrive, wherever that cuts a line."""
        self.server.receive(bytes(self.to_server[:count]))
        del self.to_server[:count]

    @rule(count=st.integers(1, 80))
    def deliver_to_client(self, count: int) -> None:
        """Some bytes arrive; the lines that they complete are those that were said, in order."""
        for line in self.client.receive(bytes(self.to_client[:count])):
            assert line == self.said.pop(0)
        del self.to_client[:count]

    @rule(count=st.integers(0, 40))
    def leave(self, count: int) -> None:
        """The client leaves at any byte: the server has whole lines only, and no failure."""
        self.server.receive(bytes(self.to_server[:count]))
        if self.is_asking:
            assert self.server.take_answer() in [None, *self.answers[:1]]
        self.connect(self.line_end)

    @rule(count=st.integers(0, 80))
    def vanish(self, count: int) -> None:
        """The daemon vanishes at any byte: an error, unless the last command has ended."""
        self.client.receive(bytes(self.to_client[:count]))
        if self.client.is_idle:
            self.client.close()
        else:
            with pytest.raises(ConnectionLost):
                self.client.close()
        self.connect(self.line_end)

    # --- strict alternation -----------------------------------------------------------------------

    @invariant()
    def one_answer_at_a_time(self) -> None:
        """An answer is owed or under way only while the server waits for one."""
        if self.client.owes_answer:
            assert self.is_asking
        assert len(self.answers) + self.client.owes_answer <= self.is_asking
        if self.is_asking and not self.said:
            assert self.client.owes_answer or self.answers

    @invariant()
    def idle_means_ended(self) -> None:
        """An idle client has no command under way, and everything said was heard."""
        if self.client.is_idle:
            assert self.game is None
            assert not self.said
            assert not self.commands

    @invariant()
    def memory_is_bounded(self) -> None:
        """At most one whole line waits at the server."""
        assert self.server.backlog <= 1


Conversation.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
test_conversation = Conversation.TestCase


LINES = st.binary(max_size=30) | st.sampled_from(
    [
        b"DECISION: {}\n", b"GAME_RESULT: x won in 1ms\n", b"GAME_RESULT: ?\n", b"ERROR: x\n",
        b"STATUS\n", b"NEWGAME a b -i\n", b"NEWGAME a b -c x\n", b"\r\n", b"\n", b"\x00\n",
        b"Max concurrent: 1\n", b"FORGE DAEMON STATUS\nActive games: 1\n", b"INFO:\n",
    ]
)  # fmt: skip


@given(GAMES | st.just(Status()) | st.none(), st.lists(LINES, max_size=30))
def test_no_bytes_break_a_client(command: Command | None, chunks: list[bytes]) -> None:
    """Whatever a peer says, a client raises ProtocolError or goes on, and keeps little."""
    client = ClientConnection(max_line_bytes=LIMIT)
    if command is not None:
        client.start(command)
    try:
        for chunk in chunks:
            client.receive(chunk)
            if client.owes_answer:
                client.answer("0")
        client.close()
    except ProtocolError:
        return


@given(st.lists(LINES, max_size=30))
def test_no_bytes_break_a_server(chunks: list[bytes]) -> None:
    """Whatever a client says, a server gets lines, commands or ProtocolError."""
    server = ServerConnection(max_line_bytes=LIMIT)
    try:
        for chunk in chunks:
            server.receive(chunk)
            if isinstance(server.take_command(), NewGame):
                server.take_answer()
    except ProtocolError:
        return


@given(st.lists(st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")), max_size=30))
def test_an_endless_line_is_cut_off(chunks: list[bytes]) -> None:
    """What is kept of an unfinished line never passes the cap by more than one read."""
    for end in (ClientConnection(max_line_bytes=LIMIT), ServerConnection(max_line_bytes=LIMIT)):
        whole = 0
        for chunk in chunks:
            whole += len(chunk)
            if whole > LIMIT:
                with pytest.raises(ProtocolError):
                    end.receive(chunk)
                break
            end.receive(chunk)


def test_an_endless_status_is_cut_off() -> None:
    """A peer that answers STATUS for ever is not a daemon."""
    client = ClientConnection()
    client.start(Status())
    with pytest.raises(ProtocolError, match="more than 1000 lines"):
        client.receive(b"and so on\n" * 1001)


@given(TERMINAL | LOG)
def test_only_terminal_lines_end_a_game(line: ServerLine) -> None:
    """The client is idle after a terminal line, and after no other."""
    client = ClientConnection()
    client.start(NewGame(deck1="a", deck2="b"))
    client.receive(format_line(line))
    assert client.is_idle is is_terminal(line)
