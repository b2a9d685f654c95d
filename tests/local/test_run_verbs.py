"""The verbs and the SDK on a real run of this machine: reading, asking, and the whole life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import yaml
from trainingrun.sdk import (
    Ended,
    LocalPlace,
    LogQuery,
    NotFound,
    Refused,
    WaitTimeout,
    connect,
)

from testkit.local.local_run import LocalRun, local_run, write_run
from testkit.tree import ROOT
from testkit.waiting import until
from testkit.warm_program import warm_programs

GUIDE = ROOT / "docs" / "guides" / "python-sdk.md"
MINUTES = 180


def said(folder: Path, *words: str, code: int = 0) -> str:
    """What a verb prints; the errors where one is expected."""
    environment = {**os.environ, "KUBECONFIG": str(folder / "no-kubeconfig")}
    programs = warm_programs("trainingrun")
    done = programs.run(["trainingrun", *words], cwd=folder, env=environment, timeout=MINUTES)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def saved_step(run: LocalRun) -> int:
    """Step of the newest checkpoint."""
    return int(run.status().get("checkpoint", {}).get("step", -1))


def test_looking_and_asking(tmp_path: Path) -> None:
    """Expect every verb to work on a run under way: it saves when asked, replaces a drained daemon,
    suspends with all trained, resumes where it was, and reports it all."""
    checkpoint = {"intervalGames": 1_000_000}
    file = write_run(tmp_path / "run.yaml", games=100_000, checkpoint=checkpoint)
    with local_run(tmp_path, file) as run:
        run.wait_until(lambda: run.version() >= 1, "an update", seconds=MINUTES)

        status = said(tmp_path, "status", "small")
        assert "this machine, .trainingrun" in status
        assert "/100000" in status
        assert "small" in said(tmp_path, "top", "--once").splitlines()[1]
        seen = json.loads(said(tmp_path, "top", "small", "-o", "json"))
        assert {member["name"] for member in seen["members"]} >= {"daemon-0", "learner-0"}
        assert "limits" in said(tmp_path, "describe", "scaling", "small")
        lines = said(tmp_path, "logs", "small", "--role", "learner", "--tail", "3").splitlines()
        assert len(lines) == 3
        assert all(line.startswith("learner-0 ") for line in lines)

        run.wait_until(
            lambda: run.version() > saved_step(run), "weights that are not saved", seconds=MINUTES
        )
        published = run.version()
        place = said(tmp_path, "checkpoint", "now", "small").strip()
        assert saved_step(run) >= published
        assert Path(place.removeprefix("file://")).is_dir()

        assert "found: daemon-0" in said(tmp_path, "drain", "small", "nobody", code=2)
        said(tmp_path, "drain", "small", "daemon-0", "--wait")
        aborted = run.status()["games"].get("aborted") or 0
        assert aborted == 0
        played = run.played()
        run.wait_until(lambda: run.played() > played, "games on the new daemon", seconds=MINUTES)

        assert "suspended at game" in said(tmp_path, "suspend", "small", "--wait")
        assert run.status()["transitions"]["queued"] == 0
        assert run.pid_of("learner") is None
        assert run.process is not None
        assert run.process.poll() is None
        assert "ready at game" in said(tmp_path, "resume", "small", "--wait")
        told = json.loads(said(tmp_path, "events", "small", "-o", "json"))
        reasons = {event["reason"] for event in told}
        assert reasons >= {"CheckpointRequested", "DrainRequested", "Suspended", "Resumed"}
        gone = [event["message"] for event in told if event["reason"] == "ScaledDown"]
        assert any("daemon-0 has drained, as was asked" in message for message in gone)
        previous = said(tmp_path, "logs", "small", "--member", "learner-0", "--previous")
        assert previous.splitlines()[0].startswith("learner-0 --- ")
        run.interrupt()
        assert run.finish() == 130, run.said()
    refused = said(tmp_path, "suspend", "small", code=2)
    assert "is not running on this machine: start it with trainingrun local" in refused


def guide_program() -> str:
    """The program of the guide, as it stands there."""
    return GUIDE.read_text().partition("```python\n")[2].partition("```")[0]


def test_the_guides_program_and_the_sdk(tmp_path: Path) -> None:
    """Expect the guide's program to train to its end, and another one to watch it meanwhile."""
    (tmp_path / "decks").symlink_to(ROOT / "decks")
    (tmp_path / "program.py").write_text(guide_program())
    document = yaml.safe_load(guide_program().split('"""')[1])
    with (
        connect(LocalPlace(tmp_path / ".trainingrun")) as runs,
        subprocess.Popen(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as program,
    ):
        try:
            assert runs.list() == ()
            with pytest.raises(NotFound):
                runs.get("scripted")
            with pytest.raises(Refused, match=r"spec\.games"):
                runs.submit({**document, "spec": {**document["spec"], "games": -1}})
            until(lambda: runs.list() and runs.members("scripted"), seconds=MINUTES, what="members")
            with pytest.raises(Refused, match="running already"):
                runs.submit(document)
            with pytest.raises(WaitTimeout):
                runs.wait("scripted", timeout=0.1)
            following = runs.logs("scripted", LogQuery(role="daemon", follow=True))
            assert len(list(islice(following, 2))) == 2
            output, _ = program.communicate(timeout=MINUTES)
            assert program.returncode == 0, output
            assert "games, file:///" in output
            done = runs.wait("scripted")
            # An event follows the status it tells of: who waits for the one may miss the other.
            until(
                lambda: "Completed" in {each.reason for each in runs.events("scripted")},
                seconds=MINUTES,
                what="the event of the end",
            )
            assert done.status.games is not None
            assert (done.status.games.played or 0) >= 60
            with pytest.raises(Ended):
                runs.wait("scripted", "Suspended", timeout=MINUTES)
            again = subprocess.run(
                [sys.executable, "program.py"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=MINUTES,
                check=False,
            )
            assert again.returncode == 0, again.stdout + again.stderr
            assert "games, file:///" in again.stdout
            until(lambda: not runs.members("scripted"), seconds=MINUTES, what="no members")
        finally:
            runs.delete("scripted")
            program.kill()
        assert runs.list() == ()
