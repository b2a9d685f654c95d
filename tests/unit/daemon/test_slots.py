"""Slots: never too many games, nobody waits beside a free slot, first come first served."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from trainingrun_daemon.slots import Slots


class _Seeker:
    def __init__(self, number: int, begun: list[int]) -> None:
        self.number = number
        self._begun = begun

    def begin_game(self) -> None:
        self._begun.append(self.number)


class SlotsMachine(RuleBasedStateMachine):
    """Seekers come and go in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(max_concurrent=3)
        self.begun: list[int] = []
        self.present: list[_Seeker] = []
        self.gone: set[int] = set()
        self.came = 0

    @rule()
    def come(self) -> None:
        """Somebody asks for a game."""
        seeker = _Seeker(self.came, self.begun)
        self.came += 1
        self.present.append(seeker)
        self.slots.request(seeker)

    @rule(at=st.integers(0, 20))
    def leave(self, at: int) -> None:
        """Somebody ends a game or gives up waiting; saying so twice does no harm."""
        if self.present:
            seeker = self.present.pop(at % len(self.present))
            self.gone.add(seeker.number)
            self.slots.release(seeker)
            self.slots.release(seeker)

    @rule(first=st.integers(0, 20), count=st.integers(0, 6))
    def leave_together(self, first: int, count: int) -> None:
        """Several go at once, as with a process that dies: none of them begins on the way."""
        leaving = self.present[first : first + count]
        del self.present[first : first + count]
        begun = len(self.begun)
        self.slots.release_all(leaving)
        self.gone.update(seeker.number for seeker in leaving)
        assert not self.gone & set(self.begun[begun:])

    @invariant()
    def no_slot_is_wasted(self) -> None:
        """At most three run, and a queue means that all three do."""
        assert self.slots.active <= 3
        assert self.slots.active + self.slots.queued == len(self.present)
        assert not self.slots.queued or self.slots.active == 3

    @invariant()
    def games_begin_in_order(self) -> None:
        """Whoever came first began first."""
        assert self.begun == sorted(self.begun)

    @invariant()
    def the_status_counts_what_began(self) -> None:
        """Total counts every game that began, once."""
        reply = self.slots.status(uptime_seconds=1)
        assert reply.total == len(self.begun) == len(set(self.begun))
        assert (reply.active, reply.queued) == (self.slots.active, self.slots.queued)


TestSlots = SlotsMachine.TestCase
