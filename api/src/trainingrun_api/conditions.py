"""The words of a run's status: condition types, their reasons, and the reasons of events.

Each word carries the sentence that documents it; docs/reference shows the same sentences. These are
promises to users and their scripts: a word may be added, but never changes its meaning.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A word of the API with its meaning."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Make the word of its spelling and its meaning."""
        word = str.__new__(cls, value)
        word._value_ = value
        word.meaning = meaning
        return word


class ConditionStatus(Word):
    """Whether a condition holds."""

    TRUE = "True", "The condition holds."
    FALSE = "False", "The condition does not hold."
    UNKNOWN = "Unknown", "It cannot be said now, or not yet."


class ConditionType(Word):
    """The conditions of a TrainingRun."""

    READY = "Ready", "All roles of the run serve; it may change to and fro."
    COMPLETE = (
        "Complete",
        "True when the run has ended well, False before and when it failed; once True it stays.",
    )
    FAILED = (
        "Failed",
        "True when the run has failed; the reason and the message say why. Once True it stays.",
    )
    SUSPENDED = (
        "Suspended",
        "True when the run was saved and stopped, by spec.suspend or by the operator itself (the"
        " reason says which): queue trained, checkpoint written, pods gone.",
    )
    LEARNER_AVAILABLE = "LearnerAvailable", "The learner runs and reports."
    DAEMONS_AVAILABLE = (
        "DaemonsAvailable",
        "At least autoscaling.minReplicas daemons serve games; of external daemons, at least one.",
    )
    ACTORS_AVAILABLE = "ActorsAvailable", "The actors run."
    QUEUE_AVAILABLE = "QueueAvailable", "Redis answers and takes transitions."
    LEAGUE_AVAILABLE = (
        "LeagueAvailable",
        "The services that a run calls answer; of runs with spec.leagueRef. A run trains without,"
        " save one with spec.replay, which waits.",
    )
    CHECKPOINT_CURRENT = "CheckpointCurrent", "The newest checkpoint is as recent as the spec asks."
    SCALING_LIMITED = (
        "ScalingLimited",
        "Something keeps the number of daemons from what the rates ask for.",
    )
    PROGRESSING = (
        "Progressing",
        "Games are played, or the run moves to the state that its spec asks for.",
    )
    DEGRADED = "Degraded", "The run continues, but something needs a person; the message says what."


