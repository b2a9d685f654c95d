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
MOST_FORGOTTEN: Final = 0.05
"""Of what a Redis was told that is killed every second or so."""
COUNTS_ALREADY: Final = "counts already: somebody else has played it"


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
    """kill -9 of Redis, which comes back with its append-only file: all wait for it. It may forget
    its last moments, as it answers before it writes while the disk is busy (``appendfsync
    everysec``): what is lost is accounted for, and an end that was forgotten has its number played
    again.
    """
    random = Random(3)
    for number in range(share_of(KILLS)):
        Event().wait(random.uniform(0, WITHIN))
        before = run.progress()
        run.server.kill()
        run.start_redis()
        run.wait_beyond(before, what=f"it goes on after kill {number + 1} of Redis")
    require_whole(run, forgotten=MOST_FORGOTTEN)


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


def require_whole(run: SearchedRun, *, forgotten: float = 0.0) -> None:
    """Bring the run to rest, and hold the ledger and the counters against all that was ever
    appended; ``forgotten`` is the largest share of it that Redis may have forgotten.

    Raises:
        AssertionError: they do not agree.
    """
    ledger, progress = run.settle(), run.progress()
    moves: dict[tuple[str, int], int] = {}
    games: dict[str, list[SegmentHeader]] = defaultdict(list)
    newest = -1
    for segment in run.appended():
        name = (segment.header.actor, segment.header.seq)
        if name in moves:
            continue
        moves[name] = segment.transitions
        games[segment.header.game_id].append(segment.header)
        newest = max(newest, int(segment.publishes.max()))
    assert ledger.closes, ledger
    appended = sum(moves.values())
    assert (ledger.queued, ledger.trained + ledger.lost) == (0, appended), ledger
    assert ledger.lost <= forgotten * appended, ledger
    # What was delivered again after its acknowledgement was lost with Redis is dropped as that.
    assert {name for name, count in ledger.dropped.items() if count} <= {"duplicate"}
    logs = [log.read_text() for log in run.folder.glob("*.log")]
    # Two games of one number, where a lease expired while Redis was away, are trained and count
    # once; the one that comes second says so (``contracts.games``).
    twice = sum(text.count(COUNTS_ALREADY) for text in logs)
    assert 0 <= len(games) - progress.played <= twice + forgotten * len(games)
    for headers in games.values():
        assert sorted(each.seat for each in headers) == [1, 2]
        assert SHORTEST <= sum(moves[each.actor, each.seq] for each in headers) <= LONGEST
    assert 0 <= newest <= progress.publish
    assert not any("Traceback" in text for text in logs)
