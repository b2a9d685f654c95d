"""`trainingrun daemons check --environment engine`: what it prints about engines with one fault
each, on real sockets, and about the engines of examples/.
"""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
import yaml
from trainingrun.commands.app import app
from trainingrun.commands.daemons.engine.checks import CHECKS, PAGE
from trainingrun.commands.errors import UserError
from typer.testing import CliRunner, Result

from testkit.own_engines import engine_in_go, engine_in_python, find_go
from testkit.servers.faulty_engine import GOAL, Fault, faulty_engine
from testkit.tree import ROOT

EXAMPLES = ROOT / "examples"


def check(port: int, *arguments: str, seconds: float = 5.0) -> Result:
    """Run the verb with limits for tests: an engine on a busy machine has seconds for a line."""
    limits = ("--games", "3", "--timeout", f"{seconds:g}", "--decisions", "200")
    place = f"127.0.0.1:{port}"
    command = ["daemons", "check", place, "--environment", "engine", *limits, *arguments]
    return CliRunner().invoke(app, command)


WAITED_OUT = frozenset({Fault.SILENT, Fault.NO_STATUS})
"""They say nothing, however long they are waited for."""
WRONG = [
    (Fault.SILENT, "start", "no line came in 0.5 s after NEWGAME"),
    (Fault.GREETS, "greeting", "the engine speaks first"),
    (Fault.NO_STATUS, "status", "this is no answer to STATUS"),
    (Fault.NO_SLOTS, "status", "Max concurrent is 0: no game would be sent"),
    (Fault.REFUSES, "start", "the command was refused"),
    (Fault.NOT_JSON, "decisions", "JSON is malformed: object keys must be strings"),
    (Fault.NO_SEAT, "decisions", "Object missing required field `seat`"),
    (Fault.OTHER_TYPE, "decisions", 'decision_type is "mulligan"'),
    (Fault.DATA_SHORT, "observation", "data holds 44 bytes: 12 numbers of float32 are 48"),
    (Fault.DATA_BROKEN, "observation", "Invalid base64 encoded string"),
    (Fault.NOT_A_NUMBER, "observation", "not finite, the first at place 4"),
    (Fault.TOO_LARGE, "observation", "holds 300: scale its numbers to -8 … 8"),
    (Fault.DTYPE, "observation", "dtype is 'bfloat16': use one of uint8, int8"),
    (Fault.FIVE_DIMENSIONS, "observation", "[1, 1, 1, 1, 12] is no shape"),
    (Fault.NO_ACTIONS, "actions", "actions is empty"),
    (Fault.SAME_INDEX, "actions", "two entries with the same index"),
    (Fault.INDEX, "actions", "index 5000: the vocabulary goes from 0 to 2047"),
    (Fault.FEATURES, "actions", "features has 3 numbers, the environment's actions have 2"),
    (Fault.FEATURES_TOO_LARGE, "actions", "holds 9.5: scale its numbers"),
    (Fault.SECOND_GAME, "schema", "shape is [11], that of the first decision [12]"),
    (Fault.SECOND_DTYPE, "schema", "dtype is float64, that of the first decision float32"),
    (Fault.ENDLESS, "end", "no end after 200 decisions"),
    (Fault.NO_RESULT, "end", "closed before the last line of the game"),
    (Fault.CLOSES, "end", "closed before the last line of the game"),
    (Fault.GAME_ERROR, "end", "the engine cut the game short"),
    (Fault.WINNER, "result", 'the winner is "somebody": its name shows no seat'),
    (Fault.MILLISECONDS, "result", "names no winner, draw and time"),
    (Fault.RETURNS_SOMETIMES, "result", "has GAME_RETURNS, the game before had none"),
    (Fault.RETURNS_INFINITE, "result", "GAME_RETURNS needs two finite numbers"),
    (Fault.RETURNS_SWAPPED, "result", "seat 1 won and returns -1, less than the other's 1"),
    (Fault.LONG_LINE, "lines", "a line is longer than 1 MiB"),
    (Fault.EMPTY_LINE, "lines", "an empty line came"),
    (Fault.SPEAKS_LATE, "lines", "a line came after the last line of the game"),
    (Fault.SHARED, "two-at-once", "the other connection's answers changed it"),
    (Fault.BAD_ANSWER, "bad-answers", "closed without a last line of the game"),
    (Fault.HANGS, "bad-answers", "nothing came after it: the game hangs"),
    (Fault.DIES, "bad-answers", "takes no connection after it: it has ended"),
    (Fault.FLAGS, "commands", "the command was refused"),
    (Fault.LEAKS, "leaving", "2 s later: slots are lost"),
]
CARE = [
    (Fault.CLOSES_AFTER, "keep-open", "each game costs a connection of its own"),
    (Fault.UNSEEDED, "seed", "runs and evaluations cannot be repeated"),
    (Fault.ASKS_BOTH, "engine-seat", "seat 1 is asked: there is no opponent `engine`"),
    (Fault.SLOW, "speed", "half of the decisions take longer than"),
    (Fault.NO_LIMIT, "time-limit", "no GAME_TIMEOUT came"),
]


