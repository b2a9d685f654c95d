"""Draw the architecture: docs/images/architecture-light.svg and -dark.svg, from one description.

    python -m docs.site.drawing [--check]

With ``--check`` nothing is written; the exit code is 1 when a picture differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[1] / "images"
WIDTH: Final = 960
HEIGHT: Final = 560


@dataclass(frozen=True)
class Palette:
    """Colours of one picture."""

    page: str
    text: str
    faint: str
    line: str
    control: str
    many: str
    one: str
    store: str


PALETTES: Final = {
    "light": Palette(
        page="#ffffff",
        text="#1c2430",
        faint="#5a6675",
        line="#44505f",
        control="#e8eaf6",
        many="#e3f2e6",
        one="#fdf0dc",
        store="#e4eef7",
    ),
    "dark": Palette(
        page="#1e2129",
        text="#eceff4",
        faint="#aab3c0",
        line="#9aa5b4",
        control="#333a63",
        many="#27462f",
        one="#55401f",
        store="#23405a",
    ),
}


@dataclass(frozen=True)
class Box:
    """A part: its corner and size in pixels, what fills it, its name, and what it does."""

    x: int
    y: int
    width: int
    height: int
    fill: str
    name: str
    lines: tuple[str, ...]
    stacked: bool = False

    def svg(self, palette: Palette) -> Iterator[str]:
        """The part; one that there are many of casts two more edges."""
        for shift in (12, 6, 0) if self.stacked else (0,):
            yield (
                f'<rect x="{self.x + shift}" y="{self.y - shift}" width="{self.width}"'
                f' height="{self.height}" rx="10" fill="{getattr(palette, self.fill)}"'
                f' stroke="{palette.line}" stroke-width="1.5"/>'
            )
        middle = self.x + self.width // 2
        first = self.y + self.height // 2 - 10 * len(self.lines) + 5
        yield _words(middle, first, self.name, palette.text, size=18, weight=600)
        for number, line in enumerate(self.lines, 1):
            yield _words(middle, first + 20 * number, line, palette.faint, size=14)


@dataclass(frozen=True)
class Arrow:
    """A way of data, or of the operator's hand (dashed), with a word beside it."""

    points: tuple[tuple[int, int], ...]
    words: str = ""
    at: tuple[int, int] = (0, 0)
    dashed: bool = False
    both: bool = False

    def svg(self, palette: Palette) -> Iterator[str]:
        """The line with its head, and the word."""
        path = " ".join(f"{x},{y}" for x, y in self.points)
        dashes = ' stroke-dasharray="5 5"' if self.dashed else ""
        start = ' marker-start="url(#head)"' if self.both else ""
        yield (
            f'<polyline points="{path}" fill="none" stroke="{palette.line}" stroke-width="2"'
            f'{dashes}{start} marker-end="url(#head)"/>'
        )
        if self.words:
            yield _words(*self.at, self.words, palette.text, size=14)


BOXES: Final = (
    Box(30, 40, 190, 74, "control", "TrainingRun", ("one YAML",)),
    Box(
        310,
        40,
        620,
        74,
        "control",
        "Operator",
        ("starts, scales, mends, reports; trainingrun local does it on a laptop",),
    ),
    Box(30, 220, 190, 100, "many", "Daemons", ("game engines,", "spot machines"), stacked=True),
    Box(370, 220, 190, 100, "many", "Actors", ("play both seats,", "numpy policy"), stacked=True),
    Box(370, 430, 190, 90, "many", "Evaluator", ("frozen weights,", "win rates and Elo")),
    Box(740, 220, 190, 100, "one", "Redis", ("rollout queue, ledger,", "weights, reports")),
    Box(740, 430, 190, 90, "one", "Learner", ("PPO with V-trace,", "GPU or processors")),
    Box(30, 430, 190, 90, "store", "Checkpoints", ("bucket, claim", "or folder")),
)
ARROWS: Final = (
    Arrow(((222, 77), (306, 77))),
    Arrow(
        ((400, 116), (400, 160), (125, 160), (125, 204)),
        "as many as the learner can take",
        (262, 150),
        dashed=True,
    ),
    Arrow(((465, 116), (465, 204)), "starts, restarts", (525, 165), dashed=True),
    Arrow(((835, 216), (835, 118)), "reports", (868, 172)),
    Arrow(((236, 270), (366, 270)), "decisions", (301, 260), both=True),
    Arrow(((576, 250), (736, 250)), "segments", (656, 240)),
    Arrow(((736, 280), (576, 280)), "weights", (640, 300)),
    Arrow(((810, 324), (810, 426)), "batches", (778, 380)),
    Arrow(((860, 426), (860, 324)), "weights", (894, 380)),
    Arrow(((736, 310), (690, 310), (690, 460), (564, 460)), "weights", (630, 450)),
    Arrow(((366, 460), (290, 460), (290, 310), (226, 310)), "games", (318, 390), both=True),
    Arrow(
        ((835, 522), (835, 545), (125, 545), (125, 524)),
        "every few minutes, at the end, and on a spot notice",
        (480, 538),
    ),
)


def _words(x: int, y: int, words: str, colour: str, *, size: int, weight: int = 400) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
        f' text-anchor="middle">{escape(words)}</text>'
    )


def drawing(palette: Palette) -> str:
    """The whole picture."""
    parts = [*(line for arrow in ARROWS for line in arrow.svg(palette))]
    parts += [line for box in BOXES for line in box.svg(palette)]
    body = "\n".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" \
role="img" aria-labelledby="title" font-family="system-ui, sans-serif">
<title id="title">How the parts of a TrainingRun work together</title>
<defs><marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" \
orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{palette.line}"/></marker></defs>
<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="{palette.page}"/>
{body}
</svg>
"""


def main() -> int:
    """Write or compare both pictures; the exit code."""
    stale = []
    for name, palette in PALETTES.items():
        file, wanted = FOLDER / f"architecture-{name}.svg", drawing(palette)
        if "--check" not in sys.argv[1:]:
            file.write_text(wanted, "utf-8")
        elif not file.is_file() or file.read_text("utf-8") != wanted:
            stale.append(file.name)
    for name in stale:
        sys.stderr.write(f"docs/images/{name} differs from its drawing: run `make generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
