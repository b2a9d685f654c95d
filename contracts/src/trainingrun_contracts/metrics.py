"""Every Prometheus metric of the product, so that no two roles spell one twice.

Each says what it counts, in which unit, who serves it and where the number comes from; the page
docs/reference/metrics.md is made of this. Names of the client library do not occur here: what turns
numbers into its objects is ``exposition``.

A metric is there from a process' start on; a value that is not known yet has no sample, because
absent is not zero. Labels come from small closed sets, but for these: ``run`` or ``league``, with
``namespace`` (one pair a resource), ``endpoint`` (at most ``ENDPOINTS_NAMED`` in one process, or
``DAEMONS_NAMED`` in one run) and ``reader`` (of a Replay service, which bounds them itself).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

ENDPOINTS_NAMED: Final = 64
"""Daemons that one process names in a label; those beyond are counted under ``OTHER``."""
OTHER: Final = "other"
DAEMONS_NAMED: Final = 256
"""Published daemons of a run that have a sample of their own; they are those of the latest
reconcile, so that daemons that come and go leave nothing behind."""

_RUN: Final = ("namespace", "run")
_LEAGUE: Final = ("namespace", "league")
_GAME_SECONDS: Final = (
    0.1,
    0.25,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    45.0,
    60.0,
    90.0,
    120.0,
)
_SHORT_SECONDS: Final = (
    0.0001,
    0.0002,
    0.0005,
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
)
_SYNC_SECONDS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
_UPDATE_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0)
_RECONCILE_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_CALL_SECONDS: Final = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
)
_FIT_SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_POWERS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_BATCH_ROWS: Final = (1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0)
_PUBLISHES: Final = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 12.0, 16.0, 32.0, 64.0)


class Kind(Enum):
    """What a metric is to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Server(Enum):
    """Whose ``/metrics`` has a metric."""

    ACTOR = "actor"
    EVALUATOR = "evaluator"
    SELFPLAY = "selfplay"
    LEARNER = "learner"
    INFERENCE = "inference"
    RUN = "run"
    """The operator, for each run; and ``trainingrun local --metrics``, for its one."""
    OPERATOR = "operator"
    LEAGUE = "league"
    """A process with services of a league; each service has its part of them."""
    LEAGUES = "leagues"
    """The operator, for each league."""


class Metric(Struct, frozen=True):
    """One metric.

    Attributes:
        name: with the unit and, for counters, ``_total`` at its end.
        text: what it counts.
        unit: of its values.
        source: where the number comes from.
        servers: whose page has it.
        buckets: upper bounds of a histogram; the last one, infinity, is not named.
    """

    name: str
    kind: Kind
    text: str
    unit: str
    source: str
    servers: tuple[Server, ...]
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_CLIENTS: Final = (Server.ACTOR, Server.EVALUATOR)
_PRODUCERS: Final = (Server.ACTOR, Server.SELFPLAY)
_PLAYERS: Final = (Server.ACTOR, Server.EVALUATOR, Server.SELFPLAY)
_TRAINERS: Final = (Server.ACTOR, Server.SELFPLAY, Server.LEARNER)
_ALL_ROLES: Final = (Server.ACTOR, Server.EVALUATOR, Server.SELFPLAY, Server.LEARNER)
_SERVERS: Final = (Server.INFERENCE,)
_OWN: Final = "counted by the process since its start"
_REDIS: Final = "Redis, at the latest reconcile"

# --- games ----------------------------------------------------------------------------------------

GAMES: Final = Metric(
    "trainingrun_games_total",
    Kind.COUNTER,
    "Training games by how they ended: won (by either seat), draw, timeout, aborted.",
    "games",
    _OWN,
    _PRODUCERS,
    ("outcome",),
)
EVALUATION_GAMES: Final = Metric(
    "trainingrun_evaluation_games_total",
    Kind.COUNTER,
    "Evaluation games by how they ended: won (by either seat), draw, timeout, aborted.",
    "games",
    _OWN,
    (Server.EVALUATOR,),
    ("outcome",),
)
GAMES_PER_SECOND: Final = Metric(
    "trainingrun_games_per_second",
    Kind.GAUGE,
    "Games that end per second, over the last minute.",
    "games per second",
    _OWN,
    _PLAYERS,
)
GAMES_RUNNING: Final = Metric(
    "trainingrun_games_running",
    Kind.GAUGE,
    "Games that are being played now.",
    "games",
    _OWN,
    _PLAYERS,
)
GAMES_WANTED: Final = Metric(
    "trainingrun_games_wanted",
    Kind.GAUGE,
    "Games that the process plays at once when nothing holds it up: spec.actor.gamesPerActor.",
    "games",
    "the run configuration",
    _PRODUCERS,
)
GAME_SECONDS: Final = Metric(
    "trainingrun_game_seconds",
    Kind.HISTOGRAM,
    "Duration of games that ended, from the command to the result.",
    "seconds",
    _OWN,
    _PLAYERS,
    buckets=_GAME_SECONDS,
)
DECISIONS: Final = Metric(
    "trainingrun_decisions_total",
    Kind.COUNTER,
    "Decisions that were answered; in self-play, moves that were searched.",
    "decisions",
    _OWN,
    _PLAYERS,
)
DAEMON_ERRORS: Final = Metric(
    "trainingrun_daemon_errors_total",
    Kind.COUNTER,
    "Failures of daemons: lost (no connection, silence, broken protocol), refused (the game was"
    " not taken), failed (the engine gave a game up), answer (the default was taken in place of an"
    " answer) or loop (the same question came again and again, and was passed). The first"
    f" {ENDPOINTS_NAMED} daemons are named, others count as `{OTHER}`.",
    "errors",
    _OWN,
    _CLIENTS,
    ("endpoint", "kind"),
)

