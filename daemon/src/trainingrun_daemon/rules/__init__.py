"""The rules of Magic, as far as the known cards need them.

Belongs here: game state, zones, casting, the stack, combat, turns. A game is a generator: it yields
a Choice whenever a player decides and is resumed with the answer, so one thread plays many games
and none of them blocks another. Does not belong here: what single cards do beyond the common
effects (``cards``), who answers (``ai``, ``session``), and how a choice is written on the wire
(``encoding``).

``effects`` holds the building blocks that cards are made of. The order of the modules is in the
import laws (``pyproject.toml``).
"""
