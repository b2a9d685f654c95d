"""`trainingrun local --roles`: a run of AlphaZero on two machines, which meet by a Redis."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from trainingrun.local.machines import Lead, queue_lead
from trainingrun_contracts.reports import InferenceReport, queue_inference_report
from trainingrun_contracts.stream.keys import Keys

from testkit.local.local_run import ENDLESS, PROGRAM, LocalRun, closes, local_run, write_search_run
from testkit.ports import free_port
from testkit.servers.redis_server import start_redis

PASSWORD = "correct-horse"


def search_run(folder: Path, *, games: int) -> Path:
    """A small run of AlphaZero in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_search_run(folder / "run.yaml", games=games)


@contextmanager
def two_machines(folder: Path, *, games: int) -> Iterator[tuple[LocalRun, LocalRun]]:
    """One that plays and holds the queue, one that learns and leads."""
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}"
    cpu, gpu = folder / "cpu", folder / "gpu"
    player, learner = search_run(cpu, games=games), search_run(gpu, games=games)
    with local_run(
        cpu,
        player,
        *("--roles", "selfplay,replay", "--redis", url),
        environment={"TRAININGRUN_MACHINE": "cpu-box"},
    ) as plays:
        plays.wait_until(lambda: "no machine with the learner" in plays.said(), "Redis", seconds=90)
        with local_run(
            gpu,
            learner,
            *("--roles", "learner", "--redis", url),
            environment={"TRAININGRUN_MACHINE": "gpu-box"},
        ) as learns:
            yield plays, learns


def test_a_run_on_one_machine(tmp_path: Path) -> None:
    """To its end, with every transition accounted for, and no process of a daemon or actor."""
    with local_run(tmp_path, search_run(tmp_path, games=100)) as run:
        assert run.finish() == 0, run.said()
        assert run.summary()["games"] >= 100
        assert closes(run.summary()["ledger"])
        assert {log.name for log in (run.state / "logs").glob("*-0.log")} == {
            "redis-0.log",
            "learner-0.log",
            "selfplay-0.log",
            "evaluator-0.log",
        }


def test_a_run_on_two_machines(tmp_path: Path) -> None:
    """Each has its own roles; both end with the run, and both show it."""
    with two_machines(tmp_path, games=100) as (plays, learns):
        assert learns.finish() == 0, learns.said()
        assert plays.finish() == 0, plays.said()
        assert closes(learns.summary()["ledger"])
        assert learns.summary()["games"] >= 100
        assert {log.stem for log in (plays.state / "logs").glob("*-0.log")} == {
            "redis-0",
            "selfplay-0",
        }
        assert {log.stem for log in (learns.state / "logs").glob("*-0.log")} == {
            "learner-0",
            "evaluator-0",
        }
        for run in (plays, learns):
            assert "cpu-box: " in run.said()
            assert "gpu-box: " in run.said()
            assert PASSWORD not in run.said()


def test_a_machine_that_is_stopped_has_the_run_saved_first(tmp_path: Path) -> None:
    """The one with the queue asks the one that leads, and stays until it is done."""
    with two_machines(tmp_path, games=ENDLESS) as (plays, learns):
        learns.wait_for_games(50, seconds=120)
        plays.interrupt()
        assert learns.finish() == 130, learns.said()
        assert plays.finish() == 0, plays.said()
        ledger = learns.summary()["ledger"]
        assert closes(ledger)
        assert ledger["queued"] == 0, "what was played is trained"


def check(folder: Path, url: str, roles: str, name: str) -> subprocess.CompletedProcess[str]:
    """What `--check` says."""
    return subprocess.run(
        [PROGRAM, "local", "-f", folder / "run.yaml", "--check", "--roles", roles, "--redis", url],
        env={"PATH": "/nowhere", "TRAININGRUN_MACHINE": name},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_check_from_each_side(tmp_path: Path) -> None:
    """Which part fails is named: the port, the password, a role that is there already."""
    port = free_port()
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}"
    cpu, gpu = tmp_path / "cpu", tmp_path / "gpu"
    file = search_run(cpu, games=ENDLESS)
    search_run(gpu, games=ENDLESS)
    before = check(gpu, url, "learner", "gpu-box")
    assert before.returncode == 1
    assert f"PROBLEM 127.0.0.1:{port} is not reached" in before.stdout
    with local_run(
        cpu,
        file,
        *("--roles", "selfplay,redis", "--redis", url),
        environment={"TRAININGRUN_MACHINE": "cpu-box"},
    ) as plays:
        plays.wait_until(lambda: "no machine with the learner" in plays.said(), "Redis", seconds=90)
        after = check(gpu, url, "learner", "gpu-box")
        assert after.returncode == 0, after.stdout
        assert "ok      Redis takes the password" in after.stdout
        assert "ok      cpu-box: " in after.stdout
        wrong = check(gpu, f"redis://:wrong@127.0.0.1:{port}", "learner", "gpu-box")
        assert wrong.returncode == 1
        assert f"PROBLEM Redis at 127.0.0.1:{port} refused the password" in wrong.stdout
        double = check(gpu, url, "learner,redis", "gpu-box")
        assert double.returncode == 1
        assert "PROBLEM cpu-box has role redis already" in double.stdout
        absent = check(gpu, url, "evaluator", "gpu-box")
        assert absent.returncode == 1
        assert "PROBLEM no machine has role learner yet" in absent.stdout


@pytest.mark.parametrize("roles", ["selfplay", "learner"])
def test_a_redis_that_is_not_there_ends_the_start(tmp_path: Path, roles: str) -> None:
    """With the sentence about it, and no process started."""
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}"
    file = search_run(tmp_path, games=10)
    with local_run(tmp_path, file, "--roles", roles, "--redis", url) as run:
        assert run.finish(seconds=90) == 2
        assert "cannot be reached" in run.said()
        assert PASSWORD not in run.said()


def test_a_check_names_the_servers_that_are_not_reached(tmp_path: Path) -> None:
    """Searches value positions themselves where none answers, so nothing else would tell."""
    file = search_run(tmp_path, games=ENDLESS)
    name = yaml.safe_load(file.read_text())["metadata"]["name"]
    closed = free_port()
    folder = tmp_path / "redis"
    folder.mkdir()
    with (
        start_redis(folder) as server,
        server.client() as client,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        lead = Lead(machine="gpu-box", at=time.time(), uid="run-1", config=b"{}")
        pipe = client.pipeline()
        queue_lead(pipe, name, lead)
        for number, port in enumerate((listening.getsockname()[1], closed)):
            report = InferenceReport(
                member=f"inference-{number}",
                at=time.time(),
                address=f"127.0.0.1:{port}",
                publish=1,
                version=1,
                positions=0,
                connections=0,
                device="cpu",
                machine="gpu-box",
            )
            queue_inference_report(pipe, Keys("run-1"), report)
        pipe.execute()
        found = check(tmp_path, server.admin_url, "selfplay", "cpu-box")
    assert found.returncode == 1
    assert f"PROBLEM the inference server of gpu-box at 127.0.0.1:{closed}" in found.stdout
    assert found.stdout.count("is reached") == 2, "Redis, and the server that listens"
