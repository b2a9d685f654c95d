"""One operator through every failure of the API server: it converges, waits, and stays the same.

A proxy in front of the real API server cuts, delays and refuses; what the server itself can do
wrong (no permission, no definition, no memory of old versions) it does itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import yaml

from testkit.control_plane.api_proxy import ApiProxy, Trouble
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import DEFINITION, SYSTEM, OperatorProcess, Trainer
from testkit.servers.redis_server import RedisServer
from testkit.tree import ROOT

CRD = ROOT / "crds" / "trainingrun.dev_trainingruns.yaml"
ACCOUNT = "trainingrun-operator"


@pytest.fixture(scope="module")
def proxy(control_plane: ControlPlane, chart: None) -> Iterator[ApiProxy]:
    """The proxy before the API server, without failures at first."""
    with ApiProxy(control_plane.url, control_plane.certificate) as made:
        yield made


@pytest.fixture(scope="module")
def operator(
    control_plane: ControlPlane, proxy: ApiProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One operator, never started again, whose requests go through the proxy."""
    folder = tmp_path_factory.mktemp("troubled")
    kubeconfig = proxy.kubeconfig(control_plane.kubeconfig_for(SYSTEM, ACCOUNT), folder)
    process = OperatorProcess(kubeconfig, folder, name="troubled")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def trainer(trainer: Trainer, operator: OperatorProcess, proxy: ApiProxy) -> Iterator[Trainer]:
    """Makes runs in the test's namespace. Afterwards the same process is alive and had no bug."""
    yield trainer
    proxy.heal()
    assert operator.ask("/livez") == "ok"
    assert 'reconciles_total{kind="TrainingRun",result="bug"} 0.0' in operator.ask("/metrics")
    assert "this is a bug" not in operator.log()
    assert "Traceback" not in operator.log()


def actors(trainer: Trainer, name: str) -> int:
    """How many actors the run's Deployment is asked to have."""
    (found,) = trainer.objects("deployments", f"{name},trainingrun.dev/role=actor")
    return int(found["spec"]["replicas"])


def follows(trainer: Trainer, name: str, count: int, *, seconds: float = 90) -> float:
    """Ask for another number of actors and wait until it is written; return how long it took.

    Raises:
        AssertionError: it was not, in time.
    """
    begin = time.monotonic()
    trainer.patch(name, f'{{"actor": {{"replicas": {count}}}}}')
    trainer.wait_until(lambda: actors(trainer, name) == count, seconds=seconds)
    return time.monotonic() - begin


def test_a_definition_that_is_removed_and_added_again(
    trainer: Trainer, control_plane: ControlPlane
) -> None:
    """All runs go with their definition; once it is there again, a new run is worked on.

    The first of the tests: kopf ended, and whatever it may do later to the process that it ended
    in, the other tests would see.
    """
    trainer.start("before", games=100_000)
    trainer.wait_for("before", "Ready")
    control_plane.kubectl("delete", "crd", DEFINITION, "--timeout=90s")
    control_plane.apply(yaml.safe_load(CRD.read_text()))
    control_plane.wait_for_definition(DEFINITION)
    trainer.start("after", games=100_000)
    trainer.wait_for("after", "Ready", seconds=90)


def test_a_storm_of_refusals_only_makes_it_slower(trainer: Trainer, proxy: ApiProxy) -> None:
    """A third of all requests fails, all are slow: the run gets ready, and its status reports only
    the run."""
    proxy.spoil(Trouble(share=0.33, statuses=(500, 503), delay=0.05))
    trainer.start("storm", games=100_000)
    run = trainer.wait_for("storm", "Ready", seconds=90)
    refused = [each for each in proxy.seen if each.spoiled]
    assert len(refused) > 5
    told = json.dumps(run["status"]) + str(trainer.events("storm"))
    assert "spoiled" not in told
    assert "API server" not in told


def test_it_waits_as_long_as_a_busy_server_asks(trainer: Trainer, proxy: ApiProxy) -> None:
    """429 with Retry-After: the same request comes again no sooner than the answer allows. Of two
    POSTs nobody can tell whether they make the same object."""
    of_one_object = {"PATCH", "PUT", "DELETE"}
    trainer.start("busy", games=100_000)
    trainer.wait_for("busy", "Ready")
    proxy.spoil(Trouble(share=0.5, statuses=(429,), retry_after=1))
    mark = time.monotonic()
    for daemons in (2, 1) * 10:  # which requests are refused is left to chance
        follows(trainer, "busy", daemons)
        if any(
            each.status == 429 and each.verb in of_one_object for each in proxy.seen_since(mark)
        ):
            break
    seen = proxy.seen_since(mark)
    proxy.heal()
    told_to_wait = [each for each in seen if each.status == 429 and each.verb in of_one_object]
    assert told_to_wait
    for refused in told_to_wait:
        same = (refused.verb, refused.path)
        again = [
            each.at - refused.at
            for each in seen
            if (each.verb, each.path) == same and each.at > refused.at
        ]
        assert not again or min(again) >= 1.0


