"""From a decision to its answer line, by one choice after another among explicit options.

Decisions with several answers (attackers, blockers, cards) are put as a row of questions, each with
its own list of legal options, so that a policy over a flat list can answer all of them: attackers
one at a time until done, each possible blocker in turn, cards until enough. Whatever is chosen, the
answer line is one that the daemon takes as it stands.

Options that no player could tell apart (the second of two equal lands in hand) are offered once.
Not here: who chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from enum import IntEnum
from typing import Final, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from trainingrun_contracts.observation.facts import facts_of, facts_of_action
from trainingrun_contracts.observation.view import View, can_block, view_of
from trainingrun_contracts.protocol import answers
from trainingrun_contracts.protocol.decisions import (
    Ability,
    Action,
    Card,
    Combatant,
    Decision,
    DecisionType,
    Entity,
)

MAX_OPTIONS: Final = 256
_MOST_VALUES: Final = 33

Thing = TypeVar("Thing")


class OptionKind(IntEnum):
    """What an option does; its place in the one-hot part of an action row."""

    PASS = 0
    LAND = 1
    CREATURE = 2
    SPELL = 3
    ABILITY = 4
    ATTACK = 5
    DONE = 6
    BLOCK = 7
    NO_BLOCK = 8
    YES = 9
    NO = 10
    AT_OPPONENT = 11
    AT_SELF = 12
    AT_CARD = 13
    PICK = 14
    VALUE = 15


Item: TypeAlias = Action | Combatant | Entity | Card | Ability | None


class Option(Struct, frozen=True):
    """One legal choice: ``item`` is what the daemon listed, ``against`` the attacker of a block.

    ``index`` is the number that goes into the answer line.
    """

    kind: OptionKind
    index: int = -1
    item: Item = None
    against: Combatant | None = None


class Question(Struct):
    """One choice to make: the position, the options, and what was chosen before in this decision.

    ``subject`` is the blocker that the options are about, where there is one.
    """

    view: View
    options: tuple[Option, ...]
    chosen: tuple[Option, ...] = ()
    subject: Combatant | None = None


class Answering(Protocol):
    """The way from a decision to its answer."""

    @property
    def question(self) -> Question | None:
        """What is to be chosen next; None when the answer is complete."""

    def choose(self, position: int) -> None:
        """Choose the option at this position of the question."""

    @property
    def response(self) -> str:
        """The answer line, without its line end."""


def answering(decision: Decision) -> Answering:
    """Begin to answer a decision."""
    view = view_of(decision)
    match decision.decision_type:
        case DecisionType.DECLARE_ATTACKERS:
            return _Attackers(view)
        case DecisionType.DECLARE_BLOCKERS:
            return _Blockers(view)
        case DecisionType.CHOOSE_CARDS:
            return _Cards(view)
        case DecisionType.REVEAL:
            return _Nothing("")
        case DecisionType.UNKNOWN:
            return _Nothing(str(answers.PASS))
        case DecisionType.CONFIRM_ACTION | DecisionType.PLAY_TRIGGER:
            return _Confirmation(view)
        case DecisionType.PLAY_FROM_EFFECT:
            return _Confirmation(view)
        case _:
            return _Single(view, _listed_options(view))


def _listed_options(view: View) -> tuple[Option, ...]:
    decision = view.decision
    match decision.decision_type:
        case DecisionType.CHOOSE_ACTION:
            return _action_options(view)
        case DecisionType.CHOOSE_ENTITY:
            listed = tuple(_entity_option(decision, entity) for entity in decision.entities)
            may_decline = decision.optional or not listed
            return (*listed[:MAX_OPTIONS], *((Option(OptionKind.PASS),) if may_decline else ()))
        case DecisionType.CHOOSE_ABILITY:
            found = (Option(OptionKind.ABILITY, item.index, item) for item in decision.abilities)
            return tuple(found)[:MAX_OPTIONS] or (Option(OptionKind.PASS),)
        case _:
            values = _values(decision.min, decision.max)
            return tuple(Option(OptionKind.VALUE, value) for value in values)


def _action_options(view: View) -> tuple[Option, ...]:
    listed = [action for action in view.decision.actions if action.index >= 0]
    unique = _distinct(listed, lambda a: (a.card, a.description, a.mana_cost))
    options = [Option(_kind_of(action, view), action.index, action) for action in unique]
    return (*options[:MAX_OPTIONS], Option(OptionKind.PASS))


def _kind_of(action: Action, view: View) -> OptionKind:
    card = view.cards.get(action.card_id)
    if action.is_land:
        return OptionKind.LAND
    if card is not None and any(card.id == held.id for held in view.mine.player.battlefield):
        return OptionKind.ABILITY
    facts = facts_of(card) if card is not None else facts_of_action(action)
    return OptionKind.CREATURE if facts.is_creature else OptionKind.SPELL


def _entity_option(decision: Decision, entity: Entity) -> Option:
    players = {player.name: player for player in decision.game_state.players}
    if entity.type != "player" and entity.name not in players:
        return Option(OptionKind.AT_CARD, entity.index, entity)
    kind = OptionKind.AT_SELF if entity.name == decision.player else OptionKind.AT_OPPONENT
    return Option(kind, entity.index, entity)


def _values(low: int, high: int) -> Iterable[int]:
    """All values, or evenly spread ones with both ends when there are too many to list."""
    high = max(low, high)
    if high - low < _MOST_VALUES:
        return range(low, high + 1)
    steps = _MOST_VALUES - 1
    return [low + (high - low) * step // steps for step in range(_MOST_VALUES)]


class _Nothing:
    """A decision that leaves nothing to choose."""

    question: Question | None = None

    def __init__(self, response: str) -> None:
        self.response = response

    def choose(self, position: int) -> None:
        raise AssertionError(f"nothing to choose at {position}")


class _Single:
    """One option out of a list."""

    def __init__(self, view: View, options: tuple[Option, ...]) -> None:
        self.question: Question | None = Question(view, options)
        self.response = ""

    def choose(self, position: int) -> None:
        assert self.question is not None
        self.response = self._format(self.question.options[position])
        self.question = None

    def _format(self, option: Option) -> str:
        return answers.format_index(option.index)


class _Confirmation(_Single):
    """Yes or no."""

    def __init__(self, view: View) -> None:
        super().__init__(view, (Option(OptionKind.YES, 1), Option(OptionKind.NO, 0)))

    def _format(self, option: Option) -> str:
        return answers.format_confirm(agreed=option.kind is OptionKind.YES)


class _Attackers:
    """One more attacker, or done."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._left = list(view.decision.attackers)[:MAX_OPTIONS]
        self._chosen: list[Option] = []
        self._is_done = not self._left

    @property
    def question(self) -> Question | None:
        if self._is_done:
            return None
        left = _distinct(self._left, lambda c: (c.name, c.power, c.toughness, c.keywords))
        options = (*(Option(OptionKind.ATTACK, c.index, c) for c in left), Option(OptionKind.DONE))
        return Question(self._view, options, tuple(self._chosen))

    def choose(self, position: int) -> None:
        question = self.question
        assert question is not None
        option = question.options[position]
        if option.kind is OptionKind.DONE:
            self._is_done = True
            return
        self._chosen.append(option)
        self._left = [attacker for attacker in self._left if attacker is not option.item]
        self._is_done = not self._left

    @property
    def response(self) -> str:
        return answers.format_indices(option.index for option in self._chosen)


