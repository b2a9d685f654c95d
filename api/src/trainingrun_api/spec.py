"""What a user asks for: the ``spec`` of a TrainingRun.

Only fields that work are here. Descriptions are the documentation: ``kubectl explain`` and
docs/reference show them as they stand, so each says what the field does and in which unit.
A field that may be left out and has no fixed default is None; its description says what follows.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from trainingrun_api import rules
from trainingrun_api.algorithm import DISCOUNT_OF_SEARCH, Algorithm, ppo
from trainingrun_api.environment import Environment, magic
from trainingrun_api.limits import Cost, StopWhen
from trainingrun_api.model import (
    ATOMIC,
    DAEMON_FORM,
    JVM_OPTION_FORM,
    MAP,
    SET,
    ApiModel,
    Games,
    PartName,
    Potentials,
    Quantity,
    Share,
)
from trainingrun_api.play import CurriculumPhase, Deck, PhaseOpponents, SelfPlay
from trainingrun_api.pod_template import HasPods, PodTemplate, template_paths
from trainingrun_api.rules import Rule
from trainingrun_api.storage import Source, Storage

Count = Annotated[int, Field(ge=1, le=2_000_000_000)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
Name = Annotated[str, Field(min_length=1, max_length=253)]
DaemonEndpoint = Annotated[str, Field(pattern=DAEMON_FORM, max_length=260)]
Endpoints = Annotated[tuple[DaemonEndpoint, ...], Field(min_length=1, max_length=256), SET]
JvmOption = Annotated[str, Field(pattern=JVM_OPTION_FORM, max_length=256)]
NO_DECK: Final = "-"
"""In the place of a deck, where a daemon is asked for a game without any."""
Spot = Literal["Never", "Prefer", "Require"]


class ScalingPolicy(ApiModel):
    """How much the number of daemons may change in a period, as of a HorizontalPodAutoscaler."""

    type: Literal["Percent", "Pods"] = Field(
        description="Unit of value: `Percent` of the daemons at the period's start, rounded up, or"
        " `Pods`."
    )
    value: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="The most by which the number may change within the period."
    )
    period_seconds: Annotated[int, Field(ge=1, le=1800)] = Field(
        description="Length of the period."
    )

    def step(self, replicas: int) -> int:
        """How many daemons the policy lets come or go where there were ``replicas``."""
        part = math.ceil(replicas * self.value / 100)
        return max(1, part) if self.type == "Percent" else self.value


Policies = Annotated[tuple[ScalingPolicy, ...], Field(min_length=1, max_length=8), ATOMIC]


class ScaleUp(ApiModel):
    """How fast the number of daemons may rise."""

    stabilization_window_seconds: Seconds = Field(
        15,
        description="Seconds that more daemons must have been wanted before any is added; a short"
        " spike adds none.",
    )
    policies: Policies = Field(
        (
            ScalingPolicy(type="Percent", value=100, period_seconds=15),
            ScalingPolicy(type="Pods", value=4, period_seconds=15),
        ),
        description="How many may be added; the policy that allows the most holds.",
    )


class ScaleDown(ApiModel):
    """How fast the number of daemons may fall."""

    stabilization_window_seconds: Seconds = Field(
        300,
        description="Seconds that fewer daemons must have been enough before any is taken away.",
    )
    policies: Policies = Field(
        (ScalingPolicy(type="Percent", value=10, period_seconds=30),),
        description="How many may be taken away; the policy that allows the most holds.",
    )


class Behavior(ApiModel):
    """How fast the number of daemons may change, as of a HorizontalPodAutoscaler."""

    scale_up: ScaleUp = Field(
        default_factory=ScaleUp, description="How fast the number of daemons may rise."
    )
    scale_down: ScaleDown = Field(
        default_factory=ScaleDown,
        description="How fast the number of daemons may fall. A daemon with a game is never"
        " killed: it drains first.",
    )


class Autoscaling(ApiModel):
    """How many daemons a run has: just as many as keep the learner fed."""

    rules: ClassVar[tuple[Rule, ...]] = rules.AUTOSCALING

    min_replicas: Count = Field(
        1, description="The fewest daemons while the run is active. Suspend the run for none."
    )
    max_replicas: Count = Field(
        10,
        description="The most daemons. Equal to minReplicas, the number of daemons is fixed.",
    )
    target_lag_seconds: Seconds = Field(
        20,
        description="How many seconds of training should wait in the queue: more daemons are added"
        " when it holds less, and fewer are kept when it holds more.",
    )
    tolerance: Share = Field(
        0.1,
        description="Relative deviation from the wanted number of daemons that is left alone while"
        " the learner does not wait for data and actors do not pause; 0.1 is 10 %.",
    )
    behavior: Behavior = Field(
        default_factory=Behavior, description="How fast the number of daemons may change."
    )


class Jvm(ApiModel):
    """Options of the Java virtual machine of a daemon that is a Forge build."""

    heap: Quantity = Field(
        "4Gi",
        description="Memory of the heap, all of it taken at the start. The card data needs about"
        " `500Mi`, each game about `20Mi`. Without resources in `daemon.template` a pod gets a"
        " quarter more, at least `512Mi`.",
    )
    gc: Literal["G1", "Parallel", "Serial", "Z"] = Field(
        "G1", description="The garbage collector. The two options below are G1's."
    )
    max_gc_pause_millis: Annotated[int, Field(ge=1, le=10_000)] = Field(
        50,
        alias="maxGCPauseMillis",
        description="Milliseconds that a pause of the collector should not pass; name and unit are"
        " those of Java's own option.",
    )
    string_deduplication: bool = Field(
        default=True, description="Whether equal strings share their memory, as card texts do."
    )
    extra_options: Annotated[tuple[JvmOption, ...], Field(max_length=50), ATOMIC] = Field(
        (), description="Further options of `java`, each beginning with `-` and without spaces."
    )


class TokenKey(ApiModel):
    """One entry of a Secret in the run's namespace that holds a token."""

    name: Name = Field(description="Name of a Secret in the run's namespace.")
    key: Name = Field("token", description="Entry of the Secret that holds the token.")


