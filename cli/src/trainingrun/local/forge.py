"""A Forge build on this machine in place of the reference engine: where it is, and how it starts.

A build reads one option, ``-p``. All else is up to Java: its home, below which decks lie in one
flat folder, its working folder, beside which the card data lies, and the threads of its common
pool. A start that fails ends with status 0; only the open port is success.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_api.spec import Daemon
from trainingrun_reconciler.roles import forge

MOST_GAMES: Final = 9
"""A build has ten threads for its connections, and one is left for STATUS."""
FAILED_START: Final = "java ended with status 0 before the Forge build opened its port"
_OLDEST_JAVA: Final = 17
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d{1,4})')
_VERSION_SECONDS: Final = 60.0
_HEAP: Final = "-Xmx2g"
_JARS: Final = ("forge.jar", "forge-gui-desktop*.jar", "forge*.jar")
_OWN_TREE: Final = Path("forge-gui-desktop")
_FLAT: Final = Path(".forge", "decks", "constructed")


class ForgeError(Exception):
    """There is no build or no Java that could start; the message is one sentence."""


@dataclass(frozen=True)
class ForgeBuild:
    """A build with its Java; ``folder`` is the working folder beside which its card data lies."""

    java: Path
    jar: Path
    folder: Path


@dataclass(frozen=True)
class ForgeDaemons:
    """How daemons of a run start: the build, the options of Java, and the folder of their homes."""

    build: ForgeBuild
    options: tuple[str, ...]
    homes: Path

    def command(self, name: str, port: int) -> tuple[str, ...]:
        """Return the command line of one daemon."""
        return (
            str(self.build.java),
            *self.options,
            f"-Duser.home={self.homes / name}",
            *("-jar", str(self.build.jar), "daemon", "-p", str(port)),
        )

    def prepare(self, name: str, *folders: Path) -> None:
        """Link all decks into the one flat folder that a daemon reads; a later folder's go before
        an earlier one's.

        Raises:
            OSError: the folder cannot be written.
        """
        flat = self.homes / name / _FLAT
        flat.mkdir(parents=True, exist_ok=True)
        for old in flat.iterdir():
            if old.is_symlink():
                old.unlink()
        for folder in folders:
            for deck in sorted(folder.rglob("*.dck"), reverse=True):
                link = flat / deck.name
                link.unlink(missing_ok=True)
                link.symlink_to(deck)


def options(daemon: Daemon) -> tuple[str, ...]:
    """Return the options of Java; without ``jvm`` the heap may grow, as a machine has other uses
    for its memory."""
    if daemon.jvm is not None:
        return forge.options(daemon.jvm, daemon.games_per_daemon)
    return (_HEAP, *forge.needed_options(daemon.games_per_daemon))


def find_build(folder: Path, environment: Mapping[str, str]) -> ForgeBuild:
    """Return the build in a folder: as it is released, or the tree that it is built in.

    Raises:
        ForgeError: the jar, the card data or Java is missing, or Java is too old.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise ForgeError(f"{folder}: no such folder: give the folder of a Forge build")
    jar, working, data = _parts(folder)
    if not data.is_dir():
        raise ForgeError(f"{data}: there is no card data: put the build's res folder there")
    return ForgeBuild(_find_java(environment), jar, working)


def _parts(folder: Path) -> tuple[Path, Path, Path]:
    """Return jar, working folder and card data."""
    released = next(_matching(folder), None)
    if released is not None:
        return released, folder, folder / "res"
    built = sorted((folder / _OWN_TREE / "target").glob("*-jar-with-dependencies.jar"))
    if built:
        return built[-1], folder / _OWN_TREE, folder / "forge-gui" / "res"
    raise ForgeError(
        f"{folder}: there is no forge*.jar, and no {_OWN_TREE}/target/*-jar-with-dependencies.jar:"
        " give the folder of a Forge build"
    )


def _matching(folder: Path) -> Iterator[Path]:
    for pattern in _JARS:
        yield from sorted(folder.glob(pattern), reverse=True)


def _find_java(environment: Mapping[str, str]) -> Path:
    home = environment.get("JAVA_HOME")
    if home:
        java = Path(home) / "bin" / "java"
        if not os.access(java, os.X_OK):
            raise ForgeError(f"JAVA_HOME={home}: there is no bin/java: correct it, or unset it")
    else:
        found = shutil.which("java", path=environment.get("PATH"))
        if found is None:
            raise ForgeError(
                f"there is no java on PATH: install Java {_OLDEST_JAVA} or newer, or set JAVA_HOME"
            )
        java = Path(found).absolute()
    version = _version_of(java)
    if version is not None and version < _OLDEST_JAVA:
        raise ForgeError(f"{java}: is Java {version}, and Forge needs {_OLDEST_JAVA} or newer")
    return java


def _version_of(java: Path) -> int | None:
    """Return the major version; None where it names none."""
    try:
        done = subprocess.run(
            [java, "-version"],
            capture_output=True,
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ForgeError(f"{java}: cannot be run: {error}") from error
    found = _VERSION.search((done.stderr + done.stdout).decode(errors="replace"))
    return int(found.group(1)) if found is not None else None
