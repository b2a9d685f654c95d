"""The verb ``completion``: the script by which a shell completes our words."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

# typer offers it there, but does not say so in its __all__.
from typer.completion import get_completion_script  # type: ignore[attr-defined]

from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.terminal import echo

PROGRAM: Final = "trainingrun"
COMPLETE_VARIABLE: Final = "_TRAININGRUN_COMPLETE"


class Shell(StrEnum):
    """Shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Which shell.")],
) -> None:
    """Print the script that completes verbs, options, and names of runs, roles and daemons.

    kubectl completes ``kubectl trainingrun`` by itself, when its own completion is installed.
    """
    script = get_completion_script(
        prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, shell=shell.value
    )
    echo(script)


def add_completion(app: Verbs) -> None:
    """Add the verb. It is the one way to completion: typer's own options install files unasked."""
    app.verb(
        panel=Panel.SHELL,
        examples=(
            'eval "$(trainingrun completion bash)"',
            "trainingrun completion zsh > ~/.zfunc/_trainingrun",
            "trainingrun completion fish > ~/.config/fish/completions/trainingrun.fish",
        ),
    )(completion)