# --- decisions ------------------------------------------------------------------------------------

INFERENCE_BATCH: Final = Metric(
    "trainingrun_inference_batch_decisions",
    Kind.HISTOGRAM,
    "Decisions that shared one forward pass.",
    "decisions",
    _OWN,
    _PLAYERS,
    buckets=_POWERS,
)
INFERENCE_SECONDS: Final = Metric(
    "trainingrun_inference_seconds",
    Kind.HISTOGRAM,
    "Duration of forward passes.",
    "seconds",
    _OWN,
    _PLAYERS,
    buckets=_SHORT_SECONDS,
)
SIMULATIONS: Final = Metric(
    "trainingrun_search_simulations_total",
    Kind.COUNTER,
    "Simulations of searches: descents into the tree of a position.",
    "simulations",
    _OWN,
    (Server.SELFPLAY,),
)
SEARCH_POSITIONS: Final = Metric(
    "trainingrun_search_positions_total",
    Kind.COUNTER,
    "Positions that searches had valued: by the network of the process, by the cache before it, or"
    " by an inference server. Of a run with inference servers, those by the network are the ones"
    " that no server answered.",
    "positions",
    _OWN,
    (Server.SELFPLAY,),
    ("by",),
)
WAIT_SECONDS: Final = Metric(
    "trainingrun_wait_seconds_total",
    Kind.COUNTER,
    "Time by what it went into. Players, summed over all games: engine, inference, queue"
    " (back-pressure), slots. Learner: data (waiting), compute, publish, checkpoint.",
    "seconds",
    _OWN,
    _ALL_ROLES,
    ("cause",),
)
WAIT_FRACTION: Final = Metric(
    "trainingrun_wait_fraction",
    Kind.GAUGE,
    "The same as a part of the time: of all games over the latest report interval, or of the"
    " learner over the last half minute.",
    "1",
    _OWN,
    _ALL_ROLES,
    ("cause",),
)
PAUSED_SECONDS: Final = Metric(
    "trainingrun_paused_seconds_total",
    Kind.COUNTER,
    "Time in which back-pressure held back new games, as a mean over the games.",
    "seconds",
    _OWN,
    _PRODUCERS,
)

# --- inference servers ----------------------------------------------------------------------------

SERVER_POSITIONS: Final = Metric(
    "trainingrun_inference_server_positions_total",
    Kind.COUNTER,
    "Positions that searches were answered: by the network, or by the cache (and others of the same"
    " batch).",
    "positions",
    _OWN,
    _SERVERS,
    ("by",),
)
SERVER_POSITIONS_PER_SECOND: Final = Metric(
    "trainingrun_inference_server_positions_per_second",
    Kind.GAUGE,
    "The same per second, over the last half minute.",
    "positions per second",
    _OWN,
    _SERVERS,
)
SERVER_WAIT_SECONDS: Final = Metric(
    "trainingrun_inference_server_wait_seconds",
    Kind.HISTOGRAM,
    "From a request's arrival to the start of its batch.",
    "seconds",
    _OWN,
    _SERVERS,
    buckets=_SHORT_SECONDS,
)
SERVER_BATCH_SECONDS: Final = Metric(
    "trainingrun_inference_server_batch_seconds",
    Kind.HISTOGRAM,
    "From a batch's start to its answers.",
    "seconds",
    _OWN,
    _SERVERS,
    buckets=_SHORT_SECONDS,
)
SERVER_BATCH_ROWS: Final = Metric(
    "trainingrun_inference_server_batch_positions",
    Kind.HISTOGRAM,
    "Positions that shared one batch.",
    "positions",
    _OWN,
    _SERVERS,
    buckets=_BATCH_ROWS,
)
SERVER_FILL: Final = Metric(
    "trainingrun_inference_server_fill",
    Kind.GAUGE,
    "Mean positions of a batch over the last half minute, as a part of the largest batch.",
    "1",
    _OWN,
    _SERVERS,
)
SERVER_CONNECTIONS: Final = Metric(
    "trainingrun_inference_server_connections",
    Kind.GAUGE,
    "Searches that are connected.",
    "connections",
    _OWN,
    _SERVERS,
)
SERVER_FAILURES: Final = Metric(
    "trainingrun_inference_server_failures_total",
    Kind.COUNTER,
    "What went wrong: broken (a connection spoke something else and was dropped), refused (one of"
    " another run, release or environment), slow (one that did not read its answers) or error (a"
    " request without an answer).",
    "failures",
    _OWN,
    _SERVERS,
    ("kind",),
)

