"""Replaying vectors against a daemon in memory: every way in which one may differ is seen."""

import json
from collections import defaultdict
from collections.abc import Callable

import pytest
from trainingrun_protocol.access import Token
from trainingrun_protocol.conformance.effects import (
    Close,
    Effect,
    Observed,
    Open,
    Receive,
    Send,
    Wait,
)
from trainingrun_protocol.conformance.replay import Outcome, Verdict, replay
from trainingrun_protocol.conformance.script import read_vectors

END = b""
"""What a daemon says by closing."""
Daemon = Callable[[str], list[bytes]]
STATUS = [b"FORGE DAEMON STATUS\nActive games: 0\nQueued games: 0\nMax concurrent: 2\n", END]


class World:
    """Connections to a daemon that is a function from a line to what it says, and a clock."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._sent: dict[str, bytes] = {}
        self._said: dict[str, list[bytes]] = defaultdict(list)
        self._now = 0.0

    def carry_out(self, effect: Effect) -> Observed:
        """Do it; silence costs time on the clock and no one's patience."""
        self._now += 0.001
        match effect:
            case Open(name):
                self._sent[name] = b""
            case Send(name, data):
                *lines, self._sent[name] = (self._sent[name] + data).split(b"\n")
                for line in lines:
                    self._said[name] += self._daemon(line.decode())
            case Receive(name, seconds):
                if self._said[name]:
                    data = self._said[name].pop(0)
                    return Observed(self._now, data, is_closed=data == END)
                self._now += seconds
            case Close(name):
                self._said.pop(name, None)
            case Wait(seconds):
                self._now += seconds
        return Observed(self._now)


def verdict(
    steps: str, daemon: Daemon, *, ours: bool = False, token: Token | None = None
) -> Verdict:
    """Replay one vector of these steps."""
    head = f"== one  2{'  [ours]' if ours else ''}\nWhy.\n\n"
    (vector,) = read_vectors(head + steps, source="x.txt")
    world, play = World(daemon), replay(vector, token=token)
    effect = next(play)
    while True:
        try:
            effect = play.send(world.carry_out(effect))
        except StopIteration as end:
            found: Verdict = end.value
            return found


def saying(*chunks: bytes) -> Daemon:
    """A daemon that answers STATUS, and anything else with these bytes."""
    return lambda line: list(STATUS) if line == "STATUS" else list(chunks)


def test_a_daemon_that_does_as_told_is_ok() -> None:
    """However its bytes are cut."""
    found = verdict("> X\n< a\n< /b+/\nclosed", saying(b"a\r", b"\nb", b"b\n", END))
    assert found == Verdict(Outcome.OK)


@pytest.mark.parametrize(
    ("steps", "said", "line", "words"),
    [
        ("> X\n< a", [b"b\n"], 5, "expected a, got b"),
        ("> X\n< a", [END], 5, "expected a, and the daemon closed"),
        ("> X\n< a within 2 s", [], 5, "nothing came for 2 s"),
        ("> X\n< a", [b"\n"], 5, "an empty line"),
        ("> X\n< a", [b" \r\n"], 5, "an empty line"),
        ("> X\nclosed", [b"a\n"], 5, "expected the end, got a"),
        ("> X\nclosed", [], 5, "nothing came for 5 s"),
        ("> X\nclosed", [b"half", END], 5, "in the midst of a line"),
        ("> X\nsilent for 1 s", [b"a\n"], 5, "expected silence, got a"),
        ("> X\nsilent for 1 s", [b"a"], 5, "expected silence"),
        ("> X\nsilent for 1 s", [END], 5, "the daemon closed"),
        ("> X\n<+ a", [b"INFO: x\nERROR: y\n"], 5, "got ERROR: y"),
        ("> X\n< a", [b"x" * (2 << 20)], 5, "longer than"),
        ("status Queued games >= 1", [], 4, "STATUS says Queued games: 0"),
        ("status Lost games = 1", [], 4, "no line 'Lost games'"),
        ("> X\nplay answering passing", [b"GAME_RESULT: Draw in 1ms\n"], 5, "without a DECISION"),
        ("> X\nplay answering nothing", [b"GAME_TIMEOUT: x\n"], 5, "ended with GAME_TIMEOUT"),
        ("> X\nplay answering nothing", [b"GAME_RESULT: a won\n"], 5, "ended with GAME_RESULT"),
        ("> X\nplay answering nothing", [END], 5, "before the terminal line"),
        ("> X\nplay answering nothing", [b"DECISION: {\n"], 5, "no JSON"),
        ("> X\nplay answering nothing", [b"DECISION: {}\n"], 5, "is missing"),
        ("> X\nplay answering nothing", [b"DECISION: \xff\n"], 5, "above 127"),
        ("> X\nplay answering nothing", [b"DECISION: " + b"[" * 10**5 + b"\n"], 5, "no JSON"),
    ],
)
def test_what_differs_is_told_with_its_place(
    steps: str, said: list[bytes], line: int, words: str
) -> None:
    """The line of the file, what was expected and what came."""
    found = verdict(steps, saying(*said))
    assert (found.outcome, found.line) == (Outcome.DIFFERS, line)
    assert words in found.text


