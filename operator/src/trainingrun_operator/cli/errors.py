"""The one error of the command line: a sentence for the user, and exit code 2."""

from __future__ import annotations

from typing import Final

EXIT_USER: Final = 2
EXIT_INTERRUPTED: Final = 130


class UserError(Exception):
    """Something is wrong that the user can change; each line says what, where and what to do."""
