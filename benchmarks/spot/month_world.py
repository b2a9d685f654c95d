"""A month of one run on machines that may be taken back, in virtual time.

Machines come from pools (a type in a zone). A pool loses machines one by one, and in storms that
take a part of it at once and leave it without room for a while; what is lost is replaced from
another pool, on demand where no pool has room. Between two events nothing happens, so a month is a
few hundred steps.

What a loss costs follows from the product's own limits: the drain of a daemon
(``drainTimeoutSeconds``), the learner's last minutes (``trainingrun_trainer.spot``), when
checkpoints are due (the CRD's defaults) and what a Job may lose (``backoffLimit``). Of a fleet that
is smaller than it should be the learner loses the missing part of its time: the queue covers
seconds of it, which is left out.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

from trainingrun_api.spec import Checkpoint, Daemon
from trainingrun_trainer.spot import POLL_SECONDS
from trainingrun_trainer.spot_notice import LAST_SAVE_SECONDS, SpotNotice, is_shutdown_due

HOUR: Final = 3600.0
MONTH: Final = 30 * 24 * HOUR
SLOTS: Final = Daemon().games_per_daemon
_MEDIAN_GAME: Final = 55.0
_SPREAD: Final = 0.4
"""Of the logarithm: as in the traces of ``autoscaler/compare.py``."""
GAME_SECONDS: Final = _MEDIAN_GAME * math.exp(_SPREAD**2 / 2)
GAMES_PER_SECOND: Final = SLOTS / GAME_SECONDS
_LOOK_SECONDS: Final = 5.0
"""A termination handler reads the notice, the operator sees the eviction: together about this."""


@dataclass(frozen=True)
class Cloud:
    """``notice`` is what reaches the machine and ``reach`` what its pods have of it, in seconds."""

    name: str
    notice: float
    reach: float
    asks_metadata: bool


AWS: Final = Cloud("AWS", 120.0, 115.0, asks_metadata=True)
GCP: Final = Cloud("GCP, Azure", 30.0, 15.0, asks_metadata=False)


@dataclass(frozen=True)
class Form:
    """A way to run: what is on spot machines, and whether anybody listens to the notice.

    ``lost_node_seconds`` is how long pods wait on a node that is gone before others are made;
    ``backoff_limit`` how many losses of the learner end the run, None where none counts.
    """

    name: str
    spot_daemons: bool = True
    spot_learner: bool = True
    listens: bool = True
    falls_back: bool = True
    lost_node_seconds: float = 60.0
    backoff_limit: int | None = None


@dataclass(frozen=True)
class Market:
    """How often machines are taken. ``band`` is the part of all machines that is taken in a month;
    ``together`` the part of those losses that comes in storms."""

    band: float
    together: float = 0.5
    storm_share: float = 0.6
    gap_hours: float = 1.0

    @property
    def rate(self) -> float:
        """Losses of one machine per second."""
        return -math.log(1 - self.band) / MONTH


@dataclass(frozen=True)
class Prices:
    """An hour of one machine, on demand and on spot."""

    daemon: tuple[float, float]
    learner: tuple[float, float]


@dataclass
class Figures:
    """What a month came to. Seconds and counts; ``cost`` as the prices are."""

    games: float = 0.0
    lost_games: int = 0
    daemon_losses: int = 0
    learner_losses: int = 0
    learner_down: float = 0.0
    redone: float = 0.0
    starved: float = 0.0
    cost: float = 0.0
    failed_after: float | None = None

    @property
    def learner_lost(self) -> float:
        """Hours of the learner's month that trained nothing that lasts."""
        return (self.learner_down + self.redone + self.starved) / HOUR


@dataclass(eq=False)
class Machine:
    """``pool`` is None on demand; it serves from ``ready_at`` on."""

    pool: int | None
    since: float
    ready_at: float
    is_learner: bool = False


