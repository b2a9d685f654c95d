"""Every block of YAML in the documentation is one that its reader would accept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml
from trainingrun.commands.machines.inventory import MachinesFile
from trainingrun_api.league import LEAGUE
from trainingrun_api.resource import Resource, ResourceDefinition, SpecError
from trainingrun_api.run import DEFINITION, parse
from trainingrun_api.tournament import TOURNAMENT
from trainingrun_protocol.deck_formats import read_deck_list
from trainingrun_protocol.decks import DeckError

from testkit.pages.guide_blocks import Block, blocks
from testkit.tree import ROOT

PAGES: Final = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
VALUES: Final = ROOT / "charts" / "trainingrun" / "values.schema.json"
HEAD: Final = {"apiVersion": "trainingrun.dev/v1alpha1"}
KINDS: Final[dict[str, ResourceDefinition[Resource]]] = {
    "TrainingRun": DEFINITION,
    "League": LEAGUE,
    "Tournament": TOURNAMENT,
}
SMALLEST: Final = {"games": 1, "decks": [{"name": "red_aggro"}]}


def found() -> list[tuple[str, Block]]:
    """All such blocks, with the places they stand at."""
    return [
        (f"{page.relative_to(ROOT)}:{block.line}", block)
        for page in PAGES
        for block in blocks(page.read_text("utf-8"))
        if block.language in {"yaml", "yml"}
    ]


def check(document: Any) -> None:
    """Refuse what its reader would: the API, Helm, ``trainingrun daemons`` or Prometheus.

    Raises:
        ValueError: no one reads such a document, or its reader refuses it.
    """
    if not isinstance(document, Mapping):
        raise ValueError("not a mapping: what is it for?")
    keys = set(document)
    schema = json.loads(VALUES.read_text())
    if document.get("kind") == "ConfigMap":  # decks of a run
        check_decks(document["data"])
    elif is_a_resource(document):
        check_resource(document)
    elif keys == {"spec"}:
        check_part(document["spec"])
    elif "machines" in keys:
        MachinesFile.model_validate_json(json.dumps(document), by_alias=True, by_name=False)
    elif keys == {"scrape_configs"}:
        for job in document["scrape_configs"]:
            if not {"job_name"} < set(job):
                raise ValueError("a scrape configuration has a job_name and where to scrape")
    elif keys <= set(schema["properties"]):
        jsonschema.validate(document, schema)
    else:
        raise ValueError(f"no test knows who reads {', '.join(sorted(keys))}: teach it here")


def check_part(given: Mapping[str, Any]) -> None:
    """Refuse a part of a run, shown without the rest, that the API would not take."""
    whole = {**HEAD, "kind": "TrainingRun"}
    spec = {"games": 1, **given} if "environment" in given else {**SMALLEST, **given}
    parse({**whole, "metadata": {"name": "part"}, "spec": spec})


def is_a_resource(document: Mapping[str, Any]) -> bool:
    """Whether it is one of ours, or a part of a League, which has a profile."""
    return document.get("kind") in KINDS or "profile" in document.get("spec", {})


def check_resource(document: Mapping[str, Any]) -> None:
    """Refuse what the API would."""
    if "kind" in document:
        KINDS[document["kind"]].read(document)
        return
    spec = {"environment": {"builtIn": {"name": "connect_four"}}, **document["spec"]}
    LEAGUE.read({**HEAD, "kind": "League", "metadata": {"name": "part"}, "spec": spec})


def check_decks(lists: Mapping[str, str]) -> None:
    """Refuse a ConfigMap of anything but decks, and a deck that the operator could not read."""
    for name, text in lists.items():
        if not name.endswith(".dck"):
            raise ValueError(f"no test knows who reads {name}: teach it here")
        try:
            read_deck_list(text, name=name)
        except DeckError as error:
            raise ValueError(f"{name}{error}") from error


@pytest.mark.parametrize(("place", "block"), found(), ids=lambda each: str(each)[:60])
def test_its_reader_accepts_it(place: str, block: Block) -> None:
    """Expect each document of the block to be valid."""
    for document in yaml.safe_load_all(block.text):
        try:
            check(document)
        except (ValueError, SpecError, jsonschema.ValidationError) as error:
            pytest.fail(f"{place}: {error}", pytrace=False)


@pytest.mark.parametrize(
    "wrong",
    [
        "spec: {gamez: 1}",
        "spec: {checkpoint: {storage: {s3: {bucket: b1r, secretRef: checkpoints}}}}",
        "networkPolicy: {metricsFromm: []}",
        "apiVersion: v1\nkind: Secret",
    ],
)
def test_a_wrong_block_would_be_found(wrong: str) -> None:
    """Expect mistakes that stood in the pages, and kinds that no one checks, to be refused."""
    with pytest.raises((ValueError, SpecError, jsonschema.ValidationError)):
        check(yaml.safe_load(wrong))


def test_no_block_hides_behind_another_language() -> None:
    """Expect YAML to be called so: blocks of commands hold none."""
    hidden = [
        f"{page.relative_to(ROOT)}:{block.line}"
        for page in PAGES
        for block in blocks(Path(page).read_text("utf-8"))
        if block.shell and block.text.lstrip().startswith(("apiVersion:", "spec:", "metadata:"))
    ]
    assert not hidden
