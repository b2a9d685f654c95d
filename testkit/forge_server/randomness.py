"""Chance: one generator for the whole process, as in the original.

A seed starts it anew for every game that is running, so a game repeats only when it runs alone.
"""

import random


class SharedRandom:
    """The process's generator."""

    def __init__(self) -> None:
        self.generator = random.Random()

    def seed(self, seed: int) -> None:
        """Start the generator anew."""
        self.generator.seed(seed)
