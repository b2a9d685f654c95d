"""Tournaments of 2 to 64 entrants: who meets whom, decided by results alone.

``pairings`` gives every match that the results so far call for; called again with the same results
it gives the same ones, so that a service that stopped between two steps continues where it was.
``standings`` ranks. Who plays, when, and where results are kept is not decided here. Refused: a
bracket that is kept and changed, which a crash can leave half changed.
"""
