"""From a decision to its answer line, by one choice after another among explicit options.

Decisions with several answers (attackers, blockers, cards) are put as a row of questions, each with
its own list of legal options, so that a policy over a flat list can answer all of them: attackers
one at a time until done, each possible blocker in turn, cards until enough. Whatever is chosen, the
answer line is one that the daemon takes as it stands.

Not here: who chooses.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Protocol

from trainingrun_protocol import answers
from trainingrun_protocol.decisions import Card, Decision, DecisionType

from trainingrun_environments.magic.options import (
    DONE,
    MAX_OPTIONS,
    Entry,
    Option,
    OptionKind,
    Question,
    distinct,
    listed_options,
    numbered,
)
from trainingrun_environments.magic.view import View, can_block, view_of


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


_FIXED: Final = {DecisionType.REVEAL: "", DecisionType.UNKNOWN: str(answers.PASS)}
"""Answers that leave nothing to choose."""


def answering(decision: Decision) -> Answering:
    """Begin to answer a decision."""
    fixed = _FIXED.get(decision.decision_type)
    if fixed is not None:
        return _Nothing(fixed)
    view = view_of(decision)
    match decision.decision_type:
        case DecisionType.DECLARE_ATTACKERS:
            return _Attackers(view)
        case DecisionType.DECLARE_BLOCKERS:
            return _Blockers(view)
        case DecisionType.CHOOSE_CARDS:
            return _Cards(view)
        case DecisionType.CONFIRM_ACTION | DecisionType.PLAY_TRIGGER:
            return _Confirmation(view)
        case DecisionType.PLAY_FROM_EFFECT:
            return _Confirmation(view)
        case _:
            return _Single(view, listed_options(view))


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
        self._numbers = _numbers(self._left)
        self._chosen: list[Option] = []
        self._is_done = not self._left

    @property
    def question(self) -> Question | None:
        if self._is_done:
            return None
        left = distinct(self._left, lambda c: (c.name, c.power, c.toughness, c.keywords))
        attacks = (Option(OptionKind.ATTACK, self._numbers[id(c)], c) for c in left)
        return Question(self._view, (*attacks, DONE), tuple(self._chosen))

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
        self._waiting = list(numbered(view.decision.blockers[:MAX_OPTIONS]))
        self._numbers = _numbers(view.decision.attackers)
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
            number, blocker = self._waiting.pop(0)
            own = self._view.creature(blocker)
            able = [
                Option(OptionKind.BLOCK, number, blocker, attacker)
                for attacker in self._view.decision.attackers[:MAX_OPTIONS]
                if can_block(own, self._view.creature(attacker))
            ]
            if able:
                options = (*able, Option(OptionKind.NO_BLOCK, -1, blocker))
                return Question(self._view, options, tuple(self._chosen), blocker)
        return None

    @property
    def response(self) -> str:
        pairs = ((o.index, self._numbers[id(o.against)]) for o in self._chosen)
        return answers.format_blocks(pairs)


class _Cards:
    """One more card, or done once there are enough; the maximum ends it.

    Where the choice is optional, none at all is enough too.
    """

    def __init__(self, view: View) -> None:
        decision = view.decision
        self._view = view
        self._left = list(decision.cards)[:MAX_OPTIONS]
        self._numbers = _numbers(self._left)
        self._maximum = max(0, min(max(decision.max, decision.min), len(self._left)))
        self._minimum = min(max(0, decision.min), self._maximum)
        self._chosen: list[Option] = []
        self._is_done = self._maximum == 0

    @property
    def question(self) -> Question | None:
        if self._is_done:
            return None
        picks = tuple(
            Option(OptionKind.PICK, self._numbers[id(card)], card)
            for card in distinct(self._left, _visible_key)
        )
        options = (*picks, DONE) if self._may_stop() else picks
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

    def _may_stop(self) -> bool:
        is_declined = self._view.decision.optional and not self._chosen
        return is_declined or len(self._chosen) >= self._minimum


def _visible_key(card: Card) -> Hashable:
    """Return what distinguishes one card from another for a player."""
    return card.name, card.power, card.toughness, card.tapped, card.damage, card.counters


def _numbers(items: Sequence[Entry]) -> dict[int, int]:
    """Return the number of each item, by its identity: what answers name."""
    return {id(item): number for number, item in numbered(items)}
