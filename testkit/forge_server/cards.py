"""The cards that decks of the stand-in may have: the engine's, and a few that try its clients."""

from typing import Final

from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.cards.define import creature
from trainingrun_daemon.rules.enums import Keyword
from trainingrun_daemon.rules.model import CardFace

_MORE: Final = (
    creature(
        "Bloodrock Cyclops",
        "{2}{R}",
        "Cyclops",
        size=(3, 3),
        text="Attacks each combat if able.",
        keywords=(Keyword.MUST_ATTACK,),
    ),
    creature(
        "Lim-Dûl's Cohort",
        "{1}{B}{B}",
        "Zombie",
        size=(2, 3),
        text='Creatures that it fights can\'t be "regenerated".',
    ),
)
CARDS: Final[dict[str, CardFace]] = KNOWN_CARDS | {face.name.casefold(): face for face in _MORE}
"""Every card by its name in lower case."""
