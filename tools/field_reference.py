"""The reference page, made from the same schema as the CRD.

Each object is a section and each field a heading of its own, so that every field can be linked
to and is found by a search for its name; a table of all fields could do neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from trainingrun_api import changes, league_rules, rules
from trainingrun_api.crd import INT_OR_STRING, VALIDATIONS, Schema, root_schema
from trainingrun_api.resource import Resource, ResourceDefinition
from trainingrun_api.run import DEFINITION

Effect = Callable[[str], str]
"""What a change of a field does, by its path below the spec."""
INTRODUCTION: Final = f"""# TrainingRun

`apiVersion: {DEFINITION.api_version}`, `kind: {DEFINITION.kind}`, namespaced, short name `tr`.

This page is generated from the models (`make generate`). The API server fills the defaults in and
refuses unknown fields; `trainingrun local` reads the same documents with the same rules.

Below each field stand its type, its default, and what [a change](#changes) of it does to a run that
exists.
"""

CHANGES: Final = """Any field may be changed while a run exists, except those below. A change acts:

- *at once*: the operator follows it at its next look, and no member is replaced.
- *rolls* roles: their members are replaced, a part at a time. A daemon or an actor that is told to
  end begins no more games and finishes those that it has, a daemon at most for
  `daemon.drainTimeoutSeconds`. A Forge build cannot do this itself: its daemons get
  no more games first, and are replaced together when those that run have ended.
- *restarts the learner from a fresh checkpoint*: it is told to end, saves, and a new one goes on
  from there. Daemons and actors stay, and play on with the weights that they have.
- *cannot change*: the API server refuses it.

A change that says nothing new (the same value) does nothing.
"""


def page() -> str:
    """The whole page as Markdown."""
    schema = root_schema(DEFINITION)["properties"]
    parts = [
        INTRODUCTION,
        "## Spec\n",
        *_tree(schema["spec"], "spec"),
        *_sections(schema["spec"], "spec", changes.effect),
        "\n## Changes\n",
        CHANGES,
        "\n## Fields that cannot change\n",
        *_table(
            ("Field", "Message"),
            ((f"`spec.{rule.field}`", rule.message) for rule in rules.IMMUTABLE),
        ),
        "\n## Rules between fields\n",
        "A document that breaks one of these is refused with the message.\n",
        *_table(("At", "Rule", "Message"), _rule_rows(schema, rules.RUN, rules.ALL)),
        *_end(schema),
    ]
    return "\n".join(parts) + "\n"


def kind_page(of: ResourceDefinition[Resource]) -> str:
    """The page of another kind: all of its fields act at once, but those that cannot change."""
    schema = root_schema(of)["properties"]
    known = (*league_rules.ALL, *rules.ALL)
    of_name = of.model.rules
    parts = [
        f"# {of.kind}\n",
        f"`apiVersion: {of.api_version}`, `kind: {of.kind}`, namespaced, short name"
        f" `{of.short_names[0]}`.\n",
        "This page is generated from the models (`make generate`). The API server fills the"
        " defaults in and\nrefuses unknown fields.\n",
        "## Spec\n",
        *_tree(schema["spec"], "spec"),
        *_sections(schema["spec"], "spec"),
        "\n## Fields that cannot change\n",
        *_table(
            ("Field", "Message"),
            ((f"`spec.{rule.field}`", rule.message) for rule in of.immutable),
        ),
        "\n## Rules between fields\n",
        "A document that breaks one of these is refused with the message.\n",
        *_table(("At", "Rule", "Message"), _rule_rows(schema, of_name, known)),
        *_end(schema),
    ]
    return "\n".join(parts) + "\n"


def _end(schema: Schema) -> Iterator[str]:
    yield "\n## Status\n"
    yield from _tree(schema["status"], "status")
    yield from _sections(schema["status"], "status")
    yield "\n## Conditions and events\n"
    yield "Their words have a page of their own: [conditions and events](events.md)."


def anchor(path: str) -> str:
    """The anchor of a field's heading, as Markdown makes it from the path."""
    return path.lower().replace(".", "").replace("[]", "")


def _inner(schema: Schema) -> Schema:
    """The object that a field holds, by itself or as a list of them."""
    return schema if "properties" in schema else schema.get("items", {})


def _path(schema: Schema, path: str) -> str:
    """The path of what lies below a field."""
    return path if "properties" in schema else f"{path}[]"


def _objects(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """A field that holds others, then those below it that do, depth first."""
    yield path, schema
    for name, each in _inner(schema).get("properties", {}).items():
        if "properties" in _inner(each):
            yield from _objects(each, f"{_path(schema, path)}.{name}")


def _tree(schema: Schema, root: str) -> Iterator[str]:
    """The objects as nested links, each with its fields that hold a value themselves."""
    for path, each in _objects(schema, root):
        values = [
            f"[{name}](#{anchor(f'{path}.{name}')})"
            for name, field in _inner(each).get("properties", {}).items()
            if "properties" not in _inner(field)
        ]
        indent = "    " * path.count(".")
        told = f": {', '.join(values)}" if values else ""
        yield f"{indent}- [**{path.rpartition('.')[2]}**](#{anchor(path)}){told}"
    yield ""


def _sections(schema: Schema, root: str, effect: Effect | None = None) -> Iterator[str]:
    """A section for each object, with a heading for each of its values."""
    for path, each in _objects(schema, root):
        if path != root:
            yield f"\n### {_path(each, path)}\n"
        yield each["description"]
        inner, below = _inner(each), _path(each, path)
        for name, field in inner.get("properties", {}).items():
            if "properties" not in _inner(field):
                required = name in inner.get("required", ())
                at = f"{below}.{name}"
                facts = [_type(field), _default(field, required=required)]
                if effect is not None:
                    facts.append(f"a change: {effect(at.removeprefix('spec.'))}")
                yield from _value(at, field, facts)


def _value(path: str, schema: Schema, facts: Iterable[str]) -> Iterator[str]:
    """The heading of a field that holds a value itself, and what is known of it."""
    yield f"\n#### {path}\n"
    yield f"*{' · '.join(each for each in facts if each)}*\n"
    yield schema["description"]


def _rule_rows(
    schema: Schema, of_name: Iterable[rules.Rule], known: Iterable[rules.Rule]
) -> Iterator[tuple[str, str, str]]:
    for rule in of_name:
        yield "`metadata.name`", f"`{rule.name}`", rule.template
    for place, messages in _rules_by_expression(schema["spec"], "spec", tuple(known)):
        for rule in messages:
            at = f"{place}.{rule.field}" if rule.field else place
            yield f"`{at}`", f"`{rule.name}`", rule.template


def _rules_by_expression(
    schema: Schema, path: str, known: tuple[rules.Rule, ...]
) -> Iterator[tuple[str, list[rules.Rule]]]:
    """The rules of each object below, found by their CEL."""
    expressions = [each["rule"] for each in schema.get(VALIDATIONS, ())]
    found = [rule for rule in known if rule.cel in expressions]
    if found:
        yield path, found
    for name, each in schema.get("properties", {}).items():
        yield from _rules_by_expression(each, f"{path}.{name}", known)
        yield from _rules_by_expression(each.get("items", {}), f"{path}.{name}[]", known)


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
    step = f", multiples of {schema['multipleOf']}" if "multipleOf" in schema else ""
    return f", {below}{low:,} to {high:,}{step}"


def _default(schema: Schema, *, required: bool) -> str:
    if required:
        return "required"
    if schema.get("default") in (None, {}):
        return ""
    return f"default `{json.dumps(schema['default'])}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield _line(head)
    yield _line(tuple("---" for _ in head))
    for row in rows:
        yield _line(row)


def _line(cells: tuple[Any, ...]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
