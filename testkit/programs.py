"""Where the programs of the harness are: asks tools/build.py, which builds what is missing.

The script is run, not imported: it is the one place that knows versions and the cache, and it must
work before anything is installed. Its progress goes to the terminal, so that the first run of a
fresh machine (about nine minutes) does not look like a hang.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

from testkit.tree import ROOT

BUILD = ROOT / "tests" / "control_plane" / "tools" / "build.py"


class ProgramsMissingError(Exception):
    """The programs cannot be found or built; the reason is on stderr and in the build's logs."""


@functools.cache
def programs(*names: str) -> Path:
    """The folder that holds the named programs (all by default); asked once per test session.

    Raises:
        ProgramsMissingError: one cannot be had here.
    """
    answer = subprocess.run(
        [sys.executable, BUILD, *names], stdout=subprocess.PIPE, text=True, check=False
    )
    if answer.returncode != 0:
        raise ProgramsMissingError(f"run `python {BUILD}` by hand to see what it needs")
    return Path(answer.stdout.strip())
