"""The errors of the command line: sentences for the user, each with its exit code."""

from __future__ import annotations

from typing import ClassVar, Final

EXIT_USER: Final = 2
EXIT_TIMEOUT: Final = 124
"""As timeout(1) has it, so that a script can distinguish it from a wrong call."""
EXIT_INTERRUPTED: Final = 130


class UserError(Exception):
    """Something is wrong that the user can change; each line says what, where and what to do."""

    code: ClassVar[int] = EXIT_USER


class TimedOut(UserError):
    """What was waited for did not come in time; what was asked for still stands."""

    code = EXIT_TIMEOUT
