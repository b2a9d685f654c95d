"""Reasons of games that a program reads, beside people."""

from typing import Final

GAME_LOST: Final = "the engine's game was lost"
"""How the reason begins of a game that ended with the Game service that held it: neither its
players nor its engine failed, and it may be played again at once."""
