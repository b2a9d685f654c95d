"""An actor process plays real games and fills a real queue."""

from __future__ import annotations

import asyncio
import signal

from trainingrun_contracts.reports import ActorReport, Intent
from trainingrun_contracts.run_config import ActorConfig, LearnerConfig, SelfPlayConfig
from trainingrun_reconciler.controller.daemon_status import ask_status

from testkit.roles.actor_bed import Bed, config, has_traceback
from testkit.waiting import until


def test_games_become_segments_and_the_ledger_closes(bed: Bed) -> None:
    """It plays, every segment decodes, the counts add up, and SIGTERM ends it with 0."""
    actor = bed.start_role("play", config())
    until(lambda: bed.games() >= 20, seconds=90, what="20 games were played")
    assert actor.terminate(seconds=20) == 0
    totals = bed.check_ledger()
    assert totals.trained > 0
    assert (totals.lost, totals.spool, totals.duplicate) == (0, 0, 0)
    segments = bed.segments()
    assert {segment.header.seat for segment in segments} == {1, 2}
    finals = [segment.rewards[-1] for segment in segments if segment.header.terminated]
    assert set(finals) <= {-1.0, 0.0, 1.0}
    assert {1.0, -1.0} <= set(finals)
    assert not has_traceback(actor.text)


def games_at(endpoint: str) -> int:
    """How many games a daemon plays."""
    return asyncio.run(ask_status(endpoint, seconds=20)).active


def test_a_stopped_actor_ends_its_games_for_as_long_as_it_is_given(bed: Bed) -> None:
    """While a daemon hangs, the actor without time gives its games up; the other one waits for
    them, and they come to their ends."""
    daemon, endpoint = bed.start_daemon()
    bed.publish_daemons(endpoint)
    hasty = bed.start_role("play", config(actor=ActorConfig(games_per_actor=4, stop_seconds=0)))
    patient = bed.start_role("play", config(actor=ActorConfig(games_per_actor=4, stop_seconds=60)))
    # A slot is leased before its game begins, and an actor that is to stop begins none.
    until(lambda: games_at(endpoint) == 8, seconds=60, what="both play four games")
    daemon.popen.send_signal(signal.SIGSTOP)
    until(lambda: bed.busy(endpoint) == 8, seconds=60, what="nothing moves")
    before = bed.games()
    patient.popen.send_signal(signal.SIGTERM)
    assert hasty.terminate(seconds=20) == 0
    assert patient.popen.poll() is None
    daemon.popen.send_signal(signal.SIGCONT)
    assert patient.popen.wait(timeout=60) == 0
    assert bed.games() >= before + 3  # the fourth may have been between two games
    assert bed.check_ledger().lost == 0


def test_both_seats_are_recorded_in_self_play(bed: Bed) -> None:
    """Against the latest policy both seats train, and their outcomes are opposite."""
    shares = SelfPlayConfig(latest=1.0, past=0.0, scripted=0.0)
    actor = bed.start_role("play", config(self_play=shares))
    until(lambda: bed.games() >= 4, seconds=90, what="four games were played")
    assert actor.terminate(seconds=20) == 0
    outcomes: dict[str, list[float]] = {}
    for segment in bed.segments():
        if segment.header.terminated:
            outcomes.setdefault(segment.header.game_id, []).append(float(segment.rewards[-1]))
    pairs = [rewards for rewards in outcomes.values() if len(rewards) == 2]
    assert len(pairs) >= 4
    assert all(sum(rewards) == 0 for rewards in pairs)


def test_it_stops_starting_games_at_the_configured_number(bed: Bed) -> None:
    """A single actor plays exactly the 6 games that there are to play."""
    bed.start_role("play", config(games=6))
    until(lambda: _state(bed) == "drained", seconds=90, what="the actor is drained")
    assert bed.games() == 6


def test_back_pressure_pauses_and_resumes(bed: Bed) -> None:
    """A full queue stops new games; once it is emptied, games continue."""
    actor = bed.start_role("play", config(learner=LearnerConfig(batch_transitions=100)))
    until(lambda: _state(bed) == "paused", seconds=90, what="the actor pauses")
    until(lambda: _report(bed).running == 0, seconds=30, what="running games have ended")
    before = bed.games()
    with bed.redis as client:
        client.delete(bed.keys.rollouts)
        client.set(bed.keys.depth, 0)
    until(lambda: bed.games() > before, seconds=60, what="games go on")
    until(lambda: _report(bed).paused_seconds > 0, seconds=30, what="the pause is reported")
    assert not has_traceback(actor.text)


def test_drain_finishes_games_and_run_resumes_them(bed: Bed) -> None:
    """DRAIN: no more games, all sent, state drained, still alive; RUN: it plays on."""
    actor = bed.start_role("play", config())
    until(lambda: bed.games() >= 2, seconds=90, what="two games were played")
    bed.set_intent(Intent.DRAIN)
    until(lambda: _state(bed) == "drained", seconds=60, what="the actor is drained")
    assert bed.check_ledger().lost == 0
    assert _report(bed).running == 0
    assert actor.popen.poll() is None
    before = bed.games()
    bed.set_intent(Intent.RUN)
    until(lambda: bed.games() > before, seconds=60, what="the actor plays again")


def _report(bed: Bed) -> ActorReport:
    report = bed.report(ActorReport)
    assert isinstance(report, ActorReport)
    return report


def _state(bed: Bed) -> str:
    report = bed.report(ActorReport)
    return report.state.value if report else ""
