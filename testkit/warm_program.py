"""Programs of ours that start warm: forked from a server that has imported their package.

A Python that starts anew imports for 0.4 s of processor before the command line says a word, and
for 3 s before the learner does, which is most of what many tests take. What is forked is a process
of its own in all that a test looks at: arguments, folder, environment, outputs, signals, exit code;
it ends as Python ends. Only its command line, as ``ps`` shows it, is the server's. That the
installed scripts start at all is tested where they are started cold.

One server per package and test process is started when it is needed first, and leaves with it.
Run as a script this file is the server.
"""

from __future__ import annotations

import array
import atexit
import gc
import io
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, NoReturn

_NUMBER: Final = struct.Struct("<q")
_LENGTH: Final = struct.Struct("<I")
_FDS: Final = 4
"""Standard input, both outputs, and the pipe that gets the process id and the exit code."""
_GRACE_SECONDS: Final = 60.0


class WarmProcess:
    """A forked process; it has what is used here of a Popen."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self.pid = _number(reader)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, minus the signal that ended it; None while it lives."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        if self.returncode is None:
            if not select.select([self._reader], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a warm program", timeout or 0)
            self.returncode = _number(self._reader)
            os.close(self._reader)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, if it lives."""
        self.send_signal(signal.SIGKILL)


class WarmPrograms:
    """The console scripts of a package, and the server that their processes are forked from."""

    def __init__(self, package: str) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", __file__, str(theirs.fileno()), package]
            self._server = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        self._socket = ours

    def start(
        self,
        command: Sequence[object],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int,
        stderr: int,
        stdin: int | None = None,
    ) -> WarmProcess:
        """Start a script with its arguments; its streams are file descriptors."""
        told = {
            "command": [str(each) for each in command],
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
        }
        nothing = os.open(os.devnull, os.O_RDONLY)
        reader, writer = os.pipe()
        try:
            fds = [nothing if stdin is None else stdin, stdout, stderr, writer]
            message = json.dumps(told).encode()
            self._socket.sendmsg(
                [_LENGTH.pack(len(message))],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))],
            )
            self._socket.sendall(message)
        finally:
            os.close(nothing)
            os.close(writer)
        return WarmProcess(reader)

    def run(
        self,
        command: Sequence[object],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = _GRACE_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end, with its outputs as text."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            process = self.start(
                command, cwd=cwd, env=env, stdout=out.fileno(), stderr=errors.fileno()
            )
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(
                [str(each) for each in command], code, out.read().decode(), errors.read().decode()
            )

    def close(self) -> None:
        """End the server; what was forked and runs yet continues."""
        self._socket.close()
        self._server.wait()


@cache
def warm_programs(package: str) -> WarmPrograms:
    """The programs of a package, with all its modules imported."""
    programs = WarmPrograms(package)
    atexit.register(programs.close)
    return programs


def _number(reader: int) -> int:
    data = os.read(reader, _NUMBER.size)
    if len(data) < _NUMBER.size:
        raise RuntimeError("the server of warm programs is gone")
    return int(_NUMBER.unpack(data)[0])


# --- the server -----------------------------------------------------------------------------------


def _serve(connection: socket.socket) -> dict[str, Any]:
    """Fork a process for each request; returns in each such process, with its request."""
    watched: dict[int, int] = {}
    woken, wakes = os.pipe()
    sources: list[socket.socket | int] = [connection, woken]
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    while True:
        ready = select.select(sources, [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            _report_ended(watched)
        if connection in ready:
            head, ancillary, _, _ = connection.recvmsg(
                _LENGTH.size, socket.CMSG_SPACE(_FDS * array.array("i").itemsize)
            )
            if not head:
                sys.exit(0)
            fds = array.array("i", ancillary[0][2])
            message = b""
            while len(message) < _LENGTH.unpack(head)[0]:
                message += connection.recv(1 << 20)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for fd in (woken, wakes, *watched.values(), fds[3]):
                    os.close(fd)
                connection.close()
                request: dict[str, Any] = json.loads(message)
                for target, fd in enumerate(fds[:3]):
                    os.dup2(fd, target)
                    os.close(fd)
                return request
            os.write(fds[3], _NUMBER.pack(pid))
            watched[pid] = fds[3]
            for fd in fds[:3]:
                os.close(fd)


def _report_ended(watched: dict[int, int]) -> None:
    """Tell whoever started them of all that have ended."""
    while watched:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        writer = watched.pop(pid)
        with suppress(BrokenPipeError):
            os.write(writer, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os.close(writer)


def _become(request: Mapping[str, Any]) -> None:
    """What a new Python would have found: arguments, folder, environment, streams."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    script, *arguments = request["command"]
    sys.argv = [str(Path(sys.executable).with_name(script)), *arguments]
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False))  # noqa: SIM115
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(
            open(fd, "wb", closefd=False),  # noqa: SIM115
            line_buffering=fd == 2 or os.isatty(fd),
            errors="backslashreplace" if fd == 2 else "strict",
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _main(number: str, package: str) -> NoReturn:
    """Import, serve, and be a process of a program in each fork."""
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)
    gc.collect()
    gc.freeze()  # so that no collection in a fork copies what is shared
    connection = socket.socket(fileno=int(number))
    os.set_inheritable(connection.fileno(), False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started us
    request = _serve(connection)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _become(request)
    (script,) = entry_points(group="console_scripts", name=Path(sys.argv[0]).name)
    _end(_code_of(script.load()))


def _code_of(run: Callable[[], object]) -> int:
    """What ``sys.exit(run())`` of a console script ends with."""
    try:
        code = run()
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, int):
        return code
    if code is not None:
        print(code, file=sys.stderr)
    return 0 if code is None else 1


def _end(code: int) -> NoReturn:
    """End as Python does, but for taking modules apart: that would copy all that is shared with
    the server, and cost more than the program itself."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    _main(*sys.argv[1:])
