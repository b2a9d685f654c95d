"""What is refused of a change to the league's protocol buffers."""

import shutil
from pathlib import Path

import pytest

from tools import league_protocol

ROOT = Path(__file__).parents[3]
COMMON = "trainingrun/league/v1/common.proto"


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy of what is served, with its image."""
    return Path(shutil.copytree(ROOT / league_protocol.PROTOS, tmp_path / "proto"))


def change(protos: Path, before: str, after: str) -> None:
    """Change the messages that all services share."""
    text = (protos / COMMON).read_text()
    assert before in text
    (protos / COMMON).write_text(text.replace(before, after))


def checked(protos: Path, *arguments: str) -> int:
    """Return the exit code."""
    return league_protocol.main(arguments, protos=protos, image=protos / "v1.txtpb")


def test_what_is_served_is_held_and_lint_is_clean(protos: Path) -> None:
    """Expect the committed files to pass."""
    assert checked(protos, "--check") == 0


def test_a_changed_type_is_refused_and_the_image_is_kept(protos: Path) -> None:
    """Expect neither the check nor the renewal to let a break through."""
    image = (protos / "v1.txtpb").read_bytes()
    change(protos, "uint64 draws = 2;", "string draws = 2;")
    assert checked(protos, "--check") == 1
    assert checked(protos) == 1
    assert (protos / "v1.txtpb").read_bytes() == image


def test_an_added_field_passes_and_is_held_once_the_image_is_renewed(protos: Path) -> None:
    """Expect its removal to be a break afterwards."""
    added = "uint64 losses = 3;\n  uint64 aborted = 4;"
    change(protos, "uint64 losses = 3;", added)
    assert checked(protos, "--check") == 0
    assert checked(protos) == 0
    change(protos, added, "uint64 losses = 3;")
    assert checked(protos, "--check") == 1


def test_a_name_that_is_not_of_the_style_is_refused(protos: Path) -> None:
    """Expect buf's lint to be asked."""
    change(protos, "message Score {", "message score_of_games {")
    assert checked(protos, "--check") == 1
