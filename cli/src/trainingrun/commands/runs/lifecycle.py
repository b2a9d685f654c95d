"""The verbs that change a run: ``submit``, ``suspend``, ``resume``, ``stop``, ``drain``,
``delete``, ``checkpoint now``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from trainingrun_api.run import TrainingRun

from trainingrun.commands.candidates import complete_daemon
from trainingrun.commands.deck_folders import decks_near, find_decks
from trainingrun.commands.document import read_document, read_run
from trainingrun.commands.durations import seconds_in
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import (
    STATE,
    DecksOption,
    FileOption,
    LocalStateOption,
    NameArgument,
    SetOption,
    TimeoutOption,
    WaitOption,
)
from trainingrun.commands.output import Output, OutputOption, document_of, write
from trainingrun.commands.runs.target import Where, runs_at
from trainingrun.commands.terminal import echo
from trainingrun.sdk import ClientError, Ended, LocalPlace, TrainingRuns
from trainingrun.sdk.values import Watching
from trainingrun.sdk.waiting import wait_until

_EVERY: Final = 0.5


def suspend(
    name: NameArgument,
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Save a run and release its resources; nothing is lost, and resume continues from there.

    Running games end, the queue is trained, a checkpoint is written, then the members go.
    """
    seconds, answer = seconds_in(timeout, option="--timeout"), _Answer(output)
    with runs_at(where, name) as runs:
        runs.suspend(name)
        answer.say(
            runs, name, "suspending: running games end, the queue is trained, and it is saved"
        )
        if wait:
            run = runs.wait(name, "Suspended", timeout=seconds)
            answer.say(runs, name, f"suspended at game {_games(run)}")
        answer.show(runs, name)


