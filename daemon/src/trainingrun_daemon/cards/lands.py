"""Lands."""

from typing import Final

from trainingrun_daemon.rules.model import CardFace


def _basic(name: str, color: str) -> CardFace:
    return CardFace(
        name=name, types=f"Basic Land - {name}", text=f"Tap: add {{{color}}}.", makes_mana=color
    )


CARDS: Final = (
    _basic("Plains", "W"),
    _basic("Island", "U"),
    _basic("Swamp", "B"),
    _basic("Mountain", "R"),
    _basic("Forest", "G"),
)
