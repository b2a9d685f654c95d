"""Starts, stops and looks at the daemons of many machines, all machines at the same time.

Each daemon ends as one :class:`Result`; a machine that cannot be reached gives one for all of its
daemons. Nothing here prints: ``tell`` is called as results come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun_contracts.protocol.access import Token
from trainingrun_contracts.protocol.lines import StatusReply

from trainingrun_operator.cli.machines.inventory import Machine, Place
from trainingrun_operator.cli.machines.script import (
    Said,
    Word,
    log_script,
    look_script,
    start_script,
    stop_script,
)
from trainingrun_operator.cli.machines.ssh import MachineError, Shell, Trust, connected
from trainingrun_operator.controller.daemon_status import NoStatus, ask_status, split_endpoint

LOG_LINES: Final = 12
_MACHINES_AT_ONCE: Final = 16
_SCRIPT_SECONDS: Final = 30
_ASK_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Result:
    """What became of one daemon, or of all of a machine (``place`` is None)."""

    machine: Machine
    place: Place | None
    is_well: bool
    words: str
    log: str = ""
    status: StatusReply | None = None

    @property
    def name(self) -> str:
        """The endpoint, or the machine."""
        return self.place.endpoint if self.place is not None else self.machine.name


Tell = Callable[[Result], None]
_Act = Callable[[Shell, Machine, Place], Awaitable[Result]]


async def start(
    machines: Sequence[Machine], trust: Trust, tell: Tell, *, seconds: float,
    token: Token | None = None,
) -> list[Result]:  # fmt: skip
    """Start every daemon that does not run, and wait until each answers; at most so long.

    ``token`` is what they ask clients for; those that run already keep the one that they have.
    """

    async def act(shell: Shell, machine: Machine, place: Place) -> Result:
        return await _start(shell, machine, place, seconds=seconds, token=token)

    return await _everywhere(machines, trust, tell, act)


async def stop(
    machines: Sequence[Machine], trust: Trust, tell: Tell, *, seconds: int
) -> list[Result]:
    """Stop every daemon that was started; one that still runs after so long is killed."""

    async def act(shell: Shell, machine: Machine, place: Place) -> Result:
        script = stop_script(machine.folder, place.port, seconds=seconds)
        said = await shell.run(script, seconds=seconds + _SCRIPT_SECONDS)
        return _stopped(machine, place, said, seconds)

    return await _everywhere(machines, trust, tell, act)


async def look(machines: Sequence[Machine], trust: Trust, tell: Tell) -> list[Result]:
    """See of every daemon whether it runs and what it says of itself."""
    return await _everywhere(machines, trust, tell, _look)


async def _everywhere(
    machines: Sequence[Machine], trust: Trust, tell: Tell, act: _Act
) -> list[Result]:
    at_once = asyncio.Semaphore(_MACHINES_AT_ONCE)

    async def on(machine: Machine) -> list[Result]:
        async with at_once:
            try:
                async with connected(machine, trust) as shell:
                    return list(
                        await asyncio.gather(
                            *(_told(act, shell, machine, place, tell) for place in machine.places)
                        )
                    )
            except MachineError as error:
                result = Result(machine, None, is_well=False, words=str(error))
                tell(result)
                return [result]

    found = await asyncio.gather(*(on(machine) for machine in machines))
    return [result for each in found for result in each]


async def _told(act: _Act, shell: Shell, machine: Machine, place: Place, tell: Tell) -> Result:
    """One daemon's result; what goes wrong with it alone does not end the others."""
    try:
        result = await act(shell, machine, place)
    except MachineError as error:
        result = Result(machine, place, is_well=False, words=str(error))
    tell(result)
    return result


