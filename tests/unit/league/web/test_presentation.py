"""Messages as templates show them."""

from __future__ import annotations

import json

from trainingrun_contracts.league.v1.common_pb2 import Rating, Score
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetPayoffMatrixResponse,
    ListResultsResponse,
    MatchResult,
    Player,
)
from trainingrun_contracts.league.v1.game_pb2 import GamePhase, GameState, LegalAction
from trainingrun_contracts.league.v1.model_pb2 import Model, Stage
from trainingrun_league.web.context import new_templates, script_data
from trainingrun_league.web.presentation import (
    game_row,
    ladder_rows,
    lineages_of,
    matrix_rows,
    name_of,
    result_rows,
    state_json,
    winner_of,
)

EVIL = "</script><script>alert(1)</script>"


def test_an_interval_is_drawn_around_its_rating() -> None:
    """All on one scale, within the picture; without a rank it is drawn but rates nothing."""
    players = [
        Player(id="model/a", rank=1, rating=Rating(elo=200, error=20, games=40)),
        Player(id="model/b", rank=2, rating=Rating(elo=0, error=50, games=10)),
    ]
    first, second = ladder_rows(players, "model/a")
    assert (first.elo, first.margin, first.is_champion) == (200, 39, True)
    for row in (first, second):
        assert 0 <= row.low <= row.middle <= row.low + row.width <= 200
    assert second.middle < first.middle
    assert ladder_rows([], "") == []


def test_the_matrix_has_a_cell_for_every_pair() -> None:
    """Shares of points, the own cell empty."""
    cells = [
        GetPayoffMatrixResponse.Cell(score=Score(wins=wins, draws=2, losses=losses))
        for wins, losses in ((0, 0), (6, 2), (2, 6), (0, 0))
    ]
    matrix = GetPayoffMatrixResponse(
        players=[Player(id="model/a"), Player(id="model/b")], cells=cells, nash=[1.0, 0.0]
    )
    first, second = matrix_rows(matrix)
    assert [cell.text for cell in first.cells] == ["·", "70"]
    assert [cell.text for cell in second.cells] == ["30", "·"]
    assert first.cells[1].heat > 4 > second.cells[0].heat
    assert matrix_rows(GetPayoffMatrixResponse(players=[Player(id="model/a")])) == []


def test_results_are_seen_from_the_player_that_is_shown() -> None:
    """Whichever of the two stood first."""
    score = Score(wins=3, draws=1, losses=2)
    results = ListResultsResponse(
        results=[
            MatchResult(first="model/a", second="model/b", score=score),
            MatchResult(first="model/b", second="model/a", score=score),
        ]
    )
    rows = result_rows(results, "model/a")
    assert [(row.opponent, row.wins, row.losses) for row in rows] == [
        ("model/b", 3, 2),
        ("model/b", 2, 3),
    ]


def test_a_game_says_who_won_only_where_somebody_did() -> None:
    """A draw, a running game and one that was abandoned have no winner."""
    finished = GamePhase.GAME_PHASE_FINISHED
    assert winner_of(GameState(phase=finished, returns=[-1, 1])) == 2
    assert winner_of(GameState(phase=finished, returns=[0, 0])) == 0
    assert winner_of(GameState(phase=GamePhase.GAME_PHASE_RUNNING, returns=[1, -1])) == 0
    assert game_row(GameState(phase=finished, players=["", ""], returns=[0, 0])).result == "drawn"


def test_people_read_names_without_their_digits() -> None:
    """The digits make a name its owner's; players of other kinds have none."""
    assert name_of("person/ada-7f3a") == "ada"
    assert name_of("model/m-7f3a") == "m-7f3a"
    assert name_of("") == "open seat"


def test_models_stand_with_their_lineage() -> None:
    """In the order of the newest."""
    models = [
        Model(id="m3", lineage="b", stage=Stage.STAGE_VALIDATED),
        Model(id="m2", lineage="a", stage=Stage.STAGE_PROMOTED),
        Model(id="m1", lineage="b", stage=Stage.STAGE_REJECTED),
    ]
    found = lineages_of(models)
    assert [(each.name, [row.id for row in each.models]) for each in found] == [
        ("b", ["m3", "m1"]),
        ("a", ["m2"]),
    ]
    assert found[0].models[0].is_playable
    assert not found[0].models[1].is_playable


def test_no_text_of_a_game_ends_the_data_of_its_page() -> None:
    """Games are of anyone, and so are their words."""
    state = GameState(text=EVIL, reason=EVIL, legal_actions=[LegalAction(number=1, text=EVIL)])
    written = script_data(state_json(state))
    assert "<" not in written
    assert json.loads(written)["text"] == EVIL


def test_templates_escape_what_they_are_given() -> None:
    """A name with markup in it is shown as it is written."""
    templates = new_templates()
    assert templates.autoescape is True
    page = templates.get_template("problem.html").render(
        league=EVIL,
        environment=EVIL,
        section="/",
        person=None,
        notices=[EVIL],
        title=EVIL,
        text=EVIL,
    )
    assert EVIL not in page
