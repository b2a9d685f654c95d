"""The cards that the engine knows, by name.

A card is one declarative entry (``define``) made of the blocks in ``rules.effects``; what only one
card does is a function beside it. Each module is one colour. Texts are in our own words.
"""

from typing import Final

from trainingrun_daemon.cards import blue, lands, red, white
from trainingrun_daemon.rules.model import CardFace

KNOWN_CARDS: Final[dict[str, CardFace]] = {
    face.name.casefold(): face for module in (lands, red, white, blue) for face in module.CARDS
}
"""Every known card by its name in lower case."""
