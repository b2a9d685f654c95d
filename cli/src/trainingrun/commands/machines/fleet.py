"""Start, stop and check the daemons of many machines, all machines at the same time.

Each daemon ends as one :class:`Result`; a machine that cannot be reached gives one for all of its
daemons. Nothing here prints: ``report`` is called as results come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun_protocol.access import Token
from trainingrun_protocol.lines import StatusReply
from trainingrun_reconciler.controller.daemon_status import NoStatus, ask_status, split_endpoint

from trainingrun.commands.machines.inventory import DaemonAddress, RemoteMachine
from trainingrun.commands.machines.script import (
    Reply,
    ScriptState,
    log_script,
    start_script,
    status_script,
    stop_script,
)
from trainingrun.commands.machines.ssh import MachineError, RemoteShell, Trust, connected

LOG_LINES: Final = 12
_MACHINES_AT_ONCE: Final = 16
_SCRIPT_SECONDS: Final = 30
_ASK_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Result:
    """What became of one daemon, or of all of a machine (``place`` is None)."""

    machine: RemoteMachine
    place: DaemonAddress | None
    is_well: bool
    summary: str
    log: str = ""
    status: StatusReply | None = None

    @property
    def name(self) -> str:
        """The endpoint, or the machine."""
        return self.place.endpoint if self.place is not None else self.machine.name


Report = Callable[[Result], None]
_Act = Callable[[RemoteShell, RemoteMachine, DaemonAddress], Awaitable[Result]]


async def start(
    machines: Sequence[RemoteMachine],
    trust: Trust,
    report: Report,
    *,
    seconds: float,
    token: Token | None = None,
) -> list[Result]:
    """Start every daemon that does not run, and wait at most ``seconds`` until each answers.

    ``token`` is what they ask clients for; those that run already keep the one that they have.
    """

    async def act(shell: RemoteShell, machine: RemoteMachine, place: DaemonAddress) -> Result:
        return await _start(shell, machine, place, seconds=seconds, token=token)

    return await _everywhere(machines, trust, report, act)


async def stop(
    machines: Sequence[RemoteMachine], trust: Trust, report: Report, *, seconds: int
) -> list[Result]:
    """Stop every daemon that was started; one that still runs after ``seconds`` is killed."""

    async def act(shell: RemoteShell, machine: RemoteMachine, place: DaemonAddress) -> Result:
        script = stop_script(machine.folder, place.port, seconds=seconds)
        said = await shell.run(script, seconds=seconds + _SCRIPT_SECONDS)
        return _stopped(machine, place, said, seconds)

    return await _everywhere(machines, trust, report, act)


async def check(machines: Sequence[RemoteMachine], trust: Trust, report: Report) -> list[Result]:
    """Check of every daemon whether it runs and what its STATUS says."""
    return await _everywhere(machines, trust, report, _check)


async def _everywhere(
    machines: Sequence[RemoteMachine], trust: Trust, report: Report, act: _Act
) -> list[Result]:
    at_once = asyncio.Semaphore(_MACHINES_AT_ONCE)

    async def on(machine: RemoteMachine) -> list[Result]:
        async with at_once:
            try:
                async with connected(machine, trust) as shell:
                    return list(
                        await asyncio.gather(
                            *(
                                _reported(act, shell, machine, place, report)
                                for place in machine.places
                            )
                        )
                    )
            except MachineError as error:
                result = Result(machine, None, is_well=False, summary=str(error))
                report(result)
                return [result]

    found = await asyncio.gather(*(on(machine) for machine in machines))
    return [result for each in found for result in each]


async def _reported(
    act: _Act, shell: RemoteShell, machine: RemoteMachine, place: DaemonAddress, report: Report
) -> Result:
    """Return one daemon's result; what goes wrong with it alone does not end the others."""
    try:
        result = await act(shell, machine, place)
    except MachineError as error:
        result = Result(machine, place, is_well=False, summary=str(error))
    report(result)
    return result


