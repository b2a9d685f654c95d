"""Runs of this machine as folders: what is read, what is asked, what is refused."""

from __future__ import annotations

import asyncio
import json
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trainingrun.local.folder import RunFolder
from trainingrun.local.requests import Requests, read_requests, write_requests
from trainingrun.local.store import LocalStore
from trainingrun.sdk import (
    Ended,
    LocalPlace,
    LogQuery,
    Member,
    NotFound,
    Refused,
    TrainingRuns,
    connect,
)
from trainingrun.sdk.local import LocalRuns
from trainingrun.sdk.local_logs import local_logs
from trainingrun_api.requests import CHECKPOINT, DRAIN, drains_in
from trainingrun_api.run import TrainingRun, parse


def run_of(**status: Any) -> TrainingRun:
    """A small run."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small", "namespace": "local"},
            "spec": {"games": 10, "decks": [{"name": "bears"}]},
            "status": status,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """The folder of the run `small`."""
    made = RunFolder(tmp_path / "small")
    made.make()
    return made


@pytest.fixture
def store(folder: RunFolder) -> LocalStore:
    """The runtime's side of the run."""
    return LocalStore(run_of(model={"version": 4}), folder)


@pytest.fixture
def runs(tmp_path: Path) -> TrainingRuns:
    """The user's side."""
    return connect(LocalPlace(tmp_path))


def seen(store: LocalStore) -> TrainingRun:
    """The run as the control loop gets it."""
    found = asyncio.run(store.get(store.key))
    assert found is not None
    return found


def test_wishes_reach_the_loop_and_are_laid_over_the_run(
    store: LocalStore, runs: TrainingRuns, folder: RunFolder
) -> None:
    """Expect suspend, resume, a drain and a checkpoint in the run that the loop decides about."""
    daemon = Member(role="daemon", name="daemon-0", ready=True)
    with folder.locked():
        folder.members.write_bytes(msgspec.json.encode((daemon,)))
        runs.suspend("small")
        assert seen(store).spec.suspend
        runs.drain("small", "daemon-0")
        assert runs.request_checkpoint("small") == 4
        found = seen(store)
        assert found.spec.suspend
        assert set(drains_in(found.metadata.annotations)) == {"daemon-0"}
        assert found.metadata.annotations[CHECKPOINT]
        runs.resume("small")
        assert not seen(store).spec.suspend


def test_a_stop_is_stronger_than_a_wish(store: LocalStore, folder: RunFolder) -> None:
    """Expect a run that is being stopped to stay suspended, whatever was asked."""
    write_requests(folder, Requests(suspend=False))
    store.suspend()
    assert seen(store).spec.suspend


def test_wishes_hold_for_one_process(store: LocalStore, folder: RunFolder) -> None:
    """Expect a new start to forget them, and a file that is not ours to be none."""
    write_requests(folder, Requests(suspend=True, annotations={DRAIN: "daemon-0"}))
    assert seen(store).spec.suspend
    assert not seen(LocalStore(run_of(), folder)).spec.suspend
    folder.requests.write_text("{")
    assert read_requests(folder) == Requests()


def test_nobody_can_be_asked_where_nothing_runs(store: LocalStore, runs: TrainingRuns) -> None:
    """Expect a sentence with the command that starts the run."""
    for ask in (runs.suspend, runs.resume, runs.request_checkpoint):
        with pytest.raises(Refused, match="start it with trainingrun local"):
            ask("small")
    assert runs.members("small") == ()
    with pytest.raises(Ended, match="its process has ended"):
        runs.wait("small", "Ready", timeout=1)


def test_a_name_that_is_not_there(store: LocalStore, runs: TrainingRuns) -> None:
    """Expect those that are, and runs that were put aside to be left out."""
    with pytest.raises(NotFound, match="found: small"):
        runs.get("big")
    runs.delete("small")
    assert runs.list() == ()


def test_a_document_that_is_not_valid_is_not_started(runs: TrainingRuns) -> None:
    """Expect one line per wrong field."""
    with pytest.raises(Refused) as refused:
        runs.check({"apiVersion": "trainingrun.dev/v1alpha1", "kind": "TrainingRun"})
    assert "metadata" in str(refused.value)
    assert len(str(refused.value).splitlines()) >= 2


