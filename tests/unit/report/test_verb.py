"""The verb: what it writes, where, and what it refuses; and the page that follows a local run."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from trainingrun.commands.report.following import Following
from trainingrun.commands.report.live import live_page, write_last_page
from trainingrun.sdk import LocalPlace

from testkit.pages.sample_report import AT, STATUS, make_run, write_folder
from testkit.waiting import until
from testkit.warm_program import warm_programs


def said(folder: Path, *words: str, code: int = 0) -> str:
    """What the verb prints; its errors where one is expected."""
    environment = {**os.environ, "KUBECONFIG": str(folder / "no-kubeconfig")}
    programs = warm_programs("trainingrun")
    done = programs.run(["trainingrun", "report", *words], cwd=folder, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which a run has been."""
    write_folder(make_run(**STATUS), tmp_path / ".trainingrun")
    return tmp_path


def test_a_page_is_written_and_written_again(folder: Path) -> None:
    """Expect it under the run's name, with what the run left, and again over itself."""
    assert said(folder, "small").startswith("small-report.html (")
    content = (folder / "small-report.html").read_text()
    for part in ("not running", "policy loss", "1000 games are to be played", "120 ±20"):
        assert part in content
    said(folder, "small", "--output-file", "other.html", "--state", ".trainingrun")
    said(folder, "small", "--output-file", "other.html", "--state", ".trainingrun")
    assert not list(folder.glob(".*.new"))


def test_a_run_that_nobody_looks_after_is_followed_to_its_end(folder: Path) -> None:
    """Expect --follow to end by itself, with a page that stays still."""
    assert "the page stays as it is" in said(folder, "small", "--follow")
    assert "data-every" not in (folder / "small-report.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["other"], "no cluster is configured|found: small"),
        (["small", "--output-file", "run.yaml"], "exists and is not a page of trainingrun report"),
        (["small", "--output-file", "."], "is a folder: give a file"),
        (["small", "--output-file", "nowhere/a.html"], "there is no folder nowhere: make it"),
        (["small", "--output-file", "/dev/full"], "/dev/full: cannot be|/dev/full: exists"),
        (["small", "--state", "x", "-n", "y"], "leave it or the cluster's options out"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    folder: Path, words: list[str], sentence: str
) -> None:
    """Expect exit code 2, the place and the remedy, and no file to be lost."""
    (folder / "run.yaml").write_text("spec: {}\n")
    found = said(folder, *words, code=2)
    assert any(part in found for part in sentence.split("|")), found
    assert (folder / "run.yaml").read_text() == "spec: {}\n"


def test_damaged_files_of_a_run_are_no_obstacle(folder: Path) -> None:
    """Expect lines that were cut to be left out, and a status that is no status to be reported."""
    samples = folder / ".trainingrun" / "small" / "samples.jsonl"
    samples.write_bytes(samples.read_bytes() + b'{"type":"sample","at":1')
    events = folder / ".trainingrun" / "small" / "events.jsonl"
    events.write_bytes(b"\xff\xfe nonsense\n" + events.read_bytes())
    said(folder, "small")
    (folder / ".trainingrun" / "small" / "status.json").write_text("[]")
    assert "status.json cannot be read" in said(folder, "small", code=2)


def test_the_page_beside_a_local_run(folder: Path) -> None:
    """Expect it to be written while the run continues, and the last one to stay still."""
    file = folder / "report.html"
    place = LocalPlace(folder / ".trainingrun")
    troubles: list[str] = []

    async def run() -> bytes:
        async with live_page(place, Following("small", file), on_problem=troubles.append):
            await asyncio.to_thread(until, file.exists, seconds=20, what="a page")
            return file.read_bytes()

    assert b'data-every="5"' in asyncio.run(run())
    assert troubles == []
    complete = {"type": "Complete", "status": "True", "reason": "Completed", "message": "done"}
    over = make_run(**STATUS, conditions=[{**complete, "lastTransitionTime": AT}])
    document = over.model_dump_json(by_alias=True, exclude_none=True)
    (folder / ".trainingrun" / "small" / "status.json").write_text(document)
    write_last_page(place, "small", file)
    assert b"data-every" not in file.read_bytes()
    assert b">complete<" in file.read_bytes()


def test_a_page_that_cannot_be_written_ends_no_run(folder: Path) -> None:
    """Expect it to be reported once, and the run to continue to its end."""
    troubles: list[str] = []
    place = LocalPlace(folder / ".trainingrun")
    nowhere = Following("small", folder / "gone" / "report.html", every=0.0)

    async def run() -> str:
        async with live_page(place, nowhere, on_problem=troubles.append):
            await asyncio.to_thread(until, lambda: troubles, seconds=20, what="a word of trouble")
            return "the run's end"

    assert asyncio.run(run()) == "the run's end"
    assert "the run continues" in troubles[0]
    assert len(troubles) == 1
