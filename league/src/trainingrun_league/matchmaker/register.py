"""What the Matchmaker knows while it runs, as the database has it: matches, tests, payoffs.

Read once at the start, then changed after each commit, never before: what is here is durable. A
query for each decision was refused: the payoffs of a year are a sum over all matches.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Final

from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose

from trainingrun_league.matchmaker.evaluation import GateMatch
from trainingrun_league.matchmaker.leases import Durations, MatchState, can_be_given
from trainingrun_league.matchmaker.matches import RATED, Match
from trainingrun_league.matchmaker.records import Loaded
from trainingrun_league.matchmaker.reports import pair_scores

FAILURES_THAT_EXCLUDE: Final = 3
"""Matches given up because of a player, after which it is drawn no longer."""
_MINUTE: Final = 60.0
_CLOSES_KEPT: Final = 100_000


class Register:
    """See above."""

    def __init__(self, loaded: Loaded) -> None:
        self.payoffs = loaded.payoffs
        self.verdicts = set(loaded.verdicts)
        self.durations = Durations()
        self.reported = loaded.reported
        self._open: dict[str, Match] = {}
        self._seated: dict[str, Match] = {}
        self._tests: dict[tuple[str, str], dict[int, GateMatch]] = {}
        self._failures = Counter(loaded.failures)
        self._closes: deque[float] = deque(maxlen=_CLOSES_KEPT)
        for match in loaded.tests:
            self._note_test(match)
        for match in loaded.open:
            self.put(match)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Match]:
        """Matches that workers play and that are not over."""
        return iter(tuple(self._open.values()))

    @property
    def seated(self) -> tuple[Match, ...]:
        """Matches whose games the Game service holds and that are not over."""
        return tuple(self._seated.values())

    def get(self, match_id: str) -> Match | None:
        """Return a match that is not over."""
        return self._open.get(match_id) or self._seated.get(match_id)

    def put(self, match: Match) -> None:
        """Take over the newest state of a match, new ones too; each end is counted once."""
        if match.purpose == MatchPurpose.MATCH_PURPOSE_GATE:
            self._note_test(match)
        if not match.is_over:
            is_seated = match.lease.state is MatchState.SEATED
            (self._seated if is_seated else self._open)[match.id] = match
            return
        self._open.pop(match.id, None)
        self._seated.pop(match.id, None)
        if match.failed_player:
            self._failures[match.failed_player] += 1
        if match.lease.state is MatchState.CLOSED:
            self.reported += 1
            self._closes.append(match.closed_at)
            if match.purpose in RATED:
                self.payoffs.add(match.first, match.second, match.results)
            if match.leased_at:
                seconds = match.closed_at - match.leased_at
                self.durations = self.durations.after(seconds, match.pairs)

    def _note_test(self, match: Match) -> None:
        assert match.gate_number is not None, "a match of the gate has its number in the test"
        scores = None
        if match.is_over:
            scores = pair_scores(match.outcomes)
        test = self._tests.setdefault((match.first, match.second), {})
        test[match.gate_number] = GateMatch(
            match.gate_number, scores, is_forfeit=match.failed_player == match.first
        )

    def note_verdict(self, candidate: str, champion: str) -> None:
        """A test is decided: its matches are needed no longer."""
        self.verdicts.add((candidate, champion))
        self._tests.pop((candidate, champion), None)

    @property
    def tests(self) -> dict[tuple[str, str], tuple[GateMatch, ...]]:
        """Matches of the tests that are not decided."""
        return {
            key: tuple(test.values())
            for key, test in self._tests.items()
            if key not in self.verdicts
        }

    @property
    def open_ratings(self) -> dict[str, int]:
        """Open matches for ratings, by the player that they are for."""
        rating = MatchPurpose.MATCH_PURPOSE_RATING
        return dict(
            Counter(match.first for match in self._open.values() if match.purpose == rating)
        )

    @property
    def unplayable(self) -> frozenset[str]:
        """Players that are drawn no longer."""
        return frozenset(
            player for player, count in self._failures.items() if count >= FAILURES_THAT_EXCLUDE
        )

    def ready(self, now: float, worker: str) -> Iterator[Match]:
        """Matches that a worker may have now, the oldest first."""
        return (match for match in self._open.values() if can_be_given(match.lease, now, worker))

    def matches_per_minute(self, now: float) -> float:
        """Return how many were reported within the last minute."""
        while self._closes and self._closes[0] < now - _MINUTE:
            self._closes.popleft()
        return float(len(self._closes))
