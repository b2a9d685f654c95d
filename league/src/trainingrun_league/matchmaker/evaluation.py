"""What a league is to find out now: what the gate needs, and which ratings lack games.

``plan`` compares what is known with what should be known, as a reconciler does: called after every
change, it names the matches that are missing, so that nothing is remembered between two calls and
nothing is lost when a service stops. Refused: a schedule that is made when a model is published,
which a promotion in between makes wrong.

Workers get validations first (a model that is not validated can do nothing), then the gate (the
champion decides what everybody plays with), then ratings.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from trainingrun_contracts.ratings.gate import GateDecision, GateTest, judge
from trainingrun_contracts.reports import GateVerdict

from trainingrun_league.matchmaker.pool import (
    BUILTIN,
    Entry,
    Payoffs,
    Results,
    Role,
    Stage,
    champion_of,
    playable,
)
from trainingrun_league.matchmaker.population import Population, opponent_of

MOST_OPEN_RATINGS: Final = 64
"""Matches for ratings that are open at once in a league."""


@dataclass(frozen=True)
class Wanted:
    """How thoroughly a league evaluates.

    Attributes:
        gate: the sequential test.
        pairs: of games in a match; what a worker leases at once.
        open_gate_matches: of one test at once: more play faster, and more are for nothing when the
            test is decided.
        rating_games: that a model's rating should rest on.
    """

    gate: GateTest = field(default_factory=GateTest)
    pairs: int = 8
    open_gate_matches: int = 8
    rating_games: int = 128


@dataclass(frozen=True)
class GateMatch:
    """One match of a test, by its number in it.

    Attributes:
        number: from 0, in the order in which they were made.
        scores: of its pairs for the candidate, in their order; None while it is open, none where
            it was given up.
        is_forfeit: the candidate could not play.
    """

    number: int
    scores: tuple[float, ...] | None
    is_forfeit: bool = False


@dataclass(frozen=True)
class Knowledge:
    """What is known.

    Attributes:
        entries: every model.
        payoffs: results of all matches that are over.
        tests: matches of the gate by candidate and champion (players).
        verdicts: pairs of candidate and champion (players) that the gate has decided.
        open_ratings: matches for ratings that are open, by the player they are for.
        anchors: players that never change, the weakest first.
        unplayable: players that have failed; they are not drawn.
    """

    entries: Sequence[Entry]
    payoffs: Payoffs
    tests: Mapping[tuple[str, str], Sequence[GateMatch]]
    verdicts: frozenset[tuple[str, str]]
    open_ratings: Mapping[str, int]
    anchors: Sequence[str]
    unplayable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NewMatch:
    """A match to make; ``number`` is that of a gate's test."""

    first: str
    second: str
    pairs: int
    number: int | None = None


@dataclass(frozen=True)
class Verdict:
    """A test that is over, or needs none (no champion): to be reported to the Model service."""

    candidate: str
    champion: str
    decision: GateDecision
    score: Results


@dataclass(frozen=True)
class Evaluation:
    """What to do now."""

    verdicts: tuple[Verdict, ...] = ()
    gates: tuple[NewMatch, ...] = ()
    ratings: tuple[NewMatch, ...] = ()


def plan(known: Knowledge, wanted: Wanted, chance: random.Random) -> Evaluation:
    """Return what is missing."""
    champion = champion_of(known.entries)
    candidates = candidates_of(known, champion.player if champion else "")
    if champion is None:
        first = () if _has_first(known) else candidates[:1]
        return Evaluation(
            verdicts=tuple(_unopposed(candidate) for candidate in first),
            ratings=_ratings(known, wanted, chance),
        )
    verdicts, gates = [], list[NewMatch]()
    for candidate in candidates:
        key = (candidate.player, champion.player)
        if key in known.verdicts or champion.player in known.unplayable:
            continue  # the second: people have to roll back first
        matches = known.tests.get(key, ())
        decision = decide(matches, wanted.gate)
        if decision.verdict is GateVerdict.CONTINUE:
            gates += _gate(key, matches, wanted)
        else:
            verdicts.append(Verdict(*key, decision, known.payoffs.between(*key)))
    return Evaluation(tuple(verdicts), tuple(gates), _ratings(known, wanted, chance))


