"""The verbs about runs: which place is meant, what is shown, and what completes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output, short
from trainingrun.commands.runs.inspect import _print_event
from trainingrun.commands.runs.scaling import picture_of_scaling
from trainingrun.commands.runs.tables import (
    picture_of_events,
    picture_of_run,
    picture_of_runs,
)
from trainingrun.commands.runs.target import Where, place_of
from trainingrun.commands.runs.watching import ChangingRows
from trainingrun.local.files import write_atomically
from trainingrun.sdk import ClusterPlace, Event, LocalPlace, Member
from trainingrun_api.run import TrainingRun, parse

from testkit.operator.alpha_zero import SEARCHED, SERVED
from testkit.operator.simulated_run import training_run
from tools.cli_page import page

PROGRAM = Path(sys.executable).with_name("trainingrun")
AT = "2026-01-01T00:00:00Z"


def run_of(**status: Any) -> TrainingRun:
    """A run with a status."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small"},
            "spec": {"games": 1000, "decks": [{"name": "bears"}]},
            "status": status,
        }
    )


def condition(kind: str, status: str, message: str, reason: str = "Crashing") -> dict[str, str]:
    """One condition."""
    about = {"type": kind, "status": status, "reason": reason, "message": message}
    return {**about, "lastTransitionTime": AT}


def shown(picture: Any) -> str:
    """A picture as text."""
    console = Console(width=500, highlight=False)
    with console.capture() as captured:
        console.print(picture)
    return captured.get()


def test_the_rule_of_places(tmp_path: Path) -> None:
    """Expect options first, then a local run of that name, and a local place to explain itself."""
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "status.json").write_text("{}")
    assert place_of(Where(state=tmp_path), "other") == LocalPlace(tmp_path)
    assert place_of(Where(namespace="a"), "small") == ClusterPlace(namespace="a")
    assert place_of(Where(everywhere=True), None) == ClusterPlace(everywhere=True)
    with pytest.raises(UserError, match="leave it or the cluster's options out"):
        place_of(Where(state=tmp_path, context="prod"), "small")


def test_a_status_answers_what_is_asked_first() -> None:
    """Expect progress with the time left, strength, who holds up whom, and roles."""
    run = run_of(
        summary="Training",
        games={"played": 400, "target": 1000, "perSecond": 2.0},
        bottleneck="Engine",
        roles=[
            {
                "name": "daemon",
                "desired": 2,
                "ready": 1,
                "busy": 8,
                "restarts": 3,
                "interruptions": 1,
            }
        ],
        transitions={"queued": 10, "perSecond": 55.4},
    )
    text = shown(picture_of_run([("place", "here")], run, ()))
    assert "about 5m00s left" in text
    assert "more or faster daemons would help" in text
    assert "1/2 ready, 8 games, 3 restarts, 1 interruption" in text
    assert "10 of 16384 transitions wait; 55/s are trained" in text
    assert "!" not in text


def test_the_status_of_a_run_of_another_game_says_which() -> None:
    """Expect its name, and no row for Magic."""
    environment = {"openSpiel": {"game": "kuhn_poker"}}
    other = training_run(environment=environment, decks=[])
    assert re.search(r"game +OpenSpiel kuhn_poker", shown(picture_of_run([], other, ())))
    assert not re.search(r"^game ", shown(picture_of_run([], training_run(), ())), re.MULTILINE)


def test_what_is_wrong_is_said_once_with_its_age() -> None:
    """Expect each message once, and nothing of a run that is over."""
    message = "daemon-0: no such deck"
    wrong = [
        condition("Ready", "False", message, "RolesMissing"),
        condition("DaemonsAvailable", "False", message),
        condition("Degraded", "True", "something else"),
        condition("ScalingLimited", "False", "fine"),
    ]
    text = shown(picture_of_run([], run_of(conditions=wrong), ()))
    assert text.count(message) == 1
    assert "! Degraded is True for" in text
    assert "fine" not in text
    over = condition("Complete", "True", "done", "Completed")
    assert "!" not in shown(picture_of_run([], run_of(conditions=[*wrong, over]), ()))


def test_members_show_only_columns_that_are_known() -> None:
    """Expect games on this machine, nodes on a cluster, and drained ones named so."""
    here = Member(role="daemon", name="daemon-0", ready=True, busy=3, draining=True)
    text = shown(picture_of_run([], run_of(), (), members=[here]))
    assert "3/8" in text
    assert "draining" in text
    assert "NODE" not in text
    there = Member(role="daemon", name="pod", ready=False, node="n1", problem="[red] no image")
    text = shown(picture_of_run([], run_of(), (), members=[there]))
    assert "n1" in text
    assert "GAMES" not in text
    assert "[red] no image" in text


