"""A table's folder goes whole or not at all, wherever a kill comes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from trainingrun_league.errors import InvalidRequest, Reused
from trainingrun_league.replay.drops import LONGEST_KEY, MOST_DROPS, Drop, Drops

FILES = ("settings.json", "life.json", "1.journal", "2.journal")
_KILLED = """
import json, os, sys
from pathlib import Path
from trainingrun_league.replay.drops import Drop, Drops

files, root = sys.argv[1].split(","), Path(sys.argv[2])
steps = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.listdir", "os.scandir"}
found, number = [], 0
while True:
    folder = root / str(number)
    table = folder / "tables" / "t"
    table.mkdir(parents=True)
    for name in files:
        (table / name).write_text(name)
    child = os.fork()
    if child == 0:
        drops, left = Drops(folder), [number]
        def step(event, arguments):
            place = arguments[0] if event in steps else ""
            if isinstance(place, int) or str(folder) in str(place):
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
        sys.addaudithook(step)
        drops.carry_out(Drop("key", b"request", "id", b"answer"), table, "id")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    there = sorted(each.name for each in table.iterdir()) if table.is_dir() else []
    drops = Drops(folder)
    drop = drops.find("key", b"request")
    left = [str(each) for each in (folder / "dropped").glob("*")]
    found.append([os.waitstatus_to_exitcode(status), there, drop is not None, left])
    if status == 0:
        break
    number += 1
print(json.dumps(found))
"""


def test_a_kill_at_any_step_leaves_the_table_whole_or_gone(tmp_path: Path) -> None:
    """Expect all files or none at every step; one that is gone was written down before, and the
    next start leaves nothing of it."""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, ",".join(FILES), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert len(found) > 8, "it was interrupted at too few steps"
    for _, there, _, left in found:
        assert there in ([], sorted(FILES))
        assert not left
    assert all(is_known for _, there, is_known, _ in found if not there)
    kinds = {(code, bool(there), is_known) for code, there, is_known, _ in found}
    assert kinds == {(9, True, False), (9, True, True), (9, False, True), (0, False, True)}


def test_keys_are_remembered_and_bounded(tmp_path: Path) -> None:
    """The same key with another request is refused; of too many the oldest are forgotten."""
    drops = Drops(tmp_path)
    for number in range(MOST_DROPS + 1):
        if number in (0, 1, MOST_DROPS):
            table = tmp_path / "tables" / f"t{number}"
            table.mkdir(parents=True)
            drops.carry_out(Drop(f"k{number}", b"r", "id", b"a"), table, "id")
    again = Drops(tmp_path)
    known = again.find("k1", b"r")
    assert known is not None
    assert known.answer == b"a"
    with pytest.raises(Reused):
        again.find("k1", b"other")


@pytest.mark.parametrize("key", ["", "x" * (LONGEST_KEY + 1), "a\n"])
def test_a_key_is_needed(tmp_path: Path, key: str) -> None:
    """Expect a sentence that says what one is."""
    with pytest.raises(InvalidRequest, match="idempotency_key: give one"):
        Drops(tmp_path).find(key, b"")
