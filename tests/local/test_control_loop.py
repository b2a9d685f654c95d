"""The control loop against a real Redis, with members from the in-memory backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import redis
from msgspec import structs
from trainingrun_api.conditions import ConditionStatus, ConditionType, EventReason
from trainingrun_api.run import TrainingRun, parse
from trainingrun_api.status import TrainingRunStatus
from trainingrun_contracts import reports
from trainingrun_contracts.reports import (
    ActorReport,
    ActorState,
    Evaluation,
    Intent,
    LearnerReport,
    LearnerState,
    Notice,
)
from trainingrun_contracts.slots import DaemonSlot, decode_all, encode
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.backends import BackendError, ErrorKind, SharedResources
from trainingrun_reconciler.controller.loop import ReconcileError, Reconciler
from trainingrun_reconciler.controller.signals import QueueError, SignalReader
from trainingrun_reconciler.desired.actions import (
    PublishSlots,
    Remove,
    SetIntent,
    SetTarget,
    WorkloadAction,
)
from trainingrun_reconciler.desired.observed import (
    Finished,
    ObservedRole,
    Signals,
    Unreachable,
)
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.memory import MemoryBackend, MemoryRunStore
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey

from testkit.operator.simulated_run import UID, document
from testkit.servers.redis_server import RedisServer

KEYS = Keys(UID)
ROLES_OF_PPO = {Role.REDIS, Role.DAEMON, Role.ACTOR, Role.LEARNER, Role.EVALUATOR}
NOW = 1_000_000.0


class Bench:
    """A store, a backend and a reconciler around one Redis, with a clock of its own."""

    def __init__(self, url: str, *, backend: MemoryBackend | None = None, **spec: Any) -> None:
        self.store: MemoryRunStore = MemoryRunStore()
        self.backend = backend or MemoryBackend(redis_url=url)
        self.now = NOW
        self.loop = Reconciler(self.store, self.backend, Settings(), clock=lambda: self.now)
        self.key = self.store.put(parse(document(**spec)))

    async def read_once(self, times: int = 1) -> float | None:
        """Reconcile this many times; members become ready in between."""
        after = None
        for _ in range(times):
            after = await self.loop.reconcile(self.key)
            self.backend.tick(UID)
            self.now += 2
        return after

    def looks(self, times: int) -> float | None:
        """Reconcile this many times, from a test that does nothing in between."""

        async def read_once() -> float | None:
            try:
                return await self.read_once(times)
            finally:
                await self.loop.close()

        return asyncio.run(read_once())

    def status(self, kind: ConditionType) -> tuple[ConditionStatus, str]:
        """Status and message of a condition."""
        run = self.store.runs[self.key]
        condition = run.status.condition(kind)
        assert condition is not None, f"no condition {kind}"
        return condition.status, condition.message

    def change(self, **spec: Any) -> None:
        """Edit the spec as a user would."""
        self.store.put(parse(document(**spec)))


class SlowStore(MemoryRunStore):
    """Takes no status until it is asked to, as one that writes many runs' statuses in turn."""

    takes = False

    async def write_status(self, run: TrainingRun, status: TrainingRunStatus) -> None:
        """Store it, or not yet."""
        if self.takes:
            await super().write_status(run, status)


def learner(at: float, **fields: Any) -> LearnerReport:
    """A report of the learner."""
    return LearnerReport("learner-0", at, LearnerState.TRAINING, 1, 3, 2, 100, **fields)


def actor(at: float, state: ActorState) -> ActorReport:
    """A report of the actor."""
    return ActorReport("actor-0", at, state, 0, 0, 0, 0, 0.0, 0, 3, 2)


def write_state(client: redis.Redis, *said: reports.Report) -> None:
    """Report as roles do."""
    for report in said:
        reports.queue_report(client, KEYS, report)


class LateStore(MemoryRunStore):
    """Reports a deletion late, as a watch may that is behind the others."""

    is_late = False

    async def exists(self, run: TrainingRun) -> bool:
        """As the API server answers, which knows at once."""
        return not self.is_late and await super().exists(run)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_what_goes_with_a_deleted_run_is_not_made_again(
    redis_server: RedisServer, *, is_deleted: bool
) -> None:
    """Expect a role that is missing to come back only while its run is there."""
    bench = Bench(redis_server.url_of(OPERATOR))
    store = LateStore()
    store.put(bench.store.runs[bench.key])
    bench.store = store
    bench.loop = Reconciler(store, bench.backend, Settings(), clock=lambda: bench.now)

    async def lose_the_daemons() -> None:
        try:
            await bench.read_once(3)
            assert Role.DAEMON in bench.backend.roles(UID)
            bench.backend.act(UID, Remove(Role.DAEMON))
            store.is_late = is_deleted
            await bench.read_once(3)
        finally:
            await bench.loop.close()

    asyncio.run(lose_the_daemons())
    assert (Role.DAEMON in bench.backend.roles(UID)) is not is_deleted


