"""A package with parts of a run, as a user would install one: modules beside their entry points.

No installer is needed: a folder with ``NAME.dist-info/entry_points.txt`` on the path is what one
leaves behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Parts = Mapping[str, Mapping[str, str]]
"""By group: what the names of parts stand for, as ``module:Class``."""


def write_package(
    folder: Path, parts: Parts, sources: Mapping[str, str], name: str = "own"
) -> None:
    """Write modules (by their names) into a folder, and what an installer would say of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, source in sources.items():
        (folder / f"{module}.py").write_text(source, "utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    lines = [
        line
        for group, named in parts.items()
        for line in (f"[{group}]", *(f"{part} = {value}" for part, value in named.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
