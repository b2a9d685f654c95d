"""The commands of the quick start and the guides do what these pages say.

One folder that holds what a fresh checkout holds, and nothing else; the quick start comes first, as
for a reader, and the guides find what it left.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.pages.guide_blocks import Step, missing, pages, steps
from testkit.tree import ROOT

BIN = Path(sys.executable).parent
# What the pages name of a checkout. Nothing of it is written to.
CHECKOUT = ("examples", "decks", "charts", "docs", "crds", "deploy")
QUICK_START, *_OTHERS = pages()
# The other guides say of each block why it is not run: tests/unit/docs sees to that.
GUIDES = [page for page in _OTHERS if steps(page.read_text("utf-8"))]


def run(step: Step, folder: Path, page: str) -> None:
    """Run a block as a reader would, and compare what it shows."""
    done = subprocess.run(
        ["bash", "-e", "-u", "-o", "pipefail", "-c", step.commands],
        cwd=folder,
        env={**environment(), "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    where = f"{page}:{step.line}\n{step.commands}\n{done.stdout}"
    assert done.returncode == step.code, where
    assert missing(step.shows, done.stdout) is None, where


def environment() -> dict[str, str]:
    """The programs of the environment on PATH, no cluster, and wide lines."""
    return {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "160",
        "LC_ALL": "C.UTF-8",
        "KUBECONFIG": os.devnull,
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the quick start was followed."""
    folder = tmp_path_factory.mktemp("reader")
    for name in CHECKOUT:
        (folder / name).symlink_to(ROOT / name)
    for step in steps(QUICK_START.read_text("utf-8")):
        run(step, folder, QUICK_START.name)
    return folder


def test_the_quick_start_leads_to_a_trained_run(checkout: Path) -> None:
    """Every command of it was run, and its run is there."""
    assert (checkout / ".trainingrun/quickstart/status.json").is_file()
    assert (checkout / "report/summary.json").is_file()


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_the_commands_of_the_guide_do_what_it_says(page: Path, checkout: Path) -> None:
    """In their order, after the quick start."""
    for step in steps(page.read_text("utf-8")):
        run(step, checkout, page.name)
