"""The page of win rates deck by deck that an evaluation may leave."""

from __future__ import annotations

from trainingrun.commands.report.material import measured
from trainingrun.commands.report.page import deck_page
from trainingrun_contracts.reports import DeckResult, Evaluation


def evaluation(opponent: str, results: tuple[DeckResult, ...]) -> Evaluation:
    """An evaluation with these results."""
    return Evaluation(
        at=1.0,
        version=3,
        training_games=0,
        opponent=opponent,
        games=8,
        wins=4,
        draws=0,
        rate=0.5,
        low=0.4,
        high=0.6,
        results=results,
    )


def test_each_opponent_has_a_table_with_its_rates() -> None:
    """Expect own decks down, the opponent's across, and a cell only where games were played."""
    red_wins = DeckResult("random", "red", "white", games=4, wins=3, draws=1)
    white_loses = DeckResult("engine", "white", "red", games=4, wins=0, draws=0)
    both = [measured(evaluation(each.opponent, (each,))) for each in (red_wins, white_loses)]
    text = deck_page("decks <of> a run", both).decode()
    assert "decks &lt;of&gt; a run" in text
    assert text.count('class="matrix"') == 2
    assert "88%" in text
    assert "0%" in text
    assert text.count("<small> of 4</small>") == 2


def test_games_without_decks_have_no_table() -> None:
    """Their one cell would repeat the win rate."""
    results = (DeckResult("random", "-", "-", games=8, wins=4, draws=0),)
    text = deck_page("connect-four", [measured(evaluation("random", results))]).decode()
    assert 'class="matrix"' not in text


def test_a_run_without_results_has_a_page_too() -> None:
    """Also one whose results are of before the decks were distinguished."""
    for newest in ([], [measured(evaluation("random", ()))]):
        text = deck_page("empty", newest).decode()
        assert "No game was played deck against deck." in text
        assert 'class="matrix"' not in text
