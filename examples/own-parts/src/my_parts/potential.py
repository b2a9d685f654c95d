"""Who is ahead: lines in which one mark is missing, and none is the other player's."""

from typing import Any

from my_parts.player import LINES, board


class OpenTwos:
    """Made once in each actor."""

    environments = ("tic_tac_toe",)

    def worth(self, question: Any) -> tuple[float, float]:
        """Return what the position is worth to the player who is asked, and to the other."""
        own, other = board(question)
        return _open_twos(own, other) / 8, _open_twos(other, own) / 8


def _open_twos(marks: list[int], others: list[int]) -> int:
    return sum(
        sum(marks[cell] for cell in line) == 2 and not any(others[cell] for cell in line)
        for line in LINES
    )
