"""Every documented condition and reason is reported somewhere: a promise that nothing keeps is
none."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from trainingrun_api.conditions import ConditionType, EventReason, Reason
from trainingrun_api.league_conditions import (
    LeagueConditionType,
    LeagueEventReason,
    LeagueReason,
)

ROOT = Path(__file__).resolve().parents[3]
MEMBERS = ("actor", "api", "cli", "contracts", "operator", "reconciler", "trainer")
OF_LEAGUES = (LeagueConditionType, LeagueReason, LeagueEventReason)


@cache
def told() -> frozenset[str]:
    """What the product's code names or spells out, without the list of words itself."""
    files = (path for member in MEMBERS for path in (ROOT / member / "src").rglob("*.py"))
    texts = (path.read_text() for path in files if not path.name.endswith("conditions.py"))
    return frozenset(found for text in texts for found in re.findall(r'\w+\.\w+|"\w+"', text))


def test_the_code_tells_them() -> None:
    """By its name, or spelled out where a role sends it through Redis."""
    silent = [
        f"{type(word).__name__}.{word.name}"
        for kind in (ConditionType, Reason, EventReason, *OF_LEAGUES)
        for word in kind
        if not {f"{type(word).__name__}.{word.name}", f'"{word.value}"'} & told()
    ]
    assert silent == [], "nothing tells these: take them out of conditions.py, or tell them"


def test_a_word_that_nobody_tells_would_be_found() -> None:
    """The search finds no word that is not there."""
    assert not {"Reason.MADE_UP", '"MadeUp"'} & told()