def test_all_signals_come_in_one_look(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Whatever roles wrote by the contracts is read back as it was."""
    client, slot = redis_client, DaemonSlot(4, draining=True, draining_since=5.0)
    client.set(KEYS.intent, "drain")
    client.set(KEYS.intent_since, "12.5")
    client.set(KEYS.target, 77)
    client.hset(KEYS.daemons, "d-0:1", encode(slot))
    client.hset(KEYS.games, mapping={"played": 9, "aborted": 1})
    client.hset(KEYS.produced, "actor-0", 500)
    client.set(KEYS.depth, 200)
    client.hset(KEYS.accounts, mapping={"trained": 290, "stale": 10})
    client.zadd(KEYS.leases + "d-0:1", {"a": 4e9, "b": 4e9, "expired": 1})
    client.zadd(KEYS.leases + "d-1:1", {"c": 4e9})
    write_state(client, learner(NOW), actor(NOW - 60, ActorState.PLAYING))
    reports.queue_notice(client, KEYS.notices, Notice(NOW, "actor", "actor-0", "X", "hello"))
    evaluation = Evaluation(NOW, 3, 9, "random", 10, 9, 0, 0.9, 0.6, 0.98)
    reports.queue_evaluation(client, KEYS.evaluations, evaluation)

    async def read() -> Signals | Unreachable:
        reader = SignalReader()
        found = await reader.read(redis_server.url_of(OPERATOR), KEYS, endpoints=["d-1:1"], now=NOW)
        await reader.close()
        return found

    signals = asyncio.run(read())
    assert isinstance(signals, Signals)
    assert (signals.intent, signals.intent_since, signals.target) == (Intent.DRAIN, 12.5, 77)
    assert signals.slots == {"d-0:1": slot}
    assert signals.busy == {"d-0:1": 2, "d-1:1": 1}
    assert signals.games == {"played": 9, "aborted": 1}
    assert signals.ledger.closes
    assert signals.reports == (learner(NOW),), "the old report of the actor is left out"
    assert [notice.message for notice in signals.notices] == ["hello"]
    assert signals.evaluations == (evaluation,)


def test_what_is_told_is_found_by_the_roles(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Intent, target and daemons stand under the contracts' keys; publishing replaces."""

    async def perform() -> None:
        reader = SignalReader()
        for action in (
            SetIntent(Intent.FLUSH),
            SetTarget(5),
            PublishSlots({"old:1": DaemonSlot(2)}),
            PublishSlots({"new:1": DaemonSlot(3)}),
        ):
            await reader.perform(redis_server.url_of(OPERATOR), KEYS, action, now=NOW)
        await reader.close()

    asyncio.run(perform())
    assert reports.intent_from(redis_client.get(KEYS.intent)) is Intent.FLUSH
    assert float(redis_client.get(KEYS.intent_since) or 0) == NOW
    assert redis_client.get(KEYS.target) == b"5"
    assert decode_all(redis_client.hgetall(KEYS.daemons)) == {"new:1": DaemonSlot(3)}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://127.0.0.1:1/0", "cannot be reached"),
        ("redis://no-such-host.invalid:6379/0", "no-such-host.invalid:6379"),
        ("nonsense", "not valid"),
    ],
)
def test_a_redis_that_is_not_there_is_an_observation(url: str, words: str) -> None:
    """Reading never raises; the sentence says where; writing raises our own error."""

    async def read() -> Signals | Unreachable:
        reader = SignalReader()
        found = await reader.read(url, KEYS, endpoints=(), now=NOW)
        await reader.close()
        return found

    found = asyncio.run(read())
    assert isinstance(found, Unreachable)
    assert words in found.message
    if url.startswith("redis"):
        with pytest.raises(QueueError, match="Redis at"):
            asyncio.run(SignalReader().perform(url, KEYS, SetTarget(1), now=NOW))


class DatedBackend(MemoryBackend):
    """One whose members were all made when the clock began."""

    def roles(self, uid: str) -> Mapping[Role, ObservedRole]:
        """As they are, with their age."""
        return {
            role: replace(
                there,
                members=tuple(replace(each, started_at=NOW) for each in there.members),
            )
            for role, there in super().roles(uid).items()
        }


def test_a_new_redis_that_is_not_reached_yet_is_no_warning() -> None:
    """Its pod is ready some seconds before its name leads there; after half a minute it is
    reported."""
    url = "redis://127.0.0.1:1/0"
    bench = Bench(url, backend=DatedBackend(redis_url=url))
    bench.looks(10)
    assert bench.backend.roles(UID)[Role.REDIS].ready
    assert bench.status(ConditionType.QUEUE_AVAILABLE)[0] is ConditionStatus.UNKNOWN
    assert "QueueUnreachable" not in [event.reason for _, event in bench.store.events]
    bench.looks(10)
    assert bench.status(ConditionType.QUEUE_AVAILABLE)[0] is ConditionStatus.FALSE
    assert "QueueUnreachable" in [event.reason for _, event in bench.store.events]


