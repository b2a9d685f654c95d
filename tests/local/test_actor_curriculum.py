"""An actor process plays by the phase that it is told, from the next game on."""

from __future__ import annotations

from typing import Any

from actor_bed import Bed, config, has_traceback
from trainingrun_contracts.curriculum import CurrentPhase, Setting, Shaping, encode_phase
from trainingrun_contracts.reports import ActorReport
from trainingrun_contracts.run_config import OpponentsConfig
from waiting import until

MIRROR = Setting(("red_aggro",), OpponentsConfig(latest=0, past=0, scripted=1))
SHAPED = Setting(
    ("white_weenie",), OpponentsConfig(latest=1, past=0, scripted=0), Shaping(life=0.01, board=0.02)
)


def tell(bed: Bed, number: int, setting: Setting) -> None:
    """Say that a phase has begun."""
    phase = CurrentPhase(f"phase-{number}", number, 0, 0, 0, "a test says so", setting)
    with bed.redis as client:
        client.set(bed.keys.phase, encode_phase(phase))


def test_games_follow_the_phase(bed: Bed) -> None:
    """None is played before a phase is known; then its decks, opponents and rewards, and those of
    the next phase once that is told. The ledger closes over both."""
    actor = bed.start_role("play", config(phased=True))
    until(lambda: bed.report(ActorReport) is not None, seconds=60, what="the actor reports")
    assert bed.games() == 0
    tell(bed, 1, MIRROR)
    until(lambda: bed.games() >= 8, seconds=90, what="eight games were played")
    tell(bed, 2, SHAPED)
    until(
        lambda: whole_games(bed, "white_weenie") >= 4, seconds=90, what="the next phase is played"
    )
    assert actor.terminate(seconds=20) == 0
    bed.check_ledger()
    first = [each for each in bed.segments() if "red_aggro" in each.header.decks]
    assert {each.header.decks for each in first} == {("red_aggro", "red_aggro")}
    assert {each.header.opponent for each in first} <= {"random", "aggressive"}
    assert all(not each.rewards[:-1].any() for each in first)
    assert not has_traceback(actor.text)


def test_shaped_rewards_of_a_game_sum_up_to_its_outcome(bed: Bed) -> None:
    """Less what the seat's first decision was worth: a seat that had nothing to choose until then
    may already be a creature or a few lives behind."""
    tell(bed, 1, SHAPED)
    actor = bed.start_role("play", config(phased=True))
    until(lambda: whole_games(bed, "white_weenie") >= 4, seconds=90, what="games were played")
    assert actor.terminate(seconds=20) == 0
    sums = [sum(rewards) for rewards in rewards_by_seat(bed).values()]
    firsts = [round(total) - total for total in sums]
    assert {-1, 1} <= {round(total) for total in sums} <= {-1, 0, 1}
    assert max(map(abs, firsts)) < 0.3
    assert firsts.count(0.0) >= len(firsts) / 2
    steps = [reward for rewards in rewards_by_seat(bed).values() for reward in rewards[:-1]]
    assert any(steps)
    assert max(map(abs, steps)) < 1.0


def whole_games(bed: Bed, deck: str) -> int:
    """Seats whose game with this deck is in the queue to its end."""
    return sum(
        each.header.terminated and each.header.decks == (deck, deck) for each in bed.segments()
    )


def rewards_by_seat(bed: Bed) -> dict[Any, list[float]]:
    """The rewards of each seat whose game came to its end, in order."""
    found: dict[Any, list[float]] = {}
    ended = set()
    for each in bed.segments():
        seat = each.header.game_id, each.header.seat
        found.setdefault(seat, []).extend(each.rewards.tolist())
        if each.header.terminated:
            ended.add(seat)
    return {seat: rewards for seat, rewards in found.items() if seat in ended}
