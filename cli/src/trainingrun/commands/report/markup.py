"""HTML that cannot be broken by what is put into it: text becomes markup here and nowhere else.

A template engine was not needed: there is one page, and a function per element is checked by mypy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any, Final

_ODD: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Characters that a page may not hold, or that would turn around the text after them."""
_VOID: Final = frozenset({"br", "col", "meta"})
Attribute = str | float | bool | None


class Markup(str):
    """Text that is HTML already; anything else is escaped when it is put into an element."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Any text as HTML that shows it."""
    return Markup(escape(_ODD.sub("\ufffd", value)))


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Parts one after another; those that are not markup are escaped."""
    return Markup(between.join(part if isinstance(part, Markup) else text(part) for part in parts))


def tag(name: str, /, *inner: str, **attributes: Attribute) -> Markup:
    """Return an element. ``class_`` is written ``class``, ``data_x`` is ``data-x``; None and False
    are left out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(inner)}</{name}>")


def data(value: Any) -> Markup:
    """Return a value for the page's script, as JSON that cannot end its element."""
    written = json.dumps(value, separators=(",", ":"), allow_nan=False)
    harmless = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(f'<script type="application/json">{harmless}</script>')


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
