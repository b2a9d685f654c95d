"""Answers of the engine's AI to every kind of choice."""

from trainingrun_daemon.ai.actions import choose_action
from trainingrun_daemon.ai.attacks import choose_attackers
from trainingrun_daemon.ai.blocks import choose_blocks
from trainingrun_daemon.ai.picks import agrees, choose_ability, choose_cards, choose_value
from trainingrun_daemon.ai.targeting import choose_entity
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
from trainingrun_daemon.rules.model import Game
from trainingrun_daemon.rules.steps import Answer, Choice


def choose_answer(game: Game, choice: Choice) -> Answer:
    """Return the AI's answer to a choice."""
    match choice:
        case ChooseAction():
            return choose_action(game, choice)
        case DeclareAttackers():
            return choose_attackers(game, choice)
        case DeclareBlockers():
            return choose_blocks(game, choice)
        case ChooseEntity():
            return choose_entity(game, choice)
        case ChooseCards():
            return choose_cards(game, choice)
        case ChooseAbility():
            return choose_ability(game, choice)
        case AnnounceValue():
            return choose_value(game, choice)
        case Confirm():
            return int(agrees(game, choice))
        case _:
            return None
