"""The same seed, decks, flags and answers give the same lines, byte for byte, anywhere.

Twenty games (a hundred with ``make soak``) are recorded here and played again in other processes,
in the opposite order and with other hashes: nothing may depend on the order of sets, on addresses,
on the time, on a shared generator, or on what another game left behind.
"""

import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trainingrun_daemon

from benchmarks.daemon.games import play_record, play_record_elsewhere, record
from testkit.soak_share import share_of

GAMES = share_of(100)
PACKAGE = Path(trainingrun_daemon.__file__).parent
OF_THE_GAME = [
    *sorted((PACKAGE / "rules").rglob("*.py")),
    *sorted((PACKAGE / "cards").rglob("*.py")),
    *sorted((PACKAGE / "ai").rglob("*.py")),
    *(PACKAGE / name for name in ("session.py", "encoding.py")),
]
FORBIDDEN = {"time", "datetime", "os", "secrets", "uuid", "threading", "asyncio", "socket"}
SYSTEM_PYTHON = shutil.which("python3.11", path="/usr/bin")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Games: plans, answers and digests of all lines."""
    path = tmp_path_factory.mktemp("games") / "games.jsonl"
    assert record(range(GAMES), 0, path) == 0
    return path


@pytest.mark.soak
@pytest.mark.parametrize("hash_seed", [1, 2])
def test_another_process_plays_the_same_games(recorded: Path, hash_seed: int) -> None:
    """Every line of every game is the same under other hashes."""
    assert len(recorded.read_text().splitlines()) == GAMES
    assert play_record_elsewhere(recorded, sys.executable, hash_seed) == []


@pytest.mark.soak
@pytest.mark.needs("second Python 3.11")
def test_another_interpreter_plays_the_same_games(recorded: Path) -> None:
    """Every line is the same with another build of Python."""
    assert play_record_elsewhere(recorded, str(SYSTEM_PYTHON), 3) == []


def test_another_answer_is_noticed(recorded: Path, tmp_path: Path) -> None:
    """The comparison is of the game: a record with a false digest differs."""
    first = recorded.read_text().splitlines()[0]
    path = tmp_path / "false.jsonl"
    path.write_text(first.replace('"digest": "', '"digest": "0'))
    assert play_record(path) == [0]


def test_no_module_of_the_game_looks_outside() -> None:
    """No clock, no system, no shared generator, no addresses: randomness is the game's own."""
    outside = {str(path.relative_to(PACKAGE)): _outside(path) for path in OF_THE_GAME}
    assert {name: found for name, found in outside.items() if found} == {}


def _outside(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    own = {"random.Random"} if path.name == "model.py" else set()
    from_module = {call for call in calls if call.startswith("random.")} - own
    return set(_imports(tree)) & FORBIDDEN | calls & {"id", "hash"} | from_module


def test_no_rounded_sum_depends_on_the_order_of_a_set() -> None:
    """What is added up over keywords or subtypes, which are sets, is rounded once (``fsum``)."""
    sums = [
        f"{path.relative_to(PACKAGE)}: {ast.unparse(node)}"
        for path in OF_THE_GAME
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sum"
    ]
    assert [text for text in sums if text.rstrip(")").endswith(("keywords", "subtypes"))] == []


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
