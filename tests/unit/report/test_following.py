"""Following a run: the page is written again until the end, and the last one stays still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from trainingrun.commands.report.following import Following, follow, pause_after
from trainingrun.commands.report.material import Seen, gather
from trainingrun.local.samples import SAMPLES_KEPT
from trainingrun.sdk import ClusterPlace, Event, Member, NotReachable
from trainingrun_api.run import TrainingRun

from testkit.pages.sample_report import AT, STATUS, make_run

COMPLETE = {
    "type": "Complete",
    "status": "True",
    "reason": "Completed",
    "message": "done",
    "lastTransitionTime": AT,
}


@dataclass
class Cluster:
    """A place of runs that gives one state after another, the last one for ever."""

    states: list[TrainingRun | Exception]
    place: ClusterPlace = field(default_factory=ClusterPlace)
    title: str = "cluster, namespace training"
    events_now: list[Event] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def get(self, name: str) -> TrainingRun:
        """The next state, or why there is none."""
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state

    def events(self, name: str, *, follow: bool = False) -> Iterator[Event]:
        """Those of now."""
        return iter(self.events_now)

    def members(self, name: str) -> tuple[Member, ...]:
        """None."""
        return ()


def at_game(played: int, **more: Any) -> TrainingRun:
    """The run after this many games."""
    return make_run(**{**STATUS, "games": {"played": played, "perSecond": 1.0}}, **more)


def written(file: Path, pages: list[bytes]) -> Callable[[float], None]:
    """A pause that keeps what was written and takes no time."""

    def pause(seconds: float) -> None:
        assert seconds >= 5
        pages.append(file.read_bytes())

    return pause


def test_a_page_follows_until_the_run_is_over(tmp_path: Path) -> None:
    """Expect pages that load themselves again, and a last one that does not."""
    file, pages = tmp_path / "page.html", list[bytes]()
    states = [at_game(10), at_game(20), at_game(30, conditions=[COMPLETE])]
    follow(Cluster(list(states)), Following("small", file), pause=written(file, pages))  # type: ignore[arg-type]
    assert [b'data-every="5"' in page for page in pages] == [True, True]
    last = file.read_bytes()
    assert b"data-every" not in last
    assert b"complete" in last
    assert b"Curves begin at" in last


def test_an_interrupt_leaves_a_page_that_stays_still(tmp_path: Path) -> None:
    """Expect Ctrl-C to end it with the page as it was."""
    file = tmp_path / "page.html"

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(Cluster([at_game(10)]), Following("small", file), pause=interrupt)  # type: ignore[arg-type]
    assert b"data-every" not in file.read_bytes()


def test_a_silent_place_is_borne_for_a_while(tmp_path: Path) -> None:
    """Expect an outage to be waited out, and one that does not end to be reported."""
    file, pages = tmp_path / "page.html", list[bytes]()
    outage = NotReachable("the API server does not answer")
    states = [at_game(1), outage, at_game(2, conditions=[COMPLETE])]
    follow(Cluster(states), Following("small", file), pause=written(file, pages))  # type: ignore[arg-type]
    assert b"complete" in file.read_bytes()
    impatient = Following("small", file, patience=-1)
    with pytest.raises(NotReachable, match="does not answer"):
        follow(Cluster([at_game(1), outage]), impatient, pause=written(file, pages))  # type: ignore[arg-type]
    assert b"data-every" not in file.read_bytes()


def test_what_is_seen_of_a_cluster_is_kept_while_it_is_followed() -> None:
    """Expect one sample for each poll, evaluations and events that the cluster has forgotten since,
    and nothing from before."""
    event = Event(datetime(2026, 1, 1, tzinfo=UTC), "Evaluated", "first")
    place = Cluster([at_game(1), at_game(2), make_run()], events_now=[event])
    seen = Seen()
    gather(place, "small", seen, follows=True)  # type: ignore[arg-type]
    place.events_now = []
    gather(place, "small", seen, follows=True)  # type: ignore[arg-type]
    last = gather(place, "small", seen, follows=True)  # type: ignore[arg-type]
    assert [each.games for each in last.samples] == [1, 2]  # an unknown count is no zero
    assert [each.message for each in last.events] == ["first"]
    assert len(last.strengths) == 1
    assert last.checkpoints[0].step == 3
    alone = gather(place, "small", Seen())  # type: ignore[arg-type]
    assert alone.samples == ()
    assert alone.followed_since is None


def test_what_is_seen_is_bounded() -> None:
    """Expect a run that is followed for days to have coarser curves, with both ends, and the newest
    events."""
    seen, begin = Seen(), datetime(2026, 1, 1, tzinfo=UTC)
    run = at_game(10)
    for n in range(SAMPLES_KEPT + 1):
        moment = begin + timedelta(seconds=n)
        seen.note(run, [Event(moment, "Evaluated", "m")], now=moment)
    assert len(seen.samples) == SAMPLES_KEPT // 2 + 1
    assert (seen.samples[0].elapsed, seen.samples[-1].elapsed) == (0, SAMPLES_KEPT)
    assert len(seen.events) == 2000
    assert max(seen.events)[0] == begin + timedelta(seconds=SAMPLES_KEPT)


@pytest.mark.parametrize(("took", "pause"), [(0.01, 5.0), (0.4, 20.0), (9.0, 30.0)])
def test_a_page_that_takes_long_is_written_less_often(took: float, pause: float) -> None:
    """Expect 2 % of a core at most, and a page every half minute at least."""
    assert pause_after(took, Following("small", Path("page.html"))) == pytest.approx(pause)