def test_a_server_that_refuses_all_is_asked_less_and_less(
    trainer: Trainer, proxy: ApiProxy
) -> None:
    """No tight loop: some requests a second at first, growing pauses, and then it continues."""
    trainer.start("refused", games=100_000)
    trainer.wait_for("refused", "Ready")
    proxy.spoil(Trouble(share=1.0, statuses=(503,)))
    proxy.cut()
    mark = time.monotonic()
    trainer.patch("refused", '{"actor": {"replicas": 2}}')
    trainer.wait_until(lambda: time.monotonic() > mark + 10)
    seen = proxy.seen_since(mark)
    proxy.heal()
    early = [each for each in seen if each.at < mark + 5]
    late = [each for each in seen if mark + 5 <= each.at < mark + 10]
    print(f"all refused: {len(early)} requests in 5 s, then {len(late)} in 5 s")
    assert len(early) < 200
    assert len(late) < len(early)
    trainer.wait_until(lambda: actors(trainer, "refused") == 2, seconds=90)


def test_cut_connections_and_closed_watches_lose_nothing(trainer: Trainer, proxy: ApiProxy) -> None:
    """Twice all connections are cut; what was asked for and deleted meanwhile is seen."""
    trainer.start("cut", games=100_000)
    trainer.wait_for("cut", "Ready")
    for count in (2, 3):
        proxy.cut()
        trainer.delete("service", "cut-daemon")
        follows(trainer, "cut", count)
        trainer.wait_until(lambda: bool(trainer.uid("service", "cut-daemon")))


def test_forgotten_versions_are_listed_anew(
    trainer: Trainer, proxy: ApiProxy, control_plane: ControlPlane
) -> None:
    """410 Gone for every watch, and then a compacted etcd under a fresh API server: what went away
    meanwhile comes back."""
    trainer.start("gone", games=100_000)
    trainer.wait_for("gone", "Ready")
    mark = time.monotonic()
    proxy.spoil(Trouble(expire_watches=True))
    proxy.cut()
    trainer.delete("service", "gone-daemon")
    trainer.wait_until(lambda: bool(trainer.uid("service", "gone-daemon")))
    expired = [each for each in proxy.seen_since(mark) if each.spoiled]
    seconds = time.monotonic() - mark
    print(f"410 for all watches: {len(expired)} of them in {seconds:.1f} s")
    assert len(expired) < 60 + 5 * seconds
    proxy.spoil(Trouble(share=1.0, statuses=(503,)))
    proxy.cut()
    trainer.delete("service", "gone-daemon")
    control_plane.compact()
    control_plane.stop_part("kube-apiserver", at_once=True)
    control_plane.start_part("kube-apiserver")
    proxy.heal()
    trainer.wait_until(lambda: bool(trainer.uid("service", "gone-daemon")), seconds=90)
    follows(trainer, "gone", 2)


def test_a_role_that_is_taken_away_and_given_back(
    trainer: Trainer, operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    """Without permissions it says so in its log, and continues by itself when it has them again."""
    trainer.start("revoked", games=100_000)
    trainer.wait_for("revoked", "Ready")
    binding = control_plane.api.get("clusterrolebinding", ACCOUNT)
    control_plane.api.delete("clusterrolebinding", ACCOUNT)
    try:
        trainer.patch("revoked", '{"actor": {"replicas": 2}}')
        trainer.delete("service", "revoked-daemon")
        trainer.wait_until(lambda: "forbidden" in operator.log().lower())
    finally:
        kept = {"name": ACCOUNT, "labels": binding["metadata"].get("labels", {})}
        control_plane.apply({**binding, "metadata": kept})
    trainer.wait_until(lambda: actors(trainer, "revoked") == 2, seconds=90)
    trainer.wait_until(lambda: bool(trainer.uid("service", "revoked-daemon")), seconds=90)


def test_a_namespace_that_is_deleted_disturbs_nobody_else(
    trainer: Trainer, control_plane: ControlPlane, queue_server: RedisServer
) -> None:
    """Its run trains until the end; runs elsewhere are followed meanwhile, and it goes away."""
    trainer.start("stays", games=100_000)
    control_plane.create_namespace("doomed")
    doomed = Trainer(control_plane, "doomed", queue_server)
    try:
        doomed.start("goes", games=100_000)
        doomed.wait_for("goes", "Ready")
        trainer.wait_for("stays", "Ready")
        control_plane.api.delete("namespace", "doomed")
        follows(trainer, "stays", 2)
        control_plane.wait_until(
            lambda: control_plane.api.find("namespace", "doomed") is None,
            "the namespace is gone",
            seconds=100,
        )
    finally:
        doomed.close()
