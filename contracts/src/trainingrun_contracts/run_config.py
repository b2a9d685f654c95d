"""The run configuration: one validated JSON document that every role of a run reads at its start.

The operator (or the local runtime) renders it from the TrainingRun; actors, evaluators and the
learner read it from the file that ``TRAININGRUN_CONFIG`` names (``role_environment``). Secrets
never stand in it: the Redis URL comes from ``TRAININGRUN_REDIS_URL``, the daemons' token from
``TRAININGRUN_DAEMON_TOKEN``, the league's from ``TRAININGRUN_LEAGUE_TOKEN`` or the folder
of ``TRAININGRUN_LEAGUE_FOLDER``, S3 credentials from the usual ``AWS_*`` variables.

A field that a role does not know is skipped: the operator that wrote it may be newer than the image
of the role, which a user may have fixed.

msgspec and not pydantic, because an actor would pay 30 MB for the import of the latter.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.environment_config import EnvironmentConfig, Magic
from trainingrun_contracts.policy_format import PART_FORM, Network

CONFIG_VARIABLE = "TRAININGRUN_CONFIG"
REDIS_URL_VARIABLE = "TRAININGRUN_REDIS_URL"
MEMBER_VARIABLE = "TRAININGRUN_MEMBER"
METRICS_PORT_VARIABLE = "TRAININGRUN_METRICS_PORT"
HEALTH_FILE_VARIABLE = "TRAININGRUN_HEALTH_FILE"
INFERENCE_ADDRESS_VARIABLE = "TRAININGRUN_INFERENCE_ADDRESS"
"""``host:port`` where an inference server listens and is reached; port 0 is any free one."""
LEAGUE_TOKEN_VARIABLE = "TRAININGRUN_LEAGUE_TOKEN"  # noqa: S105 - its name
LEAGUE_AUTHORITY_VARIABLE = "TRAININGRUN_LEAGUE_CA"
"""PEM of who signs the certificates of the league's services; the system's where it is not set."""
LEAGUE_FOLDER_VARIABLE = "TRAININGRUN_LEAGUE_FOLDER"
"""Where files hold both, in the place of the variables: they may come later, and change."""
LEAGUE_TOKEN_FILE = "services-token"  # noqa: S105 - its name
LEAGUE_AUTHORITY_FILE = "ca.crt"

Opponent = Annotated[str, Meta(pattern=PART_FORM, max_length=64)]
"""A player by name: ``random``, ``aggressive``, ``engine``, one that a package adds; in evaluations
``past``, too."""
Potentials = Annotated[dict[str, Annotated[float, Meta(ge=0, le=1)]], Meta(max_length=16)]
"""Weights of potentials by name: those of the environment, and those that packages add."""
PastCurve = Literal["hard", "variance", "even"]
PopulationRole = Literal["Main", "MainExploiter", "LeagueExploiter"]
"""What a run is to the population of its league: whom it trains against, whether it is promoted."""
Positive = Annotated[int, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class ConfigError(Exception):
    """The run configuration or the environment of a role is wrong; the message says where."""


class DaemonConfig(Struct, frozen=True):
    """What an actor must know of the daemons."""

    games_per_daemon: Positive = 8
    game_timeout_seconds: Positive = 120
    quiet: bool = True
    embedded: bool = False
    """Whether there are none: actors and evaluators play the games in their own processes."""


class ActorConfig(Struct, frozen=True):
    """What an actor must know of itself."""

    games_per_actor: Positive = 16
    stop_seconds: Annotated[float, Meta(ge=0)] = 5.0
    """How long running games may continue after SIGTERM, before they are given up."""


class PpoConfig(Struct, frozen=True):
    """Hyper-parameters of decoupled clipped PPO with V-trace targets (Schulman et al. 2017,
    Espeholt et al. 2018, Hilton et al. 2021)."""

    learning_rate: float = 3e-4
    epochs: Positive = 2
    minibatches: Positive = 4
    clip: float = 0.2
    dual_clip: float = 3.0
    entropy: float = 0.01
    value_weight: float = 0.5
    gamma: Fraction = 1.0
    trace_decay: Fraction = 0.95
    max_gradient_norm: float = 0.5
    target_kl: float = 0.03
    loss: Annotated[str, Meta(pattern=PART_FORM, max_length=64)] = "ppo"
    """``ppo``, or the name of a loss that a package adds."""


class LearnerConfig(Struct, frozen=True):
    """What the learner must know of itself."""

    batch_transitions: Positive = 8192
    gradient_accumulation: Positive = 1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    gpus: Annotated[int, Meta(ge=0)] = 0
    ranks: Positive = 1
    """Processes that make each update together; with several GPUs, one for each."""
    shards: Positive = 1
    """Processes that read the rollout queue, each its own shard of it."""
    max_policy_lag: Positive = 8
    publish_every_seconds: float = 20.0
    publish_every_steps: Positive = 8
    network: Network = Network()
    ppo: PpoConfig = PpoConfig()


class OpponentsConfig(Struct, frozen=True):
    """Shares of the opponents that the learning seat meets; they are normalised by their sum."""

    latest: Fraction = 0.5
    past: Fraction = 0.4
    scripted: Fraction = 0.1
    pfsp: PastCurve = "hard"
    scripted_players: tuple[Opponent, ...] = ("random", "aggressive")


class SelfPlayConfig(OpponentsConfig, frozen=True):
    """The opponents of a run without a curriculum, and how often a past one is kept."""

    snapshot_every_publishes: Positive = 20


class GateConfig(Struct, frozen=True):
    """When new weights become the champion: a sequential test of 0 against ``elo``, truncated."""

    elo: float = 35.0
    games: Positive = 1000


class EvaluationConfig(Struct, frozen=True):
    """How often, how long and against whom the policy is evaluated."""

    interval_games: Positive = 5000
    games: Positive = 400
    opponents: tuple[Opponent, ...] = ("random", "aggressive")
    gate: GateConfig | None = None


class CheckpointConfig(Struct, frozen=True):
    """Where checkpoints go and when they are written.

    ``storage`` is ``file:///dir`` or ``s3://bucket/prefix``. ``cache`` is a directory of this
    machine where checkpoints that go to a bucket are kept, too.
    """

    storage: str
    endpoint_url: str | None = None
    interval_games: Positive = 5000
    interval_seconds: Positive = 3600
    keep: Positive = 5
    keep_best: bool = True
    spot_notice: bool = False
    cache: str | None = None


class ResumeFromConfig(Struct, frozen=True):
    """A checkpoint of another run, of which a run without one of its own takes the weights."""

    storage: str
    run: str | None = None
    checkpoint: str = "newest"


class TapesConfig(Struct, frozen=True):
    """Where games are written down for people, and how many are kept (``tapes``).

    The first game of every evaluation is one of them, and a training game of each actor now and
    then. Only where the roles and the viewer share a folder: on one machine.
    """

    folder: str
    keep: Positive = 10
    """Newest tapes that are kept, of each kind."""
    training_seconds: Annotated[float, Meta(ge=0)] = 120.0
    """Between two training games that one actor records."""


class LeagueConfig(Struct, frozen=True):
    """The league that a run's models join. Its token and its authority come by variables."""

    model_address: str
    """``host:port`` of the Model service."""
    lineage: str
    """Names the run's models in the league."""
    publish_every_games: Positive = 5000
    is_encrypted: bool = True
    role: PopulationRole | None = None
    """What the run is to the population; None publishes main models and meets no one from there."""


