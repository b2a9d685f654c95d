"""Answers of the engine's AI to every kind of choice."""

from trainingrun_daemon.ai.fights import choose_attackers, choose_blocks
from trainingrun_daemon.ai.spells import choose_action
from trainingrun_daemon.rules.choices import (
    AnnounceValue,
    ChooseAbility,
    ChooseAction,
    ChooseCards,
    ChooseEntity,
    Confirm,
    DeclareAttackers,
    DeclareBlockers,
)
from trainingrun_daemon.rules.face import Answer, Choice
from trainingrun_daemon.rules.model import Card, Game
from trainingrun_daemon.rules.terms import Purpose

_ENOUGH_LANDS = 5


def choose_answer(game: Game, choice: Choice) -> Answer:
    """Give the AI's answer to a choice."""
    match choice:
        case ChooseAction():
            return choose_action(game, choice)
        case DeclareAttackers():
            return choose_attackers(game, choice)
        case DeclareBlockers():
            return choose_blocks(game, choice)
        case ChooseEntity():
            return 0  # lists of targets are ordered best-first
        case ChooseCards():
            return _choose_least_wanted(game, choice)
        case ChooseAbility():
            return 0  # lists are ordered best-first
        case AnnounceValue():
            return choice.maximum
        case Confirm():
            return int(_agrees(game, choice))
        case _:
            return None


def _agrees(game: Game, choice: Confirm) -> bool:
    if choice.purpose is not Purpose.MULLIGAN:
        return choice.is_wise
    lands = sum(card.face.is_land for card in game.players[choice.seat].hand)
    return lands == 1  # the engine asks only about hands with 0, 1, 6 or 7 lands


def _choose_least_wanted(game: Game, choice: ChooseCards) -> tuple[int, ...]:
    if choice.purpose is Purpose.KEEP:
        return tuple(range(choice.maximum))
    player = game.players[choice.seat]
    lands = sum(card.face.is_land for card in [*player.battlefield, *choice.cards])
    has_enough = lands > _ENOUGH_LANDS

    def wanted(position: int) -> tuple[bool, int]:
        card: Card = choice.cards[position]
        if card.face.is_land:
            return (not has_enough, 0)
        return (has_enough, -card.face.cost.mana_value)

    return tuple(sorted(range(len(choice.cards)), key=wanted)[: choice.minimum])
