"""The vectors that come with the package."""

from __future__ import annotations

from importlib import resources
from typing import Final

from trainingrun_protocol.conformance.script import Vector, read_vectors

FOLDER: Final = "vectors"


def shipped_vectors() -> tuple[Vector, ...]:
    """Give all vectors, by file and then in the order of the file; names are unique."""
    folder = resources.files(__package__) / FOLDER
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".txt")),
        key=lambda file: file.name,
    )
    return tuple(
        vector
        for file in files
        for vector in read_vectors(file.read_text("utf-8"), source=f"{file.name}")
    )