class ExternalDaemons(ApiModel):
    """Daemons that exist already: somebody else starts and stops them."""

    endpoints: Endpoints = Field(
        description="Where they listen: `host:port` each, as the actors reach them. A daemon that"
        " stops answering gets no games until it answers again. The list may change while the run"
        " is active: games on a daemon that is taken out end there.",
    )
    token_secret_ref: TokenKey | None = Field(
        None,
        description="The token that they were started with, if they ask for one. `trainingrun"
        " local` takes it from `TRAININGRUN_DAEMON_TOKEN`.",
    )


class Daemon(HasPods):
    """The game engines."""

    rules: ClassVar[tuple[Rule, ...]] = rules.DAEMON

    container_name: ClassVar[str] = "daemon"
    template: PodTemplate | None = Field(
        None,
        description="Pod template of the daemons, laid over the operator's own by the rules of a"
        " strategic merge: image and resources of container `daemon`, node selector, tolerations,"
        " volumes and so on. What weakens the security of the pods is refused.",
    )
    games_per_daemon: Annotated[int, Field(ge=1, le=1000)] = Field(
        8,
        description="Games that one daemon serves at the same time. External daemons report"
        " this themselves.",
    )
    game_timeout_seconds: Seconds = Field(
        120, description="Seconds after which the daemon ends a game as a draw."
    )
    drain_timeout_seconds: Seconds = Field(
        180,
        description="Seconds that a daemon gets to finish its games after it is chosen to go; it"
        " takes no new ones meanwhile.",
    )
    quiet: bool = Field(
        default=True,
        description="Whether daemons leave out the log of each game; false is for debugging.",
    )
    jvm: Jvm | None = Field(
        None,
        description="The daemon is a Forge build, started with these options of Java; the"
        " image of container `daemon` must hold it. Left out, the daemon is the reference engine.",
    )
    auth: Literal["Token", "None"] = Field(
        "Token",
        description="What a daemon asks of who wants a game: `Token`, a secret that only this"
        " run's actors and evaluator get, or `None`. A Forge build asks for nothing, and external"
        " daemons have `external.tokenSecretRef`.",
    )
    external: ExternalDaemons | None = Field(
        None,
        description="Daemons that exist already, to be used in place of own ones: none are made,"
        " and autoscaling plays no part.",
    )
    embedded: bool = Field(
        default=False,
        description="Whether there are no daemons, and each actor and evaluator plays the games in"
        " its own process: three times as fast, with the same results, for games that are written"
        " in Python (every environment but `magic` and `engine`). Their processor time is then the"
        " actors'; autoscaling plays no part, and `actor.replicas` says how many there are.",
    )
    autoscaling: Autoscaling = Field(
        default_factory=Autoscaling,
        description="How many daemons there are, from the rates at which transitions are produced"
        " and trained.",
    )
    spot: Spot = Field(
        "Prefer",
        description="Spot nodes, which may be taken away at any time: `Never`, `Prefer` or"
        " `Require`. A daemon that is lost costs its games.",
    )


