"""``kubectl trainingrun``: the same verbs as a plugin of kubectl, and their completion there.

kubectl finds the programs ``kubectl-trainingrun`` and ``kubectl_complete-trainingrun`` on PATH. The
second is asked with the words typed so far and answers in the form of kubectl's own completion:
one candidate a line, then a line with a colon and a number that says what else may follow.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Final

from typer.completion import completion_init  # type: ignore[attr-defined]

from trainingrun.commands.app import app, run
from trainingrun.commands.completion import COMPLETE_VARIABLE, PROGRAM

_NAME: Final = "kubectl trainingrun"
_NO_FILES: Final = ":4"
_FILES: Final = ":0"


def main() -> None:
    """Run the command line under the plugin's name."""
    run(_NAME)


def complete() -> None:
    """Answer kubectl's question for candidates."""
    arguments = sys.argv[1:] or [""]
    os.environ |= {
        COMPLETE_VARIABLE: "complete_bash",
        "COMP_WORDS": "\n".join([PROGRAM, *(word or "''" for word in arguments)]),
        "COMP_CWORD": str(len(arguments)),
    }
    completion_init()
    answer = io.StringIO()
    with contextlib.redirect_stdout(answer), contextlib.suppress(SystemExit):
        app(prog_name=PROGRAM)
    candidates = filter(None, answer.getvalue().splitlines())
    lines = [*candidates, _FILES if _is_file(arguments) else _NO_FILES]
    sys.stdout.write("\n".join(lines) + "\n")


def _is_file(arguments: list[str]) -> bool:
    """Return whether a file's name is asked for, which the shell completes better than we do."""
    return len(arguments) > 1 and arguments[-2] in {"-f", "--filename", "--kubeconfig"}
