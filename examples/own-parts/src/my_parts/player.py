"""A player of tic-tac-toe that wins where it can and prevents a loss where it must."""

from random import Random
from typing import Any

LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


def board(question: Any) -> tuple[list[int], list[int]]:
    """The own marks and the other's, a number for each of nine cells."""
    cells = [int(cell) for cell in question.observation.state]
    return cells[:9], cells[9:]


class Careful:
    """Made once a game."""

    environments = ("tic_tac_toe",)

    def choose(self, question: Any, random: Random) -> int:
        """Return the position of one of ``question.options``, which are cells here."""
        for marks in board(question):
            for line in LINES:
                missing = [cell for cell in line if not marks[cell]]
                if len(missing) == 1 and missing[0] in question.options:
                    return int(question.options.index(missing[0]))
        return random.randrange(len(question.options))
