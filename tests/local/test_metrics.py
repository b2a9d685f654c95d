"""A short run on this machine serves every metric of the registry, each with a sample."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import redis
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from trainingrun_contracts import metrics
from trainingrun_contracts.metrics import Server, served_by
from trainingrun_contracts.reports import Evaluation, queue_evaluation
from trainingrun_contracts.run_config import METRICS_PORT_VARIABLE
from trainingrun_contracts.stream.keys import PAYLOAD_FIELD, TRANSITIONS_FIELD

from testkit.local.local_run import LocalRun, local_run, write_run, write_search_run
from testkit.pages.chart_queries import Selector, selectors, unanswered
from testkit.ports import free_port
from testkit.roles.actor_bed import actor_bed, config
from testkit.roles.bandit_run import bandit_config, train, wait_for_weights
from testkit.roles.learner_process import Bandit, LearnerProcess, started
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

SERVERS = (Server.ACTOR, Server.EVALUATOR, Server.LEARNER, Server.RUN)
OF_NO_RUN = (Server.OPERATOR, Server.LEAGUE, Server.LEAGUES)
SEARCHES = {Server.SELFPLAY, Server.INFERENCE}
ROLES_OF_SEARCHES = {each.value for each in SEARCHES}
NOT_IN_EVERY_RUN = {
    metrics.DAEMON_ERRORS,
    metrics.RUN_SCALED_TO,
    metrics.RUN_SCALED_AT,
    metrics.RUN_SCALE_INPUT,
    metrics.RUN_SCALE_LIMITED,
    metrics.RUN_SCALE_FORCED,
    metrics.RUN_PHASE,
    metrics.RUN_COST,
    metrics.RUN_COST_PROJECTED,
    metrics.RUN_COST_BUDGET,
    metrics.RUN_SERVER_WAIT,  # no inference server
}


def _scrape(run: LocalRun) -> dict[str, dict[str, Family]]:
    """The families of each server that answers now, by role and name."""
    found: dict[str, dict[str, Family]] = {}
    try:
        groups = json.loads((run.state / "metrics.json").read_bytes())
    except FileNotFoundError:
        return found
    for group in groups:
        (target,) = group["targets"]
        families = _families(target)
        if families:
            found[group["labels"]["role"]] = families
    return found


def _families(target: str) -> dict[str, Family]:
    """What ``host:port`` serves, by name; nothing while no one answers."""
    try:
        with urllib.request.urlopen(f"http://{target}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return {}
    return {family.name: family for family in text_string_to_metric_families(text)}


def _missing(found: dict[str, dict[str, Family]]) -> list[str]:
    """Metrics without a family, or without a sample where every run has one."""
    missing = []
    for server in SERVERS:
        families = found.get(server.value, {})
        for metric in served_by(server):
            family = families.get(metric.name.removesuffix("_total"))
            needs_sample = metric not in NOT_IN_EVERY_RUN
            if family is None or (needs_sample and not family.samples):
                missing.append(f"{server.value}: {metric.name}")
    return missing


def _sample(found: dict[str, dict[str, Family]], role: str, name: str, **labels: str) -> float:
    for sample in (each for family in found[role].values() for each in family.samples):
        if sample.name == name and labels.items() <= sample.labels.items():
            return float(sample.value)
    raise AssertionError(f"{role} has no {name} with {labels}")


def test_every_metric_is_served_by_a_short_run(tmp_path: Path) -> None:
    """All of the registry but the operator's own is there with samples; the numbers agree with one
    another; the list of targets goes with the run."""
    file = write_run(tmp_path / "run.yaml", games=100_000, checkpoint={"intervalGames": 10})
    with local_run(tmp_path, file, "--metrics") as run:
        latest: dict[str, dict[str, Family]] = {}

        def is_complete() -> bool:
            latest.update(_scrape(run))
            return not _missing(latest)

        run.wait_until(lambda: run.version() >= 1, "an update", seconds=180)
        try:
            run.wait_until(is_complete, "all metrics", seconds=120)
        finally:
            assert _missing(latest) == []
        _expect_agreement(latest)
        _expect_answers(latest)
        run.interrupt()
        run.finish()
        assert not (run.state / "metrics.json").exists()


def _expect_agreement(found: dict[str, dict[str, Family]]) -> None:
    games = _sample(found, "actor", "trainingrun_games_total", outcome="won")
    ended = _sample(found, "actor", "trainingrun_game_seconds_count")
    within = _sample(found, "actor", "trainingrun_game_seconds_bucket", le="120")
    assert 0 < games <= ended
    assert 0 < within <= ended
    lags = _sample(found, "learner", "trainingrun_policy_lag_publishes_count")
    trained = _sample(found, "learner", "trainingrun_transitions_total", fate="trained")
    assert lags >= trained > 0
    run = {"namespace": "local", "run": "small"}
    produced = _sample(found, "run", "trainingrun_run_transitions_total", fate="produced", **run)
    assert produced >= _sample(
        found, "run", "trainingrun_run_transitions_total", fate="trained", **run
    )
    assert 0 <= _sample(found, "run", "trainingrun_run_daemon_utilisation", **run) <= 1
    parts = [s.value for s in found["run"]["trainingrun_run_bottleneck"].samples]
    assert sorted(parts) == [0, 0, 0, 1]
    size = _sample(found, "learner", "trainingrun_checkpoint_bytes")
    assert size > 10_000


def _expect_answers(found: dict[str, dict[str, Family]]) -> None:
    """What dashboards and alerts ask for is there with the labels that they name, but for what not
    every run has, for the operator's own, and for leagues'."""
    others = [each for server in OF_NO_RUN for each in served_by(server)]
    absent = {metric.name for metric in (*NOT_IN_EVERY_RUN, *others)}
    asked = [
        one
        for one in selectors()
        if one.name.removesuffix("_bucket") not in absent and not _is_of_searches(one)
    ]
    assert len(asked) > 50
    samples = [
        each for page in found.values() for family in page.values() for each in family.samples
    ]
    assert unanswered(samples, asked) == []


def _is_of_searches(asked: Selector) -> bool:
    """Whether only a run of AlphaZero with inference servers answers it."""
    base = asked.name.removesuffix("_bucket")
    by_one = {each.name for each in metrics.ALL if set(each.servers) <= SEARCHES}
    role = dict(asked.labels).get("role", "")
    return base in by_one or base == metrics.RUN_SERVER_WAIT.name or role in ROLES_OF_SEARCHES


def test_what_is_asked_of_searches_and_servers_is_served(tmp_path: Path) -> None:
    """A run of AlphaZero with a server answers all that dashboards and alerts ask of such runs, and
    says that its workers valued nothing themselves."""
    file = write_search_run(tmp_path / "run.yaml", games=1_000_000, inference={})
    asked = [one for one in selectors() if _is_of_searches(one)]
    assert len(asked) > 12
    with local_run(tmp_path, file, "--metrics") as run:
        latest: dict[str, dict[str, Family]] = {}

        def missing() -> list[Selector]:
            latest.update(_scrape(run))
            pages = [family for page in latest.values() for family in page.values()]
            return unanswered([each for family in pages for each in family.samples], asked)

        run.wait_until(lambda: run.played() > 0, "a game", seconds=180)
        try:
            run.wait_until(lambda: not missing(), "an answer to all queries", seconds=90)
        finally:
            assert missing() == []
        by_server = _sample(latest, "selfplay", "trainingrun_search_positions_total", by="server")
        assert by_server > 0
        run.interrupt()
        run.finish()


def test_a_dead_daemon_is_counted_by_name(tmp_path: Path, redis_server: RedisServer) -> None:
    """The actor's page has the endpoint of a daemon that was killed, and only of that one."""
    with actor_bed(tmp_path, redis_server) as bed:
        bed.publish_weights()
        victim, first = bed.start_daemon()
        _, second = bed.start_daemon()
        bed.publish_daemons(first, second, capacity=2)
        port = free_port()
        bed.start_role("play", config(), metrics_port=port)
        until(lambda: bed.games() >= 2, seconds=90, what="two games were played")
        victim.kill()

        def failed() -> set[str]:
            family = _families(f"127.0.0.1:{port}").get("trainingrun_daemon_errors")
            samples = [] if family is None else family.samples
            return {
                each.labels["endpoint"]
                for each in samples
                if each.name.endswith("_total") and each.labels["kind"] == "lost" and each.value
            }

        until(lambda: first in failed(), seconds=60, what="the dead daemon is on the page")
        assert failed() == {first}