@pytest.mark.parametrize(("fault", "name", "words"), WRONG, ids=[each[0].name for each in WRONG])
def test_a_fault_is_named(fault: Fault, name: str, words: str) -> None:
    """The check is wrong, the sentence says why, the exit code is 1."""
    with faulty_engine(fault) as port:
        result = check(port, "--only", name, seconds=0.5 if fault in WAITED_OUT else 5.0)
    assert re.search(rf"^{name} +WRONG ", result.stdout, re.MULTILINE), result.stdout
    assert words in result.stdout
    assert result.exit_code == 1


@pytest.mark.parametrize(("fault", "name", "words"), CARE, ids=[each[0].name for each in CARE])
def test_what_training_can_live_with_fails_only_a_strict_check(
    fault: Fault, name: str, words: str
) -> None:
    """The price is said."""
    with faulty_engine(fault) as port:
        result = check(port, "--only", name, "--games", "2")
    assert re.search(rf"^{name} +care ", result.stdout, re.MULTILINE), result.stdout
    assert words in result.stdout
    assert result.exit_code == 0


def test_strict_counts_care_as_failed() -> None:
    """Exit code 1."""
    with faulty_engine(Fault.UNSEEDED) as port:
        assert check(port, "--only", "seed", "--strict").exit_code == 1


def test_every_fault_has_its_sentence() -> None:
    """No switch of the test's engine is left untried."""
    assert {each[0] for each in (*WRONG, *CARE)} == set(Fault) - {Fault.NONE}


def test_a_finding_shows_its_line_cut_and_the_page() -> None:
    """Where, the raw line, what is, what should be, where that is written."""
    with faulty_engine(Fault.TOO_LARGE) as port:
        lines = check(port, "--only", "observation").stdout.splitlines()
    assert lines[0] == "WRONG: observation (game 1, line 1)"
    assert re.fullmatch(r"  line 1: DECISION: \{.{189}…", lines[1])
    assert lines[2] == "  is:     observation holds 300: scale its numbers to -8 … 8"
    assert lines[3].startswith("  should: base64 of finite little-endian numbers from -8 to 8")
    assert lines[4] == "  page:   docs/guides/own-engine.md#observations"


def test_a_fault_of_every_line_is_shown_once_and_counted() -> None:
    """A page of the same sentence is of no help."""
    with faulty_engine(Fault.EMPTY_LINE) as port:
        output = check(port, "--only", "lines").stdout
    assert output.count("an empty line came") == 1
    assert re.search(r"^lines: \d\d+ more of this kind$", output, re.MULTILINE)


def test_a_sound_engine_passes_all_and_shows_its_rates_and_its_block() -> None:
    """Expect the block to name the shape and the vocabulary that were seen."""
    with faulty_engine() as port:
        result = check(port, "--strict", "--timeout", "5")
    assert result.exit_code == 0, result.stdout
    assert not re.search(r"care|WRONG|not reached", result.stdout)
    assert "the largest index that was seen: write the size of all actions" in result.stdout
    assert re.search(r"3 games, \d+ decisions, \d+.* decisions/s .* 99th", result.stdout)
    block = yaml.safe_load(result.stdout[result.stdout.index("spec:") :])
    engine = block["spec"]["environment"]["engine"]
    assert engine["observation"] == [GOAL]
    assert engine["actions"] == {"vocabulary": {"size": 3}}


