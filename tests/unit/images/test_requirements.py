"""What an installation of each member brings, as its pyproject.toml declares it.

The import laws say what a member may use; this says what its image is made of.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,-]+)\])?")
_PROJECTS: dict[str, dict[str, Any]] = {
    project["name"]: project
    for file in sorted(ROOT.glob("*/pyproject.toml"))
    if (project := tomllib.loads(file.read_text("utf-8")).get("project"))
}


@pytest.mark.parametrize(
    ("member", "refused"),
    [
        ("trainingrun-actor", {"pydantic", "torch", "kubernetes", "typer"}),
        ("trainingrun-actor", {"numba"}),
        ("trainingrun-search", {"pydantic", "torch", "kubernetes", "typer"}),
        ("trainingrun-trainer", {"pydantic", "kubernetes", "typer", "numba"}),
        ("trainingrun-operator", {"numpy", "torch", "typer", "rich"}),
        ("trainingrun-league", {"pydantic", "torch", "kubernetes", "typer", "numba"}),
        ("trainingrun", {"numpy", "torch", "kopf"}),
    ],
)
def test_a_member_brings_nothing_that_it_does_not_use(member: str, refused: set[str]) -> None:
    """Expect no heavy library of others in the closure of what a member requires."""
    assert not set(_closure(member)) & refused


def test_the_daemon_brings_msgspec_alone() -> None:
    """Expect the smallest image: the protocol, and what it is read with."""
    assert set(_closure("trainingrun-daemon")) == {"trainingrun-protocol", "msgspec"}


def test_the_closure_follows_extras() -> None:
    """Expect numpy where arrays are asked for, and nowhere else in the contracts."""
    assert "numpy" in set(_closure("trainingrun-actor"))
    assert "numpy" not in set(_closure("trainingrun-contracts"))


def test_searches_are_an_extra_of_the_actor() -> None:
    """Expect numba with it, and not without."""
    assert "numba" in set(_closure("trainingrun-actor", frozenset(["search"])))
    assert "numba" not in set(_closure("trainingrun-actor"))


def test_an_actor_of_ppo_imports_no_search() -> None:
    """Expect the command line, which knows every role, to bring neither numba nor the search."""
    program = (
        "import sys, trainingrun_actor.__main__;"
        "print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    imported = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert "'trainingrun_actor'" in imported
    for package in ("numba", "llvmlite", "trainingrun_search"):
        assert f"'{package}'" not in imported


def _closure(member: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """Everything that is required, what our own members require included."""
    project = _PROJECTS[member]
    optional = project.get("optional-dependencies", {})
    required = [*project["dependencies"], *(each for name in extras for each in optional[name])]
    for each in required:
        found = _REQUIREMENT.match(each)
        assert found is not None, each
        name, wanted = found["name"], found["extras"]
        yield name
        if name in _PROJECTS:
            yield from _closure(name, frozenset(wanted.split(",")) if wanted else frozenset())