def test_events_of_both_files_in_order(store: LocalStore, runs: TrainingRuns) -> None:
    """Expect the file that was moved aside first, and a line that is cut to be left out."""
    folder = RunFolder(runs.place.state / "small")  # type: ignore[union-attr]  # it is local
    event = {"at": "2026-01-01T00:00:00+00:00", "reason": "Started", "message": "a"}
    folder.events.with_name("events.jsonl.1").write_text(json.dumps(event) + "\n")
    folder.events.write_text(json.dumps({**event, "reason": "Failed", "warning": True}) + '\n{"at')
    found = list(runs.events("small"))
    assert [(each.reason, each.warning) for each in found] == [("Started", False), ("Failed", True)]
    assert next(iter(runs.events("small", follow=True))).reason == "Started"


def test_logs_by_role_member_tail_and_life(folder: RunFolder) -> None:
    """Expect the lines that were asked for, with their member."""
    (folder.logs / "actor-0.log.1").write_text("--- actor-0 starts\nold\n")
    (folder.logs / "actor-0.log").write_text("older life ends\n--- actor-0 starts\nnew\nnewer\n")
    (folder.logs / "learner-0.log").write_text("--- learner-0 starts\nloss\n")

    def lines(**query: Any) -> list[str]:
        return [f"{each.member}: {each.text}" for each in local_logs(folder, LogQuery(**query))]

    assert lines(role="learner") == ["learner-0: --- learner-0 starts", "learner-0: loss"]
    assert lines(member="actor-0", tail=1) == ["actor-0: newer"]
    assert lines(tail=1) == ["actor-0: newer", "learner-0: loss"]
    assert lines(tail=0) == []
    previous = ["actor-0: --- actor-0 starts", "actor-0: old", "actor-0: older life ends"]
    assert lines(role="actor", previous=True) == previous
    assert lines(role="learner", previous=True) == []
    with pytest.raises(Refused, match=r"found: actor-0, learner-0"):
        lines(role="redis")


def test_a_followed_log_goes_on_with_what_comes(folder: RunFolder) -> None:
    """Expect lines that are appended, whole, and those of a member that comes later."""
    log = folder.logs / "actor-0.log"
    log.write_text("first\n")
    following = local_logs(folder, LogQuery(role="actor", follow=True))
    assert next(following).text == "first"
    with log.open("a") as file:
        file.write("second\nthi")
    assert next(following).text == "second"
    with log.open("a") as file:
        file.write("rd\n")
    (folder.logs / "actor-1.log").write_text("other\n")
    found = {(line.member, line.text) for line in islice(following, 2)}
    assert found == {("actor-0", "third"), ("actor-1", "other")}


def test_members_of_an_earlier_process_are_not_taken_for_those_of_now(
    store: LocalStore, runs: TrainingRuns, folder: RunFolder
) -> None:
    """Expect none until the new process has reported its own."""
    daemon = Member(role="daemon", name="daemon-0", ready=True)
    folder.members.write_bytes(msgspec.json.encode((daemon,)))
    with folder.locked():
        assert runs.members("small") == ()


def test_a_finished_run_that_is_submitted_again_starts_no_process(
    folder: RunFolder, runs: TrainingRuns
) -> None:
    """Expect the run as it is, no process that leads it, and a changed seed to be refused."""
    done = {
        "type": "Complete",
        "status": "True",
        "reason": "Completed",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    LocalStore(run_of(conditions=[done], games={"played": 12}), folder)
    document = run_of().model_dump(mode="json", by_alias=True, exclude={"status"})
    found = runs.submit(document)
    assert found.status.games is not None
    assert found.status.games.played == 12
    assert folder.holder() is None
    assert not folder.submitted.exists()
    document["spec"]["seed"] = 7
    with pytest.raises(Refused, match=r"seed.*delete the run"):
        runs.submit(document)


def test_a_misspelt_condition_is_refused(store: LocalStore, runs: TrainingRuns) -> None:
    """Expect the right spelling, not to wait for ever."""
    with pytest.raises(Refused, match="did you mean Ready"):
        runs.wait("small", "Redy", timeout=1)


def test_logs_need_no_query(folder: RunFolder, store: LocalStore, runs: TrainingRuns) -> None:
    """Expect every line of every member."""
    (folder.logs / "actor-0.log").write_text("one\n")
    assert [line.text for line in runs.logs("small")] == ["one"]


def test_stop_needs_a_process(store: LocalStore, runs: TrainingRuns) -> None:
    """Expect a sentence where nothing runs."""
    assert isinstance(runs, LocalRuns)
    with pytest.raises(Refused, match="not running"):
        runs.stop("small")
