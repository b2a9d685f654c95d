"""Exit codes of the roles: one table for those who end with them and those who decide by them.

A start or a life that fails has one of three outcomes: what was asked for is wrong or gone for
good, and starting again cannot help; what is needed cannot be reached, and a later start may; or
the process was asked to stop, which is no failure. The learner's Job, the supervisor of local
processes and the run's conditions read them here. (65 to 78 follow sysexits.h.)
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """How a process of a run ends."""

    DONE = 0
    """The run is flushed and saved."""
    LOST = 1
    """It crashed, or another rank ended: what was not saved is lost, and it starts again."""
    WRONG = 2
    """The configuration, an address or the rights are wrong: somebody must change something."""
    GONE = 66
    """What the run needs is not there: its bucket, or the checkpoint that it should adopt."""
    STARVED = 69
    """Saved and ended, because nothing came to train on and no actor lives."""
    NON_FINITE = 70
    """The weights do not recover from numbers that are not finite."""
    UNREACHABLE = 74
    """Redis or the storage did not answer for many minutes; a later start may reach it."""
    INTERRUPTED = 75
    """Saved and ended on request."""
    FENCED = 76
    """A newer learner has started."""


FINAL: Final = frozenset({ExitCode.WRONG, ExitCode.GONE, ExitCode.NON_FINITE})
"""Codes after which the same start would end the same way: a task fails for good."""
NO_FAILURE: Final = frozenset({ExitCode.INTERRUPTED})
"""Codes that never count against a limit of failures."""
