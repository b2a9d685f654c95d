"""The picture of win rates by decks."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from trainingrun_contracts.reports import DeckResult, Evaluation
from trainingrun_operator.cli.local.matrix import draw_deck_matrix


def evaluation(opponent: str, decks: int, at: float = 1.0) -> Evaluation:
    """An evaluation in which not every pair of decks was played."""
    rows = tuple(
        DeckResult(opponent, f"deck_{own}", f"deck_{other}", games=4, wins=own % 5, draws=0)
        for own in range(decks)
        for other in range(decks)
        if (own + other) % 3
    )
    return Evaluation(
        at=at, version=3, training_games=0, opponent=opponent, games=4 * len(rows), wins=1,
        draws=0, rate=0.5, low=0.4, high=0.6, results=rows,
    )  # fmt: skip


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return int(width), int(height)


@pytest.mark.parametrize("decks", [2, 12])
def test_each_opponent_has_a_panel(tmp_path: Path, decks: int) -> None:
    """Two opponents make a picture about twice as wide; an older evaluation adds none."""
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    random = [evaluation("random", decks), evaluation("random", decks, at=2.0)]
    draw_deck_matrix(random, one, title="small")
    draw_deck_matrix([*random, evaluation("engine", decks)], two, title="small")
    assert size_of(two)[0] > 1.6 * size_of(one)[0]
    assert size_of(two)[1] == size_of(one)[1]


def test_a_run_without_results_has_a_picture_too(tmp_path: Path) -> None:
    """Also one whose results are of before the decks were told apart."""
    old = evaluation("random", 0)
    for number, results in enumerate(([], [old])):
        path = tmp_path / f"{number}.png"
        draw_deck_matrix(results, path, title="small")
        assert size_of(path)[0] > 100
