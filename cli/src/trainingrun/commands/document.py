"""Reading a resource from a file, with errors that speak of the file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from trainingrun_api.explanation import Problem
from trainingrun_api.resource import Resource, ResourceDefinition, SpecError
from trainingrun_api.run import TrainingRun, parse
from trainingrun_reconciler.desired.own_decks import ConfigMaps, OwnDeckError, own_decks, with_decks

from trainingrun.commands.errors import UserError

R = TypeVar("R", bound=Resource)
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


@dataclass(frozen=True)
class Source:
    """The one document of a file, and the entries of the ConfigMaps that stand beside it."""

    file: Path
    noun: str
    document: Mapping[str, Any]
    config_maps: ConfigMaps

    @property
    def kind(self) -> object:
        """What the document says that it is."""
        return self.document.get("kind")

    def alone(self) -> Mapping[str, Any]:
        """Return the document.

        Raises:
            UserError: a ConfigMap stands beside it.
        """
        if self.config_maps:
            raise UserError(
                f"{self.file}: holds ConfigMap {next(iter(self.config_maps))} beside the"
                f" {self.noun}, which kubectl apply -f {self.file} creates: give a file with one"
                f" {self.noun} here"
            )
        return self.document

    def read(self, definition: ResourceDefinition[R]) -> R:
        """Return the resource of this kind.

        Raises:
            UserError: it is not valid; one line per wrong field.
        """
        try:
            return definition.read(self.alone())
        except SpecError as error:
            raise UserError(describe_problems(self.file, error.problems)) from error


def read_run(
    file: Path,
    *,
    changes: Sequence[str] = (),
    games: int | None = None,
    daemons: Sequence[str] = (),
    in_step: bool = False,
) -> TrainingRun:
    """Return the TrainingRun in a YAML file; ``games`` takes the place of the file's own.

    ``changes`` are ``path=value`` of ``--set``. ``daemons`` are endpoints of daemons that run
    already; they take the place of the file's. ``in_step`` leaves one daemon and one actor with one
    game.

    Raises:
        UserError: it cannot be read or is not valid; one line per wrong field.
    """
    source = read_source(file, changes=changes)
    document, spec = source.document, source.document.get("spec")
    if games is not None and isinstance(spec, Mapping):
        spec = {**spec, "games": games}
    if daemons and isinstance(spec, Mapping):
        spec = {**spec, "daemon": _with_external(spec.get("daemon"), daemons)}
    if in_step:
        spec = _laid_over(spec, _ONE_GAME)
    if spec is not None:
        document = {**document, "spec": spec}
    run = run_of(replace(source, document=document))
    return _repeatable(run, file) if in_step else run


def run_of(source: Source) -> TrainingRun:
    """Return the TrainingRun of a document that is read.

    Raises:
        UserError: it is not valid; one line per wrong field.
    """
    try:
        run = parse(source.document)
    except SpecError as error:
        raise UserError(describe_problems(source.file, error.problems)) from error
    try:
        return with_decks(run, source.config_maps)
    except OwnDeckError as error:
        raise UserError(f"{source.file}: {error}") from error


def check_decks_are_here(run: TrainingRun, file: Path) -> None:
    """See that all lists of cards stand in the file.

    Raises:
        UserError: one is in a ConfigMap of a cluster.
    """
    for deck in own_decks(run.spec):
        if deck.source is not None:
            raise UserError(
                f"{file}: {deck.field}: there are no ConfigMaps on this machine: put ConfigMap"
                f" {deck.source[0]} into the file behind a line ---, or the list into inline"
            )


def _repeatable(run: TrainingRun, file: Path) -> TrainingRun:
    if len(run.spec.curriculum) > 1:
        raise UserError(
            f"{file}: spec.curriculum: a phase begins when the runtime sees that the one before is"
            " over, so games in step cannot be repeated: leave --sync out, or keep one phase"
        )
    return run


def _laid_over(document: object, changes: Mapping[str, Any]) -> object:
    """Return a mapping with changes applied; what is no mapping is reported later."""
    if document is not None and not isinstance(document, Mapping):
        return document
    below = dict(document or {})
    for key, change in changes.items():
        below[key] = _laid_over(below.get(key), change) if isinstance(change, Mapping) else change
    return below


def _with_external(daemon: object, endpoints: Sequence[str]) -> object:
    """Return the daemons of a spec with these endpoints, and without what only own daemons have."""
    if daemon is not None and not isinstance(daemon, Mapping):
        return daemon  # wrong, and reported by the reader
    kept = {key: each for key, each in (daemon or {}).items() if key not in ("template", "jvm")}
    return {**kept, "external": {"endpoints": list(endpoints)}}


def read_document(
    file: Path, kind: DocumentKind = TRAINING_RUN, *, changes: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return the one YAML document of a file, with changes of ``--set`` laid over its spec.

    Raises:
        UserError: it cannot be read, or is not one mapping.
    """
    return read_source(file, kind, changes=changes).alone()


