"""The weights that are played with: the newest, and past ones as opponents.

New weights are fetched when the pointer moves, verified, and swapped in whole; on any failure the
old ones stay. The holder of a :class:`Policy` keeps it, so a segment never changes its policy.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from random import Random
from typing import Any, Final, Generic, Protocol, TypeVar

import redis
import redis.asyncio
from trainingrun_contracts.ratings.pfsp import Curve
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights import WeightsError, verified
from trainingrun_contracts.weights_pointer import Pointer

from trainingrun_actor.league import LEAGUE_PREFIX, PastOpponents
from trainingrun_actor.policy import Policy

MOST_PUBLISHES_BEHIND: Final = 4
PAST_KEPT: Final = 4

_log = logging.getLogger(__name__)


class Published(Protocol):
    """Weights that can be played with, and the name they were published under."""

    @property
    def pointer(self) -> Pointer:
        """Their name."""


Loaded = TypeVar("Loaded", bound=Published)
Loaded_co = TypeVar("Loaded_co", bound=Published, covariant=True)


class Loader(Protocol[Loaded_co]):
    """Reads published weights."""

    def load(self, blob: bytes, pointer: Pointer) -> Loaded_co:
        """Raise WeightsError where they cannot be played with."""


class PublishedWeights(Generic[Loaded]):
    """Fetches and keeps weights."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        keys: Keys,
        loader: Loader[Loaded],
        *,
        wall: Callable[[], float],
        curve: Curve = "even",
        note_sync: Callable[[float], None] = lambda _seconds: None,
        keeps_blob: bool = False,
        league_loader: Loader[Loaded] | None = None,
    ) -> None:
        """``league_loader`` reads models of the league, which may be of other networks."""
        self.newest: Loaded | None = None
        self.newest_blob = b""
        """The newest weights as they were published, where they are kept."""
        self._keeps_blob = keeps_blob
        self.sync_seconds: float | None = None
        self.opponents = PastOpponents(curve)
        self.league = PastOpponents(curve, prefix=LEAGUE_PREFIX)
        """Models of the run's league; the learner keeps them in Redis."""
        self._redis = client
        self._keys = keys
        self._loader = loader
        self._league_loader = league_loader or loader
        self._wall = wall
        self._note_sync = note_sync
        self._published: Pointer | None = None
        self._past: OrderedDict[str, Loaded] = OrderedDict()
        self._of_league: OrderedDict[str, Loaded] = OrderedDict()
        self._arrived = asyncio.Event()
        self._complaint = ""

    async def follow(self, pointer: Pointer | None, snapshots: list[tuple[str, int]]) -> None:
        """Take in what Redis says: fetch the weights that the pointer names if they are new."""
        self.opponents.note_snapshots(snapshots)
        self._published = pointer
        if pointer is None or (self.newest and self.newest.pointer == pointer):
            return
        try:
            blob = await self._blob(pointer)
            self.newest = self._loader.load(blob, pointer)
        except WeightsError as error:
            self._complain(str(error))
            return
        self.newest_blob = blob if self._keeps_blob else b""
        self.sync_seconds = max(0.0, self._wall() - pointer.at)
        self._note_sync(self.sync_seconds)
        self._arrived.set()

    async def fresh(self) -> Loaded:
        """Return the newest weights, once they are at most a few publishes behind what is
        published."""
        while (newest := self.at_hand) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return newest

    @property
    def at_hand(self) -> Loaded | None:
        """The newest weights; None while there are none, or much newer ones are published."""
        newest = self.newest
        return None if newest is None or self._is_behind(newest) else newest

    async def past(self, random: Random) -> Loaded:
        """Return a past snapshot, drawn by the curve; the newest weights where there is none to be
        had."""
        drawn = self.opponents.draw(random)
        if drawn is not None:
            try:
                return await self.snapshot(*drawn)
            except (WeightsError, redis.RedisError, OSError) as error:
                self._complain(f"a past opponent cannot be loaded: {error}")
                if self._past:
                    return random.choice(list(self._past.values()))
        return await self.fresh()

    async def of_league(self, random: Random) -> tuple[Loaded, str] | None:
        """Return a model of the league, drawn by the curve, with its name as an opponent; None
        where there is none to be had."""
        drawn = self.league.draw(random)
        if drawn is None:
            return None
        sha256, number = drawn
        try:
            policy = await self._kept(
                self._of_league,
                sha256,
                number,
                self._keys.league_blob(sha256),
                loader=self._league_loader,
            )
        except (WeightsError, redis.RedisError, OSError) as error:
            self._complain(f"an opponent of the league cannot be loaded: {error}")
            return None
        return policy, f"{LEAGUE_PREFIX}{number}"

    def _is_behind(self, policy: Loaded) -> bool:
        published = self._published
        behind = 0 if published is None else published.publish - policy.pointer.publish
        return behind > MOST_PUBLISHES_BEHIND

    async def snapshot(self, sha256: str, version: int) -> Loaded:
        """Return a past snapshot by its name.

        Raises:
            WeightsError: it is gone, or not what it should be.
        """
        key = self._keys.blob(sha256)
        return await self._kept(self._past, sha256, version, key, loader=self._loader)

    async def _kept(
        self,
        loaded: OrderedDict[str, Loaded],
        sha256: str,
        version: int,
        key: str,
        *,
        loader: Loader[Loaded],
    ) -> Loaded:
        """Return weights that are loaded, or else from this key."""
        policy = loaded.get(sha256)
        if policy is None:
            pointer = Pointer(epoch=0, version=version, publish=0, sha256=sha256, at=0.0)
            blob = verified(await self._redis.get(key), sha256)
            policy = loaded[sha256] = loader.load(blob, pointer)
            while len(loaded) > PAST_KEPT:
                loaded.popitem(last=False)
        loaded.move_to_end(sha256)
        return policy

    async def _blob(self, pointer: Pointer) -> bytes:
        blob: Any = await self._redis.get(self._keys.blob(pointer.sha256))
        return verified(blob, pointer.sha256)

    def _complain(self, text: str) -> None:
        """Say it once, not every half second."""
        if text != self._complaint:
            self._complaint = text
            _log.warning("%s: the old weights stay in use", text)


class Policies(PublishedWeights[Policy]):
    """Policies of PPO."""
