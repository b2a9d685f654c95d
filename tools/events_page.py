"""The page docs/reference/events.md, made from the words of a run's status.

What a word means stands beside the word (``conditions``); this page adds where one reads on. The
tables were part of the reference of the resource before, where nobody looked for events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from trainingrun_api.conditions import ConditionType, EventReason, Reason, Word
from trainingrun_api.league_conditions import (
    LeagueConditionType,
    LeagueEventReason,
    LeagueReason,
)

INTRODUCTION: Final = """# Conditions and events

This page is generated from the words of the API (`make generate`). They are promises to scripts: a
word may be added, and never changes its meaning.

**Conditions** say how a run is now, each with a status (`True`, `False`, `Unknown`), a reason for
programs and a message for people. **Events** say what happened, once each; on a cluster those that
need a person are of the type `Warning`. To see them:

    kubectl describe tr/NAME
    kubectl wait --for=condition=Complete tr/NAME --timeout=30m   # or condition=Failed
    kubectl events --for tr/NAME --watch

and on a cluster and on this machine alike:

    trainingrun status NAME -o wide          # every condition with its age and reason
    trainingrun events NAME --follow

The [runbooks](../runbooks/README.md) tell what to do about those that raise an alert.
"""

_CHECKPOINTS: Final = "[when the storage fails](../guides/checkpoints.md#when-the-storage-fails)"
_SCALING: Final = "[how to read scaling](../guides/autoscaling.md#how-to-read-it)"
_STANDSTILL: Final = "[when nothing moves](../guides/watching-a-run.md#when-nothing-moves)"
_PODS: Final = "[when pods cannot be made](../guides/placement.md#when-pods-cannot-be-made)"
_QUOTA: Final = "[waiting for quota](../guides/placement.md#waiting-for-quota-kueue)"
_ENDS: Final = "[the life of a run](../guides/life-of-a-run.md)"
_REDIS: Final = "[the queue is unavailable](../runbooks/queue-unavailable.md)"
_FAULTS: Final = "[what a fault costs](../guides/what-a-fault-costs.md)"
_ENGINE: Final = "[bring your own engine](../guides/own-engine.md#when-it-fails-in-a-training)"
_SPOT: Final = "[spot notice](../guides/checkpoints.md#when-one-is-written)"
SEE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("AtMax", "AtMin", "DrainInProgress", "MetricUnavailable"), _SCALING),
    **dict.fromkeys(("ScaledUp", "ScaledDown", "ScalingLimited"), _SCALING),
    **dict.fromkeys(("NoData", "WeightsMissing", "Stalled"), _STANDSTILL),
    **dict.fromkeys(("ProgressDeadlineExceeded",), "[no progress](../runbooks/no-progress.md)"),
    **dict.fromkeys(("CreationFailed", "Unschedulable", "ImageUnavailable", "NameTaken"), _PODS),
    **dict.fromkeys(("WaitingForQuota", "QueueControllerMissing", "Admitted"), _QUOTA),
    **dict.fromkeys(("Idle", "IdleShutdown", "BudgetExhausted", "WinRateReached"), _ENDS),
    **dict.fromkeys(
        ("Complete", "Failed", "Suspended", "StorageDeleted", "StorageNotDeleted"), _ENDS
    ),
    **dict.fromkeys(("Unreachable", "AuthenticationFailed", "QueueUnreachable"), _REDIS),
    **dict.fromkeys(("GameRefused", "GameFailed"), _ENGINE),
    **dict.fromkeys(("RedisLostData", "RolloutUnreadable", "StorageLost"), _FAULTS),
    "RunOver": _ENDS,
    "Rolling": "[upgrades](../guides/installing.md#upgrading-and-going-back)",
    **dict.fromkeys(("SpotNotice", "SpotNoticeUnavailable"), _SPOT),
    "Interrupted": "[spot nodes](../guides/placement.md#spot-nodes)",
    **dict.fromkeys(
        (
            "CheckpointStorageDenied",
            "CheckpointBucketMissing",
            "CheckpointStorageFull",
            "CheckpointStorageInvalid",
            "CheckpointStorageUnreachable",
            "CheckpointStorageUnusable",
            "CheckpointCacheUnusable",
            "CheckpointsNotRemoved",
        ),
        _CHECKPOINTS,
    ),
    "CheckpointCurrent": "[the checkpoint is old](../runbooks/checkpoint-old.md)",
    "Overdue": "[the checkpoint is old](../runbooks/checkpoint-old.md)",
    "CheckpointSkipped": (
        "[what a learner continues from](../guides/checkpoints.md#what-a-learner-continues-from)"
    ),
    "OverrideRefused": "[changes to pods](../guides/security.md#changes-to-pods)",
    "NoAnswer": "[daemons that run elsewhere](../guides/external-daemons.md)",
    "UnknownDeck": "[decks](../guides/decks-and-games.md#decks)",
    **dict.fromkeys(
        ("DeckNotFound", "DeckUnreadable"),
        "[decks of a run's own](../guides/decks-and-games.md#decks-of-a-runs-own)",
    ),
    "PhaseBegan": "[a curriculum](../guides/curriculum.md#when-a-phase-ends)",
    "Evaluated": "[how strong is it?](../guides/evaluation.md)",
    "Crashing": "[daemons restart](../runbooks/daemons-restarting.md)",
}


def page() -> str:
    """The whole page as Markdown."""
    parts = [
        INTRODUCTION,
        "## Conditions\n",
        *_table(ConditionType),
        "\n## Reasons of conditions\n",
        *_table(Reason),
        "\n## Events\n",
        *_table(EventReason),
        "\n## Conditions of leagues and tournaments\n",
        *_table(LeagueConditionType),
        "\n## Reasons of these conditions\n",
        *_table(LeagueReason),
        "\n## Events of leagues and tournaments\n",
        *_table(LeagueEventReason),
    ]
    return "\n".join(parts) + "\n"


def _table(words: type[Word]) -> Iterator[str]:
    yield "| Word | Meaning | More |"
    yield "|---|---|---|"
    for word in words:
        yield f"| `{word.value}` | {word.meaning} | {SEE.get(word.value, '')} |"
