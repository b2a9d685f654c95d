"""`trainingrun daemons check`: what it prints and how it exits, against daemons of three kinds.

An older daemon and a faulty one are the reference engine behind a front that takes the extensions
away, or spoils a line: a real daemon on a real socket.
"""

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from trainingrun.commands.app import app
from trainingrun.commands.daemons.addresses import Address, parse_address
from trainingrun.commands.errors import UserError
from trainingrun_protocol.access import TOKEN_VARIABLE, Token
from typer.testing import CliRunner, Result

Place = tuple[str, int]
Rewrite = Callable[[bytes], bytes]
MAX_CONCURRENT = 10
OURS = re.compile(rb" -k| -n \d+| -a \d| -s -?\d+")

pytestmark = pytest.mark.skipif(
    "FORGE_DAEMON" in os.environ, reason="these are tests of the command, not of a daemon"
)


@pytest.fixture(autouse=True)
def known_token(token: Token | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the verb names the daemon's token."""
    assert token is not None
    monkeypatch.setenv(TOKEN_VARIABLE, token.text)


def check(*arguments: str) -> Result:
    """Run the verb."""
    return CliRunner().invoke(app, ["daemons", "check", *arguments])


class Front:
    """Stands before a daemon and changes whole lines, one thread a connection."""

    def __init__(self, daemon: Place, *, command: Rewrite, reply: Rewrite, refuses: bool) -> None:
        self._daemon = daemon
        self._command = command
        self._reply = reply
        slots = MAX_CONCURRENT if refuses else 10_000
        self._slots = threading.Semaphore(slots)
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        """Accept no connection any longer."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,)).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as lines, contextlib.suppress(OSError):
            command = self._command(lines.readline())
            is_game = command.lstrip().startswith(b"NEWGAME")
            if is_game and not self._slots.acquire(blocking=False):
                client.sendall(b"ERROR: no free slot\n")
                return
            try:
                self._relay(client, command, lines)
            finally:
                if is_game:
                    self._slots.release()

    def _relay(self, client: socket.socket, command: bytes, lines: BinaryIO) -> None:
        with socket.create_connection(self._daemon) as upstream:
            upstream.sendall(command)
            answers = threading.Thread(target=_copy, args=(lines, upstream))
            answers.start()
            with upstream.makefile("rb") as replies, contextlib.suppress(OSError):
                for line in replies:
                    client.sendall(self._reply(line))
                client.shutdown(socket.SHUT_RDWR)
            answers.join()


def _copy(lines: BinaryIO, upstream: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in lines:
            upstream.sendall(line)
        upstream.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def front(daemon: Place, **how: Any) -> Iterator[str]:
    """The address of a front that is closed at the end."""
    settings: dict[str, Any] = {"command": bytes, "reply": bytes, "refuses": False, **how}
    made = Front(daemon, **settings)
    try:
        yield made.address
    finally:
        made.close()


def test_the_reference_engine_is_ok(address: Place) -> None:
    """One line for each vector, the sum, exit code 0, also when it is strict."""
    result = check(f"{address[0]}:{address[1]}", "--only", "status", "--strict")
    assert result.exit_code == 0
    *lines, total = result.stdout.splitlines()
    assert all(
        re.fullmatch(r"ok {13}status-\S+  \(section .*, \d+\.\d s\)", line) for line in lines
    )
    assert total == f"{len(lines)} ok, 0 failed, 0 not supported"


def test_an_older_daemon_is_not_at_fault(address: Place, token: Token) -> None:
    """Without -k -n -a -s, the queue and a token nothing fails; it is said what is missing."""
    extensions = "keep-open", "batch", "ai-in-seat", "queue", "seed", "wrong-token"
    known = f" --token {token.text}\n".encode()
    replies = {b"Queued games": b"", b"FORGE DAEMON STATUS": b"=== FORGE DAEMON STATUS ===\n"}

    def reply(line: bytes) -> bytes:
        return next((new for start, new in replies.items() if line.startswith(start)), line)

    def command(line: bytes) -> bytes:
        return OURS.sub(b"", line).replace(b"\n", known) if b"NEWGAME" in line else line

    how = {"command": command, "reply": reply, "refuses": True}
    with front(address, **how) as place:
        for name in (*extensions, "status", "quiet-game", "alternation"):
            result = check(place, "--only", name)
            assert result.exit_code == 0, result.stdout
            assert ("not supported  " in result.stdout) == (name in (*extensions, "status"))
        assert check(place, "--only", "keep-open", "--strict").exit_code == 1


@pytest.mark.parametrize(
    ("spoil", "vector", "words"),
    [
        (lambda line: line.replace(b" won in ", b" won after "), "quiet-game", "GAME_RESULT"),
        (lambda line: line + b"\n", "status-reply", "an empty line came"),
        (lambda line: line.replace(b'"index":0', b'"index":7'), "positions", "has index 7"),
        (lambda line: line.replace(b"Mountain", b"M\xc3\xb6untain"), "phases", "above 127"),
        (lambda line: line.replace(b'"summoningSickness"', b'"x"'), "two-dialects", "is missing"),
        (lambda line: line.replace(b'"phase":"MAIN1"', b'"phase":"MAIN"'), "phases", "'MAIN'"),
        (lambda line: line.replace(b"reveal", b"mulligan"), "reveals-take", "none of the eleven"),
    ],
)
def test_a_faulty_daemon_fails_with_the_place(
    address: Place, spoil: Rewrite, vector: str, words: str
) -> None:
    """The vector, its purpose, the line of its file, and what differs."""
    with front(address, reply=spoil) as place:
        result = check(place, "--only", vector)
    assert result.exit_code == 1
    failed = result.stdout[result.stdout.index("FAILED") :].splitlines()
    assert re.match(r" {15}\w+\.txt, line \d+: ", failed[2])
    assert words in failed[2]


def test_the_token_comes_from_a_file(address: Place, token: Token, tmp_path: Path) -> None:
    """It goes before the variable; a wrong one fails the vectors, and is shown by neither."""
    file, place = tmp_path / "token", f"{address[0]}:{address[1]}"
    file.write_text(f"{token.text}\n")
    assert check(place, "--only", "quiet-game", "--token-file", str(file)).exit_code == 0
    file.write_text("another-token-than-its-own\n")
    wrong = check(place, "--only", "quiet-game", "--token-file", str(file))
    assert wrong.exit_code == 1
    assert "the token is not that of this daemon" in wrong.stdout
    assert "another-token" not in wrong.stdout
    error = check(place, "--token-file", str(tmp_path / "none")).exception
    assert isinstance(error, UserError)
    assert "none cannot be read" in str(error)


@pytest.mark.parametrize(
    ("text", "address"),
    [("a:1", Address("a", 1)), ("[::1]:17171", Address("::1", 17171))],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    """Names, numbers and IPv6 in brackets."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "host:0", "host:99999", "host:x"])
def test_a_wrong_address_is_a_sentence(text: str) -> None:
    """With an example."""
    with pytest.raises(UserError, match=r"is not HOST:PORT: write for example localhost:17171"):
        parse_address(text)


def test_a_daemon_that_is_not_there_is_a_sentence() -> None:
    """Nothing is replayed; what to do is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = check(f"127.0.0.1:{port}").exception
    assert isinstance(error, UserError)
    assert f"nothing answers at 127.0.0.1:{port}" in str(error)
    assert "start the daemon" in str(error)


def test_an_unknown_vector_is_a_sentence() -> None:
    """All names are reported."""
    error = check("127.0.0.1:1", "--only", "nothing-like-it").exception
    assert isinstance(error, UserError)
    assert "quiet-game" in str(error)


def test_help_has_an_example() -> None:
    """Who asks sees how it is done."""
    assert "trainingrun daemons check localhost:17171" in check("--help").stdout
