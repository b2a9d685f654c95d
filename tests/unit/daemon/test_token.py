"""A daemon with a token: it plays with those who have it, and nothing shows it."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainingrun_protocol.access import TOKEN_VARIABLE
from trainingrun_protocol.lines import parse_status

WORD = "the-token-of-this-daemon"
GAME = b"NEWGAME test_red.dck test_blue.dck"
COMMAND = [sys.executable, "-m", "trainingrun_daemon", "--host", "127.0.0.1", "--port", "0"]


class Daemon:
    """A daemon process that listens."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def connect(self, data: bytes) -> socket.socket:
        """Open a connection and send bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(data)
        return connection

    def ask(self, data: bytes) -> bytes:
        """Send bytes and give everything that comes until the daemon closes."""
        with self.connect(data) as connection, connection.makefile("rb") as lines:
            return lines.read()

    def started(self) -> int:
        """Games that have ever had a slot, or wait for one."""
        status = parse_status(self.ask(b"STATUS\n").splitlines())
        assert status.total is not None
        return status.total + (status.queued or 0)


@contextlib.contextmanager
def daemon(decks: Path, *arguments: str, variable: str = "") -> Iterator[Daemon]:
    """A daemon that is stopped at the end; ``variable`` is the token in its environment."""
    process = subprocess.Popen(
        [*COMMAND, "--decks", str(decks), *arguments],
        env={**os.environ, TOKEN_VARIABLE: variable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Daemon(process, int(process.stdout.readline().rpartition(":")[2]))
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def processes_of(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stranger_takes_no_slot(deck_directory: Path, workers: str) -> None:
    """Without the token or with a wrong one: one ERROR line, and the slot is never asked for.

    Held open for long, such a game would keep the run's actors out.
    """
    with daemon(deck_directory, "--workers", workers, variable=WORD) as there:
        assert there.ask(GAME + b" -i -q -c 1000000\n").startswith(b"ERROR: this daemon plays for")
        assert there.ask(GAME + b" -q --token another-token\n").startswith(b"ERROR: the token is")
        assert there.ask(b"NEWGAME no_such.dck test_blue.dck\n").startswith(b"ERROR: this daemon")
        assert there.started() == 0
        right = GAME + b" -q --token " + WORD.encode() + b"\n"
        assert there.ask(right).startswith(b"GAME_RESULT: ")
        assert there.started() == 1


def test_each_game_of_a_connection_needs_it(deck_directory: Path) -> None:
    """With -k the next command is a client's first again."""
    right = GAME + b" -q -k --token " + WORD.encode() + b"\n"
    with daemon(deck_directory, variable=WORD) as there:
        lines = there.ask(right + right + GAME + b" -q -k\n" + right).splitlines()
    assert [line.split(b":")[0] for line in lines] == [b"GAME_RESULT", b"GAME_RESULT", b"ERROR"]


def test_nothing_shows_the_token(deck_directory: Path, tmp_path: Path) -> None:
    """Neither a list of processes, where workers have options too, nor what the daemon prints."""
    file = tmp_path / "token"
    file.write_text(f"{WORD}\n")
    with daemon(deck_directory, "--workers", "2", "--token-file", str(file)) as there:
        assert there.ask(GAME + b" -q --token " + WORD.encode() + b"\n").startswith(b"GAME_RESULT")
        there.ask(GAME + b" -q --token " + WORD.encode() + b"x\n")
        processes = processes_of(there.process.pid)
        assert len(processes) == 3
        for pid in processes:
            assert WORD.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        there.process.terminate()
        assert there.process.stdout is not None
        assert WORD not in there.process.stdout.read()


def test_a_token_file_goes_before_the_variable(deck_directory: Path, tmp_path: Path) -> None:
    """For workers, too, which inherit the variable."""
    file = tmp_path / "token"
    file.write_text(WORD)
    options = ("--workers", "2", "--token-file", str(file))
    with daemon(deck_directory, *options, variable="a-token-of-the-variable") as there:
        assert there.ask(GAME + b" -q --token a-token-of-the-variable\n").startswith(b"ERROR")
        assert there.ask(GAME + b" -q --token " + WORD.encode() + b"\n").startswith(b"GAME_RESULT")


@pytest.mark.parametrize(
    ("arguments", "variable", "words"),
    [
        (["--token-file", "/no/such/file"], "", "the token file /no/such/file cannot be read"),
        (["--token-file", "/dev/null"], "", "the token file /dev/null holds no token"),
        ([], "short", f"{TOKEN_VARIABLE} holds no token"),
    ],
)
def test_a_daemon_does_not_start_open_by_mistake(
    arguments: list[str], variable: str, words: str
) -> None:
    """A token that is asked for and not there is an error, and not a daemon for everybody."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, TOKEN_VARIABLE: variable},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"trainingrun-daemon: {words}")
    assert done.stderr.count("\n") == 1
