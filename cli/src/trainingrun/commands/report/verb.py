"""The verb ``report``: one HTML page about a run."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated, Final

import typer

from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import (
    NameArgument,
)
from trainingrun.commands.report.file import check_target, file_errors
from trainingrun.commands.report.following import EVERY_SECONDS, Following, follow
from trainingrun.commands.report.formatting import size
from trainingrun.commands.report.material import Seen, gather
from trainingrun.commands.report.page import page
from trainingrun.commands.runs.target import Where, runs_at, show_place
from trainingrun.commands.terminal import echo
from trainingrun.local.files import write_atomically

STDOUT: Final = Path("-")


def report(
    name: NameArgument,
    *,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output-file",
            metavar="FILE",
            help="- writes to standard output. Default: NAME-report.html here.",
        ),
    ] = None,
    follow_it: Annotated[
        bool,
        typer.Option(
            "--follow",
            help=f"Write it again every {EVERY_SECONDS:.0f} s until the run is over; Ctrl-C ends"
            " it.",
        ),
    ] = False,
    where: Where,
) -> None:
    """Write one HTML page about a run: strength, losses, throughput, scaling, cost, events.

    The page is one file that loads nothing, so it can be kept, sent and read offline.

    Of a run on a cluster, curves begin when --follow does: a cluster keeps no history of it.
    """
    file = output_file if output_file is not None else Path(f"{name}-report.html")
    with runs_at(where, name) as runs:
        material = gather(runs, name, Seen())
        if file == STDOUT:
            if follow_it:
                raise UserError("--output-file -: a page that follows a run needs a file: name one")
            sys.stdout.buffer.write(page(material))
            return
        check_target(file)
        show_place(runs)
        if follow_it:
            echo(f"{file}: written again every {EVERY_SECONDS:.0f} s; Ctrl-C ends it")
            with file_errors(file):
                follow(runs, Following(name, file), pause=threading.Event().wait)
            echo(f"{file}: the run has ended; the page stays as it is")
            return
    content = page(material)
    with file_errors(file):
        write_atomically(file, content)
    echo(f"{file} ({size(len(content))})")


def add_report(app: Verbs) -> None:
    """Add the verb to the command."""
    app.verb(
        panel=Panel.INSPECT,
        examples=(
            "trainingrun report quickstart",
            "trainingrun report quickstart --output-file quickstart.html --follow",
            "trainingrun report standard-ppo -n training --output-file - > report.html",
        ),
    )(report)
