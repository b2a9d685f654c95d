"""Several ranks from one command: a process that starts them and stands for them.

``torchrun`` may start them as well, and the variables are the same. Here a run's learner starts
them itself, because torchrun kills after 30 seconds what is still saving, answers every end with
the exit code 1, and thereby hides what the operator must know: saved, done, or the user's turn.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Final

from trainingrun_trainer.distributed import (
    LOCAL_RANK_VARIABLE,
    MEETING_VARIABLE,
    RANK_VARIABLE,
    SIZE_VARIABLE,
)

_log = logging.getLogger(__name__)
_POLL_SECONDS: Final = 0.2
_END_SECONDS: Final = 30.0
_EXIT_ORPHAN: Final = 1
_INTERFACE_VARIABLES: Final = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
_LAUNCHED_VARIABLE: Final = "TRAININGRUN_LAUNCHED"


def launch(size: int) -> int:
    """Run ``size`` ranks; return the exit code of rank 0.

    Signals go to rank 0, which ends the others. When any rank ends on its own account the rest are
    given half a minute.
    """
    with tempfile.TemporaryDirectory(prefix="ranks-") as folder:
        return _launch(size, Path(folder) / "store")


def _launch(size: int, meeting: Path) -> int:
    ranks = [_start(rank, size=size, meeting=meeting) for rank in range(size)]

    def forward(number: int, _frame: FrameType | None) -> None:
        ranks[0].send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    try:
        return _until_rank_0_ends(ranks)
    finally:
        for process in ranks:
            _end(process)


def end_with_launcher() -> None:
    """In a rank that :func:`launch` started: end at once when that process is gone, even by kill
    -9. The launcher's end of our standard input then closes; nothing is ever written to it."""
    if _LAUNCHED_VARIABLE not in os.environ:
        return

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os._exit(_EXIT_ORPHAN)

    threading.Thread(target=wait, name="launcher-watch", daemon=True).start()


def _until_rank_0_ends(ranks: list[subprocess.Popen[bytes]]) -> int:
    tick = threading.Event()
    left = _END_SECONDS
    while (code := ranks[0].poll()) is None:
        gone = [rank for rank, process in enumerate(ranks) if process.poll() not in (None, 0)]
        if gone and left == _END_SECONDS:
            _log.error("rank %d has ended with %s", gone[0], ranks[gone[0]].returncode)
        if gone:
            left -= _POLL_SECONDS
        if left <= 0:
            ranks[0].kill()
        tick.wait(_POLL_SECONDS)
    return code if code >= 0 else 128 - code


def _start(rank: int, *, size: int, meeting: Path) -> subprocess.Popen[bytes]:
    variables = {
        RANK_VARIABLE: str(rank),
        LOCAL_RANK_VARIABLE: str(rank),
        SIZE_VARIABLE: str(size),
        MEETING_VARIABLE: str(meeting),
        _LAUNCHED_VARIABLE: "1",
        **loopback_variables(),
    }
    command = [sys.executable, "-m", "trainingrun_trainer"]
    return subprocess.Popen(
        command, env={**os.environ, **variables}, stdin=subprocess.PIPE, start_new_session=True
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a rank that was asked to end; kill it where it does not."""
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def loopback_variables() -> dict[str, str]:
    """Environment by which gloo and NCCL listen on the loopback interface alone.

    All ranks share a machine, and what they exchange has no password. Without these, both choose
    the interface of the machine's name, which in a pod every other pod can reach.
    """
    names = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    return {variable: name for name in names[:1] for variable in _INTERFACE_VARIABLES}