def test_a_line_per_run() -> None:
    """Expect a dash where something is not known, and a sentence where there is nothing."""
    line = shown(picture_of_runs([run_of()], wide=True, with_namespace=True)).splitlines()[1]
    assert line.split()[:4] == ["default", "small", "not", "started"]
    assert "no training runs here" in shown(picture_of_runs([], wide=False, with_namespace=False))


def test_a_run_that_is_over_shows_no_rates_and_no_empty_roles() -> None:
    """Expect what it came to, without dashes for what no longer is."""
    role = {"desired": 0, "ready": 0, "restarts": 0}
    over = condition("Complete", "True", "done", "Completed")
    games = {"played": 200, "target": 200}
    status = {"games": games, "daemon": role, "learner": role, "transitions": {"queued": 0}}
    text = shown(picture_of_run([], run_of(conditions=[over], **status), ()))
    assert "200/200" in text
    assert "0/0" not in text
    assert "/s" not in text


def test_a_long_state_does_not_eat_the_figures() -> None:
    """Expect it to continue in the next line of a narrow terminal, and the counts to be read."""
    long = "Invalid: spec.decks: no deck is called red_agro: choose among red_aggro, white_weenie"
    games = {"played": 226, "target": 20000, "perSecond": 8.9}
    picture = picture_of_runs([run_of(summary=long, games=games)], wide=False, with_namespace=False)
    console = Console(width=110, force_terminal=False)
    with console.capture() as captured:
        console.print(picture)
    assert "226/20000" in captured.get()
    assert "GAMES/S" in captured.get()
    assert "white_weenie" in captured.get()


def test_scaling_is_explained_with_its_inputs_and_history() -> None:
    """Expect the decision, what it was made from, the limit, and every change on record."""
    inputs = {"queued": 1.5, "new": 2}
    decision = {"at": AT, "from": 2, "to": 4, "reason": "the learner waits", "inputs": inputs}
    limited = condition("ScalingLimited", "True", "9 would match", "AtMax")
    run = run_of(autoscaling={"lastDecision": decision}, conditions=[limited])
    events = [
        Event(parse_time(AT), "ScaledUp", "daemons from 2 to 4"),
        Event(parse_time(AT), "Evaluated", "not this"),
    ]
    text = shown(picture_of_scaling([], run, events))
    for part in (
        "from 2 to 4",
        "the learner waits",
        "1.5  (transitions in the queue)",
        "new",
        "yes, AtMax: 9 would match",
        "ScaledUp",
        "stabilizationWindowSeconds 15, at most 100 Percent within 15 s or 4 Pods within 15 s",
    ):
        assert part in text
    assert "not this" not in text


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        (SEARCHED, "none: each worker values positions itself"),
        (SERVED | {"inference": {"maxReplicas": 3}}, "1 to 3 inference servers"),
    ],
)
def test_scaling_of_alpha_zero_is_that_of_its_servers(fields: dict[str, Any], law: str) -> None:
    """Expect nothing about daemons, which such a run has not."""
    text = shown(picture_of_scaling([], training_run(**fields), []))
    assert law in text
    assert "scaleUp" not in text


def parse_time(text: str) -> Any:
    """A time of a document."""
    return run_of(startedAt=text).status.started_at


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59.9, "59s"), (60, "1m00s"), (3720, "1h02m"), (180000, "2d2h")],
)
def test_spans_of_time_are_short(seconds: float, text: str) -> None:
    """Expect two parts at most."""
    assert short(seconds) == text


def test_the_reference_names_every_verb_with_examples() -> None:
    """Expect a section with examples for each."""
    text = page()
    for verb in ("status", "top", "checkpoint now", "describe scaling", "completion"):
        assert f"\n## trainingrun {verb}\n" in text
    for section in text.split("\n## ")[1:]:
        assert "\n    trainingrun " in section or "eval " in section, section[:40]


def save(shell: Any, **status: Any) -> None:
    """Leave the folder of a run behind."""
    folder = shell.folder / ".trainingrun" / "small"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "learner-0.log").write_text("one\ntwo\n")
    (folder / "status.json").write_bytes(document(**status))


def document(**status: Any) -> bytes:
    """A run as its folder has it."""
    found = run_of(**status).model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(found).encode()


