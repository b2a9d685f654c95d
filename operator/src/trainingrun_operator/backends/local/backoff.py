"""What follows the end of a process: kubelet's rules, as pure functions.

A member that ended is started again after 1 s, 2 s, 4 s … at most 60 s; one that lived for five
minutes begins anew. Shorter than kubelet's 10 s to 300 s, because somebody watches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from trainingrun_contracts.exit_codes import FINAL, NO_FAILURE, ExitCode

from trainingrun_operator.desired.observed import Finished, Problem
from trainingrun_operator.desired.workload import Restart

FIRST_SECONDS: Final = 1.0
LIMIT_SECONDS: Final = 60.0
SETTLED_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Backoff:
    """How often in a row a member ended too early."""

    failures: int = 0

    def after(self, *, lived: float) -> Backoff:
        """The back-off after a life of so many seconds."""
        return Backoff(1) if lived >= SETTLED_SECONDS else Backoff(self.failures + 1)

    @property
    def seconds(self) -> float:
        """How long to wait before the next start."""
        doublings = min(max(self.failures - 1, 0), 16)
        return min(LIMIT_SECONDS, FIRST_SECONDS * 2.0**doublings)


@dataclass(frozen=True)
class Rules:
    """When a member of a workload is started again."""

    restart: Restart
    backoff_limit: int


@dataclass(frozen=True)
class Exit:
    """How a process ended; a code below 0 is a signal. ``words`` is its last line."""

    code: int
    lived: float
    words: str

    @property
    def described(self) -> str:
        """The end as a sentence: the process' own words where it left some."""
        how = f"killed by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        return f"{how}: {self.words}" if self.words else how


@dataclass(frozen=True)
class Record:
    """What is remembered of a member's earlier lives."""

    backoff: Backoff = Backoff()
    failures: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class Again:
    """Start it again after so many seconds; ``problem`` is why it is not there meanwhile."""

    seconds: float
    record: Record
    problem: Problem


@dataclass(frozen=True)
class Over:
    """Do not start it again: a task that is done or failed, or a service that cannot run."""

    record: Record
    finished: Finished | None = None
    problem: Problem | None = None


def after_exit(end: Exit, rules: Rules, record: Record) -> Again | Over:
    """What follows the end of a process that nobody asked to end."""
    task = rules.restart is Restart.UNTIL_SUCCESS
    if task and end.code == 0:
        return Over(record, finished=Finished(succeeded=True, reason="Completed"))
    if end.code == ExitCode.WRONG or (task and end.code in FINAL):
        words = end.words or "its configuration is wrong"
        ended = Finished(succeeded=False, reason="Configuration", message=words, code=end.code)
        problem = Problem("Configuration", words)
        return Over(record, finished=ended if task else None, problem=problem)
    record = replace(record, restarts=record.restarts + 1)
    if end.code in NO_FAILURE:
        return Again(FIRST_SECONDS, record, Problem("Interrupted", "it saved and starts again"))
    backoff = record.backoff.after(lived=end.lived)
    record = replace(record, backoff=backoff, failures=record.failures + 1)
    if task and record.failures > rules.backoff_limit:
        message = f"{record.failures} failures; the last one {end.described}"
        return Over(
            record,
            finished=Finished(succeeded=False, reason="BackoffLimitExceeded", message=message),
        )
    problem = Problem("Crashing", f"{end.described}; it starts again in {backoff.seconds:.0f} s")
    return Again(backoff.seconds, record, problem)
