"""What an actor does when a daemon or Redis dies under it, and when it cannot start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import ActorReport
from trainingrun_contracts.run_config import LearnerConfig, SelfPlayConfig

from testkit.roles.actor_bed import Bed, actor_bed, config, has_traceback
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.waiting import until


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """A harness with weights of version 0, and no daemon yet."""
    with actor_bed(tmp_path, redis_server) as made:
        made.publish_weights()
        yield made


def test_a_killed_daemon_costs_its_games_only(bed: Bed) -> None:
    """kill -9 of one of two daemons in the midst of games: those are aborted, the others
    continue."""
    victim, first = bed.start_daemon()
    _, second = bed.start_daemon()
    bed.publish_daemons(first, second, capacity=2)
    actor = bed.start_role("play", config())
    until(lambda: bed.games() >= 4, seconds=90, what="four games were played")
    until(lambda: _leases(bed, first) > 0, seconds=30, what="a game runs on the first daemon")
    victim.kill()
    until(lambda: bed.games("aborted") >= 1, seconds=30, what="a game was aborted")
    before = bed.games()
    until(lambda: bed.games() >= before + 4, seconds=90, what="games go on elsewhere")
    assert bed.games("aborted") <= 2
    assert actor.terminate(seconds=20) == 0
    totals = bed.check_ledger()
    assert (totals.lost, totals.duplicate) == (0, 0)
    assert not has_traceback(actor.text)


def test_a_killed_redis_loses_nothing(bed: Bed) -> None:
    """kill -9 of Redis while games run, then back on its data: the ledger closes, nothing lost."""
    _, endpoint = bed.start_daemon()
    bed.publish_daemons(endpoint)
    actor = bed.start_role("play", config())
    until(lambda: bed.games() >= 4, seconds=90, what="four games were played")
    before = bed.games()
    bed.server.kill()
    until(lambda: "cannot be reached" in actor.text, seconds=30, what="the outage is noticed")
    bed.server.start()
    until(lambda: bed.games() >= before + 4, seconds=90, what="games go on")
    assert actor.terminate(seconds=20) == 0
    totals = bed.check_ledger()
    assert (totals.lost, totals.spool, totals.duplicate) == (0, 0, 0)
    assert not has_traceback(actor.text)


def test_a_full_redis_is_a_pause(bed: Bed) -> None:
    """Redis takes no more bytes for a while (noeviction): the actor waits, plays on when there is
    room again, and nothing is lost or sent twice."""
    _, endpoint = bed.start_daemon()
    bed.publish_daemons(endpoint)
    actor = bed.start_role("play", config())
    until(lambda: bed.games() >= 2, seconds=90, what="two games were played")
    with bed.redis as client:
        client.config_set("maxmemory", 1)
        before = bed.games()
        until(lambda: _refusals(client) >= 3, seconds=60, what="Redis has refused")
        until(lambda: "out of memory" in actor.text, seconds=60, what="it says what is wrong")
        assert bed.games() == before
        client.config_set("maxmemory", 0)
    until(lambda: bed.games() >= before + 4, seconds=90, what="games go on")
    assert actor.terminate(seconds=20) == 0
    totals = bed.check_ledger()
    assert (totals.lost, totals.spool, totals.duplicate) == (0, 0, 0)
    assert not has_traceback(actor.text)


def test_a_redis_that_lost_its_data_gets_the_last_seconds_again(bed: Bed) -> None:
    """kill -9 of Redis and its disk gone: the actor sends again what it still holds, and continues
    from there; what is older is missing from the queue and the ledger counts it."""
    _, endpoint = bed.start_daemon()
    bed.publish_daemons(endpoint)
    actor = bed.start_role("play", config())
    until(lambda: bed.games() >= 4, seconds=90, what="four games were played")
    bed.server.kill()
    bed.server.lose_data()
    bed.server.start()
    bed.publish_daemons(endpoint)
    bed.publish_weights(version=1)
    until(lambda: len(bed.segments()) >= 2, seconds=90, what="segments come again")
    until(lambda: bed.games() >= 4, seconds=90, what="games go on")
    assert actor.terminate(seconds=20) == 0
    totals = bed.check_ledger()
    assert (totals.spool, totals.duplicate) == (0, 0)
    numbers = [segment.header.seq for segment in bed.segments()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert not has_traceback(actor.text)


def test_it_waits_for_daemons_and_reports_so(bed: Bed) -> None:
    """Without a daemon the state is waiting; the first one that is published gets games."""
    bed.start_role("play", config())
    until(lambda: _state(bed) == "waiting", seconds=60, what="the actor waits")
    _, endpoint = bed.start_daemon()
    bed.publish_daemons(endpoint)
    until(lambda: bed.games() >= 1, seconds=60, what="a game was played")


def test_an_unknown_deck_becomes_a_notice(bed: Bed) -> None:
    """A refused game is reported to the person, not counted, and does not end the actor."""
    _, endpoint = bed.start_daemon()
    bed.publish_daemons(endpoint)
    actor = bed.start_role("play", config(decks=("no_such_deck",)))

    def notices() -> list[bytes]:
        with bed.redis as client:
            found: list[bytes] = client.lrange(bed.keys.notices, 0, -1)  # type: ignore[assignment]
        return found

    until(notices, seconds=60, what="a notice was left")
    assert b"GameRefused" in notices()[0]
    assert b"no_such_deck" in notices()[0]
    assert bed.games() == 0
    assert actor.popen.poll() is None


def test_a_wrong_password_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 2, one line that names the address and not the password, no traceback."""
    folder = tmp_path / "secret"
    folder.mkdir()
    with start_redis(folder) as server, actor_bed(tmp_path, server) as made:
        url = f"redis://actor:wr0ng@{server.address}/0"
        actor = made.start_role("play", config(), url=url)
        assert actor.popen.wait(timeout=30) == 2
        assert len(actor.text.strip().splitlines()) == 1
        assert "password" in actor.text
        assert "wr0ng" not in actor.text