class _Blockers:
    """For each possible blocker in turn: one of the attackers, or none."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._waiting = list(view.decision.blockers)[:MAX_OPTIONS]
        self._chosen: list[Option] = []
        self._question = self._next()

    @property
    def question(self) -> Question | None:
        return self._question

    def choose(self, position: int) -> None:
        assert self._question is not None
        option = self._question.options[position]
        if option.kind is OptionKind.BLOCK:
            self._chosen.append(option)
        self._question = self._next()

    def _next(self) -> Question | None:
        while self._waiting:
            blocker = self._waiting.pop(0)
            own = self._view.creature(blocker)
            able = [
                Option(OptionKind.BLOCK, blocker.index, blocker, attacker)
                for attacker in self._view.decision.attackers[:MAX_OPTIONS]
                if can_block(own, self._view.creature(attacker))
            ]
            if able:
                options = (*able, Option(OptionKind.NO_BLOCK, -1, blocker))
                return Question(self._view, options, tuple(self._chosen), blocker)
        return None

    @property
    def response(self) -> str:
        pairs = ((o.index, o.against.index) for o in self._chosen if o.against is not None)
        return answers.format_blocks(pairs)


class _Cards:
    """One more card, or done once the minimum is reached; the maximum ends it."""

    def __init__(self, view: View) -> None:
        decision = view.decision
        self._view = view
        self._left = list(decision.cards)[:MAX_OPTIONS]
        self._places = {id(card): place for place, card in enumerate(self._left)}
        self._maximum = max(0, min(max(decision.max, decision.min), len(self._left)))
        self._minimum = 0 if decision.optional else min(max(0, decision.min), self._maximum)
        self._chosen: list[Option] = []
        self._is_done = self._maximum == 0

    @property
    def question(self) -> Question | None:
        if self._is_done:
            return None
        left = _distinct(self._left, lambda c: (c.name, c.power, c.toughness, c.tapped, c.damage))
        picks = tuple(Option(OptionKind.PICK, self._places[id(c)], c) for c in left)
        may_stop = len(self._chosen) >= self._minimum
        options = (*picks, Option(OptionKind.DONE)) if may_stop else picks
        return Question(self._view, options, tuple(self._chosen))

    def choose(self, position: int) -> None:
        question = self.question
        assert question is not None
        option = question.options[position]
        if option.kind is OptionKind.DONE:
            self._is_done = True
            return
        self._chosen.append(option)
        self._left = [card for card in self._left if card is not option.item]
        self._is_done = len(self._chosen) >= self._maximum

    @property
    def response(self) -> str:
        return answers.format_indices(option.index for option in self._chosen)


def _distinct(items: list[Thing], key: Callable[[Thing], Hashable]) -> list[Thing]:
    """The first of each group of items that have the same key, in order."""
    if len(items) < 2:
        return items
    first: dict[Hashable, Thing] = {}
    for item in items:
        first.setdefault(key(item), item)
    return list(first.values())
