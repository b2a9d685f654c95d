"""What a resumed run does differently from what it did before: its spec's changed fields.

Not here: which fields may change at all (``api.rules``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.plain_text import one_line

from trainingrun.commands.report.redaction import HIDDEN, without_secrets

_LINES: Final = 20
_PATH_CHARACTERS: Final = 80
_VALUE_CHARACTERS: Final = 60
_ABSENT: Final = "not set"


def describe_changes(before: TrainingRunSpec, after: TrainingRunSpec) -> list[str]:
    """Return one line for each changed field, with its old and its new value; no line shows a
    secret."""
    old, new = _fields_of(before), _fields_of(after)
    shown_old, shown_new = (_fields_of(spec, hide=True) for spec in (before, after))
    rows = [
        f"{one_line(path, _PATH_CHARACTERS)}: {_change(shown_old.get(path), shown_new.get(path))}"
        for path in {**old, **new}
        if old.get(path) != new.get(path)
    ]
    more = len(rows) - _LINES
    return rows if more <= 0 else [*rows[:_LINES], f"and {more} more fields"]


def _change(old: Any, new: Any) -> str:
    change = f"{_value(old)} → {_value(new)}"
    return f"{HIDDEN} changed" if old == new else change


def _value(value: Any) -> str:
    if value is None:
        return _ABSENT
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, _VALUE_CHARACTERS)


def _fields_of(spec: TrainingRunSpec, *, hide: bool = False) -> dict[str, Any]:
    document = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dict(_flat("spec", without_secrets(document) if hide else document))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Fields by path. What is listed is compared item by item where the items are mappings, by
    their names where they have some; other lists as a whole."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _flat(f"{path}.{name}", each)
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        for number, each in enumerate(value):
            yield from _flat(f"{path}[{each.get('name', number)}]", each)
    else:
        yield path, value
