"""Small file systems of their own, to be filled up, where this user may mount some.

A tmpfs refuses the write that finds no room. A thin disk takes every write into memory and fails
when it is asked to keep it (fsync): so do disks that break, and volumes that are sold larger than
they are.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_BLOCKS = 1024 * 1024
_THIN_MEGABYTES = 256


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


@dataclass(frozen=True)
class ThinDisk:
    """An ext4 without journal, on a sparse image in a small file system.

    Attributes:
        folder: of the file system.
        backing: of the image; fill it up, and what is written to ``folder`` cannot be kept.
    """

    folder: Path
    backing: Path

    @property
    def image(self) -> Path:
        """The disk's blocks."""
        return self.backing / "image"

    def mount_anew(self) -> None:
        """Forget what is in memory alone; nobody may have a file open there."""
        subprocess.run(["umount", str(self.folder)], check=True)
        self.mount()

    def mount(self) -> None:
        """Mount it."""
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.folder)], check=True)


@contextmanager
def thin_disk(root: Path, *, megabytes: int) -> Iterator[ThinDisk]:
    """A disk that keeps less than it takes; the test is skipped where that is not allowed."""
    root.mkdir()
    with small_file_system(root / "backing", megabytes=megabytes) as backing:
        disk = ThinDisk(root / "disk", backing)
        disk.folder.mkdir()
        with disk.image.open("wb") as image:
            image.truncate(_THIN_MEGABYTES * _BLOCKS)
        made = ["mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", str(disk.image)]
        try:
            subprocess.run(made, check=True)
            disk.mount()
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("needs mkfs.ext4, and a user who may mount images")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", str(disk.folder)], check=True)
