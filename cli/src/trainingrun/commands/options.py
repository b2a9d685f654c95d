"""The options that several verbs have, each defined once: one word means one thing everywhere.

``-f`` is a file and ``-o`` a form of output, as in kubectl; ``--follow`` has no short form, because
``-f`` is taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from trainingrun_protocol.access import TOKEN_VARIABLE

from trainingrun.commands.candidates import complete_context, complete_namespace, complete_run
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output, OutputOption

STATE: Final = Path(".trainingrun")
_LOCAL: Final = "On this machine"
_CLUSTER: Final = "On a cluster"


def _state_folder(state: Path | None) -> Path | None:
    """Return a state folder, which may be made later.

    Raises:
        UserError: there is something else.
    """
    above = () if state is None else (state, *state.parents)
    there = next((path for path in above if path.exists()), None)
    if there is not None and not there.is_dir():
        raise UserError(f"--state {state}: {there} is not a folder: give one, such as {STATE}")
    return state


NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of a run.", autocompletion=complete_run)
]
FileOption = Annotated[
    Path,
    typer.Option(
        "-f", "--filename", metavar="FILE", help="A TrainingRun in YAML; - reads standard input."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Override a field of the spec, such as evaluation.games=40; can be repeated.",
    ),
]
DecksOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of .dck files. Default: decks/ beside the file, above it or here.",
    ),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help=f"File with the token of the daemons. Default: the variable {TOKEN_VARIABLE}.",
    ),
]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Continue with what comes; Ctrl-C ends it.")
]
WatchOption = Annotated[
    bool, typer.Option("-w", "--watch", help="Continue with what changes; Ctrl-C ends it.")
]
LocalStateOption = Annotated[
    Path,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Folder that holds one folder per local run.",
        callback=_state_folder,
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder that holds one folder per local run. Default: .trainingrun.",
        callback=_state_folder,
        rich_help_panel=_LOCAL,
    ),
]
NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NAMESPACE",
        help="Default: that of the context.",
        rich_help_panel=_CLUSTER,
        autocompletion=complete_namespace,
    ),
]
EverywhereOption = Annotated[
    bool,
    typer.Option("-A", "--all-namespaces", help="All namespaces.", rich_help_panel=_CLUSTER),
]
KubeconfigOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Default: what kubectl would use.", rich_help_panel=_CLUSTER),
]
ContextOption = Annotated[
    str | None,
    typer.Option(
        metavar="CONTEXT",
        help="Default: the current one.",
        rich_help_panel=_CLUSTER,
        autocompletion=complete_context,
    ),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until done.")]
TimeoutOption = Annotated[
    str,
    typer.Option(
        metavar="DURATION", help="Give up after this time (90s, 15m, 1h), with exit code 124."
    ),
]

__all__ = [
    "STATE",
    "ContextOption",
    "DecksOption",
    "EverywhereOption",
    "FileOption",
    "FollowOption",
    "KubeconfigOption",
    "LocalStateOption",
    "NameArgument",
    "NamespaceOption",
    "Output",
    "OutputOption",
    "SetOption",
    "StateOption",
    "TimeoutOption",
    "TokenFileOption",
    "WaitOption",
    "WatchOption",
]
