"""Tables and lists of facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from trainingrun.commands.report.markup import Markup, tag


class Narrow(Enum):
    """What becomes of a table's rows on a phone."""

    ROWS = "rows"
    """They stay: there are few columns."""
    NUMBERS = "numbers"
    """They stay and scroll: all columns hold numbers."""
    LIST = "list"
    """Each becomes a list of titles and cells."""
    STORY = "story"
    """Each becomes a line of short cells, with the last one, a sentence, below it."""


def table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str,
    narrow: Narrow = Narrow.ROWS,
    kinds: Sequence[str] = (),
) -> Markup:
    """Return a table that scrolls by itself where it is too wide; ``kinds`` are classes of the
    rows."""
    head = tag("tr", *(tag("th", title, scope="col") for title in titles))
    body = (
        tag("tr", *_cells(row, titles, narrow), class_=kinds[index] or None if kinds else None)
        for index, row in enumerate(rows)
    )
    inner = tag(
        "table",
        tag("caption", caption),
        tag("thead", head),
        tag("tbody", *body),
        class_=narrow.value,
    )
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _cells(row: Sequence[str], titles: Sequence[str], narrow: Narrow) -> Iterable[Markup]:
    """Yield the cells of a row; in lists they know their titles."""
    for value, title in zip(row, titles, strict=True):
        kind = "when" if title.endswith("(UTC)") else None
        if narrow is Narrow.LIST:
            yield tag("td", tag("span", value), class_=kind, data_title=title)
        else:
            yield tag("td", value, class_=kind)


def facts(rows: Iterable[tuple[str, str]]) -> Markup:
    """Return a two-column table of facts."""
    pairs = (tag("div", tag("dt", title), tag("dd", value)) for title, value in rows)
    return tag("dl", *pairs, class_="facts")
