"""``trainingrun init``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.starting.writing import write_project
from trainingrun.commands.terminal import echo


class Environment(StrEnum):
    """In what the new game is written."""

    PYTHON = "python"


def add_starting(app: Verbs) -> None:
    """Add the verb to the command."""
    app.verb(
        panel=Panel.PREPARE,
        examples=(
            "trainingrun init three-in-a-row",
            "trainingrun init --environment python three-in-a-row",
        ),
    )(init)


def init(
    *,
    name: Annotated[
        str, typer.Argument(metavar="PROJECT", help="Name of the project and of its new folder.")
    ],
    environment: Annotated[
        Environment,
        typer.Option("--environment", metavar="KIND", help="What the game is written in: python."),
    ] = Environment.PYTHON,
) -> None:
    """Write a project with a game of your own: rules, tests, a training, an image.

    It is complete: its tests pass and its training runs. Put your own rules in the place of its.
    """
    folder = write_project(name)
    echo(
        f"{folder}/: a game in {environment.value.title()}, its tests, a training and a Dockerfile"
    )
    echo(f"next: cd {folder} && pip install -e '.[test]' && pytest")
    echo("      trainingrun local -f trainingrun.yaml")
