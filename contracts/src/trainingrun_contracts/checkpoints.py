"""Checkpoints as people's tools read them: the lines of ``trainingrun checkpoint``.

The trainer reads checkpoints (it has the formats and the client of S3) and prints one of these
documents as JSON; the command line shows it. What is inside a checkpoint is not here.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

POLICY_FILE: Final = "policy.safetensors"
"""Of a checkpoint of AlphaZero: the network as it is published (``board_network``), for who plays;
the file that a learner resumes from has tensors of the training."""


class CheckpointState(Enum):
    """What is known of a checkpoint."""

    LISTED = "listed"
    """Its manifest can be read; its files were not."""
    WHOLE = "whole"
    """Every file is what the manifest says."""
    FOREIGN = "foreign"
    """Not damaged, but of another run than its name says, or made for another encoding of
    observations: a learner of this run and release passes over it."""
    DAMAGED = "damaged"
    """It is torn or corrupt; a learner passes over it."""


class CheckpointRow(Struct, frozen=True, omit_defaults=True):
    """One checkpoint of a place. What cannot be read of a torn one is None.

    ``win_rates`` are those of the evaluation that belongs to it, by opponent, of the version
    ``evaluated_version``: its own, or the nearest one before it; ``win_rate`` is their mean.
    """

    name: str
    uri: str
    run: str
    state: CheckpointState
    why: str = ""
    step: int | None = None
    games: int | None = None
    transitions: int | None = None
    saved_at: float | None = None
    size: int | None = None
    win_rate: float | None = None
    win_rates: dict[str, float] = {}
    evaluated_version: int | None = None
    is_newest: bool = False
    is_best: bool = False


class CheckpointListing(Struct, frozen=True):
    """The checkpoints of a place, newest first; ``pulled`` is the folder that one was copied to."""

    place: str
    checkpoints: tuple[CheckpointRow, ...]
    pulled: str | None = None
