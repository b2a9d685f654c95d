"""The daemon's package brings the decks along, so that a run needs no checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def wheel(source: Path, folder: Path) -> set[str]:
    """Build the package and name what its wheel puts into the environment's share folder."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--disable-pip-version-check", "--wheel-dir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    return {name.partition(".data/data/")[2] for name in names if ".data/data/" in name}


def copied(folder: Path) -> Path:
    """The package's sources elsewhere, the link to the decks followed."""
    kept = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    return Path(shutil.copytree(ROOT / "daemon", folder / "daemon", ignore=kept))


def test_every_deck_is_installed(tmp_path: Path) -> None:
    """Expect share/trainingrun/decks, where runs look last, to hold what decks/ holds."""
    decks = {str(each.relative_to(ROOT)) for each in (ROOT / "decks").rglob("*.dck")}
    assert decks
    installed = wheel(copied(tmp_path), tmp_path / "wheel")
    assert installed == {f"share/trainingrun/{each}" for each in decks}


def test_without_the_decks_it_still_builds(tmp_path: Path) -> None:
    """Expect the link to nowhere of an image's build stage, which copies decks by itself, to do."""
    source = copied(tmp_path)
    shutil.rmtree(source / "decks")
    (source / "decks").symlink_to("../decks")
    assert wheel(source, tmp_path / "wheel") == set()
