"""Holds Terraform files against the schemas of their providers, without Terraform and a provider.

    python configuration.py          # says what is wrong in ../aws, ../gcp, ../azure; exit code 1

Looked at: that each resource, data source, block and attribute is known, that what is required is
there, and that what only the provider tells is not given. Types and references are Terraform's own
work: `./validate.sh` has it do that, where it and Go are installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

HERE = Path(__file__).resolve().parent
FOLDERS = ("aws", "gcp", "azure")
_META = {"count", "for_each", "depends_on", "lifecycle", "provider"}
_MARKS = "__is_block__"


@dataclass(frozen=True)
class Part:
    """One resource or data source of a file."""

    file: Path
    kind: str
    type: str
    name: str
    body: dict[str, Any]

    @property
    def address(self) -> str:
        """As Terraform would call it, behind its file."""
        front = "data." if self.kind == "data" else ""
        return f"{self.file.parent.name}/{self.file.name}: {front}{self.type}.{self.name}"


@cache  # a second parse of everything would take seconds
def parsed(file: Path) -> dict[str, Any]:
    """The file's blocks."""
    with file.open() as text:
        found: dict[str, Any] = hcl2.load(text)
    return found


def parts(folder: Path) -> Iterator[Part]:
    """All resources and data sources of a folder and those below."""
    for file in sorted(folder.rglob("*.tf")):
        document = parsed(file)
        for kind in ("resource", "data"):
            for entry in document.get(kind, []):
                for type_, named in entry.items():
                    for name, body in named.items():
                        yield Part(file, kind, type_, name, body)


def schemas(folder: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(kind, type) -> block, of all providers that the folder uses."""
    found = {}
    for name in (folder, "random"):
        document = json.loads((HERE / "schemas" / f"{name}.json").read_text())
        for provider in document["provider_schemas"].values():
            for kind, key in (("resource", "resource_schemas"), ("data", "data_source_schemas")):
                for type_, each in provider[key].items():
                    found[kind, type_] = each["block"]
    return found


def wrong_in(folder: str) -> list[str]:
    """What does not fit in one of FOLDERS, as sentences."""
    known = schemas(folder)
    found: list[str] = []
    for part in parts(HERE.parent / folder):
        block = known.get((part.kind, part.type))
        if block is None:
            found.append(f"{part.address}: no schema is kept of it: run provider_schemas.py again")
            continue
        body = {key: value for key, value in part.body.items() if key not in _META}
        found += [f"{part.address}: {each}" for each in _wrong(body, block, "")]
    return found


def _wrong(body: dict[str, Any], block: dict[str, Any], path: str) -> Iterator[str]:
    attributes, blocks = block["attributes"], block["block_types"]
    given = _with_dynamic(body)
    for name, value in given.items():
        if name in blocks:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    yield from _wrong(each, blocks[name]["block"], f"{path}{name}.")
        elif name not in attributes:
            yield f"{path}{name} is not known"
        elif attributes[name].get("computed") and not attributes[name].get("optional"):
            yield f"{path}{name} cannot be given: the provider tells it"
    required = {name for name, each in attributes.items() if each.get("required")}
    required |= {name for name, each in blocks.items() if each.get("min_items")}
    for name in sorted(required - set(given)):
        yield f"{path}{name} is missing"


def _with_dynamic(body: dict[str, Any]) -> dict[str, Any]:
    """The body with each ``dynamic`` block in the place of the blocks that it makes."""
    given = {key: value for key, value in body.items() if key not in ("dynamic", _MARKS)}
    for entry in body.get("dynamic", []):
        for name, each in entry.items():
            given.setdefault(name, []).extend(each["content"])
    return given


def main() -> int:
    """Tell what is wrong."""
    found = [each for folder in FOLDERS for each in wrong_in(folder)]
    print("\n".join(found) or "every block fits the schemas", file=sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
