"""Makes the matches that an evaluation lacks, and keeps the verdicts of the gate.

Runs after every change and now and then; what it makes has ids that follow from what it is for, so
that a run that was cut off is repeated without harm.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from uuid import uuid4

from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.ratings.gate import GateDecision
from trainingrun_contracts.reports import GateVerdict

from trainingrun_league.matchmaker.evaluation import (
    Knowledge,
    NewMatch,
    Verdict,
    Wanted,
    candidates_of,
    plan,
)
from trainingrun_league.matchmaker.leases import MatchState
from trainingrun_league.matchmaker.matches import Match
from trainingrun_league.matchmaker.model_watch import ModelWatch
from trainingrun_league.matchmaker.records import DueVerdict, Records
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.reporting import Reporting
from trainingrun_league.matchmaker.signals import Signal


class Planner:
    """See above; ``added`` wakes workers, ``decided`` what delivers verdicts."""

    def __init__(
        self,
        records: Records,
        register: Register,
        models: ModelWatch,
        reporting: Reporting,
        *,
        wanted: Wanted,
        clock: Callable[[], float],
    ) -> None:
        self._records, self._register = records, register
        self._models, self._reporting = models, reporting
        self._wanted, self._clock = wanted, clock
        self._turn = asyncio.Lock()
        self.added = Signal()
        self.decided = Signal()

    async def step(self) -> None:
        """Compare what is there with what should be, once; steps come one after the other.

        Two at a time would both make the matches that are lacking, and the later one would put its
        own, which no worker has, over those that were given to workers meanwhile.

        Raises:
            Unavailable: the database cannot be reached; the next step makes up for it.
        """
        async with self._turn:
            await self._step()

    async def _step(self) -> None:
        known = self._knowledge()
        chance = random.Random(uuid4().int)
        found = plan(known, self._wanted, chance)
        for verdict in found.verdicts:
            await self._decide(verdict)
        await self._drop_obsolete()
        new = [
            *(self._gate(match) for match in found.gates),
            *(self._rating(match) for match in found.ratings),
        ]
        if new:
            await self._records.add(*new)
            for match in new:
                self._register.put(match)
            self.added.notify()

    def _knowledge(self) -> Knowledge:
        return Knowledge(
            self._models.entries,
            self._register.payoffs,
            self._register.tests,
            frozenset(self._register.verdicts),
            self._register.open_ratings,
            self._models.builtins,
            self._register.unplayable,
        )

    async def _decide(self, verdict: Verdict) -> None:
        promote = verdict.decision.verdict is GateVerdict.PROMOTE
        due = DueVerdict(
            verdict.candidate, verdict.champion, promote, verdict.score, _reason(verdict)
        )
        await self._records.add_verdict(due, self._clock())
        self._register.note_verdict(verdict.candidate, verdict.champion)
        self.decided.notify()

    async def _drop_obsolete(self) -> None:
        """Give up matches of tests that are decided, or whose champion is none any longer."""
        champion = self._models.champion
        if champion is None:
            return
        candidates = candidates_of(self._knowledge(), champion.player)
        wanted = {(candidate.player, champion.player) for candidate in candidates}
        for match in self._register:
            is_gate = match.purpose == MatchPurpose.MATCH_PURPOSE_GATE
            if not is_gate or not _is_open(match):
                continue
            key = (match.first, match.second)
            if key not in wanted or key in self._register.verdicts:
                await self._reporting.give_up(match, "its test is decided", still=_is_open)

    def _gate(self, new: NewMatch) -> Match:
        said = hashlib.sha256(f"{new.first}\n{new.second}".encode())
        name = f"gate-{said.hexdigest()[:24]}-{new.number}"
        return self._match(name, MatchPurpose.MATCH_PURPOSE_GATE, new)

    def _rating(self, new: NewMatch) -> Match:
        return self._match(uuid4().hex, MatchPurpose.MATCH_PURPOSE_RATING, new)

    def _match(self, name: str, purpose: int, new: NewMatch) -> Match:
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])
        return Match(
            id=name,
            purpose=purpose,
            first=new.first,
            second=new.second,
            pairs=new.pairs,
            games=2 * new.pairs,
            seed=seed,
            created_at=self._clock(),
            gate_number=new.number,
        )


def _is_open(match: Match) -> bool:
    return match.lease.state is MatchState.OPEN


def _reason(verdict: Verdict) -> str:
    """Return the sentence that people read."""
    if not verdict.champion:
        return "the first validated model of the league"
    decision: GateDecision = verdict.decision
    if decision.pairs == 0:
        return f"it could not play against {verdict.champion}"
    score = verdict.score
    games = f"{score.wins} won, {score.draws} drawn, {score.losses} lost"
    is_stronger = decision.verdict is GateVerdict.PROMOTE
    found = "stronger than" if is_stronger else "not shown to be stronger than"
    return f"{found} {verdict.champion} after {decision.pairs} pairs ({games})"
