"""The grammar that all verbs share: how they are added, grouped, explained, and refused.

Belongs here: what makes one command of many verbs. Does not belong here: options
(``commands.options``) and forms of output (``commands.output``). Verbs are added through
:class:`Verbs` alone, so that no verb can have a help, a metavar or an error of its own style.
typer's boxed help and boxed errors were refused: they print escapes where ``NO_COLOR`` forbids
them, pad lines in pipes, and show types of Python (``<bool>``) where people expect a word to
replace.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, cast, get_origin

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typer.core import CompletionItem, TyperCommand, TyperGroup  # type: ignore[attr-defined]
from typer.main import get_group

from trainingrun.commands.errors import EXIT_USER, UserError
from trainingrun.commands.terminal import console, echo

ENTRY_POINTS: Final = "trainingrun.commands"
"""Group of the entry points by which other distributions add verbs to the command."""
HELP_OPTIONS: Final = ("-h", "--help")
_GAP: Final = 3
# typer carries click inside of itself, or depends on it, by version; its own error is a subclass.
UsageError: Final = cast(type[Exception], typer.BadParameter.__mro__[1])


class Panel(Enum):
    """The groups of verbs in the help of the command, in their order."""

    PREPARE = "Prepare"
    TRAIN = "Train"
    INSPECT = "Inspect runs"
    CHANGE = "Change runs"
    MODELS = "Checkpoints and games"
    LEAGUE = "Leagues"
    ENGINE = "Engines and decks"
    SHELL = "Shell"


class Verb(TyperCommand):
    """One verb: its help in our form."""

    def format_help(self, ctx: Any, _formatter: Any) -> None:
        """Print the help; typer prints too, and leaves the formatter empty."""
        _print_help(self, ctx)


class Group(TyperGroup):
    """Verbs behind one word, by panel and then as they were added."""

    def format_help(self, ctx: Any, _formatter: Any) -> None:
        """Print the help; typer prints too, and leaves the formatter empty."""
        _print_help(self, ctx)

    def list_commands(self, _ctx: Any) -> list[str]:
        """Return the verbs in the order of their panels."""
        order = [panel.value for panel in Panel]

        def place(name: str) -> int:
            panel = getattr(self.commands[name], "rich_help_panel", None)
            return order.index(panel) if panel in order else len(order)

        return sorted(self.commands, key=place)

    def summaries(self, ctx: Any) -> list[tuple[str, str, str]]:
        """Panel, name and first sentence of each verb that is shown."""
        found = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        return [
            (getattr(each, "rich_help_panel", None) or "Commands", name, first_sentence(each.help))
            for name, each in found
            if not each.hidden
        ]


@dataclass(frozen=True)
class Entry:
    """A word of the command, and where its verb is defined.

    ``adders`` are ``module:function``; each adds verbs to the :class:`Verbs` that it is given, one
    of them of this name. Where the word stands for a group of verbs, ``group`` is its
    ``module:attribute``, and the adders add to it. A verb of another distribution names what has to
    be installed for it, its ``provider``, which has an adder as an entry point of this name.
    """

    name: str
    panel: Panel
    summary: str
    adders: tuple[str, ...] = ()
    group: str = ""
    provider: str = ""

    def load(self) -> Any:
        """Import the verb, or the group of verbs.

        Raises:
            UserError: it belongs to a distribution that is not installed.
        """
        verbs = _attribute(self.group) if self.group else Verbs(name="", help="")
        adders = [self._provided()] if self.provider else map(_attribute, self.adders)
        for add in adders:
            add(verbs)
        loaded: Any = get_group(verbs)
        found = loaded if self.group else loaded.commands[self.name]
        found.rich_help_panel = self.panel.value
        return found

    def _provided(self) -> Callable[[Verbs], None]:
        # Imported here, and asked only now: the help needs no entry points, and they take 0.05 s.
        from importlib.metadata import entry_points  # noqa: PLC0415

        for found in entry_points(group=ENTRY_POINTS, name=self.name):
            add: Callable[[Verbs], None] = found.load()
            return add
        raise UserError(
            f"{self.name}: {self.provider.partition('[')[0]} not installed: install {self.provider}"
        )


class LazyCommands(Mapping[str, Any]):
    """Verbs by name, each imported when it is asked for: its modules take most of a second."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: Final = {each.name: each for each in entries}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self.entries[name].load()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries


