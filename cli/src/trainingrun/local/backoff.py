"""What follows the end of a process: kubelet's rules, as pure functions.

A member that ended is started again after 1 s, 2 s, 4 s … at most 60 s; one that lived for five
minutes begins anew. Shorter than kubelet's 10 s to 300 s, because somebody watches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.exit_codes import FINAL, NO_FAILURE, ExitCode
from trainingrun_reconciler.desired.observed import Finished, Problem
from trainingrun_reconciler.roles.workload import Restart

BACKOFF: Final = Backoff(first=1.0, longest=60.0)
SETTLED_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Rules:
    """When a member of a workload is started again."""

    restart: Restart
    backoff_limit: int


@dataclass(frozen=True)
class Exit:
    """How a process ended; a code below 0 is a signal. ``last_line`` is its last line."""

    code: int
    lived: float
    last_line: str

    @property
    def described(self) -> str:
        """The end as a sentence: the process' own words where it left some."""
        how = f"killed by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        return f"{how}: {self.last_line}" if self.last_line else how


@dataclass(frozen=True)
class Record:
    """A member's earlier lives; ``early`` counts those in a row that ended before they settled."""

    early: int = 0
    failures: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class Again:
    """Start it again after ``seconds``; ``problem`` is why it is not there meanwhile."""

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
    """Return what follows the unrequested end of a process."""
    task = rules.restart is Restart.UNTIL_SUCCESS
    if task and end.code == 0:
        return Over(record, finished=Finished(succeeded=True, reason="Completed"))
    if end.code == ExitCode.WRONG or (task and end.code in FINAL):
        last_line = end.last_line or "its configuration is wrong"
        ended = Finished(succeeded=False, reason="Configuration", message=last_line, code=end.code)
        problem = Problem("Configuration", last_line)
        return Over(record, finished=ended if task else None, problem=problem)
    record = replace(record, restarts=record.restarts + 1)
    if end.code in NO_FAILURE:
        return Again(BACKOFF.first, record, Problem("Interrupted", "it saved and starts again"))
    early = 1 if end.lived >= SETTLED_SECONDS else record.early + 1
    record = replace(record, early=early, failures=record.failures + 1)
    if task and record.failures > rules.backoff_limit:
        message = f"{record.failures} failures; the last one {end.described}"
        return Over(
            record,
            finished=Finished(succeeded=False, reason="BackoffLimitExceeded", message=message),
        )
    seconds = BACKOFF.seconds(early)
    problem = Problem("Crashing", f"{end.described}; it starts again in {seconds:.0f} s")
    return Again(seconds, record, problem)