async def _start(
    shell: Shell, machine: Machine, place: Place, *, seconds: float, token: Token | None
) -> Result:
    said = await _seen(shell, machine, place)
    if said.word is not Word.RUNNING:
        if await _is_taken(place.endpoint):
            words = (
                f"port {place.port} is taken by something that this command did not start: stop it"
                " there, or change firstPort"
            )
            return Result(machine, place, is_well=False, words=words)
        script = start_script(machine.folder, place.port, place.command, token=token)
        said = await shell.run(script, seconds=_SCRIPT_SECONDS)
    if said.word not in (Word.STARTED, Word.RUNNING):
        return Result(machine, place, is_well=False, words=_refusal(said, machine, place))
    try:
        async with asyncio.timeout(seconds):
            return await _until_it_answers(shell, machine, place, said)
    except TimeoutError:
        log = await _log(shell, machine, place)
        words = (
            f"runs (pid {said.pid}) but does not answer from here within {seconds:g} s: open port"
            f" {place.port} in its firewall, have it listen on 0.0.0.0, or name its address"
        )
        return Result(machine, place, is_well=False, words=words, log=log)


async def _until_it_answers(shell: Shell, machine: Machine, place: Place, first: Said) -> Result:
    while True:
        try:
            status = await ask_status(place.endpoint, seconds=_ASK_SECONDS)
        except NoStatus:
            status = None
        said = await _seen(shell, machine, place)
        if said.word is not Word.RUNNING:
            words = "ended right after its start; the end of its log follows"
            return Result(machine, place, is_well=False, words=words, log=said.text)
        if status is not None:
            how = "started" if first.word is Word.STARTED else "runs already"
            return Result(
                machine, place, is_well=True, words=f"{how} (pid {said.pid})", status=status
            )
        await asyncio.sleep(_PAUSE_SECONDS)


async def _look(shell: Shell, machine: Machine, place: Place) -> Result:
    said = await _seen(shell, machine, place)
    try:
        status, why = await ask_status(place.endpoint, seconds=_ASK_SECONDS), ""
    except NoStatus as error:
        status, why = None, str(error)
    match said.word:
        case Word.RUNNING if status is not None:
            words = f"runs (pid {said.pid})"
        case Word.RUNNING:
            words = f"runs (pid {said.pid}), but {why}"
        case Word.DIED:
            words = f"ended (was pid {said.pid}); the end of its log follows"
        case _ if status is not None:
            words = "answers, but was not started by this command"
        case _:
            words = "was not started"
    well = said.word is Word.RUNNING and status is not None
    return Result(machine, place, is_well=well, words=words, log=said.text, status=status)


async def _seen(shell: Shell, machine: Machine, place: Place) -> Said:
    script = look_script(machine.folder, place.port, lines=LOG_LINES)
    return await shell.run(script, seconds=_SCRIPT_SECONDS)


async def _log(shell: Shell, machine: Machine, place: Place) -> str:
    """The end of the log of a daemon that runs."""
    script = log_script(machine.folder, place.port, lines=LOG_LINES)
    return (await shell.run(script, seconds=_SCRIPT_SECONDS)).text


async def _is_taken(endpoint: str) -> bool:
    """Whether anything accepts connections there, a daemon or not."""
    host, port = split_endpoint(endpoint)
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _refusal(said: Said, machine: Machine, place: Place) -> str:
    match said.word:
        case Word.NO_PROGRAM:
            return (
                f"there is no program {place.command[0]} for its user: install it there, or give"
                " its full path in command"
            )
        case Word.NO_FOLDER:
            return f"folder {machine.folder} cannot be written there: name another in the file"
        case Word.BUSY:
            return "somebody else starts or stops it at this moment: try again"
        case word:
            return f"did not start ({word.value}): try again"


def _stopped(machine: Machine, place: Place, said: Said, seconds: int) -> Result:
    match said.word:
        case Word.STOPPED:
            return Result(machine, place, is_well=True, words=f"stopped (pid {said.pid})")
        case Word.KILLED:
            words = f"killed (pid {said.pid}): it did not end within {seconds} s"
            return Result(machine, place, is_well=True, words=words)
        case Word.GONE:
            return Result(machine, place, is_well=True, words="did not run")
        case _:
            return Result(machine, place, is_well=False, words=_refusal(said, machine, place))