def test_a_wrong_password_is_told_without_the_password(redis_server: RedisServer) -> None:
    """The condition says that the password was refused and does not repeat it."""
    url = f"redis://operator:wrong@{redis_server.address}/0"
    bench = Bench(url, redis={"url": url})
    bench.looks(2)
    status, message = bench.status(ConditionType.QUEUE_AVAILABLE)
    assert status is ConditionStatus.FALSE
    assert "refused the password" in message
    assert "wrong" not in message
    assert Role.LEARNER not in bench.backend.roles(UID)
    assert "QueueUnreachable" in [event.reason for _, event in bench.store.events]


def test_a_run_lives_from_start_to_completion(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Start, suspend, resume and completion, with the roles' part played through real Redis."""
    client, bench = redis_client, Bench(redis_server.url_of(OPERATOR), games=100)

    async def life() -> None:
        await bench.read_once(4)
        assert set(bench.backend.roles(UID)) == ROLES_OF_PPO
        assert len(decode_all(client.hgetall(KEYS.daemons))) == 2
        assert client.get(KEYS.target) == b"100"
        write_state(client, learner(bench.now), actor(bench.now, ActorState.PLAYING))
        client.hset(KEYS.games, "played", 10)
        await bench.read_once()
        assert (bench.status(ConditionType.READY))[0] is ConditionStatus.TRUE

        bench.change(games=100, suspend=True)
        await bench.read_once()
        assert client.get(KEYS.intent) == b"drain"
        write_state(client, learner(bench.now), actor(bench.now, ActorState.DRAINED))
        await bench.read_once()
        assert client.get(KEYS.intent) == b"flush"
        bench.backend.finish(UID, Role.LEARNER, Finished(succeeded=True))
        await bench.read_once(2)
        assert (bench.status(ConditionType.SUSPENDED))[0] is ConditionStatus.TRUE
        assert set(bench.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}

        bench.change(games=100, suspend=False)
        await bench.read_once(4)
        assert set(bench.backend.roles(UID)) == ROLES_OF_PPO
        client.hset(KEYS.games, "played", 101)
        write_state(client, learner(bench.now), actor(bench.now, ActorState.DRAINED))
        await bench.read_once(2)
        bench.backend.finish(UID, Role.LEARNER, Finished(succeeded=True))
        await bench.read_once(3)
        assert (bench.status(ConditionType.COMPLETE))[0] is ConditionStatus.TRUE
        assert set(bench.backend.roles(UID)) == {Role.REDIS, Role.LEARNER}
        writes = bench.store.writes
        await bench.read_once(5)
        assert bench.store.writes == writes, "a finished run is not written again"
        await bench.loop.close()

    asyncio.run(life())
    told = [event.reason for _, event in bench.store.events]
    assert [each for each in told if each != "ScaledUp"] == [
        "Started",
        "Suspending",
        "Suspended",
        "Resumed",
        "Draining",
        "Completed",
    ]


class Refusing(MemoryBackend):
    """A world that refuses to make learners, as a quota would."""

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Refuse learners."""
        if Role.LEARNER.value in str(action):
            raise BackendError("CreationFailed", "exceeded quota: gpus", retry=True)
        await super().perform(run, action)


def test_a_refusal_becomes_a_condition_and_a_retry(redis_server: RedisServer) -> None:
    """The run is degraded with the world's words, reported once, and reconciled again."""
    bench = Bench(redis_server.url_of(OPERATOR))
    bench.backend = Refusing(redis_url=redis_server.url_of(OPERATOR))
    bench.loop = Reconciler(bench.store, bench.backend, Settings(), clock=lambda: bench.now)
    after = bench.looks(4)
    assert after is not None
    assert after <= 60
    assert bench.status(ConditionType.DEGRADED) == (
        ConditionStatus.TRUE,
        "exceeded quota: gpus",
    )
    told = [event for _, event in bench.store.events if "quota" in event.message]
    assert len(told) == 1


class Passing(BackendError):
    """What a failing API server answers."""

    @property
    def kind(self) -> ErrorKind:
        """It says nothing about the request."""
        return ErrorKind.TRANSIENT


class Troubled(MemoryBackend):
    """A world that is away whenever a learner is to be made."""

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Be away for learners."""
        if Role.LEARNER.value in str(action):
            raise Passing("ApiServerError", "the API server answered 503")
        await super().perform(run, action)


def test_what_passes_by_itself_is_told_in_no_status(redis_server: RedisServer) -> None:
    """The reconcile is retried with back-off; the run does not report the API server's failure."""
    bench = Bench(redis_server.url_of(OPERATOR))
    bench.backend = Troubled(redis_url=redis_server.url_of(OPERATOR))
    bench.loop = Reconciler(bench.store, bench.backend, Settings(), clock=lambda: bench.now)
    with pytest.raises(ReconcileError, match="503"):
        bench.looks(4)
    assert bench.store.events == []
    assert "503" not in str(bench.store.runs[bench.key].status)


def test_an_operator_that_lost_its_lease_writes_nothing_to_redis(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Redis cannot know who leads, so the loop asks before each write to it."""

    def refuse() -> None:
        raise Passing("NotLeading", "another one leads")

    bench = Bench(redis_server.url_of(OPERATOR), redis={"url": redis_server.url_of(OPERATOR)})
    bench.loop = Reconciler(
        bench.store, bench.backend, Settings(), clock=lambda: bench.now, may_act=refuse
    )
    with pytest.raises(ReconcileError, match="another one leads"):
        bench.looks(4)
    assert redis_client.keys(f"*{UID}*") == []


def test_a_run_that_is_gone_is_forgotten(redis_server: RedisServer) -> None:
    """No error and no next reconcile for a key that does not exist."""
    bench = Bench(redis_server.url_of(OPERATOR))
    assert asyncio.run(bench.loop.reconcile(ResourceKey("default", "other"))) is None


def test_a_killed_redis_comes_back(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """The outage is reported, nothing is removed, and the recovery is reported."""
    bench = Bench(redis_server.url_of(OPERATOR), redis={"url": redis_server.url_of(OPERATOR)})

    async def steps(*between: Callable[[], None]) -> None:
        await bench.read_once(4)
        for step in between:
            step()
            await bench.read_once(2)
        await bench.loop.close()

    asyncio.run(steps(redis_server.kill, redis_server.start))
    assert set(bench.backend.roles(UID)) == ROLES_OF_PPO - {Role.REDIS}
    told = [event.reason for _, event in bench.store.events]
    assert told.index("QueueUnreachable") < told.index("QueueRecovered")


def test_what_a_status_remembers_is_kept_until_it_is_written(redis_server: RedisServer) -> None:
    """The run starts once, at its first reconcile, however late the store takes the status."""
    bench, slow = Bench(redis_server.url_of(OPERATOR)), SlowStore()
    bench.store = slow
    bench.key = slow.put(parse(document()))
    bench.loop = Reconciler(bench.store, bench.backend, Settings(), clock=lambda: bench.now)

    async def act() -> None:
        await bench.read_once(3)
        slow.takes = True
        await bench.read_once()
        await bench.loop.close()

    asyncio.run(act())
    started = bench.store.runs[bench.key].status.started_at
    assert started is not None
    assert started.timestamp() == NOW
    assert [event.reason for _, event in bench.store.events].count(EventReason.STARTED) == 1


class StuckBackend(MemoryBackend):
    """Never says where Redis is."""

    async def redis_url(self, run: RunIdentity, shared: SharedResources) -> str | None:
        """No answer."""
        return await asyncio.Event().wait() and None


def test_a_reconcile_that_takes_too_long_ends_and_is_told(redis_server: RedisServer) -> None:
    """One reconcile has one limit, whatever it waits for; the status says so."""
    bench = Bench(redis_server.url_of(OPERATOR), backend=StuckBackend())

    async def read_once() -> None:
        bench.loop = Reconciler(
            bench.store, bench.backend, Settings(), clock=lambda: NOW, longest=0.1
        )
        with pytest.raises(ReconcileError, match=r"longer than 0\.1 s"):
            await bench.read_once()
        await bench.loop.close()

    asyncio.run(read_once())
    assert bench.status(ConditionType.DEGRADED) == (
        ConditionStatus.TRUE,
        "asking and acting took longer than 0.1 s; it is tried again",
    )
    assert len(bench.store.runs[bench.key].status.conditions) == 1  # nothing else is known


def test_reports_of_members_that_are_gone_are_removed(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Once there are many; those that live, and those that fell silent lately, stay."""
    bench = Bench(redis_server.url_of(OPERATOR))
    for number in range(5000):
        redis_client.hset(KEYS.reports, f"actor/gone-{number}", "{}")
    for number in range(100):
        gone = structs.replace(actor(NOW - 7200, ActorState.PLAYING), member=f"old-{number}")
        write_state(redis_client, gone)
    silent = structs.replace(actor(NOW - 600, ActorState.PLAYING), member="silent-0")
    write_state(redis_client, actor(NOW, ActorState.PLAYING), silent)
    bench.looks(3)
    assert set(redis_client.hkeys(KEYS.reports)) == {b"actor/actor-0", b"actor/silent-0"}
