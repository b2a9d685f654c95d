"""The reference of fields: each has a place of its own, by which it is linked to and found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trainingrun_api.crd import root_schema
from trainingrun_api.run import DEFINITION

from tools import field_reference as reference

PAGE = reference.page()
HEADINGS = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)


def fields(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """The paths of all fields below."""
    for name, each in schema.get("properties", {}).items():
        below = f"{path}.{name}"
        yield below
        yield from fields(each, below)
        yield from fields(each.get("items", {}), f"{below}[]")


def test_every_field_has_a_heading() -> None:
    """Expect a link and a hit in a search for each field of spec and status, objects included."""
    schema = root_schema(DEFINITION)["properties"]
    wanted = {*fields(schema["spec"], "spec"), *fields(schema["status"], "status")}
    assert {each.removesuffix("[]") for each in HEADINGS} >= wanted


def test_no_two_have_the_same_anchor() -> None:
    """Expect a link to lead to one place."""
    anchors = [reference.anchor(each) for each in HEADINGS if "." in each]
    assert len(anchors) == len(set(anchors))


def test_the_tree_leads_to_headings() -> None:
    """Expect each link of the overviews to be one that the page has."""
    anchors = {reference.anchor(each).replace(" ", "-") for each in HEADINGS}
    linked = set(re.findall(r"\(#([^)]+)\)", PAGE))
    assert linked
    assert linked <= anchors


def test_a_value_stands_with_what_is_known_of_it() -> None:
    """Expect type, default and what a change does below the heading, and no object's JSON."""
    _, _, rest = PAGE.partition("#### spec.daemon.gamesPerDaemon\n")
    facts = rest.strip().splitlines()[0]
    assert facts.startswith("*integer, 1 to 1,000 · default `8` · a change: ")
    assert '{"gamesPerDaemon"' not in PAGE
