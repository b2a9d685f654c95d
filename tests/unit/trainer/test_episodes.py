"""Episodes are put together from segments that come between those of other games."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from trainingrun_contracts.segment import Segment
from trainingrun_trainer.episodes import OPEN, RECENT, Episodes

MakeSegment = Callable[..., Segment]


@pytest.fixture
def part(make_segment: MakeSegment) -> Callable[..., Segment]:
    """Makes a segment of a game with a reward at its end."""

    def make(
        game: str, *, seat: int = 1, steps: int = 4, reward: float = 0.0, last: bool
    ) -> Segment:
        segment = make_segment(0, steps=steps, terminated=last)
        rewards = np.zeros(steps, dtype=np.float32)
        rewards[-1] = reward
        header = msgspec.structs.replace(segment.header, game_id=game, seat=seat)
        return msgspec.structs.replace(segment, header=header, rewards=rewards)

    return make


def test_an_episode_is_one_seat_of_a_game(part: Callable[..., Segment]) -> None:
    """Expect its segments of several updates together, and no other seat's or game's."""
    episodes = Episodes()
    episodes.note([part("a", last=False), part("a", seat=2, last=False), part("b", last=False)])
    assert episodes.curves() == {}
    episodes.note([part("a", steps=3, reward=1.0, last=True)])
    assert episodes.curves() == {"rollout/ep_len_mean": 7.0, "rollout/ep_rew_mean": 1.0}
    episodes.note([part("a", seat=2, steps=5, reward=-1.0, last=True)])
    assert episodes.curves() == {"rollout/ep_len_mean": 8.0, "rollout/ep_rew_mean": 0.0}


def test_rewards_on_the_way_count(part: Callable[..., Segment]) -> None:
    """Expect the sum, of which shaping is a part."""
    episodes = Episodes()
    episodes.note([part("a", reward=0.25, last=False), part("a", reward=1.0, last=True)])
    assert episodes.curves()["rollout/ep_rew_mean"] == 1.25


def test_the_mean_is_of_the_newest_hundred(part: Callable[..., Segment]) -> None:
    """Expect earlier ones to be forgotten."""
    episodes = Episodes()
    episodes.note([part("long", steps=60, last=True)])
    episodes.note([part(f"{number}", steps=2, last=True) for number in range(RECENT)])
    assert episodes.curves()["rollout/ep_len_mean"] == 2.0


def test_games_that_never_end_are_forgotten(part: Callable[..., Segment]) -> None:
    """Expect a bound on what is kept: the oldest goes, and counts from its next segment."""
    episodes, one = Episodes(), part("x", last=False)
    games = (msgspec.structs.replace(one.header, game_id=str(number)) for number in range(OPEN + 1))
    episodes.note([msgspec.structs.replace(one, header=header) for header in games])
    episodes.note([part("0", last=True)])
    assert episodes.curves()["rollout/ep_len_mean"] == 4
    episodes.note([part(str(OPEN), last=True)])
    assert episodes.curves()["rollout/ep_len_mean"] == (4 + 8) / 2
