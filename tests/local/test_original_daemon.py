"""The actor and the evaluator on servers that behave as the original Forge daemon does.

The servers are the stand-in (``testkit.forge_server``): one with the original's faults, one without
them, and its oldest version.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from trainingrun_actor.game import NEVER_ASKED, End, Outcome, play_game
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.seats import ScriptedSeat
from trainingrun_contracts.reports import evaluations_from, notices_from
from trainingrun_contracts.run_config import (
    ActorConfig,
    EvaluationConfig,
    SelfPlayConfig,
)
from trainingrun_environments.daemon_link import DaemonLink
from trainingrun_environments.magic.environment import MAGIC
from trainingrun_environments.magic.opponents import AGENTS
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import Decision, DecisionType
from trainingrun_reconciler.controller.daemon_status import ask_status

from testkit.roles.actor_bed import Bed, actor_bed, config, has_traceback
from testkit.roles.forge_process import forge_daemon
from testkit.servers.redis_server import RedisServer
from testkit.tree import DECKS
from testkit.waiting import until

FOLDERS = (DECKS, DECKS / "competitive")
REPAIRED = ("--repaired", "--parallelism", "10")
FAULTY = ("--parallelism", "10")
PAIRS = (("red_aggro", "white_weenie"), ("jeskai_control", "boros_aggro"))


@pytest.fixture
def empty_bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """Weights of version 0, and no daemon."""
    with actor_bed(tmp_path, redis_server) as made:
        made.publish_weights()
        yield made


class WatchedSeat(ScriptedSeat):
    """A scripted player that holds every decision against what must be true of it."""

    def __init__(self, agent: str, random: Random, seen: list[Decision]) -> None:
        super().__init__(MAGIC, AGENTS[agent](), random)
        self._seen = seen

    async def answer(self, decision: Decision) -> str:
        """See it first."""
        check_truth(decision)
        self._seen.append(decision)
        return await super().answer(decision)


def check_truth(decision: Decision) -> None:
    """What the one form promises of every decision."""
    players = decision.game_state.players
    assert decision.seat is not None
    own, other = players[decision.seat], players[1 - decision.seat]
    assert (len(own.hand), other.hand) == (own.hand_size, ())
    table = {card.id: card for player in players for card in player.battlefield}
    for action in decision.actions:
        assert not (action.is_land and action.card_id in table), "land plays are of the hand"
        assert not action.description.startswith("{T}: Add "), "mana abilities are left out"
    for fighter in (*decision.attackers, *decision.blockers):
        assert fighter.keywords == table[fighter.id].keywords
        assert fighter.index >= 0
    assert not any(table[blocker.id].tapped for blocker in decision.blockers)
    for entity in decision.entities:
        assert entity.type in ("card", "player", "stack")
        assert entity.id >= 0
    combat = decision.game_state.combat
    attacking = {attacker.card_id for attacker in combat.attackers} if combat else set()
    assert {card_id for card_id, card in table.items() if card.attacking} == attacking
    if decision.decision_type is DecisionType.ANNOUNCE_VALUE:
        lands = sum(card.is_land and not card.tapped for card in own.battlefield)
        assert lands <= decision.max <= len(own.battlefield) + own.mana_pool.total


def play_games(
    switches: tuple[str, ...], agent: str, pair: tuple[str, str], *, games: int, seconds: int = 60
) -> tuple[list[Outcome], list[Decision], Counter[str]]:
    """Play a number of games; return their ends, all that was asked, and faults by kind."""
    seen: list[Decision] = []
    faults: Counter[str] = Counter()

    async def play(endpoint: str) -> list[Outcome]:
        outcomes = []
        for seed in range(games):
            link = await DaemonLink.open(endpoint, MAGIC)
            command = NewGame(
                deck1=pair[0], deck2=pair[1], interactive=True, limit_seconds=seconds, seed=seed
            )
            seats = {seat: WatchedSeat(agent, Random(f"{seed}/{seat}"), seen) for seat in (1, 2)}
            outcomes.append(await play_game(link, command, seats, metrics=PlayMetrics()))
            faults.update(link.take_faults())
            link.close()
        return outcomes

    with forge_daemon(*switches, decks=FOLDERS) as endpoint:
        return asyncio.run(play(endpoint)), seen, faults


@pytest.mark.parametrize("agent", ["random", "aggressive"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_whole_games_without_its_faults(agent: str, pair: tuple[str, str]) -> None:
    """Every game ends by the rules, every answer is taken, and what is asked is true."""
    outcomes, seen, faults = play_games(REPAIRED, agent, pair, games=3)
    assert {outcome.end for outcome in outcomes} <= {End.WON, End.DRAW}
    assert not faults
    assert {DecisionType.CHOOSE_ACTION, DecisionType.DECLARE_ATTACKERS} <= {
        decision.decision_type for decision in seen
    }


@pytest.mark.parametrize("agent", ["random", "aggressive"])
def test_whole_games_with_its_faults(agent: str) -> None:
    """Free abilities end some time; a game that its engine ends has no outcome."""
    outcomes, _, faults = play_games(FAULTY, agent, PAIRS[1], games=4)
    assert {outcome.end for outcome in outcomes} <= {End.WON, End.DRAW, End.ABORTED}
    assert End.WON in {outcome.end for outcome in outcomes}
    assert set(faults) <= {"loop"}


def test_the_oldest_version_carries_nothing_out() -> None:
    """The same question comes for ever; turns pass all the same, to the end of the game's time."""
    switches = ("--version", "oldest")
    outcomes, seen, faults = play_games(switches, "aggressive", PAIRS[0], games=1, seconds=4)
    assert outcomes[0].end in (End.WON, End.DRAW, End.TIMEOUT)
    assert seen[-1].turn > 5
    assert faults["loop"] > 0


