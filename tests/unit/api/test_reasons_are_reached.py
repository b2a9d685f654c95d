"""Every documented condition and reason is told somewhere: a promise that nothing keeps is none."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from trainingrun_contracts.api.conditions import ConditionType, EventReason, Reason, Word

ROOT = Path(__file__).resolve().parents[3]
MEMBERS = ("actor", "contracts", "operator", "trainer")
WORDS = [
    pytest.param(word, id=f"{type(word).__name__}.{word.value}")
    for kind in (ConditionType, Reason, EventReason)
    for word in kind
]


@cache
def told() -> frozenset[str]:
    """What the product's code names or spells out, without the list of words itself."""
    files = (path for member in MEMBERS for path in (ROOT / member / "src").rglob("*.py"))
    texts = (path.read_text() for path in files if path.name != "conditions.py")
    return frozenset(found for text in texts for found in re.findall(r'\w+\.\w+|"\w+"', text))


@pytest.mark.parametrize("word", WORDS)
def test_the_code_tells_it(word: Word) -> None:
    """By its name, or spelled out where a role sends it through Redis."""
    ways = {f"{type(word).__name__}.{word.name}", f'"{word.value}"'}
    assert ways & told(), f"nothing tells {word.value}: take it out of conditions.py, or tell it"


def test_a_word_that_nobody_tells_would_be_found() -> None:
    """The search finds no word that is not there."""
    assert not {"Reason.MADE_UP", '"MadeUp"'} & told()