class Reason(Word):
    """Reasons of conditions."""

    # the whole run
    STARTING = "Starting", "The roles of the run are being started."
    TRAINING = "Training", "Games are played and trained."
    ALL_ROLES_SERVE = "AllRolesServe", "Every role has at least the members that it needs."
    ROLES_MISSING = "RolesMissing", "A role has fewer serving members than it needs."
    DRAINING = "Draining", "No new games are started; running ones end."
    FLUSHING = "Flushing", "The learner trains what is left in the queue and writes a checkpoint."
    EVALUATING = "Evaluating", "The final weights are being evaluated."
    COMPLETED = "Completed", "spec.games were played, trained and saved."
    WIN_RATE_REACHED = (
        "WinRateReached",
        "stopWhen.winRate was reached; what was played is trained and saved.",
    )
    IDLE = (
        "Idle",
        "Nothing moved for spec.idleShutdownSeconds, so the run is saved and stopped until the spec"
        " or the annotation trainingrun.dev/wake changes.",
    )
    BUDGET_EXHAUSTED = (
        "BudgetExhausted",
        "spec.cost.budget is spent, so the run is saved and stopped until it is raised.",
    )
    LEARNER_FAILED = (
        "LearnerFailed",
        "The learner failed more often than learner.backoffLimit, or its configuration is wrong.",
    )
    NON_FINITE_WEIGHTS = (
        "NonFiniteWeights",
        "Training does not recover from numbers that are not finite, not from its newest checkpoint"
        " either.",
    )
    STATE_GONE = (
        "StateGone",
        "What the learner needs is not there: its bucket, or the checkpoint of spec.resumeFrom.",
    )
    DEADLINE_EXCEEDED = "DeadlineExceeded", "spec.activeDeadlineSeconds went by."
    SUSPENDED = "Suspended", "spec.suspend is true, and the run is saved and stopped."
    SUSPENDING = "Suspending", "The run is being saved and stopped."
    NOT_FAILED = "NotFailed", "The run has not failed."
    NOT_SUSPENDED = "NotSuspended", "spec.suspend is false."
    PROGRESS_DEADLINE_EXCEEDED = (
        "ProgressDeadlineExceeded",
        "Nothing has moved for several minutes.",
    )
    NO_DATA = (
        "NoData",
        "No actor lived and nothing came to train on, so the learner saved and ended.",
    )
    WEIGHTS_MISSING = (
        "WeightsMissing",
        "No learner has published weights, so an actor ended; it is started again.",
    )
    ROLE_WARNING = "RoleWarning", "A role warns of something; the message has its words."
    INVALID_SPEC = "InvalidSpec", "The spec asks for something impossible; the message says what."
    UNKNOWN_DECK = "UnknownDeck", "A daemon does not hold a deck that the spec names."
    DECK_NOT_FOUND = (
        "DeckNotFound",
        "A ConfigMap or its entry that spec.decks names is not there.",
    )
    DECK_UNREADABLE = (
        "DeckUnreadable",
        "A list of cards in the spec or in a ConfigMap cannot be understood; the message says why.",
    )
    AS_EXPECTED = "AsExpected", "Nothing is wrong."
    RUN_OVER = "RunOver", "The run is over, so that a change of its spec changes nothing."
    UNKNOWN = "Unknown", "It was not observed yet."
    # roles
    AVAILABLE = "Available", "The role has all the members that it needs."
    NOT_CREATED = "NotCreated", "The role is not wanted now."
    MEMBERS_NOT_READY = "MembersNotReady", "Members of the role are starting or restarting."
    UNSCHEDULABLE = "Unschedulable", "No node has room for a pod of the role."
    IMAGE_UNAVAILABLE = "ImageUnavailable", "An image of the role cannot be pulled."
    CRASHING = "Crashing", "Members of the role end again and again."
    MISCONFIGURED = (
        "Misconfigured",
        "Members of the role end because what they were given is wrong: an environment that their"
        " image does not hold, or a variable of a template. The message has their words.",
    )
    EVICTED = "Evicted", "A member was evicted from its node; it starts elsewhere."
    FORBIDDEN = "Forbidden", "The operator lacks a permission that it needs for the run."
    NAME_TAKEN = "NameTaken", "An object that is not the run's has a name that the run needs."
    CREATION_FAILED = "CreationFailed", "The cluster refuses to create members of the role."
    OVERRIDE_REFUSED = (
        "OverrideRefused",
        "A role's template does not fit or would weaken the security of pods; nothing was changed.",
    )
    WAITING_FOR_QUOTA = (
        "WaitingForQuota",
        "Kueue has not admitted the run yet, or has taken its admission back; it waits.",
    )
    QUEUE_CONTROLLER_MISSING = (
        "QueueControllerMissing",
        "The run has a label of Kueue's, and the cluster has no Kueue that could admit it.",
    )
    NO_ANSWER = "NoAnswer", "An external daemon does not answer; it gets no games meanwhile."
    NO_REPORT = "NoReport", "The role runs but has reported nothing for a while."
    FINISHED = "Finished", "The role has done its work and ended."
    # queue
    CONNECTED = "Connected", "Redis answers."
    UNREACHABLE = "Unreachable", "Redis does not answer at its address."
    AUTHENTICATION_FAILED = "AuthenticationFailed", "Redis refuses the password."
    SECRET_INVALID = (
        "SecretInvalid",
        "The operator's Secret, from which it derives passwords, holds no key.",
    )
    SECRET_NOT_FOUND = "SecretNotFound", "A Secret or its entry that the spec names is not there."
    REDIS_LOST_DATA = "RedisLostData", "Redis came back without its data; the loss is counted."
    ROLLOUT_UNREADABLE = (
        "RolloutUnreadable",
        "Entries of the queue cannot be read; they are kept in the dead-letter stream.",
    )
    RECONCILE_TIMEOUT = (
        "ReconcileTimeout",
        "Asking and acting took longer than one reconcile may; it is tried again with back-off.",
    )
    # league
    LEAGUE_ANSWERS = "LeagueAnswers", "The services of the run's league answer its learner."
    LEAGUE_NOT_ASKED = "LeagueNotAsked", "The learner has not called the run's league yet."
    LEAGUE_UNREACHABLE = (
        "LeagueUnreachable",
        "The run's league is not there, or does not answer; the message says which service and why."
        " The learner tries again by itself.",
    )
    # checkpoints
    SAVED = "Saved", "The newest checkpoint is recent."
    NOT_YET = "NotYet", "No checkpoint is due yet."
    OVERDUE = "Overdue", "A checkpoint is later than the spec asks."
    CHECKPOINT_STORAGE_DENIED = (
        "CheckpointStorageDenied",
        "The checkpoint storage refuses the credentials.",
    )
    CHECKPOINT_BUCKET_MISSING = "CheckpointBucketMissing", "The bucket is not there."
    CHECKPOINT_STORAGE_FULL = "CheckpointStorageFull", "The checkpoint storage has no room left."
    CHECKPOINT_STORAGE_INVALID = (
        "CheckpointStorageInvalid",
        "checkpoint.storage does not name a storage.",
    )
    CHECKPOINT_STORAGE_UNREACHABLE = (
        "CheckpointStorageUnreachable",
        "The checkpoint storage does not answer.",
    )
    CHECKPOINT_STORAGE_UNUSABLE = (
        "CheckpointStorageUnusable",
        "The checkpoint storage fails in another way; the message has its words.",
    )
    CHECKPOINT_CACHE_UNUSABLE = (
        "CheckpointCacheUnusable",
        "Checkpoints cannot be kept on this machine as well; the storage has them.",
    )
    CHECKPOINTS_NOT_REMOVED = "CheckpointsNotRemoved", "Older checkpoints could not be removed."
    CHECKPOINT_SKIPPED = "CheckpointSkipped", "A damaged checkpoint was passed over."
    # training
    CHECKPOINT_ADOPTED = (
        "CheckpointAdopted",
        "The run begins with the weights of another run's checkpoint, by spec.resumeFrom.",
    )
    ROLLED_BACK = (
        "RolledBack",
        "No further step was finite; training continues from the newest checkpoint.",
    )
    UPDATE_SKIPPED = "UpdateSkipped", "Steps were skipped, because a loss was not finite."
    # scaling
    WITHIN_LIMITS = "WithinLimits", "The number of daemons is what the rates ask for."
    AT_MAX = "AtMax", "More daemons are wanted than autoscaling.maxReplicas."
    AT_MIN = "AtMin", "Fewer daemons would do than autoscaling.minReplicas."
    DRAIN_IN_PROGRESS = "DrainInProgress", "Daemons are finishing their games before they go."
    METRIC_UNAVAILABLE = "MetricUnavailable", "A rate is not known, so the number is held."


