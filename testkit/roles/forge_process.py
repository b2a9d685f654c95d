"""The stand-in of the original Forge daemon as a process of its own, and a ``java`` that starts it.

Both are for programs under test that speak to a daemon, or start one: what they see is the
original's start options, its dialect and, by switches, its faults (``testkit.forge_server``).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testkit.tree import DECKS, ROOT

JAVA = """#!/bin/sh
# Stands for java: starts the stand-in of the original daemon instead of its jar.
PYTHONPATH="{root}" exec "{python}" -m testkit.forge_server.java_start {switches} -- "$@"
"""


@contextmanager
def forge_daemon(*switches: str, decks: Sequence[Path] = (DECKS,)) -> Iterator[str]:
    """A running stand-in with these switches; gives its ``host:port``."""
    command = [sys.executable, "-m", "testkit.forge_server", "daemon", "-p", "0", *switches]
    for folder in decks:
        command += ["--decks", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line.partition("port ")[2].partition(",")[0])
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def write_java(folder: Path, *switches: str) -> Path:
    """Write a program ``java`` that plays the original's daemon with these switches."""
    java = folder / "java"
    words = " ".join(f"'{switch}'" for switch in switches)
    java.write_text(JAVA.format(root=ROOT, python=sys.executable, switches=words), encoding="utf-8")
    java.chmod(0o755)
    return java
