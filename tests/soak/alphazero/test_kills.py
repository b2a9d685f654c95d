"""A whole run of AlphaZero whose parts are killed under load, again and again.

Whatever is killed, and when: games, training and publications go on, every transition is accounted
for, no finished game is lost, and none counts twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Event
from typing import Final

import pytest
from trainingrun_contracts.segment_header import SegmentHeader

from testkit.roles.alphazero_bed import SearchedRun, searched_run
from testkit.soak_share import share_of
from testkit.waiting import until

KILLS: Final = 100
WITHIN: Final = 0.3
"""Seconds from the moment that all goes on to the next kill, at most."""
SECONDS: Final = 120.0
SHORTEST, LONGEST = 5, 9
"""Moves of a game."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[SearchedRun]:
    """A run that plays and trains."""
    with searched_run(tmp_path) as found:
        yield found


def test_workers_are_killed(run: SearchedRun) -> None:
    """kill -9 of one worker after the other: what they had open goes to others, and what a dead
    one had finished counts.
    """
    random = Random(1)
    dead: dict[str, set[str]] = {worker.member: set() for worker in run.workers}
    for number in range(share_of(KILLS)):
        worker = run.workers[number % len(run.workers)]
        until(
            lambda worker=worker: run.incarnations(worker) - dead[worker.member],  # type: ignore[misc]
            seconds=SECONDS,
            what=f"games of {worker.member} before kill {number + 1}",
        )
        Event().wait(random.uniform(0, WITHIN))
        before = run.progress()
        worker.kill()
        dead[worker.member] = run.incarnations(worker)
        worker.start()
        run.wait_beyond(before, what=f"it goes on after kill {number + 1} of a worker")
    require_whole(run)


def test_learners_are_killed(run: SearchedRun) -> None:
    """kill -9 of the learner: the next one goes on from the newest checkpoint."""
    random = Random(2)
    for number in range(share_of(KILLS)):
        Event().wait(random.uniform(0, WITHIN))
        before = run.progress()
        run.kill_learner()
        run.start_learner()
        run.wait_beyond(before, what=f"it goes on after kill {number + 1} of the learner")
    require_whole(run)


def test_redis_is_killed(run: SearchedRun) -> None:
    """kill -9 of Redis, which comes back with its append-only file: all wait for it."""
    random = Random(3)
    for number in range(share_of(KILLS)):
        Event().wait(random.uniform(0, WITHIN))
        before = run.progress()
        run.server.kill()
        run.start_redis()
        run.wait_beyond(before, what=f"it goes on after kill {number + 1} of Redis")
    require_whole(run)


def test_servers_are_killed(run: SearchedRun) -> None:
    """kill -9 of the inference server: workers value positions themselves until the next one."""
    random = Random(4)
    for number in range(share_of(KILLS)):
        Event().wait(random.uniform(0, WITHIN))
        before = run.progress()
        run.inference.kill()
        run.inference.start()
        run.wait_beyond(before, what=f"it goes on after kill {number + 1} of the server")
    require_whole(run)


def require_whole(run: SearchedRun) -> None:
    """Bring the run to rest, and hold the ledger and the counters against all that was ever
    appended.

    Raises:
        AssertionError: they do not agree.
    """
    ledger, progress = run.settle(), run.progress()
    moves: dict[tuple[str, int], int] = {}
    games: dict[str, list[SegmentHeader]] = defaultdict(list)
    repeated, newest = 0, -1
    for segment in run.appended():
        name = (segment.header.actor, segment.header.seq)
        if name in moves:
            repeated += segment.transitions
            continue
        moves[name] = segment.transitions
        games[segment.header.game_id].append(segment.header)
        newest = max(newest, int(segment.publishes.max()))
    assert ledger.closes, ledger
    assert (ledger.queued, ledger.lost) == (0, 0), ledger
    assert ledger.trained == sum(moves.values()), (ledger, repeated)
    assert ledger.dropped == {"stale": 0, "poison": 0, "spool": 0, "duplicate": repeated}
    assert len(games) == progress.played
    for headers in games.values():
        assert sorted(each.seat for each in headers) == [1, 2]
        assert SHORTEST <= sum(moves[each.actor, each.seq] for each in headers) <= LONGEST
    assert 0 <= newest <= progress.publish
    for log in run.folder.glob("*.log"):
        assert "Traceback" not in log.read_text(), log
