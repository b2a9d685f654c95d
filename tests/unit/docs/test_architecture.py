"""ARCHITECTURE.md names what is there: modules, files, and every folder of the repository."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
MEMBERS = (
    "protocol",
    "api",
    "contracts",
    "reconciler",
    "operator",
    "environments",
    "daemon",
    "actor",
    "search",
    "trainer",
)
_CODE = re.compile(r"`([^`\n]+)`")
_MODULE = re.compile(r"(\w+)((?:\.[a-z_]+)+)")


def test_every_module_that_is_named_is_there() -> None:
    """Expect ``actor.sink`` and the like to be files or packages of their member."""
    named = [found for code in _CODE.findall(TEXT) if (found := _MODULE.fullmatch(code))]
    paths = {found[0]: _path(found[1], found[2]) for found in named if _is_ours(found[1])}
    assert len(paths) > 15
    assert [name for name, path in paths.items() if not _is_module(path)] == []


def test_every_file_that_is_named_is_there() -> None:
    """Expect the tests that hold a law, which stand in brackets, and the folders of the map."""
    named = {code for code in _CODE.findall(TEXT) if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", code)}
    ours = {name for name in named if (ROOT / name.split("/")[0]).exists()}
    assert len(ours) > 6
    assert sorted(name for name in ours if not _is_there(name)) == []


def test_the_map_has_every_folder() -> None:
    """Expect a line for each folder at the top, so that a new one is explained."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.split("/")[0] for path in listed if "/" in path and not path.startswith(".")}
    assert sorted(folder for folder in folders if f"`{folder}/`" not in TEXT) == []


def _is_ours(name: str) -> bool:
    return name in {*MEMBERS, "trainingrun"}


def _path(member: str, rest: str) -> Path:
    folder = (
        "cli/src/trainingrun" if member == "trainingrun" else f"{member}/src/trainingrun_{member}"
    )
    return ROOT / folder / rest.lstrip(".").replace(".", "/")


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()


def _is_there(name: str) -> bool:
    """Return whether a path is there, with its ending or, as of a record, without."""
    return (ROOT / name).exists() or any((ROOT / name).parent.glob(f"{Path(name).name}-*.md"))
