"""Decks on the command line: what is in them (``figures``), and the verbs ``trainingrun decks
list | show | check | add`` (``verbs``; ``adding`` has what the last one does).

Not here: whether a deck can be played; that is the engine's word, and the catalogue of cards that
is read here is generated from it.
"""
