"""Slots: never too many games, no one waits beside a free slot, first come first served."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from trainingrun_daemon.slots import Slots


class _Seeker:
    def __init__(self, number: int, begun: list[int], address: str = "") -> None:
        self.number = number
        self.address = address
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
        """The client that came first began first."""
        assert self.begun == sorted(self.begun)

    @invariant()
    def the_status_counts_what_began(self) -> None:
        """Total counts every game that began, once."""
        reply = self.slots.status(uptime_seconds=1)
        assert reply.total == len(self.begun) == len(set(self.begun))
        assert (reply.active, reply.queued) == (self.slots.active, self.slots.queued)


TestSlots = SlotsMachine.TestCase


class BoundedMachine(RuleBasedStateMachine):
    """Seekers of three addresses, of which none may hold more than two of four slots."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(max_concurrent=4, per_address=2)
        self.begun: list[int] = []
        self.present: list[_Seeker] = []
        self.came = 0

    @rule(address=st.sampled_from("abc"))
    def come(self, address: str) -> None:
        """Somebody asks for a game."""
        seeker = _Seeker(self.came, self.begun, address)
        self.came += 1
        self.present.append(seeker)
        self.slots.request(seeker)

    @rule(first=st.integers(0, 20), count=st.integers(0, 3))
    def leave(self, first: int, count: int) -> None:
        """Some end their games or give up waiting."""
        leaving = self.present[first : first + count]
        del self.present[first : first + count]
        self.slots.release_all(leaving)
        self.slots.release_all(leaving)

    @invariant()
    def nobody_waits_who_may_begin(self) -> None:
        """At most two of an address run, and of an address that waits two run, or all slots do."""
        running = [each for each in self.present if each.number in self.begun]
        held = Counter(each.address for each in running)
        assert len(running) == self.slots.active <= 4
        assert all(count <= 2 for count in held.values())
        waiting = {each.address for each in self.present} if len(running) < 4 else set()
        for address in waiting:
            queued = [e for e in self.present if e.address == address and e not in running]
            assert not queued or held[address] == 2

    @invariant()
    def games_of_an_address_begin_in_order(self) -> None:
        """The first client of those with one address began first."""
        for address in "abc":
            own = [each.number for each in self.present if each.address == address]
            begun = [number for number in self.begun if number in own]
            assert begun == own[: len(begun)]


TestBoundedSlots = BoundedMachine.TestCase
