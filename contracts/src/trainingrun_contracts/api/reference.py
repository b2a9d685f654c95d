"""The reference page, made from the same schema as the CRD."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from trainingrun_contracts.api import changes, rules
from trainingrun_contracts.api.crd import INT_OR_STRING, VALIDATIONS, Schema, root_schema
from trainingrun_contracts.api.run import API_VERSION, KIND

INTRODUCTION: Final = f"""# TrainingRun

`apiVersion: {API_VERSION}`, `kind: {KIND}`, namespaced, short name `tr`.

This page is generated from the models (`make generate`). The API server fills the defaults in and
refuses unknown fields; `trainingrun local` reads the same documents with the same rules.
"""

CHANGES: Final = """Any field may be changed while a run exists, except those below. A change acts:

- *at once*: the operator follows it at its next look, and no member is replaced.
- *rolls* roles: their members are replaced, a part at a time. A daemon or an actor that is told to
  end begins no more games and finishes those that it has, a daemon at most for
  `daemon.autoscaling.scaleDown.drainSeconds`. A Forge build cannot do this itself: its daemons get
  no more games first, and are replaced together when those that run have ended.
- *restarts the learner from a fresh checkpoint*: it is told to end, saves, and a new one goes on
  from there. Daemons and actors stay, and play on with the weights that they have.
- *cannot change*: the API server refuses it.

A change that says nothing new (the same value) does nothing.
"""


def page() -> str:
    """The whole page as Markdown."""
    schema = root_schema()["properties"]
    parts = [
        INTRODUCTION,
        "## Spec\n",
        *_table(
            ("Field", "Type", "Default", "Description"),
            (_spec_row(*field) for field in _fields(schema["spec"], "spec")),
        ),
        "\n## Changes\n",
        CHANGES,
        *_table(("Field", "A change"), _change_rows(schema["spec"])),
        "\n## Fields that cannot change\n",
        *_table(
            ("Field", "Message"),
            ((f"`spec.{rule.field}`", rule.message) for rule in rules.IMMUTABLE),
        ),
        "\n## Rules between fields\n",
        "A document that breaks one of these is refused with the message.\n",
        *_table(("At", "Rule", "Message"), _rule_rows(schema)),
        "\n## Status\n",
        *_table(
            ("Field", "Type", "Description"),
            (_status_row(*field) for field in _fields(schema["status"], "status")),
        ),
        "\n## Conditions and events\n",
        "Their words have a page of their own: [conditions and events](events.md).",
    ]
    return "\n".join(parts) + "\n"


def _fields(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    """All fields below, depth first: path, schema, and whether the field is required."""
    for name, each in schema.get("properties", {}).items():
        below = f"{path}.{name}"
        yield below, each, name in schema.get("required", ())
        yield from _fields(each, below)
        yield from _fields(each.get("items", {}), f"{below}[]")


def _spec_row(path: str, schema: Schema, required: bool) -> tuple[str, ...]:  # noqa: FBT001 - a row
    return f"`{path}`", _type(schema), _default(schema, required=required), schema["description"]


def _change_rows(spec: Schema) -> Iterator[tuple[str, str]]:
    """What a change of each field does, for fields that hold a value themselves."""
    for path, schema, _ in _fields(spec, "spec"):
        if "properties" not in schema and "properties" not in schema.get("items", {}):
            yield f"`{path}`", changes.effect(path.removeprefix("spec."))


def _status_row(path: str, schema: Schema, _: bool) -> tuple[str, ...]:  # noqa: FBT001 - a row
    return f"`{path}`", _type(schema), schema["description"]


def _rule_rows(schema: Schema) -> Iterator[tuple[str, str, str]]:
    for rule in rules.RUN:
        yield "`metadata.name`", f"`{rule.name}`", rule.template
    for place, messages in _rules_by_expression(schema["spec"], "spec"):
        for rule in messages:
            at = f"{place}.{rule.field}" if rule.field else place
            yield f"`{at}`", f"`{rule.name}`", rule.template


def _rules_by_expression(schema: Schema, path: str) -> Iterator[tuple[str, list[rules.Rule]]]:
    """The rules of each object below, found by their CEL."""
    expressions = [each["rule"] for each in schema.get(VALIDATIONS, ())]
    found = [rule for rule in rules.ALL if rule.cel in expressions]
    if found:
        yield path, found
    for name, each in schema.get("properties", {}).items():
        yield from _rules_by_expression(each, f"{path}.{name}")
        yield from _rules_by_expression(each.get("items", {}), f"{path}.{name}[]")


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if schema.get(INT_OR_STRING):
        return "amount"
    kind = str(schema["type"])
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    return {"object": "object", "boolean": "true or false"}.get(kind, kind) + _bounds(schema)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None or high is None:
        return ""
    below = "above " if schema.get("exclusiveMinimum") else ""
    return f", {below}{low:,} to {high:,}"


def _default(schema: Schema, *, required: bool) -> str:
    if required:
        return "required"
    if schema.get("default") in (None, {}):
        return ""
    return f"`{json.dumps(schema['default'])}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield _line(head)
    yield _line(tuple("---" for _ in head))
    for row in rows:
        yield _line(row)


def _line(cells: tuple[Any, ...]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
