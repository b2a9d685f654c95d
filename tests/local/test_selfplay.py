"""Self-play processes around a real Redis: games arrive whole, are counted once, and go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, SearchConfig
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import ActorConfig, LearnerConfig, RunConfig
from trainingrun_environments.registry import games_of

from testkit.roles.actor_bed import Bed, actor_bed, config, has_traceback
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

TIC_TAC_TOE: Final = BuiltIn("tic_tac_toe")
SPEC: Final = games_of(TIC_TAC_TOE).spec
NETWORK: Final = Network("mlp", width=32, layers=1)


def settings(**changes: Any) -> RunConfig:
    """A run of tic-tac-toe with a small network."""
    values: dict[str, Any] = {
        "environment": TIC_TAC_TOE,
        "decks": ("",),
        "actor": ActorConfig(games_per_actor=8),
        "learner": LearnerConfig(batch_transitions=1_000_000, network=NETWORK),
        "alpha_zero": AlphaZeroConfig(search=SearchConfig(simulations=16)),
    }
    return config(**{**values, **changes})


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """Weights for tic-tac-toe."""
    with actor_bed(tmp_path, redis_server) as found:
        found.publish_board(NETWORK, SPEC)
        yield found


def test_games_fill_the_queue_and_the_ledger_closes(bed: Bed) -> None:
    """Expect every game with the moves of both seats, each by the rules, with targets, and counts
    that add up.
    """
    process = bed.start_role("selfplay", settings())
    until(lambda: bed.games() >= 200, seconds=120, what="200 games")
    assert process.terminate(seconds=60) == 0, process.text
    assert not has_traceback(process.text)
    totals = bed.check_ledger()
    assert (totals.lost, totals.spool, totals.duplicate) == (0, 0, 0)
    segments = bed.segments()
    games = Counter(each.header.game_id for each in segments)
    assert len(games) == bed.games()
    assert set(games.values()) == {2}
    for each in segments:
        assert each.targets is not None
        assert each.header.terminated
        assert set(each.publishes.tolist()) == {0}
        assert (each.targets.outcomes == each.rewards[-1]).all()
        assert np.isfinite(each.log_probs).all()
    ends = bed.games("seat1"), bed.games("seat2"), bed.games("draws")
    assert sum(ends) == bed.games()
    assert ends[0] > ends[1] > 0
