"""Ends loops of one question and one answer (protocol section 8).

The original has no limit for seats that are no AI: a free ability can be repeated for ever, an
attack that the rules do not allow is asked for again at once, and its oldest version carries
nothing out. Counted for each seat, within a turn: a new turn is no loop. Passing is never counted,
and interrupts no count, for between two activations of a free ability the seat passes to let the
first resolve.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from trainingrun_protocol import answers
from trainingrun_protocol.decisions import Decision, DecisionType

MOST_REPEATS: Final = 20
_MOST_COUNTED: Final = 512

_YES_OR_NO: Final = (
    DecisionType.CONFIRM_ACTION,
    DecisionType.PLAY_TRIGGER,
    DecisionType.PLAY_FROM_EFFECT,
)


class _Seat(msgspec.Struct):
    """What one seat was asked in the present turn; questions are kept as hashes."""

    turn: int
    answered: Counter[tuple[int, str]] = msgspec.field(default_factory=Counter)
    """How often a question got an answer."""
    closed: Counter[int] = msgspec.field(default_factory=Counter)
    """Questions that are a loop, and how often the seat was passed over there."""


class LoopBreaker:
    """Counts the questions of one game."""

    def __init__(self) -> None:
        self._seats: dict[str, _Seat] = {}

    def answer_to(self, decision: Decision) -> str | None:
        """Return the answer that ends a loop; None where the seat is to be asked.

        The question stays closed for the turn: else the stack of a repeated ability would grow
        faster than it resolves.
        """
        seat = self._seats.get(decision.player)
        if seat is None or not seat.closed or seat.turn != decision.turn:
            return None
        question = _hash(decision)
        if question not in seat.closed:
            return None
        seat.closed[question] += 1
        return _way_out(decision, is_first=seat.closed[question] % 2 == 0)

    def note(self, decision: Decision, response: str) -> None:
        """Count an answer of the seat."""
        if _ends_loops(decision, response):
            return
        seat = self._seats.get(decision.player)
        if seat is None or seat.turn != decision.turn or len(seat.answered) > _MOST_COUNTED:
            if len(self._seats) > 2:
                self._seats.clear()
            seat = self._seats[decision.player] = _Seat(decision.turn)
        question = _hash(decision)
        seat.answered[question, response] += 1
        if seat.answered[question, response] >= MOST_REPEATS:
            seat.closed[question] = 1


def _hash(decision: Decision) -> int:
    """Take all that a question says but its number and the position."""
    return hash(
        msgspec.json.encode(
            (
                decision.decision_type,
                decision.message,
                decision.actions,
                decision.attackers,
                decision.blockers,
                decision.abilities,
                decision.cards,
                decision.entities,
                (decision.min, decision.max, decision.optional),
            )
        )
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