class EventReason(Word):
    """Reasons of the events of a run."""

    STARTED = "Started", "The run was started for the first time."
    SUSPENDING = "Suspending", "The run is being saved and stopped."
    SUSPENDED = "Suspended", "The run is saved and stopped."
    RESUMED = "Resumed", "The run, which was suspended or stopped, continues from its checkpoint."
    WIN_RATE_REACHED = "WinRateReached", "stopWhen.winRate is reached; the run is being completed."
    IDLE_SHUTDOWN = (
        "IdleShutdown",
        "Nothing moved for idleShutdownSeconds; the run is being stopped.",
    )
    BUDGET_EXHAUSTED = "BudgetExhausted", "The budget is spent; the run is being stopped."
    DRAINING = "Draining", "The target is reached; running games end."
    COMPLETED = "Completed", "The run is complete."
    FAILED = "Failed", "The run has failed; the message says why."
    SCALED_UP = "ScaledUp", "Daemons were added."
    SCALED_DOWN = "ScaledDown", "Daemons were taken away after they had drained."
    SCALING_LIMITED = (
        "ScalingLimited",
        "What keeps the number of daemons from what the rates ask for has changed, or is gone.",
    )
    DRAIN_REQUESTED = "DrainRequested", "A daemon is drained because somebody asked for it."
    CHECKPOINT_REQUESTED = (
        "CheckpointRequested",
        "The learner was asked to write a checkpoint, as an annotation requested.",
    )
    ROLLING = (
        "Rolling",
        "Members are replaced because the operator's default images have changed; other runs follow"
        " one after the other.",
    )
    STORAGE_LOST = (
        "StorageLost",
        "The claim of a role was deleted; it is made again, without what it held.",
    )
    STORAGE_DELETED = "StorageDeleted", "The checkpoints of a run that is deleted are removed."
    STORAGE_NOT_DELETED = (
        "StorageNotDeleted",
        "Checkpoints of a run that is deleted could not be removed; the message says where they"
        " are.",
    )
    INVALID_SPEC = "InvalidSpec", "The spec asks for something impossible; the message says what."
    STALLED = "Stalled", "No game ended and nothing was trained for ten minutes."
    PROGRESSING = "Progressing", "Games are played or trained again after a standstill."
    NO_DATA = (
        "NoData",
        "No actor lived and nothing came to train on, so the learner saved and ended.",
    )
    WEIGHTS_MISSING = (
        "WeightsMissing",
        "No learner has published weights, so an actor ended; it is started again.",
    )
    WAITING_FOR_QUOTA = (
        "WaitingForQuota",
        "The run waits for its queue, or its admission was taken back; the message says where.",
    )
    ADMITTED = "Admitted", "Kueue has let the run begin, or continue."
    PROBLEM = "Problem", "A member of the run cannot run; the message says which and why."
    INTERRUPTED = (
        "Interrupted",
        "Members had to leave their node, were lost with it or deleted; others take their place.",
    )
    QUEUE_UNREACHABLE = "QueueUnreachable", "Redis cannot be reached or refuses; training waits."
    QUEUE_RECOVERED = "QueueRecovered", "Redis answers again."
    PHASE_BEGAN = "PhaseBegan", "A phase of the curriculum began; the message says why."
    EVALUATED = "Evaluated", "An evaluation ended; the message has the win rates."
    CHECKPOINT_SKIPPED = (
        "CheckpointSkipped",
        "A damaged checkpoint was passed over; an older one is used.",
    )
    CHECKPOINT_STORAGE_DENIED = (
        "CheckpointStorageDenied",
        "The checkpoint storage refuses the credentials; training continues unsaved.",
    )
    CHECKPOINT_BUCKET_MISSING = (
        "CheckpointBucketMissing",
        "The bucket of the checkpoint storage is not there; training continues unsaved.",
    )
    CHECKPOINT_STORAGE_FULL = (
        "CheckpointStorageFull",
        "The checkpoint storage has no room left; training continues unsaved.",
    )
    CHECKPOINT_STORAGE_INVALID = (
        "CheckpointStorageInvalid",
        "checkpoint.storage does not name a storage.",
    )
    CHECKPOINT_STORAGE_UNREACHABLE = (
        "CheckpointStorageUnreachable",
        "The checkpoint storage does not answer; training continues unsaved.",
    )
    CHECKPOINT_STORAGE_UNUSABLE = (
        "CheckpointStorageUnusable",
        "The checkpoint storage fails in another way; training continues unsaved.",
    )
    CHECKPOINT_CACHE_UNUSABLE = (
        "CheckpointCacheUnusable",
        "Checkpoints cannot be kept on this machine as well; the storage has them.",
    )
    CHECKPOINTS_NOT_REMOVED = (
        "CheckpointsNotRemoved",
        "Older checkpoints could not be removed; the newest is saved.",
    )
    SPOT_NOTICE = (
        "SpotNotice",
        "The learner's spot instance is about to be taken away; a checkpoint is written.",
    )
    SPOT_NOTICE_UNAVAILABLE = (
        "SpotNoticeUnavailable",
        "The instance metadata cannot be asked; the learner learns of a spot notice by SIGTERM.",
    )
    REDIS_LOST_DATA = (
        "RedisLostData",
        "Redis came back without its data; the weights were published again, the loss is counted.",
    )
    GAME_REFUSED = "GameRefused", "A daemon does not play a game that it is asked for."
    OPPONENT_UNAVAILABLE = (
        "OpponentUnavailable",
        "No daemon can seat an opponent of the evaluation; the others are played.",
    )
    GAME_FAILED = (
        "GameFailed",
        "A game was lost because its engine failed, or broke the protocol; each reason is"
        " reported once.",
    )
    ROLLOUT_UNREADABLE = (
        "RolloutUnreadable",
        "Entries of the queue cannot be read; they are kept in the dead-letter stream.",
    )
    CHECKPOINT_ADOPTED = (
        "CheckpointAdopted",
        "The run begins with the weights of another run's checkpoint, by spec.resumeFrom.",
    )
    ROLLED_BACK = (
        "RolledBack",
        "No further step was finite; training continues from the newest checkpoint.",
    )
    NON_FINITE_WEIGHTS = (
        "NonFiniteWeights",
        "Going back to the newest checkpoint did not help; the run fails.",
    )
    LEAGUE_UNREACHABLE = (
        "LeagueUnreachable",
        "The run's league is not there or does not answer; the learner tries again by itself.",
    )
    LEAGUE_ANSWERS = "LeagueAnswers", "The run's league answers, which it did not before."
    LEAGUE_MISSED = (
        "LeagueMissed",
        "The run ended, and its league did not take the last weights in time.",
    )
    LEAGUE_REFUSED = (
        "LeagueRefused",
        "The run's league does not take its weights, and says why; training continues.",
    )
    LEAGUE_REJECTED = (
        "LeagueRejected",
        "The run's league has taken weights, and found them of no use.",
    )
    UPDATE_SKIPPED = "UpdateSkipped", "Steps were skipped, because a loss was not finite."
