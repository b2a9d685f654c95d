"""What tenants write into the log neither ends a line of it nor steers a terminal."""

from __future__ import annotations

import io
import logging

from trainingrun_contracts.plain_text import escaped
from trainingrun_operator.process.log_lines import LineFormatter

FORGED = "x\n2026-01-01 00:00:00,000 CRITICAL forged: \x1b[2J\u202eünï"


def logged(act: str) -> str:
    """What a logger writes of this text, as a message and as the text of an error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    logger = logging.Logger("tenant")
    logger.addHandler(handler)
    try:
        raise ValueError(act)
    except ValueError:
        logger.exception("run x: checkpoint requested, %s", act)
    return stream.getvalue()


def test_a_message_is_one_line() -> None:
    """Expect the break and the escapes to be shown, and letters of all languages as they are."""
    first, *rest = logged(FORGED).splitlines()
    assert first.endswith(r"x\n2026-01-01 00:00:00,000 CRITICAL forged: \x1b[2J\u202eünï")
    assert rest[0] == "Traceback (most recent call last):"


def test_a_traceback_keeps_its_lines_and_is_escaped() -> None:
    """Expect our own breaks to stay; those of the quoted text cannot be distinguished from them."""
    text = logged(FORGED)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_plain_text_is_left_alone() -> None:
    """Expect no work and no change where there is nothing to escape."""
    assert escaped("run calm: target 5 games") == "run calm: target 5 games"