async def _start(
    shell: RemoteShell,
    machine: RemoteMachine,
    place: DaemonAddress,
    *,
    seconds: float,
    token: Token | None,
) -> Result:
    said = await _seen(shell, machine, place)
    if said.word is not ScriptState.RUNNING:
        if await _is_taken(place.endpoint):
            summary = (
                f"port {place.port} is taken by something that this command did not start: stop it"
                " there, or change firstPort"
            )
            return Result(machine, place, is_well=False, summary=summary)
        script = start_script(machine.folder, place.port, place.command, token=token)
        said = await shell.run(script, seconds=_SCRIPT_SECONDS)
    if said.word not in (ScriptState.STARTED, ScriptState.RUNNING):
        return Result(machine, place, is_well=False, summary=_refusal(said, machine, place))
    try:
        async with asyncio.timeout(seconds):
            return await _until_it_answers(shell, machine, place, said)
    except TimeoutError:
        log = await _log(shell, machine, place)
        summary = (
            f"runs (pid {said.pid}) but does not answer from here within {seconds:g} s: open port"
            f" {place.port} in its firewall, have it listen on 0.0.0.0, or name its address"
        )
        return Result(machine, place, is_well=False, summary=summary, log=log)


async def _until_it_answers(
    shell: RemoteShell, machine: RemoteMachine, place: DaemonAddress, first: Reply
) -> Result:
    while True:
        try:
            status = await ask_status(place.endpoint, seconds=_ASK_SECONDS)
        except NoStatus:
            status = None
        said = await _seen(shell, machine, place)
        if said.word is not ScriptState.RUNNING:
            summary = "ended right after its start; the end of its log follows"
            return Result(machine, place, is_well=False, summary=summary, log=said.text)
        if status is not None:
            how = "started" if first.word is ScriptState.STARTED else "runs already"
            return Result(
                machine, place, is_well=True, summary=f"{how} (pid {said.pid})", status=status
            )
        await asyncio.sleep(_PAUSE_SECONDS)


async def _check(shell: RemoteShell, machine: RemoteMachine, place: DaemonAddress) -> Result:
    said = await _seen(shell, machine, place)
    try:
        status, why = await ask_status(place.endpoint, seconds=_ASK_SECONDS), ""
    except NoStatus as error:
        status, why = None, str(error)
    match said.word:
        case ScriptState.RUNNING if status is not None:
            summary = f"runs (pid {said.pid})"
        case ScriptState.RUNNING:
            summary = f"runs (pid {said.pid}), but {why}"
        case ScriptState.DIED:
            summary = f"ended (was pid {said.pid}); the end of its log follows"
        case _ if status is not None:
            summary = "answers, but was not started by this command"
        case _:
            summary = "was not started"
    well = said.word is ScriptState.RUNNING and status is not None
    return Result(machine, place, is_well=well, summary=summary, log=said.text, status=status)


async def _seen(shell: RemoteShell, machine: RemoteMachine, place: DaemonAddress) -> Reply:
    script = status_script(machine.folder, place.port, lines=LOG_LINES)
    return await shell.run(script, seconds=_SCRIPT_SECONDS)


async def _log(shell: RemoteShell, machine: RemoteMachine, place: DaemonAddress) -> str:
    """Return the end of the log of a daemon that runs."""
    script = log_script(machine.folder, place.port, lines=LOG_LINES)
    return (await shell.run(script, seconds=_SCRIPT_SECONDS)).text


async def _is_taken(endpoint: str) -> bool:
    """Return whether anything accepts connections there, a daemon or not."""
    host, port = split_endpoint(endpoint)
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _refusal(said: Reply, machine: RemoteMachine, place: DaemonAddress) -> str:
    match said.word:
        case ScriptState.NO_PROGRAM:
            return (
                f"there is no program {place.command[0]} for its user: install it there, or give"
                " its full path in command"
            )
        case ScriptState.NO_FOLDER:
            return f"folder {machine.folder} cannot be written there: name another in the file"
        case ScriptState.BUSY:
            return "somebody else starts or stops it at this moment: try again"
        case word:
            return f"did not start ({word.value}): try again"


def _stopped(machine: RemoteMachine, place: DaemonAddress, said: Reply, seconds: int) -> Result:
    match said.word:
        case ScriptState.STOPPED:
            return Result(machine, place, is_well=True, summary=f"stopped (pid {said.pid})")
        case ScriptState.KILLED:
            summary = f"killed (pid {said.pid}): it did not end within {seconds} s"
            return Result(machine, place, is_well=True, summary=summary)
        case ScriptState.GONE:
            return Result(machine, place, is_well=True, summary="did not run")
        case _:
            return Result(machine, place, is_well=False, summary=_refusal(said, machine, place))