# --- weights --------------------------------------------------------------------------------------

WEIGHTS_VERSION: Final = Metric(
    "trainingrun_weights_version",
    Kind.GAUGE,
    "Optimiser step of the weights: in use (players, inference servers), published (learner).",
    "updates",
    "the newest weights that were loaded or published",
    (*_ALL_ROLES, *_SERVERS),
)
WEIGHTS_PUBLISH: Final = Metric(
    "trainingrun_weights_publish",
    Kind.GAUGE,
    "Number of the publication of these weights; policy lag is the difference of two.",
    "publications",
    "the newest weights that were loaded or published",
    (*_TRAINERS, *_SERVERS),
)
SYNC_SECONDS: Final = Metric(
    "trainingrun_model_sync_seconds",
    Kind.HISTOGRAM,
    "From the publication of weights to their first use here, by the clocks of both machines.",
    "seconds",
    _OWN,
    _PLAYERS,
    buckets=_SYNC_SECONDS,
)

# --- transitions ----------------------------------------------------------------------------------

TRANSITIONS: Final = Metric(
    "trainingrun_transitions_total",
    Kind.COUNTER,
    "The ledger. Actor: produced, spool (discarded because Redis was away too long). Learner:"
    " trained, stale, duplicate, poison, spool, lost.",
    "transitions",
    "actor: counted since its start; learner: its accounts, kept in Redis",
    _TRAINERS,
    ("fate",),
)
SPOOLED: Final = Metric(
    "trainingrun_spooled_transitions",
    Kind.GAUGE,
    "Transitions that wait in the actor's spool for Redis.",
    "transitions",
    "the spool",
    _PRODUCERS,
)
QUEUE_DEPTH: Final = Metric(
    "trainingrun_queue_transitions",
    Kind.GAUGE,
    "Transitions in the rollout queue.",
    "transitions",
    _REDIS,
    _TRAINERS,
)
QUEUE_CAPACITY: Final = Metric(
    "trainingrun_queue_capacity_transitions",
    Kind.GAUGE,
    "Depth at which actors start no new games: two learner batches.",
    "transitions",
    "the run configuration",
    _TRAINERS,
)
DEAD_LETTERS: Final = Metric(
    "trainingrun_dead_letters",
    Kind.GAUGE,
    "Entries of the queue that could not be read and are kept for people.",
    "entries",
    _REDIS,
    (Server.LEARNER,),
)

# --- training -------------------------------------------------------------------------------------

UPDATES: Final = Metric(
    "trainingrun_updates_total",
    Kind.COUNTER,
    "Updates, each of one batch.",
    "updates",
    _OWN,
    (Server.LEARNER,),
)
UPDATE_SECONDS: Final = Metric(
    "trainingrun_update_seconds",
    Kind.HISTOGRAM,
    "Duration of updates.",
    "seconds",
    _OWN,
    (Server.LEARNER,),
    buckets=_UPDATE_SECONDS,
)
SKIPPED_STEPS: Final = Metric(
    "trainingrun_skipped_steps_total",
    Kind.COUNTER,
    "Optimiser steps that were not taken, because a number was not finite.",
    "steps",
    _OWN,
    (Server.LEARNER,),
)
ROLL_BACKS: Final = Metric(
    "trainingrun_roll_backs_total",
    Kind.COUNTER,
    "Times that the learner went back to a checkpoint, because no step was finite.",
    "roll backs",
    _OWN,
    (Server.LEARNER,),
)
TRAINED_PER_SECOND: Final = Metric(
    "trainingrun_trained_transitions_per_second",
    Kind.GAUGE,
    "Transitions trained per second, over the last half minute.",
    "transitions per second",
    _OWN,
    (Server.LEARNER,),
)
LOSS: Final = Metric(
    "trainingrun_loss",
    Kind.GAUGE,
    "Latest value of each term of the loss, and of the figures beside it.",
    "1",
    "the latest update",
    (Server.LEARNER,),
    ("term",),
)
POLICY_LAG: Final = Metric(
    "trainingrun_policy_lag_publishes",
    Kind.HISTOGRAM,
    "Publications between acting and training, of each transition that was trained.",
    "publications",
    _OWN,
    (Server.LEARNER,),
    buckets=_PUBLISHES,
)
POLICY_LAG_MEAN: Final = Metric(
    "trainingrun_policy_lag_mean_publishes",
    Kind.GAUGE,
    "The mean of these in the latest update.",
    "publications",
    "the latest update",
    (Server.LEARNER,),
)
POLICY_LAG_P95: Final = Metric(
    "trainingrun_policy_lag_p95_publishes",
    Kind.GAUGE,
    "The 95th percentile of these in the latest update.",
    "publications",
    "the latest update",
    (Server.LEARNER,),
)
CHECKPOINT_AT: Final = Metric(
    "trainingrun_checkpoint_timestamp_seconds",
    Kind.GAUGE,
    "When the newest checkpoint was complete; its age is time() less this.",
    "Unix seconds",
    "the manifest of the newest checkpoint",
    (Server.LEARNER,),
)
CHECKPOINT_BYTES: Final = Metric(
    "trainingrun_checkpoint_bytes",
    Kind.GAUGE,
    "Size of the newest checkpoint.",
    "bytes",
    "the manifest of the newest checkpoint",
    (Server.LEARNER,),
)
CHECKPOINT_SECONDS: Final = Metric(
    "trainingrun_checkpoint_seconds",
    Kind.GAUGE,
    "How long the newest checkpoint took to be written, beside the training.",
    "seconds",
    _OWN,
    (Server.LEARNER,),
)
CHECKPOINTS: Final = Metric(
    "trainingrun_checkpoints_total",
    Kind.COUNTER,
    "Checkpoints by result: saved or failed; of the run's storage, not of the cache beside it.",
    "checkpoints",
    _OWN,
    (Server.LEARNER,),
    ("result",),
)