class Actor(HasPods):
    """The players: they play the games against the daemons with the newest policy."""

    rules: ClassVar[tuple[Rule, ...]] = rules.ACTOR

    container_name: ClassVar[str] = "actor"
    template: PodTemplate | None = Field(
        None,
        description="Pod template of the actors, as for the daemons; their container is `actor`.",
    )
    games_per_actor: Annotated[int, Field(ge=1, le=1000)] = Field(
        16, description="Games that one actor plays at the same time, in one process."
    )
    replicas: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None,
        description="Number of actors. Default: as many as the daemons' games need; with alphaZero"
        " 4, on one machine its cores less one.",
    )
    spot: Spot = Field("Prefer", description="Spot nodes: `Never`, `Prefer` or `Require`.")


class Network(ApiModel):
    """The policy's network."""

    kind: PartName = Field(
        "mlp",
        description="Encoder: `mlp`, or `transformer`, in which legal actions see one another, and"
        " which costs actors and learner several times as much; or an entry point of the group"
        " `trainingrun.networks`, which gets width and layers. With alphaZero: `mlp`, or `resnet`"
        " for boards.",
    )
    width: Annotated[int, Field(ge=32, le=1024, multiple_of=32)] = Field(
        128, description="Numbers in a hidden layer or token; planes of a resnet."
    )
    layers: Annotated[int, Field(ge=1, le=12)] = Field(
        2, description="Hidden layers, or blocks of the transformer or resnet."
    )


class Learner(HasPods):
    """The trainer of the policy."""

    rules: ClassVar[tuple[Rule, ...]] = rules.LEARNER

    container_name: ClassVar[str] = "learner"
    template: PodTemplate | None = Field(
        None,
        description="Pod template of the learner, as for the daemons; its container is `learner`."
        " It also holds for the programs that take the learner's place at a run's end.",
    )
    gpus: Annotated[int, Field(ge=0, le=8)] = Field(
        0,
        description="GPUs (`nvidia.com/gpu`) of the learner, one process in its pod for each; 0:"
        " train on processors.",
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32",
        description="Arithmetic of the network: `fp32`, `bf16` mixed precision on GPUs that have"
        " it, or `fp16` with a scaled loss on older ones. Weights and losses are always fp32."
        " These are PyTorch's names.",
    )
    batch_transitions: Annotated[int, Field(ge=16, le=16_777_216)] = Field(
        8192,
        description="Transitions (one decision of a learning seat each) in one update. Actors"
        " pause when twice as many are queued.",
    )
    gradient_accumulation: Annotated[int, Field(ge=1, le=1024)] = Field(
        1,
        description="Parts that a minibatch is computed in, one after the other, to save memory;"
        " the update is the same.",
    )
    max_policy_lag: Annotated[int, Field(ge=1, le=1000)] = Field(
        8,
        description="Transitions whose weights are more than this number of publishes old are"
        " dropped and counted as stale.",
    )
    publish_every_steps: Annotated[int, Field(ge=1, le=10_000)] = Field(
        8, description="Updates between two publishes of the weights."
    )
    publish_every_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        20.0,
        description="Seconds after which new weights are published even when fewer updates were"
        " made.",
    )
    backoff_limit: Annotated[int, Field(ge=0, le=1000)] = Field(
        20,
        description="Failures of the learner after which the run has failed. Evictions and node"
        " losses never count.",
    )
    spot: Spot = Field(
        "Never",
        description="Spot nodes: `Never`, `Prefer` or `Require`. A learner that is lost continues"
        " from its newest checkpoint.",
    )
    network: Network = Field(default_factory=Network, description="The policy's network.")


