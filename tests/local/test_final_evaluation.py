"""The evaluation that ends after the learner has stands beside the run's last checkpoint."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from trainingrun.commands.local.own_processes import OwnProcesses, RunPlan
from trainingrun.commands.local.screen import screen_for
from trainingrun.local.folder import RunFolder
from trainingrun.local.host import Outcome, RunEnding
from trainingrun.local.store import adopted
from trainingrun_api.run import parse
from trainingrun_contracts.reports import Evaluation, Intent, queue_evaluation
from trainingrun_reconciler.settings import Settings

from testkit.local.local_run import write_run
from testkit.roles.bandit_run import bandit_config, set_intent, train, wait_for_weights
from testkit.roles.learner_process import Bandit, LearnerProcess, learner_process
from testkit.servers.redis_server import RedisServer
from testkit.servers.s3_server import S3Server
from testkit.tree import ROOT

RECORDING = ("-m", "trainingrun_trainer.recording")


def run_through(folder: Path, **spec: Any) -> tuple[RunFolder, RunEnding]:
    """A run of all roles, led by the control loop alone, until it is over."""
    file = write_run(folder / "run.yaml", games=30, **spec)
    run = adopted(parse(json.loads(file.read_bytes())), None, now=datetime.now(UTC))
    state = RunFolder(folder / "state" / "small")
    state.make()
    settings = Settings(
        default_storage=state.checkpoints.as_uri(), default_claim=False, active_interval=0.5
    )
    plan = RunPlan(run, state, ROOT / "decks", settings, begun_at=time.time())
    with (folder / "said").open("w") as said:
        screen = screen_for(Console(file=said), "small", plain=True)
        return state, asyncio.run(OwnProcesses(plan, screen).run())


def test_the_last_checkpoint_has_the_final_evaluation(tmp_path: Path) -> None:
    """Expect it in the folder of the last checkpoint, although its learner ended, as on a cluster,
    before the evaluation began."""
    state, ending = run_through(tmp_path)
    assert ending.outcome is Outcome.COMPLETE, ending.message
    last = max(path for path in state.checkpoints.glob("small-*") if path.is_dir())
    manifest = json.loads((last / "manifest.json").read_bytes())
    found = json.loads((last / "evaluation.json").read_bytes())
    assert found["version"] == manifest["progress"]["step"] > 0
    assert set(found["rates"]) == {"random"}
    status = json.loads((state.root / "status.json").read_bytes())["status"]
    (told,) = status["evaluation"]
    assert told["version"] == found["version"]


@contextmanager
def flushed_run(url: str, bandit: Bandit, folder: Path, s3: S3Server) -> Iterator[LearnerProcess]:
    """A run whose learner has flushed and ended, with its checkpoint in a bucket, before its final
    weights were evaluated."""
    config = bandit_config(f"s3://{s3.create_bucket('kept')}/run", endpoint_url=s3.endpoint)
    with learner_process(config, url, folder, **s3.environment()) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
        result = Evaluation(
            at=time.time(),
            version=1,
            training_games=9,
            opponent="random",
            games=10,
            wins=6,
            draws=0,
            rate=0.6,
            low=0.3,
            high=0.8,
        )
        queue_evaluation(bandit.client, bandit.keys.evaluations, result)
        yield learner


def test_a_recorder_reaches_the_bucket(
    redis_server: RedisServer, bandit: Bandit, s3: S3Server, tmp_path: Path
) -> None:
    """Expect the learner's environment and its user of Redis to be enough; and one sentence and
    exit code 1 where storage or Redis is away, so that it is tried again."""
    with flushed_run(redis_server.url_of("learner"), bandit, tmp_path, s3) as learner:
        recorder = replace(learner, program=RECORDING, is_forked=False)
        recorder.start()
        assert recorder.exit_code(seconds=60) == 0, recorder.log.read_text()
        key = "run/bandit-0000000001/evaluation.json"
        body = s3.client().get_object(Bucket="kept", Key=key)["Body"]
        assert json.loads(body.read()) == {"version": 1, "rate": 0.6, "rates": {"random": 0.6}}
        s3.stop()
        assert refusal(recorder).startswith("trainingrun-recording: checkpoint storage s3://kept")
        redis_server.kill()
        address = f"Redis at {redis_server.address} cannot be reached"
        assert refusal(recorder).startswith(f"trainingrun-recording: {address}")


def refusal(recorder: LearnerProcess) -> str:
    """The one sentence of a recorder that cannot do its work."""
    recorder.start()
    assert recorder.exit_code(seconds=120) == 1
    said = recorder.log.read_text()
    assert "Traceback" not in said
    return said.strip().splitlines()[-1]
