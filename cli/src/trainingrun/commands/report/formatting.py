"""Formats numbers and moments for the page. What is not known is a dash."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import Enum
from typing import Final

UNKNOWN: Final = "\N{EN DASH}"
LOSS_NAMES: Final = {
    "policy": "policy loss",
    "value": "value loss",
    "entropy": "entropy (nats)",
    "kl": "KL to the acting policy",
    "clip_fraction": "clipped choices",
    "total": "total loss",
    "gradient_norm": "gradient norm",
    "explained_variance": "explained variance",
}


class Form(Enum):
    """How the values of a chart are spelled; the page's script knows the same words."""

    COUNT = "count"
    NUMBER = "number"
    PERCENT = "percent"


def spelled(value: float | None, form: Form) -> str:
    """Return a value in its form."""
    if value is None:
        return UNKNOWN
    match form:
        case Form.COUNT:
            return count(round(value))
        case Form.PERCENT:
            return percent(value)
        case Form.NUMBER:
            return number(value)


def count(value: int | None) -> str:
    """``12345`` becomes ``12,345``."""
    return UNKNOWN if value is None else f"{value:,}"


def percent(value: float | None) -> str:
    """``0.925`` becomes ``92.5%``, ``0.5`` becomes ``50%``."""
    return UNKNOWN if value is None else f"{value * 100:.1f}".removesuffix(".0") + "%"


def number(value: float | None) -> str:
    """Three significant digits, more where the whole part has more."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    written = f"{value:,.{min(digits, 8)}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def tick(value: float, step: float, form: Form) -> str:
    """Return the label of a tick, with the digits that its step asks for."""
    if form is Form.PERCENT:
        return f"{value * 100:.0f}%"
    if value == 0:
        return "0"
    if step >= 1000 and step % 100 == 0:
        return f"{value / 1000:g}k"
    digits = max(0, math.ceil(-math.log10(step) - 1e-9))
    if digits and abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1  # 0.25 needs one more than 0.2
    return f"{value:,.{digits}f}"


def size(amount: int | None) -> str:
    """Return bytes for people: ``1.4 MB``."""
    if amount is None:
        return UNKNOWN
    if amount < 1000:
        return f"{amount} B"
    for unit in ("kB", "MB"):
        amount_in = amount / (1000.0 if unit == "kB" else 1e6)
        if amount_in < 1000:
            return f"{amount_in:.3g} {unit}" if amount_in < 100 else f"{amount_in:.0f} {unit}"
    return f"{amount / 1e9:.3g} GB"


def moment(value: datetime | float | None) -> str:
    """Return a moment in UTC, to the second. Numbers are Unix seconds."""
    if value is None:
        return UNKNOWN
    when = datetime.fromtimestamp(value, UTC) if isinstance(value, (int, float)) else value
    return when.astimezone(UTC).strftime("%Y-%m-%d\N{NO-BREAK SPACE}%H:%M:%S")