class LearnerReplayConfig(Struct, frozen=True):
    """How the learner of a run of PPO trains from the league's Replay service: the table that it
    has there, and how it samples. Segments are what the table counts by, transitions what the
    limiter does."""

    address: str
    """``host:port`` of the Replay service; it is reached as the league is."""
    samples_per_insert: Annotated[float, Meta(gt=0, le=64)] = 2.0
    alpha: Annotated[float, Meta(ge=0, le=4)] = 0.6
    beta: Fraction = 0.4
    """Exponent of the importance weights at the run's begin; it grows to 1 at its end."""
    segments: Positive = 4096
    keep_ended_seconds: Annotated[int, Meta(ge=0)] = 3600
    """For which the table is kept after the run's end."""
    keeper: str = ""
    """Who says to the service that the run has ended; empty: no one."""


class RunConfig(Struct, frozen=True):
    """Everything that the roles of one run must agree on."""

    run: str
    run_id: str
    seed: int
    games: Positive
    decks: tuple[str, ...]
    checkpoint: CheckpointConfig
    namespace: str = ""
    environment: EnvironmentConfig = Magic()
    resume_from: ResumeFromConfig | None = None
    daemon: DaemonConfig = DaemonConfig()
    actor: ActorConfig = ActorConfig()
    learner: LearnerConfig = LearnerConfig()
    alpha_zero: AlphaZeroConfig | None = None
    """How searches and the learner work in a run of AlphaZero; None in one of PPO."""
    self_play: SelfPlayConfig = SelfPlayConfig()
    shaping: Potentials = {}
    evaluation: EvaluationConfig = EvaluationConfig()
    tapes: TapesConfig | None = None
    league: LeagueConfig | None = None
    replay: LearnerReplayConfig | None = None
    """How the learner trains from a replay service; None: from the queue, everything once."""
    phased: bool = False
    """Whether the run has a curriculum: actors then play no game before they know its phase."""
    sync: bool = False
    """Whether actor and learner wait for one another, so that a run can be repeated bit for bit."""


def encode(config: RunConfig) -> bytes:
    """Render the configuration as JSON, the same bytes for the same values."""
    return msgspec.json.format(msgspec.json.encode(config), indent=2)


def decode(document: bytes) -> RunConfig:
    """Read a configuration.

    Raises:
        ConfigError: a field is missing or of the wrong type; the message has its path.
    """
    try:
        return msgspec.json.decode(document, type=RunConfig)
    except msgspec.DecodeError as error:
        raise ConfigError(f"run configuration: {error}") from error