def resume(
    name: NameArgument,
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Continue a suspended run from its checkpoint."""
    seconds, answer = seconds_in(timeout, option="--timeout"), _Answer(output)
    with runs_at(where, name) as runs:
        runs.resume(name)
        answer.say(runs, name, "resuming from its checkpoint")
        if wait:
            runs.wait(name, "Suspended", status=False, timeout=seconds)
            run = runs.wait(name, "Ready", timeout=seconds)
            answer.say(runs, name, f"ready at game {_games(run)}")
        answer.show(runs, name)


def drain(
    name: NameArgument,
    daemon: Annotated[
        str,
        typer.Argument(
            metavar="DAEMON",
            help="Name of the daemon, as top NAME shows it; of an external one, its address.",
            autocompletion=complete_daemon,
        ),
    ],
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Take one daemon out of a run without losing a game: it goes when its games have ended.

    Whether another one takes its place follows from the run's rates. An external daemon stays,
    without games, until annotation trainingrun.dev/drain no longer names it.
    """
    seconds, answer = seconds_in(timeout, option="--timeout"), _Answer(output)
    with runs_at(where, name) as runs:
        before = {member.name: member.started_at for member in runs.members(name)}
        runs.drain(name, daemon)
        answer.say(runs, name, f"{daemon} gets no more games, and goes when its own have ended")
        if wait and daemon not in before:
            raise UserError(f"{daemon} is an external daemon, which does not go: leave --wait out")
        if wait:

            def is_gone(_: TrainingRun) -> bool:
                now = {member.name: member.started_at for member in runs.members(name)}
                return daemon not in now or now[daemon] != before[daemon]

            _wait(runs, name, is_gone, seconds, what=f"drain of {daemon}")
            answer.say(runs, name, f"{daemon} is gone")
        answer.show(runs, name)


def save_now(
    name: NameArgument,
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the checkpoint is there.")
    ] = True,
    timeout: TimeoutOption = "10m",
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Write a checkpoint now, and print where it is once it is complete."""
    seconds, answer = seconds_in(timeout, option="--timeout"), _Answer(output)
    with runs_at(where, name) as runs:
        version = runs.request_checkpoint(name)
        if version is None:
            raise UserError(f"{name}: nothing was trained yet, so there is nothing to save: wait")
        if not wait:
            answer.say(runs, name, f"the learner was asked to save step {version} or later")
            answer.show(runs, name)
            return

        def is_saved(run: TrainingRun) -> bool:
            saved = run.status.checkpoint
            return saved is not None and saved.step >= version

        run = _wait(runs, name, is_saved, seconds, what=f"checkpoint of step {version}")
    saved = run.status.checkpoint
    assert saved is not None
    if output.is_for_programs:
        write({"step": saved.step, "games": saved.games, "uri": saved.uri}, output)
    else:
        echo(saved.uri)


def _wait(
    runs: TrainingRuns,
    name: str,
    is_so: Callable[[TrainingRun], bool],
    seconds: float,
    *,
    what: str,
) -> TrainingRun:
    try:
        return wait_until(lambda: runs.get(name), is_so, Watching(seconds, _EVERY), what=what)
    except Ended as error:
        raise UserError(str(error)) from error


class _Answer:
    """What a verb answers: sentences for people, the run as it is then for programs."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def say(self, runs: TrainingRuns, name: str, what: str) -> None:
        """Print a sentence, with the place that it is about."""
        if not self._output.is_for_programs:
            echo(f"{name} ({runs.title}): {what}")

    def show(self, runs: TrainingRuns, name: str) -> None:
        """Write the run."""
        if self._output.is_for_programs:
            write(document_of(runs.get(name)), self._output)


def _games(run: TrainingRun) -> int:
    games = run.status.games
    return (games.played or 0) if games is not None else 0


def submit(
    *,
    file: FileOption,
    changes: SetOption = None,
    decks: DecksOption = None,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Create a run, or change the one of that name: on a cluster, or here in the background.

    On this machine a process is started that continues when this command has ended; follow it with
    top, end it with stop. A run there that is complete stays as it is.
    """
    run = read_run(file, changes=changes or ())
    document, name, answer = (
        read_document(file, changes=changes or ()),
        run.metadata.name,
        _Answer(output),
    )
    with runs_at(where, name, decks=_decks(file, decks)) as runs:
        made = runs.submit(document)
        answer.say(runs, name, f"submitted: {made.status.summary or 'not started yet'}")
        answer.show(runs, name)


def _decks(file: Path, given: Path | None) -> Path | None:
    return decks_near(file) if given is None else find_decks(file, given)


def stop(
    name: NameArgument,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Stop at once, without saving what is new.")
    ] = False,
    output: OutputOption = Output.TABLE,
    state: LocalStateOption = STATE,
) -> None:
    """Stop the process of a run on this machine: it saves first, as with Ctrl-C.

    A run on a cluster has no process of its own: suspend it.
    """
    # Imported here because the other verbs need no place of this kind.
    from trainingrun.sdk.local import LocalRuns  # noqa: PLC0415

    runs, answer = LocalRuns(LocalPlace(state)), _Answer(output)
    try:
        runs.stop(name, now=now)
    except ClientError as error:
        raise UserError(str(error)) from error
    answer.say(runs, name, "stopped; trainingrun local resumes it")
    answer.show(runs, name)


def delete(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Delete a run; its checkpoints stay.

    On this machine it is stopped, and its folder is renamed to NAME.old-TIME.
    """
    with runs_at(where, name) as runs:
        runs.delete(name)
        if output.is_for_programs:
            write({"name": name, "deleted": True}, output)
        else:
            echo(f"{name} ({runs.title}): deleted")


def add_lifecycle(app: Verbs) -> None:
    """Add the verbs to the command."""
    panel = Panel.CHANGE
    app.verb(
        panel=Panel.TRAIN,
        examples=(
            "trainingrun submit -f run.yaml",
            "trainingrun submit -f run.yaml -n training",
        ),
    )(submit)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun suspend quickstart",
            "trainingrun suspend standard-ppo -n training --wait --timeout 10m",
        ),
    )(suspend)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun resume quickstart",
            "kubectl trainingrun resume standard-ppo -n training --wait",
        ),
    )(resume)
    app.verb(panel=panel, examples=("trainingrun stop quickstart",))(stop)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun drain quickstart daemon-1",
            "trainingrun drain standard-ppo standard-ppo-daemon-7c9f-x2x -n training --wait",
        ),
    )(drain)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun delete quickstart",
            "trainingrun delete standard-ppo -n training",
        ),
    )(delete)


def add_saving(checkpoint: Verbs) -> None:
    """Add ``now`` to the verbs about checkpoints."""
    checkpoint.verb(
        "now",
        examples=(
            "trainingrun checkpoint now quickstart",
            "trainingrun checkpoint now standard-ppo -n training --no-wait",
        ),
    )(save_now)
