"""Micro-batching: all games that are ready in one turn of the event loop share one forward pass.

No timer: a request waits for the next turn of the loop, never for company. The first request of a
turn schedules the pass; those that arrive before it runs go along.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import exp
from time import perf_counter

import numpy as np
from msgspec import Struct
from trainingrun_environments.observation import Observation

from trainingrun_actor.policy import Policy


class Choice(Struct, frozen=True):
    """What a policy chose: a position among the options, its log-probability, the state's value."""

    position: int
    log_prob: float
    value: float


class _Request(Struct):
    policy: Policy
    observation: Observation
    draw: float | None
    answer: asyncio.Future[Choice]


class Inference:
    """Collects requests and answers them together; ``note`` hears the decisions and seconds of each
    pass."""

    def __init__(
        self, note: Callable[[int, float], None] = lambda _decisions, _seconds: None
    ) -> None:
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Request] = []

    async def choose(
        self, policy: Policy, observation: Observation, *, draw: float | None
    ) -> Choice:
        """Choose an option: by ``draw`` in [0, 1) from the distribution, or the likeliest."""
        answer: asyncio.Future[Choice] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._run)
        self._waiting.append(_Request(policy, observation, draw, answer))
        return await answer

    def _run(self) -> None:
        requests, self._waiting = self._waiting, []
        groups: dict[int, list[_Request]] = {}
        for request in requests:
            groups.setdefault(id(request.policy), []).append(request)
        for group in groups.values():
            began = perf_counter()
            _answer(group)
            self._note(len(group), perf_counter() - began)


def _answer(group: list[_Request]) -> None:
    """One forward pass for requests that use the same weights."""
    observations = [request.observation for request in group]
    counts = [len(observation.actions) for observation in observations]
    log_probs, values = group[0].policy.evaluate(
        np.concatenate([each.state for each in observations]).reshape(len(group), -1),
        np.concatenate([each.actions for each in observations]),
        np.array(counts),
    )
    each_log_prob, end = log_probs.tolist(), 0
    for request, count, value in zip(group, counts, values.tolist(), strict=True):
        start, end = end, end + count
        own = each_log_prob[start:end]
        position = pick(own, request.draw)
        if not request.answer.done():  # its game may have been cancelled meanwhile
            request.answer.set_result(Choice(position, own[position], value))


def pick(log_probs: Sequence[float], draw: float | None) -> int:
    """Return the position that ``draw`` in [0, 1) falls on; without a draw the likeliest.

    Plain floats: questions have three options in the middle, which is too few for numpy.
    """
    if draw is None:
        return log_probs.index(max(log_probs))
    sums = list(accumulate(map(exp, log_probs)))
    return min(bisect_right(sums, draw * sums[-1]), len(sums) - 1)
