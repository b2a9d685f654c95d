"""The potential of a position of Magic: what the deciding seat leads by, weighted.

Life, power on the board, cards in hand. It is the opponent's with the sign turned. A potential is a
whole multiple of 2^-16 in [-1, 1]: so differences and their sums are exact in float32 without
discount, and a long lead can never outweigh a game.
"""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.curriculum import Shaping

from trainingrun_environments.magic.view import View

_GRAIN: Final = 2.0**-16


def potential(view: View, shaping: Shaping) -> float:
    """Φ of the position as the deciding seat sees it."""
    if shaping.is_none:
        return 0.0
    mine, theirs = view.mine, view.theirs
    lead = (
        shaping.life * (mine.player.life - theirs.player.life)
        + shaping.board * (mine.power - theirs.power)
        + shaping.cards * (mine.player.hand_size - theirs.player.hand_size)
    )
    return round(min(1.0, max(-1.0, lead)) / _GRAIN) * _GRAIN
