"""Matches that a worker plays by itself: when a lease is given, and whose report counts.

A lease ends by a clock, and the match is then given to another worker; the first report of anybody
who held it counts, late or not, because a game that was played is a result even if another worker
plays it again. Refused: to take only the holder's report, which throws away finished work whenever
a worker was slow; and to renew leases by heartbeats, which keeps a match with a worker that hangs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

SHORTEST_LEASE: Final = 60.0
LONGEST_LEASE: Final = 3600.0
"""Seconds."""
PATIENCE: Final = 5.0
"""How many times as long as matches take on average a lease lasts."""
MOST_LEASES: Final = 5
"""Of one match; it is given up after that many ended without a report."""
APART_SECONDS: Final = 60.0
"""For which a match whose lease ended waits for another worker than the one that had it."""
MOST_WANTED_WORKERS: Final = 1000
_GUESSED_PAIR_SECONDS: Final = 20.0
_WEIGHT: Final = 0.05
"""Of the newest match in the average."""


class MatchState(Enum):
    """Of a match; the last two are final."""

    OPEN = "open"
    """Waits for a worker."""
    LEASED = "leased"
    """A worker plays it, or did until its lease ended."""
    SEATED = "seated"
    """The Game service holds its game, or will."""
    CLOSED = "closed"
    """Reported."""
    FAILED = "failed"
    """Given up; problem says why."""


@dataclass(frozen=True)
class Lease:
    """What a match says of its leases.

    Attributes:
        state: of the match.
        holders: workers that got it, in order; the last one has it now.
        expires_at: of the last lease.
        report: digest of the report that closed it; empty for none.
        reporter: who sent that.
    """

    state: MatchState
    holders: tuple[str, ...] = ()
    expires_at: float = 0.0
    report: str = ""
    reporter: str = ""


class Answer(Enum):
    """What becomes of a report."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The same one came before."""
    CHANGED = "changed"
    """Another one of the same worker came before."""
    TOO_LATE = "too late"
    """Somebody else has reported, or the match was given up."""
    NOT_THEIRS = "not theirs"
    """The worker never had the match."""


def can_be_given(lease: Lease, now: float, worker: str = "") -> bool:
    """Return whether a worker may have the match; who did not finish it comes after the others."""
    if lease.state is MatchState.OPEN:
        return True
    is_same = lease.holders[-1:] == (worker,)
    until = lease.expires_at + (APART_SECONDS if is_same else 0.0)
    return lease.state is MatchState.LEASED and now >= until


def is_given_up(lease: Lease, now: float) -> bool:
    """Return whether too many leases have ended to ask another worker."""
    return (
        lease.state is MatchState.LEASED
        and now >= lease.expires_at
        and len(lease.holders) >= MOST_LEASES
    )


def given(lease: Lease, worker: str, until: float) -> Lease:
    """Return the lease after it was given to a worker."""
    return Lease(MatchState.LEASED, (*lease.holders, worker), until)


def returned(lease: Lease, worker: str, *, is_problem: bool, now: float) -> Lease | None:
    """Return the lease after its holder gave the match back; None where the worker has it not.

    A worker that only ends leaves no trace: a match must not be given up because machines come and
    go. One that could not play it has used up a lease.
    """
    is_held = lease.state is MatchState.LEASED and lease.holders[-1:] == (worker,)
    if not is_held or now >= lease.expires_at:
        return None
    if is_problem:
        return replace(lease, expires_at=now)
    return Lease(MatchState.OPEN, lease.holders[:-1])


def is_forsaken(kept_at: float, now: float, limit: float) -> bool:
    """Return whether the worker of a seat is gone: it said too long ago that it plays."""
    return now - kept_at >= limit


def judge_report(lease: Lease, worker: str, digest: str) -> Answer:
    """Return what a report of a worker is. Of a seated match the Game service is the worker."""
    if lease.state in {MatchState.CLOSED, MatchState.FAILED}:
        if lease.reporter != worker:
            had = worker in lease.holders or not lease.holders
            return Answer.TOO_LATE if had else Answer.NOT_THEIRS
        return Answer.REPEATED if lease.report == digest else Answer.CHANGED
    if lease.state is MatchState.SEATED or worker in lease.holders:
        return Answer.ACCEPTED
    return Answer.NOT_THEIRS


@dataclass(frozen=True)
class Durations:
    """Measured seconds of a pair of games, as an exponential average; a guess before the first."""

    pair_seconds: float = _GUESSED_PAIR_SECONDS
    matches: int = 0

    def after(self, seconds: float, pairs: int) -> Durations:
        """Return the average after one more match; the first ones count evenly."""
        part = max(_WEIGHT, 1.0 / (self.matches + 1))
        newest = max(0.0, seconds) / max(1, pairs)
        return Durations(self.pair_seconds + part * (newest - self.pair_seconds), self.matches + 1)

    def lease_seconds(self, pairs: int) -> float:
        """Return how long a lease of a match with this number of pairs lasts."""
        return min(LONGEST_LEASE, max(SHORTEST_LEASE, PATIENCE * pairs * self.pair_seconds))

    def wanted_workers(self, pairs: int, others: int, *, matches: int) -> int:
        """Return the workers that play this many pairs, and what else waits, within a minute.

        Args:
            pairs: of all matches that are not over.
            others: seats and validations that wait for a worker; each takes one.
            matches: that the pairs are of; one is played by one worker, so more help no one.
        """
        if pairs + others == 0:
            return 0
        needed = min(pairs * self.pair_seconds / 60.0, matches) + others
        return int(min(MOST_WANTED_WORKERS, max(1.0, -(-needed // 1))))
