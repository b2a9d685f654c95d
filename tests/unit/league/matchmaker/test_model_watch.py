"""Which models the Matchmaker plays where somebody names them."""

from typing import cast

import pytest
from trainingrun_contracts.league.v1.model_pb2 import Model, Stage, Validation
from trainingrun_league.errors import Conflict, NotFound
from trainingrun_league.matchmaker.model_watch import ModelWatch
from trainingrun_league.matchmaker.pool import RANDOM, SEARCH, builtins_of
from trainingrun_league.peers import Peers


def watch_of(*models: Model) -> ModelWatch:
    """Return a watch that was told of these models; nothing is asked of any service."""
    watch = ModelWatch(cast("Peers", None), builtins_of(can_search=False))
    for model in models:
        watch.take(model)
    return watch


def test_a_model_that_lost_against_the_champion_is_played_where_it_is_named() -> None:
    """Expect a tournament to take it, as workers have played it before."""
    lost = Model(id="m2", stage=Stage.STAGE_REJECTED, validation=Validation(games=8))
    assert watch_of(lost).player("model/m2") == "model/m2"


@pytest.mark.parametrize(
    "model",
    [
        Model(id="m1", stage=Stage.STAGE_PENDING_VALIDATION),
        Model(id="m1", stage=Stage.STAGE_REJECTED),
        Model(id="m1", stage=Stage.STAGE_REJECTED, validation=Validation(problem="not finite")),
    ],
    ids=["pending", "damaged", "refused"],
)
def test_a_model_that_nobody_could_play_is_not(model: Model) -> None:
    """Expect its stage in the refusal."""
    with pytest.raises(Conflict, match="cannot be played"):
        watch_of(model).player("model/m1")


def test_a_champion_that_another_one_follows_is_played_still() -> None:
    """Expect one champion, and both to be played by their names."""
    first = Model(id="m1", stage=Stage.STAGE_PROMOTED)
    watch = watch_of(first, Model(id="m2", stage=Stage.STAGE_PROMOTED))
    assert watch.player("champion") == "model/m2"
    assert watch.player("model/m1") == "model/m1"


def test_a_search_is_no_player_of_games_that_cannot_be_cloned() -> None:
    """Expect who names it to hear which builtin players there are."""
    assert watch_of().player(RANDOM) == RANDOM
    with pytest.raises(NotFound, match=r"there are builtin/random$"):
        watch_of().player(SEARCH)
