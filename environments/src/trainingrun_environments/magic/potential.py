"""What a seat can lead by in a position of Magic: life, power on the board, cards in hand."""

from __future__ import annotations

from typing import Final

from trainingrun_environments.magic.options import Question
from trainingrun_environments.seam import Leads


def life(question: Question) -> float:
    """Lives of the deciding seat beyond those of the other."""
    view = question.view
    return view.mine.player.life - view.theirs.player.life


def board(question: Question) -> float:
    """Power of its creatures beyond that of the other's."""
    view = question.view
    return view.mine.power - view.theirs.power


def cards(question: Question) -> float:
    """Cards in its hand beyond those in the other's."""
    view = question.view
    return view.mine.player.hand_size - view.theirs.player.hand_size


LEADS: Final[Leads] = {"life": life, "board": board, "cards": cards}
