"""Reading a TrainingRun from a file, with errors that speak of the file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from trainingrun_contracts.api.explanation import Problem
from trainingrun_contracts.api.run import SpecError, TrainingRun, parse

from trainingrun_operator.cli.errors import UserError

STDIN: Final = Path("-")
_BYTES_LIMIT: Final = 1024 * 1024
_PROBLEMS_SHOWN: Final = 20
_ONE_GAME: Final[Mapping[str, Any]] = {
    "actor": {"replicas": 1, "gamesPerActor": 1},
    "daemon": {"autoscaling": {"minReplicas": 1, "maxReplicas": 1}},
}


@dataclass(frozen=True)
class DocumentKind:
    """What a file should hold, in words for sentences about it."""

    noun: str
    fields: str
    example: str
    option: str

    @property
    def name(self) -> str:
        """With its article."""
        return f"a {self.noun}"


TRAINING_RUN: Final = DocumentKind(
    noun="TrainingRun",
    fields="apiVersion, kind, metadata and spec",
    example="examples/quickstart.yaml",
    option="-f",
)


def read_run(
    file: Path,
    *,
    games: int | None = None,
    daemons: Sequence[str] = (),
    in_step: bool = False,
) -> TrainingRun:
    """The TrainingRun in a YAML file; ``games`` takes the place of the file's own.

    ``daemons`` are endpoints of daemons that run already; they take the place of the file's.
    ``in_step`` leaves one daemon and one actor with one game.

    Raises:
        UserError: it cannot be read or is not valid; one line per wrong field.
    """
    document = read_document(file)
    spec = document.get("spec")
    if games is not None and isinstance(spec, Mapping):
        spec = {**spec, "games": games}
    if daemons and isinstance(spec, Mapping):
        spec = {**spec, "daemon": _with_external(spec.get("daemon"), daemons)}
    if in_step:
        spec = _laid_over(spec, _ONE_GAME)
    if spec is not None:
        document = {**document, "spec": spec}
    try:
        return _repeatable(parse(document), file) if in_step else parse(document)
    except SpecError as error:
        raise UserError(told(file, error.problems)) from error
    except RecursionError as error:
        raise UserError(f"{file}: an alias contains itself: write the value out") from error


def _repeatable(run: TrainingRun, file: Path) -> TrainingRun:
    if len(run.spec.curriculum) > 1:
        raise UserError(
            f"{file}: spec.curriculum: a phase begins when the runtime sees that the one before is"
            " over, so games in step cannot be repeated: leave --sync out, or keep one phase"
        )
    return run


def _laid_over(document: object, changes: Mapping[str, Any]) -> object:
    """A mapping with changes inside of it; what is no mapping is wrong, and told so later."""
    if document is not None and not isinstance(document, Mapping):
        return document
    below = dict(document or {})
    for key, change in changes.items():
        below[key] = _laid_over(below.get(key), change) if isinstance(change, Mapping) else change
    return below


def _with_external(daemon: object, endpoints: Sequence[str]) -> object:
    """The daemons of a spec with these endpoints, and without what only own daemons have."""
    if daemon is not None and not isinstance(daemon, Mapping):
        return daemon  # wrong, and told so by whoever reads it
    kept = {key: each for key, each in (daemon or {}).items() if key not in ("image", "jvm")}
    return {**kept, "external": {"endpoints": list(endpoints)}}


def read_document(file: Path, kind: DocumentKind = TRAINING_RUN) -> Mapping[str, Any]:
    """The one YAML document of a file.

    Raises:
        UserError: it cannot be read, or is not one mapping.
    """
    try:
        documents = [each for each in yaml.safe_load_all(_text(file, kind)) if each is not None]
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not valid YAML{_where(error)}") from error
    if not documents:
        raise UserError(f"{file}: empty: write {kind.name} ({kind.example} is one)")
    if len(documents) > 1:
        raise UserError(
            f"{file}: holds {len(documents)} documents: give a file with one {kind.noun}"
        )
    if not isinstance(documents[0], Mapping):
        raise UserError(f"{file}: is no {kind.noun}: expected {kind.fields}")
    return documents[0]


def _text(file: Path, kind: DocumentKind) -> str:
    try:
        content = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except FileNotFoundError as error:
        raise UserError(
            f"{file}: no such file: give the path of {kind.name} with {kind.option}"
        ) from error
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    if len(content) > _BYTES_LIMIT:
        raise UserError(f"{file}: larger than 1 MiB: this is no {kind.noun}")
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


def told(file: Path, problems: Sequence[Problem]) -> str:
    """One line per wrong field, up to a limit."""
    lines = [f"{file}: {problem}" for problem in problems[:_PROBLEMS_SHOWN]]
    more = len(problems) - len(lines)
    return "\n".join([*lines, *([f"{file}: and {more} more"] if more > 0 else [])])
