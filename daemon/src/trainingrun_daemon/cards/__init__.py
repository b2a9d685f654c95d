"""The cards that the engine knows, by name.

A card is one declarative entry (``define``) made of the blocks in ``rules.effects``; what only one
card does is a function beside it. Modules are by colour and kind. Texts are in our own words.
"""

from typing import Final

from trainingrun_daemon.cards import (
    artifacts,
    black,
    blue,
    gold,
    green,
    lands,
    planeswalkers,
    red,
    red_creatures,
    red_spells,
    white,
    white_creatures,
    white_spells,
)
from trainingrun_daemon.rules.model import CardFace

_MODULES: Final = (
    lands,
    red,
    red_creatures,
    red_spells,
    white,
    white_creatures,
    white_spells,
    blue,
    black,
    green,
    gold,
    artifacts,
    planeswalkers,
)
KNOWN_CARDS: Final[dict[str, CardFace]] = {
    face.name.casefold(): face for module in _MODULES for face in module.CARDS
}
"""Every known card by its name in lower case."""
