"""``trainingrun watch``: a recorded game, turn by turn.

``story`` makes sentences of decisions (with ``choices``: what was chosen, ``changes``: what came of
it, ``board``: how it stands); all of that is pure. ``sources`` reads tapes and daemons, ``screen``
prints. Not here: any rule of the game; what the decisions do not show is left out.
"""
