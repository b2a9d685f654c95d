"""Write docs/reference/summary.md from the fields of ``summary.json``.

    python -m tools.summary_page [--check]

With ``--check`` nothing is written; the exit code is 1 when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from trainingrun.local.summary import Summary

FILE: Final = Path("docs/reference/summary.md")
INTRODUCTION: Final = """# summary.json

`trainingrun local` writes this document into its report folder when it ends, however it ends, and
again when it is started on a run that is complete. Counts are of the whole run, all sessions
together. A value that is not known is null, never 0. This page is generated (`make generate`).

| Field | Type | Meaning |
|---|---|---|
"""
_PREFIX: Final = "#/$defs/"


def page() -> str:
    """The whole page as Markdown."""
    _, parts = msgspec.json.schema_components([Summary], ref_template=_PREFIX + "{name}")
    rows = _rows(parts["Summary"], parts, "")
    return INTRODUCTION + "".join(f"| `{path}` | {kind} | {text} |\n" for path, kind, text in rows)


def _rows(
    schema: dict[str, Any], parts: dict[str, Any], before: str
) -> Iterator[tuple[str, str, str]]:
    for name, field in schema["properties"].items():
        path = before + name
        inner, kind = _kind(field, parts)
        yield path, kind, field.get("description") or _described(inner)
        if inner is not None:
            yield from _rows(inner, parts, f"{path}[]." if "list" in kind else f"{path}.")


def _described(schema: dict[str, Any] | None) -> str:
    text: str = "" if schema is None else schema.get("description", "")
    return text.partition("\n\n")[0].replace("\n", " ")


def _kind(field: dict[str, Any], parts: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The struct that a field holds, if any, and its type in words."""
    if "anyOf" in field:
        found = [_kind(each, parts) for each in field["anyOf"] if each.get("type") != "null"]
        return found[0][0], f"{found[0][1]} or null"
    if "$ref" in field:
        schema = parts[field["$ref"].removeprefix(_PREFIX)]
        if schema.get("type") == "array":  # a struct that is written as a list of its fields
            return None, "list"
        if "enum" in schema:
            return None, "string"
        return schema, "object"
    kind = field.get("type")
    if kind == "array":
        inner, words = _kind(field["items"], parts)
        return inner, f"list of {words}"
    if isinstance(kind, list):
        return None, " or ".join(kind)
    return None, kind or "any"


def main() -> int:
    """Write or compare the page."""
    wanted = page()
    if "--check" not in sys.argv:
        FILE.write_text(wanted)
        print(FILE)
        return 0
    if FILE.is_file() and FILE.read_text() == wanted:
        return 0
    print(f"{FILE} differs from the fields: run `make generate`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
