"""An actor process plays by the phase that is published, from the next game on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from trainingrun_contracts.curriculum import (
    CurrentPhase,
    PlannedPhase,
    Setting,
    begun_from,
    encode_phase,
)
from trainingrun_contracts.reports import ActorReport
from trainingrun_contracts.run_config import OpponentsConfig

from testkit.roles.actor_bed import Bed, config, has_traceback
from testkit.waiting import until

MIRROR = Setting(("red_aggro",), OpponentsConfig(latest=0, past=0, scripted=1))
SHAPED = Setting(
    ("white_weenie",), OpponentsConfig(latest=1, past=0, scripted=0), {"life": 0.01, "board": 0.02}
)


RED = Setting(("red_aggro",), OpponentsConfig(latest=1, past=0, scripted=0))
WHITE = Setting(("white_weenie",), OpponentsConfig(latest=1, past=0, scripted=0))
GAMES = 60


def write_state(bed: Bed, number: int, setting: Setting) -> None:
    """Say that a phase has begun."""
    phase = CurrentPhase(f"phase-{number}", number, 0, 0, 0, "a test says so", setting)
    with bed.redis as client:
        client.set(bed.keys.phase, encode_phase(phase))


def test_games_follow_the_phase(bed: Bed) -> None:
    """None is played before a phase is known; then its decks, opponents and rewards, and those of
    the next phase once that is published. The ledger closes over both."""
    actor = bed.start_role("play", config(phased=True))
    until(lambda: bed.report(ActorReport) is not None, seconds=60, what="the actor reports")
    assert bed.games() == 0
    write_state(bed, 1, MIRROR)
    until(lambda: bed.games() >= 8, seconds=90, what="eight games were played")
    write_state(bed, 2, SHAPED)
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


def test_a_phase_to_come_whose_potential_is_not_installed_ends_the_actor(bed: Bed) -> None:
    """Before the first game, and not days later: exit code 2 and one sentence."""
    unknown = msgspec.structs.replace(SHAPED, shaping={"lead": 0.1})
    following = (PlannedPhase("p2", 2, unknown),)
    phase = CurrentPhase("p1", 1, 0, 0, 0, "it is so", RED, lasts=15, following=following)
    with bed.redis as client:
        client.set(bed.keys.phase, encode_phase(phase))
    actor = bed.start_role("play", config(phased=True))
    assert actor.popen.wait(timeout=120) == 2
    assert "no potential is called 'lead': installed are life, board, cards" in actor.text
    assert bed.games() == 0
    assert not has_traceback(actor.text)


@pytest.mark.parametrize("fault", ["none", "actor", "redis"])
def test_phases_and_the_target_come_at_their_game_without_an_operator(bed: Bed, fault: str) -> None:
    """Fifteen games, twenty, and the rest up to sixty, by two actors as fast as they can; no one
    writes a word meanwhile. A killed actor's games are played by the other, each in its phase."""
    phase = CurrentPhase(
        "p1",
        1,
        0,
        0,
        0,
        "a test says so",
        RED,
        lasts=15,
        following=(PlannedPhase("p2", 2, WHITE, 20), PlannedPhase("p3", 3, MIRROR)),
    )
    with bed.redis as client:
        client.set(bed.keys.phase, encode_phase(phase))
    first = bed.start_role("play", config(phased=True, games=GAMES))
    second = bed.start_role("play", config(phased=True, games=GAMES))
    if fault != "none":
        until(lambda: bed.games() >= 4, seconds=120, what="games were played")
    if fault == "actor":
        first.kill()
    elif fault == "redis":
        bed.server.kill()
        bed.server.start()
    until(lambda: bed.games() >= GAMES, seconds=240, what="all games were played")
    assert second.terminate(seconds=30) == 0
    if fault != "actor":
        assert first.terminate(seconds=30) == 0
    assert bed.games() == GAMES
    with bed.redis as client:
        reply: Any = client.hgetall(bed.keys.begun)
        assert client.zcard(bed.keys.open_games) == 0
    begun = begun_from(reply)
    assert [(n, begun[n].name, begun[n].games) for n in sorted(begun)] == [
        (1, "p1", 0),
        (2, "p2", 15),
        (3, "p3", 35),
    ]
    if fault != "redis":  # it may forget numbers that it has given out, and give them again
        assert games_of(bed, RED) == 15
        assert games_of(bed, WHITE) == 20
        assert games_of(bed, MIRROR) == 25
    assert not has_traceback(second.text)


def games_of(bed: Bed, setting: Setting) -> int:
    """Games in the queue to their end that were played with this setting."""
    is_scripted = setting.opponents.scripted > 0
    return len(
        {
            each.header.game_id
            for each in bed.segments()
            if each.header.terminated
            and set(each.header.decks) == set(setting.decks)
            and (each.header.opponent != "latest") == is_scripted
        }
    )


def test_shaped_rewards_of_a_game_sum_up_to_its_outcome(bed: Bed) -> None:
    """Less what the seat's first decision was worth: a seat that had nothing to choose until then
    may already be a creature or a few lives behind."""
    write_state(bed, 1, SHAPED)
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
