"""The log of a member."""

from __future__ import annotations

from pathlib import Path

from trainingrun.local.logs import LogFile


def test_last_line_of_the_present_life(tmp_path: Path) -> None:
    """Expect the last line that is not empty, and nothing of an earlier life."""
    log = LogFile(tmp_path / "a.log")
    log.begin("a starts")
    log.write(b"first\nsec")
    log.write(b"ond\n\n")
    assert log.last_line == "second"
    log.begin("a starts")
    assert log.last_line == ""
    assert (tmp_path / "a.log").read_bytes().count(b"--- a starts\n") == 2


def test_bounded(tmp_path: Path) -> None:
    """Expect two files at most, each about as large as the limit."""
    log = LogFile(tmp_path / "a.log", limit=1000)
    for _ in range(500):
        log.write(b"x" * 99 + b"\n")
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) <= {"a.log", "a.log.1"}
    assert max(sizes.values()) <= 1100


def test_a_folder_that_is_gone_costs_only_the_log(tmp_path: Path) -> None:
    """Expect no error, and still the last line."""
    log = LogFile(tmp_path / "gone" / "a.log")
    log.write(b"still here\n")
    assert log.last_line == "still here"