def test_verbs_on_a_run_that_ended(shell: Any) -> None:
    """Expect reading to work, asking to be refused in a sentence, and the place in both."""
    save(shell, summary="Complete")
    assert "this machine, .trainingrun" in shell.run("status", "small").out
    assert "not running" in shell.run("top").out
    found = yaml.safe_load(shell.run("top", "-o", "yaml").out)
    assert [each["metadata"]["name"] for each in found["items"]] == ["small"]
    assert shell.run("logs", "small", "--tail", "1").out == "learner-0 two\n"
    refused = shell.run("suspend", "small")
    assert refused.code == 2
    assert refused.errors == [
        "trainingrun: small is not running on this machine: start it with trainingrun local -f FILE"
    ]
    wrong = shell.run("logs", "small", "--role", "robot")
    assert wrong.code == 2
    assert "use actor, daemon, evaluator, inference, learner, redis, selfplay" in wrong.errors[0]


def test_a_shell_is_completed(shell: Any) -> None:
    """Expect scripts for three shells, and verbs, runs and roles as candidates."""
    save(shell)
    for name, word in (
        ("bash", "complete -o"),
        ("zsh", "#compdef"),
        ("fish", "complete --command"),
    ):
        assert word in shell.run("completion", name).out

    def candidates(*words: str) -> list[str]:
        answer = shell.ask("kubectl_complete-trainingrun", *words)
        assert answer.code == 0
        return list(answer.out.splitlines())

    assert candidates("sus") == ["suspend", ":4"]
    assert candidates("logs", "small", "--role", "lea") == ["learner", ":4"]
    assert candidates("status", "--state", ".trainingrun", "") == [":4"]  # a plugin's is a cluster
    assert candidates("validate", "-f", "")[-1] == ":0"
    environment = {
        "_TRAININGRUN_COMPLETE": "complete_bash",
        "COMP_WORDS": "trainingrun\nstatus\ns",
        "COMP_CWORD": "2",
    }
    assert shell.ask("trainingrun", **environment).out.split() == ["small"]


def test_ctrl_c_ends_a_verb_that_follows_without_a_word(shell: Any) -> None:
    """Expect exit code 130 and nothing on standard error."""
    save(shell)
    event = {"at": AT, "reason": "Started", "message": "10 games", "warning": False}
    events = shell.folder / ".trainingrun" / "small" / "events.jsonl"
    events.write_text(json.dumps(event) + "\n")
    command = [PROGRAM, "events", "small", "--follow"]
    with subprocess.Popen(
        command, cwd=shell.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().endswith("Started: 10 games\n")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (130, "")


@pytest.mark.parametrize("verb", ["get", "list"])
def test_rows_are_shown_as_they_change(shell: Any, verb: str) -> None:
    """Expect a line for a change and none for the time that passes, and exit code 130 at Ctrl-C."""
    save(shell, summary="one")
    status = shell.folder / ".trainingrun" / "small" / "status.json"
    command = [PROGRAM, verb, "--watch", "-o", "json"]
    with subprocess.Popen(
        command, cwd=shell.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            for word in ("one", "two", "three"):
                write_atomically(status, document(summary=word))
                assert json.loads(process.stdout.readline())["status"]["summary"] == word
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, rest, errors) == (130, "", "")


def test_only_what_is_new_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect columns in line with the first rows, no row for an age, and one for a new process, a
    new checkpoint and a run that came later."""
    rows = ChangingRows(Output.TABLE, with_namespace=False)

    def printed(*found: TrainingRun, unattended: tuple[str, ...] = ()) -> list[str]:
        rows.show(found, unattended=unattended)
        return capsys.readouterr().out.splitlines()

    saved = {"uri": "file:///x", "savedAt": AT, "step": 1, "games": 9}
    one, more = run_of(summary="Running"), run_of(summary="Running", checkpoint=saved)
    other = named(one, "a\x1b[2Jb")
    head, row = printed(one)
    assert head.index("STATE") == row.index("Running") == len("small") + 3
    assert printed(one) == []
    assert printed(named(one, "small", since=datetime.now(UTC))) == []
    assert [line.split()[:3] for line in printed(one, unattended=("small",))] == [
        ["small", "not", "running"]
    ]
    assert len(printed(more)) == 1
    assert [line.split()[0] for line in printed(more, other)] == ["a\\x1b[2Jb"]
    assert printed(other) == []
    assert len(printed(more, other)) == 1


def named(run: TrainingRun, name: str, *, since: datetime | None = None) -> TrainingRun:
    """A run under another name, or made at another time."""
    change = {"name": name, "creation_timestamp": since}
    return run.model_copy(update={"metadata": run.metadata.model_copy(update=change)})


def test_events_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect no control character of somebody's notice, in the table and line by line."""
    event = Event(datetime.now(UTC), "Problem", "gone\x1b[2J\x9b0m\nand more", warning=True)
    _print_event(event, Output.TABLE)
    printed = shown(picture_of_events([event])) + capsys.readouterr().out
    assert printed.count("gone [2J 0m and more") == 2
    assert "\x1b" not in printed
