"""Print constraints.txt: the installed versions of everything that the workspace needs."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = (
    "trainingrun-daemon",
    "trainingrun-actor",
    "trainingrun-trainer",
    "trainingrun-operator[local]",
)
HEADER = """\
# One tested set of versions for every member, test and tool. Made from a working environment
# (`make lock`); it names no index, so it works behind any mirror.
"""


def closure(requirements: list[str]) -> dict[str, str]:
    """Name -> installed version of these requirements and all that they require."""
    versions: dict[str, str] = {}
    waiting = [Requirement(text) for text in requirements]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in done:
            continue
        done.add(key)
        distribution = importlib.metadata.distribution(key[0])
        versions[key[0]] = distribution.version
        waiting += needed(distribution.requires or [], key[1] or frozenset({""}))
    return versions


def needed(requirements: list[str], extras: frozenset[str]) -> list[Requirement]:
    """Those requirements whose markers hold here."""
    parsed = [Requirement(text) for text in requirements]
    return [
        each
        for each in parsed
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


if __name__ == "__main__":
    tools = (Path(__file__).parent / "requirements.txt").read_text().split()
    versions = closure([*ROOTS, *tools])
    ours = {name for name in versions if name.startswith("trainingrun-")}
    lines = [f"{name}=={versions[name]}" for name in sorted(set(versions) - ours)]
    print(HEADER + "\n".join(lines))
