"""Programs of ours that start warm: forked from a server that has imported their package.

A Python that starts anew imports for 0.4 s of processor before the command line says a word, and
for 3 s before the learner does, which is most of what many tests take. What is forked is a process
of its own in all that a test looks at: arguments, folder, environment, outputs, signals, exit code;
it ends as Python ends. Only its command line, as ``ps`` shows it, is the server's. That the
installed scripts start at all is tested where they are started cold.

One server per package and test process is started when it is needed first, and leaves with it.
Run as a script this file is the server.

A program that starts others by their files (`trainingrun local`, which looks beside its own
interpreter) gets a folder of programs in which some are launchers (:func:`warm_folder`). A launcher
has the server fork the program, passes signals on, ends as it ends, and takes it along when it is
killed. What is done to a process and not sent to it stays with the launcher: SIGSTOP, limits.
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
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self.door = Path(self._folder.name) / "door"
        """The socket at which launchers ask."""
        with theirs, socket.socket(socket.AF_UNIX) as door:
            door.bind(str(self.door))
            door.listen()
            numbers = [theirs.fileno(), door.fileno()]
            command = [sys.executable, "-P", __file__, *map(str, numbers), package]
            self._server = subprocess.Popen(command, pass_fds=numbers, stdin=subprocess.DEVNULL)
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
        interpreter: Path | None = None,
    ) -> WarmProcess:
        """Start a script with its arguments; its streams are file descriptors.

        It believes that it runs by ``interpreter``, beside which it finds the programs of its own.
        """
        told = {
            "command": [str(each) for each in command],
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "interpreter": str(interpreter or sys.executable),
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
        stdin: int | None = None,
        timeout: float = _GRACE_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end, with its outputs as text."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            process = self.start(
                command, cwd=cwd, env=env, stdout=out.fileno(), stderr=errors.fileno(), stdin=stdin
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
        self._folder.cleanup()


_LAUNCHER: Final = '''\
#!{python} -IS
"""A program that a server of warm programs forks; see testkit/warm_program.py."""
import array, json, os, signal, socket, struct

SENT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def number():
    data = os.read(reader, 8)
    if len(data) < 8:
        os._exit(70)
    return struct.unpack("<q", data)[0]


def hand_on(which, _):
    try:
        os.kill(pid, which)
    except ProcessLookupError:
        pass


signal.pthread_sigmask(signal.SIG_BLOCK, SENT)
door = socket.socket(socket.AF_UNIX)
door.connect({door!r})
reader, writer = os.pipe()
import sys

told = {{
    "command": [{script!r}, *sys.argv[1:]],
    "cwd": os.getcwd(),
    "env": dict(os.environ),
    "interpreter": {python!r},
}}
message = json.dumps(told).encode()
fds = array.array("i", [0, 1, 2, writer])
door.sendmsg([struct.pack("<I", len(message))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
door.sendall(message)
os.close(writer)
pid = number()
for each in SENT:
    signal.signal(each, hand_on)
signal.pthread_sigmask(signal.SIG_UNBLOCK, SENT)
code = number()
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code & 0xFF)
'''


@cache
def warm_folder(*started: tuple[str, str]) -> Path:
    """A folder like that of our interpreter, in which some programs start warm.

    Args:
        started: names of scripts, each with the package whose server forks it.

    Returns:
        The interpreter in it.
    """
    kept = tempfile.TemporaryDirectory(prefix="warm-bin-")
    atexit.register(kept.cleanup)
    folder, own = Path(kept.name), Path(sys.executable)
    launched = dict(started)
    for each in own.parent.iterdir():
        if each.name not in launched and each.name != own.name:
            (folder / each.name).symlink_to(each)
    for script, package in launched.items():
        text = _LAUNCHER.format(
            python=sys.executable, door=str(warm_programs(package).door), script=script
        )
        _write_program(folder / script, text)
    # A link would be an interpreter without the packages of ours.
    _write_program(folder / own.name, f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    return folder / own.name


def _write_program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


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


class _Server:
    """Forks a process for each request: by the ``connection``, or of launchers at the ``door``.

    A launcher keeps its line open as long as it lives, so what it had forked is killed when that
    ends.
    """

    def __init__(self, connection: socket.socket, door: socket.socket) -> None:
        self._connection, self._door = connection, door
        self._launchers: dict[socket.socket, int] = {}
        self._watched: dict[int, int] = {}
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)

    def serve(self) -> dict[str, Any]:
        """Return in each process that is forked, with its request."""
        while True:
            sources: list[socket.socket | int] = [self._connection, self._door, self._woken]
            ready = select.select([*sources, *self._launchers], [], [])[0]
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._report_ended()
            for each in [one for one in self._launchers if one in ready]:
                self._take_along(each)
            asking = [self._connection] if self._connection in ready else []
            if self._door in ready:
                asking.append(self._door.accept()[0])
            for line in asking:
                request = self._forked(line)
                if request is not None:
                    return request

    def _forked(self, line: socket.socket) -> dict[str, Any] | None:
        """Fork what a line asks for; the request is for the fork alone."""
        asked = _asked(line)
        if asked is None and line is self._connection:
            sys.exit(0)
        if asked is None:
            line.close()
            return None
        message, fds = asked
        pid = os.fork()
        if pid == 0:
            self._leave(line, fds[3])
            for target, fd in enumerate(fds[:3]):
                os.dup2(fd, target)
                os.close(fd)
            request: dict[str, Any] = json.loads(message)
            return request
        self._watched[pid] = fds[3]
        if line is not self._connection:
            self._launchers[line] = pid
        with suppress(BrokenPipeError):
            os.write(fds[3], _NUMBER.pack(pid))
        for fd in fds[:3]:
            os.close(fd)
        return None

    def _leave(self, line: socket.socket, writer: int) -> None:
        """Let go, in a fork, of all that is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in (self._woken, self._wakes, *self._watched.values(), writer):
            os.close(fd)
        for each in {self._connection, self._door, line, *self._launchers}:
            each.close()

    def _take_along(self, launcher: socket.socket) -> None:
        """Kill what a launcher had forked that has ended."""
        pid = self._launchers.pop(launcher)
        if pid in self._watched:
            os.kill(pid, signal.SIGKILL)
        launcher.close()

    def _report_ended(self) -> None:
        """Report all that have ended to those that had them started."""
        while self._watched:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            writer = self._watched.pop(pid)
            with suppress(BrokenPipeError):
                os.write(writer, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os.close(writer)


def _asked(line: socket.socket) -> tuple[bytes, array.array[int]] | None:
    """What is to be forked, with its file descriptors; None where the line has ended."""
    size = socket.CMSG_SPACE(_FDS * array.array("i").itemsize)
    head, ancillary, _, _ = line.recvmsg(_LENGTH.size, size)
    if not head:
        return None
    message = b""
    while len(message) < _LENGTH.unpack(head)[0]:
        part = line.recv(1 << 20)
        if not part:
            return None
        message += part
    return message, array.array("i", ancillary[0][2])


def _become(request: Mapping[str, Any]) -> None:
    """What a new Python would have found: arguments, folder, environment, path, streams."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    added = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [each for each in added if each not in sys.path]
    script, *arguments = request["command"]
    sys.argv = [str(Path(sys.executable).with_name(script)), *arguments]
    sys.executable = request["interpreter"]
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False))  # noqa: SIM115
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(
            open(fd, "wb", closefd=False),  # noqa: SIM115
            line_buffering=fd == 2 or os.isatty(fd),
            errors="backslashreplace" if fd == 2 else "strict",
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _main(number: str, door_number: str, package: str) -> NoReturn:
    """Import, serve, and be a process of a program in each fork."""
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)
    gc.collect()
    gc.freeze()  # so that no collection in a fork copies what is shared
    connection = socket.socket(fileno=int(number))
    door = socket.socket(fileno=int(door_number))
    for each in (connection, door):
        os.set_inheritable(each.fileno(), False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started us
    request = _Server(connection, door).serve()
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