def test_the_learner_counts_what_goes_wrong(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Its page has a rollout that cannot be read, a checkpoint that was saved, and, once the
    storage is gone, one that could not be; the newest that was saved stays on it."""
    storage, port = tmp_path / "checkpoints", free_port()
    run = bandit_config(storage.as_uri())
    bandit = Bandit(redis_client, run.run_id)

    def page() -> dict[str, dict[str, Family]]:
        found = _families(f"127.0.0.1:{port}")
        return {"learner": found} if found else {}

    def counted(name: str, **labels: str) -> float:
        found = page()
        return _sample(found, "learner", name, **labels) if found else 0.0

    def newest() -> int:
        found = bandit.newest_weights()
        assert found is not None
        return found[0].version

    def evaluate(rate: float) -> None:
        """The best result so far, of weights that nothing was saved of: the learner saves."""
        version = newest()
        train(bandit, 1)
        until(lambda: newest() > version, seconds=60, what="an update")
        for opponent in ("random", "aggressive"):
            result = Evaluation(
                at=time.time(),
                version=newest(),
                training_games=0,
                opponent=opponent,
                games=10,
                wins=5,
                draws=0,
                rate=rate,
                low=0.2,
                high=0.8,
            )
            queue_evaluation(redis_client, bandit.keys.evaluations, result)
        train(bandit, 1)

    variables = {METRICS_PORT_VARIABLE: str(port)}
    learner = LearnerProcess(run, redis_server.url_of("learner"), tmp_path, variables)
    with started(learner):
        wait_for_weights(bandit)
        evaluate(0.5)
        checkpoints = "trainingrun_checkpoints_total"
        until(lambda: counted(checkpoints, result="saved") >= 1, seconds=60, what="a checkpoint")
        saved_at = counted("trainingrun_checkpoint_timestamp_seconds")
        redis_client.xadd(bandit.keys.rollouts, {PAYLOAD_FIELD: b"garbage", TRANSITIONS_FIELD: 7})
        storage.rename(tmp_path / "gone")
        storage.write_bytes(b"not a folder")
        evaluate(0.9)
        until(lambda: counted(checkpoints, result="failed") >= 1, seconds=60, what="a failure")
        until(lambda: counted("trainingrun_dead_letters") == 1, seconds=30, what="a dead letter")
        assert counted("trainingrun_transitions_total", fate="poison") == 7
        assert counted("trainingrun_checkpoint_timestamp_seconds") == saved_at
