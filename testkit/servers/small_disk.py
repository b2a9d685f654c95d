"""A small file system of its own, to be filled up: tmpfs, where this user may mount one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCKS = 1024 * 1024


@contextmanager
def small_file_system(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """The folder as a file system of this size; the test is skipped where that is not allowed."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m"]
    if shutil.which("mount") is None or subprocess.call(["mount", *options, "small", str(folder)]):
        pytest.skip("needs a user who may mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(folder: Path) -> Path:
    """Leave no room in the folder's file system, whatever writes to it too; gives the file to
    remove."""
    filler, blocks = folder / "filler", bytes(_BLOCKS)
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(blocks) > 0:
            pass
    return filler
