"""Ends loops of one question and one answer (protocol section 8).

The original has no limit for seats that are no AI: a free ability can be repeated for ever, an
attack that the rules do not allow is asked for again at once, and its oldest version carries
nothing out. Counted for each seat and type, as the questions of one activation alternate; within a
turn, as a new turn is no loop.
"""

from __future__ import annotations

from typing import Final

import msgspec

from trainingrun_protocol import answers
from trainingrun_protocol.decisions import Decision, DecisionType

MOST_REPEATS: Final = 20
_MOST_SEATS: Final = 8

_YES_OR_NO: Final = (
    DecisionType.CONFIRM_ACTION,
    DecisionType.PLAY_TRIGGER,
    DecisionType.PLAY_FROM_EFFECT,
)


class _Run(msgspec.Struct):
    """A question with its answer, how often in a row it came, and how often it was cut short."""

    question: Decision
    response: str
    count: int = 1
    broken: int = 0


class LoopBreaker:
    """Remembers the last question of each seat and type; of one game."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, DecisionType], _Run] = {}

    def answer_to(self, decision: Decision) -> str | None:
        """Return the answer that ends a loop; None where the seat is to be asked.

        A loop that was cut short stays so until another question of this type comes: else the
        stack of a repeated ability would grow faster than it resolves.
        """
        run = self._runs.get((decision.player, decision.decision_type))
        if run is None or run.count < MOST_REPEATS or not _is_same(run.question, decision):
            return None
        run.broken += 1
        return _way_out(decision, is_first=run.broken % 2 == 1)

    def note(self, decision: Decision, response: str) -> None:
        """Count an answer of the seat."""
        key = (decision.player, decision.decision_type)
        run = self._runs.get(key)
        if run is not None and run.response == response and _is_same(run.question, decision):
            run.count += not _ends_loops(decision, response)
            return
        if len(self._runs) >= _MOST_SEATS * len(DecisionType):
            self._runs.clear()
        self._runs[key] = _Run(decision, response)


def _is_same(one: Decision, other: Decision) -> bool:
    """Compare all that a question says but its number and the position."""
    return (
        one.turn == other.turn
        and one.actions == other.actions
        and one.attackers == other.attackers
        and one.blockers == other.blockers
        and one.abilities == other.abilities
        and one.cards == other.cards
        and one.entities == other.entities
        and one.message == other.message
        and (one.min, one.max, one.optional) == (other.min, other.max, other.optional)
    )


def _ends_loops(decision: Decision, response: str) -> bool:
    """Whether it does nothing. (No attack at all may be what the rules forbid.)"""
    is_attack = decision.decision_type is DecisionType.DECLARE_ATTACKERS
    return not is_attack and response == _way_out(decision, is_first=True)


def _way_out(decision: Decision, *, is_first: bool) -> str:
    """The answer that does least; where that is asked again, for attackers, all of them."""
    match decision.decision_type:
        case DecisionType.DECLARE_ATTACKERS:
            everyone = answers.format_indices(entry.index for entry in decision.attackers)
            return "" if is_first else everyone
        case DecisionType.DECLARE_BLOCKERS | DecisionType.CHOOSE_CARDS | DecisionType.REVEAL:
            return ""
        case DecisionType.ANNOUNCE_VALUE:
            return answers.format_index(decision.min)
        case DecisionType.CHOOSE_ABILITY:
            return answers.format_index(decision.abilities[-1].index if decision.abilities else 0)
        case DecisionType.CHOOSE_ENTITY if not decision.optional and decision.entities:
            return answers.format_index(decision.entities[-1].index)
        case kind if kind in _YES_OR_NO:
            return answers.format_confirm(agreed=False)
        case _:
            return answers.format_index(answers.PASS)
