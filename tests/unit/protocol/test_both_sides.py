"""Client and server held against each other over a network that cuts the stream anywhere.

The machine below is the whole conversation: commands, log lines, decisions, answers, terminal
lines, batches, kept connections, and either side leaving at any byte. The invariants are those of
strict alternation.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import Command, NewGame, Status
from trainingrun_protocol.errors import ConnectionLost, ProtocolError
from trainingrun_protocol.lines import (
    AnswerReplaced,
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
from trainingrun_protocol.server import ServerConnection

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
    deck1=st.sampled_from(["a.dck", "b.dck"]),
    deck2=st.sampled_from(["a.dck", "/x/c"]),
    interactive=st.sampled_from([True, True, False]),
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
        self.heard: list[ServerLine | StatusReply] = []
        """What the client heard of the last command."""
        self.commands: list[Command] = []
        self.answers: list[str] = []
        self.game: NewGame | None = None
        self.games_left = 0
        self.has_begun = False
        self.is_asking = False

    def _send(self, pipe: bytearray, data: bytes) -> None:
        pipe += data.replace(b"\n", self.line_end)

    # Few rules, each of which does what can be done: hypothesis leaves rules out at random, and a
    # conversation that lacks one of many gets nowhere.

    @rule(command=GAMES | st.just(Status()), text=WORDS | st.just(""))
    def client_speaks(self, command: Command, text: str) -> None:
        """The client asks for something or answers; what is not its turn is refused."""
        if self.client.owes_answer:
            self._send(self.to_server, self.client.answer(text))
            self.answers.append(text)
            return
        with pytest.raises(ProtocolError):
            self.client.answer(text)
        if self.client.is_spent:
            with pytest.raises(ProtocolError, match="connect anew"):
                self.client.start(command)
            self.connect(self.line_end)
        elif self.client.is_idle:
            self._send(self.to_server, self.client.start(command))
            self.commands.append(command)
            self.heard = []
        else:
            with pytest.raises(ProtocolError):
                self.client.start(command)

    @rule(
        reply=COUNTERS,
        number=st.integers(0, 9),
        line=LOG,
        end=TERMINAL,
        act=st.sampled_from(["log", "ask", "ask", "end"]),
    )
    def server_speaks(
        self, reply: StatusReply, number: int, line: ServerLine, end: ServerLine, act: str
    ) -> None:
        """The server takes what it waits for, or says something in its game."""
        if self.game is None:
            self._take_command(reply)
        elif self.is_asking:
            text = self.server.take_answer()
            if text is not None:
                assert text == self.answers.pop(0)
                self.is_asking = False
        elif act == "ask":
            self._say(DecisionLine(b'{"decision_id":%d}' % number))
            self.is_asking = self.game.interactive
        elif act == "end":
            self._end_game(end, is_repeating=number % 2 == 0)
        else:
            self._say(line)

    def _end_game(self, end: ServerLine, *, is_repeating: bool) -> None:
        """End it; a game that is cut short may have a result behind it, and an ERROR in its midst
        is no end."""
        if isinstance(end, Refused) and self.has_begun:
            self._say(AnswerReplaced(end.text))
            return
        self._say(end)
        self.games_left -= 1
        self.has_begun = False
        if self.games_left == 0 or isinstance(end, Refused):
            self.game = None
            if is_repeating and isinstance(end, GameTimeout | GameError):
                self._send(self.to_client, format_line(GameResult(None, 1)))

    def _take_command(self, reply: StatusReply) -> None:
        command = self.server.take_command()
        if command is None:
            return
        assert command == self.commands.pop(0)
        if isinstance(command, NewGame):
            self.game, self.games_left = command, command.games
        else:
            self._send(self.to_client, format_status(reply))
            self.said.append(reply)

    def _say(self, line: ServerLine) -> None:
        self._send(self.to_client, format_line(line))
        self.said.append(line)
        self.has_begun = True

    @rule(to_server=st.integers(0, 60), to_client=st.integers(0, 90))
    def network_delivers(self, to_server: int, to_client: int) -> None:
        """Some bytes arrive, wherever that cuts a line: what was said is heard, in order."""
        self.server.receive(bytes(self.to_server[:to_server]))
        del self.to_server[:to_server]
        for line in self.client.receive(bytes(self.to_client[:to_client])):
            assert line == self.said.pop(0)
            self.heard.append(line)
        del self.to_client[:to_client]

    @rule(count=st.integers(0, 60), whim=st.integers(0, 15))
    def somebody_leaves(self, count: int, whim: int) -> None:
        """Now and then a side leaves, at any byte that is under way."""
        if whim == 7:
            self._client_leaves(count)
        elif whim == 8:
            self._daemon_vanishes(count)

    def _client_leaves(self, count: int) -> None:
        """The server has whole lines only, and no failure."""
        self.server.receive(bytes(self.to_server[:count]))
        if self.is_asking:
            assert self.server.take_answer() in [None, *self.answers[:1]]
        self.connect(self.line_end)

    def _daemon_vanishes(self, count: int) -> None:
        """An error, unless the last command has ended or a game of a batch has."""
        heard = self.client.receive(bytes(self.to_client[:count]))
        last = next(reversed([*self.heard, *heard]), None)
        is_between_games = last is not None and not isinstance(last, StatusReply | Refused)
        is_between_games = is_between_games and is_terminal(last)
        if self.client.is_idle or is_between_games:
            self.client.close()
            assert self.client.is_idle
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
        """A client is idle exactly when no command is under way and everything said was heard."""
        has_ended = self.game is None and not self.said and not self.commands
        assert self.client.is_idle is has_ended

    @invariant()
    def memory_is_bounded(self) -> None:
        """At most one whole line waits at the server."""
        assert self.server.backlog <= 1


Conversation.TestCase.settings = settings(max_examples=100, stateful_step_count=60)
test_conversation = Conversation.TestCase


LINES = st.binary(max_size=30) | st.sampled_from(
    [
        b"DECISION: {}\n",
        b"GAME_RESULT: x won in 1ms\n",
        b"GAME_RESULT: ?\n",
        b"ERROR: x\n",
        b"STATUS\n",
        b"NEWGAME a b -i\n",
        b"NEWGAME a b -c x\n",
        b"\r\n",
        b"\n",
        b"\x00\n",
        b"Max concurrent: 1\n",
        b"FORGE DAEMON STATUS\nActive games: 1\n",
        b"INFO:\n",
    ]
)


@given(GAMES | st.just(Status()) | st.none(), st.lists(LINES, max_size=30))
def test_no_bytes_break_a_client(command: Command | None, chunks: list[bytes]) -> None:
    """Whatever a peer says, a client raises ProtocolError or continues, and keeps little."""
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
