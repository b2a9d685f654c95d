"""A thousand positions of Connect Four that no training sees, with what each move leads to.

    python -m testkit.connect_four.labelled     # writes positions.txt anew, from its seed: minutes

A line is the columns of the stones so far (1 to 7) and a mark for each column: ``+`` wins, ``0``
draws, ``-`` loses, ``.`` has no room. All have a move that is better than another one: agreement is
the share of positions in which a player chooses one of the best.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct
from trainingrun_environments.connect_four.game import COLUMNS, ConnectFour

from testkit.connect_four.solver import Solver

FILE: Final = Path(__file__).with_name("positions.txt")
POSITIONS: Final = 1000
SEED: Final = 20260101
STONES: Final = (12, 30)
_MARKS: Final = {1: "+", 0: "0", -1: "-"}


class Labelled(Struct, frozen=True):
    """One position.

    Attributes:
        columns: of the stones so far, 1 to 7.
        marks: for each column, as in the file.
    """

    columns: str
    marks: str

    @property
    def best(self) -> frozenset[int]:
        """The actions (0 to 6) whose result is the best there is."""
        mark = next(each for each in "+0-" if each in self.marks)
        return frozenset(a for a, found in enumerate(self.marks) if found == mark)

    def game(self) -> ConnectFour:
        """Return the position as a game."""
        game = ConnectFour()
        for column in self.columns:
            game.apply(int(column) - 1)
        return game


def labelled_positions() -> tuple[Labelled, ...]:
    """Return the positions of the file."""
    lines = FILE.read_text("utf-8").splitlines()
    return tuple(Labelled(*line.split()) for line in lines)


def agreement(choose: Callable[[ConnectFour], int], positions: tuple[Labelled, ...]) -> float:
    """Return the share of positions in which a player's action is one of the best."""
    return sum(choose(each.game()) in each.best for each in positions) / len(positions)


def label(columns: str, solver: Solver) -> Labelled:
    """Return a position with its marks."""
    values = solver.values(columns)
    marks = [_MARKS[values[c]] if c in values else "." for c in range(1, COLUMNS + 1)]
    return Labelled(columns, "".join(marks))


def drawn(seed: int) -> Iterator[str]:
    """Return positions of random games without end, each once."""
    random, seen = Random(seed), set[str]()
    while True:
        game, columns = ConnectFour(), ""
        for _ in range(random.randint(*STONES)):
            action = random.choice(game.legal_actions())
            game.apply(action)
            columns += str(action + 1)
            if game.is_terminal:
                break
        board = game.render()
        if not game.is_terminal and board not in seen:
            seen.add(board)
            yield columns


def main() -> int:
    """Write the file."""
    solver, lines = Solver(), list[str]()
    for columns in drawn(SEED):
        found = label(columns, solver)
        if len(set(found.marks) - {"."}) > 1:
            lines.append(f"{found.columns} {found.marks}")
        if len(lines) == POSITIONS:
            break
    FILE.write_text("\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
