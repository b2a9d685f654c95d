"""The verbs that ask something of a run: ``suspend``, ``resume``, ``drain``, ``checkpoint now``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import typer
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.client import RunEnded, TrainingRuns
from trainingrun_contracts.client.values import Watching
from trainingrun_contracts.client.waiting import wait_until

from trainingrun_operator.cli.durations import seconds_in
from trainingrun_operator.cli.errors import UserError
from trainingrun_operator.cli.runs.looking import NameArgument
from trainingrun_operator.cli.runs.names import complete_daemon
from trainingrun_operator.cli.runs.where import (
    ContextOption,
    KubeconfigOption,
    NamespaceOption,
    StateOption,
    Where,
    runs_at,
)

_EVERY: Final = 0.5
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it is so.")]
TimeoutOption = Annotated[
    str, typer.Option(help="Wait so long at most: 90s, 15m, 1h. Exit code 2 when it is over.")
]


def suspend(
    name: NameArgument,
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30m",
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Save a run and let its resources go; nothing is lost, and resume goes on from there.

    Running games end, the queue is trained, a checkpoint is written, then the members go.
    """
    seconds = seconds_in(timeout, option="--timeout")
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        runs.suspend(name)
        _say(runs, name, "suspending: running games end, the queue is trained, and it is saved")
        if wait:
            run = runs.wait(name, "Suspended", timeout=seconds)
            _say(runs, name, f"suspended at game {_games(run)}")


def resume(
    name: NameArgument,
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30m",
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Let a suspended run go on from its checkpoint."""
    seconds = seconds_in(timeout, option="--timeout")
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        runs.resume(name)
        _say(runs, name, "resuming from its checkpoint")
        if wait:
            runs.wait(name, "Suspended", status=False, timeout=seconds)
            run = runs.wait(name, "Ready", timeout=seconds)
            _say(runs, name, f"ready at game {_games(run)}")


def drain(
    name: NameArgument,
    daemon: Annotated[
        str,
        typer.Argument(
            help="Name of the daemon, as top NAME shows it; of an external one, its address.",
            autocompletion=complete_daemon,
        ),
    ],
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30m",
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Take one daemon out of a run without losing a game: it gets no more, and goes when its own
    have ended.

    Whether another one takes its place follows from the run's rates. An external daemon stays,
    without games, until annotation trainingrun.dev/drain no longer names it.
    """
    seconds = seconds_in(timeout, option="--timeout")
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        before = {member.name: member.started_at for member in runs.members(name)}
        runs.drain(name, daemon)
        _say(runs, name, f"{daemon} gets no more games, and goes when its own have ended")
        if wait and daemon not in before:
            raise UserError(f"{daemon} is an external daemon, which does not go: leave --wait out")
        if wait:

            def is_gone(_: TrainingRun) -> bool:
                now = {member.name: member.started_at for member in runs.members(name)}
                return daemon not in now or now[daemon] != before[daemon]

            _wait(runs, name, is_gone, seconds, what=f"drain of {daemon}")
            _say(runs, name, f"{daemon} is gone")


def save_now(
    name: NameArgument,
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the checkpoint is there.")
    ] = True,
    timeout: TimeoutOption = "10m",
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Have a run's learner write a checkpoint now; prints where it is once it is complete."""
    seconds = seconds_in(timeout, option="--timeout")
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        version = runs.request_checkpoint(name)
        if version is None:
            raise UserError(f"{name}: nothing was trained yet, so there is nothing to save: wait")
        if not wait:
            _say(runs, name, f"the learner was asked to save step {version} or later")
            return

        def is_saved(run: TrainingRun) -> bool:
            saved = run.status.checkpoint
            return saved is not None and saved.step >= version

        run = _wait(runs, name, is_saved, seconds, what=f"checkpoint of step {version}")
    assert run.status.checkpoint is not None
    typer.echo(run.status.checkpoint.uri)


def _wait(
    runs: TrainingRuns, name: str, is_so: Callable[[TrainingRun], bool], seconds: float, *,
    what: str,
) -> TrainingRun:  # fmt: skip
    try:
        return wait_until(lambda: runs.get(name), is_so, Watching(seconds, _EVERY), what=what)
    except RunEnded as error:
        raise UserError(str(error)) from error


def _say(runs: TrainingRuns, name: str, what: str) -> None:
    typer.echo(f"{name} ({runs.title}): {what}")


def _games(run: TrainingRun) -> int:
    games = run.status.games
    return (games.played or 0) if games is not None else 0


def add_asking(app: typer.Typer, checkpoint: typer.Typer) -> None:
    """Add the verbs to the command, and ``now`` to those about checkpoints."""
    app.command(
        epilog="Examples:\n\ntrainingrun suspend quickstart\n\n"
        "trainingrun suspend standard-ppo -n training --wait --timeout 10m"
    )(suspend)
    app.command(
        epilog="Examples:\n\ntrainingrun resume quickstart\n\n"
        "kubectl trainingrun resume standard-ppo -n training --wait"
    )(resume)
    app.command(
        epilog="Examples:\n\ntrainingrun drain quickstart daemon-1\n\n"
        "trainingrun drain standard-ppo standard-ppo-daemon-7c9f-x2x -n training --wait"
    )(drain)
    checkpoint.command(
        "now",
        epilog="Examples:\n\ntrainingrun checkpoint now quickstart\n\n"
        "trainingrun checkpoint now standard-ppo -n training --no-wait",
    )(save_now)
