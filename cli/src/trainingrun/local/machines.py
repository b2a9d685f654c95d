"""What the machines of one run report to one another through its Redis, without a cluster.

The machine with the learner leads: it reconciles the run, and publishes the configuration and which
roles should be there. The others start theirs from it, and each says every few seconds what it is
and how its members do. What they report is read as everything from Redis is: bounded, and never
executed. Not here: processes, and what is done about an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from trainingrun_contracts.decoding import decode_or_none

FRESH_SECONDS: Final = 15.0
"""What is older is of a machine that is away."""
KNOWN_SECONDS: Final = 3600.0
"""Of a machine that is away, the version is compared with ours for this time."""
BEAT_SECONDS: Final = 2.0
_RECORD_BYTES: Final = 64 * 1024
_LEADER_BYTES: Final = 1024 * 1024
_MACHINES: Final = 64

Word = Annotated[str, Meta(max_length=200)]
Moment = Annotated[float, Meta(ge=0, le=2.5e11)]
Number = Annotated[int, Meta(ge=0, le=2**53)]


class RoleOnMachine(Struct, frozen=True):
    """The members of one role on one machine; ``cpu`` in cores, ``memory`` in bytes."""

    role: Word
    desired: Number
    ready: Number
    restarts: Number = 0
    cpu: float = 0.0
    memory: Number = 0
    problem: Annotated[str, Meta(max_length=2000)] = ""


class Machine(Struct, frozen=True):
    """One machine of a run: ``formats`` names what its programs read and write, ``schema`` the
    numbers of the environment as it has it installed."""

    name: Word
    at: Moment
    version: Word
    formats: Word
    schema: Word
    roles: Annotated[tuple[Word, ...], Meta(max_length=16)]
    cores: Number = 1
    gpus: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    members: Annotated[tuple[RoleOnMachine, ...], Meta(max_length=16)] = ()

    def is_fresh(self, now: float) -> bool:
        """Whether it reported this a moment ago."""
        return now - self.at <= FRESH_SECONDS


class Lead(Struct, frozen=True):
    """What the machine with the learner asks of the others; ``line`` is the run in one line."""

    machine: Word
    at: Moment
    uid: Word
    config: bytes
    wanted: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    is_over: bool = False
    line: Annotated[str, Meta(max_length=4000)] = ""

    def is_fresh(self, now: float) -> bool:
        """Whether it was asked a moment ago."""
        return now - self.at <= FRESH_SECONDS


def machines_key(run: str) -> str:
    """Hash: machine -> what it says of itself. By the run's name, as others do not know its
    identity before they read it here."""
    return f"machines:{run}"


def lead_key(run: str) -> str:
    """String: what the leading machine asks."""
    return f"machines:{run}:lead"


def stop_key(run: str) -> str:
    """String: Unix seconds at which a machine asked for the end of the run's processes."""
    return f"machines:{run}:stop"


def machines_from(reply: Mapping[bytes, bytes]) -> tuple[Machine, ...]:
    """Machines from ``HGETALL``, in order of their names; what is no record of its name is left
    out."""
    found = (
        (name, decode_or_none(value, Machine))
        for name, value in sorted(reply.items())[:_MACHINES]
        if len(value) <= _RECORD_BYTES
    )
    return tuple(each for name, each in found if each is not None and each.name.encode() == name)


def lead_from(reply: bytes | None) -> Lead | None:
    """What is asked; None where nothing is, or nothing that can be read."""
    if reply is None or len(reply) > _LEADER_BYTES:
        return None
    return decode_or_none(reply, Lead)


def queue_machine(pipe: Any, run: str, machine: Machine) -> None:
    """Queue the write of what a machine says of itself."""
    pipe.hset(machines_key(run), machine.name, msgspec.json.encode(machine))


def queue_lead(pipe: Any, run: str, lead: Lead) -> None:
    """Queue the write of what is asked of the others."""
    pipe.set(lead_key(run), msgspec.json.encode(lead))


def misfits(own: Machine, others: Iterable[Machine], *, now: float) -> tuple[str, ...]:
    """Why machines cannot make one run together, a sentence for each."""
    found = []
    for each in others:
        if each.name == own.name or now - each.at > KNOWN_SECONDS:
            continue
        if (each.version, each.formats) != (own.version, own.formats):
            found.append(
                f"{each.name} has trainingrun {each.version} ({each.formats}), and {own.name} has"
                f" {own.version} ({own.formats}): install the same version on both"
            )
        elif each.schema != own.schema:
            found.append(
                f"{each.name} has another version of the environment ({each.schema}) than"
                f" {own.name} ({own.schema}): install the same package on both"
            )
        elif each.is_fresh(now):
            double = [role for role in own.roles if role in each.roles and role in _SINGLE]
            found += [
                f"{each.name} has role {role} already, of which a run has one: leave it out of"
                " --roles here or there"
                for role in double
            ]
    return tuple(found)


_SINGLE: Final = frozenset({"learner", "redis", "evaluator"})


def missing(roles: Sequence[str], machines: Iterable[Machine], *, now: float) -> tuple[str, ...]:
    """Those of a run's roles that no machine has."""
    there = {role for each in machines if each.is_fresh(now) for role in each.roles}
    return tuple(role for role in roles if role not in there)


def described(machine: Machine, *, now: float) -> str:
    """One machine in a line: its roles, its cores, its GPUs."""
    if not machine.is_fresh(now):
        return f"{machine.name}: away for {now - machine.at:.0f} s ({', '.join(machine.roles)})"
    parts = [f"{each.role} {each.ready}/{each.desired}" for each in machine.members]
    used = sum(each.cpu for each in machine.members)
    gpus = f", {', '.join(machine.gpus)}" if machine.gpus else ""
    problems = "".join(f"; {each.role}: {each.problem}" for each in machine.members if each.problem)
    have = " ".join(parts) or ", ".join(machine.roles)
    return f"{machine.name}: {have}, {used:.1f} of {machine.cores} cores{gpus}{problems}"