class Inference(HasPods):
    """The inference servers of alphaZero: they value positions for searches, in batches."""

    rules: ClassVar[tuple[Rule, ...]] = rules.INFERENCE

    container_name: ClassVar[str] = "inference"
    template: PodTemplate | None = Field(
        None,
        description="Their pod template, as for the daemons; their container is `inference`.",
    )
    min_replicas: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="The fewest servers.")
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="The most servers, while searches wait for them."
    )
    gpus: Annotated[int, Field(ge=0, le=1)] = Field(
        0, description="GPUs (`nvidia.com/gpu`) of each server."
    )
    max_batch: Annotated[int, Field(ge=1, le=65_536)] = Field(
        512, description="Positions that are valued at once at most."
    )
    spot: Spot = Field("Prefer", description="Spot nodes: `Never`, `Prefer` or `Require`.")


class Gate(ApiModel):
    """When new weights become the champion: by a sequential probability ratio test (SPRT) over
    swapped pairs, with 5 % for either error."""

    elo: Annotated[float, Field(gt=0, le=1000)] = Field(
        35.0,
        description="Elo by which a challenger should be stronger; it is tested against 0.",
    )
    games: Annotated[int, Field(ge=48, le=1_000_000)] = Field(
        1000,
        description="The most games of one test; without a decision by then the champion stays.",
    )


class Evaluation(ApiModel):
    """How the strength of the policy is measured, beside the training."""

    interval_games: Games = Field(5000, description="Training games between two evaluations.")
    games: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        400,
        description="Games of one evaluation against each opponent, played in pairs with swapped"
        " seats and decks. 400 games give a win rate to about ±5 %.",
    )
    opponents: (
        Annotated[
            tuple[PartName, ...],
            Field(min_length=1, max_length=16),
            SET,
        ]
        | None
    ) = Field(
        None,
        description="Opponents of the evaluation: `random` plays any legal action, `aggressive`"
        " (Magic alone) always casts and attacks, `engine` is the daemon's own player (Magic, or"
        " environment engine), `past` are snapshots of the policy itself, other names are entry"
        " points of the group `trainingrun.opponents`. With alphaZero: random, past, and searches"
        " such as `mcts-100`, or OpenSpiel's `openspiel-mcts-100`. Default: random, for Magic"
        " aggressive too.",
    )
    gate: Gate | None = Field(
        None,
        description="The champion gate: after the other opponents the weights also play the"
        " champion, the strongest so far, and take its place when the test says so. Default: none.",
    )


class Evaluator(HasPods):
    """The player that measures strength; what it measures is the section evaluation."""

    rules: ClassVar[tuple[Rule, ...]] = rules.EVALUATOR

    container_name: ClassVar[str] = "evaluator"
    template: PodTemplate | None = Field(
        None,
        description="Pod template of the evaluator, as for the daemons; its container is"
        " `evaluator`. Default of its image, processor, memory: what container `actor` is given in"
        " actor.template.",
    )