RUN = """
apiVersion: trainingrun.dev/v1alpha1
kind: TrainingRun
metadata: {name: race}
spec:
  games: 100
  environment:
    engine:
      name: race
      observation: OBSERVATION
      actions: {ACTIONS}
      rewardBound: 0.5
  daemon:
    external: {endpoints: ["127.0.0.1:17171"]}
"""


@pytest.mark.parametrize(
    ("fault", "observation", "actions", "words"),
    [
        (Fault.NONE, "[12]", "vocabulary: {size: 2}", "index 2: the vocabulary goes from 0 to 1"),
        (Fault.NONE, "[3, 4]", "vocabulary: {size: 3}", "shape is [12], that of the file [3, 4]"),
        (Fault.NONE, "[12]", "features: {width: 2}", "features has 0 numbers, the environment's"),
        (Fault.RETURNS_SWAPPED, "[12]", "vocabulary: {size: 3}", "beyond the file's rewardBound"),
    ],
)
def test_lines_must_fit_the_file(
    tmp_path: Path, fault: Fault, observation: str, actions: str, words: str
) -> None:
    """Expect the file's shapes to hold, not those of the first decision."""
    file = tmp_path / "run.yaml"
    file.write_text(RUN.replace("OBSERVATION", observation).replace("ACTIONS", actions))
    with faulty_engine(fault) as port:
        result = check(port, "-f", str(file))
    assert words in result.stdout
    assert result.exit_code == 1


def test_a_file_with_magic_is_no_environment_of_an_engine(tmp_path: Path) -> None:
    """What to write is said."""
    error = check(1, "-f", str(EXAMPLES / "quickstart.yaml")).exception
    assert isinstance(error, UserError)
    assert "write spec.environment.engine" in str(error)


def test_programs_get_one_document() -> None:
    """Expect the result, each check and each finding with its line."""
    with faulty_engine(Fault.WINNER) as port:
        document = json.loads(check(port, "--only", "result", "-o", "json").stdout)
    assert document["result"] == "WRONG"
    assert document["checks"][0]["check"] == "result"
    assert document["findings"][0]["raw"].startswith("GAME_RESULT: somebody won")


def test_nothing_listens_is_a_sentence() -> None:
    """What to do is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = check(port).exception
    assert isinstance(error, UserError)
    assert f"nothing answers at 127.0.0.1:{port}" in str(error)


def test_an_engine_of_another_game_needs_the_option() -> None:
    """No vector of the card game is replayed against it."""
    with faulty_engine() as port:
        error = CliRunner().invoke(app, ["daemons", "check", f"127.0.0.1:{port}"]).exception
    assert isinstance(error, UserError)
    assert "add --environment engine" in str(error)


def test_an_unknown_check_is_a_sentence() -> None:
    """All names are listed."""
    error = check(1, "--only", "beauty").exception
    assert isinstance(error, UserError)
    assert "two-at-once" in str(error)


def test_every_check_has_its_place_in_the_guide() -> None:
    """The page that a finding names has the heading, as its anchor is made."""
    text = (ROOT / PAGE).read_text("utf-8")
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    anchors = {heading.casefold().replace(" ", "-") for heading in headings}
    assert {each.section for each in CHECKS} <= anchors


def test_the_guide_shows_all_checks() -> None:
    """In their order, as the command prints them."""
    text = (ROOT / PAGE).read_text("utf-8")
    places = [text.index(f"\n{each.name:<13} ok       {each.title}\n") for each in CHECKS]
    assert places == sorted(places)


def test_the_engine_in_go_passes_all(tmp_path: Path) -> None:
    """Every check, strictly."""
    go = find_go()
    if go is None:
        pytest.skip("needs go on PATH to build examples/engine-in-go")
    with engine_in_go(tmp_path, go) as port:
        result = check(port, "--strict", "--timeout", "5")
    assert result.exit_code == 0, result.stdout
    assert "vocabulary: {size: 21}" in result.stdout


def test_the_engine_in_python_passes_all(tmp_path: Path) -> None:
    """Every check, strictly."""
    with engine_in_python(tmp_path) as port:
        result = check(port, "--strict", "--timeout", "5")
    assert result.exit_code == 0, result.stdout
    assert "observation: [2, 5, 5]" in result.stdout