# --- strength -------------------------------------------------------------------------------------

WIN_RATE: Final = Metric(
    "trainingrun_win_rate",
    Kind.GAUGE,
    "Win rate of the newest evaluation against each opponent; a draw is half a win.",
    "1",
    "Redis: the results of evaluations",
    (Server.EVALUATOR,),
    ("opponent",),
)
ELO: Final = Metric(
    "trainingrun_elo",
    Kind.GAUGE,
    "Elo of the weights, fitted to all results so far, as of the newest evaluation against each"
    " opponent.",
    "Elo",
    "Redis: the results of evaluations",
    (Server.EVALUATOR,),
    ("opponent",),
)

# --- whole runs, as the operator sees them --------------------------------------------------------


def _of_run(
    name: str, kind: Kind, text: str, unit: str, *labels: str, source: str = _REDIS
) -> Metric:
    return Metric(
        f"trainingrun_run_{name}", kind, text, unit, source, (Server.RUN,), (*_RUN, *labels)
    )


RUN_GAMES: Final = _of_run(
    "games_total",
    Kind.COUNTER,
    "Training games of the run by how they ended: seat1, seat2, draw, timeout, aborted.",
    "games",
    "outcome",
)
RUN_GAMES_TARGET: Final = _of_run(
    "games_target", Kind.GAUGE, "Training games asked for.", "games", source="spec.games"
)
RUN_PHASE: Final = _of_run(
    "phase",
    Kind.GAUGE,
    "Number of the curriculum's phase that holds, from 1; of runs with one.",
    "1",
    "phase",
    source="status.curriculum",
)
RUN_COST: Final = _of_run(
    "cost",
    Kind.GAUGE,
    "Price of all member-hours so far, by the prices of spec.cost.",
    "currency of the label",
    "currency",
    source="status.cost",
)
RUN_COST_PROJECTED: Final = _of_run(
    "cost_projected",
    Kind.GAUGE,
    "Price of the run at its end, at the rates of now.",
    "currency of the label",
    "currency",
    source="status.cost",
)
RUN_COST_BUDGET: Final = _of_run(
    "cost_budget",
    Kind.GAUGE,
    "What the run may cost; alert when its cost comes near.",
    "currency of the label",
    "currency",
    source="spec.cost.budget",
)
RUN_GAMES_PER_SECOND: Final = _of_run(
    "games_per_second",
    Kind.GAUGE,
    "Training games that end per second, over the last minute.",
    "games per second",
    source="the operator's averages",
)
RUN_TRANSITIONS: Final = _of_run(
    "transitions_total",
    Kind.COUNTER,
    "The ledger of the run: produced = trained + queued + stale + duplicate + poison + spool +"
    " lost.",
    "transitions",
    "fate",
)
RUN_QUEUE: Final = _of_run(
    "queue_transitions", Kind.GAUGE, "Transitions in the rollout queue.", "transitions"
)
RUN_QUEUE_CAPACITY: Final = _of_run(
    "queue_capacity_transitions",
    Kind.GAUGE,
    "Depth at which actors start no new games: two learner batches.",
    "transitions",
    source="spec.learner.batchTransitions",
)
RUN_SLOTS: Final = _of_run(
    "daemon_slots", Kind.GAUGE, "Games that the published daemons can serve at once.", "games"
)
RUN_BUSY_SLOTS: Final = _of_run(
    "daemon_busy_slots", Kind.GAUGE, "Games that are played on daemons now.", "games"
)
RUN_UTILISATION: Final = _of_run(
    "daemon_utilisation", Kind.GAUGE, "Busy slots as a part of all slots.", "1"
)
RUN_DAEMON_BUSY: Final = _of_run(
    "daemon_busy_fraction",
    Kind.GAUGE,
    f"The same of each published daemon; of a run with more than {DAEMONS_NAMED}, of the first"
    " ones by name.",
    "1",
    "endpoint",
)
RUN_WAIT_FRACTION: Final = _of_run(
    "wait_fraction",
    Kind.GAUGE,
    "Time by what it goes into: the mean over the actors, and the learner's.",
    "1",
    "role",
    "cause",
    source="Redis: reports of the roles",
)
RUN_BOTTLENECK: Final = _of_run(
    "bottleneck",
    Kind.GAUGE,
    "1 for the part that the others wait for (Engine, Actor, Learner or None), 0 for the others.",
    "1",
    "part",
    source="the waits of actors and learner",
)
RUN_POLICY_LAG: Final = _of_run(
    "policy_lag_publishes",
    Kind.GAUGE,
    "Publications between acting and training in the latest update: mean and p95.",
    "publications",
    "statistic",
    source="Redis: the learner's report",
)
RUN_GAME_SECONDS: Final = _of_run(
    "game_seconds_p95",
    Kind.GAUGE,
    "95th percentile of the duration of the latest games, of the slowest actor.",
    "seconds",
    source="Redis: the actors' reports",
)
RUN_SYNC_SECONDS: Final = _of_run(
    "model_sync_seconds",
    Kind.GAUGE,
    "From the latest publication to its use, of the slowest actor.",
    "seconds",
    source="Redis: the actors' reports",
)
RUN_WEIGHTS: Final = _of_run(
    "weights_version", Kind.GAUGE, "Optimiser step of the newest weights.", "updates"
)
RUN_WEIGHTS_OLDEST: Final = _of_run(
    "actor_weights_version_min",
    Kind.GAUGE,
    "Optimiser step of the oldest weights in use.",
    "updates",
    source="Redis: the actors' reports",
)
RUN_CHECKPOINT_AT: Final = _of_run(
    "checkpoint_timestamp_seconds",
    Kind.GAUGE,
    "When the newest checkpoint was complete; its age is time() less this.",
    "Unix seconds",
)
RUN_WIN_RATE: Final = _of_run(
    "win_rate",
    Kind.GAUGE,
    "Win rate of the newest evaluation against each opponent.",
    "1",
    "opponent",
)
RUN_ELO: Final = _of_run(
    "elo", Kind.GAUGE, "Elo as of the newest evaluation against each opponent.", "Elo", "opponent"
)
RUN_MEMBERS: Final = _of_run(
    "members",
    Kind.GAUGE,
    "Pods or processes of each role: desired and ready.",
    "members",
    "role",
    "state",
    source="the cluster, or the local processes",
)
RUN_MEMBERS_MOST: Final = _of_run(
    "members_max",
    Kind.GAUGE,
    "The most members that a role may have whose number is decided for it: daemons, inference"
    " servers.",
    "members",
    "role",
    source="spec.daemon.autoscaling, spec.inference",
)
RUN_RESTARTS: Final = _of_run(
    "member_restarts",
    Kind.GAUGE,
    "Restarts of the members that are there.",
    "restarts",
    "role",
    source="the cluster, or the local processes",
)
RUN_INTERRUPTIONS: Final = _of_run(
    "member_interruptions_total",
    Kind.COUNTER,
    "Members that had to leave their node or were lost with it: spot machines, evictions, drains.",
    "members",
    "role",
    source="status.roles[].interruptions",
)
RUN_CONDITION: Final = _of_run(
    "condition",
    Kind.GAUGE,
    "Conditions of the run: 1 while True, 0 while False; no sample while Unknown.",
    "1",
    "type",
    source="status.conditions",
)
RUN_SCALED_TO: Final = _of_run(
    "scale_decision_daemons",
    Kind.GAUGE,
    "Daemons that the latest decision of the autoscaler asked for.",
    "daemons",
    source="status.autoscaling.lastDecision",
)
RUN_SCALED_AT: Final = _of_run(
    "scale_decision_timestamp_seconds",
    Kind.GAUGE,
    "When that decision was made.",
    "Unix seconds",
    source="status.autoscaling.lastDecision",
)
RUN_SCALE_INPUT: Final = _of_run(
    "scale_decision_input",
    Kind.GAUGE,
    "What that decision was made from: learnerCapacity and producedPerDaemon (transitions per"
    " second), queued and highWater (transitions), paused and learnerBusy (parts of the time), and"
    " wanted (daemons, before windows, steps and limits).",
    "by input",
    "input",
    source="status.autoscaling.lastDecision",
)
RUN_SCALE_WANTED: Final = _of_run(
    "scale_wanted_daemons",
    Kind.GAUGE,
    "Daemons that the rates ask for now, before windows, steps and limits; no sample while a rate"
    " is not known.",
    "daemons",
    source="the autoscaler, at each reconcile",
)
RUN_SCALE_LIMITED: Final = _of_run(
    "scale_limited",
    Kind.GAUGE,
    "1 for what keeps the number of daemons from what the rates ask for; no sample while nothing"
    " does.",
    "1",
    "reason",
    source="status.conditions, ScalingLimited",
)
RUN_SERVER_WAIT: Final = _of_run(
    "inference_wait_batches",
    Kind.GAUGE,
    "How many batches long a request waits for the slowest inference server (95th percentile over"
    " half a minute); above 2 one more server is wanted. No sample while none was asked.",
    "batches",
    source="Redis: the servers' reports",
)
RUN_SCALE_FORCED: Final = _of_run(
    "scale_forced_daemons_total",
    Kind.COUNTER,
    "Daemons that were taken away with games on them, because drainTimeoutSeconds were over.",
    "daemons",
    source="status.autoscaling.forced",
)

