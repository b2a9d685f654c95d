"""What was chosen at a decision: by the answer of a client, or by the engine's own player.

Answers are read as a server reads them, so that what is shown is what was done: an unreadable
answer is the safe default. The choice of the engine's player (``ai_choice``) is positions in our
engine and may be names in others. Answers name entries by their numbers, which are positions unless
a server leaves entries out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

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


_E = TypeVar("_E", Ability, Action, Card, Combatant, Entity)
_N = TypeVar("_N", Card, Combatant)


def chosen_action(moment: Moment) -> Action | None:
    """Return the action; None when the seat passed."""
    listed = [action for action in moment.decision.actions if action.index >= 0]
    return _chosen(moment, listed, default=answers.PASS)


def chosen_entity(moment: Moment) -> Entity | None:
    """Return the target; None when it was declined."""
    decision = moment.decision
    default = answers.PASS if decision.optional else 0
    return _chosen(moment, decision.entities, default=default)


def chosen_ability(moment: Moment) -> Ability | None:
    """Return the ability or mode."""
    return _chosen(moment, moment.decision.abilities, default=0)


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
    numbered = _numbered(decision.cards)
    named = answers.parse_indices(moment.answer, count=_count(numbered))
    chosen = [numbered[number] for number in named if number in numbered][: decision.max]
    missing = max(0, decision.min - len(chosen))
    return [*chosen, *[card for card in decision.cards if card not in chosen][:missing]]


def chosen_attackers(moment: Moment) -> list[Combatant]:
    """Who attacks."""
    listed = moment.decision.attackers
    if moment.answer is None:
        return _listed(listed, moment.decision.ai_choice)
    numbered = _numbered(listed)
    named = answers.parse_indices(moment.answer, count=_count(numbered))
    return [numbered[number] for number in named if number in numbered]


def chosen_blocks(moment: Moment) -> list[tuple[Combatant, Combatant]]:
    """Who blocks whom: pairs of blocker and attacker."""
    decision = moment.decision
    blockers, attackers = _numbered(decision.blockers), _numbered(decision.attackers)
    if moment.answer is not None:
        pairs: Iterable[tuple[int, int]] = answers.parse_blocks(
            moment.answer, blockers=_count(blockers), attackers=_count(attackers)
        )
    else:
        pairs = _pairs(decision.ai_choice)
    return [
        (blockers[blocker], attackers[attacker])
        for blocker, attacker in pairs
        if blocker in blockers and attacker in attackers
    ]


def _chosen(moment: Moment, listed: Sequence[_E], *, default: int) -> _E | None:
    """Return the entry that the answer, or the engine's own player, names by its number."""
    numbered = _numbered(listed)
    if moment.answer is not None:
        number = answers.parse_index(moment.answer, count=_count(numbered), default=default)
        return numbered.get(number, numbered.get(default))
    index = moment.decision.ai_choice_index
    if index is None and isinstance(moment.decision.ai_choice, int):
        index = moment.decision.ai_choice
    return numbered.get(default if index is None else index)


def _numbered(listed: Sequence[_E]) -> dict[int, _E]:
    """Return the entries by their numbers; by their positions where there are none."""
    return {
        each.index if each.index >= 0 else position: each for position, each in enumerate(listed)
    }


def _count(numbered: dict[int, _E]) -> int:
    return max(numbered, default=-1) + 1


def _listed(options: Sequence[_N], chosen: object) -> list[_N]:
    """Return the options at these positions or of these names, each once."""
    left, numbered = list(options), _numbered(options)
    found: list[_N] = []
    for each in chosen if isinstance(chosen, list | tuple) else ():
        if isinstance(each, int) and each in numbered:
            option: _N | None = numbered[each]
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
