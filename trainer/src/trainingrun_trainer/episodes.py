"""How long the trained games were for one seat, and their return: the curves that people read
first.

An episode is one seat's part of a game. It comes in several segments, between those of other games,
and counts when its last one is trained. Segments that were dropped are not in it, nor those that
were trained before a resume.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
from trainingrun_contracts.segment import Segment

RECENT: Final = 100
"""Episodes of a mean; as many as Stable-Baselines3 takes."""
OPEN: Final = 10_000
"""Games that may be under way; beyond, the oldest are forgotten, whose actors are gone."""


class Episodes:
    """Adds up episodes from the segments of one update after the other."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, int], tuple[int, float]] = {}
        self._ended: deque[tuple[int, float]] = deque(maxlen=RECENT)

    def note(self, segments: Sequence[Segment]) -> None:
        """Take in the segments of an update, in the order in which they came."""
        lengths = [segment.transitions for segment in segments]
        starts = np.cumsum([0, *lengths[:-1]])
        rewards = np.concatenate([segment.rewards for segment in segments])
        sums = np.add.reduceat(rewards, starts, dtype=np.float64).tolist()
        for segment, length, reward in zip(segments, lengths, sums, strict=True):
            header = segment.header
            name = (header.actor, header.game_id, header.seat)
            before = self._open.pop(name, (0, 0.0))
            episode = (before[0] + length, before[1] + reward)
            if header.terminated:
                self._ended.append(episode)
            else:
                self._open[name] = episode
        while len(self._open) > OPEN:
            del self._open[next(iter(self._open))]

    def curves(self) -> dict[str, float]:
        """Mean length and reward of the newest episodes, under the names that Stable-Baselines3
        gives them; nothing before the first has ended."""
        if not self._ended:
            return {}
        length, reward = np.mean(self._ended, axis=0).tolist()
        return {"rollout/ep_len_mean": length, "rollout/ep_rew_mean": reward}