def read_source(
    file: Path, kind: DocumentKind = TRAINING_RUN, *, changes: Sequence[str] = ()
) -> Source:
    """Return the one document of a file, with changes of ``--set`` laid over its spec.

    Raises:
        UserError: it cannot be read, or is not one mapping.
    """
    text = _text(file, kind)
    try:
        documents = [each for each in loaded(text, where=str(file)) if each is not None]
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not valid YAML{_where(error)}") from error
    except RecursionError as error:
        raise UserError(f"{file}: nested too deeply: this is no {kind.noun}") from error
    beside = [each for each in documents if _is_config_map(each)] if len(documents) > 1 else []
    documents = [each for each in documents if each not in beside]
    if not documents:
        raise UserError(f"{file}: empty: write {kind.name} ({kind.example} is one)")
    if len(documents) > 1:
        raise UserError(
            f"{file}: holds {len(documents)} documents: give a file with one {kind.noun}"
        )
    if not isinstance(documents[0], Mapping):
        raise UserError(f"{file}: is no {kind.noun}: expected {kind.fields}")
    document: Mapping[str, Any] = documents[0]
    for change in changes:
        document = _with_change(document, change)
    config_maps = {each["metadata"]["name"]: each["data"] for each in beside}
    return Source(file, kind.noun, document, config_maps)


def _is_config_map(document: Any) -> bool:
    """Whether it is a ConfigMap with a name and entries of text."""
    if not isinstance(document, Mapping) or document.get("kind") != "ConfigMap":
        return False
    metadata, data = document.get("metadata"), document.get("data")
    is_named = isinstance(metadata, Mapping) and isinstance(metadata.get("name"), str)
    return is_named and isinstance(data, Mapping)


def _with_change(document: Mapping[str, Any], change: str) -> Mapping[str, Any]:
    """Return a document with one ``path=value``; the path begins at the spec, the value is YAML.

    Raises:
        UserError: it is not of this form.
    """
    path, equals, text = change.partition("=")
    keys = path.strip().removeprefix("spec.").split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {change}: not PATH=VALUE: write for example evaluation.games=40")
    try:
        values = list(loaded(text, where=f"--set {path}"))
    except yaml.YAMLError as error:
        raise UserError(f"--set {change}: not valid YAML{_where(error)}") from error
    nested: Any = values[0] if values else None
    for key in reversed(keys[1:]):
        nested = {key: nested}
    spec = document.get("spec")
    if spec is not None and not isinstance(spec, Mapping):
        return document  # wrong, and reported by the reader
    below = dict(spec or {})
    below[keys[0]] = _laid_over(below.get(keys[0]), nested) if len(keys) > 1 else nested
    return {**document, "spec": below}


def loaded(text: str, *, where: str) -> Iterator[Any]:
    """Yield the values of a YAML text, one document after the other.

    Aliases are counted as often as they are used before anything is made of them: eight nested
    ones of ten uses each turn a hundred bytes into a hundred million values.

    Raises:
        UserError: it is too large once its aliases are written out.
        yaml.YAMLError: it is not valid YAML.
    """
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            size = _expanded(node, {}, where)
            if size > _BYTES_LIMIT:
                raise UserError(
                    f"{where}: larger than 1 MiB with its aliases written out: use fewer aliases"
                )
            yield loader.construct_document(node)
    finally:
        loader.dispose()


def _expanded(node: yaml.Node, known: dict[int, int | None], where: str) -> int:
    """Return bytes of a node at least, with every alias written out."""
    if id(node) in known:
        size = known[id(node)]
        if size is None:
            raise UserError(f"{where}: an alias contains itself: write the value out")
        return size
    known[id(node)] = None
    size = 1
    match node:
        case yaml.ScalarNode():
            size += len(node.value)
        case yaml.SequenceNode():
            size += sum(_expanded(each, known, where) for each in node.value)
        case yaml.MappingNode():
            size += sum(_expanded(each, known, where) for pair in node.value for each in pair)
    known[id(node)] = size
    return size


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


def describe_problems(file: Path, problems: Sequence[Problem]) -> str:
    """Return one line per wrong field, up to a limit."""
    lines = [f"{file}: {problem}" for problem in problems[:_PROBLEMS_SHOWN]]
    more = len(problems) - len(lines)
    return "\n".join([*lines, *([f"{file}: and {more} more"] if more > 0 else [])])
