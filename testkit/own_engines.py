"""The engines of examples/ that hold no code of ours, built and started as their READMEs say."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testkit.ports import free_port
from testkit.servers.server_process import BedProcess
from testkit.tree import ROOT

EXAMPLES = ROOT / "examples"
_GO_CACHE = Path(os.environ.get("GOCACHE", Path.home() / ".cache" / "go-build"))
_WHEEL = "trainingrun/go-*/go/bin/go"
"""Where the build of the control plane's programs puts a Go that it had to install."""


def find_go() -> str | None:
    """Return a Go command: the one on PATH, else that of the control plane's programs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    installed = [str(each) for each in sorted(cache.glob(_WHEEL))]
    return shutil.which("go") or next(iter(installed), None)


@contextmanager
def engine_in_go(folder: Path, go: str) -> Iterator[int]:
    """The port of examples/engine-in-go, built in ``folder``."""
    program = folder / "nim"
    built = BedProcess(
        [go, "build", "-C", str(EXAMPLES / "engine-in-go"), "-o", str(program), "."],
        folder / "build.log",
        environment={"GOCACHE": str(_GO_CACHE), "GOTOOLCHAIN": "local"},
    )
    assert built.end(seconds=300) == 0, built.last_words()
    with _serving([str(program), "-port"], folder) as port:
        yield port


@contextmanager
def engine_in_python(folder: Path) -> Iterator[int]:
    """The port of examples/engine-in-python."""
    program = str(EXAMPLES / "engine-in-python" / "engine.py")
    with _serving([sys.executable, "-I", program], folder) as port:
        yield port


@contextmanager
def _serving(command: Sequence[str], folder: Path) -> Iterator[int]:
    port = free_port()
    process = BedProcess([*command, str(port)], folder / "engine.log")

    def listens() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    try:
        process.wait_until(listens, "the engine listens", seconds=30)
        yield port
    finally:
        process.kill()
