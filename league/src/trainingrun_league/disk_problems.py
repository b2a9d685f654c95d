"""What a disk refuses, in the words that an operator needs: the cause, and what to do.

``strerror`` was refused: "No space left on device" names no remedy, and the remedy for one cause
is wrong for the next: no space is freed for a process that has too many files open.
"""

from __future__ import annotations

import errno
from typing import Final

FULL: Final = "its disk is full: free space there"
READ_ONLY: Final = (
    "its file system is read-only, as one whose disk fails is made: see the kernel's log, and mount"
    " it anew"
)
FAILING: Final = "its disk fails (input/output error): see the kernel's log, and replace it"
TOO_MANY_FILES: Final = (
    "this process has as many files open as it may: raise the limit (ulimit -n, LimitNOFILE)"
)
NOT_PERMITTED: Final = "this process may not use it: change its owner or its rights"
_OF_CODES: Final = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: "the quota of its disk is used up: free space there, or raise the quota",
    errno.EFBIG: "a file there may not become larger: raise the limit (ulimit -f)",
    errno.EROFS: READ_ONLY,
    errno.EACCES: NOT_PERMITTED,
    errno.EPERM: NOT_PERMITTED,
    errno.EMFILE: TOO_MANY_FILES,
    errno.ENFILE: TOO_MANY_FILES,
    errno.EIO: FAILING,
}


def problem_of(error: OSError) -> str:
    """Return the cause and what to do, to stand behind the name of a file or folder."""
    known = _OF_CODES.get(error.errno or 0)
    return known or f"it cannot be used ({error.strerror or type(error).__name__})"
