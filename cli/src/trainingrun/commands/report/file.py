"""The file that a page is written to: it never destroys another one, and is never half written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainingrun.commands.errors import UserError
from trainingrun.commands.report.page import MARK


def check_target(path: Path) -> None:
    """Refuse a place where a page cannot or should not be written.

    Raises:
        UserError: it is a folder, lies in none, or is a file that is no page of ours.
    """
    if path.is_dir():
        raise UserError(
            f"--output-file {path}: is a folder: give a file, such as {path / 'report.html'}"
        )
    if not path.parent.is_dir():
        raise UserError(
            f"--output-file {path}: there is no folder {path.parent}: make it, or give another"
        )
    try:
        with path.open("rb") as file:
            begins = file.read(len(MARK))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(
            f"--output-file {path}: cannot be read ({error.strerror}): give another"
        ) from error
    if begins and begins != MARK:
        raise UserError(
            f"--output-file {path}: exists and is not a page of trainingrun report: give"
            " another name, or move it away"
        )


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """What goes wrong with the file as the user's error.

    Raises:
        UserError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"--output-file {path}: cannot be written ({error.strerror}): give another place"
        ) from error
