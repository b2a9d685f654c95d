"""Where games come from: tapes, tapes that grow, and daemons that misbehave."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from trainingrun.commands.errors import UserError
from trainingrun_daemon_commands.watch.choices import Moment
from trainingrun_daemon_commands.watch.sources import (
    GameEnding,
    Opening,
    is_growing,
    live_game,
    newest_tape,
    tape,
)
from trainingrun_protocol.decisions import Decision, DecisionType
from trainingrun_protocol.generic import GenericChoice
from trainingrun_protocol.tapes import (
    TapeEnd,
    TapeEntry,
    TapeEnvironment,
    TapeMove,
    TapeStart,
    encode_entry,
)

MAGIC = TapeEnvironment("magic", "1", '{"kind":"magic"}')
START = TapeStart(2, "quick", "evaluation", MAGIC, ("a", "b"), ("policy", "random"), 3, 0.0)
FOUR = TapeEnvironment("connect_four", "1", '{"kind":"builtIn","name":"connect_four"}')
CHOICE = GenericChoice(seat=1, answer="3", actions={3: "drop into column 4"})
DECISION = Decision(DecisionType.REVEAL)


def write(path: Path, *entries: TapeEntry, rest: bytes = b"") -> Path:
    """A tape of these entries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(encode_entry, entries)) + rest)
    return path


def test_a_whole_tape(tmp_path: Path) -> None:
    """Opening, decisions with their answers, and the winner's seat."""
    path = write(tmp_path / "t.jsonl", START, TapeMove("0", DECISION), TapeEnd("won", 2))
    opening, moment, ending = tape(path)
    assert isinstance(opening, Opening)
    assert opening.title.endswith("a against b, seed 3")
    assert (opening.environment, opening.seed) == (MAGIC, 3)
    assert opening.players == ("policy", "random")
    assert moment == Moment(DECISION, "0")
    assert ending == GameEnding("", 2)


def test_a_tape_of_a_game_without_scenarios(tmp_path: Path) -> None:
    """The title has the environment in the place of decks; choices come as they were written."""
    start = TapeStart(2, "four", "training", FOUR, ("-", "-"), ("policy", "random"), 3, 0.0)
    opening, choice, ending = tape(write(tmp_path / "t.jsonl", start, CHOICE, TapeEnd("draw")))
    assert isinstance(opening, Opening)
    assert opening.title.endswith(", connect_four, seed 3")
    assert opening.environment == FOUR
    assert choice == CHOICE
    assert ending == GameEnding("the game is a draw", is_draw=True)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (TapeEnd("draw"), "the game is a draw"),
        (TapeEnd("timeout", None, 120.4), "time is over after 120 s"),
        (TapeEnd("cut"), "too long"),
        (TapeEnd("aborted", reason="the daemon went away"), "given up: the daemon went away"),
    ],
)
def test_how_games_end(tmp_path: Path, end: TapeEnd, words: str) -> None:
    """Each end has a sentence."""
    *_, ending = tape(write(tmp_path / "t.jsonl", START, end))
    assert isinstance(ending, GameEnding)
    assert words in ending.text


def test_a_tape_without_end(tmp_path: Path) -> None:
    """Its writer is gone: what there is, is shown, and that it stops."""
    path = write(tmp_path / "t.jsonl", START, TapeMove("0", DECISION))
    assert list(tape(path))[1:] == [
        Moment(DECISION, "0"),
        GameEnding("the recording stops here, before the end of the game"),
    ]


def test_a_tape_that_grows_is_followed(tmp_path: Path) -> None:
    """Half a line is waited for; the end ends it."""
    move, end = encode_entry(TapeMove("0", DECISION)), encode_entry(TapeEnd("draw"))
    path = write(tmp_path / "t.jsonl", START, rest=move[:10])
    coming = [move[10:], end[:5], end[5:]]

    def growing() -> bool:
        with path.open("ab") as file:
            file.write(coming.pop(0))
        return True

    assert list(tape(path, growing=growing))[1:] == [
        Moment(DECISION, "0"),
        GameEnding("the game is a draw", is_draw=True),
    ]
    assert coming == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello\n", "line 1: is no line of a recorded game"),
        (b"\xff\xfe\x00", "line 1: is no line of a recorded game"),
        (encode_entry(TapeEnd("draw")), "line 1: is out of place"),
        (encode_entry(START) * 2, "line 2: is out of place"),
        (encode_entry(START) + b'{"entry":"move"', "line 2: is no line of a recorded game"),
        (b"x" * 3_000_000, "line 1: is longer than"),
    ],
    ids=["empty", "text", "bytes", "no start", "two starts", "half a line", "huge"],
)
def test_a_file_that_is_no_tape(tmp_path: Path, content: bytes, words: str) -> None:
    """One sentence with the file, the line and what to do."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        list(tape(path))
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith("give a recorded game")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Expect its name and the reason."""
    with pytest.raises(UserError, match="cannot be read: No such file"):
        list(tape(tmp_path / "t.jsonl"))


