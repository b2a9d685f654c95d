"""Colours: everything can be distinguished from its background, by day and by night."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STYLE = files("trainingrun.commands.report").joinpath("page.css").read_text()
BY_DAY, BY_NIGHT = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
)
TEXT = [
    ("ink", "ground"),
    ("ink", "sheet"),
    ("soft", "ground"),
    ("soft", "sheet"),
    ("accent", "ground"),
    ("accent", "calm-ground"),
    ("good", "good-ground"),
    ("good", "sheet"),
    ("bad", "bad-ground"),
    ("bad", "sheet"),
    ("warn", "warn-ground"),
    ("warn", "sheet"),
]


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio by WCAG 2.2."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [BY_DAY, BY_NIGHT], ids=["day", "night"])
def test_text_and_lines_stand_out(colours: dict[str, str]) -> None:
    """Expect 4.5 for text and 3 for lines, as WCAG's level AA asks."""
    for front, ground in TEXT:
        assert contrast(colours[front], colours[ground]) >= 4.5, (front, ground)
    for index in range(6):
        assert contrast(colours[f"c{index}"], colours["sheet"]) >= 3, index
