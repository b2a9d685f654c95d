"""Blue cards."""

from typing import Final

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.effects.aims import target_creature
from trainingrun_daemon.rules.effects.harm import bounce_targets
from trainingrun_daemon.rules.terms import Keyword, Purpose

_FLYING: Final = (Keyword.FLYING,)

CARDS: Final = (
    creature("Merfolk of the Pearl Trident", "{U}", "Merfolk", size=(1, 1)),
    creature("Coral Merfolk", "{1}{U}", "Merfolk", size=(2, 1)),
    creature("Storm Crow", "{1}{U}", "Bird", size=(1, 2), text="Flying.", keywords=_FLYING),
    creature("Wind Drake", "{2}{U}", "Drake", size=(2, 2), text="Flying.", keywords=_FLYING),
    creature("Snapping Drake", "{3}{U}", "Drake", size=(3, 2), text="Flying.", keywords=_FLYING),
    creature(
        "Air Elemental", "{3}{U}{U}", "Elemental", size=(4, 4), text="Flying.", keywords=_FLYING
    ),
    define(
        "Unsummon",
        "{U}",
        "Instant",
        text="Put target creature back into its owner's hand.",
        targets=(target_creature(Purpose.BOUNCE),),
        spell=bounce_targets,
    ),
)
