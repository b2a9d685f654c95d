"""The generated files: structural, small, documented, and up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun_api.crd import CATEGORY, definition, root_schema
from trainingrun_api.league import LEAGUE
from trainingrun_api.rules import ALL, IMMUTABLE
from trainingrun_api.run import DEFINITION
from trainingrun_api.status import TrainingRunStatus
from trainingrun_api.tournament import TOURNAMENT

from tools import crd as generate

ROOT = Path(__file__).resolve().parents[3]
NOT_STRUCTURAL = {"$ref", "$defs", "title", "const", "anyOf", "oneOf", "allOf", "nullable"}


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in the tree with its path."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from schemas(each, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from schemas(schema[inner], f"{path}[]")


def test_generated_files_are_up_to_date() -> None:
    """What is committed is what the models say."""
    assert generate.main(["--check", "--into", str(ROOT)]) == 0


def test_generation_writes_and_then_finds_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or changed file is named by its path; after writing all is well."""
    assert generate.main(["--check", "--into", str(tmp_path)]) == 1
    assert "docs/reference/trainingrun.md differs" in capsys.readouterr().err
    assert generate.main(["--into", str(tmp_path)]) == 0
    assert generate.main(["--check", "--into", str(tmp_path)]) == 0


def test_the_crd_stays_small() -> None:
    """Under 100 KB as the JSON that is stored: less than half of what `kubectl apply` can note."""
    assert len(json.dumps(definition(DEFINITION), separators=(",", ":"))) < 100_000


def test_a_pod_template_is_explained_once() -> None:
    """The daemons' template has all of its texts; the others refer to it, and have its fields."""
    (version,) = definition(DEFINITION)["spec"]["versions"]
    sections = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    sections["redis"] = sections["redis"]["properties"]["managed"]
    templates = {
        name: section["properties"]["template"]
        for name, section in sections.items()
        if "template" in section.get("properties", {})
    }
    assert len(templates) == 6
    first = templates.pop("daemon")
    assert json.dumps(first).count('"description"') > 8
    for each in templates.values():
        assert "as for the daemons" in each["description"]
        assert json.dumps(each).count('"description"') == 1
        assert each["properties"].keys() == first["properties"].keys()


def test_the_chart_has_the_same_definition_between_its_switches() -> None:
    """Without the template's lines the chart's copy is the CRD."""
    lines = (ROOT / generate.TEMPLATES / f"crd-{DEFINITION.plural}.yaml").read_text().splitlines()
    assert lines[0] == "{{- if .Values.crds.enabled }}"
    kept = [line for line in lines if "{{" not in line]
    document = yaml.safe_load("\n".join(kept))
    assert document["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert document == definition(DEFINITION)


def test_every_schema_is_structural() -> None:
    """No keyword that the API server forbids, and a type everywhere."""
    wrong = [path for path, schema in schemas(root_schema(DEFINITION)) if not is_structural(schema)]
    assert wrong == []


def is_structural(schema: dict[str, Any]) -> bool:
    """Whether one schema, without those within it, is as the API server wants it."""
    bounds = {schema.get(bound) for bound in ("exclusiveMinimum", "exclusiveMaximum")}
    return (
        not NOT_STRUCTURAL & schema.keys()
        and bool(schema.get("type") or schema.get("x-kubernetes-int-or-string"))
        and schema.get("default", 0) is not None
        and bounds <= {None, True}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"type": "string", "anyOf": []},
        {"type": "string", "default": None},
        {"type": "integer", "exclusiveMinimum": 3},
    ],
)
def test_what_is_not_structural_would_be_found(wrong: dict[str, Any]) -> None:
    """The law above says something."""
    assert not is_structural(wrong)


def test_every_field_is_documented() -> None:
    """Each field has a description that is a sentence."""
    silent = [
        path
        for path, schema in schemas(root_schema(DEFINITION))
        if not path.startswith(".metadata")
        and not path.endswith("[]")
        and not schema.get("description", "").rstrip("`").endswith(".")
    ]
    assert silent == []


def test_every_list_says_how_it_is_merged() -> None:
    """Without a type a list has one owner, and no one decided that."""
    untyped = [
        path
        for path, schema in schemas(root_schema(DEFINITION))
        if schema.get("type") == "array" and "x-kubernetes-list-type" not in schema
    ]
    assert untyped == []


def test_every_rule_stands_in_the_crd() -> None:
    """Each rule's CEL is somewhere in the schema."""
    written = {
        each["rule"]
        for _, schema in schemas(root_schema(DEFINITION))
        for each in schema.get("x-kubernetes-validations", ())
    }
    assert {rule.cel for rule in (*ALL, *IMMUTABLE)} <= written


def test_columns_point_to_fields_that_exist() -> None:
    """Each printer column reads a field of the schema."""
    paths = {path for path, _ in schemas(root_schema(DEFINITION))} | {".metadata.creationTimestamp"}
    (version,) = definition(DEFINITION)["spec"]["versions"]
    columns = {each["jsonPath"] for each in version["additionalPrinterColumns"]}
    assert {re.sub(r"\[[^]]+\]", "[]", column) for column in columns} <= paths


def test_explained_defaults_are_not_told_twice() -> None:
    """A description ends with the default only where the model does not say it itself."""
    (version,) = definition(DEFINITION)["spec"]["versions"]
    for path, schema in schemas(version["schema"]["openAPIV3Schema"]):
        assert schema.get("description", "").count("Default:") <= 1, path


def test_the_status_has_no_required_part_but_in_list_entries() -> None:
    """A status with nothing in it is valid: unknown is absent."""
    assert "required" not in root_schema(DEFINITION)["properties"]["status"]
    assert TrainingRunStatus().document() == {}


def test_no_name_stands_for_two_kinds_or_for_all() -> None:
    """Expect ``kubectl get NAME`` to find one kind: a category with a kind's name is expanded."""
    every = [definition(each)["spec"]["names"] for each in (DEFINITION, LEAGUE, TOURNAMENT)]
    names = [
        name for kind in every for name in (kind["singular"], kind["plural"], *kind["shortNames"])
    ]
    assert len(set(names)) == len(names)
    assert not set(names) & {CATEGORY}
