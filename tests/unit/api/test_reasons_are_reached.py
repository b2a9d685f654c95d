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
def sources() -> str:
    """The product's code, without the list of words itself."""
    files = (path for member in MEMBERS for path in (ROOT / member / "src").rglob("*.py"))
    return "\n".join(path.read_text() for path in files if path.name != "conditions.py")


@pytest.mark.parametrize("word", WORDS)
def test_the_code_tells_it(word: Word) -> None:
    """By its name, or spelled out where a role sends it through Redis."""
    name = rf"\b{type(word).__name__}\.{word.name}\b"
    assert re.search(rf'{name}|"{word.value}"', sources()), (
        f"nothing tells {word.value}: take it out of conditions.py, or tell it"
    )


def test_a_word_that_nobody_tells_would_be_found() -> None:
    """The search finds no word that is not there."""
    assert not re.search(r'\bReason\.MADE_UP\b|"MadeUp"', sources())
