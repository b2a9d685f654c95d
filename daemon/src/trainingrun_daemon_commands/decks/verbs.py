"""The verbs ``trainingrun decks list``, ``show``, ``check``, ``add``: figures on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.cells import cell_len, set_cell_size
from rich.text import Text
from trainingrun.commands.deck_folders import (
    SUFFIX,
    deck_file,
    deck_files,
    deck_names,
    find_decks,
    read_deck,
)
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import Output, OutputOption
from trainingrun.commands.output import plain_table, write
from trainingrun.commands.terminal import console, console_for_tables, echo
from trainingrun_protocol.cards import known_cards

from trainingrun_daemon_commands.candidates import complete_deck
from trainingrun_daemon_commands.decks.adding import (
    DEFAULT_FOLDER,
    ReadDeck,
    config_map,
    config_map_name,
    config_map_text,
    put,
    read_list,
)
from trainingrun_daemon_commands.decks.figures import (
    COLORS,
    CURVE_TOP,
    CardLine,
    DeckFigures,
    Unknown,
    as_document,
    figures_of,
)

_BAR: Final = 40
_COLUMN: Final = 38
"""Two columns of cards and a gap fit into 80 characters."""
_STYLES: Final = {"W": "yellow", "U": "blue", "B": "magenta", "R": "red", "G": "green"}

_decks = Verbs(
    name="decks", help="Inspect and add decks: their cards, and whether the engine knows them."
)


def add_decks(app: Verbs) -> None:
    """Add the verbs to the command."""
    app.add_group(_decks, panel=Panel.ENGINE)


FolderOption = Annotated[
    Path | None,
    typer.Option("--decks", metavar="DIR", help="Folder of .dck files. Default: decks/ near here."),
]
DeckArgument = Annotated[
    str,
    typer.Argument(
        metavar="DECK", help="A .dck file, or a deck's name.", autocompletion=complete_deck
    ),
]


@_decks.verb("list", examples=("trainingrun decks list decks/competitive",))
def list_decks(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="DIR...", help="Default: decks/ near here.")
    ] = None,
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """List decks with their size, colours and kind."""
    places = folders or [find_decks(_HERE, None)]
    missing = next((place for place in places if not place.is_dir()), None)
    if missing is not None:
        raise UserError(f"{missing}: no such folder: give a folder of {SUFFIX} files")
    files = [file for place in places for file in deck_files(place)]
    if not files:
        raise UserError(f"{places[0]}: no {SUFFIX} file there: give a folder of decks")
    rows = [_Row.of(file) for file in files]
    if output.is_for_programs:
        write([row.document() for row in rows], output)
        return
    wide = output is Output.WIDE
    table = plain_table("deck", "name", "cards", "colours", "kind", *(["file"] if wide else []))
    table.columns[2].justify = "right"
    for row in rows:
        table.add_row(*row.cells(), *([str(row.file)] if wide else []))
    console_for_tables().print(table)


@_decks.verb("show", examples=("trainingrun decks show red_aggro",))
def show_deck(
    deck: DeckArgument, *, folder: FolderOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Show the cards by type, the mana curve, and colours needed and made."""
    file = _file_of(deck, folder)
    figures = _figures(file)
    if output.is_for_programs:
        write({"file": str(file), **as_document(figures)}, output)
        return
    out = console()
    for line in _page(figures, file):
        out.print(line, soft_wrap=True)


