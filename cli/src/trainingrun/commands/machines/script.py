"""The shell script that acts on a machine, and the words that it answers with.

The script goes to ``sh -s`` over standard input, after one line that sets its arguments. So the
login shell sees two words that never change, and ``sh`` sees arguments quoted by ``shlex``.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Final

from trainingrun_protocol.access import TOKEN_VARIABLE, Token

SHELL: Final = "sh -s"
_SCRIPT: Final = files(__package__).joinpath("daemon.sh").read_text()


class ScriptState(Enum):
    """What the script says of one daemon."""

    STARTED = "started"
    RUNNING = "running"
    STOPPED = "stopped"
    KILLED = "killed"
    GONE = "gone"
    """There was none of ours."""
    DIED = "died"
    """It was started, and has ended."""
    BUSY = "busy"
    """Somebody else starts or stops this daemon at this moment."""
    NO_PROGRAM = "no-program"
    NO_FOLDER = "no-folder"


@dataclass(frozen=True)
class Reply:
    """An answer: its word, the pid where there is one, and what follows (the end of a log)."""

    word: ScriptState
    pid: int | None = None
    text: str = ""


class ScriptError(Exception):
    """The script did not answer as it should."""


def start_script(
    folder: str, port: int, command: Sequence[str], *, token: Token | None = None
) -> str:
    """Start one daemon unless it runs; with a token in its environment, which no list of processes
    shows."""
    script = _script("start", folder, str(port), *command)
    if token is None:
        return script
    return f"{TOKEN_VARIABLE}={shlex.quote(token.text)}; export {TOKEN_VARIABLE}\n{script}"


def stop_script(folder: str, port: int, *, seconds: int) -> str:
    """Return the script that ends one daemon: SIGTERM, and SIGKILL after ``seconds``."""
    return _script("stop", folder, str(port), str(seconds))


def status_script(folder: str, port: int, *, lines: int) -> str:
    """Return the script that checks one daemon; if it died, with the last ``lines`` of its log."""
    return _script("look", folder, str(port), str(lines))


def log_script(folder: str, port: int, *, lines: int) -> str:
    """Say as :func:`status_script` does, and show the end of the log in any case."""
    return _script("log", folder, str(port), str(lines))


def answer_from(output: str) -> Reply:
    """Read what the script wrote.

    Raises:
        ScriptError: it is no answer, for example because a start-up file of the shell printed.
    """
    # Start-up files may print before the script runs; its answer begins with a mark of its own.
    answer = output.partition("TRAININGRUN ")[2]
    head, _, text = answer.partition("\n")
    word, _, pid = head.strip().partition(" ")
    try:
        return Reply(ScriptState(word), int(pid) if pid.isdecimal() else None, text.rstrip())
    except ValueError as error:
        shown = output.strip()[-200:] or "nothing"
        raise ScriptError(f"the machine's shell said {shown!r}, which is no answer") from error


def _script(*arguments: str) -> str:
    return f"set -- {shlex.join(arguments)}\n{_SCRIPT}"
