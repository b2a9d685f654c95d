"""The process: how it starts, fails and ends (daemon-protocol, the original's dialect)."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.forge_client import play
from testkit.forge_server.faults import FAITHFUL, REPAIRED, Fault, Version
from testkit.forge_server.options import DEFAULT_PORT, parse_options

REPOSITORY = Path(__file__).parents[3]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "testkit.forge_server", "daemon", *arguments]


@pytest.fixture
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A stand-in as a process of its own, with its port."""
    arguments = _command("-p", "0", "--decks", str(folder), "--repaired")
    with subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        port = int(running.stdout.readline().split("port ")[1].split(",")[0])
        yield running, port
        running.kill()


def test_only_p_is_read_and_what_is_unknown_is_ignored() -> None:
    """Only `-p` is read; what it does not know it ignores and takes 17171."""
    options = parse_options(["--host", "x", "--port", "9", "--max-concurrent", "3", "-v", "-p"])
    assert options.port == DEFAULT_PORT == 17171
    assert parse_options(["daemon", "-p", "1234"]).port == 1234


def test_the_last_port_counts() -> None:
    """Each `-p` replaces the one before."""
    assert parse_options(["-p", "1", "-p", "2"]).port == 2


def test_the_faults_are_switches_and_all_are_on_by_default() -> None:
    """The faithful set, some of it, or a build without them."""
    assert parse_options([]).build.faults == FAITHFUL
    assert parse_options(["--repaired"]).build.faults == REPAIRED
    assert parse_options(["--fault", "loops", "--fault", "free-mana"]).build.faults == {
        Fault.LOOPS,
        Fault.FREE_MANA,
    }
    assert parse_options(["--version", "oldest"]).build.version is Version.OLDEST


def test_a_taken_port_ends_it_with_status_0(folder: Path) -> None:
    """A failed start (port taken) exits with status 0: only the open port is success."""
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            _command("-p", port, "--decks", str(folder)),
            cwd=REPOSITORY,
            timeout=60,
            capture_output=True,
            check=False,
        )
    assert ended.returncode == 0
    assert b"listening" not in ended.stdout


def test_missing_card_data_ends_it_with_status_0() -> None:
    """A failed start (no card data) exits with status 0."""
    ended = subprocess.run(
        _command("-p", "0", "--decks", "/nowhere"),
        cwd=REPOSITORY,
        timeout=60,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0
    assert b"listening" not in ended.stdout


@pytest.mark.parametrize("port", ["http", "70000", "99999999999"])
def test_a_port_that_is_none_ends_it_with_status_1(port: str) -> None:
    """But a port that Java cannot read is an uncaught exception."""
    ended = subprocess.run(
        _command("-p", port), cwd=REPOSITORY, timeout=60, capture_output=True, check=False
    )
    assert ended.returncode == 1


def test_shutdown_ends_it_when_one_more_connection_comes(
    process: tuple[subprocess.Popen[str], int],
) -> None:
    """`SHUTDOWN` ends it: after it has served the connection that it waits for."""
    running, port = process
    assert play(port, "SHUTDOWN").log == ["Shutting down"]
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.3)
    assert play(port, "STATUS").log[0] == "FORGE DAEMON STATUS"
    assert running.wait(60) == 0


def test_it_plays_as_a_process(process: tuple[subprocess.Popen[str], int]) -> None:
    """Started by its command line it serves games."""
    _, port = process
    assert play(port, "NEWGAME test_red.dck test_blue.dck -q").lines[-1].startswith("GAME_RESULT: ")
