"""How deep and how large a document may be, found out without recursion.

The definition lets any fields stand in an override, so the API server stores one of 9,000 levels or
of 1.5 MB. Whatever reads documents further walks through them by recursion and copies them; both
are bounded here, before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from trainingrun_api.explanation import Problem

OVERRIDE_LEVELS: Final = 32
"""Of the deepest override. Kubernetes' own pod templates have fifteen."""
OVERRIDE_BYTES: Final = 64 * 1024
"""Of all overrides of a run, as JSON."""
_DOCUMENT_LEVELS: Final = 64
_DOCUMENT_BYTES: Final = 1024 * 1024
"""Of the rest: far more than a valid run can have."""


def broken_bounds(document: Mapping[Any, Any]) -> tuple[Problem, ...]:
    """What is too deep or too large in a document of any form."""
    spec = document.get("spec")
    templates = spec.get("podTemplate") if isinstance(spec, Mapping) else None
    if isinstance(templates, Mapping):
        broken = tuple(_overrides(templates))
        if broken:
            return broken
    excess = _excess(document, levels=_DOCUMENT_LEVELS, size=_DOCUMENT_BYTES)
    return (Problem("", f"the document {excess}"),) if excess else ()


def _overrides(templates: Mapping[Any, Any]) -> Iterator[Problem]:
    """Each that is too deep; then whether all of them together are too large."""
    for role, template in templates.items():
        if _excess(template, levels=OVERRIDE_LEVELS, size=OVERRIDE_BYTES) == _DEEP:
            what = f"is nested deeper than {OVERRIDE_LEVELS} levels: remove what no pod has"
            yield Problem(f"spec.podTemplate.{role}", what)
            return
    if _excess(templates, levels=OVERRIDE_LEVELS + 1, size=OVERRIDE_BYTES):
        what = f"has more than {OVERRIDE_BYTES} bytes as JSON: move large values to a ConfigMap"
        yield Problem("spec.podTemplate", what)


_DEEP: Final = "is nested too deep"
_LARGE: Final = "is too large"


def _excess(value: Any, *, levels: int, size: int) -> str:
    """What is too much in a value: it ends at the bound, so that aliases of YAML, which stand for
    the same value again and again, cost no more than what is allowed."""
    waiting, seen = [(value, 1)], 0
    while waiting:
        here, level = waiting.pop()
        inner: list[Any] = []
        if isinstance(here, Mapping):
            seen += 2 + sum(len(str(key)) + 4 for key in here)
            inner = list(here.values())
        elif isinstance(here, (list, tuple)):
            seen += 2 + len(here)
            inner = list(here)
        else:
            seen += len(here) + 2 if isinstance(here, str) else 4
        if inner and level > levels:
            return _DEEP
        if seen > size:
            return _LARGE
        waiting.extend((each, level + 1) for each in inner)
    return ""
