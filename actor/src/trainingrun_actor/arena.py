"""Plays a game somewhere: finds a daemon with a free slot, a link to it, and plays.

One game at a time requests slots, for all that wait, so that a hundred waiting games ask Redis
four times a second and not four hundred times. A daemon that failed is left alone for a while,
longer after each failure in a row; the other daemons are used meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from time import monotonic
from typing import Final, TypeVar

import msgspec
import redis
from msgspec import Struct
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.own_parts import PartFault
from trainingrun_environments.daemon_link import DaemonLink, EngineFault, LinkLost
from trainingrun_environments.seam import Environment
from trainingrun_protocol.access import Token
from trainingrun_protocol.commands import NewGame

from trainingrun_actor.game import AI_IGNORED, End, NotStarted, Outcome, Seat, play_game
from trainingrun_actor.game_starts import GameStarts
from trainingrun_actor.leases import GameStart, Lease, Leases
from trainingrun_actor.play_metrics import PlayMetrics

SEEK_SECONDS: Final = 0.25
BACKOFF: Final = Backoff(first=0.5, longest=10.0, spread=0.5)
_REFUSED_SECONDS: Final = 10.0
_FAILED_IN_A_ROW: Final = 3
"""Games that may fail before their daemon is left alone."""

_log = logging.getLogger(__name__)
_Found = TypeVar("_Found")


class _Failures(Struct):
    """What is known of a daemon that failed."""

    count: int = 0
    until: float = 0.0


class Arena:
    """The daemons of a run as one process uses them; all have the same ``token``, or none."""

    def __init__(
        self,
        leases: Leases,
        environment: Environment,
        *,
        metrics: PlayMetrics,
        random: Random,
        token: Token | None = None,
    ) -> None:
        self._environment = environment
        self._token = token
        self._leases = leases
        self._metrics = metrics
        self._random = random
        self._idle: dict[str, list[DaemonLink]] = defaultdict(list)
        self._failures: dict[str, _Failures] = defaultdict(_Failures)
        self._unpooled: set[str] = set()
        """Daemons that refuse ``-k``."""
        self._without_engine: set[str] = set()
        """Daemons that ask for both seats, whatever ``-a`` says."""
        self._seeking = asyncio.Lock()
        self._starts = GameStarts()
        self._freed = asyncio.Event()

    async def start_game(self, *, target: int, may_start: Callable[[], bool]) -> GameStart | None:
        """Wait for a slot and the number of a training game; None when none may start."""

        async def take(count: int) -> list[GameStart] | None:
            return await self._seek(
                lambda avoid: self._leases.start_games(avoid, target=target, count=count),
                may_start,
            )

        with self._metrics.waiting("slots"):
            return await self._starts.next(take)

    def seats_engine(self, endpoint: str) -> bool:
        """Whether the engine's own player can be an opponent there, as far as is known."""
        return endpoint not in self._without_engine

    async def give_back(self, lease: Lease | None) -> None:
        """Give back a slot on which no game is played after all."""
        assert lease is not None, "games on daemons have one"
        await self._leases.release(lease)
        self._freed.set()

    async def play(
        self,
        command: NewGame,
        seats: Mapping[int, Seat],
        *,
        may_start: Callable[[], bool],
        lease: Lease | None = None,
    ) -> Outcome | None:
        """Play a game on ``lease``, or on whichever daemon has a slot; None when it may no
        longer start. The lease is given back in every case.

        A daemon that fails before the game has begun costs nothing but time; one that fails later
        gives the outcome ``ABORTED``. The seats get the outcome in every case.
        """
        outcome: Outcome | None = None
        try:
            while outcome is None:
                if lease is None:
                    with self._metrics.waiting("slots"):
                        lease = await self._seek(self._leases.acquire, may_start)
                if lease is None:
                    return None
                outcome = await self._play_on(lease, command, seats)
                lease = None
        finally:
            for number, seat in seats.items():
                seat.finish(None if outcome is None else outcome.reward(number))
        return outcome

    def close(self) -> None:
        """Hang up all idle links."""
        self._starts.close()
        for links in self._idle.values():
            for link in links:
                link.close()
        self._idle.clear()

    async def _seek(
        self,
        take: Callable[[list[str]], Awaitable[_Found]],
        may_start: Callable[[], bool],
    ) -> _Found | None:
        async with self._seeking:
            while may_start():
                now = monotonic()
                avoid = [name for name, known in self._failures.items() if known.until > now]
                self._freed.clear()
                try:
                    found = await take(avoid)
                except (redis.RedisError, OSError):
                    await self._pause()
                    continue
                if found:
                    return found
                await self._pause()
        return None

    async def _pause(self) -> None:
        """Wait a moment, or until a game of this process gives its slot back."""
        try:
            async with asyncio.timeout(SEEK_SECONDS * (0.5 + self._random.random())):
                await self._freed.wait()
        except TimeoutError:
            return

    async def _play_on(
        self, lease: Lease, command: NewGame, seats: Mapping[int, Seat]
    ) -> Outcome | None:
        """Play on the leased slot; None when the game did not begin and may be tried elsewhere."""
        began = monotonic()
        is_hopeless = command.ai_seat is not None and not self.seats_engine(lease.endpoint)
        try:
            if is_hopeless:
                outcome = Outcome(End.REFUSED, None, 0.0, AI_IGNORED)
            else:
                outcome = await self._play_pooled(lease.endpoint, command, seats)
        except NotStarted as error:
            self._leave_alone(lease.endpoint, str(error))
            return None
        except LinkLost as error:
            self._leave_alone(lease.endpoint, str(error))
            is_fault = isinstance(error, EngineFault)
            seconds = monotonic() - began
            return Outcome(End.ABORTED, None, seconds, str(error), is_fault=is_fault)
        except PartFault as error:
            seconds = monotonic() - began
            return Outcome(End.ABORTED, None, seconds, str(error), is_part_fault=True)
        finally:
            await asyncio.shield(self._leases.release(lease))
            self._freed.set()
        if outcome.reason == AI_IGNORED and not is_hopeless:
            self._without_engine.add(lease.endpoint)  # it plays all other games
            _log.warning("%s: %s", lease.endpoint, outcome.reason)
        elif outcome.end is End.REFUSED:
            self._failures[lease.endpoint].until = monotonic() + _REFUSED_SECONDS
            self._metrics.count_error(lease.endpoint, "refused")
            _log.warning("%s refused the game: %s", lease.endpoint, outcome.reason)
        elif outcome.is_fault:
            self._note_failed_game(lease.endpoint, outcome.reason)
        else:
            self._failures.pop(lease.endpoint, None)
        return outcome

    async def _play_pooled(
        self, endpoint: str, command: NewGame, seats: Mapping[int, Seat]
    ) -> Outcome:
        """Play with ``-k``, or without it on a daemon that refuses games that ask for it.

        A daemon that does not know the flag should ignore it, and hangs up after each game; then
        the next game finds no idle link and connects anew.
        """
        single = msgspec.structs.replace(command, keep_open=False)
        if endpoint in self._unpooled:
            return await self._play_on_a_link(endpoint, single, seats)
        outcome = await self._play_on_a_link(endpoint, command, seats)
        if outcome.end is not End.REFUSED or not command.keep_open or outcome.reason == AI_IGNORED:
            return outcome
        again = await self._play_on_a_link(endpoint, single, seats)
        if again.end is not End.REFUSED:
            self._unpooled.add(endpoint)
            _log.info("%s refuses -k (%s): it gets a connection a game", endpoint, outcome.reason)
        return again

    async def _play_on_a_link(
        self, endpoint: str, command: NewGame, seats: Mapping[int, Seat]
    ) -> Outcome:
        """Play on an idle link; a daemon that closed it meanwhile gets a second chance."""
        idle = self._idle[endpoint]
        while idle:
            link = idle.pop()
            if not link.is_reusable:
                link.close()
                continue
            try:
                return await self._play_with(link, endpoint, command, seats)
            except NotStarted:
                break
        try:
            link = await DaemonLink.open(endpoint, self._environment, token=self._token)
        except LinkLost as error:
            raise NotStarted(str(error)) from error
        return await self._play_with(link, endpoint, command, seats)

    async def _play_with(
        self, link: DaemonLink, endpoint: str, command: NewGame, seats: Mapping[int, Seat]
    ) -> Outcome:
        try:
            with self._metrics.playing():
                outcome = await play_game(link, command, seats, metrics=self._metrics)
        except BaseException:
            link.close()
            raise
        finally:
            for kind, count in link.take_faults().items():
                self._metrics.count_error(endpoint, kind, count)
        if link.is_reusable:
            self._idle[endpoint].append(link)
        else:
            link.close()
        return outcome

    def _note_failed_game(self, endpoint: str, reason: str) -> None:
        """Count a game that its engine gave up. Where several fail in a row, the daemon is left
        alone for a while: they would fail as fast as they are asked for.
        """
        self._metrics.count_error(endpoint, "failed")
        failures = self._failures[endpoint]
        failures.count += 1
        if failures.count == 1:
            _log.warning("%s: a game failed: %s", endpoint, reason)
        if failures.count > _FAILED_IN_A_ROW:
            pause = BACKOFF.seconds(failures.count - _FAILED_IN_A_ROW, self._random)
            failures.until = monotonic() + pause

    def _leave_alone(self, endpoint: str, reason: str) -> None:
        self._metrics.count_error(endpoint, "lost")
        for link in self._idle.pop(endpoint, []):
            link.close()
        failures = self._failures[endpoint]
        failures.count += 1
        failures.until = monotonic() + BACKOFF.seconds(failures.count, self._random)
        if failures.count == 1:
            _log.warning("%s: %s; it is left alone for a while", endpoint, reason)
