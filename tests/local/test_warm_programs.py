"""A program that starts warm is, to who started it by its file, what it is when it starts cold."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testkit.tree import DECKS
from testkit.waiting import until
from testkit.warm_program import warm_folder

DAEMON = ("trainingrun-daemon", "trainingrun_daemon")


@contextmanager
def daemon(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A daemon that was started by its file, beside an interpreter of the folder's."""
    program = warm_folder(DAEMON).with_name("trainingrun-daemon")
    command = [str(program), "--port", "0", "--port-file", str(folder / "port"), *options]
    process = subprocess.Popen(
        [*command, "--decks", str(DECKS)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def serves(folder: Path) -> bool:
    """Whether the daemon of the folder accepts connections."""
    try:
        port = int((folder / "port").read_text())
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except (OSError, ValueError):
        return False
    return True


def test_a_signal_reaches_it_and_its_exit_code_comes_back(tmp_path: Path) -> None:
    """SIGTERM ends it with 0, as it ends one that was started cold."""
    with daemon(tmp_path) as process:
        until(lambda: serves(tmp_path), seconds=60, what="a daemon that serves")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not serves(tmp_path)


def test_what_it_says_comes_by_the_streams_that_it_was_given(tmp_path: Path) -> None:
    """A wrong option: its sentence, and exit code 2."""
    with daemon(tmp_path, "--no-such-option") as process:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "no-such-option" in said


def test_it_goes_when_who_was_started_is_killed(tmp_path: Path) -> None:
    """Nothing is left that serves."""
    with daemon(tmp_path) as process:
        until(lambda: serves(tmp_path), seconds=60, what="a daemon that serves")
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
        until(lambda: not serves(tmp_path), seconds=60, what="a daemon that is gone")
