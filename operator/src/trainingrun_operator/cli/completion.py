"""The verb ``completion``: the script by which a shell completes our words."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

# typer offers it there, but does not say so in its __all__.
from typer.completion import get_completion_script  # type: ignore[attr-defined]

PROGRAM: Final = "trainingrun"
COMPLETE_VARIABLE: Final = "_TRAININGRUN_COMPLETE"
EXAMPLES: Final = (
    "Examples:\n\n"
    'eval "$(trainingrun completion bash)"\n\n'
    "trainingrun completion zsh > ~/.zfunc/_trainingrun\n\n"
    "trainingrun completion fish > ~/.config/fish/completions/trainingrun.fish"
)


class Shell(StrEnum):
    """Shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Which shell.")]) -> None:
    """Print the script that completes verbs, options, and names of runs, roles and daemons.

    kubectl completes ``kubectl trainingrun`` by itself, when its own completion is installed.
    """
    script = get_completion_script(
        prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, shell=shell.value
    )
    typer.echo(script)