# --- the operator ---------------------------------------------------------------------------------

RUNS: Final = Metric(
    "trainingrun_operator_runs",
    Kind.GAUGE,
    "TrainingRuns known to the operator.",
    "runs",
    "the operator's cache",
    (Server.OPERATOR,),
)
OBJECTS: Final = Metric(
    "trainingrun_operator_objects",
    Kind.GAUGE,
    "Objects of runs in the operator's cache.",
    "objects",
    "the operator's cache",
    (Server.OPERATOR,),
)
LEADING: Final = Metric(
    "trainingrun_operator_leading",
    Kind.GAUGE,
    "1 for the operator that works, 0 for one that stands by.",
    "yes or no",
    "the operator's lease",
    (Server.OPERATOR,),
)
LOOP_LAG: Final = Metric(
    "trainingrun_operator_loop_lag_seconds",
    Kind.GAUGE,
    "How late the event loop is.",
    "seconds",
    "the operator's event loop",
    (Server.OPERATOR,),
)
THROTTLED: Final = Metric(
    "trainingrun_operator_throttled_seconds_total",
    Kind.COUNTER,
    "Time that requests waited for the client's own limit.",
    "seconds",
    "the operator's token bucket",
    (Server.OPERATOR,),
)
RECONCILES: Final = Metric(
    "trainingrun_operator_reconciles_total",
    Kind.COUNTER,
    "Reconciles by result, and by the kind of the resource.",
    "reconciles",
    "the operator's queue",
    (Server.OPERATOR,),
    ("result", "kind"),
)
RECONCILE_SECONDS: Final = Metric(
    "trainingrun_operator_reconcile_seconds",
    Kind.HISTOGRAM,
    "Duration of a reconcile.",
    "seconds",
    "the operator's queue",
    (Server.OPERATOR,),
    buckets=_RECONCILE_SECONDS,
)
QUEUE_RUNS: Final = Metric(
    "trainingrun_operator_queue_runs",
    Kind.GAUGE,
    "Runs whose reconcile is due and has not begun, for want of a free worker.",
    "runs",
    "the operator's queue",
    (Server.OPERATOR,),
)
QUEUE_OLDEST: Final = Metric(
    "trainingrun_operator_queue_oldest_seconds",
    Kind.GAUGE,
    "For how long the oldest reconcile has been due, or under way.",
    "seconds",
    "the operator's queue",
    (Server.OPERATOR,),
)
RESTING: Final = Metric(
    "trainingrun_operator_resting_runs",
    Kind.GAUGE,
    "Idle runs: only a digest of their Redis is polled, and they are reconciled rarely.",
    "runs",
    "the operator's poll of idle runs",
    (Server.OPERATOR,),
)
WATCH_AGE: Final = Metric(
    "trainingrun_operator_watch_age_seconds",
    Kind.GAUGE,
    "Since the quietest watch last heard from the API server.",
    "seconds",
    "the operator's informers",
    (Server.OPERATOR,),
)
PART_FAILURES: Final = Metric(
    "trainingrun_operator_part_failures_total",
    Kind.COUNTER,
    "Failures of a part of the operator that runs in the background; it is started again.",
    "failures",
    "the operator's supervision",
    (Server.OPERATOR,),
    ("part",),
)
ACTIONS: Final = Metric(
    "trainingrun_operator_actions_total",
    Kind.COUNTER,
    "What decisions had done, by kind: on the cluster (apply, remove, removeFirst) and in Redis"
    " (the others).",
    "actions",
    "the operator's control loop",
    (Server.OPERATOR,),
    ("action",),
)
STATUS_WRITES: Final = Metric(
    "trainingrun_operator_status_writes_total",
    Kind.COUNTER,
    "Statuses that differed from the one that stood: written, stale (the run had changed meanwhile)"
    " or later (counters alone wait ten seconds).",
    "statuses",
    "the operator's store of runs",
    (Server.OPERATOR,),
    ("result",),
)
API_REQUESTS: Final = Metric(
    "trainingrun_operator_api_requests_total",
    Kind.COUNTER,
    "Requests to the API server by HTTP method and status; 0 where no answer came. Watches do not"
    " count.",
    "requests",
    "the operator's client",
    (Server.OPERATOR,),
    ("verb", "code"),
)
API_SECONDS: Final = Metric(
    "trainingrun_operator_api_request_seconds",
    Kind.HISTOGRAM,
    "Duration of requests to the API server, without the wait for the client's own limit.",
    "seconds",
    "the operator's client",
    (Server.OPERATOR,),
    ("verb",),
    _RECONCILE_SECONDS,
)

