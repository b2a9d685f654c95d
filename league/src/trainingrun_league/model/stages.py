"""Stages of models: what a publication, a report, a promotion or a rollback does. Pure.

Each function takes what the league's models are (:class:`Models`) and returns the steps, in the
order in which they are written; :func:`after` applies them. The invariant is held by
:func:`require_sound`: once there was a champion, there is exactly one.

Reigns, not dates, say which champion was before the present one: a promotion begins a reign on top
of the others, a rollback ends those above the one that it goes back to. With dates, a second
rollback would go forward again to the champion that the first one took away.

Refused: a table of allowed stages before and after. What an event does depends on who is champion,
too, and one event changes two models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final


class Stage(Enum):
    """Where a model stands; ``model.proto`` describes each."""

    PENDING_VALIDATION = "pending-validation"
    VALIDATED = "validated"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    RETIRED = "retired"


class Event(Enum):
    """What changed a stage; the history says it, and reigns follow from it."""

    PUBLISHED = "published"
    VALIDATED = "validated"
    EVALUATED = "evaluated"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True)
class Standing:
    """What decides about a model.

    Attributes:
        stage: of it.
        is_usable: whether it has passed validation; a model that has not is never champion.
    """

    stage: Stage
    is_usable: bool = False


@dataclass(frozen=True)
class Models:
    """The models that an event concerns, by number, and the reigns of champions.

    Attributes:
        standings: of every model; of those alone that an event names, in the service.
        reigns: numbers of the champions, the present one last; empty before the first.
    """

    standings: Mapping[int, Standing] = field(default_factory=dict)
    reigns: tuple[int, ...] = ()

    @property
    def champion(self) -> int | None:
        """The present champion."""
        return self.reigns[-1] if self.reigns else None


@dataclass(frozen=True)
class Step:
    """One change of one model's stage."""

    model: int
    before: Stage | None
    after: Stage
    event: Event
    reason: str
    is_usable: bool = False


class Refused(Exception):
    """The event does not fit what the models are now; the message says why and what to do."""


_NO_CHANGE: Final[tuple[Step, ...]] = ()


def publish(model: int, problem: str = "") -> tuple[Step, ...]:
    """Take a new model; ``problem`` is what its bytes show already."""
    if problem:
        return (Step(model, None, Stage.REJECTED, Event.PUBLISHED, problem),)
    return (Step(model, None, Stage.PENDING_VALIDATION, Event.PUBLISHED, "published"),)


def validate(models: Models, model: int, *, problem: str) -> tuple[Step, ...]:
    """Take the report of a validation. The first one decides: a later one changes nothing.

    The first usable model of a league without a champion becomes it.
    """
    standing = models.standings[model]
    if standing.stage is not Stage.PENDING_VALIDATION:
        return _NO_CHANGE
    before = standing.stage
    if problem:
        return (Step(model, before, Stage.REJECTED, Event.VALIDATED, problem),)
    reason = "it loads, is finite and plays legal moves"
    passed = Step(model, before, Stage.VALIDATED, Event.VALIDATED, reason, is_usable=True)
    if models.champion is not None:
        return (passed,)
    first = "the first usable model of the league"
    return (passed, *_crown(after(models, (passed,)), model, Event.PROMOTED, first))


def evaluate(
    models: Models, model: int, *, against: int | None, promote: bool, reason: str
) -> tuple[Step, ...]:
    """Take the gate's verdict of a validated model that was tested ``against`` a champion.

    Raises:
        Refused: the model is not validated, or would follow a champion that it was not tested
            against.
    """
    standing = models.standings[model]
    decided = Stage.PROMOTED if promote else Stage.REJECTED
    if standing.stage is decided and standing.is_usable:
        return _NO_CHANGE
    if standing.stage is not Stage.VALIDATED:
        raise Refused(
            f"the model is {standing.stage.value}: the gate decides about validated ones alone"
        )
    if not promote:
        return (_step(model, standing, Stage.REJECTED, Event.EVALUATED, reason),)
    if models.champion != against:
        raise Refused(
            "the champion has changed since the test began: test the model against the present one"
        )
    return _crown(models, model, Event.EVALUATED, reason)


def promote(models: Models, model: int, *, reason: str) -> tuple[Step, ...]:
    """Make a model the champion, whatever the gate says of it.

    Raises:
        Refused: it may not be used, or has not been tried yet.
    """
    if models.champion == model:
        return _NO_CHANGE
    return _crown(models, model, Event.PROMOTED, reason)


def roll_back(models: Models, model: int | None, *, reason: str) -> tuple[Step, ...]:
    """Make a former champion the champion again: that of the reign before, or the named one.

    Raises:
        Refused: there was none before, or the named one has no reign to go back to.
    """
    *former, present = models.reigns or (None,)
    if model is None:
        if not former:
            raise Refused(
                "there is no champion before the present one: publish a model, or promote one"
                if present is not None
                else "the league has no champion yet"
            )
        return _crown(models, former[-1], Event.ROLLED_BACK, reason)
    if model == present:
        return _NO_CHANGE
    if model not in former:
        raise Refused("the model has no reign to go back to: promote it instead")
    return _crown(models, model, Event.ROLLED_BACK, reason)


def after(models: Models, steps: Iterable[Step]) -> Models:
    """Return the models after steps."""
    standings, reigns = dict(models.standings), models.reigns
    for step in steps:
        usable = step.is_usable or (step.model in standings and standings[step.model].is_usable)
        standings[step.model] = Standing(step.after, is_usable=usable)
        if step.after is Stage.PROMOTED:
            reigns = _reigns_after(reigns, step.model, step.event)
    return replace(models, standings=standings, reigns=reigns)


def reigns_of(crownings: Sequence[tuple[int, Event]]) -> tuple[int, ...]:
    """Return the reigns that the history of champions leaves, oldest first."""
    reigns: tuple[int, ...] = ()
    for model, event in crownings:
        reigns = _reigns_after(reigns, model, event)
    return reigns


def require_sound(models: Models) -> None:
    """Check the invariant.

    Raises:
        AssertionError: several models are promoted, or another one than the champion, or the
            champion is none.
    """
    promoted = [number for number, each in models.standings.items() if each.stage is Stage.PROMOTED]
    wanted = [] if models.champion is None else [models.champion]
    if promoted != wanted:
        raise AssertionError(f"promoted are {promoted}, and the champion is {models.champion}")


def _crown(models: Models, model: int, event: Event, reason: str) -> tuple[Step, ...]:
    standing = models.standings[model]
    if not standing.is_usable:
        raise Refused(_why_unusable(standing.stage))
    crowned = _step(model, standing, Stage.PROMOTED, event, reason)
    if models.champion is None:
        return (crowned,)
    champion = models.standings[models.champion]
    # The old one goes first: at no time are two models promoted, which the database refuses.
    return (
        _step(models.champion, champion, Stage.RETIRED, event, f"model m{model} follows"),
        crowned,
    )


def _why_unusable(stage: Stage) -> str:
    if stage is Stage.PENDING_VALIDATION:
        return "the model is not validated yet: wait until a worker has played with it"
    return "the model failed its validation and cannot be played with: publish another one"


def _step(model: int, standing: Standing, stage: Stage, event: Event, reason: str) -> Step:
    return Step(model, standing.stage, stage, event, reason, is_usable=standing.is_usable)


def _reigns_after(reigns: tuple[int, ...], model: int, event: Event) -> tuple[int, ...]:
    if event is Event.ROLLED_BACK:
        last = len(reigns) - reigns[::-1].index(model)
        return reigns[:last]
    return (*reigns, model)
