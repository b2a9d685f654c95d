"""``trainingrun plan --projections``: the documents' rows beside ours, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainingrun_operator.cli.plan.price_file import read_prices
from trainingrun_operator.cli.runs.output import Output, write
from trainingrun_operator.planning.projections import all_claims
from trainingrun_operator.planning.projections.claims import Claim, Verdict

_COLOURS: Final = {
    Verdict.REPRODUCED: "green",
    Verdict.CONTRADICTS: "red",
    Verdict.MOVED: "yellow",
    Verdict.OPEN: "yellow",
    Verdict.UNEXPLAINED: "bold red",
}


class Row(Struct, frozen=True, rename="camel"):
    """One row for programs."""

    document: str
    table: str
    row: str
    quantity: str
    said: float
    ours: float | None
    deviation: float | None
    verdict: str
    why: str


def claims() -> tuple[Claim, ...]:
    """Every row, held against the prices that come with the operator."""
    return all_claims(read_prices(None).providers)


def print_projections(output: Output) -> None:
    """Print every row: a table, JSON or YAML."""
    found = claims()
    if output.is_for_programs:
        write([_row(each) for each in found], output)
        return
    console = Console(highlight=False)
    for (document, table), rows in grouped(found):
        console.print(Text(f"{document}: {table}", style="bold"))
        console.print(_table(tuple(rows)))
    console.print(sums(found))


def grouped(found: Sequence[Claim]) -> Iterator[tuple[tuple[str, str], Iterator[Claim]]]:
    """The rows by document and table, in their order."""
    yield from groupby(found, key=lambda claim: (claim.document, claim.table))


def _table(rows: Sequence[Claim]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("row", overflow="fold", min_width=12)
    table.add_column("figure", overflow="fold", min_width=8)
    for title in ("document", "ours", ""):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold", min_width=20)
    for each in rows:
        text = Text(each.verdict.value, style=_COLOURS[each.verdict])
        if each.verdict is not Verdict.REPRODUCED:
            text.append(f": {each.why}", style="default")
        table.add_row(
            Text(each.row), Text(each.quantity), number(each.said), number(each.ours),
            deviation(each), text,
        )  # fmt: skip
    return table


def sums(found: Sequence[Claim]) -> str:
    """How many rows came to which verdict."""
    counts = Counter(each.verdict for each in found)
    told = ", ".join(f"{counts[each]} {each.value}" for each in Verdict if counts[each])
    return f"{len(found)} figures: {told}"


def _row(claim: Claim) -> Row:
    return Row(
        claim.document, claim.table, claim.row, claim.quantity, claim.said, claim.ours,
        claim.deviation, claim.verdict.value, claim.why,
    )  # fmt: skip


def number(figure: float | None) -> str:
    """A figure with four digits; a dash where there is none."""
    if figure is None:
        return "-"
    if figure >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.4g}"


def deviation(claim: Claim) -> str:
    """The deviation in percent; empty where there is nothing to compare."""
    part = claim.deviation
    return "" if part is None else f"{part * 100:+.1f} %"
