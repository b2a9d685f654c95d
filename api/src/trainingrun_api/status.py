"""What was seen of a run: the ``status`` of a TrainingRun, written by the operator alone.

A value that is not known is absent, never 0. Two strings are made for people, ``summary`` and
``winRate``; programs read the conditions and the numbers, and what the command shows besides is
made of these numbers. Unknown fields are ignored, so that an operator can read the status that a
newer one wrote.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, PlainSerializer

from trainingrun_api.conditions import ConditionStatus, ConditionType
from trainingrun_api.model import ATOMIC, ApiModel


def _whole_seconds(value: datetime) -> str:
    """The spelling that Kubernetes uses for times."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    datetime,
    AfterValidator(lambda moment: moment.replace(microsecond=0)),
    PlainSerializer(_whole_seconds, when_used="json"),
]
"""A moment in whole seconds, written in UTC."""


class StatusModel(ApiModel):
    """Base of the status models: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class Condition(StatusModel):
    """One condition in Kubernetes' usual form."""

    type: str = Field(description="Name of the condition, in CamelCase.", max_length=316)
    status: ConditionStatus = Field(
        description="Whether the condition holds; Unknown when that cannot be said."
    )
    reason: str = Field(
        description="Why, as one CamelCase word for programs.", min_length=1, max_length=1024
    )
    message: str = Field("", description="Why, as a sentence for people.", max_length=32768)
    last_transition_time: Time = Field(description="When `status` last changed.")
    observed_generation: int | None = Field(
        None, description="metadata.generation of the spec that this condition is about."
    )

    @property
    def is_true(self) -> bool:
        """Whether the condition holds."""
        return self.status is ConditionStatus.TRUE


class GamesStatus(StatusModel):
    """The training games."""

    played: int | None = Field(None, description="Training games that came to their end.")
    target: int | None = Field(None, description="Training games asked for: spec.games.")
    aborted: int | None = Field(
        None, description="Games that were lost with their daemon or connection; none count."
    )
    per_second: float | None = Field(
        None, description="Training games that end per second, over the last minute."
    )

    @property
    def display(self) -> str:
        """Played and target for people: ``1234/10000``."""
        return f"{self.played or 0}/{self.target}" if self.target is not None else ""

    @property
    def rate(self) -> str:
        """The games per second for people: ``2.4``."""
        return f"{self.per_second:.1f}" if self.per_second is not None else ""


class Dropped(StatusModel):
    """Transitions that were left out on purpose, by cause."""

    stale: int = Field(0, description="Played with weights older than learner.maxPolicyLag.")
    duplicate: int = Field(0, description="Delivered twice.")
    poison: int = Field(0, description="Not readable; the entry is kept in the dead-letter stream.")
    spool: int = Field(0, description="Discarded by an actor that could not reach Redis.")


class TransitionsStatus(StatusModel):
    """The ledger: produced = trained + queued + dropped + lost."""

    produced: int | None = Field(None, description="Transitions that actors have produced.")
    trained: int | None = Field(None, description="Transitions that went into an update.")
    queued: int | None = Field(None, description="Transitions that wait in the queue now.")
    dropped: Dropped | None = Field(
        None, description="Transitions that were left out on purpose, by cause."
    )
    lost: int | None = Field(None, description="Transitions that vanished with Redis or an actor.")
    per_second: float | None = Field(
        None, description="Transitions trained per second, over the last minute."
    )


class ModelStatus(StatusModel):
    """The newest published weights."""

    version: int | None = Field(None, description="Updates that the newest weights have seen.")
    published_at: Time | None = Field(None, description="When they were published.")
    adopted_from: str | None = Field(
        None, description="The checkpoint of spec.resumeFrom that the run began with."
    )
    champion: int | None = Field(
        None, description="Version of the strongest weights so far, by spec.evaluation.gate."
    )


class GateStatus(StatusModel):
    """What the test against the champion found."""

    verdict: Literal["Promote", "Keep"] = Field(
        description="Promote: the weights are the new champion; Keep: the champion stays."
    )
    champion: int = Field(description="Version of the champion that was played against.")
    log_likelihood_ratio: float = Field(
        description="Of `stronger by gate.elo` to `not stronger`; the bounds are ±2.94."
    )
    pairs: int = Field(description="Pairs of games up to the decision.")


