"""The page docs/reference/chart.md, made from values.yaml and its comments.

A value is described by the comment right above it; every value needs one, and a group may have one.
The schema says what a group is: an object with properties of its own. PyYAML drops comments, so the
lines are read here, which the plain form of our file allows: two spaces, no multi-line values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

INTRODUCTION: Final = """# Values of the chart

This page is generated from `charts/trainingrun/values.yaml` (`make generate`). The schema beside it
refuses values that do not exist. How to install, upgrade, roll back and uninstall:
[installing.md](../guides/installing.md).

| Value | Default | Meaning |
|---|---|---|
"""
_KEY: Final = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):(?: |$)")


def page(chart: Path) -> str:
    """The whole page as Markdown.

    Raises:
        ValueError: a value has no comment.
    """
    text = (chart / "values.yaml").read_text()
    schema = json.loads((chart / "values.schema.json").read_text())
    comments = _comments(text)
    rows = (
        f"| `{path}` | `{json.dumps(value)}` | {_described(path, comments)} |"
        for path, value in _leaves(yaml.safe_load(text), schema)
    )
    return INTRODUCTION + "\n".join(rows) + "\n"


def _leaves(values: Any, schema: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path, described = f"{above}{key}", schema["properties"][key]
        if "properties" in described:
            yield from _leaves(value, described, f"{path}.")
        else:
            yield path, value


def _described(path: str, comments: Mapping[str, str]) -> str:
    if path not in comments:
        raise ValueError(f"values.yaml: {path} has no comment above it")
    return comments[path].replace("|", "\\|")


def _comments(text: str) -> Mapping[str, str]:
    """The comment of each key that has one, by its path."""
    found: dict[str, str] = {}
    keys: list[str] = []
    said: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            said.append(line.lstrip("# ").strip())
            continue
        match = _KEY.match(line)
        if match is not None:
            keys[len(match["indent"]) // 2 :] = [match["key"]]
            if said:
                found[".".join(keys)] = " ".join(said)
        said = []
    return found