def candidates_of(known: Knowledge, champion: str) -> list[Entry]:
    """Return the models that the gate tests now, the oldest first.

    Exploiters are not among them: they are made to beat one opponent. Of each lineage it is those
    whose test against this champion has begun, else the newest. A lineage that publishes faster
    than the gate decides would otherwise have all of its models wait for stale ones; if only the
    newest were tested, none would be tested to the end. What is older than a decided one of its
    lineage is overtaken, and stays as an opponent. A verdict that the Model service refused, as the
    champion had changed, decides nothing: its candidate is still validated, and is tested again.
    """
    decided = {candidate for candidate, _ in known.verdicts}
    overtaken: dict[str, float] = {}
    for entry in known.entries:
        is_over = (
            entry.stage in {Stage.PROMOTED, Stage.RETIRED}
            or (entry.player, champion) in known.verdicts
            or (entry.stage is Stage.REJECTED and entry.player in decided)
        )
        if is_over:
            newest = max(entry.published_at, overtaken.get(entry.lineage, entry.published_at))
            overtaken[entry.lineage] = newest
    lineages: dict[str, list[Entry]] = {}
    for entry in playable(known.entries):
        is_new = entry.published_at > overtaken.get(entry.lineage, float("-inf"))
        if entry.stage is Stage.VALIDATED and entry.role is Role.MAIN and is_new:
            lineages.setdefault(entry.lineage, []).append(entry)
    found: list[Entry] = []
    for entries in lineages.values():
        begun = [entry for entry in entries if known.tests.get((entry.player, champion))]
        found += begun or entries[-1:]
    return sorted(found, key=lambda entry: (entry.published_at, entry.id))


def decide(matches: Sequence[GateMatch], gate: GateTest) -> GateDecision:
    """Judge the pairs of a test in the order in which its matches were made.

    Only up to the first match that is open: short games end first, and to judge by who is done
    first would favour those who win, or lose, quickly.
    """
    if any(match.is_forfeit for match in matches):
        return GateDecision(GateVerdict.KEEP, 0.0, 0)
    scores: list[float] = []
    for match in sorted(matches, key=lambda match: match.number):
        if match.scores is None:
            break
        scores += match.scores
    return judge(scores, gate)


def _has_first(known: Knowledge) -> bool:
    """Whether the first champion is decided, and is still to be heard of."""
    return any(
        entry.stage is Stage.VALIDATED and (entry.player, "") in known.verdicts
        for entry in known.entries
    )


def _unopposed(candidate: Entry) -> Verdict:
    decision = GateDecision(GateVerdict.PROMOTE, 0.0, 0)
    return Verdict(candidate.player, "", decision, Results())


def _gate(key: tuple[str, str], matches: Sequence[GateMatch], wanted: Wanted) -> list[NewMatch]:
    open_now = sum(match.scores is None for match in matches)
    over = sum(len(match.scores) for match in matches if match.scores is not None)
    left = ceil((wanted.gate.most_pairs - over) / wanted.pairs) - open_now
    count = max(0, min(wanted.open_gate_matches - open_now, left))
    begin = max((match.number + 1 for match in matches), default=0)
    return [NewMatch(*key, wanted.pairs, begin + number) for number in range(count)]


def _ratings(known: Knowledge, wanted: Wanted, chance: random.Random) -> tuple[NewMatch, ...]:
    """Those with the fewest games first; the first match of all is against a builtin."""
    pool = [entry for entry in playable(known.entries) if entry.player not in known.unplayable]
    anchors = [player for player in known.anchors if player not in known.unplayable]
    room = MOST_OPEN_RATINGS - sum(known.open_ratings.values())
    games = 2 * wanted.pairs
    found: list[NewMatch] = []
    for entry in sorted(pool, key=lambda entry: known.payoffs.games(entry.player)):
        open_now = known.open_ratings.get(entry.player, 0)
        lacking = wanted.rating_games - known.payoffs.games(entry.player) - open_now * games
        for _ in range(ceil(max(0, lacking) / games)):
            if len(found) >= room:
                return tuple(found)
            other = opponent_of(entry, Population(pool, anchors, known.payoffs), chance)
            if anchors and open_now == 0 and not _is_anchored(entry, known.payoffs):
                other = anchors[0]
            if not other:
                break
            open_now += 1
            found.append(NewMatch(entry.player, other, wanted.pairs))
    return tuple(found)


def _is_anchored(entry: Entry, payoffs: Payoffs) -> bool:
    """Whether games link it to a player that never changes, so that its rating is on that scale."""
    return any(player.startswith(BUILTIN) for player in payoffs.against_all(entry.player))
