"""The evaluator plays frozen weights against the scripted opponents."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from trainingrun_actor.agenda import Agenda
from trainingrun_actor.policies import Policies
from trainingrun_actor.policy import PolicyLoader
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_contracts.connection import asyncio_client
from trainingrun_contracts.reports import (
    Evaluation,
    EvaluatorReport,
    GateVerdict,
    Intent,
    champion_from,
    evaluations_from,
    notices_from,
)
from trainingrun_contracts.run_config import EvaluationConfig, GateConfig
from trainingrun_environments.magic.spec import SPEC

from testkit.roles.actor_bed import Bed, config, has_traceback
from testkit.waiting import until

MANY: Final = ("engine", "past")
SMALL = config(evaluation=EvaluationConfig(interval_games=50, games=10))


def test_it_begins_with_the_untrained_policy(bed: Bed) -> None:
    """Version 0 gets a result against every opponent; untrained weights lose to the attacker."""
    evaluator = bed.start_role("evaluate", SMALL)
    until(lambda: len(results(bed)) == 2, seconds=120, what="both opponents were played")
    by_name = {result.opponent: result for result in results(bed)}
    assert set(by_name) == {"random", "aggressive"}
    for result in by_name.values():
        assert (result.version, result.games) == (0, 10)
        assert 0 <= result.low <= result.rate <= result.high <= 1
    assert by_name["aggressive"].rate <= 0.5
    assert evaluator.terminate(seconds=10) == 0
    assert bed.segments() == []  # evaluation never feeds training
    assert bed.games() == 0
    assert not has_traceback(evaluator.text)


def test_it_evaluates_again_after_enough_training_games(bed: Bed) -> None:
    """50 more training games make the next evaluation due; it is the same version's turn again
    only when there is a new version. It stands at the game at which it was due."""
    bed.start_role("evaluate", SMALL)
    until(lambda: len(results(bed)) == 2, seconds=120, what="the first evaluation")
    bed.publish_weights(version=1)
    with bed.redis as client:
        client.hset(bed.keys.games, "played", 60)
    until(lambda: len(results(bed)) == 4, seconds=120, what="the second evaluation")
    assert [(r.version, r.training_games) for r in results(bed)[2:]] == [(1, 50), (1, 50)]


def test_an_evaluation_is_of_the_weights_of_its_game(bed: Bed) -> None:
    """Weights that are published after its boundary change nothing about one that waits."""

    async def due() -> list[tuple[int, int]]:
        agenda = Agenda(50)
        async with asyncio_client(bed.server.url_of("actor"), max_connections=2) as client:
            policies = Policies(client, bed.keys, PolicyLoader(SPEC), wall=time.time)
            watch = RunStatePoller(
                client,
                bed.keys,
                policies,
                member="evaluator",
                note_games=lambda games: agenda.note(games, policies.newest, b""),
            )
            agenda.begin(0)
            for version, games in ((1, 60), (2, 99), (3, 110), (4, 111)):
                bed.publish_weights(version=version)
                with bed.redis as other:
                    other.hset(bed.keys.games, "played", games)
                await watch.read()
        found = []
        while (each := agenda.next) is not None:
            found.append((each.games, each.policy.pointer.version))
            agenda.finish(each)
        return found

    assert asyncio.run(due()) == [(50, 1), (100, 3)]


def test_the_last_evaluation_ends_in_done(bed: Bed) -> None:
    """EVALUATE: the newest version is evaluated once against everybody, then the state is done."""
    bed.set_intent(Intent.DRAIN)
    bed.start_role("evaluate", SMALL)
    until(lambda: _state(bed) == "waiting", seconds=60, what="it waits while the run drains")
    bed.set_intent(Intent.EVALUATE)
    until(lambda: _state(bed) == "done", seconds=120, what="it is done")
    assert len(results(bed)) == 2


def test_a_drain_gives_a_running_evaluation_up(bed: Bed) -> None:
    """DRAIN frees the slots at once, and no result of a part of the games is written."""
    bed.set_intent(Intent.EVALUATE)  # a full evaluation: the first one under RUN is a short one
    bed.start_role("evaluate", config(evaluation=EvaluationConfig(games=5000)))
    until(lambda: _state(bed) == "playing", seconds=60, what="an evaluation runs")
    bed.set_intent(Intent.DRAIN)
    until(lambda: _state(bed) == "waiting", seconds=30, what="it was given up")
    report = bed.report(EvaluatorReport)
    assert report.running == 0
    assert results(bed) == ()


def test_the_engine_and_past_selves_are_opponents(bed: Bed) -> None:
    """The engine plays its own seat; against past selves the raw results name the versions."""
    bed.publish_weights(version=1)
    bed.publish_weights(version=2)
    bed.set_intent(Intent.EVALUATE)
    bed.start_role("evaluate", config(evaluation=EvaluationConfig(games=8, opponents=MANY)))
    until(lambda: _state(bed) == "done", seconds=120, what="it is done")
    by_name = {result.opponent: result for result in results(bed)}
    assert set(by_name) == set(MANY)
    assert {row.opponent for row in by_name["engine"].results} == {"engine"}
    assert {row.opponent for row in by_name["past"].results} == {"v0", "v1"}
    for result in by_name.values():
        assert result.games == 8 == sum(row.games for row in result.results)
        assert result.wins == sum(row.wins for row in result.results)
    last = by_name["past"]
    assert last.anchor == "engine"
    assert last.elo is not None
    assert last.elo_error is not None
    assert last.elo_error > 0


def test_the_gate_crowns_the_first_and_then_asks_for_proof(bed: Bed) -> None:
    """Version 0 is the champion without a game; four pairs are too few to take its place, and the
    games against it are raw results like others."""
    gated = EvaluationConfig(games=4, opponents=("random",), gate=GateConfig(games=8))
    bed.set_intent(Intent.EVALUATE)
    bed.start_role("evaluate", config(evaluation=gated))
    until(lambda: _state(bed) == "done", seconds=60, what="the first champion is there")
    assert _champion(bed) == 0
    assert [result.opponent for result in results(bed)] == ["random"]
    bed.publish_weights(version=1)
    until(lambda: len(results(bed)) == 3, seconds=240, what="the champion was challenged")
    last = results(bed)[-1]
    assert (last.opponent, last.version) == ("champion", 1)
    assert last.gate is not None
    assert last.gate.champion == 0
    assert (last.gate.verdict, last.gate.pairs, last.games) == (GateVerdict.KEEP, 4, 8)
    assert _champion(bed) == 0
    assert {row.opponent for row in last.results} == {"v0"}
    assert bed.segments() == []


def test_a_daemon_without_a_player_of_its_own_is_told_and_left_out(bed: Bed) -> None:
    """An older daemon does not know ``-a``: the other opponents are played, and it is said."""
    with _old_daemon(bed.start_daemon()[1]) as endpoint:
        bed.publish_daemons(endpoint)
        bed.set_intent(Intent.EVALUATE)
        both = EvaluationConfig(games=4, opponents=("engine", "random"))
        evaluator = bed.start_role("evaluate", config(evaluation=both))
        until(lambda: _state(bed) == "done", seconds=120, what="it is done")
        assert evaluator.terminate(seconds=10) == 0
    assert [result.opponent for result in results(bed)] == ["random"]
    with bed.redis as client:
        reply: Any = client.lrange(bed.keys.notices, 0, -1)
    (notice,) = notices_from(reply)
    assert notice.reason == "OpponentUnavailable"
    assert "does not know -a" in notice.message


@contextmanager
def _old_daemon(endpoint: str) -> Iterator[str]:
    """The daemon behind a front that takes ``-a`` out of commands."""
    host, port = endpoint.split(":")

    class Front(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as daemon:
                back = threading.Thread(target=self.carry_back, args=(daemon,))
                back.start()
                for line in self.rfile:
                    daemon.sendall(re.sub(rb" -a \d", b"", line))
                daemon.shutdown(socket.SHUT_WR)
                back.join()

        def carry_back(self, daemon: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := daemon.recv(65536):
                    self.wfile.write(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Front) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _champion(bed: Bed) -> int | None:
    with bed.redis as client:
        reply: Any = client.hget(bed.keys.champion, "champion")
    champion = champion_from(reply)
    return champion.version if champion is not None else None


def results(bed: Bed) -> tuple[Evaluation, ...]:
    """All results so far."""
    with bed.redis as client:
        reply: list[bytes] = client.lrange(bed.keys.evaluations, 0, -1)  # type: ignore[assignment]
    return evaluations_from(reply)


def _state(bed: Bed) -> str:
    report = bed.report(EvaluatorReport)
    return report.state.value if report else ""
