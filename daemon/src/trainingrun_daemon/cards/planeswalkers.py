"""Planeswalkers."""

from typing import Final

from trainingrun_daemon.rules.face import CardFace

CARDS: Final[tuple[CardFace, ...]] = ()
