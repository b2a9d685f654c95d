"""A real PostgreSQL server on a temporary folder: Debian's programs, a free loopback port.

    with PostgresqlServer() as server:
        server.create_database("league")
        server.url("league")                 # postgresql+asyncpg://…

``kill`` and ``start`` play a crash and the recovery from it. PostgreSQL refuses to run as root:
then it runs as a user without rights (``nobody``), who owns the folder. That is not pytest's,
which every run of pytest closes to others again.
Data is forced to the disk as in production: tests ask whether what was acknowledged is kept.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from testkit.ports import free_port
from testkit.servers.server_process import BedError, BedProcess
from testkit.waiting import until

_READY_SECONDS: Final = 30.0
_USER: Final = "league"
_NOBODY: Final = 65534


def postgresql_programs() -> Path:
    """The folder with ``postgres`` and ``initdb``: the newest version's.

    Raises:
        FileNotFoundError: there is none; Debian's package is ``postgresql``.
    """
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    if not found:
        raise FileNotFoundError("no PostgreSQL server: apt-get install postgresql")
    return found[-1].parent


class PostgresqlServer:
    """The server, running while the context is open."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="trainingrun-postgresql-"))
        self._data = self._root / "data"
        self._password = secrets.token_hex(12)
        self._port = free_port()
        self._process: BedProcess | None = None
        self._programs = postgresql_programs()

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+asyncpg://{_USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start the server on its data, which are made at first, and wait until it answers."""
        if not self._data.exists():
            self._initialise()
        command = [
            str(self._programs / "postgres"),
            *("-D", str(self._data), "-p", str(self._port), "-k", str(self._root)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60"),
        ]
        self._process = BedProcess(_unprivileged(command), self._root / "postgresql.log")
        try:
            self._process.wait_until(self._answers, "PostgreSQL ready", seconds=_READY_SECONDS)
        except BedError:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in order, without waiting for its clients (SIGINT: fast shutdown)."""
        if self._process is not None:
            self._process.signal(signal.SIGINT)
            self._process.end(seconds=_READY_SECONDS)
            self._process = None

    def kill(self) -> None:
        """Kill it and its children at once, as a lost machine would."""
        assert self._process is not None, "the server is not running"
        self._process.signal(signal.SIGSTOP)  # so that it makes no further child
        children = _children(self._process.pid)
        for child in children:  # they notice by themselves, but later
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process = None
        # A server does not start while one of the old one's processes has its shared memory.
        until(lambda: not any(map(_is_alive, children)), seconds=_READY_SECONDS, what="all end")

    def create_database(self, name: str) -> str:
        """Make a database and return its URL."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def execute(self, statement: str, *, database: str = "postgres") -> str:
        """Run a statement and return what it prints, values alone."""
        return self._run("psql", *self._where(database), "-AtXc", statement)

    def _where(self, database: str) -> tuple[str, ...]:
        host, port = "127.0.0.1", str(self._port)
        return ("-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", _USER, "-d", database)

    def _initialise(self) -> None:
        word = self._root / "password"
        word.write_text(self._password)
        _give(self._root)
        self._run(
            *("initdb", "-D", str(self._data), "-U", _USER, "-A", "scram-sha-256"),
            *("--pwfile", str(word), "-E", "UTF8", "--locale", "C", "-N"),
        )

    def _run(self, program: str, *arguments: str) -> str:
        command = _unprivileged([str(self._programs / program), *arguments])
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=self._root,
            env={"PATH": os.defpath, "PGPASSWORD": self._password, "LC_ALL": "C"},
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            self.execute("SELECT 1")
        except (OSError, RuntimeError):
            return False
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._root)


def _unprivileged(command: list[str]) -> list[str]:
    if os.getuid() != 0:
        return command
    user = ("--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups")
    return [shutil.which("setpriv") or "/usr/bin/setpriv", *user, "--", *command]


def _give(root: Path) -> None:
    """Make the folder the server's."""
    if os.getuid() == 0:
        for path in (root, *root.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)


def _is_alive(pid: int) -> bool:
    """Whether it runs; one that only nobody has waited for has let go of all it had."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in listed.read_text().split()] if listed.exists() else []
