"""A small real run under load is broken again and again: does every transition stay accounted for?

kill -9 of actors, the learner, daemons and Redis at random moments, and connections that are cut or
go silent for some seconds. After each fault games and updates must go on. Every few faults the run
is brought to rest: the games end, the queue is trained, and the ledger must close; what was ever
appended is counted by somebody else as well. Every other death of Redis is a power cut: its file
forgets the last second too. ``disk`` is Redis dying with all of its data.

``not recovered`` counts faults after which games or updates did not go on within two minutes.
``drifted`` holds the newest checkpoint against the ledger after each kill of the learner.

Progress goes to stderr; the last line of stdout is one JSON object. Not here: storage that fails
(``tests/local/test_faults_*.py``), the local runtime's own restarts (``test_local_runtime_kills``).
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Final

from benchmarks.chaos.bed import BATCH, RunUnderTest, run_in
from benchmarks.chaos.figures import (
    LOSS_WINDOW,
    FaultSeen,
    Settled,
    figures_of,
    goals_of,
    loss_figures,
)
from benchmarks.chaos.links import Fault
from benchmarks.chaos.witness import Update
from benchmarks.measuring import Goal, parser, positive, report, tell
from testkit.waiting import until

ROLES: Final = ("actor", "daemon", "redis", "learner", "disk")
PATIENCE_SECONDS: Final = 120.0
START_SECONDS: Final = 180.0
OUTAGE_SECONDS: Final = (1.0, 20.0)


@dataclass
class Chaos:
    """The faults of one run, and what was seen of them."""

    run: RunUnderTest
    dice: random.Random
    within: float
    settle_every: int
    faults: list[FaultSeen] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    loss_pairs: list[tuple[float, float]] = field(default_factory=list)
    per_second: float = 0.0
    _gap: int = 0

    def warm_up(self) -> None:
        """Wait until the run trains, and measure how much it makes."""
        run = self.run
        until(lambda: len(run.log.updates) >= 3, seconds=START_SECONDS, what="three updates")
        made, at = run.witness.transitions, time.monotonic()
        wanted = len(run.log.updates) + 2 * LOSS_WINDOW
        until(lambda: len(run.log.updates) >= wanted, seconds=START_SECONDS, what="more updates")
        self.per_second = (run.witness.transitions - made) / (time.monotonic() - at)
        self.settle("nobody", faults=0)
        tell(f"warm: {self.per_second:.0f} transitions/s, {run.games()} games")

    def phase(self, role: str, count: int, fault: Callable[[int], FaultSeen]) -> None:
        """So many faults of one role, with quiet moments between."""
        since = 0
        for number in range(count):
            began = len(self.run.log.updates)
            seen = fault(number)
            since += 1
            self.faults.append(seen)
            tell(f"{role} {number + 1}/{count} {_words(seen)}")
            if role != "learner":
                self._note_losses(began)
            if since == self.settle_every or number + 1 == count:
                self.settle(role, faults=since)
                since = 0

    # The faults.

    def kill_actor(self, number: int) -> FaultSeen:
        """One of the actors."""
        actor = self.run.actors[number % len(self.run.actors)]
        self._wait()
        running = self.run.running_games(actor.name)
        actor.kill()
        known = self.run.witness.actors
        return self._recover(
            "actor",
            "kill",
            actor.start,
            games_lost=running,
            is_back=lambda: any(
                each.startswith(actor.name) for each in self.run.witness.actors - known
            ),
        )

    def kill_daemon(self, number: int) -> FaultSeen:
        """One of the daemons."""
        daemon = self.run.daemons[number % len(self.run.daemons)]
        self._wait()
        aborted = self.run.games("aborted") or 0
        daemon.kill()
        link = self.run.links[f"actors-daemon-{number % len(self.run.daemons)}"]
        before = link.connections
        seen = self._recover(
            "daemon", "kill", daemon.start, is_back=lambda: link.connections > before
        )
        return replace(seen, games_lost=(self.run.games("aborted") or 0) - aborted)

    def kill_redis(self, number: int) -> FaultSeen:
        """Redis; every other time its disk forgets the last second."""
        self._wait()
        if number % 2:
            forgotten = self.run.lose_power()
            tell(f"  the disk forgets {forgotten:.2f} s")
            return self._recover("redis", "power cut", self.run.server.start)
        self.run.server.kill()
        return self._recover("redis", "kill", self.run.server.start)

    def lose_disk(self, _: int) -> FaultSeen:
        """Redis and its disk: what nobody else holds of the queue is gone."""
        self._wait()
        queued = self.run.ledger().queued
        self.run.lose_disk()
        seen = self._recover("disk", "kill and data lost", self.run.start_empty_redis)
        return replace(seen, queued=queued)

    def kill_learner(self, _: int) -> FaultSeen:
        """The learner; and see what the next one goes on from."""
        self._wait()
        before = _mean_loss(self.run.log.updates[-LOSS_WINDOW:])
        self.run.kill_learner()
        known = len(self.run.log.updates)
        unseen = self._unseen()
        drifted, self._gap = unseen - self._gap, unseen
        seen = self._recover("learner", "kill", self.run.start_learner)
        wanted = known + LOSS_WINDOW
        until(lambda: len(self.run.log.updates) >= wanted, seconds=PATIENCE_SECONDS, what="updates")
        after = _mean_loss(self.run.log.updates[known:wanted])
        return replace(seen, drifted=drifted, losses=(before, after))

    def partition(self, number: int) -> FaultSeen:
        """One link after the other, cut or silent."""
        names = sorted(self.run.links)
        name = names[number % len(names)]
        fault = list(Fault)[number // len(names) % len(Fault)]
        self._wait()
        link, seconds = self.run.links[name], self.dice.uniform(*OUTAGE_SECONDS)
        tell(f"  {name} is {fault.value} for {seconds:.1f} s")
        aborted = self.run.games("aborted") or 0
        link.break_(fault)
        Event().wait(seconds)
        passed = link.passed
        seen = self._recover(
            "partition",
            f"{fault.value} {name}",
            link.heal,
            is_back=lambda: link.passed > passed,
        )
        return replace(seen, games_lost=(self.run.games("aborted") or 0) - aborted)

    # Around them.

    def settle(self, role: str, *, faults: int) -> None:
        """Bring the run to rest, look at the ledger, and let it go on."""
        before = self.settled[-1].ledger if self.settled else self.run.ledger()
        began = time.monotonic()
        ledger = self.run.settle()
        witness = self.run.witness
        with suppress(AssertionError):
            until(self._is_witnessed, seconds=5, what="the witness has read all")
        if not self._is_witnessed():
            witness.read_file(self.run.server.directory)
        found = Settled(role, faults, ledger, before, witness.transitions, witness.appended_twice)
        self.settled.append(found)
        if self.run.deaths:
            tell(f"  ended by themselves so far: {', '.join(self.run.deaths)}")
        self._gap = self._unseen()
        tell(
            f"  at rest after {time.monotonic() - began:.1f} s: produced {ledger.produced}, trained"
            f" {ledger.trained}, dropped {ledger.dropped}, lost {ledger.lost}, witness differs by"
            f" {found.difference}: {'closes' if found.closes else 'DOES NOT CLOSE'}"
        )
        self.run.resume()
        updates = len(self.run.log.updates)
        until(lambda: len(self.run.log.updates) > updates, seconds=START_SECONDS, what="an update")

    def _is_witnessed(self) -> bool:
        dropped = self.run.ledger().dropped
        once = self.run.ledger().produced - dropped["duplicate"] - dropped["poison"]
        return self.run.witness.transitions >= once

    def _wait(self) -> None:
        Event().wait(self.dice.uniform(0, self.within))

    def _recover(
        self,
        role: str,
        way: str,
        revive: Callable[[], None],
        *,
        games_lost: int = 0,
        is_back: Callable[[], bool] = lambda: True,
    ) -> FaultSeen:
        """Bring back what was broken, and see how long games and updates take to go on."""
        broken, updates = time.monotonic(), len(self.run.log.updates)
        revive()
        games = self.run.games()  # now, as a Redis that forgot its last second counts from there
        to: dict[str, float] = {}

        def look() -> bool:
            self.run.revive_dead()
            now, seconds = self.run.games() or 0, time.monotonic() - broken
            if now > (games or 0) and is_back():
                to.setdefault("games", seconds)
            if len(self.run.log.updates) > updates:
                to.setdefault("updates", seconds)
            return len(to) == 2

        with suppress(AssertionError):
            until(look, seconds=PATIENCE_SECONDS, what="games and updates go on")
        return FaultSeen(
            role,
            way,
            to.get("games"),
            to.get("updates"),
            closed_at_once=self.run.ledger().closes,
            games_lost=games_lost,
        )

    def _unseen(self) -> int:
        """How many transitions the ledger calls trained that the newest checkpoint has not seen."""
        return self.run.ledger().trained - self.run.checkpoint_transitions()

    def _note_losses(self, began: int) -> None:
        """What the losses of neighbouring updates differ by without a resume between them."""
        updates = self.run.log.updates[began - LOSS_WINDOW : began + LOSS_WINDOW]
        if began >= LOSS_WINDOW and len(updates) == 2 * LOSS_WINDOW:
            before, after = updates[:LOSS_WINDOW], updates[LOSS_WINDOW:]
            self.loss_pairs.append((_mean_loss(before), _mean_loss(after)))


def main() -> int:
    """Break it, look, and tell."""
    arguments = _parser().parse_args()
    with run_in(arguments.folder) as run:
        chaos = Chaos(run, random.Random(arguments.seed), arguments.within, arguments.settle_every)
        why = _break(chaos, arguments)
    largest = max((update.transitions for update in run.log.updates), default=BATCH)
    figures = {
        "seed": arguments.seed,
        "transitions_per_second": round(chaos.per_second),
        "batch_transitions": BATCH,
        "largest_batch": largest,
        "transitions_produced": chaos.settled[-1].ledger.produced if chaos.settled else 0,
        "roles": figures_of(chaos.faults, chaos.settled),
        "ended_by_themselves": run.deaths,
        "without_resume": loss_figures(chaos.loss_pairs) if chaos.loss_pairs else {},
    }
    goals = goals_of(chaos.faults, chaos.settled, per_second=chaos.per_second, batch=largest)
    goals.append(Goal("processes that ended by themselves", len(run.deaths), most=0))
    missing = {"the rest": why} if why else {}
    return report("chaos", figures=figures, ratios={}, goals=goals, missing=missing)


def _break(chaos: Chaos, arguments: argparse.Namespace) -> str:
    """All phases; gives why they could not go on, if so."""
    kills = {
        "actor": chaos.kill_actor,
        "daemon": chaos.kill_daemon,
        "redis": chaos.kill_redis,
        "learner": chaos.kill_learner,
        "disk": chaos.lose_disk,
    }
    try:
        chaos.warm_up()
        for role in arguments.role:
            chaos.phase(role, arguments.kills, kills[role])
        chaos.phase("partition", arguments.partitions, chaos.partition)
    except AssertionError as error:
        tell(f"cannot go on: {error}")
        return str(error)
    return ""


def _mean_loss(updates: Sequence[Update]) -> float:
    return statistics.mean(update.value_loss for update in updates)


def _second(seconds: float | None) -> str:
    return "no" if seconds is None else f"{seconds:.1f} s"


def _words(seen: FaultSeen) -> str:
    seconds = "DID NOT RECOVER" if seen.seconds is None else f"goes on after {seen.seconds:.1f} s"
    words = [
        seen.way,
        f"{seconds} ({_second(seen.seconds_to_games)} games,"
        f" {_second(seen.seconds_to_updates)} updates)",
        f"{seen.games_lost} games lost",
    ]
    if seen.drifted is not None:
        words.append(f"{seen.drifted} transitions not in the checkpoint")
    if seen.losses is not None:
        words.append(f"value loss {seen.losses[0]:.3f} -> {seen.losses[1]:.3f}")
    return ", ".join(words)


def _roles(text: str) -> list[str]:
    roles = text.split(",")
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{unknown[0]!r} is no role to kill: give some of {','.join(ROLES)}"
        )
    return roles


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    found = parser(
        __doc__,
        examples=(
            "python -m benchmarks.chaos.local --kills 100 --partitions 20",
            "python -m benchmarks.chaos.local --kills 100 --partitions 0 --role learner",
            "python -m benchmarks.chaos.local --kills 2 --settle-every 1 --folder logs",
        ),
    )
    found.add_argument("--kills", type=_count, default=100, help="of each role (100)")
    found.add_argument("--partitions", type=_count, default=20, help="broken connections (20)")
    found.add_argument("--role", type=_roles, default=list(ROLES), help=",".join(ROLES))
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--within", type=float, default=2.0, help="seconds until a kill, at most")
    found.add_argument("--settle-every", type=positive, default=5, help="faults (5)")
    found.add_argument("--folder", type=Path, help="an empty one, where logs are to stay")
    return found


if __name__ == "__main__":
    sys.exit(main())
