"""Blue cards."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.effects.harm import bounce_target, target_creature
from trainingrun_daemon.rules.model import Keyword, Purpose

_FLYING: Final = (Keyword.FLYING,)

CARDS: Final = (
    creature("Merfolk of the Pearl Trident", "{U}", "Merfolk", (1, 1)),
    creature("Coral Merfolk", "{1}{U}", "Merfolk", (2, 1)),
    creature("Storm Crow", "{1}{U}", "Bird", (1, 2), "Flying.", keywords=_FLYING),
    creature("Wind Drake", "{2}{U}", "Drake", (2, 2), "Flying.", keywords=_FLYING),
    creature("Snapping Drake", "{3}{U}", "Drake", (3, 2), "Flying.", keywords=_FLYING),
    creature("Air Elemental", "{3}{U}{U}", "Elemental", (4, 4), "Flying.", keywords=_FLYING),
    define(
        "Unsummon",
        "{U}",
        "Instant",
        "Put target creature back into its owner's hand.",
        targets=(target_creature(Purpose.BOUNCE),),
        spell=bounce_target,
    ),
)