class SecretKey(ApiModel):
    """One entry of a Secret in the run's namespace."""

    name: Name = Field(description="Name of a Secret in the run's namespace.")
    key: Name = Field("url", description="Entry of the Secret that holds the value.")


class Checkpoint(ApiModel):
    """Where checkpoints are kept and when they are written."""

    storage: Storage | None = Field(
        None,
        description="Where checkpoints are kept: one of s3, persistentVolumeClaim and directory."
        " Default on a cluster: a claim that is made for the run; default of `trainingrun local`: a"
        " directory beside the run's state.",
    )
    size: Quantity = Field(
        "10Gi",
        description="Size of the claim that is made when storage is not given; not used otherwise.",
    )
    interval_games: Games = Field(5000, description="Training games between two checkpoints.")
    interval_seconds: Annotated[int, Field(ge=1, le=604_800)] = Field(
        3600,
        description="Seconds after which a checkpoint is written even when fewer games were"
        " played.",
    )
    keep: Annotated[int, Field(ge=1, le=1000)] = Field(
        5, description="Number of newest checkpoints that are kept; older ones are deleted."
    )
    keep_best: bool = Field(
        default=True,
        description="Keep the checkpoint of the best evaluation as well, however old it is.",
    )
    spot_notice: bool = Field(
        default=False,
        description="Ask the instance metadata of AWS (IMDSv2) every 5 s whether this spot"
        " instance is about to be taken away: if so, write a checkpoint at once, and another one"
        " 30 s before it goes, with which the learner ends. In pods this needs a hop limit of 2 on"
        " the instance.",
    )


class ResumeFrom(ApiModel):
    """A checkpoint of another run whose weights a run begins with."""

    storage: Source | None = Field(
        None,
        description="Where it is: one of s3 and directory. Default: the run's own"
        " checkpoint.storage.",
    )
    run: Name | None = Field(
        None, description="Name of the run that saved it. Default: the one that saved last there."
    )
    checkpoint: Name = Field(
        "newest", description="Which one: `newest`, `best`, or the name of a checkpoint."
    )


class ManagedRedis(HasPods):
    """A Redis that is made for the run, with a generated password."""

    rules: ClassVar[tuple[Rule, ...]] = rules.MANAGED_REDIS

    container_name: ClassVar[str] = "redis"
    template: PodTemplate | None = Field(
        None,
        description="Pod template of Redis, as for the daemons; its container is `redis`. The image"
        " must hold Redis 7.0 or newer; the memory limit is `memory` below.",
    )
    memory: Quantity = Field(
        "1Gi",
        description="Memory of the Redis pod; three quarters of it are for data. When the queue"
        " fills it, actors pause; nothing is evicted. A change restarts Redis, which keeps its"
        " data.",
    )
    size: Quantity = Field(
        "10Gi",
        description="Size of Redis' claim: at least four times its memory, as its file is rewritten"
        " beside the old one. It can be raised where the storage class lets claims grow.",
    )
    tls: bool = Field(
        default=False,
        description="Encrypt what goes to and from Redis. The operator makes the certificate, and"
        " only this run's members trust it. `trainingrun local` listens on this machine alone and"
        " leaves it out.",
    )


class Redis(ApiModel):
    """The Redis of the run: one of url, urlSecretRef and managed."""

    rules: ClassVar[tuple[Rule, ...]] = rules.REDIS

    url: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None,
        description="Address of a Redis that exists, without a password: `redis://host:6379/0`,"
        " or `rediss://` for TLS. It needs version 6.2 and `maxmemory-policy noeviction`.",
    )
    url_secret_ref: SecretKey | None = Field(
        None,
        description="Entry of a Secret that holds the address of a Redis that exists, with its"
        " password: `redis://:password@host:6379/0`.",
    )
    managed: ManagedRedis | None = Field(
        None,
        description="A Redis that is made for the run and goes with it. This is also the default"
        " when nothing is given; `trainingrun local` starts one on this machine.",
    )


