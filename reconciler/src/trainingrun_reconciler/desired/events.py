"""What is reported to people about a run, once, when it happens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunEvent:
    """``reason`` is CamelCase and documented; ``message`` is a sentence for people."""

    reason: str
    message: str
    warning: bool = False
