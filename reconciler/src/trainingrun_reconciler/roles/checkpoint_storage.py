"""Where checkpoints are, as the learner sees it itself."""

from __future__ import annotations

from typing import Final

from trainingrun_api.storage import ClaimStorage

CLAIM_PATH: Final = "/checkpoints"
"""Where a claim is mounted in the learner's pod."""


def mounted(claim: ClaimStorage) -> str:
    """The address of a claim's path below its mount."""
    return f"file://{CLAIM_PATH}/{claim.path or ''}".rstrip("/")
