"""The run configuration that all roles of a run read, rendered from its TrainingRun.

``games`` stands in it, but roles that run are not replaced when it changes: actors follow the
target in Redis, and the controller ends the run by its intent.
"""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.spec import Evaluation, Learner, TrainingRunSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import (
    ActorConfig,
    CheckpointConfig,
    DaemonConfig,
    EvaluationConfig,
    GateConfig,
    LearnerConfig,
    PpoConfig,
    ResumeFromConfig,
    RunConfig,
    SelfPlayConfig,
    TapesConfig,
)

from trainingrun_operator.settings import Settings

CLAIM_PATH: Final = "/checkpoints"
"""Where a claim is mounted in the learner's pod."""
_CLAIM_SCHEME: Final = "pvc://"


def run_config(run: TrainingRun, settings: Settings) -> RunConfig:
    """The configuration of one run; its ``run_id`` never repeats."""
    spec = run.spec
    return RunConfig(
        run=run.metadata.name,
        namespace=run.metadata.namespace or "",
        run_id=run.metadata.uid or run.metadata.name,
        seed=spec.seed,
        games=spec.games,
        decks=tuple(deck.name for deck in spec.decks),
        checkpoint=_checkpoint(spec, settings),
        resume_from=_resume_from(spec, settings),
        daemon=DaemonConfig(
            games_per_daemon=spec.daemon.games_per_daemon,
            game_timeout_seconds=spec.daemon.game_timeout_seconds,
            quiet=spec.daemon.quiet,
        ),
        actor=ActorConfig(
            games_per_actor=spec.actor.games_per_actor,
            stop_seconds=min(settings.actor_stop_seconds, spec.daemon.game_timeout_seconds),
        ),
        learner=_learner(spec.learner),
        self_play=SelfPlayConfig(
            latest=spec.self_play.latest,
            past=spec.self_play.past,
            scripted=spec.self_play.scripted,
            snapshot_every_publishes=spec.self_play.snapshot_every_publishes,
            pfsp=spec.self_play.pfsp,
            scripted_players=spec.self_play.scripted_players,
        ),
        evaluation=_evaluation(spec.evaluation),
        tapes=None if settings.tapes is None else TapesConfig(settings.tapes),
        phased=bool(spec.curriculum),
        sync=settings.sync,
    )


def claim_of(storage: str) -> tuple[str, str] | None:
    """Name of the claim and the path below its root, for ``pvc://claim/path``; None otherwise."""
    if not storage.startswith(_CLAIM_SCHEME):
        return None
    claim, _, path = storage.removeprefix(_CLAIM_SCHEME).partition("/")
    return claim, path.strip("/")


def storage_url(spec: TrainingRunSpec, settings: Settings) -> str:
    """Where the learner keeps checkpoints, as it sees it itself."""
    storage = spec.checkpoint.storage
    if storage is None:
        return settings.default_storage
    claim = claim_of(storage)
    if claim is None:
        return storage
    return f"file://{CLAIM_PATH}/{claim[1]}".rstrip("/")


def _checkpoint(spec: TrainingRunSpec, settings: Settings) -> CheckpointConfig:
    return CheckpointConfig(
        storage=storage_url(spec, settings),
        endpoint_url=spec.checkpoint.endpoint_url,
        every_games=spec.checkpoint.every_games,
        every_minutes=spec.checkpoint.every_minutes,
        keep=spec.checkpoint.keep,
        keep_best=spec.checkpoint.keep_best,
        spot_notice=spec.checkpoint.spot_notice,
        cache=settings.checkpoint_cache,
    )


def _resume_from(spec: TrainingRunSpec, settings: Settings) -> ResumeFromConfig | None:
    wanted = spec.resume_from
    if wanted is None:
        return None
    storage = wanted.storage or storage_url(spec, settings)
    return ResumeFromConfig(storage=storage, run=wanted.run, checkpoint=wanted.checkpoint)


def _evaluation(spec: Evaluation) -> EvaluationConfig:
    gate = spec.gate
    return EvaluationConfig(
        every_games=spec.every_games,
        games=spec.games,
        opponents=spec.opponents,
        gate=None if gate is None else GateConfig(elo=gate.elo, games=gate.games),
    )


def _learner(spec: Learner) -> LearnerConfig:
    return LearnerConfig(
        batch_transitions=spec.batch_transitions,
        gradient_accumulation=spec.gradient_accumulation,
        precision=spec.precision,
        gpus=spec.gpus,
        ranks=max(1, spec.gpus),
        max_policy_lag=spec.max_policy_lag,
        publish_every_seconds=spec.publish_every_seconds,
        publish_every_steps=spec.publish_every_steps,
        network=Network(**spec.network.model_dump()),
        ppo=PpoConfig(**spec.ppo.model_dump()),
    )
