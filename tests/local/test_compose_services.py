"""Each service of docker-compose.yml, run by its own command: games are played and trained.

No container engine is needed. Left out: Grafana, whose program is in no package of Debian or Python
(its provisioning is looked at in tests/unit/images); and the GPU's learner, which has the same
command as the other.
"""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testkit.local.compose_file import Here, read_compose
from testkit.local.local_run import closes, write_run
from testkit.programs import programs
from testkit.servers.redis_server import redis_program

PORTS = {
    "redis": (6379,),
    "store": (7070,),
    "daemon": (17171,),
    "control": (9090,),
    "actor": (9090,),
    "evaluator": (9090,),
    "learner": (9090,),
    "prometheus": (9090,),
}
GAMES = 60
ENDLESS = 10_000_000

Services = Callable[[int], Here]

pytestmark = pytest.mark.needs("wget")  # for the health checks, as the images have it


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A function of the run's games that gives the services, none of which runs yet."""
    made: list[Here] = []

    def services(games: int) -> Here:
        made.append(_services(tmp_path, games))
        return made[-1]

    try:
        yield services
    finally:
        for here in made:
            here.stop()


def _services(folder: Path, games: int) -> Here:
    file = write_run(folder / "run.yaml", games=games, learner={"batchTransitions": 256})
    variables = {
        "DAEMON_TOKEN": "a-token-of-16-characters",
        "REDIS_PASSWORD": "ab12",
        "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": "secret12",
        "GRAFANA_PASSWORD": "cd34",
        "RUN_FILE": os.path.relpath(file, Path(__file__).parents[2]),
    }
    third = {
        "redis-server": redis_program(),
        "/usr/local/bin/versitygw": str(programs("versitygw") / "versitygw"),
    }
    inside = folder / "services"
    inside.mkdir()
    return Here(read_compose(variables), inside, PORTS, third, {"daemon": 2})


def start_all(here: Here) -> None:
    """Start control and every role."""
    for name in ("daemon", "control", "actor", "evaluator", "learner"):
        here.start(name)


def test_the_services_train_a_run_to_its_end(services: Services) -> None:
    """Expect every game, weights, a closed ledger, and a checkpoint in the store."""
    here = services(GAMES)
    start_all(here)
    control, learner = here.running["control"][0], here.running["learner"][0]
    assert control.wait(240) == 0, here.said()
    assert learner.wait(30) == 0, "the learner has saved and ended"
    status = json.loads((here.folder / "state" / "small" / "status.json").read_text())["status"]
    assert status["games"]["played"] >= GAMES
    desired = {each["name"]: each["desired"] for each in status["roles"]}
    assert desired["daemon"], "control found the daemons"
    assert closes(status["transitions"])
    assert status["transitions"]["trained"] > 0
    assert status["checkpoint"]["uri"].startswith("s3://checkpoints/small")
    assert list((here.folder / "objects" / "checkpoints" / "small").rglob("*")), "in the store"


@pytest.mark.needs("prometheus")
def test_prometheus_reaches_control_and_every_role(services: Services) -> None:
    """Expect healthy roles, each of them scraped, and the run's games counted.

    The run is one that does not end: a short one can be over before the first scrape.
    """
    here = services(ENDLESS)
    start_all(here)
    here.wait(
        lambda: all(here.is_healthy(name) for name in ("actor", "evaluator", "learner")),
        seconds=90,
        what="the roles are healthy",
    )
    here.start("prometheus")
    here.wait(lambda: here.is_healthy("prometheus"), seconds=60, what="Prometheus is healthy")

    def jobs() -> set[tuple[str, str]]:
        found = asked(here, "up == 1")
        return {(each["metric"]["job"], each["metric"].get("role", "")) for each in found}

    wanted = {("control", ""), ("roles", "actor"), ("roles", "learner"), ("roles", "evaluator")}
    here.wait(lambda: jobs() >= wanted, seconds=90, what="all are scraped")
    here.wait(
        lambda: bool(asked(here, 'trainingrun_run_games_total{run="small",outcome="seat1"} > 0')),
        seconds=60,
        what="games are counted",
    )


def asked(here: Here, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers."""
    where = f"http://127.0.0.1:{here.port('prometheus', 9090)}/api/v1/query"
    words = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"{where}?{words}", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found
