"""The program `forge-daemon` with a `java` that plays the original daemon."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from testkit.forge_client import play
from testkit.roles.forge_process import write_java
from testkit.tree import DECKS, ROOT
from testkit.waiting import until

PROGRAM = ROOT / "daemon" / "forge-daemon"


@pytest.fixture
def forge(tmp_path: Path) -> Path:
    """A build with its card data, and the java that starts it."""
    (tmp_path / "forge.jar").write_bytes(b"")
    (tmp_path / "res").mkdir()
    (tmp_path / "bin").mkdir()
    write_java(tmp_path / "bin", "--repaired")
    return tmp_path


def start(forge: Path, *words: str, path: str | None = None) -> subprocess.Popen[str]:
    """The program with a home of its own."""
    return subprocess.Popen(
        [str(PROGRAM), *words],
        env={
            "PATH": path or f"{forge / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(forge),
            "FORGE_JAR": str(forge / "forge.jar"),
            "FORGE_DECKS": str(DECKS),
            "TRAININGRUN_DECKS": os.environ.get("TRAININGRUN_DECKS", ""),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its status and the last line it wrote."""
    said, _ = process.communicate(timeout=60)
    return process.returncode, said.splitlines()[-1] if said else ""


def free_port() -> int:
    """A port that is not in use."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number: int = probe.getsockname()[1]
        return number


def answers(port: int) -> bool:
    """Whether somebody accepts."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_games_with_decks_of_subfolders_until_a_signal(forge: Path) -> None:
    """Decks of every subfolder lie in the flat folder; SIGTERM reaches java."""
    port = free_port()
    with start(forge, "-p", str(port)) as process:
        until(lambda: answers(port), seconds=60, what="it opened its port")
        transcript = play(port, "NEWGAME test_red.dck boros_aggro.dck -q")
        assert transcript.lines[-1].startswith("GAME_RESULT: ")
        process.send_signal(signal.SIGTERM)
        status, _ = ended(process)
    assert status in (143, 0)
    assert not answers(port)


def test_a_deck_of_the_run_goes_before_one_of_the_image(
    forge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is a mounted ConfigMap: hidden folders in it hold older lists."""
    own = forge / "own"
    (own / "..2026_01").mkdir(parents=True)
    (own / "..2026_02").mkdir()
    (own / "..2026_01" / "test_red.dck").write_text("[metadata]\nName=Old\n[Main]\n60 Forest\n")
    (own / "..2026_02" / "test_red.dck").write_text("[metadata]\nName=Own\n[Main]\n60 Mountain\n")
    (own / "..data").symlink_to("..2026_02")
    (own / "test_red.dck").symlink_to("..data/test_red.dck")
    monkeypatch.setenv("TRAININGRUN_DECKS", str(own))
    port = free_port()
    with start(forge, "-p", str(port)) as process:
        until(lambda: answers(port), seconds=60, what="it opened its port")
        lines = play(port, "NEWGAME test_red.dck test_blue.dck").lines
        process.send_signal(signal.SIGTERM)
        ended(process)
    assert any(line.startswith("GAME_START: Own vs ") for line in lines)


def test_a_start_that_fails_with_status_0_is_a_failure(forge: Path) -> None:
    """Without card data the build ends with status 0."""
    shutil.rmtree(forge / "res")
    status, last = ended(start(forge, "-p", str(free_port())))
    assert status == 1
    assert last.startswith("forge-daemon: java ended with status 0 and never opened port ")


def test_a_port_that_is_taken_is_a_failure(forge: Path) -> None:
    """The other program's open port is not taken for the build's."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, last = ended(start(forge, "-p", str(taken.getsockname()[1])))
    assert status == 1
    assert "is taken by another program" in last


@pytest.mark.parametrize("words", [("--port", "1"), ("-p",), ("-p", "x"), ("-p", "70000")])
def test_only_a_port_is_taken(forge: Path, words: tuple[str, ...]) -> None:
    """A build would ignore the rest without a word."""
    status, last = ended(start(forge, *words))
    assert status == 2
    assert last.startswith("forge-daemon: ")


def test_without_java_there_is_a_sentence(forge: Path) -> None:
    """Java 17 or newer is named."""
    (forge / "bare").mkdir()
    (forge / "bare" / "bash").symlink_to(shutil.which("bash") or "/bin/bash")
    status, last = ended(start(forge, path=str(forge / "bare")))
    assert (status, last) == (
        2,
        "forge-daemon: there is no java on PATH: install Java 17 or newer",
    )
