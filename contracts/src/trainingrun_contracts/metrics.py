"""Names, help texts and labels of all Prometheus metrics, so that no two roles spell one twice."""

from __future__ import annotations

from typing import Final

GAMES: Final = ("trainingrun_games_total", "Games by how they ended.", ("outcome",))
DECISIONS: Final = ("trainingrun_decisions_total", "Decisions answered.", ())
TRANSITIONS: Final = (
    "trainingrun_transitions_total",
    "Transitions by what became of them.",
    ("fate",),
)
QUEUE_DEPTH: Final = ("trainingrun_queue_transitions", "Transitions in the rollout queue.", ())
WAIT_SECONDS: Final = (
    "trainingrun_wait_seconds_total",
    "Seconds spent waiting, by cause.",
    ("cause",),
)
WEIGHTS_VERSION: Final = (
    "trainingrun_weights_version",
    "Optimiser step of the weights in use.",
    (),
)
SYNC_SECONDS: Final = ("trainingrun_model_sync_seconds", "From publication to use by an actor.", ())
POLICY_LAG: Final = (
    "trainingrun_policy_lag_publishes",
    "Publishes between acting and training.",
    (),
)
LOSS: Final = ("trainingrun_loss", "Latest value of each loss term.", ("term",))
UPDATES: Final = ("trainingrun_updates_total", "Optimiser steps.", ())
CHECKPOINT_AGE: Final = (
    "trainingrun_checkpoint_timestamp_seconds",
    "When the newest was saved.",
    (),
)
SPOOLED: Final = (
    "trainingrun_spooled_transitions",
    "Transitions waiting for Redis in the actor.",
    (),
)
EVALUATION_RATE: Final = (
    "trainingrun_win_rate",
    "Win rate of the latest evaluation.",
    ("opponent",),
)
RUNS: Final = ("trainingrun_operator_runs", "TrainingRuns known to the operator.", ())
RECONCILES: Final = ("trainingrun_operator_reconciles_total", "Reconciles by result.", ("result",))
RECONCILE_SECONDS: Final = (
    "trainingrun_operator_reconcile_seconds",
    "Duration of a reconcile.",
    (),
)
