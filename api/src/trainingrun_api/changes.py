"""What happens to a run that exists when a field of its spec changes.

A promise to users, shown in the reference: a field cannot change, or acts at once, or rolls roles,
or restarts the learner. The operator replaces members by this table and by nothing else; a test
holds that a field which changes what members are started with replaces them. Every field stands
here; a field that is missing is an error, not "at once".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from trainingrun_api.rules import IMMUTABLE

LEARNER: Final = "learner"
AT_ONCE: Final = "at once"
RESTARTS: Final = "restarts the learner from a fresh checkpoint"
FIXED: Final = "cannot change"

_SEARCHES: Final = ("selfplay", "evaluator")
_ALL: Final = ("daemon", "actor", "selfplay", "inference", "evaluator", "learner", "redis")

REPLACED: Final[Mapping[str, tuple[str, ...]]] = {
    "seed": ("actor", "selfplay", "evaluator", "learner"),
    "redis": ("redis",),
    "imagePullPolicy": _ALL,
    "environment": ("daemon", "actor", "selfplay", "inference", "evaluator", "learner"),
    "algorithm.ppo": ("learner",),
    "algorithm.ppo.gamma": ("actor", "learner"),
    "algorithm.alphaZero": ("learner",),
    "algorithm.alphaZero.search": _SEARCHES,
    "decks": ("actor", "evaluator"),
    "decks.inline": ("daemon",),
    "decks.configMapKeyRef": ("daemon",),
    "daemon.template": ("daemon",),
    "daemon.jvm": ("daemon",),
    "daemon.auth": ("daemon", "actor", "evaluator"),
    "daemon.external.tokenSecretRef": ("actor", "evaluator"),
    "daemon.embedded": ("actor", "evaluator"),
    "daemon.spot": ("daemon",),
    "daemon.gamesPerDaemon": ("daemon", "actor", "evaluator"),
    "daemon.gameTimeoutSeconds": ("daemon", "actor", "evaluator"),
    "daemon.quiet": ("actor", "evaluator"),
    "daemon.drainTimeoutSeconds": ("daemon",),
    "actor.template": ("actor", "selfplay"),
    "actor.template.spec.containers.image": ("actor", "selfplay", "evaluator"),
    "actor.template.spec.containers.resources": ("actor", "selfplay", "evaluator"),
    "actor.spot": ("actor", "selfplay", "evaluator"),
    "actor.gamesPerActor": ("actor", "selfplay"),
    "learner": ("learner",),
    "learner.batchTransitions": ("actor", "selfplay", "learner"),
    "learner.precision": ("inference", "learner"),
    "inference": (*_SEARCHES, "inference"),
    "inference.template": ("inference",),
    "inference.gpus": ("inference",),
    "inference.maxBatch": ("inference",),
    "inference.spot": ("inference",),
    "inference.minReplicas": (),
    "inference.maxReplicas": (),
    "selfPlay": ("actor",),
    "rewardShaping": ("actor",),
    "selfPlay.snapshotEveryPublishes": ("actor", "learner"),
    "evaluation": ("evaluator",),
    "evaluator": ("evaluator",),
    "checkpoint": ("learner",),
    "resumeFrom": ("learner",),
    "leagueRef": ("learner",),
    "replay": ("learner",),
}
"""Roles whose members are replaced, by the field's path below ``spec``; the longest path counts.

Fields that cannot change stand here too where members read them: a run on this machine may be begun
again with others."""


LIVE: Final[tuple[str, ...]] = (
    "games",
    "suspend",
    "daemon.external",
    "daemon.autoscaling",
    "actor.replicas",
    "inference.minReplicas",
    "inference.maxReplicas",
    "curriculum",
    "ttlSecondsAfterFinished",
    "activeDeadlineSeconds",
    "stopWhen",
    "idleShutdownSeconds",
    "cost",
    "reclaimPolicy",
)
"""Fields that act at once and replace nothing, save those below that ``REPLACED`` names."""


@cache
def replaced_by(path: str) -> tuple[str, ...]:
    """The roles whose members are replaced when the field at ``path`` below ``spec`` changes."""
    steps = path.replace("[]", "").split(".")
    prefixes = (".".join(steps[:length]) for length in range(len(steps), 0, -1))
    return next((REPLACED[prefix] for prefix in prefixes if prefix in REPLACED), ())


def is_fixed(path: str) -> bool:
    """Whether the field at ``path`` below ``spec`` cannot change."""
    return any(
        path == rule.field or (path.startswith(f"{rule.field}.") and not rule.is_section)
        for rule in IMMUTABLE
    )


def is_live(path: str) -> bool:
    """Whether a change of the field at ``path`` below ``spec`` acts at once."""
    named = any(path == known or path.startswith((f"{known}.", f"{known}[")) for known in LIVE)
    return named and not replaced_by(path)


def effect(path: str) -> str:
    """What a change of the field at ``path`` below ``spec`` does, in a few words.

    Raises:
        KeyError: no check has said so yet.
    """
    if is_fixed(path):
        return FIXED
    roles = replaced_by(path)
    rolled = [role for role in roles if role != LEARNER]
    said = [f"rolls {', '.join(rolled)}"] * bool(rolled) + [RESTARTS] * (LEARNER in roles)
    if said:
        return "; ".join(said)
    if not is_live(path):
        raise KeyError(f"what a change of spec.{path} does stands nowhere in this table")
    return AT_ONCE
