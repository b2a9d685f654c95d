"""What happens to a run that exists when a field of its spec changes.

A promise to users, shown in the reference. The operator does not read this table: it replaces the
members of a role when what they were started with has changed, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trainingrun_contracts.api.rules import IMMUTABLE

AT_ONCE: Final = "at once"
FIXED: Final = "cannot change"

_ALL: Final = ("daemon", "actor", "evaluator", "learner", "redis")

REPLACED: Final[Mapping[str, tuple[str, ...]]] = {
    "imagePullPolicy": _ALL,
    "decks": ("actor", "evaluator"),
    "daemon.image": ("daemon",),
    "daemon.jvm": ("daemon",),
    "daemon.resources": ("daemon",),
    "daemon.spot": ("daemon",),
    "daemon.gamesPerDaemon": ("daemon", "actor", "evaluator"),
    "daemon.gameTimeoutSeconds": ("actor", "evaluator"),
    "daemon.quiet": ("actor", "evaluator"),
    "daemon.autoscaling.scaleDown.drainSeconds": ("daemon",),
    "actor.image": ("actor", "evaluator"),
    "actor.resources": ("actor", "evaluator"),
    "actor.spot": ("actor", "evaluator"),
    "actor.gamesPerActor": ("actor",),
    "learner": ("learner",),
    "learner.batchTransitions": ("actor", "learner"),
    "selfPlay": ("actor",),
    "selfPlay.snapshotEveryPublishes": ("actor", "learner"),
    "evaluation": ("evaluator",),
    "checkpoint": ("learner",),
    "podTemplate.daemon": ("daemon",),
    "podTemplate.actor": ("actor",),
    "podTemplate.learner": ("learner",),
    "podTemplate.evaluator": ("evaluator",),
    "podTemplate.redis": ("redis",),
    "queueName": ("daemon", "actor", "learner"),
    "queuePriorityClass": ("daemon", "actor", "learner"),
}
"""Roles whose members are replaced, by the field's path below ``spec``; the longest path counts."""


def replaced_by(path: str) -> tuple[str, ...]:
    """The roles whose members are replaced when the field at ``path`` below ``spec`` changes."""
    steps = path.replace("[]", "").split(".")
    prefixes = (".".join(steps[:length]) for length in range(len(steps), 0, -1))
    return next((REPLACED[prefix] for prefix in prefixes if prefix in REPLACED), ())


def is_fixed(path: str) -> bool:
    """Whether the field at ``path`` below ``spec`` cannot change."""
    return any(path == rule.field or path.startswith(f"{rule.field}.") for rule in IMMUTABLE)


def effect(path: str) -> str:
    """What a change of the field at ``path`` below ``spec`` does, in a few words."""
    if is_fixed(path):
        return FIXED
    roles = replaced_by(path)
    return f"replaces {', '.join(roles)}" if roles else AT_ONCE
