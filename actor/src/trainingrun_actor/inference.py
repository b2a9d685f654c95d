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
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from trainingrun_contracts.own_parts import PartFault

from trainingrun_actor.policy import Choice, Request


class _Waiting(Struct):
    request: Request
    answer: asyncio.Future[Choice]


Note: TypeAlias = Callable[[int, float], None]
"""Hears the decisions and seconds of each pass."""


class Inference:
    """Collects requests and answers them together."""

    def __init__(self, note: Note = lambda _decisions, _seconds: None) -> None:
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []

    async def choose(self, request: Request) -> Choice:
        """Choose an option, together with all that ask in this turn of the event loop.

        Raises:
            PartFault: a network of the user's failed.
        """
        answer: asyncio.Future[Choice] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._run)
        self._waiting.append(_Waiting(request, answer))
        return await answer

    def choose_all(self, requests: Sequence[Request]) -> Sequence[Choice | PartFault]:
        """Choose an option for each of these, one forward pass for each policy among them; where a
        network of the user's failed, what it did wrong stands in the place of each of its choices.
        """
        if len({id(request.policy) for request in requests}) == 1:
            return self._timed(requests)
        groups: dict[int, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(id(request.policy), []).append(place)
        found: dict[int, Choice | PartFault] = {}
        for places in groups.values():
            found.update(zip(places, self._timed([requests[at] for at in places]), strict=True))
        return [found[place] for place in range(len(requests))]

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        found = self.choose_all([each.request for each in waiting])
        for each, choice in zip(waiting, found, strict=True):
            if each.answer.done():  # its game may have been cancelled meanwhile
                continue
            if isinstance(choice, PartFault):
                each.answer.set_exception(choice)
            else:
                each.answer.set_result(choice)

    def _timed(self, requests: Sequence[Request]) -> Sequence[Choice | PartFault]:
        began = perf_counter()
        try:
            return _choices(requests)
        except PartFault as error:
            return [error] * len(requests)
        finally:
            self._note(len(requests), perf_counter() - began)


def _choices(requests: Sequence[Request]) -> list[Choice]:
    """One forward pass for requests that use the same weights.

    Raises:
        PartFault: see Evaluate.
    """
    observations = [request.observation for request in requests]
    counts = [len(observation.actions) for observation in observations]
    log_probs, values = requests[0].policy.evaluate(
        np.concatenate([each.state for each in observations]).reshape(len(requests), -1),
        np.concatenate([each.actions for each in observations]),
        np.array(counts),
    )
    each_log_prob, end = log_probs.tolist(), 0
    found = []
    for request, count, value in zip(requests, counts, values.tolist(), strict=True):
        start, end = end, end + count
        own = each_log_prob[start:end]
        position = pick(own, request.draw)
        found.append(Choice(position, own[position], value))
    return found


def pick(log_probs: Sequence[float], draw: float | None) -> int:
    """Return the position that ``draw`` in [0, 1) falls on; without a draw the likeliest.

    Plain floats: questions have three options in the middle, which is too few for numpy.
    """
    if draw is None:
        return log_probs.index(max(log_probs))
    sums = list(accumulate(map(exp, log_probs)))
    return min(bisect_right(sums, draw * sums[-1]), len(sums) - 1)