@pytest.mark.parametrize("role", ["play", "evaluate"])
def test_an_environment_that_is_not_installed_is_one_sentence(bed: Bed, role: str) -> None:
    """Exit code 2, with its name and what there is: starting again would end the same way."""
    actor = bed.start_role(role, config(environment=BuiltIn("chess")))
    assert actor.popen.wait(timeout=30) == 2
    [said] = actor.text.strip().splitlines()
    assert said.startswith("trainingrun-actor: no environment is called 'chess': installed are")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            {"self_play": SelfPlayConfig(scripted=1, scripted_players=("careful",))},
            "no scripted opponent is called 'careful': installed are random, aggressive, engine",
        ),
        ({"shaping": {"lead": 0.1}}, "no potential is called 'lead': installed are life, board,"),
        (
            {"learner": LearnerConfig(network=Network("deep"))},
            "no network is called 'deep': installed are mlp, transformer",
        ),
    ],
)
def test_a_part_that_is_not_installed_is_one_sentence(
    bed: Bed, part: dict[str, Any], said: str
) -> None:
    """Exit code 2, with its name, what there is, and how a package adds one."""
    actor = bed.start_role("play", config(**part))
    assert actor.popen.wait(timeout=60) == 2
    [line] = actor.text.strip().splitlines()
    assert line.startswith(f"trainingrun-actor: {said}")
    assert "a package adds one by an entry point of the group trainingrun." in line


def test_it_waits_for_redis_and_ends_on_sigterm(tmp_path: Path, redis_server: RedisServer) -> None:
    """With Redis away it says so in a plain line, continues trying, and SIGTERM ends it with 0."""
    redis_server.kill()
    with actor_bed(tmp_path, redis_server) as made:
        actor = made.start_role("play", config())
        until(lambda: "cannot be reached" in actor.text, seconds=30, what="it says what is wrong")
        assert actor.terminate(seconds=10) == 0
        assert not has_traceback(actor.text)


def _refusals(client: redis.Redis) -> int:
    found: Any = client.info("errorstats")
    return int(found.get("errorstat_OOM", {}).get("count", 0))


def _leases(bed: Bed, endpoint: str) -> int:
    with bed.redis as client:
        return int(client.zcard(bed.keys.leases + endpoint))  # type: ignore[arg-type]


def _state(bed: Bed) -> str:
    report = bed.report(ActorReport)
    return report.state.value if report else ""