# --- leagues --------------------------------------------------------------------------------------


def _league_own(
    name: str,
    kind: Kind,
    text: str,
    unit: str,
    *labels: str,
    source: str = _OWN,
    buckets: tuple[float, ...] = (),
) -> Metric:
    return Metric(
        f"trainingrun_league_{name}", kind, text, unit, source, (Server.LEAGUE,), labels, buckets
    )


LEAGUE_CALLS: Final = _league_own(
    "calls_total",
    Kind.COUNTER,
    "Calls that ended, by service, method and status code of gRPC.",
    "calls",
    "service",
    "method",
    "code",
)
LEAGUE_CALL_SECONDS: Final = _league_own(
    "call_seconds",
    Kind.HISTOGRAM,
    "Duration of calls, waits that a request asked for included.",
    "seconds",
    "service",
    "method",
    buckets=_CALL_SECONDS,
)
LEAGUE_LOOP_DELAY_SECONDS: Final = _league_own(
    "loop_delay_seconds",
    Kind.HISTOGRAM,
    "How late the event loop resumed a task that slept: no call was served meanwhile.",
    "seconds",
    buckets=_SHORT_SECONDS,
)
LEAGUE_MODELS: Final = _league_own(
    "model_models",
    Kind.GAUGE,
    "Models of the league by stage: pending-validation, validated, promoted, rejected, retired.",
    "models",
    "stage",
    source="the database",
)
LEAGUE_PUBLICATIONS: Final = _league_own(
    "model_publications_total",
    Kind.COUNTER,
    "Publications that were answered, by outcome: accepted, pending-validation, rejected.",
    "publications",
    "outcome",
)
LEAGUE_SERVED_BYTES: Final = _league_own(
    "model_served_bytes_total", Kind.COUNTER, "Bytes of policies that were downloaded.", "bytes"
)
LEAGUE_WAITING_PLAYERS: Final = _league_own(
    "matchmaker_waiting_players",
    Kind.GAUGE,
    "Players that wait for an opponent.",
    "players",
    source="the Matchmaker, at each scrape",
)
LEAGUE_OLDEST_WAIT: Final = _league_own(
    "matchmaker_oldest_wait_seconds",
    Kind.GAUGE,
    "How long the first of them has waited.",
    "seconds",
    source="the Matchmaker, at each scrape",
)
LEAGUE_OPEN_MATCHES: Final = _league_own(
    "matchmaker_open_matches",
    Kind.GAUGE,
    "Matches that wait for a worker.",
    "matches",
    source="the Matchmaker, at each scrape",
)
LEAGUE_LEASED_MATCHES: Final = _league_own(
    "matchmaker_leased_matches",
    Kind.GAUGE,
    "Matches that a worker plays.",
    "matches",
    source="the Matchmaker, at each scrape",
)
LEAGUE_WANTED_WORKERS: Final = _league_own(
    "matchmaker_wanted_workers",
    Kind.GAUGE,
    "Workers that would play all of them within a minute.",
    "workers",
    source="the Matchmaker, at each scrape",
)
LEAGUE_REPORTED_MATCHES: Final = _league_own(
    "matchmaker_reported_matches_total",
    Kind.COUNTER,
    "Matches that were reported, since the league began.",
    "matches",
    source="the database",
)
LEAGUE_FIT_SECONDS: Final = _league_own(
    "elo_fit_seconds",
    Kind.HISTOGRAM,
    "Duration of a fit of all ratings, reading included.",
    "seconds",
    buckets=_FIT_SECONDS,
)
LEAGUE_PLAYERS: Final = _league_own(
    "elo_players", Kind.GAUGE, "Players that are known.", "players", source="the latest fit"
)
LEAGUE_RATED_GAMES: Final = _league_own(
    "elo_games", Kind.GAUGE, "Games that ratings rest on.", "games", source="the latest fit"
)
LEAGUE_GAMES_RUNNING: Final = _league_own(
    "game_running",
    Kind.GAUGE,
    "Games of people and clients that are not over.",
    "games",
    source="the Game service",
)
LEAGUE_GAMES_WATCHED: Final = _league_own(
    "game_watchers",
    Kind.GAUGE,
    "Streams of games that are open.",
    "streams",
    source="the Game service",
)
LEAGUE_GAMES_ENDED: Final = _league_own(
    "game_ended_total",
    Kind.COUNTER,
    "Games of people and clients that ended, by how.",
    "games",
    "phase",
)
LEAGUE_DAEMON_SLOTS: Final = _league_own(
    "game_daemon_slots",
    Kind.GAUGE,
    "Games that the league's daemons can play, by state: held (by games of the league), or free (of"
    " those that answer).",
    "slots",
    "state",
    source="the daemons' STATUS",
)
LEAGUE_DAEMONS_AWAY: Final = _league_own(
    "game_daemons_away",
    Kind.GAUGE,
    "Daemons of the league that do not answer, and names of daemons without an address.",
    "daemons",
    source="the daemons' STATUS",
)
LEAGUE_REPLAY_RECORDED: Final = _league_own(
    "replay_recorded_experiences_total",
    Kind.COUNTER,
    "Experiences that were recorded, since the league began.",
    "experiences",
    source="the journal",
)
LEAGUE_REPLAY_SAMPLED: Final = _league_own(
    "replay_sampled_experiences_total",
    Kind.COUNTER,
    "Experiences that were sampled, each as often as it was, since the league began.",
    "experiences",
    source="the journal",
)
LEAGUE_REPLAY_FIRST_SAMPLED: Final = _league_own(
    "replay_first_sampled_experiences_total",
    Kind.COUNTER,
    "Experiences that were sampled for the first time, since the league began.",
    "experiences",
    source="the journal",
)
LEAGUE_REPLAY_EVICTED: Final = _league_own(
    "replay_evicted_experiences_total",
    Kind.COUNTER,
    "Experiences that were evicted, since the league began.",
    "experiences",
    source="the journal",
)
LEAGUE_REPLAY_EVICTED_UNSAMPLED: Final = _league_own(
    "replay_evicted_unsampled_experiences_total",
    Kind.COUNTER,
    "Experiences that were evicted that were never sampled, since the league began.",
    "experiences",
    source="the journal",
)
LEAGUE_REPLAY_ARCHIVED: Final = _league_own(
    "replay_archived_experiences_total",
    Kind.COUNTER,
    "Experiences that were archived, since the league began.",
    "experiences",
    source="the journal",
)
LEAGUE_REPLAY_TABLES: Final = _league_own(
    "replay_tables", Kind.GAUGE, "Tables that have a name.", "tables", source="the Replay service"
)
LEAGUE_REPLAY_TABLES_DROPPED: Final = _league_own(
    "replay_tables_dropped_total",
    Kind.COUNTER,
    "Tables that were dropped, by people and because their runs are over, since the start.",
    "tables",
    source="the Replay service",
)
LEAGUE_REPLAY_ITEMS: Final = _league_own(
    "replay_items", Kind.GAUGE, "Items that may be sampled.", "items", source="the table"
)
LEAGUE_REPLAY_EXPERIENCES: Final = _league_own(
    "replay_experiences", Kind.GAUGE, "Experiences in them.", "experiences", source="the table"
)
LEAGUE_REPLAY_BYTES: Final = _league_own(
    "replay_bytes", Kind.GAUGE, "Memory that they take.", "bytes", source="the table"
)
LEAGUE_REPLAY_READABLE: Final = _league_own(
    "replay_readable_experiences",
    Kind.GAUGE,
    "Experiences that readers may sample before the limiter holds them.",
    "experiences",
    source="the limiter",
)
LEAGUE_REPLAY_JOURNAL_BYTES: Final = _league_own(
    "replay_journal_bytes", Kind.GAUGE, "Size of the journal.", "bytes", source="the journal"
)
LEAGUE_REPLAY_JOURNAL_FAILING: Final = _league_own(
    "replay_journal_failing",
    Kind.GAUGE,
    "1 while the journal cannot be written, and nothing is recorded.",
    "yes or no",
    source="the journal",
)
LEAGUE_REPLAY_ARCHIVE_FAILURES: Final = _league_own(
    "replay_archive_failures",
    Kind.GAUGE,
    "Attempts to archive a file that failed one after the other.",
    "attempts",
    source="the archive",
)
LEAGUE_REPLAY_FILES_UNARCHIVED: Final = _league_own(
    "replay_files_unarchived",
    Kind.GAUGE,
    "Files of evicted experiences that wait to be archived.",
    "files",
    source="the archive",
)
LEAGUE_REPLAY_HELD_SECONDS: Final = _league_own(
    "replay_held_seconds_total",
    Kind.COUNTER,
    "Time that the limiter held a side: writers or readers.",
    "seconds",
    "side",
)
LEAGUE_REPLAY_READ: Final = _league_own(
    "replay_read_experiences_total",
    Kind.COUNTER,
    "Experiences that each reader sampled.",
    "experiences",
    "reader",
)