@pytest.mark.parametrize("switches", [FAULTY, REPAIRED], ids=["faulty", "repaired"])
def test_training_games_become_segments(empty_bed: Bed, switches: tuple[str, ...]) -> None:
    """An actor fills the queue from it, loses no link, and the ledger closes."""
    bed = empty_bed
    with forge_daemon(*switches) as endpoint:
        bed.publish_daemons(endpoint, capacity=9)
        actor = bed.start_role("play", config(actor=ActorConfig(games_per_actor=9)))
        until(lambda: bed.games() >= 30, seconds=120, what="30 games were played")
        assert actor.terminate(seconds=20) == 0
    totals = bed.check_ledger()
    assert totals.trained > 0
    assert (totals.lost, totals.spool, totals.duplicate) == (0, 0, 0)
    finals = [segment.rewards[-1] for segment in bed.segments() if segment.header.terminated]
    assert {1.0, -1.0} <= set(finals)
    assert "left alone" not in actor.text
    assert not has_traceback(actor.text)


def test_opponents_that_it_cannot_seat_are_passed_over(empty_bed: Bed) -> None:
    """Every second game would be against the engine: all are played against others, and one notice
    says why."""
    bed = empty_bed
    shares = SelfPlayConfig(latest=0.5, past=0.0, scripted=0.5, scripted_players=("engine",))
    with forge_daemon(*REPAIRED) as endpoint:
        bed.publish_daemons(endpoint, capacity=9)
        actor = bed.start_role("play", config(self_play=shares))
        until(lambda: bed.games() >= 20, seconds=60, what="20 games were played")
        assert actor.terminate(seconds=20) == 0
    assert bed.check_ledger().lost == 0
    assert {segment.header.opponent for segment in bed.segments()} == {"latest"}
    assert "does not know -a" in actor.text
    assert notices(bed) == {"GameRefused"}


def test_an_evaluation_leaves_out_the_engine(empty_bed: Bed) -> None:
    """The scripted opponents get their results; of the engine it is said that it cannot be had."""
    bed = empty_bed
    wanted = EvaluationConfig(
        interval_games=50, games=10, opponents=("random", "aggressive", "engine")
    )
    with forge_daemon(*REPAIRED) as endpoint:
        bed.publish_daemons(endpoint, capacity=9)
        evaluator = bed.start_role("evaluate", config(evaluation=wanted))
        until(lambda: notices(bed), seconds=120, what="it gave up the engine")
        assert evaluator.terminate(seconds=20) == 0
    with bed.redis as client:
        reply: Any = client.lrange(bed.keys.evaluations, 0, -1)
    assert {result.opponent: result.games for result in evaluations_from(reply)} == {
        "random": 10,
        "aggressive": 10,
    }
    assert notices(bed) == {"OpponentUnavailable"}


class WaitingSeat:
    """A player that says when it is asked, and answers nothing before it may."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def answer(self, _decision: Decision) -> str:
        """Pass, in the end."""
        self.is_asked.set()
        await self.may_answer.wait()
        return "-1"

    def finish(self, reward: float | None) -> None:
        """Nothing to keep."""


async def three_games(endpoint: str) -> list[Outcome]:
    """Three games on two threads: the first two hold them until the third ends."""

    async def play(seat: WaitingSeat, *, seconds: int) -> Outcome:
        command = NewGame(
            deck1="test_red", deck2="test_blue", interactive=True, limit_seconds=seconds
        )
        link = await DaemonLink.open(endpoint, MAGIC)
        try:
            return await play_game(link, command, {1: seat, 2: seat}, metrics=PlayMetrics())
        finally:
            link.close()

    seats = [WaitingSeat(), WaitingSeat()]
    held = [asyncio.create_task(play(seat, seconds=20)) for seat in seats]
    async with asyncio.timeout(15):
        for seat in seats:
            await seat.is_asked.wait()
    late = await play(WaitingSeat(), seconds=1)
    for seat in seats:
        seat.may_answer.set()
    return [*await asyncio.gather(*held), late]


def test_a_game_that_never_got_a_thread_is_no_draw() -> None:
    """Its time passed before anybody was asked; those that had threads are played."""
    with forge_daemon("--parallelism", "2") as endpoint:
        *held, late = asyncio.run(three_games(endpoint))
    assert {outcome.end for outcome in held} <= {End.WON, End.DRAW, End.TIMEOUT}
    assert late.end is End.ABORTED
    assert late.reason.startswith(NEVER_ASKED)


def test_its_status_leaves_a_slot_for_itself() -> None:
    """Ten threads, and STATUS takes one."""
    with forge_daemon() as endpoint:
        reply = asyncio.run(ask_status(endpoint))
    assert (reply.max_concurrent, reply.slots, reply.queued, reply.total) == (10, 9, None, 0)


def notices(bed: Bed) -> set[str]:
    """Reasons of the notices so far."""
    with bed.redis as client:
        reply: Any = client.lrange(bed.keys.notices, 0, -1)
    return {notice.reason for notice in notices_from(reply)}
