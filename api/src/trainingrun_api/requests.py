"""What people ask of a run beside its spec: annotations that the operator follows.

A request that happens once (let this daemon go, save now) is no state of a run, so it has no field
in the spec. It is written as an annotation with its time, and followed by comparison: an operator
that reads it again, after a restart too, asks for nothing twice. A subresource or a queue of
commands was refused: each would need something that remembers what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

DRAIN: Final = "trainingrun.dev/drain"
"""Daemons to drain: names with spaces between, each may be followed by ``@`` and a time in RFC
3339; then a daemon of that name that started later is another one, and is left alone."""
CHECKPOINT: Final = "trainingrun.dev/checkpoint-requested-at"
"""Any text; the learner saves soon after it has changed. By custom the time, in RFC 3339."""
WAKE: Final = "trainingrun.dev/wake"
"""Any text; a change lets a run that the operator stopped for being idle continue."""
_TIME_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"
_LONGEST_TOKEN: Final = 64
_MOST_DRAINS: Final = 1000


def drains_in(annotations: Mapping[str, str]) -> Mapping[str, datetime | None]:
    """Names of daemons to drain, and when that was asked where it is known.

    A time that cannot be read counts as not given: the name is clear, and a request that somebody
    wrote by hand should not be passed over in silence.
    """
    entries = annotations.get(DRAIN, "").split()[:_MOST_DRAINS]
    parted = (each.partition("@") for each in entries)
    return {name: _time_in(text) for name, _, text in parted if name}


def with_drain(annotations: Mapping[str, str], name: str, *, at: datetime) -> str:
    """The drain annotation with one more daemon; an older request about the same one is
    replaced."""
    asked = {**drains_in(annotations), name: at}
    kept = list(asked.items())[-_MOST_DRAINS:]
    return " ".join(name if time is None else f"{name}@{text_of(time)}" for name, time in kept)


def checkpoint_request_in(annotations: Mapping[str, str]) -> str:
    """The request for a checkpoint as it stands; empty when there was none."""
    return annotations.get(CHECKPOINT, "").strip()[:_LONGEST_TOKEN]


def text_of(moment: datetime) -> str:
    """A time in RFC 3339, in UTC."""
    return moment.astimezone(UTC).strftime(_TIME_FORM)


def _time_in(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME_FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
