"""The run configuration that all roles of a run read, rendered from its TrainingRun.

``games`` stands in it, but roles that run are not replaced when it changes: actors follow the
target in Redis, and the controller ends the run by its intent.
"""

from __future__ import annotations

from trainingrun_api.algorithm import AlphaZero
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, ReplayConfig, SearchConfig
from trainingrun_contracts.league_report import OPERATOR_KEEPER
from trainingrun_contracts.run_config import (
    ActorConfig,
    CheckpointConfig,
    DaemonConfig,
    EvaluationConfig,
    GateConfig,
    LeagueConfig,
    LearnerConfig,
    LearnerReplayConfig,
    PpoConfig,
    ResumeFromConfig,
    RunConfig,
    SelfPlayConfig,
    TapesConfig,
)

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.algorithms.alpha_zero import MOST_POLICY_LAG
from trainingrun_reconciler.roles.actor import stop_seconds
from trainingrun_reconciler.roles.checkpoint_storage import mounted
from trainingrun_reconciler.roles.environment import environment_config
from trainingrun_reconciler.roles.league import model_address, replay_address
from trainingrun_reconciler.settings import Settings


def run_config(run: TrainingRun, settings: Settings) -> RunConfig:
    """The configuration of one run; its ``run_id`` never repeats."""
    spec = run.spec
    return RunConfig(
        run=run.metadata.name,
        namespace=run.metadata.namespace or "",
        run_id=run.metadata.uid or run.metadata.name,
        seed=spec.seed,
        games=spec.games,
        environment=environment_config(spec.environment),
        decks=spec.deck_names,
        checkpoint=_checkpoint(spec, settings),
        resume_from=_resume_from(spec, settings),
        daemon=DaemonConfig(
            games_per_daemon=spec.daemon.games_per_daemon,
            game_timeout_seconds=spec.daemon.game_timeout_seconds,
            quiet=spec.daemon.quiet,
            embedded=spec.daemon.embedded,
        ),
        actor=ActorConfig(
            games_per_actor=spec.actor.games_per_actor,
            stop_seconds=stop_seconds(run, settings),
        ),
        learner=_learner(spec),
        alpha_zero=_alpha_zero(spec),
        self_play=SelfPlayConfig(
            latest=spec.self_play.latest,
            past=spec.self_play.past,
            scripted=spec.self_play.scripted,
            snapshot_every_publishes=spec.self_play.snapshot_every_publishes,
            pfsp=spec.self_play.pfsp,
            scripted_players=spec.scripted_players_of(spec.self_play),
        ),
        shaping=spec.shaping_of(None),
        evaluation=_evaluation(spec),
        tapes=None if settings.tapes is None else TapesConfig(settings.tapes),
        league=_league(run, settings),
        replay=_replay(run, settings),
        phased=bool(spec.curriculum),
        sync=settings.sync,
    )


def storage_url(spec: TrainingRunSpec, settings: Settings) -> str:
    """Where the learner keeps checkpoints, as it sees it itself."""
    storage = spec.checkpoint.storage
    if storage is None:
        return settings.default_storage
    claim = storage.persistent_volume_claim
    return mounted(claim) if claim is not None else str(storage.url)


def _checkpoint(spec: TrainingRunSpec, settings: Settings) -> CheckpointConfig:
    s3 = spec.checkpoint.storage.s3 if spec.checkpoint.storage is not None else None
    return CheckpointConfig(
        storage=storage_url(spec, settings),
        endpoint_url=s3.endpoint_url if s3 is not None else None,
        interval_games=spec.checkpoint.interval_games,
        interval_seconds=spec.checkpoint.interval_seconds,
        keep=spec.checkpoint.keep,
        keep_best=spec.checkpoint.keep_best,
        spot_notice=spec.checkpoint.spot_notice,
        cache=settings.checkpoint_cache,
    )


def _resume_from(spec: TrainingRunSpec, settings: Settings) -> ResumeFromConfig | None:
    wanted = spec.resume_from
    if wanted is None:
        return None
    source = wanted.storage.url if wanted.storage is not None else None
    storage = source or storage_url(spec, settings)
    return ResumeFromConfig(storage=storage, run=wanted.run, checkpoint=wanted.checkpoint)


def _league(run: TrainingRun, settings: Settings) -> LeagueConfig | None:
    ref = run.spec.league_ref
    if ref is None:
        return None
    namespace, known = run.metadata.namespace or "", settings.league
    return LeagueConfig(
        model_address=known.model if known is not None else model_address(ref.name, namespace),
        lineage=f"{namespace}/{run.metadata.name}" if namespace else run.metadata.name,
        publish_every_games=ref.publish_every_games,
        is_encrypted=known is None or known.is_encrypted,
        role=ref.role,
    )


def _replay(run: TrainingRun, settings: Settings) -> LearnerReplayConfig | None:
    ref, given = run.spec.league_ref, run.spec.replay
    if ref is None or given is None:
        return None
    known = None if settings.league is None else settings.league.replay
    address = known or replay_address(ref.name, run.metadata.namespace or "")
    keeper = OPERATOR_KEEPER if settings.league is None else settings.league.keeper
    return LearnerReplayConfig(address=address, keeper=keeper, **given.model_dump())


def _evaluation(spec: TrainingRunSpec) -> EvaluationConfig:
    gate = spec.evaluation.gate
    return EvaluationConfig(
        interval_games=spec.evaluation.interval_games,
        games=spec.evaluation.games,
        opponents=spec.evaluation_opponents,
        gate=None if gate is None else GateConfig(elo=gate.elo, games=gate.games),
    )


def _learner(run: TrainingRunSpec) -> LearnerConfig:
    spec, ppo = run.learner, run.algorithm.ppo
    return LearnerConfig(
        batch_transitions=spec.batch_transitions,
        gradient_accumulation=spec.gradient_accumulation,
        precision=spec.precision,
        gpus=spec.gpus,
        ranks=max(1, spec.gpus),
        max_policy_lag=spec.max_policy_lag if ppo is not None else MOST_POLICY_LAG,
        publish_every_seconds=spec.publish_every_seconds,
        publish_every_steps=spec.publish_every_steps,
        network=ALGORITHMS.of(run).network(run),
        ppo=PpoConfig() if ppo is None else PpoConfig(**ppo.model_dump()),
    )


def _alpha_zero(run: TrainingRunSpec) -> AlphaZeroConfig | None:
    spec: AlphaZero | None = run.algorithm.alpha_zero
    if spec is None:
        return None
    return AlphaZeroConfig(
        search=SearchConfig(**spec.search.model_dump()),
        replay=ReplayConfig(**spec.replay.model_dump()),
        inference_servers=run.inference is not None,
        **spec.model_dump(exclude={"search", "replay"}),
    )
