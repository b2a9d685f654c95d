"""``--check``: what this machine cannot do or reach for its part of a run, before anything starts.

Each finding is one sentence: what is right, or what is wrong and what to do. Nothing is started;
this machine's record is written, so that the other side's check can be held against it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import redis
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.connection import (
    RedisAddress,
    blocking_client,
    parse_url,
    why_unreachable,
)
from trainingrun_contracts.reports import inference_reports_from
from trainingrun_contracts.run_config import INFERENCE_ADDRESS_VARIABLE
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.roles.workload import Role

from trainingrun.commands.errors import UserError
from trainingrun.commands.local.preflight import check_redis_version, missing_packages
from trainingrun.commands.local.several import Share, this_machine
from trainingrun.local.machines import (
    FRESH_SECONDS,
    Machine,
    described,
    lead_from,
    lead_key,
    machines_from,
    machines_key,
    misfits,
    missing,
    queue_machine,
)
from trainingrun.local.open_redis import is_local
from trainingrun.local.redis import find_redis_server

_CONNECT_SECONDS: Final = 5.0
_CLOCK_SECONDS: Final = 5.0
"""Reports count as old after three times this."""
_NOEVICTION: Final = "noeviction"
_OF_GPUS: Final = (Role.LEARNER.value, Role.INFERENCE.value)


@dataclass(frozen=True)
class Finding:
    """One sentence, and whether what it says is well."""

    is_well: bool
    sentence: str

    def __str__(self) -> str:
        return f"{'ok     ' if self.is_well else 'PROBLEM'} {self.sentence}"


def _well(sentence: str) -> Finding:
    return Finding(is_well=True, sentence=sentence)


def _wrong(sentence: str) -> Finding:
    return Finding(is_well=False, sentence=sentence)


def findings(run: TrainingRun, share: Share) -> Iterator[Finding]:
    """Check this machine, then Redis, then the other machines."""
    yield from _of_packages(run, share)
    try:
        own = this_machine(run, share)
    except UserError as error:
        yield _wrong(str(error))
        return
    yield from _of_gpus(run, share, own)
    address = parse_url(share.url)
    if share.serves_redis and not _listens(address):
        yield from _of_own_redis(address)
        return
    reached, finding = _reach(address)
    yield finding
    if reached:
        yield from _of_redis(run, share, own)


def _of_packages(run: TrainingRun, share: Share) -> Iterator[Finding]:
    absent = missing_packages(run, share.roles)
    roles = ", ".join(share.roles)
    if absent:
        yield _wrong(
            f"{roles}: this Python has no {' and no '.join(absent)}: pip install"
            " 'trainingrun[local]'",
        )
    else:
        yield _well(f"{roles}: the packages are installed")


def _of_gpus(run: TrainingRun, share: Share, own: Machine) -> Iterator[Finding]:
    asked = {"learner": run.spec.learner.gpus}
    if run.spec.inference is not None:
        asked["inference"] = run.spec.inference.gpus
    for role in (each for each in _OF_GPUS if each in share.roles):
        wanted = asked.get(role, 0)
        if wanted > len(own.gpus):
            yield _wrong(
                f"{role} asks for {wanted} GPUs ({role}.gpus), and nvidia-smi shows"
                f" {len(own.gpus)} here: install the driver, choose another machine, or ask for"
                " fewer",
            )
        else:
            yield _well(f"{role}: GPUs {', '.join(own.gpus) or 'none'}, asked for {wanted}")


def _of_own_redis(address: RedisAddress) -> Iterator[Finding]:
    try:
        find_redis_server()
    except BackendError as error:
        yield _wrong(str(error))
        return
    where = "for this machine alone" if is_local(address.host) else "for all machines"
    yield _well(f"redis: is started here on port {address.port}, {where}")
    if is_local(address.host):
        yield _wrong(
            f"--redis names {address.host}, by which no other machine reaches this one: write its"
            " name or address in their network",
        )


def _listens(address: RedisAddress) -> bool:
    try:
        socket.create_connection((address.host, address.port), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _reach(address: RedisAddress) -> tuple[bool, Finding]:
    """The name, then the port: which of both fails says what to repair."""
    try:
        socket.getaddrinfo(address.host, address.port)
    except OSError as error:
        return False, _wrong(
            f"the name {address.host} is not known here ({error.strerror}): correct it, or write"
            " the machine's address",
        )
    try:
        socket.create_connection((address.host, address.port), _CONNECT_SECONDS).close()
    except OSError as error:
        return False, _wrong(
            f"{address.place} is not reached ({error.strerror or error}): start the machine with"
            f" redis first, and let port {address.port} through its firewall",
        )
    return True, _well(f"{address.place} is reached")


def _of_redis(run: TrainingRun, share: Share, own: Machine) -> Iterator[Finding]:
    name = run.metadata.name
    try:
        with blocking_client(share.url, retries=0) as client:
            client.ping()
            server: Any = client.info()
            seconds: Any = client.time()
            pipe = client.pipeline(transaction=False)
            queue_machine(pipe, name, own)
            pipe.hgetall(machines_key(name))
            pipe.get(lead_key(name))
            _, machines, lead = pipe.execute()
    except (redis.RedisError, OSError) as error:
        yield _wrong(why_unreachable(error, share.url))
        return
    yield _well("Redis takes the password")
    yield from _of_server(server, float(seconds[0]))
    yield from _of_machines(run, own, machines_from(machines))
    found = lead_from(lead)
    if found is not None and found.is_fresh(time.time()):
        yield _well(f"{found.machine} leads the run: {found.line}")
        if Role.SELFPLAY.value in share.roles:
            yield from _of_inference(share, run_id=found.uid)


def _of_inference(share: Share, *, run_id: str) -> Iterator[Finding]:
    """Searches find servers in Redis, and value positions themselves where none answers: slow
    searches are all that a closed port shows of itself."""
    try:
        with blocking_client(share.url, retries=0) as client:
            reply: Any = client.hgetall(Keys(run_id).inference_reports)
    except (redis.RedisError, OSError) as error:
        yield _wrong(why_unreachable(error, share.url))
        return
    for report in inference_reports_from(reply, now=time.time()):
        host, _, port = report.address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
        except (OSError, ValueError) as error:
            yield _wrong(
                f"the inference server of {report.machine} at {report.address} is not reached"
                f" ({error}): let port {port} through its firewall, or give it another address by"
                f" {INFERENCE_ADDRESS_VARIABLE}"
            )
        else:
            yield _well(f"the inference server of {report.machine} at {report.address} is reached")


def _of_server(server: dict[str, Any], seconds: float) -> Iterator[Finding]:
    try:
        check_redis_version(server)
    except ValueError as error:
        yield _wrong(f"Redis: {error}")
    policy = str(server.get("maxmemory_policy", _NOEVICTION))
    if policy != _NOEVICTION:
        yield _wrong(f"Redis has maxmemory-policy {policy}: set it to {_NOEVICTION}")
    apart = abs(time.time() - seconds)
    if apart > _CLOCK_SECONDS:
        yield _wrong(
            f"the clocks of Redis' machine and of this one are {apart:.0f} s apart, and what is"
            f" older than {FRESH_SECONDS:.0f} s counts as gone: set both by NTP",
        )


def _of_machines(
    run: TrainingRun, own: Machine, machines: tuple[Machine, ...]
) -> Iterator[Finding]:
    now = time.time()
    for each in machines:
        if each.name != own.name:
            line = described(each, now=now)
            yield _well(line) if each.is_fresh(now) else _wrong(line)
    for sentence in misfits(own, machines, now=now):
        yield _wrong(sentence)
    roles = [each.role.value for each in ALGORITHMS.roles_of(run) if each.serves(run)]
    for role in missing(roles, machines, now=now):
        if role == Role.EVALUATOR.value:
            yield _well("no machine has role evaluator: the learner's takes it")
        else:
            yield _wrong(f"no machine has role {role} yet: name it in --roles of one")
