"""Writes the project that ``init`` begins with."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import Final

from trainingrun.commands.errors import UserError

TEMPLATE: Final = Path(__file__).with_name("project")
_MODULE: Final = "my_game"
_NAME: Final = "my-game"
_VALID: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST: Final = 40
_BYTECODE: Final = "__pycache__"


def write_project(name: str) -> Path:
    """Write the project into a new folder of its name, here; returns the folder.

    Raises:
        UserError: the name is none for a Python package and a run, or there is something already.
    """
    module = name.replace("-", "_")
    _check_name(name, module)
    folder = Path(name)
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{name}: it is there already: choose another name, or remove it")
    try:
        for file in sorted(TEMPLATE.rglob("*")):
            if file.is_file() and _BYTECODE not in file.parts:
                _write(file, folder, module)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return folder


def _write(file: Path, folder: Path, module: str) -> None:
    place = folder / str(file.relative_to(TEMPLATE)).replace(_MODULE, module)
    place.parent.mkdir(parents=True, exist_ok=True)
    text = file.read_text(encoding="utf-8")
    text = text.replace(_MODULE, module).replace(_NAME, module.replace("_", "-"))
    place.write_text(text, encoding="utf-8")


def _check_name(name: str, module: str) -> None:
    if not _VALID.fullmatch(name) or len(name) > _LONGEST:
        raise UserError(
            f"{name!r} is no name for a project: write lower-case letters, digits and hyphens,"
            f" from a letter on, at most {_LONGEST}, as three-in-a-row"
        )
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module == "tests":
        raise UserError(f"{name!r} is a word of Python's own: choose another name, as {name}-game")
