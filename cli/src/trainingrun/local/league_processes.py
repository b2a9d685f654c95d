"""A league's processes on this machine, in the background: the services in one, and who plays.

They outlive the command that starts them, unlike a run's: a league is there for many runs. What was
started is written down with the moment that it began, so that a process id which has come back to
something else is never signalled. Not here: what the processes do.
"""

from __future__ import annotations

import errno
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import psutil
from trainingrun_contracts.league_keys import (
    LeagueKeys,
    LeagueKeysError,
    parse_keys,
    with_new_key,
    without_old_keys,
)

from trainingrun.local.files import write_atomically
from trainingrun.local.league_folder import LeagueFolder, Ready, StartedProcess, Up

READY_SECONDS: Final = 180.0
END_SECONDS: Final = 30.0
MOST_ACCEPTED: Final = 3
_POLL_SECONDS: Final = 0.1
_SAME_MOMENT: Final = 1.0
_LOG_TAIL: Final = 2000
_LEAST_FREE: Final = 64 * 1024
"""Bytes of a disk that is not full: what a database needs to begin."""
_FULL: Final = "the disk of {folder} is full: free space there, or name another folder with --state"
_SERVICES: Final = "trainingrun_league"
_WORKER: Final = "trainingrun_actor.league_worker"


class LeagueStartError(Exception):
    """The league does not come up; the message says why."""


@dataclass(frozen=True)
class UpRequest:
    """What a league is brought up with.

    Attributes:
        environment: that its models play, as a command line spells it.
        workers: processes that play.
        web_port: of the pages; 0 takes a free one.
        ports: whether services take their usual ports; else free ones.
        arguments: more ones of ``python -m trainingrun_league``.
    """

    environment: str
    workers: int = 1
    web_port: int = 0
    usual_ports: bool = False
    arguments: tuple[str, ...] = ()


def is_running(process: StartedProcess) -> bool:
    """Whether it still runs, and is not another one of the same id."""
    try:
        found = psutil.Process(process.pid)
        is_same: bool = abs(found.create_time() - process.created) < _SAME_MOMENT
        return is_same and bool(found.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def bring_up(folder: LeagueFolder, request: UpRequest) -> Ready:
    """Start the league, and return where it is once it serves.

    Raises:
        LeagueStartError: it has ended, or does not serve in time; what was started is stopped.
    """
    folder.root.mkdir(parents=True, exist_ok=True)
    folder.ready.unlink(missing_ok=True)
    logged = folder.log.stat().st_size if folder.log.exists() else 0
    league = _start(_services_command(folder, request), folder.log)
    up = Up(request.environment, league)
    try:
        _note(folder, up)
        ready = _when_ready(folder, league, logged=logged)
        _make_access(folder, ready)
        for number in range(request.workers):
            command = _worker_command(folder, ready, up, number)
            up = msgspec.structs.replace(
                up, workers=(*up.workers, _start(command, folder.worker_log(number)))
            )
            _note(folder, up)
    except OSError as error:
        take_down(folder, up)
        raise LeagueStartError(_problem_with(folder, error)) from error
    except LeagueStartError:
        take_down(folder, up)
        raise
    return ready


def take_down(folder: LeagueFolder, up: Up) -> tuple[int, ...]:
    """End the workers, then the services; return the ids of those that had to be killed."""
    killed = [*_end(up.workers), *_end((up.league,))]
    folder.ready.unlink(missing_ok=True)
    folder.up.unlink(missing_ok=True)
    return tuple(killed)


def _services_command(folder: LeagueFolder, request: UpRequest) -> list[str]:
    names = ("game", "matchmaker", "model", "elo", "replay")
    free = [each for name in names for each in ("--port", f"{name}=0")]
    return [
        *(sys.executable, "-m", _SERVICES, "serve"),
        *("--name", folder.name, "--environment", request.environment),
        *("--folder", str(folder.root), "--ready-file", str(folder.ready)),
        *("--web-port", str(request.web_port)),
        *([] if request.usual_ports else free),
        *request.arguments,
    ]


def _worker_command(folder: LeagueFolder, ready: Ready, up: Up, number: int) -> list[str]:
    services = ready.services
    return [
        *(sys.executable, "-m", _WORKER, "--environment", up.environment),
        *("--name", f"worker-{number}", "--cache", str(folder.worker_cache)),
        *("--matchmaker", services["matchmaker"]),
        *("--model", services["model"], "--game", services["game"]),
        *("--token-file", str(folder.token)),
        *(("--ca", str(folder.authority)) if ready.encrypted else ("--insecure",)),
    ]


def _start(command: Sequence[str], log: Path) -> StartedProcess:
    try:
        with log.open("ab") as opened:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=opened,
                stderr=opened,
                start_new_session=True,
            )
    except OSError as error:
        raise LeagueStartError(f"{command[2]}: {error.strerror}") from error
    return StartedProcess(process.pid, psutil.Process(process.pid).create_time())


