"""What `trainingrun local --forge DIR` refuses before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trainingrun.local.forge import ForgeDaemons, ForgeError, find_build, options
from trainingrun_api.spec import Daemon


def a_java(folder: Path, version: str) -> Path:
    """A JAVA_HOME whose java says this version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return folder


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A release with its card data."""
    folder = tmp_path / "forge"
    (folder / "res").mkdir(parents=True)
    (folder / "forge.jar").write_bytes(b"")
    return folder


@pytest.fixture
def java(tmp_path: Path) -> dict[str, str]:
    """An environment with a Java that is new enough."""
    return {"JAVA_HOME": str(a_java(tmp_path / "java", "17.0.15"))}


def refusal(folder: Path, environment: dict[str, str]) -> str:
    """The sentence."""
    with pytest.raises(ForgeError) as refused:
        find_build(folder, environment)
    return str(refused.value)


def test_java_is_missing(build: Path, tmp_path: Path) -> None:
    """Neither place has one."""
    said = refusal(build, {"PATH": str(tmp_path)})
    assert said == "there is no java on PATH: install Java 17 or newer, or set JAVA_HOME"
    assert refusal(build, {"JAVA_HOME": "/nowhere"}) == (
        "JAVA_HOME=/nowhere: there is no bin/java: correct it, or unset it"
    )


def test_decks_of_the_run_go_before_those_of_the_folder(
    build: Path, java: dict[str, str], tmp_path: Path
) -> None:
    """Links lead to the run's own list where both have one of a name."""
    for folder in ("decks/below", "own"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "burn.dck").write_text(folder)
    (tmp_path / "decks" / "lions.dck").write_text("decks")
    daemons = ForgeDaemons(find_build(build, java), (), tmp_path / "homes")
    daemons.prepare("daemon-0", tmp_path / "decks", tmp_path / "own")
    flat = tmp_path / "homes" / "daemon-0" / ".forge" / "decks" / "constructed"
    assert {each.name: each.read_text() for each in flat.iterdir()} == {
        "burn.dck": "own",
        "lions.dck": "decks",
    }


@pytest.mark.parametrize(("version", "major"), [("1.8.0_292", 8), ("11.0.2", 11)])
def test_java_is_too_old(build: Path, tmp_path: Path, version: str, major: int) -> None:
    """Both forms of a version are read."""
    home = a_java(tmp_path / "old", version)
    said = refusal(build, {"JAVA_HOME": str(home)})
    assert said == f"{home}/bin/java: is Java {major}, and Forge needs 17 or newer"


def test_a_folder_that_is_no_build(build: Path, tmp_path: Path, java: dict[str, str]) -> None:
    """The folder, the jar and the card data are each named."""
    assert "no such folder" in refusal(tmp_path / "nowhere", java)
    (build / "res").rmdir()
    assert refusal(build, java).startswith(f"{build}/res: there is no card data")
    (build / "forge.jar").unlink()
    assert refusal(build, java).startswith(f"{build}: there is no forge*.jar")


def test_the_command_line(build: Path, tmp_path: Path, java: dict[str, str]) -> None:
    """Only `-p` after the jar; the rest is passed to Java."""
    found = find_build(build, java)
    made = options(Daemon.model_validate({"gamesPerDaemon": 5}))
    words = ForgeDaemons(found, made, tmp_path / "homes").command("daemon-1", 20_000)
    assert words[-5:] == ("-jar", f"{build}/forge.jar", "daemon", "-p", "20000")
    assert f"-Duser.home={tmp_path}/homes/daemon-1" in words
    assert "-Djava.util.concurrent.ForkJoinPool.common.parallelism=5" in words
    assert words[1] == "-Xmx2g"


def test_decks_lie_in_one_flat_folder(build: Path, tmp_path: Path, java: dict[str, str]) -> None:
    """Those of subfolders too; a deck that is gone is gone at the next start."""
    decks = tmp_path / "decks"
    (decks / "more").mkdir(parents=True)
    for deck in (decks / "one.dck", decks / "more" / "two.dck"):
        deck.write_text("")
    daemons = ForgeDaemons(find_build(build, java), (), tmp_path / "homes")
    flat = tmp_path / "homes" / "daemon-0" / ".forge" / "decks" / "constructed"
    daemons.prepare("daemon-0", decks)
    assert {each.name for each in flat.iterdir()} == {"one.dck", "two.dck"}
    (decks / "one.dck").unlink()
    daemons.prepare("daemon-0", decks)
    assert {each.name for each in flat.iterdir()} == {"two.dck"}


def test_more_games_than_threads(shell: Any, build: Path) -> None:
    """Ten threads, and one is for STATUS."""
    file = shell.write(lambda document: document["spec"].update(daemon={"gamesPerDaemon": 10}))
    answer = shell.run("local", "-f", file, "--forge", str(build))
    assert (answer.code, answer.errors) == (
        2,
        [
            "trainingrun: spec.daemon.gamesPerDaemon: 10 is above the 9 games that a Forge build"
            " can serve: add --set daemon.gamesPerDaemon=9"
        ],
    )


def test_external_daemons_beside_it(shell: Any, build: Path) -> None:
    """Own daemons and those of others exclude each other."""
    words = ("--forge", str(build), "--daemons", "127.0.0.1:1")
    answer = shell.run("local", "-f", shell.write(), *words)
    assert answer.code == 2
    assert "--forge: starts own daemons" in answer.errors[0]
