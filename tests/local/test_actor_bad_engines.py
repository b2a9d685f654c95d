"""Engines with one fault each under a real actor: every fault costs its games, is said once with
the line and the remedy, and is counted; games of a sound engine continue beside them.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from trainingrun_contracts import reports
from trainingrun_contracts.environment_config import Engine
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_contracts.run_config import (
    DaemonConfig,
    EvaluationConfig,
    RunConfig,
    SelfPlayConfig,
)
from trainingrun_environments.registry import spec_of

from testkit.ports import free_port
from testkit.roles.actor_bed import Bed, actor_bed, config, has_traceback
from testkit.servers.faulty_engine import GOAL, Fault, faulty_engine
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

ENVIRONMENT = Engine("adding", (GOAL,), Vocabulary(3))
UNREADABLE = {
    Fault.NOT_JSON: "JSON is malformed",
    Fault.NO_SEAT: "missing required field `seat`",
    Fault.DATA_SHORT: "data holds 44 bytes: 12 numbers of float32 are 48",
    Fault.DATA_BROKEN: "Invalid base64",
    Fault.NOT_A_NUMBER: "observation holds a number that is not finite, the first at place 4",
    Fault.TOO_LARGE: "observation holds 300: scale its numbers to -8 … 8",
    Fault.DTYPE: "dtype is 'bfloat16': use one of uint8",
    Fault.FIVE_DIMENSIONS: "observation.shape is [1, 1, 1, 1, 12], the environment's [12]",
    Fault.NO_ACTIONS: "actions is empty: ask only where something can be chosen",
    Fault.SAME_INDEX: "actions has two entries with the same index",
    Fault.INDEX: "actions has index 5000: the vocabulary goes from 0 to 2",
    Fault.SECOND_GAME: "observation.shape is [11], the environment's [12]",
}
"""Decisions that cannot be read; the line stands beside the words."""
BROKEN = {
    Fault.LONG_LINE: "a line is longer than",
    Fault.RETURNS_INFINITE: "GAME_RETURNS needs two finite numbers",
    Fault.CLOSES: "closed the connection in the midst of a game",
    Fault.MILLISECONDS: "names no winner",
}
GIVEN_UP = {
    Fault.GAME_ERROR: "a move failed",
    Fault.WINNER: "a winner of unknown seat: somebody: name it as Agent(1)-x",
}


def run_of(**daemon: int) -> RunConfig:
    """Training against random play on engines that send their own numbers."""
    return config(
        decks=("-",),
        environment=ENVIRONMENT,
        daemon=DaemonConfig(**daemon),
        evaluation=EvaluationConfig(opponents=("random",)),
        self_play=SelfPlayConfig(latest=0, past=0, scripted=1, scripted_players=("random",)),
    )


@contextmanager
def engines(*faults: Fault) -> Iterator[dict[Fault, str]]:
    """The endpoints of an engine with each fault."""
    with ExitStack() as stack:
        yield {fault: f"127.0.0.1:{stack.enter_context(faulty_engine(fault))}" for fault in faults}


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """A bed with weights for the engines' game."""
    with actor_bed(tmp_path, redis_server) as made:
        made.publish_weights(spec=spec_of(ENVIRONMENT))
        yield made


def notices(bed: Bed) -> list[str]:
    """What people are told of games that failed."""
    with bed.redis as client:
        reply: list[bytes] = client.lrange(bed.keys.notices, 0, -1)  # type: ignore[assignment]
    return [each.message for each in reports.notices_from(reply) if each.reason == "GameFailed"]


def errors(port: int) -> Mapping[str, float]:
    """The counter of failures by ``endpoint kind``, as Prometheus reads it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    found = {}
    for line in lines:
        if line.startswith("trainingrun_daemon_errors_total{"):
            labels, _, value = line.rpartition(" ")
            words = dict(part.split("=", 1) for part in labels.partition("{")[2][:-1].split(","))
            key = f"{words['endpoint']} {words['kind']}".replace('"', "")
            found[key] = float(value)
    return found


def test_each_fault_costs_its_games_and_is_said(bed: Bed) -> None:
    """Expect one warning for each engine with what is wrong, and the line where one could not be
    read; a count of each; a sound engine's games in the queue and nothing else's."""
    port = free_port()
    wrong = {**UNREADABLE, **BROKEN, **GIVEN_UP}
    with engines(Fault.NONE, *wrong) as endpoints:
        actor = bed.start_role("play", run_of(), metrics_port=port)
        bed.publish_daemons(*endpoints.values(), capacity=2)
        for fault, words in wrong.items():
            warned = f"{endpoints[fault]}: "

            def said(warned: str = warned, words: str = words) -> bool:
                return any(warned in line and words in line for line in actor.text.splitlines())

            until(said, seconds=90, what=f"{fault}: {words}")
        before = bed.games()
        until(lambda: bed.games() >= before + 20, seconds=90, what="sound games are played on")
        counted = errors(port)
        assert actor.terminate(seconds=30) == 0
    for fault in wrong:
        kind = "failed" if fault in GIVEN_UP else "lost"
        assert counted.get(f"{endpoints[fault]} {kind}", 0) >= 1, fault
    assert not any(endpoints[Fault.NONE] in each for each in counted)
    assert bed.games("aborted") >= len(wrong) - 1
    for fault in UNREADABLE:
        lines = [each for each in actor.text.splitlines() if f"{endpoints[fault]}: " in each]
        assert all("; the line: {" in line for line in lines)
        # A sound first game ends the silence about what follows it.
        assert len(lines) == 1 or (lines and fault is Fault.SECOND_GAME)
    assert not has_traceback(actor.text)
    totals = bed.check_ledger()
    assert (totals.lost, totals.duplicate) == (0, 0)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.NOT_A_NUMBER, UNREADABLE[Fault.NOT_A_NUMBER]),
        (Fault.SECOND_GAME, UNREADABLE[Fault.SECOND_GAME]),
        (Fault.NO_ACTIONS, UNREADABLE[Fault.NO_ACTIONS]),
        (Fault.GAME_ERROR, GIVEN_UP[Fault.GAME_ERROR]),
        (Fault.ENDLESS, "the game asks on after twice its 1 s (-c): end every game"),
    ],
)
def test_the_person_is_told_with_the_remedy(bed: Bed, fault: Fault, words: str) -> None:
    """Expect a notice, which becomes an event of the run, once for each reason; the actor plays on,
    and the game's slot is given back."""
    with engines(fault) as endpoints:
        endpoint = endpoints[fault]
        actor = bed.start_role("play", run_of(game_timeout_seconds=1))
        bed.publish_daemons(endpoint, capacity=2)
        until(lambda: notices(bed), seconds=120, what="a notice was left")
        until(lambda: bed.games("aborted") >= 2, seconds=120, what="two games were given up")
        assert actor.terminate(seconds=30) == 0
    (message,) = notices(bed)
    assert message.startswith(f"a game failed on {endpoint}: ")
    assert words in message
    assert message.endswith(
        f"trainingrun daemons check {endpoint} --environment engine finds what is wrong"
    )
    assert bed.busy(endpoint) == 0
    assert not has_traceback(actor.text)