def _when_ready(folder: LeagueFolder, league: StartedProcess, *, logged: int) -> Ready:
    """``logged`` bytes of the log are of starts before."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        ready = folder.read_ready()
        if ready is not None:
            return ready
        if not is_running(league):
            why = _reason_in(folder, logged)
            raise LeagueStartError(f"the league has ended at its start: {why}")
        time.sleep(_POLL_SECONDS)
    raise LeagueStartError(
        f"the league does not serve after {READY_SECONDS:.0f} s: its log is {folder.log}"
    )


def _make_access(folder: LeagueFolder, ready: Ready) -> None:
    """Have the league make the token that this machine's own runs and people show."""
    place = ("--name", folder.name, "--folder", str(folder.root))
    _write_secret(folder.token, _asked(*_token_request(folder)))
    if ready.encrypted:
        write_atomically(folder.authority, _asked("authority", *place))
    else:
        folder.authority.unlink(missing_ok=True)


def begin_rotation(folder: LeagueFolder) -> str:
    """Have tokens signed with a new key; those of the old ones stay valid. Return a new token of
    this machine's, which ``publish_token`` gives to its runs and workers.

    Raises:
        LeagueStartError: the keys cannot be read or written.
    """
    keys = _keys(folder)
    if len(keys.accepted) >= MOST_ACCEPTED:
        raise LeagueStartError(
            f"{len(keys.accepted)} old keys are accepted already: end that rotation first, with"
            " `trainingrun league rotate --finish`"
        )
    _write_keys(folder, with_new_key(keys, secrets.token_hex(32).encode()))
    return _asked(*_token_request(folder)).decode().strip()


def publish_token(folder: LeagueFolder, token: str) -> None:
    """Give runs and workers of this machine another token; they read it within a second, or with
    their next connection.

    Raises:
        LeagueStartError: it cannot be written.
    """
    try:
        _write_secret(folder.token, token.encode() + b"\n")
    except OSError as error:
        raise LeagueStartError(f"{folder.token}: {error.strerror}") from error


def finish_rotation(folder: LeagueFolder) -> int:
    """Accept tokens of the newest key alone; return how many keys are no longer accepted.

    Raises:
        LeagueStartError: the keys cannot be read or written.
    """
    keys = _keys(folder)
    _write_keys(folder, without_old_keys(keys))
    return len(keys.accepted)


def _keys(folder: LeagueFolder) -> LeagueKeys:
    try:
        return parse_keys(folder.key.read_bytes())
    except OSError as error:
        raise LeagueStartError(f"the league's keys {folder.key}: {error.strerror}") from error
    except LeagueKeysError as error:
        raise LeagueStartError(f"the league's keys {folder.key}: {error}") from error


def _write_keys(folder: LeagueFolder, keys: LeagueKeys) -> None:
    try:
        _write_secret(folder.key, keys.text.encode())
    except OSError as error:
        raise LeagueStartError(f"the league's keys {folder.key}: {error.strerror}") from error


def _asked(*arguments: str) -> bytes:
    command = (sys.executable, "-m", _SERVICES, *arguments)
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise LeagueStartError(f"the league's {arguments[0]}: {done.stderr.decode().strip()}")
    return done.stdout.strip() + b"\n"


def _token_request(folder: LeagueFolder) -> tuple[str, ...]:
    place = ("--name", folder.name, "--folder", str(folder.root))
    who = ("--audience", "services", "--subject", "this-machine", "--days", "3650")
    return ("token", *place, *who)


def _write_secret(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)  # those who read it while it changes read the one or the other


def _note(folder: LeagueFolder, up: Up) -> None:
    write_atomically(folder.up, msgspec.json.encode(up))


def _end(processes: Sequence[StartedProcess]) -> list[int]:
    """Ask them to end, and kill those that do not."""
    alive = [each for each in processes if is_running(each)]
    for each in alive:
        _signal(each, signal.SIGTERM)
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline and (alive := [each for each in alive if is_running(each)]):
        _reap(alive)
        time.sleep(_POLL_SECONDS)
    for each in alive:
        _signal(each, signal.SIGKILL)
    return [each.pid for each in alive]


def _signal(process: StartedProcess, number: signal.Signals) -> None:
    try:
        os.kill(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _reap(processes: Sequence[StartedProcess]) -> None:
    """Take away children of this very process, which are zombies until then."""
    for each in processes:
        try:
            os.waitpid(each.pid, os.WNOHANG)
        except ChildProcessError:
            continue


def _reason_in(folder: LeagueFolder, logged: int) -> str:
    """Return the last line of this start; on a full disk the log could not take it."""
    try:
        with folder.log.open("rb") as log:
            log.seek(max(logged, folder.log.stat().st_size - _LOG_TAIL))
            text = log.read(_LOG_TAIL).decode(errors="replace")
    except OSError:
        return f"its log is {folder.log}"
    lines = [line for line in text.splitlines() if line.strip()]
    if _is_full(folder.root):
        return _FULL.format(folder=folder.root)
    return lines[-1].removeprefix("error: ") if lines else f"its log {folder.log} is empty"


def _problem_with(folder: LeagueFolder, error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _FULL.format(folder=folder.root)
    return f"the folder {folder.root} cannot be written: {error.strerror}"


def _is_full(folder: Path) -> bool:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < _LEAST_FREE
