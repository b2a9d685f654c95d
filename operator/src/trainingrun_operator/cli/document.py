"""Reading a TrainingRun from a file, with errors that speak of the file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from trainingrun_contracts.api.run import SpecError, TrainingRun, parse

from trainingrun_operator.cli.errors import UserError

STDIN: Final = Path("-")
_BYTES_LIMIT: Final = 1024 * 1024
_PROBLEMS_SHOWN: Final = 20


def read_run(file: Path, *, games: int | None = None) -> TrainingRun:
    """The TrainingRun in a YAML file; ``games`` takes the place of the file's own.

    Raises:
        UserError: it cannot be read or is not valid; one line per wrong field.
    """
    document = _only_document(file)
    if games is not None and isinstance(document.get("spec"), Mapping):
        document = {**document, "spec": {**document["spec"], "games": games}}
    try:
        return parse(document)
    except SpecError as error:
        raise UserError(_told(file, error)) from error
    except RecursionError as error:
        raise UserError(f"{file}: an alias contains itself: write the value out") from error


def _only_document(file: Path) -> Mapping[str, Any]:
    try:
        documents = [each for each in yaml.safe_load_all(_text(file)) if each is not None]
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not valid YAML{_where(error)}") from error
    if not documents:
        raise UserError(f"{file}: empty: write a TrainingRun (examples/quickstart.yaml is one)")
    if len(documents) > 1:
        raise UserError(
            f"{file}: holds {len(documents)} documents: give a file with one TrainingRun"
        )
    if not isinstance(documents[0], Mapping):
        raise UserError(f"{file}: is no TrainingRun: expected apiVersion, kind, metadata and spec")
    return documents[0]


def _text(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{file}: no such file: give the path of a TrainingRun with -f") from error
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    if len(content) > _BYTES_LIMIT:
        raise UserError(f"{file}: larger than 1 MiB: this is no TrainingRun")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not a text in UTF-8: save it as UTF-8") from error


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "the text cannot be read"
    if mark is None:
        return f": {str(error).splitlines()[0]}"
    return f" at line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _told(file: Path, error: SpecError) -> str:
    lines = [f"{file}: {problem}" for problem in error.problems[:_PROBLEMS_SHOWN]]
    more = len(error.problems) - len(lines)
    return "\n".join([*lines, *([f"{file}: and {more} more"] if more > 0 else [])])