@_decks.verb("check", examples=("trainingrun decks check my_deck.dck",))
def check_deck(
    deck: DeckArgument, *, folder: FolderOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Check that a deck can be read and that the engine knows its cards; exit code 2 if not."""
    file = _file_of(deck, folder)
    figures = _figures(file)
    if output.is_for_programs:
        document = as_document(figures)
        shown = {key: document[key] for key in ("name", "cards", "unknown", "remarks")}
        write({"file": str(file), "ok": not figures.unknown, **shown}, output)
    else:
        for remark in figures.remarks:
            echo(f"{file}: remark: {remark}")
    if figures.unknown:
        raise UserError("\n".join(_unknown_line(file, each) for each in figures.unknown))
    if not output.is_for_programs:
        echo(f"{file}: {figures.name} is valid: {figures.cards} cards, {figures.archetype}")


@_decks.verb(
    "add",
    examples=(
        "trainingrun decks add arena_export.txt --name burn",
        "pbpaste | trainingrun decks add - --name burn",
        "trainingrun decks add burn.dek --to-configmap | kubectl apply -f -",
    ),
)
def add_deck(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A list of cards; - reads standard input.")
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="The deck's name in spec.decks. Default: the list's."),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--decks", metavar="DIR", help="Folder that gets the deck.")
    ] = DEFAULT_FOLDER,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another deck of the name.")
    ] = False,
    to_configmap: Annotated[
        bool,
        typer.Option("--to-configmap", help="Print a ConfigMap for kubectl; write no file."),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read a list as MTG Arena, MTGO (text or .dek) or Forge export it, and keep it as a deck."""
    read = read_list(file, name)
    if to_configmap:
        if output is Output.JSON:
            write(config_map(read), output)
        else:
            echo(config_map_text(read))
        _say_understood(read, err=True)
        entry = f"{{name: {read.name}, configMapKeyRef: {{name: {config_map_name(read)}, key: "
        echo(f"In a TrainingRun: spec.decks: [{entry}{read.name}{SUFFIX}}}}}]", err=True)
        return
    written = put(read, folder, replace=replace)
    if output.is_for_programs:
        document = as_document(read.figures)
        write({"file": str(written), "form": read.form.name.lower(), **document}, output)
        return
    _say_understood(read)
    echo(f"{written}: in a TrainingRun: spec.decks: [{{name: {read.name}}}]")


def _say_understood(read: ReadDeck, *, err: bool = False) -> None:
    """Print what was read, and what the reference engine cannot play of it."""
    figures, deck = read.figures, read.deck
    parts = {"sideboard": deck.sideboard, "commander": deck.commander}
    beside = "".join(
        f", {sum(each.count for each in entries)} {part}"
        for part, entries in parts.items()
        if entries
    )
    echo(f"{deck.name}: {figures.cards} cards{beside}, {figures.archetype}", err=err)
    echo(f"{read.source}: read as {read.form.value}", err=err)
    for lines in (*figures.groups.values(), figures.sideboard):
        listed = ", ".join(f"{line.count} {line.name}" for line in lines)
        title = next(
            (title for title, each in figures.groups.items() if each is lines), "Sideboard"
        )
        if lines:
            echo(f"  {title}: {listed}", err=err)
    for remark in figures.remarks:
        echo(f"remark: {remark}", err=err)
    if figures.unknown:
        cards = _number(len(figures.unknown), "card")
        echo(f"The reference engine cannot play {cards}; a Forge build may:", err=err)
        for each in figures.unknown:
            hint = f": did you mean {each.nearest}?" if each.nearest is not None else ""
            echo(f"  line {each.line}: {each.card}{hint}", err=err)


_HERE: Final = Path("here")


class _Row:
    """One deck of the list; a file that is no deck has a fault in place of figures."""

    def __init__(self, file: Path, figures: DeckFigures | None, fault: str) -> None:
        self._file = file
        self._figures = figures
        self._fault = fault

    @property
    def file(self) -> Path:
        return self._file

    @classmethod
    def of(cls, file: Path) -> _Row:
        try:
            return cls(file, _figures(file), "")
        except UserError as error:
            return cls(file, None, str(error).removeprefix(str(file)).lstrip(", "))

    def cells(self) -> tuple[Text, ...]:
        figures = self._figures
        if figures is None:
            return Text(self._file.stem), Text(""), Text(""), Text(""), Text(self._fault, "red")
        kind = Text(figures.archetype)
        if figures.unknown:
            kind.append(f", {_number(len(figures.unknown), 'unknown card')}", "red")
        return (
            Text(self._file.stem),
            Text(figures.name),
            Text(str(figures.cards)),
            _letters(figures.colors),
            kind,
        )

    def document(self) -> dict[str, object]:
        figures = self._figures
        if figures is None:
            return {"file": str(self._file), "fault": self._fault}
        return {
            "file": str(self._file),
            "name": figures.name,
            "cards": figures.cards,
            "colors": figures.colors,
            "kind": figures.archetype,
            "unknown": [each.card for each in figures.unknown],
        }


def _file_of(deck: str, folder: Path | None) -> Path:
    """Return the file of that path, or of that name among the decks near here."""
    path = Path(deck)
    if path.is_file() or path.suffix == SUFFIX or len(path.parts) > 1:
        if path.is_dir() or not path.exists():
            raise UserError(f"{deck}: no such file: give a {SUFFIX} file or the name of a deck")
        return path
    place = find_decks(_HERE, folder)
    found = deck_file(deck, place)
    if found is None:
        known = ", ".join(sorted(deck_names(place))) or "none"
        raise UserError(f"no deck {deck} in {place}: choose among {known}, or give a file")
    return found


def _figures(file: Path) -> DeckFigures:
    return figures_of(read_deck(file), known_cards())


def _unknown_line(file: Path, unknown: Unknown) -> str:
    hint = (
        f"did you mean {unknown.nearest}?"
        if unknown.nearest is not None
        else "the engine knows no such card: take another"
    )
    return f"{file}, line {unknown.line}: unknown card {unknown.card}: {hint}"


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


# --- the page of one deck -------------------------------------------------------------------------


def _page(figures: DeckFigures, file: Path) -> Iterator[Text]:
    yield Text.assemble((figures.name, "bold"), f" · {figures.cards} cards · {figures.archetype}")
    yield Text(str(file), "dim")
    yield Text("")
    yield from _card_columns(figures)
    yield Text("")
    yield from _curve_lines(figures)
    if figures.symbols or figures.sources:
        yield Text("")
        yield from _color_lines(figures)
    if figures.remarks or figures.unknown:
        yield Text("")
    for remark in figures.remarks:
        yield Text(f"remark: {remark}")
    for each in figures.unknown:
        yield Text(_unknown_line(file, each), "red")


def _card_columns(figures: DeckFigures) -> Iterator[Text]:
    """Yield the groups in two columns, split where both are about as long."""
    groups = dict(figures.groups)
    if figures.sideboard:
        groups["Sideboard"] = figures.sideboard
    blocks = [list(_block(title, lines)) for title, lines in groups.items()]
    total = sum(map(len, blocks))
    splits = range(1, len(blocks) + 1)
    best = min(splits, key=lambda at: max(height := sum(map(len, blocks[:at])), total - height))
    left = [line for block in blocks[:best] for line in block]
    right = [line for block in blocks[best:] for line in block]
    for row in range(max(len(left), len(right)) - 1):  # each block ends with an empty line
        first = left[row] if row < len(left) else Text("")
        second = right[row] if row < len(right) else None
        if second is None or not second.plain:
            yield first
        else:
            gap = max(2, _COLUMN + 2 - cell_len(first.plain))
            yield Text.assemble(first, " " * gap, second)


def _block(title: str, lines: Iterable[CardLine]) -> Iterator[Text]:
    listed = tuple(lines)
    yield Text(f"{title} ({sum(line.count for line in listed)})", "bold")
    for line in listed:
        name = _cut(f"{line.count:3} {line.name}", _COLUMN - cell_len(line.cost) - 1)
        gap = max(1, _COLUMN - cell_len(name) - cell_len(line.cost))
        if not line.cost:
            yield Text(name)
        else:
            yield Text.assemble(name, " " * gap, (line.cost, "dim"))
    yield Text("")


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _curve_lines(figures: DeckFigures) -> Iterator[Text]:
    number = sum(figures.curve)
    yield Text.assemble(
        ("Mana curve", "bold"), f" · {_number(number, 'spell')}, {figures.average:.2f} on average"
    )
    top = max((value for value, count in enumerate(figures.curve) if count), default=0)
    most = max(figures.curve)
    for value in range(0 if figures.curve[0] else min(1, top), top + 1):
        count = figures.curve[value]
        label = f"{value}+" if value == CURVE_TOP else str(value)
        bar = "█" * round(_BAR * count / max(most, _BAR / 2))
        yield Text(f"{label:>4} {bar}{' ' if bar else ''}{count or '-'}")


def _color_lines(figures: DeckFigures) -> Iterator[Text]:
    yield Text.assemble(("Colours", "bold"), "    symbols in costs    sources of mana")
    all_symbols = sum(figures.symbols.values()) or 1
    all_sources = sum(figures.sources.values()) or 1
    for color, word in COLORS.items():
        need, made = figures.symbols.get(color, 0), figures.sources.get(color, 0)
        if need or made:
            yield Text.assemble(
                "  ",
                (f"{word:<8}", _STYLES[color]),
                f"{need:>10g} {need / all_symbols:>6.0%} {made:>13} {made / all_sources:>6.0%}",
            )


def _letters(colors: str) -> Text:
    return Text.assemble(*((color, _STYLES[color]) for color in colors or "")) or Text("-")
