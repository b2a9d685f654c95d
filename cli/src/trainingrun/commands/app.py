"""The command ``trainingrun``: its own options, and how every call ends."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

# typer offers it there, but does not say so in its __all__.
from typer.completion import completion_init  # type: ignore[attr-defined]

from trainingrun.commands.completion import COMPLETE_VARIABLE
from trainingrun.commands.errors import EXIT_INTERRUPTED, UserError
from trainingrun.commands.grammar import UsageError, Verbs, report_usage_error, root_of
from trainingrun.commands.terminal import echo
from trainingrun.commands.verbs import ENTRIES

app = Verbs(
    name="trainingrun",
    help="Train by self-play against slow game engines: on this machine, or on a cluster.",
    cls=root_of(ENTRIES),
)


@app.callback(invoke_without_command=True)
def trainingrun(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    """Train by self-play against slow game engines: on this machine, or on a cluster."""
    if show_version:
        # Imported here because nothing else needs it, and it reads mail headers.
        from importlib.metadata import version  # noqa: PLC0415

        echo(f"trainingrun {version('trainingrun')}")
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    run("trainingrun")


def run(name: str) -> None:
    """Run the command line under a name; every mistake of the user is a sentence."""
    if COMPLETE_VARIABLE in os.environ:
        completion_init()
    try:
        code = app(prog_name=name, standalone_mode=False)
    except UserError as error:
        for line in str(error).splitlines():
            echo(f"trainingrun: {line}", err=True)
        sys.exit(error.code)
    except UsageError as error:
        sys.exit(report_usage_error(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)