@dataclass
class Month:
    """One month under one form; :meth:`run` gives its figures."""

    form: Form
    cloud: Cloud
    market: Market
    prices: Prices
    daemons: int
    pools: int
    seed: int
    now: float = 0.0
    figures: Figures = field(default_factory=Figures)
    _machines: list[Machine] = field(default_factory=list)
    _dry_until: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def run(self) -> Figures:
        """Let the month go by."""
        for place in range(self.daemons + 1):
            is_learner = place == self.daemons
            spot = self.form.spot_learner if is_learner else self.form.spot_daemons
            pool = self._pools(learner=is_learner)[place % self._width(is_learner)]
            self._machines.append(Machine(pool if spot else None, 0.0, 0.0, is_learner))
        for at, pool, storm in self._blows():
            self._blow(at, pool, storm=storm)
        for machine in self._machines:
            self._pay(machine, MONTH)
        self._count_games()
        return self.figures

    # --- what is taken ------------------------------------------------------------------------

    def _pools(self, *, learner: bool) -> list[int]:
        """The learner has a type of its own, in three zones."""
        return list(range(self.pools, self.pools + 3)) if learner else list(range(self.pools))

    def _width(self, is_learner: bool) -> int:  # noqa: FBT001 - read once
        return len(self._pools(learner=is_learner))

    def _blows(self) -> Iterator[tuple[float, int, bool]]:
        """Moments at which a pool loses machines: one of them, or many (a storm), in order."""
        market, most = self.market, self.daemons + 1
        storms = market.rate * market.together / market.storm_share
        singles = market.rate * (1 - market.together) * most
        queue: list[tuple[float, int, bool]] = []
        for pool in range(self.pools + 3):
            for rate, storm in ((storms, True), (singles, False)):
                at = self._random.expovariate(rate)
                while at < MONTH:
                    heapq.heappush(queue, (at, pool, storm))
                    at += self._random.expovariate(rate)
        while queue:
            yield heapq.heappop(queue)

    def _blow(self, at: float, pool: int, *, storm: bool) -> None:
        there = [each for each in self._machines if each.pool == pool]
        if storm:
            taken = [each for each in there if self._random.random() < self.market.storm_share]
            gap = self._random.expovariate(1 / (self.market.gap_hours * HOUR))
            self._dry_until[pool] = max(self._dry_until.get(pool, 0.0), at + gap)
        else:
            # The rate is that of as many machines as could ever be here; it is thinned to those.
            is_one = self._random.random() * (self.daemons + 1) < len(there)
            taken = [self._random.choice(there)] if is_one else []
        for machine in taken:
            self._lose(machine, at)

    # --- what it costs ------------------------------------------------------------------------

    def _lose(self, machine: Machine, at: float) -> None:
        gone = at + self.cloud.notice
        self._pay(machine, min(gone, MONTH))
        self._machines.remove(machine)
        told = at + _LOOK_SECONDS if self.form.listens else gone + self.form.lost_node_seconds
        new = self._replaced(machine, told)
        if machine.is_learner:
            self._lose_learner(at, gone, new)
        else:
            self._lose_daemon(at, gone, new)

    def _replaced(self, machine: Machine, told: float) -> Machine:
        """Where there is room soonest: another pool, or on demand if that is wanted."""
        open_at = {
            pool: max(told, self._dry_until.get(pool, 0.0))
            for pool in self._pools(learner=machine.is_learner)
        }
        soonest = min(open_at.values())
        falls_back = soonest > told and self.form.falls_back
        choice = self._random.choice([pool for pool, at in open_at.items() if at == soonest])
        since = told if falls_back else soonest
        start = (
            self._random.uniform(60, 180) if machine.is_learner else self._random.uniform(20, 90)
        )
        ready = since + self._random.uniform(60, 180) + start
        new = Machine(None if falls_back else choice, since, ready, machine.is_learner)
        self._machines.append(new)
        return new

    def _lose_daemon(self, at: float, gone: float, new: Machine) -> None:
        self.figures.daemon_losses += 1
        drain = Daemon().drain_timeout_seconds
        left = min(drain, self.cloud.reach) - _LOOK_SECONDS if self.form.listens else 0.0
        self.figures.lost_games += sum(self._remaining() > left for _ in range(SLOTS))
        idle_from = at + _LOOK_SECONDS if self.form.listens else gone
        missing = max(0.0, min(new.ready_at, MONTH) - min(idle_from, MONTH))
        self.figures.starved += missing / self.daemons
        self.figures.games -= missing * GAMES_PER_SECOND

    def _remaining(self) -> float:
        """What is left of a game that runs now: long ones are met more often than short ones."""
        length = self._random.lognormvariate(math.log(_MEDIAN_GAME) + _SPREAD**2, _SPREAD)
        length = min(length, float(Daemon(image="any").game_timeout_seconds))
        return self._random.uniform(0, length)

    def _lose_learner(self, at: float, gone: float, new: Machine) -> None:
        figures = self.figures
        figures.learner_losses += 1
        trains_until = self._last_update(at, gone)
        if not self.form.listens:
            figures.redone += self._random.uniform(0, self._checkpoint_seconds)
        figures.learner_down += max(0.0, min(new.ready_at, MONTH) - trains_until)
        limit = self.form.backoff_limit
        if limit is not None and figures.learner_losses > limit and figures.failed_after is None:
            figures.failed_after = gone

    def _last_update(self, at: float, gone: float) -> float:
        """Until when what is trained also lasts: the learner itself says when it ends."""
        if not self.form.listens:
            return gone
        if not self.cloud.asks_metadata:
            return at + _LOOK_SECONDS
        notice = SpotNotice("terminate", datetime.fromtimestamp(gone, tz=UTC))
        moment = at + POLL_SECONDS
        while not is_shutdown_due(notice, now=moment) and moment < gone - LAST_SAVE_SECONDS:
            moment += 1.0
        return moment

    @property
    def _checkpoint_seconds(self) -> float:
        """Between two checkpoints, by the defaults of the resource."""
        spec = Checkpoint()
        by_games = spec.interval_games / (self.daemons * GAMES_PER_SECOND)
        return min(float(spec.interval_seconds), by_games)

    def _pay(self, machine: Machine, until: float) -> None:
        prices = self.prices.learner if machine.is_learner else self.prices.daemon
        hours = max(0.0, until - machine.since) / HOUR
        self.figures.cost += hours * prices[0 if machine.pool is None else 1]

    def _count_games(self) -> None:
        self.figures.games += self.daemons * GAMES_PER_SECOND * MONTH
