"""The daemon under test: the reference engine, or the one at FORGE_DAEMON=host:port.

The reference engine has a token, so that each vector is also one of those who give it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainingrun_protocol.access import TOKEN_VARIABLE, Token
from trainingrun_protocol.given_token import token_in_environment

DECKS = Path(__file__).parents[2] / "decks"
OWN = Token("the-token-of-the-daemon-under-test")


@pytest.fixture(scope="session")
def token() -> Token | None:
    """What the daemon asks for; of another one, what TRAININGRUN_DAEMON_TOKEN says."""
    return token_in_environment() if "FORGE_DAEMON" in os.environ else OWN


@pytest.fixture(scope="session")
def address() -> Iterator[tuple[str, int]]:
    """Host and port of a daemon that knows test_red.dck and test_blue.dck."""
    if given := os.environ.get("FORGE_DAEMON"):
        host, _, port = given.rpartition(":")
        yield host, int(port)
        return
    command = [sys.executable, "-m", "trainingrun_daemon", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--decks", str(DECKS)],
        env={**os.environ, TOKEN_VARIABLE: OWN.text},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield "127.0.0.1", int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()