def test_a_daemon_without_status_fails() -> None:
    """Every vector asks for it first, to know how busy the daemon is."""
    found = verdict("> X\n< a", lambda _line: [b"HTTP/1.1 400\n", END])
    assert found.outcome is Outcome.DIFFERS
    assert "STATUS" in found.text


def test_a_missing_extension_is_no_fault() -> None:
    """Only in a step that proves it, and only in a vector of ours."""
    daemon = saying(b"a\n", END)
    lacking = verdict("> X\n< a\n? silent for 1 s", daemon, ours=True)
    assert lacking.outcome is Outcome.NOT_SUPPORTED
    assert verdict("> X\n< a\nsilent for 1 s", daemon, ours=True).outcome is Outcome.DIFFERS
    assert verdict("> X\n< a\n? silent for 1 s", daemon).outcome is Outcome.DIFFERS


def test_games_are_compared_but_for_their_time() -> None:
    """Milliseconds may differ; the first line that differs is named."""
    results = iter([b"INFO: x\nGAME_RESULT: Draw in %dms\n" % ms for ms in (1, 22)])
    steps = "A> X\nA: play as one answering nothing\nB> X\nB: play as two answering nothing\n"
    kept = verdict(
        steps + "same one two", lambda line: STATUS[:] if line == "STATUS" else [next(results)]
    )
    assert kept == Verdict(Outcome.OK)
    others = iter([b"INFO: x\nGAME_RESULT: Draw in 1ms\n", b"INFO: y\nGAME_RESULT: Draw in 1ms\n"])
    found = verdict(
        steps + "same one two", lambda line: STATUS[:] if line == "STATUS" else [next(others)]
    )
    assert found.text == "line 1 differs: INFO: x / INFO: y"


def test_a_slot_that_is_not_freed_is_seen() -> None:
    """The daemon says for ever that one more game is active than before."""
    before = iter([0])
    found = verdict(
        "settles within 1 s",
        lambda _line: [
            b"FORGE DAEMON STATUS\nActive games: %d\nMax concurrent: 2\n" % next(before, 1),
            END,
        ],
    )
    assert found.text == "1 games are active, 0 were"


def test_a_large_daemon_is_not_filled() -> None:
    """A thousand games are not opened to see the thousand and first wait."""
    reply = b"FORGE DAEMON STATUS\nActive games: 0\nMax concurrent: 1000\n"
    found = verdict("G: fill", lambda _line: [reply, END])
    assert found.outcome is Outcome.NOT_SUPPORTED


def test_answers_follow_the_decisions() -> None:
    """One answer for each, those of `with` in turn, and none for what was answered ahead."""
    heard: list[str] = []

    def daemon(line: str) -> list[bytes]:
        if line == "STATUS":
            return STATUS[:]
        heard.append(line)
        if len(heard) == 5:
            return [b"GAME_RESULT: Draw in 1ms\n", END]
        kind = "confirm_action" if len(heard) % 2 else "reveal"
        state = {
            "is_game_over": False,
            "turn": 1,
            "phase": "MAIN1",
            "active_player": "",
            "players": [],
            "priority_player": "",
            "activePlayer": 0,
            "priorityPlayer": 0,
            "stack": [],
        }
        asked = {
            "decision_type": kind,
            "decision_id": len(heard),
            "player": "",
            "turn": 1,
            "phase": "MAIN1",
            "message": "",
            "game_state": state,
            "cards": [],
            "actions": [{"index": -1, "description": ""}],
        }
        return [b"DECISION: " + json.dumps(asked).encode() + b"\n"]

    steps = (
        '> X\n> early\nplay ahead 1 answering aggressive\n  confirm_action with "p", "q"\n'
        "  seeing reveal, confirm_action\nclosed"
    )
    assert verdict(steps, daemon) == Verdict(Outcome.OK)
    assert heard == ["X", "early", "", "p", ""]


def test_the_daemons_token_goes_into_every_new_game() -> None:
    """Also into those that are sent ahead or fill the slots; not where a vector names another."""
    token = Token("0123456789abcdef")
    said: list[str] = []

    def daemon(line: str) -> list[bytes]:
        said.append(line)
        return saying(END)(line)

    steps = (
        '> NEWGAME a b -q\n>> "NEWGAME c d\\r\\nNEWGAME e f -k\\n"\n> NEWGAME g h --token other\n'
        "> STATUS\nG: fill"
    )
    verdict(steps, daemon, token=token)
    own = f"--token {token.text}"
    assert said == [
        "STATUS",
        f"NEWGAME a b -q {own}",
        f"NEWGAME c d {own}\r",
        f"NEWGAME e f -k {own}",
        "NEWGAME g h --token other",
        "STATUS",
        "STATUS",
        *[f"NEWGAME test_red.dck test_blue.dck -i -q {own}"] * 2,
    ]
