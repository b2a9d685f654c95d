"""Writes the schemas of what our Terraform uses, from published bindings of the providers.

    npm pack @cdktf/provider-aws@21.22.1 && tar -xzf cdktf-provider-aws-21.22.1.tgz
    python provider_schemas.py ../aws package > schemas/aws.json

A provider tells its schema only when it runs, and its registry is not always at hand. The bindings
that were generated from it hold the same: names, types, blocks, and what is required. What they do
not tell is which optional attributes the provider fills in, so all of them count as such, and how
many blocks of a kind there must be. Only the types that the folder uses are written.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_GETTERS = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
}
_COMPLEX = {"StringMap": ["map", "string"], "BooleanMap": ["map", "bool"]}
_ATTRIBUTE = re.compile(
    r"^ +(\w+): \{\n +value: (.+),\n +isBlock: (\w+),\n +type: \"(\w+)\",\n"
    r" +storageClassType: \"(\w+)\",\n",
    re.MULTILINE,
)
_BODY = re.compile(r"function (\w+)ToHclTerraform\(struct\) \{(.*?)\n\}\n", re.DOTALL)
_INTERFACE = re.compile(r"export interface (\w+)[^{]*\{(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"\n    readonly (\w+)(\??): ")


class Binding:
    """The files of one resource or data source; large ones have their structures apart."""

    def __init__(self, folder: Path) -> None:
        self.code = (folder / "index.js").read_text()
        structures = "\n".join(each.read_text() for each in sorted(folder.glob("*/structs*.js")))
        files = [folder / "index.d.ts", *sorted(folder.glob("*/structs*.d.ts"))]
        declarations = "\n".join(each.read_text() for each in files)
        self.bodies = {name: body for name, body in _BODY.findall(structures + self.code)}
        self.config = re.findall(r"interface (\w+) extends cdktf.TerraformMeta", declarations)
        if not self.config:  # a provider's own block has no meta arguments
            self.config = re.findall(r"interface (\w+ProviderConfig) ", declarations)
        self.required: dict[str, set[str]] = {}
        for name, body in _INTERFACE.findall(declarations):
            fields = _FIELD.findall(body)
            self.required[name] = {_snake(field) for field, optional in fields if not optional}

    def block(self) -> Json:
        """The resource's own block: what may be given, and what only the provider tells."""
        start = self.code.rindex("synthesizeHclAttributes() {")
        found = self._of(self.code[start:], self.required[self.config[0]])
        given = {*found["attributes"], *found["block_types"]}
        for name, kind in self._told():
            if name not in given:
                found["attributes"][name] = {"type": kind, "computed": True}
        return found

    def _of(self, body: str, required: set[str]) -> Json:
        attributes, blocks = {}, {}
        for name, value, is_block, kind, stored in _ATTRIBUTE.findall(body):
            if is_block == "true":
                nested = re.findall(r"(\w+)ToHclTerraform", value)[0]
                mode = "single" if kind == "struct" else kind
                interface = nested[0].upper() + nested[1:]
                inner = self._of(self.bodies[nested], self.required.get(interface, set()))
                blocks[name] = {"nesting_mode": mode, "block": inner}
                if name in required and mode != "single":
                    blocks[name]["min_items"] = 1
                if name in required and mode == "single":
                    blocks[name]["required"] = True
                continue
            must = name in required
            attributes[name] = {
                "type": _type(kind, stored),
                **({"required": True} if must else {"optional": True, "computed": True}),
            }
        return {"attributes": attributes, "block_types": blocks}

    def _told(self) -> list[tuple[str, Any]]:
        own = self.code[self.code.rindex("class ") :]
        found: list[tuple[str, Any]] = [
            (name, _GETTERS[getter])
            for getter, name in re.findall(r"this\.(get\w+)\('(\w+)'\)", own)
            if getter in _GETTERS
        ]
        for kind, name in re.findall(r"= new (?:cdktf\.)?(\w+)\(this, \"(\w+)\"", own):
            found.append((name, _COMPLEX.get(kind, "dynamic")))
        return found


def _type(kind: str, stored: str) -> Any:
    if kind == "simple":
        return _SIMPLE[stored]
    match = re.fullmatch(r"(string|number|boolean|any)((?:Map|List)*)", stored)
    if match is None:
        return "dynamic"
    found: Any = _SIMPLE[match[1]]
    parts = re.findall(r"Map|List", match[2])
    for part in parts[:-1]:
        found = ["map" if part == "Map" else "list", found]
    return [kind, found]


def _snake(name: str) -> str:
    return re.sub(r"([A-Z]+)", lambda match: "_" + match[1].lower(), name).lstrip("_")


def used_types(folder: Path) -> tuple[set[str], set[str]]:
    """Resources and data sources that the folder's files name."""
    text = "\n".join(each.read_text() for each in sorted(folder.rglob("*.tf")))
    pairs = re.findall(r'^(resource|data) "(\w+)"', text, re.MULTILINE)
    resources = {name for kind, name in pairs if kind == "resource"}
    return resources, {name for kind, name in pairs if kind == "data"}


def schemas(folder: Path, package: Path) -> Json:
    """The schemas as `terraform providers schema -json` prints them."""
    about = json.loads((package / "package.json").read_text())
    provider = about["cdktf"]["provider"]
    short = about["name"].rpartition("provider-")[2]
    resources, data = used_types(folder)

    def of(names: set[str], prefix: str) -> Json:
        found = {}
        for name in sorted(each for each in names if each.startswith(f"{short}_")):
            words = name.removeprefix(f"{short}_").replace("_", "-")
            lib = package / "lib" / f"{prefix}{words}"
            found[name] = {"version": 0, "block": Binding(lib).block()}
        return found

    return {
        "format_version": "1.0",
        "source": f"{about['name']} {about['version']}",
        "provider_version": provider["version"],
        "provider_schemas": {
            f"registry.terraform.io/hashicorp/{short}": {
                "provider": {"version": 0, "block": Binding(package / "lib" / "provider").block()},
                "resource_schemas": of(resources, ""),
                "data_source_schemas": of(data, f"data-{short}-"),
            }
        },
    }


def main() -> int:
    """Write the schemas to standard output."""
    if len(sys.argv) != 3 or not (Path(sys.argv[2]) / "package.json").exists():
        print("usage: provider_schemas.py FOLDER_OF_TF UNPACKED_PACKAGE", file=sys.stderr)
        return 2
    found = schemas(Path(sys.argv[1]), Path(sys.argv[2]))
    print(_with_lines(found))
    return 0


def _with_lines(found: Json) -> str:
    """Compact JSON with a line for each resource and data source, so that a diff shows which."""
    text = json.dumps(found, separators=(",", ":"), sort_keys=True)
    return re.sub(r'("\w+":\{"block":\{"attributes":)', r"\n\1", text)


if __name__ == "__main__":
    sys.exit(main())
