"""The roles of a run: one module for each, which declares all that the others ask of it.

Belongs here: the declarations, the values that they are made of (:mod:`declaration`,
:mod:`workload`) and the table of them, :data:`ROLES`, the one place that lists the roles. Does not
belong here: what to do with a role in which stage of a run's life, which is for ``desired``.
"""

from typing import Final

from trainingrun_reconciler.roles.actor import ACTOR
from trainingrun_reconciler.roles.daemon import DAEMON
from trainingrun_reconciler.roles.evaluator import EVALUATOR
from trainingrun_reconciler.roles.inference import INFERENCE
from trainingrun_reconciler.roles.learner import LEARNER
from trainingrun_reconciler.roles.redis import REDIS
from trainingrun_reconciler.roles.registry import Registry
from trainingrun_reconciler.roles.selfplay import SELFPLAY

ROLES: Final = Registry(REDIS, DAEMON, LEARNER, INFERENCE, SELFPLAY, ACTOR, EVALUATOR)
"""In the order in which they start."""

__all__ = ["ROLES"]