class EvaluationStatus(StatusModel):
    """The newest evaluation against one opponent."""

    opponent: str = Field(description="The opponent.")
    version: int = Field(description="Version of the weights that played.")
    games: int = Field(description="Games played.")
    wins: int = Field(description="Games won.")
    draws: int = Field(description="Games drawn.")
    win_rate: float = Field(description="Wins plus half the draws, as a part of the games.")
    low: float = Field(description="Lower bound of the 95 % Wilson interval of winRate.")
    high: float = Field(description="Upper bound of the 95 % Wilson interval of winRate.")
    elo: float | None = Field(
        None,
        description="Elo of the weights above eloAnchor, fitted to all results so far.",
    )
    elo_error: float | None = Field(None, description="Standard error of elo.")
    elo_anchor: str | None = Field(None, description="The opponent whose Elo is 0.")
    gate: GateStatus | None = Field(
        None, description="What the test against the champion found; with opponent `champion` only."
    )
    training_games: int | None = Field(
        None, description="Training games that had been played when the evaluation was made."
    )
    at: Time | None = Field(None, description="When the evaluation ended.")


class CheckpointStatus(StatusModel):
    """The newest complete checkpoint."""

    uri: str = Field(description="Where it is.")
    step: int = Field(description="Version of the weights in it.")
    games: int = Field(description="Training games that had been played.")
    saved_at: Time = Field(description="When it was complete.")
    sha256: str | None = Field(None, description="SHA-256 of its weights, in hexadecimal.")


class RoleStatus(StatusModel):
    """The members (pods or processes) of one role."""

    name: str = Field(description="Name of the role, such as learner or selfplay.", max_length=63)
    desired: int | None = Field(None, description="Members that should be there.")
    ready: int | None = Field(None, description="Members that serve.")
    busy: int | None = Field(
        None, description="Games that run on the role's members now, where the role has games."
    )
    restarts: int | None = Field(None, description="Restarts of the members that are there.")
    interruptions: int | None = Field(
        None,
        description="Members that had to leave their node or were lost with it, since the run"
        " began: spot machines that were taken back, evictions, drains. None counts as a failure.",
    )
    interrupted_at: Time | None = Field(None, description="When the last of them was.")

    @property
    def display(self) -> str:
        """Ready and desired for people: ``2/4``."""
        return f"{self.ready}/{self.desired}" if self.ready is not None else ""


class ScaleDecisionStatus(StatusModel):
    """One decision of the autoscaler."""

    at: Time = Field(description="When it was made.")
    from_replicas: int = Field(alias="from", description="Daemons before.")
    to_replicas: int = Field(alias="to", description="Daemons after.")
    reason: str = Field(description="Why, as a sentence for people.")
    inputs: dict[str, float] = Field(
        default_factory=dict, description="The measured values that it was made from."
    )


class AutoscalingStatus(StatusModel):
    """What the autoscaler did."""

    last_decision: ScaleDecisionStatus | None = Field(
        None, description="The last decision that changed the number of daemons."
    )
    forced: int | None = Field(
        None,
        description="Daemons that were taken away with games on them, because"
        " daemon.drainTimeoutSeconds were over.",
    )


class PassedPhase(StatusModel):
    """A phase of the curriculum that is over; it ended when the next one began."""

    name: str = Field(description="Name of the phase.")
    since: Time = Field(description="When it began.")
    since_games: int = Field(description="Training games that had started when it began.")
    since_transitions: int = Field(description="Transitions produced when it began.")
    why: str = Field(description="Why it ended, as a sentence for people.")


class CurriculumStatus(StatusModel):
    """The phase of the curriculum."""

    phase: str = Field(description="Name of the phase that holds.")
    number: int = Field(description="Phases that have begun, this one included.")
    since: Time = Field(description="When the phase began.")
    since_games: int = Field(description="Training games that had started when it began.")
    since_transitions: int = Field(description="Transitions produced when it began.")
    why: str = Field(description="Why it began, as a sentence for people.")
    passed: Annotated[tuple[PassedPhase, ...], ATOMIC] = Field(
        (), description="The newest 16 phases that are over, oldest first."
    )


class CostStatus(StatusModel):
    """What the run costs, by the prices of spec.cost."""

    hourly: float = Field(description="Price of an hour of the members that serve now.")
    spent: float = Field(description="Price of all member-hours so far.")
    projected_total: float | None = Field(
        None, description="What the run will have cost at its end, at the rates of now."
    )
    currency: str = Field("USD", description="Currency of all these: spec.cost.currency.")
    at: Time = Field(description="Until when `spent` is counted.")

    @property
    def display(self) -> str:
        """What was spent, for people: ``12.50 USD``."""
        return f"{self.spent:.2f} {self.currency}"


class StopStatus(StatusModel):
    """Why the operator ends or stops the run by itself; absent while it does not."""

    reason: Literal["WinRateReached", "Idle", "BudgetExhausted"] = Field(
        description="Which of spec.stopWhen, spec.idleShutdownSeconds and spec.cost.budget."
    )
    message: str = Field(description="Why, as a sentence for people.")
    at: Time = Field(description="When it was decided.")
    generation: int = Field(description="metadata.generation of the spec that it follows from.")
    wake: str = Field(
        "", description="Annotation `trainingrun.dev/wake` at that time; another value ends it."
    )


