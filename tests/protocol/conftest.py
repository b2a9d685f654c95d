"""The daemon under test: the reference engine, or the one at FORGE_DAEMON=host:port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DECKS = Path(__file__).parents[2] / "decks"


@pytest.fixture(scope="session")
def address() -> Iterator[tuple[str, int]]:
    """Host and port of a daemon that knows test_red.dck and test_blue.dck."""
    if given := os.environ.get("FORGE_DAEMON"):
        host, _, port = given.rpartition(":")
        yield host, int(port)
        return
    command = [sys.executable, "-m", "trainingrun_daemon", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen([*command, "--decks", str(DECKS)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield "127.0.0.1", int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()
