"""The daemon as a process: readiness, draining, and mistakes on the command line."""

import contextlib
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "trainingrun_daemon", "--host", "127.0.0.1", "--port", "0"]
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "daemon.md"
GAME = b"NEWGAME test_red.dck test_blue.dck -i -q -s 1\n"


@contextlib.contextmanager
def _daemon(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a daemon and wait for its line; gives the process and its port."""
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:")
        yield process, int(line.rpartition(":")[2])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _finish(connection: socket.socket) -> bytes:
    """Answer every decision; gives the last line."""
    last = b""
    with connection.makefile("rb") as lines:
        for line in lines:
            last = line
            if line.startswith(b"DECISION"):
                connection.sendall(b"0\n")
    return last


def test_the_port_file_holds_the_port(deck_directory: Path, tmp_path: Path) -> None:
    """The file is there when the daemon says that it listens."""
    path = tmp_path / "port"
    with _daemon("--decks", str(deck_directory), "--port-file", str(path)) as (_, port):
        assert path.read_text() == f"{port}\n"


def test_a_stopped_daemon_finishes_its_games(deck_directory: Path) -> None:
    """After SIGTERM the running game continues to its result, new ones are refused, exit code 0."""
    with _daemon("--decks", str(deck_directory)) as (process, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(GAME)
            connection.recv(1, socket.MSG_PEEK)
            process.send_signal(signal.SIGTERM)
            refusal = b""
            while b"stopping" not in refusal:  # until the signal has arrived
                with socket.create_connection(("127.0.0.1", port)) as other:
                    other.sendall(b"NEWGAME test_red.dck test_blue.dck -q\n")
                    refusal = _finish(other)
            assert _finish(connection).startswith(b"GAME_RESULT: ")
        assert process.wait(timeout=30) == 0


def test_the_drain_time_ends(deck_directory: Path) -> None:
    """A game that does not end in the drain time gets GAME_ERROR, exit code 0."""
    with _daemon("--decks", str(deck_directory), "--drain-seconds", "0") as (process, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(GAME)
            connection.recv(1, socket.MSG_PEEK)
            process.send_signal(signal.SIGTERM)
            with connection.makefile("rb") as lines:
                assert lines.readlines()[-1] == b"GAME_ERROR: the daemon is stopping\n"
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--decks", "/nowhere"], "the deck directory /nowhere does not exist"),
        (["--port", "70000"], "no whole number from 0 to 65535"),
        (["--max-concurrent", "0"], "no whole number from 1 to"),
        (["--longest-game", "0"], "no whole number from 1 to"),
        (["--games-per-address", "0"], "no whole number from 1 to"),
        (["--workers", "many"], "no whole number from 0 to 256"),
        (["--latency", "xmage"], "invalid choice: 'xmage'"),
        (["--decks", "{decks}", "--port-file", "/nowhere/port"], "cannot be written"),
    ],
)
def test_mistakes_end_with_code_2_and_a_sentence(
    deck_directory: Path, arguments: list[str], words: str
) -> None:
    """No traceback: what is wrong and what to give instead."""
    filled = [argument.format(decks=deck_directory) for argument in arguments]
    done = subprocess.run([*COMMAND, *filled], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_ends_with_code_2(deck_directory: Path) -> None:
    """The second daemon on a port names the port and the way out."""
    with _daemon("--decks", str(deck_directory)) as (_, port):
        arguments = ["--decks", str(deck_directory), "--port", str(port)]
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_clients_that_wait_for_ever_do_not_hold_all_slots(
    deck_directory: Path, workers: str
) -> None:
    """Four idle clients of one address leave a slot to another address."""
    limits = ["--max-concurrent", "3", "--games-per-address", "2"]
    with (
        _daemon("--decks", str(deck_directory), "--workers", workers, *limits) as (_, port),
        contextlib.ExitStack() as stack,
    ):
        idle = [stack.enter_context(_connection(port, "127.0.0.1")) for _ in range(4)]
        for each in idle:
            each.sendall(GAME.replace(b"-i", b"-i -c 1000000"))
        # Whichever of them has a game: with two workers, they do not begin in the order of coming.
        begun, _, _ = select.select(idle, [], [], 60)
        assert begun
        with _connection(port, "127.0.0.2") as honest:
            honest.sendall(b"NEWGAME test_red.dck test_blue.dck -q\n")
            assert _finish(honest).startswith(b"GAME_RESULT: ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_daemon_bounds_the_limit_of_a_game(deck_directory: Path, workers: str) -> None:
    """A client that never answers is ended by the daemon, and the next one plays."""
    limits = ["--max-concurrent", "1", "--longest-game", "1"]
    with _daemon("--decks", str(deck_directory), "--workers", workers, *limits) as (_, port):
        with _connection(port, "127.0.0.1") as idle, idle.makefile("rb") as lines:
            idle.sendall(GAME.replace(b"-i", b"-i -c 1000000"))
            assert lines.readlines()[-1] == b"GAME_TIMEOUT: the game took longer than 1 s\n"
        with _connection(port, "127.0.0.1") as other, other.makefile("rb") as lines:
            other.sendall(b"STATUS\n")
            assert b"Active games: 0\n" in lines.readlines()


def _connection(port: int, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), source_address=(source, 0))


def test_auto_is_a_number_of_workers(deck_directory: Path) -> None:
    """With as many processes as cores, whatever that is here, a game is played."""
    with (
        _daemon("--decks", str(deck_directory), "--workers", "auto") as (_, port),
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        connection.sendall(b"NEWGAME test_red.dck test_blue.dck -q\n")
        assert _finish(connection).startswith(b"GAME_RESULT: ")


def test_a_daemon_that_pretends_to_load_can_be_stopped(deck_directory: Path) -> None:
    """SIGTERM ends the imitated start of the real engine; it never listens, exit code 0."""
    process = subprocess.Popen(
        [*COMMAND, "--decks", str(deck_directory), "--latency", "forge"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "starting takes" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out == ""


def test_the_reference_names_every_flag() -> None:
    """``docs/reference/daemon.md`` has a row for each flag of ``--help``."""
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    flags = set(re.findall(r"--[a-z-]+", done.stdout)) - {"--help"}
    rows = REFERENCE.read_text("utf-8")
    assert {flag for flag in flags if f"| `{flag}" not in rows} == set()