def test_the_newest_tape_of_a_run(tmp_path: Path) -> None:
    """Of any kind, or of the one that is asked for."""
    folder = tmp_path / "quick" / "tapes"
    evaluation = write(folder / "evaluation-1-x.jsonl", START)
    training = write(folder / "training-2-x.jsonl", START)
    assert newest_tape("quick", tmp_path, "evaluation") == evaluation
    assert newest_tape("quick", tmp_path, "training") == training
    assert newest_tape("quick", tmp_path, "") in (evaluation, training)
    assert not is_growing("quick", tmp_path, training)()


def test_a_run_without_tapes(tmp_path: Path) -> None:
    """Expect the names of the runs that there are, or that no game was recorded yet."""
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "status.json").write_text("{}")
    with pytest.raises(UserError, match="no game has been recorded yet"):
        newest_tape("quick", tmp_path, "")
    with pytest.raises(UserError, match=r"no local run quack in .*: found: quick"):
        newest_tape("quack", tmp_path, "")


# --- daemons --------------------------------------------------------------------------------------


@contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server for one connection that does what a test says."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                with suppress(ConnectionError):  # who has heard enough hangs up before the end
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def saying(data: bytes) -> Callable[[socket.socket], None]:
    """Say this and hang up."""
    return lambda connection: connection.sendall(data)


def test_a_live_game() -> None:
    """Decisions without answers, log lines passed over, the winner's seat at the end."""
    lines = (
        b"GAME_START: a vs b\nTurn 1\n"
        b'DECISION: {"decision_type":"reveal"}\n'
        b"GAME_RESULT: Ai(2)-b won in 5ms\n"
    )
    with peer(saying(lines)) as endpoint:
        opening, moment, ending = live_game(endpoint, ("a", "b"), 7)
    assert opening == Opening(f"a against b on {endpoint}, seed 7", seed=7)
    assert moment == Moment(DECISION, None)
    assert ending == GameEnding("", 2)


def shown(**fields: object) -> bytes:
    """A decision of a game other than Magic, as ``-o`` shows it."""
    seen = {"shape": [1], "dtype": "uint8", "data": "AA=="}
    actions = [{"index": 3, "description": "drop into column 4"}]
    decision = {"seat": 1, "observation": seen, "actions": actions, **fields}
    return b"DECISION: " + json.dumps(decision).encode() + b"\n"


def test_a_live_game_of_another_environment() -> None:
    """What its own player chose, as a tape has it."""
    lines = shown(ai_choice=3, ai_choice_index=0) + b"GAME_RESULT: Draw in 5ms\n"
    with peer(saying(lines)) as endpoint:
        opening, choice, _ = live_game(endpoint, ("-", "-"), None)
    assert opening == Opening(f"a game on {endpoint}")
    assert choice == CHOICE


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"GAME_RESULT: Draw in 5ms\n", "the game is a draw"),
        (b"GAME_RESULT: Somebody won in 5ms\n", "Somebody wins"),
        (b"GAME_TIMEOUT: 120 s\n", "time is over: 120 s"),
        (b"GAME_ERROR: broken\n", "the engine failed: broken"),
    ],
)
def test_how_live_games_end(line: bytes, words: str) -> None:
    """Each terminal line has a sentence."""
    with peer(saying(line)) as endpoint:
        *_, ending = live_game(endpoint, ("a", "b"), None)
    assert ending == GameEnding(words, is_draw="draw" in words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"ERROR: deck a not found\n", "refused: deck a not found"),
        (b"", "closed the connection before the end of the game"),
        (b"DECISION: {oops\n", "a DECISION line cannot be read"),
        (shown(), "does not play both seats itself"),
        (shown(ai_choice="x"), "is no generic decision"),
        (b"GAME_RESULT: nonsense\n", "names no winner"),
        (b"x" * 2_000_000, "a line is longer than"),
    ],
    ids=["refused", "gone", "broken", "asks", "choice", "no result", "endless line"],
)
def test_a_daemon_that_misbehaves(data: bytes, words: str) -> None:
    """One sentence that names the daemon."""
    with peer(saying(data)) as endpoint, pytest.raises(UserError, match=words) as caught:
        list(live_game(endpoint, ("a", "b"), None))
    assert str(caught.value).startswith(f"--daemon {endpoint}: ")


@pytest.mark.parametrize("endpoint", ["nowhere", ":1", "host:", "host:99999", "host:http"])
def test_an_address_that_is_none(endpoint: str) -> None:
    """Expect the form that is needed."""
    with pytest.raises(UserError, match="is not HOST:PORT"):
        list(live_game(endpoint, ("a", "b"), None))


def test_nobody_listens() -> None:
    """Expect the address and what to check."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(UserError, match="check that a daemon runs there"):
            list(live_game(endpoint, ("a", "b"), None))


def test_a_deck_name_that_cannot_be_sent() -> None:
    """The protocol has no quoting."""
    with pytest.raises(UserError, match="spaces break the command"):
        list(live_game("127.0.0.1:1", ("a b", "c"), None))
