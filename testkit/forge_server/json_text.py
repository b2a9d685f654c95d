"""JSON as the original writes it: no blanks, raw text with five escapes and no others.

A control character inside a text therefore makes a line that is no JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

Value: TypeAlias = "str | int | bool | Sequence[Value] | Mapping[str, Value] | None"


@lru_cache(maxsize=16384)
def quote(text: str) -> str:
    """Return a text in quotes."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    text = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{text}"'


def flag(value: object) -> str:
    """Return true or false."""
    return "true" if value else "false"


def array(items: Iterable[str]) -> str:
    """Return a list of what is written already."""
    return f"[{','.join(items)}]"


def write(value: Value) -> str:
    """Return a value of names, numbers, lists and texts."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return flag(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Mapping):
        return f"{{{fields(value)}}}"
    return array(write(item) for item in value)


def fields(value: "Mapping[str, Value]") -> str:
    """Return names with values, without the braces."""
    return ",".join(f"{quote(key)}:{write(item)}" for key, item in value.items())
