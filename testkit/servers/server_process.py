"""Programs that the test beds start: each on a free port, with a log file, stopped by its pid.

Readiness is asked for, never slept for: :func:`wait_until` polls with a deadline and notices at
once when the program ends instead of becoming ready.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from testkit.waiting import BUSY

POLL_SECONDS = 0.05
STOP_SECONDS = 30.0
"""An operator that is killed instead leaves a lease behind, for which the next one has to wait."""


class BedError(Exception):
    """A part of the harness did not start or did not answer; the message has its last words."""


class BedProcess:
    """One started program. It inherits nothing but PATH and what it is given.

    It ends with the thread that started it even if that is killed, where util-linux is at hand: a
    test run that is cut off leaves no servers behind.
    """

    def __init__(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(command[0]).name
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [*_dies_with_parent(), *command],
                env={"PATH": os.defpath, "HOME": str(log.parent), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    def wait_until(self, is_ready: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Polls until true.

        Raises:
            BedError: the program ended, or the deadline passed.
        """
        limit = BUSY * seconds
        deadline = time.monotonic() + limit
        while not is_ready():
            if time.monotonic() > deadline:
                raise BedError(f"{what}: not within {limit:g} s\n{self.last_words()}")
            try:
                code = self._child.wait(timeout=POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            raise BedError(f"{self.name} ended with {code}\n{self.last_words()}")

    def signal(self, number: int) -> None:
        """Sends a signal: SIGTERM, SIGSTOP, SIGCONT."""
        self._child.send_signal(number)

    def end(self, *, seconds: float) -> int:
        """Waits for it to end by itself; returns its exit code.

        Raises:
            BedError: it did not, in time.
        """
        try:
            return self._child.wait(timeout=BUSY * seconds)
        except subprocess.TimeoutExpired as error:
            raise BedError(
                f"{self.name}: no end in {BUSY * seconds:g} s\n{self.last_words()}"
            ) from error

    def stop(self) -> None:
        """Asks it to end, waits, and kills it if it does not."""
        self._child.terminate()
        try:
            self._child.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends it at once, as a lost machine would."""
        self._child.kill()
        self._child.wait()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([f"the end of {self.log}:", *lines])


def _dies_with_parent() -> list[str]:
    """A prefix that keeps the pid (it execs) and asks the kernel to end the child with us."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
