"""JSON Schemas of an API server's own kinds, for kubeconform, which would else download them.

The server's OpenAPI document holds a definition of each kind. Each becomes a file of its own with
the definitions that it needs; objects are closed, as a strict validation wants them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from testkit.control_plane.api_connections import Request
from testkit.control_plane.plane import ControlPlane

LOCATION = "{{.ResourceKind}}{{.KindSuffix}}.json"
_PREFIX = "#/definitions/"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def write_schemas(plane: ControlPlane, folder: Path, kinds: set[tuple[str, str]]) -> str:
    """Write a schema for each ``(apiVersion, kind)``; returns kubeconform's schema location.

    Raises:
        BedError: the server does not serve a kind.
    """
    # The document is put together some time after a definition is served.
    plane.wait_until(lambda: kinds <= _names(_served(plane)).keys(), "the kinds are documented")
    served = _served(plane)
    names = _names(served)
    definitions = {name: _closed(name, each) for name, each in served.items()}
    for api_version, kind in sorted(kinds):
        needed = _needed(names[api_version, kind], definitions)
        schema = {
            "$ref": _PREFIX + names[api_version, kind],
            "definitions": {name: definitions[name] for name in needed},
        }
        group, _, version = api_version.rpartition("/")
        parts = [kind.lower(), *([group.partition(".")[0]] if group else []), version]
        (folder / f"{'-'.join(parts)}.json").write_text(json.dumps(schema))
    return str(folder / LOCATION)


def _served(plane: ControlPlane) -> dict[str, Any]:
    document = plane.api.ask(Request("GET", "/openapi/v2"))
    definitions: dict[str, Any] = document["definitions"]
    return definitions


def _names(served: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (f"{kind['group']}/{kind['version']}".lstrip("/"), kind["kind"]): name
        for name, each in served.items()
        for kind in each.get("x-kubernetes-group-version-kind", ())
    }


def _needed(name: str, definitions: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_PREFIX)
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _references(each)


def _closed(name: str, node: Any) -> Any:
    """The schema as a validator should take it: objects closed, numbers where texts may be ones."""
    if isinstance(node, list):
        return [_closed("", each) for each in node]
    if not isinstance(node, dict):
        return node
    if name == _QUANTITY:
        return {"type": ["string", "number"]}
    if node.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    closed = {key: _closed("", value) for key, value in node.items()}
    is_open = "additionalProperties" in node or node.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(node.get("properties"), dict) and "type" in node and not is_open:
        closed["additionalProperties"] = False
    return closed
