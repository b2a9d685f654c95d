"""Starting a child that cannot outlive us.

A runtime that is killed with -9 cannot end its children. On Linux the kernel does it: each child
asks for SIGKILL at its parent's death (``PR_SET_PDEATHSIG``) between fork and exec. SIGKILL and not
SIGTERM, because the next runtime may start at once on the same data, and a learner that still saves
or a daemon that still drains would be in its way; nothing is lost that a power cut would not lose
too. A small launcher program was the alternative: it would cost every start a second interpreter.
Elsewhere than on Linux children survive a ``kill -9`` of the runtime and must be ended by hand.

Each child leads a session of its own, so that Ctrl-C in the terminal reaches the runtime alone.
"""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_IS_LINUX: Final = sys.platform.startswith("linux")
# Loaded before any fork: between fork and exec nothing may be loaded.
_LIBC: Final = ctypes.CDLL(None) if _IS_LINUX else None


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> asyncio.subprocess.Process:
    """Start a program; what it writes comes through ``stdout``, both streams in one.

    ``folder`` is its working folder; None: ours.

    Raises:
        OSError: the program is not there or cannot be run.
    """
    return await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_dying_with(os.getpid()) if _IS_LINUX else None,
    )


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to the process and all that it started; nothing when they are gone."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _dying_with(parent: int) -> Callable[[], None]:
    def ask() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return ask
