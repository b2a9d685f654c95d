"""One connection to a machine. Errors of asyncssh become :class:`MachineError` here and only here.

Host keys are checked against known_hosts, always: there is no switch to leave it out. Keys and the
agent identify the user; passwords are not asked for, because many machines are reached at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncssh
from trainingrun_reconciler.controller.daemon_status import describe_error

from trainingrun.commands.machines.inventory import RemoteMachine
from trainingrun.commands.machines.script import SHELL, Reply, ScriptError, answer_from

CONNECT_SECONDS: Final = 15
_AT_ONCE: Final = 4
"""Scripts at once on one connection; SSH servers allow ten sessions."""


class MachineError(Exception):
    """A machine cannot be worked with; the message says why and what to do."""


@dataclass(frozen=True)
class Trust:
    """``known_hosts`` in place of ``~/.ssh/known_hosts``, where it is given."""

    known_hosts: Path | None = None


class RemoteShell:
    """Runs scripts on one machine."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def run(self, script: str, *, seconds: float) -> Reply:
        """Run a script to its end.

        Raises:
            MachineError: it did not end in time, or gave no answer.
        """
        try:
            async with self._at_once:
                done = await self._connection.run(SHELL, input=script, timeout=seconds)
        except asyncssh.TimeoutError as error:
            raise MachineError(f"no answer within {seconds:g} s: see whether it hangs") from error
        except (asyncssh.Error, OSError) as error:
            raise MachineError(f"the connection broke ({error}): try again") from error
        try:
            return answer_from(_text(done.stdout))
        except ScriptError as error:
            said = _text(done.stderr).strip()
            raise MachineError(f"{error} ({said})" if said else str(error)) from error


@asynccontextmanager
async def connected(machine: RemoteMachine, trust: Trust) -> AsyncIterator[RemoteShell]:
    """A shell on the machine.

    Raises:
        MachineError: there is no way in.
    """
    connection = await _connect(machine, trust)
    try:
        yield RemoteShell(connection)
    finally:
        connection.close()
        await connection.wait_closed()


async def _connect(machine: RemoteMachine, trust: Trust) -> asyncssh.SSHClientConnection:
    try:
        return await asyncssh.connect(machine.host, **_options(machine, trust))
    except (asyncssh.Error, ValueError) as error:  # keys and ~/.ssh/config raise the latter
        raise MachineError(_describe_error(error, machine)) from error
    except TimeoutError as error:
        raise MachineError(f"no answer within {CONNECT_SECONDS} s: check its address") from error
    except OSError as error:
        raise MachineError(
            f"cannot be reached ({describe_error(error)}): check host, sshPort and key"
        ) from error


def _options(machine: RemoteMachine, trust: Trust) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "login_timeout": CONNECT_SECONDS,
        "keepalive_interval": 15,
        "password_auth": False,
        "kbdint_auth": False,
    }
    given = {"username": machine.user, "port": machine.ssh_port}
    options |= {name: value for name, value in given.items() if value is not None}
    if machine.key is not None:
        options["client_keys"] = [str(Path(machine.key).expanduser())]
    if trust.known_hosts is not None:
        options["known_hosts"] = str(trust.known_hosts)
    return options


def _describe_error(error: Exception, machine: RemoteMachine) -> str:
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return (
                "its host key is not in known_hosts, or has changed: connect once with `ssh"
                f" {machine.name}`, compare the fingerprint, and try again"
            )
        case asyncssh.PermissionDenied():
            return (
                "it refuses your keys: name the right user and key in the file, or load the key"
                " into the agent"
            )
        case ValueError():
            return (
                f"a key or ~/.ssh/config cannot be used ({error}): name a private key in the file"
            )
        case _:
            return f"SSH failed ({error}): see whether `ssh {machine.name}` works"


def _text(output: str | bytes | None) -> str:
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""
