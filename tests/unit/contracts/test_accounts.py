"""The arithmetic of the ledger under every kind of delivery: it always closes."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_contracts.segment import SCHEMA_VERSION
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.accounts import (
    LARGEST_COUNT,
    Accounts,
    Fate,
    LedgerSnapshot,
    Mark,
    Totals,
    latest,
)
from trainingrun_contracts.stream.ledger import ledger_from, marks_from, totals_from


@dataclass
class Actor:
    """An actor that makes segments, and of which the spool throws some away."""

    name: str
    seq: int = 0
    produced: int = 0
    discarded: int = 0
    appended: Mark = field(default_factory=Mark)

    def make(self, transitions: int) -> SegmentHeader:
        """The header of a segment that was appended to the queue."""
        header = SegmentHeader(
            run_id="r",
            schema=SCHEMA_VERSION,
            schema_hash="h",
            epoch=1,
            actor=self.name,
            seq=self.seq,
            produced_before=self.produced,
            discarded_before=self.discarded,
            game_id="g",
            seat=1,
            seed=1,
            decks=("a", "b"),
            opponent="latest",
            weights_sha256="s",
            terminated=True,
            truncated=False,
            created_at=0.0,
        )
        self.seq += 1
        self.produced += transitions
        self.appended = Mark(header.seq, self.produced, self.discarded)
        return header

    def discard(self, transitions: int) -> None:
        """A segment that the spool had to throw away; it takes a number too."""
        self.seq += 1
        self.produced += transitions
        self.discarded += transitions


def closes(accounts: Accounts, *, produced: int, queued: int = 0) -> bool:
    """The law of the ledger, as a reader of Redis computes it."""
    t = accounts.totals
    right = t.trained + queued + t.stale + t.duplicate + t.poison + t.spool + t.lost
    return produced + t.duplicate + t.poison == right


events = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(1, 64),
        st.sampled_from(["train", "train", "stale", "lose", "spool", "twice", "poison"]),
    ),
    max_size=40,
)


@settings(max_examples=300)
@given(events)
def test_every_history_closes(history: list[tuple[str, int, str]]) -> None:
    """Expect produced = trained + dropped + lost after any history, once it is settled."""
    accounts = Accounts(Totals(), {})
    actors = {name: Actor(name) for name in "ab"}
    expected = dict.fromkeys(("trained", "stale", "duplicate", "poison", "lost"), 0)
    for name, transitions, event in history:
        actor = actors[name]
        if event == "spool":
            actor.discard(transitions)
            continue
        header = actor.make(transitions)
        match event:
            case "lose":
                expected["lost"] += transitions
            case "poison":  # damaged on the way: its actor's count has a gap, its entry is counted
                accounts.record_poison(transitions)
                expected["poison"] += transitions
                expected["lost"] += transitions
            case "stale":
                accounts.record(header, transitions, Fate.STALE)
                expected["stale"] += transitions
            case _:
                accounts.record(header, transitions, Fate.TRAINED)
                expected["trained"] += transitions
        if event == "twice":
            assert accounts.is_duplicate(header)
            accounts.record(header, transitions, Fate.TRAINED)
            expected["duplicate"] += transitions
    accounts.settle({actor.name: actor.appended for actor in actors.values()})
    produced = sum(actor.appended.produced for actor in actors.values())
    assert closes(accounts, produced=produced)
    totals = accounts.totals
    assert totals.trained == expected["trained"]
    assert totals.stale == expected["stale"]
    assert totals.duplicate == expected["duplicate"]
    # What the spool discarded is told by a later segment; at the very end it counts as lost.
    assert totals.lost + totals.spool >= expected["lost"]


@settings(max_examples=200)
@given(
    st.lists(st.integers(1, 64), max_size=20),
    st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=20),
)
def test_interrupted_learner_counts_nothing_twice(
    sizes: list[int], batches: list[tuple[int, bool]]
) -> None:
    """Expect a learner that dies before it wrote its accounts, and one that dies after, to leave
    a ledger that closes when the queue is delivered again."""
    actor = Actor("a")
    queue = [(actor.make(size), size) for size in sizes]
    kept = Accounts(Totals(), {})
    for length, is_acknowledged in [*batches, (len(queue), True)]:
        working = Accounts(kept.totals, kept.marks)
        for header, size in queue[:length]:
            working.record(header, size, Fate.TRAINED)
        if is_acknowledged:  # accounts and queue change together
            kept, queue = working, queue[length:]
        assert closes(kept, produced=actor.produced, queued=sum(size for _, size in queue))
    assert kept.totals == Totals(trained=sum(sizes))


def test_gap_is_split_between_spool_and_lost() -> None:
    """Expect of a gap of 30 transitions the 20 that the spool discarded as spool, 10 as lost."""
    actor, accounts = Actor("a"), Accounts(Totals(), {})
    actor.make(10)
    actor.discard(20)
    accounts.record(actor.make(5), 5, Fate.TRAINED)
    assert accounts.totals == Totals(trained=5, spool=20, lost=10)


def test_settling_twice_changes_nothing() -> None:
    """Expect what is lost at the end to be counted once."""
    accounts = Accounts(Totals(), {})
    for _ in range(2):
        accounts.settle({"a": Mark(seq=3, produced=40)})
    assert accounts.totals == Totals(lost=40)


def test_totals_and_marks_are_read_from_redis() -> None:
    """Expect the replies of HGETALL as values; counters that are not known are left out."""
    assert totals_from({b"trained": b"4", b"of tomorrow": b"1"}) == Totals(trained=4)
    assert marks_from({b"a": b"[3,40,0]"}) == {"a": Mark(3, 40, 0)}


def test_the_further_of_two_states_wins() -> None:
    """Expect the state that accounts for more, wherever it was kept; at a tie the first."""
    early = LedgerSnapshot(Totals(trained=5, lost=1), {"a": Mark(0, 6, 0)})
    late = LedgerSnapshot(Totals(trained=5, stale=2, lost=1), {"a": Mark(1, 8, 0)})
    same = LedgerSnapshot(Totals(trained=6), {"b": Mark(0, 6, 0)})
    assert latest(early, late) is late
    assert latest(late, early) is late
    assert latest(early, same) is early
    assert latest(LedgerSnapshot(), early) is early


def test_repeats_do_not_make_a_state_later() -> None:
    """Expect duplicates and poison, which no actor's own count holds, not to count for that."""
    assert LedgerSnapshot(Totals(trained=5, duplicate=70, poison=9)).accounted == 5


def test_counters_stop_at_what_the_api_server_takes() -> None:
    """Expect sums of forged numbers to stay within 64 bits, in the accounts and in the ledger."""
    accounts = Accounts(Totals(lost=LARGEST_COUNT - 1), {})
    accounts.settle({"a": Mark(5, 2**62)})
    assert accounts.totals.lost == LARGEST_COUNT
    huge = str(LARGEST_COUNT).encode()
    ledger = ledger_from([[huge, huge, b"9" * 5000, b"x"], huge, {b"lost": huge, b"stale": b"-"}])
    assert (ledger.produced, ledger.lost, ledger.dropped["stale"]) == (
        LARGEST_COUNT,
        LARGEST_COUNT,
        0,
    )


def test_marks_that_cannot_be_read_are_left_out() -> None:
    """Expect what somebody else wrote among the marks to cost nothing but itself."""
    replies = {b"a": b"[3,40,0]", b"b": b"{", b"\xff": b"[1,1,0]", b"c": b"null"}
    assert marks_from(replies) == {"a": Mark(3, 40, 0)}
