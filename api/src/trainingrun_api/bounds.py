"""How deep and how large a document may be, found out without recursion.

The definition lets any fields stand in a pod template's spec, so the API server stores one of 9,000
levels or of 1.5 MB. Whatever reads documents further walks through them by recursion and copies
them; both are bounded here, before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from trainingrun_api.explanation import Problem
from trainingrun_api.pod_template import TemplatePaths

TEMPLATE_LEVELS: Final = 32
"""Of the deepest pod template. Kubernetes' own have fifteen."""
TEMPLATE_BYTES: Final = 64 * 1024
"""Of all pod templates of a run, as JSON."""
_DOCUMENT_LEVELS: Final = 64
_DOCUMENT_BYTES: Final = 1024 * 1024
"""Of the rest: far more than a valid run can have."""


def broken_bounds(document: Mapping[Any, Any], templates: TemplatePaths) -> tuple[Problem, ...]:
    """What is too deep or too large in a document of any form; ``templates`` says where pod
    templates stand below its spec."""
    broken = tuple(_templates(dict(_given(document.get("spec"), templates))))
    if broken:
        return broken
    excess = _excess(document, levels=_DOCUMENT_LEVELS, size=_DOCUMENT_BYTES)
    return (Problem("", f"the document {excess}"),) if excess else ()


def _given(spec: Any, templates: TemplatePaths) -> Iterator[tuple[str, Any]]:
    """The pod templates by their paths."""
    for path in templates:
        value = spec
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            yield f"spec.{'.'.join(path)}", value


def _templates(given: Mapping[str, Any]) -> Iterator[Problem]:
    """The first that is too deep; else whether all of them together are too large."""
    for path, template in given.items():
        if _excess(template, levels=TEMPLATE_LEVELS, size=TEMPLATE_BYTES) == _DEEP:
            yield Problem(
                path, f"is nested deeper than {TEMPLATE_LEVELS} levels: remove what no pod has"
            )
            return
    if _excess(given, levels=TEMPLATE_LEVELS + 1, size=TEMPLATE_BYTES):
        what = f"more than {TEMPLATE_BYTES} bytes as JSON: move large values to a ConfigMap"
        [path, *others] = given
        yield Problem(
            *(("spec", f"its templates have {what}") if others else (path, f"has {what}"))
        )


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