Bottleneck = Literal["Engine", "Actor", "Learner", "None"]


_CONDITIONS: Final[dict[str, JsonValue]] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
}


class ResourceStatus(StatusModel):
    """What the status of every resource has; a kind adds fields of its own."""

    observed_generation: int | None = Field(
        None, description="metadata.generation of the spec that this status is about."
    )
    conditions: tuple[Condition, ...] = Field(
        (), json_schema_extra=_CONDITIONS, description="Conditions of the object."
    )
    summary: str | None = Field(
        None, description="The state in a few words for people; programs read the conditions."
    )

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, if it was ever set."""
        return next((each for each in self.conditions if each.type == kind), None)

    @property
    def end(self) -> Condition | None:
        """The condition that it ended with, Complete or Failed; None while it is active."""
        ends = (self.condition(each) for each in (ConditionType.COMPLETE, ConditionType.FAILED))
        return next((each for each in ends if each is not None and each.is_true), None)

    @property
    def verdicts(self) -> tuple[tuple[str, ConditionStatus, str], ...]:
        """Type, status and reason of each condition: all of it but sentences and times."""
        return tuple((each.type, each.status, each.reason) for each in self.conditions)

    def document(self) -> dict[str, object]:
        """The status as the API server takes it: camelCase, values that are not known left out.

        A value that has become unknown is simply not there, so the status must be written as a
        whole (apply or replace): a merge patch would leave the old value standing.
        """
        written = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {name: value for name, value in written.items() if value != []}


class TrainingRunStatus(ResourceStatus):
    """What was seen of the run; written by the operator, never by people."""

    conditions: tuple[Condition, ...] = Field(
        (),
        json_schema_extra=_CONDITIONS,
        description="Conditions of the run: Ready, Complete, Failed, Suspended,"
        " LearnerAvailable, DaemonsAvailable, ActorsAvailable, QueueAvailable, CheckpointCurrent,"
        " ScalingLimited, Progressing, Degraded.",
    )
    games: GamesStatus | None = Field(None, description="The training games.")
    transitions: TransitionsStatus | None = Field(
        None,
        description="What became of every transition: produced = trained + queued + dropped"
        " + lost.",
    )
    curriculum: CurriculumStatus | None = Field(
        None, description="The phase of the curriculum, where the run has one."
    )
    model: ModelStatus | None = Field(None, description="The newest published weights.")
    evaluation: tuple[EvaluationStatus, ...] = Field(
        (),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["opponent"],
        },
        description="The newest evaluation against each opponent.",
    )
    win_rate: str | None = Field(
        None,
        description="Newest win rate against the first opponent of spec.evaluation, for people:"
        " `92% (88-95)`.",
    )
    checkpoint: CheckpointStatus | None = Field(None, description="The newest complete checkpoint.")
    roles: tuple[RoleStatus, ...] = Field(
        (),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        description="The members of each role that the run has, in the order in which they start.",
    )
    autoscaling: AutoscalingStatus | None = Field(None, description="What the autoscaler did.")
    bottleneck: Bottleneck | None = Field(
        None,
        description="The role that the others wait for, from measured waits: Engine (the daemons),"
        " Actor or Learner; None when no role holds up the others.",
    )
    cost: CostStatus | None = Field(
        None, description="What the run costs, where spec.cost has prices."
    )
    stop: StopStatus | None = Field(
        None, description="Why the operator ends or stops the run by itself; absent if it does not."
    )
    progressed_at: Time | None = Field(
        None, description="When a game last ended or something was trained, while games are played."
    )
    started_at: Time | None = Field(None, description="When the run first had work to do.")
    finished_at: Time | None = Field(None, description="When the run completed or failed.")

    def role(self, name: str) -> RoleStatus | None:
        """The members of the role that is called so; None where the run has none."""
        return next((each for each in self.roles if each.name == name), None)

    @property
    def is_complete(self) -> bool:
        """Whether the run has ended well."""
        return self.end is not None and self.end.type == ConditionType.COMPLETE

    @property
    def failure(self) -> Condition | None:
        """The condition of a run that has failed."""
        return None if self.is_complete else self.end

    @property
    def elo(self) -> str | None:
        """Elo of the weights that were evaluated last, with its error, for people: ``312 ±18``."""
        rated = [
            (each.training_games or 0, each.elo, each.elo_error)
            for each in self.evaluation
            if each.elo is not None and each.elo_error is not None
        ]
        if not rated:
            return None
        _, elo, error = max(rated, key=lambda each: each[0])
        return f"{elo:.0f} ±{error:.0f}"
