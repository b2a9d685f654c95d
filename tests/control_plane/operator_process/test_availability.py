"""Two operators on one cluster: one works, the other follows it, and never do both.

The lease is shorter than that of the chart, so that the tests are; benchmarks/operator/failover.py
measures the same with the chart's. What no one may do twice is looked up in the audit log, where
each write is signed with the term of the lease in which it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from testkit.control_plane.audit_log import Asked, lines_in, overlaps
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_pair import Pair, seconds_until_followed, two_operators
from testkit.operator.operator_process import Trainer
from testkit.servers.redis_server import RedisServer

LEASE_SECONDS = 6
BEGIN_SECONDS = 20
"""What a new leader may need, on a busy machine, to see everything and to act."""


@pytest.fixture(scope="module")
def pair(
    control_plane: ControlPlane, chart: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two ready operators; the first one leads. Each test leaves two of them running."""
    folder = tmp_path_factory.mktemp("pair")
    with two_operators(control_plane, folder, f"--lease-seconds={LEASE_SECONDS}") as made:
        yield made


@pytest.fixture
def roles(pair: Pair) -> Pair:
    """The pair as it is at the beginning of a test."""
    return pair.as_it_is()


@pytest.fixture
def trainer(roles: Pair, queue_server: RedisServer, namespace: str) -> Iterator[Trainer]:
    """Makes runs in the test's namespace, and ends their fleets."""
    made = Trainer(roles.plane, namespace, queue_server)
    yield made
    made.close()


def identities(trainer: Trainer, name: str) -> set[str]:
    """All pods and children of a run."""
    found = trainer.objects("deployments,jobs,services,configmaps,secrets,pods", name)
    return {each["metadata"]["uid"] for each in found}


def children_written(pair: Pair, trainer: Trainer, *, skip: int) -> list[Asked]:
    """Writes to what the runs of the test consist of, after this many lines of the log."""
    writes = (each for each in pair.requests(skip=skip) if each.is_write and each.is_of_child)
    return [each for each in writes if each.namespace == trainer.namespace]


def test_when_the_leader_is_killed_the_other_one_acts(roles: Pair, trainer: Trainer) -> None:
    """kill -9: once the lease has run out the other works, and repeats nothing."""
    trainer.start("killed", games=100_000)
    trainer.wait_for_members("killed")
    alive, mark = identities(trainer, "killed"), lines_in(roles.log)
    roles.leader.kill()
    seconds = seconds_until_followed(trainer, "killed", actors=2)
    print(f"killed leader: followed after {seconds:.1f} s")
    assert seconds < LEASE_SECONDS + BEGIN_SECONDS
    trainer.wait_until(lambda: bool(children_written(roles, trainer, skip=mark)))  # a log lags
    written = children_written(roles, trainer, skip=mark)
    assert {each.name for each in written} == {"killed-actor"}
    assert overlaps(roles.requests()) == []
    trainer.wait_until(lambda: identities(trainer, "killed") > alive)  # the second actor's pod
    roles.leader.start()


def test_a_rolling_update_has_no_gap(roles: Pair, trainer: Trainer) -> None:
    """Each is asked to end in turn: the lease is given back, and no child of a run is written."""
    fleet = trainer.start("rolled", games=100_000)
    trainer.wait_for_members("rolled")
    alive, mark = identities(trainer, "rolled"), lines_in(roles.log)
    for each in (roles, roles.swapped()):
        begin, told = time.monotonic(), len(each.standby.log())
        each.leader.ask_to_end()
        trainer.wait_until(lambda pair=each: pair.holder() == pair.standby.name)
        trainer.wait_until(each.standby.is_ready)
        seconds = time.monotonic() - begin
        print(f"leader told to end: the other works after {seconds:.1f} s")
        assert seconds < LEASE_SECONDS + BEGIN_SECONDS
        assert "is held by nobody" in each.standby.log()[told:]  # it was given back
        assert each.leader.exit_code(seconds=30) == 0
        each.leader.start()
    games = fleet.games
    trainer.wait_until(lambda: trainer.run("rolled")["status"]["games"]["played"] > games)
    assert children_written(roles, trainer, skip=mark) == []
    assert overlaps(roles.requests()) == []
    assert identities(trainer, "rolled") == alive


def test_a_leader_that_was_frozen_writes_nothing_more(roles: Pair, trainer: Trainer) -> None:
    """It wakes with work at hand when the other has taken over: it ends, and writes nothing."""
    trainer.start("frozen", games=100_000)
    trainer.wait_for("frozen", "Ready")
    roles.leader.freeze()
    seconds = seconds_until_followed(trainer, "frozen", actors=2)
    assert seconds < LEASE_SECONDS + BEGIN_SECONDS
    trainer.patch("frozen", '{"actor": {"replicas": 1}}')
    roles.leader.thaw()
    assert roles.leader.exit_code(seconds=30) == 1
    assert "could not be renewed in time" in roles.leader.log()
    assert "Traceback" not in roles.leader.log()
    assert overlaps(roles.requests()) == []
    roles.leader.start()


def test_the_one_that_stands_by_is_ready_and_silent(roles: Pair) -> None:
    """It knows who leads, has no runs, and asks for nothing but the lease."""
    mark = lines_in(roles.log)
    assert roles.standby.ask("/readyz") == "ok"
    assert roles.standby.ask("/livez") == "ok"
    assert "trainingrun_operator_leading 0" in roles.standby.ask("/metrics")
    assert "trainingrun_operator_leading 1" in roles.leader.ask("/metrics")
    seen = [each for each in roles.requests(skip=mark) if each.identity == roles.standby.name]
    assert {each.resource for each in seen} <= {"leases"}