def root_of(entries: Iterable[Entry]) -> type[Group]:
    """Return the class of a command with these words."""
    commands = LazyCommands(entries)

    class Root(Group):
        """The command; its help and the completion of its words import no verb."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = cast(Any, commands)

        def list_commands(self, _ctx: Any) -> list[str]:
            """Return the words in the order of their panels."""
            order = list(Panel)
            return sorted(commands, key=lambda name: order.index(commands.entries[name].panel))

        def summaries(self, ctx: Any) -> list[tuple[str, str, str]]:
            """Panel, name and first sentence of each word."""
            found = (commands.entries[name] for name in self.list_commands(ctx))
            return [(each.panel.value, each.name, each.summary) for each in found]

        def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
            """Return the words, and the command's own options."""
            terms = [each for each in self.summaries(ctx) if each[1].startswith(incomplete)]
            items = [CompletionItem(name, help=summary) for _, name, summary in terms]
            return [*items, *TyperCommand.shell_complete(cast(Any, self), ctx, incomplete)]

    return Root


def _attribute(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


class Verbs(typer.Typer):
    """A typer whose verbs all have this grammar."""

    def __init__(self, *, name: str, help: str, cls: type[Group] = Group) -> None:
        super().__init__(
            name=name,
            help=help,
            cls=cls,
            no_args_is_help=True,
            add_completion=False,
            pretty_exceptions_enable=False,
            rich_markup_mode=None,
            context_settings={"help_option_names": list(HELP_OPTIONS)},
        )

    def verb(
        self, name: str | None = None, *, examples: tuple[str, ...], panel: Panel | None = None
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Add a verb. Its docstring is its help; every verb shows how it is used.

        A parameter that is a dataclass stands for the options that its fields declare.
        """
        add = self.command(
            name,
            cls=Verb,
            epilog="\n\n".join(examples),
            rich_help_panel=panel.value if panel is not None else None,
            context_settings={"help_option_names": list(HELP_OPTIONS)},
        )

        def added(function: Callable[..., None]) -> Callable[..., None]:
            add(with_options_of_groups(function))
            return function

        return added

    def add_group(self, group: Verbs, *, panel: Panel) -> None:
        """Add the verbs behind a word of their own."""
        self.add_typer(group, rich_help_panel=panel.value)


def with_options_of_groups(function: Callable[..., None]) -> Callable[..., None]:
    """Return the function with an argument for each option of its dataclasses, in place of these.

    Only fields annotated as options are options. typer reads an option off the signature alone, so
    the signature is what is rewritten.
    """
    signature = inspect.signature(function, eval_str=True)
    groups = {
        each.name: (each.annotation, tuple(_options_in(each.annotation)))
        for each in signature.parameters.values()
        if isinstance(each.annotation, type) and is_dataclass(each.annotation)
    }

    @wraps(function)
    def call(**given: Any) -> None:
        for name, (group, options) in groups.items():
            given[name] = group(**{each.name: given.pop(each.name) for each in options})
        function(**given)

    parameters: list[inspect.Parameter] = []
    for each in signature.parameters.values():
        parameters.extend(groups[each.name][1] if each.name in groups else (each,))
    vars(call)["__signature__"] = signature.replace(parameters=parameters)
    return call


def _options_in(group: type[Any]) -> Iterator[inspect.Parameter]:
    for each in inspect.signature(group, eval_str=True).parameters.values():
        if get_origin(each.annotation) is Annotated:
            yield each.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def metavar_of(parameter: Any) -> str:
    """Return what stands for a parameter's value: words to choose from, or one in capitals."""
    if parameter.metavar:
        return str(parameter.metavar)
    annotation = parameter.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(each.value) for each in annotation)
    if annotation in (int, float):
        return "N"
    return "PATH" if annotation is Path else str(parameter.name).upper().replace("_", "-")


def usage_of(verb: Any, path: str) -> str:
    """Return a verb's line of usage: its arguments, and the options that it cannot do without."""
    if hasattr(verb, "commands"):
        return f"{path} COMMAND"
    terms = [path]
    for each in shown_parameters(verb):
        if each.param_type_name == "argument":
            terms.append(metavar_of(each) if each.required else f"[{metavar_of(each)}]")
        elif each.required:
            terms.append(f"{min(each.opts, key=len)} {metavar_of(each)}")
    return " ".join([*terms, "[OPTIONS]"])


def shown_parameters(verb: Any) -> list[Any]:
    """Return the parameters that help and reference show; every verb has ``--help``."""
    return [each for each in verb.params if each.name != "help" and not each.hidden]


def examples_of(verb: Any) -> list[str]:
    """Return how a verb is used."""
    return [line.strip() for line in (verb.epilog or "").split("\n\n") if line.strip()]


def option_usage(parameter: Any) -> str:
    """Return an option with its value: ``-f, --filename FILE``."""
    terms = ", ".join(sorted([*parameter.opts, *parameter.secondary_opts], key=_by_kind))
    return terms if parameter.is_flag else f"{terms} {metavar_of(parameter)}"


def default_of(parameter: Any) -> str | None:
    """Return the default in words, where it is a value and the help does not give one."""
    default = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    says_default = "Default" in (parameter.help or "")
    return (
        None if default in (None, False, ()) or callable(default) or says_default else str(default)
    )


def report_usage_error(error: Exception) -> int:
    """Print what is wrong with the words of a call as one sentence; returns the exit code.

    A group that was called without a verb shows its help.
    """
    found = cast(Any, error)
    context = found.ctx
    if type(error).__name__ == "NoArgsIsHelpError":
        context.get_help()
        return EXIT_USER
    sentence = " ".join(found.format_message().split()).rstrip(".")
    path = context.command_path if context is not None else "trainingrun"
    echo(f"trainingrun: {sentence[:1].lower()}{sentence[1:]}: see {path} --help", err=True)
    return EXIT_USER


def _by_kind(word: str) -> tuple[bool, str]:
    return word.startswith("--"), word


def _print_help(verb: Any, context: Any) -> None:
    """Usage, what it does, its verbs or options, and examples."""
    out = console()
    out.print(Text.assemble(("Usage: ", "bold"), usage_of(verb, context.command_path)))
    for paragraph in (verb.help or "").split("\n\n"):
        out.print()
        out.print(Text(" ".join(paragraph.split())))
    for title, rows in _blocks(verb, context):
        out.print()
        out.print(Text(f"{title}:", "bold"))
        out.print(Padding(_rows(rows), (0, 0, 0, 2), expand=False))
    examples = examples_of(verb)
    if examples:
        out.print()
        out.print(Text("Examples:", "bold"))
    for line in examples:
        out.print(Text(f"  {line}"), soft_wrap=True)


def _blocks(verb: Any, context: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    blocks: dict[str, list[tuple[str, str]]] = {}
    if hasattr(verb, "commands"):
        for title, name, summary in verb.summaries(context):
            blocks.setdefault(title, []).append((name, summary))
    for each in shown_parameters(verb):
        if each.param_type_name == "argument":
            blocks.setdefault("Arguments", []).append((metavar_of(each), each.help or ""))
    blocks.setdefault("Options", [])
    for each in shown_parameters(verb):
        if each.param_type_name != "argument":
            title = getattr(each, "rich_help_panel", None) or "Options"
            blocks.setdefault(title, []).append((_indented(each), _meaning(each)))
    blocks["Options"].append(("-h, --help", "Show this help."))
    yield from blocks.items()


def _indented(parameter: Any) -> str:
    """Return an option in its column: long words stand below long ones."""
    terms = option_usage(parameter)
    return terms if not terms.startswith("--") else f"    {terms}"


def _meaning(parameter: Any) -> str:
    default = default_of(parameter)
    return " ".join((parameter.help or "").split()) + (f" Default: {default}." if default else "")


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a verb's help, which stands beside its name."""
    first = " ".join((text or "").split("\n\n")[0].split())
    sentence, dot, _ = first.partition(". ")
    return sentence + "." if dot else first


def _rows(rows: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for terms, meaning in rows:
        table.add_row(Text(terms), Text(meaning))
    return table
