"""What was chosen at a decision: by the answer of a client, or by the engine's own player.

Answers are read as a server reads them, so that what is shown is what was done: an unreadable
answer is the safe default. The choice of the engine's player (``ai_choice``) is positions in our
engine and may be names in others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct
from trainingrun_protocol import answers
from trainingrun_protocol.decisions import (
    Ability,
    Action,
    Card,
    Combatant,
    Decision,
    Entity,
)


class Moment(Struct, frozen=True):
    """A decision, with the answer line; None where the engine's own player decided."""

    decision: Decision
    answer: str | None


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_T = TypeVar("_T")
_N = TypeVar("_N", bound=_Named)


def chosen_action(moment: Moment) -> Action | None:
    """Return the action; None when the seat passed."""
    listed = [action for action in moment.decision.actions if action.index >= 0]
    return _at(listed, _index(moment, len(listed), default=answers.PASS))


def chosen_entity(moment: Moment) -> Entity | None:
    """Return the target; None when it was declined."""
    decision = moment.decision
    default = answers.PASS if decision.optional else 0
    return _at(decision.entities, _index(moment, len(decision.entities), default=default))


def chosen_ability(moment: Moment) -> Ability | None:
    """Return the ability or mode."""
    listed = moment.decision.abilities
    return _at(listed, _index(moment, len(listed), default=0))


def chosen_value(moment: Moment) -> int:
    """Return the number that was announced."""
    decision, chosen = moment.decision, moment.decision.ai_choice
    if moment.answer is not None:
        return answers.parse_value(moment.answer, minimum=decision.min, maximum=decision.max)
    return chosen if isinstance(chosen, int) else decision.min


def agreed(moment: Moment) -> bool:
    """Return whether the answer was yes."""
    if moment.answer is not None:
        return answers.parse_confirm(moment.answer)
    return bool(moment.decision.ai_choice)


def chosen_cards(moment: Moment) -> list[Card]:
    """Return the cards, in the order of the choice."""
    decision = moment.decision
    if moment.answer is None:
        return _listed(decision.cards, decision.ai_choice)
    positions = answers.parse_chosen_cards(
        moment.answer, count=len(decision.cards), minimum=decision.min, maximum=decision.max
    )
    return [decision.cards[position] for position in positions]


def chosen_attackers(moment: Moment) -> list[Combatant]:
    """Who attacks."""
    listed = moment.decision.attackers
    if moment.answer is None:
        return _listed(listed, moment.decision.ai_choice)
    return [listed[at] for at in answers.parse_indices(moment.answer, count=len(listed))]


def chosen_blocks(moment: Moment) -> list[tuple[Combatant, Combatant]]:
    """Who blocks whom: pairs of blocker and attacker."""
    decision = moment.decision
    blockers, attackers = decision.blockers, decision.attackers
    if moment.answer is not None:
        pairs: Iterable[tuple[int, int]] = answers.parse_blocks(
            moment.answer, blockers=len(blockers), attackers=len(attackers)
        )
    else:
        pairs = _pairs(decision.ai_choice)
    return [
        (blockers[blocker], attackers[attacker])
        for blocker, attacker in pairs
        if 0 <= blocker < len(blockers) and 0 <= attacker < len(attackers)
    ]


def _index(moment: Moment, count: int, *, default: int) -> int:
    if moment.answer is not None:
        return answers.parse_index(moment.answer, count=count, default=default)
    index = moment.decision.ai_choice_index
    if index is None and isinstance(moment.decision.ai_choice, int):
        index = moment.decision.ai_choice
    return default if index is None else index


def _at(listed: Sequence[_T], index: int) -> _T | None:
    return listed[index] if 0 <= index < len(listed) else None


def _listed(options: Sequence[_N], chosen: object) -> list[_N]:
    """Return the options at these positions or of these names, each once."""
    left = list(options)
    found: list[_N] = []
    for each in chosen if isinstance(chosen, list | tuple) else ():
        if isinstance(each, int) and 0 <= each < len(options):
            option: _N | None = options[each]
        else:
            option = next((one for one in left if one.name == each), None)
        if option is not None and option in left:
            left.remove(option)
            found.append(option)
    return found


def _pairs(chosen: object) -> Iterator[tuple[int, int]]:
    for each in chosen if isinstance(chosen, list | tuple) else ():
        match each:
            case [int(blocker), int(attacker)]:
                yield blocker, attacker
