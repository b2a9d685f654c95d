"""Programs that take the learner's place for a moment: they read and write the run's storage.

The learner has all that this needs: credentials, claim, network; no other role may reach the
storage. Such a program comes when the learner has ended, and the learner's Job goes for it. It
waits for no quota and asks for no GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.desired.actions import Apply, Remove, WorkloadAction
from trainingrun_reconciler.desired.observed import Observed, ObservedRole
from trainingrun_reconciler.desired.placement import placed
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.template_hash import rollout_inputs, with_template_hash
from trainingrun_reconciler.roles.workload import Workload
from trainingrun_reconciler.settings import Settings

_ATTEMPTS: Final = 3


def cleaner(run: TrainingRun, settings: Settings) -> Workload:
    """The program that removes the run's checkpoints."""
    config = run_config(run, settings)
    endpoint = config.checkpoint.endpoint_url
    command = (
        "python",
        "-m",
        "trainingrun_trainer.checkpoint",
        "rm",
        config.checkpoint.storage,
        "--run",
        config.run,
        "--run-id",
        config.run_id,
        "--namespace",
        config.namespace,
        *(("--endpoint-url", endpoint) if endpoint else ()),
    )
    return _errand(run, settings, command, task="clean")


def recorder(run: TrainingRun, settings: Settings) -> Workload:
    """The program that writes evaluations beside the checkpoints that they belong to."""
    command = ("python", "-m", "trainingrun_trainer.recording")
    return _errand(run, settings, command, task="record")


def is_recorder(run: TrainingRun, settings: Settings, there: ObservedRole | None) -> bool:
    """Whether the recorder is in the learner's place, whichever image it was begun with."""
    if there is None:
        return False
    own = ALGORITHMS.roles_of(run).learner.image
    images = replace(settings.images, **{own: there.image}) if there.image else settings.images
    return there.template_hash == recorder(run, replace(settings, images=images)).template_hash


def take_the_place(observed: Observed, wanted: Workload) -> Iterator[WorkloadAction]:
    """The next step until the program is in the learner's place; none once it is there."""
    there = observed.roles.get(wanted.role)
    if there is None:
        yield Apply(wanted)
    elif there.template_hash != wanted.template_hash and not there.removing:
        yield Remove(wanted.role)


def _errand(
    run: TrainingRun, settings: Settings, command: tuple[str, ...], *, task: str
) -> Workload:
    made = ALGORITHMS.roles_of(run).learner.workload(run, settings, replicas=1)
    resources = replace(made.resources, gpus=0)
    made = replace(made, command=command, resources=resources, backoff_limit=_ATTEMPTS)
    made = replace(placed(run, made), admission=None)
    return with_template_hash(made, rollout_inputs(run), task=task)