class LeagueRef(ApiModel):
    """The League that a run's models join."""

    name: Name = Field(description="Name of a League in the run's namespace.")
    publish_every_games: Games = Field(
        5000, description="Training games between two models that go to the league."
    )
    role: Literal["Main", "MainExploiter", "LeagueExploiter"] | None = Field(
        None,
        description="Makes `past` draw from the league's ppo models: all, or for MainExploiter the"
        " newest Main ones. Exploiters are rated, never promoted. Default: own snapshots, Main.",
    )


class LearnerReplay(ApiModel):
    """How the learner trains from the league's Replay service."""

    samples_per_insert: Annotated[float, Field(gt=0, le=64)] = Field(
        2.0, description="How often each transition is trained, in the mean."
    )
    alpha: Annotated[float, Field(ge=0, le=4)] = Field(
        0.6, description="Exponent of priorities; 0 draws all alike."
    )
    beta: Annotated[float, Field(ge=0, le=1)] = Field(
        0.4, description="Exponent of importance weights at first; it grows to 1."
    )
    segments: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        4096, description="Segments of the table; the oldest leave."
    )
    keep_ended_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = Field(
        3600,
        description="Seconds after the run's end, or its deletion, at which its table is removed."
        " A suspended run keeps its table.",
    )


class TrainingRunSpec(ApiModel):
    """What a training run should do, with which parts, and where its results go."""

    rules: ClassVar[tuple[Rule, ...]] = rules.SPEC

    games: Games = Field(
        description="Training games after which the run is complete. May be raised while it runs."
    )
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(
        1, description="Seed of the first weights, of the shuffled decks and of the play."
    )
    suspend: bool = Field(
        default=False,
        description="True stops the run without loss: games end, the queue is trained, a checkpoint"
        " is written, and the pods go. False continues from there.",
    )
    environment: Environment = Field(
        default_factory=magic,
        description="What is played. Default: Magic.",
    )
    decks: Annotated[tuple[Deck, ...], Field(max_length=64), MAP] = Field(
        (),
        description="Decks of the games of Magic, at least one; no other environment has any. Each"
        " game draws two of them evenly, so a deck also meets itself; each pair is played twice,"
        " with the players changed.",
    )
    algorithm: Algorithm = Field(
        default_factory=ppo,
        description="How the run learns. Which section it has cannot change. Default: ppo.",
    )
    daemon: Daemon = Field(
        default_factory=Daemon,
        description="The game daemons: engines that serve games over TCP.",
    )
    actor: Actor = Field(
        default_factory=Actor,
        description="The actors: they play the games with the newest policy and fill the queue."
        " With alphaZero they are self-play workers.",
    )
    learner: Learner = Field(
        default_factory=Learner,
        description="The learner: it trains the policy on the queue and publishes its weights.",
    )
    inference: Inference | None = Field(
        None,
        description="Servers that value positions for alphaZero's searches, best on GPUs. Default:"
        " none; each worker values positions itself.",
    )
    self_play: SelfPlay = Field(
        default_factory=SelfPlay,
        description="Against whom the learning seat plays. Shares are relative to their sum.",
    )
    reward_shaping: Potentials = Field(
        {},
        description="Weights of potentials by name: `life`, `board`, `cards` (of each life, point"
        " of power and card by which a seat leads; Magic alone), or entry points of the group"
        " `trainingrun.potentials`. The growth of their sum Φ, within [-1, 1], from a seat's"
        " decision to its next is added to its rewards (γΦ' - Φ, and 0 at the game's end): earlier"
        " rewards for what leads to a win, and the same best play. Default: none.",
    )
    curriculum: Annotated[tuple[CurriculumPhase, ...], Field(max_length=16), MAP] = Field(
        (),
        description="Phases of the training, in order. Each ends by games or by a win rate, the"
        " last with the run, and none comes back. Evaluations play all of spec.decks in every"
        " phase. Default: none.",
    )
    evaluation: Evaluation = Field(
        default_factory=Evaluation,
        description="How the strength of the policy is measured, beside the training.",
    )
    evaluator: Evaluator = Field(
        default_factory=Evaluator,
        description="The player of the evaluations. Its spot nodes are those of the actors.",
    )
    checkpoint: Checkpoint = Field(
        default_factory=Checkpoint,
        description="Where checkpoints are kept and when they are written.",
    )
    resume_from: ResumeFrom | None = Field(
        None,
        description="A checkpoint of another run, such as one that was deleted or one of another"
        " namespace, whose weights this run begins with. Games and updates count from 0. Read only"
        " while the run has no checkpoint of its own. Default: random weights.",
    )
    league_ref: LeagueRef | None = Field(
        None, description="A League that the run publishes its weights to. Default: none."
    )
    replay: LearnerReplay | None = Field(
        None,
        description="Train from samples of the league's Replay service, by priority. Default: each"
        " segment once, from the queue.",
    )
    redis: Redis = Field(
        default_factory=Redis,
        description="The Redis that holds the queue, the weights and the counters of the run: at"
        " most one of url, urlSecretRef and managed. Default: managed.",
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When nodes pull the images of the run."
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = Field(
        None,
        description="Seconds after its end at which the TrainingRun and all that belongs to it is"
        " deleted. Default: it is kept.",
    )
    active_deadline_seconds: Annotated[int, Field(ge=1, le=2_000_000_000)] | None = Field(
        None,
        description="Seconds after its start at which a run that is not complete fails. Default: no"
        " deadline.",
    )
    stop_when: StopWhen | None = Field(
        None,
        description="A strength at which the run is complete before all its games are played."
        " Default: none.",
    )
    idle_shutdown_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = Field(
        None,
        description="Seconds without a game that ends or an update, after which the run stops as by"
        " suspend. A change of the spec or annotation `trainingrun.dev/wake` lets it continue.",
    )
    cost: Cost | None = Field(
        None,
        description="Prices, for the estimate in status.cost, and the budget. Default: none.",
    )
    reclaim_policy: Literal["Retain", "Delete"] = Field(
        "Retain",
        description="What becomes of the run's checkpoints when it is deleted: `Retain` leaves"
        " them in their bucket, directory or claim, `Delete` deletes them first. A claim"
        " that was made for the run goes with it either way.",
    )

    @property
    def deck_names(self) -> tuple[str, ...]:
        """Decks as games are asked for with them: a dash where there are none."""
        return tuple(deck.name for deck in self.decks) or (NO_DECK,)

    @property
    def discount(self) -> float:
        """The discount of a decision."""
        given = self.algorithm.ppo
        return DISCOUNT_OF_SEARCH if given is None else given.gamma

    @property
    def evaluation_opponents(self) -> tuple[str, ...]:
        """Whom the policy is measured against, the champion aside."""
        given = self.evaluation.opponents
        return self._usual_players if given is None else given

    def shaping_of(self, phase: CurriculumPhase | None) -> dict[str, float]:
        """The weights of potentials of a phase, or of the whole run; those of weight 0 left out."""
        own = phase.reward_shaping if phase is not None else None
        given = self.reward_shaping if own is None else own
        return {name: weight for name, weight in sorted(given.items()) if weight > 0}

    def scripted_players_of(self, play: SelfPlay | PhaseOpponents) -> tuple[str, ...]:
        """The scripted players of the whole run or of a phase."""
        given = play.scripted_players
        return self._usual_players if given is None else given

    @property
    def _usual_players(self) -> tuple[str, ...]:
        return ("random", "aggressive") if self.environment.is_magic else ("random",)


TEMPLATE_PATHS: Final = tuple(template_paths(TrainingRunSpec))
"""Where the roles' pod templates stand, as paths below ``spec``."""
