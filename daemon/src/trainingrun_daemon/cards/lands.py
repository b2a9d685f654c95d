"""Lands."""

from typing import Final

from trainingrun_daemon.cards.define import define
from trainingrun_daemon.rules.face import CardFace, ManaAbility


def _basic(name: str, color: str) -> CardFace:
    return define(
        name,
        "",
        f"Basic Land - {name}",
        text=f"Tap: add {{{color}}}.",
        mana=(ManaAbility(colors=color),),
    )


CARDS: Final = (
    _basic("Plains", "W"),
    _basic("Island", "U"),
    _basic("Swamp", "B"),
    _basic("Mountain", "R"),
    _basic("Forest", "G"),
)