def _of_league(name: str, text: str, unit: str, *labels: str, source: str) -> Metric:
    return Metric(
        f"trainingrun_league_{name}",
        Kind.GAUGE,
        text,
        unit,
        source,
        (Server.LEAGUES,),
        (*_LEAGUE, *labels),
    )


LEAGUE_CONDITION: Final = _of_league(
    "condition",
    "Conditions of the league: 1 while True, 0 while False; no sample while Unknown.",
    "1",
    "type",
    source="status.conditions",
)
LEAGUE_SERVICES: Final = _of_league(
    "services", "Services that serve, of five.", "services", source="the cluster"
)
LEAGUE_WORKERS: Final = _of_league(
    "workers",
    "Workers: wanted by the Matchmaker, desired within the bounds, and ready.",
    "workers",
    "state",
    source="status.workers",
)
LEAGUE_WORKERS_MOST: Final = _of_league(
    "workers_max", "The most workers that there may be.", "workers", source="spec.workers"
)

ALL: Final = tuple(each for each in list(globals().values()) if isinstance(each, Metric))
"""The registry: every metric of this module, in the order in which it stands here."""


def served_by(server: Server) -> tuple[Metric, ...]:
    """Return the metrics of one server's page."""
    return tuple(metric for metric in ALL if server in metric.servers)
