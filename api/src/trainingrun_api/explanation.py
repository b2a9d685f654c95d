"""Pydantic's errors as sentences for the person who wrote the YAML.

Pydantic's own words speak of Python ("Input should be a valid integer"); these speak of the
document: the field's path in YAML spelling, what is wrong with it, and what to write instead.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trainingrun_api.model import FORMS, RULE_ERROR

SHOWN: Final = 60
_OWN: Final = "spec.{0}.template.spec.containers, in the entry with name {0}"
_MOVED: Final[Mapping[str, str]] = {
    "spec.podTemplate": "spec.daemon.template, spec.actor.template and so on: each beside its role",
    **{
        f"spec.{role}.{field}": _OWN.format(role)
        for role in ("daemon", "actor", "learner")
        for field in ("image", "resources")
    },
    "spec.learner.ppo": "spec.algorithm, as spec.algorithm.ppo",
    "spec.redis.managed.image": "spec.redis.managed.template.spec.containers, in the entry with"
    " name redis",
}
"""Fields that the API once had, and where what they said stands now."""


@dataclass(frozen=True)
class Problem:
    """One wrong field: its path in YAML spelling, and a sentence."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def problems_from(error: ValidationError, model: type[BaseModel]) -> tuple[Problem, ...]:
    """All problems of a document that was read as ``model``, in the order of its fields."""
    return tuple(
        Problem(_path(details["loc"]), _sentence(details, model))
        for details in error.errors()
        if not _is_echo(details)
    )


def _is_echo(details: ErrorDetails) -> bool:
    """A list whose entries are wrong is reported as empty as well; that says nothing new."""
    return details["type"] == "too_short" and len(details["input"]) >= _context(
        details, "min_length"
    )


def _path(location: tuple[int | str, ...]) -> str:
    """``("spec", "decks", 0, "name")`` becomes ``spec.decks[0].name``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.removeprefix(".")


def _shown(value: object) -> str:
    """A value as it would stand in YAML, cut short when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _bound(limit: float) -> str:
    """A bound without an idle `.0`."""
    return str(int(limit)) if limit == int(limit) else str(limit)


def _choices(details: ErrorDetails) -> str:
    """The possible words, without Python's quotes."""
    return str(_context(details, "expected")).replace("'", "")


def _context(details: ErrorDetails, key: str) -> Any:
    return details.get("ctx", {}).get(key)


_TYPES: Final[Mapping[str, str]] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "datetime_type": "a time such as 2026-01-31T12:00:00Z",
    "datetime_from_date_parsing": "a time such as 2026-01-31T12:00:00Z",
    "datetime_parsing": "a time such as 2026-01-31T12:00:00Z",
}

_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than_equal": ("ge", "is below the minimum of"),
    "less_than_equal": ("le", "is above the maximum of"),
    "greater_than": ("gt", "must be more than"),
    "less_than": ("lt", "must be less than"),
    "multiple_of": ("multiple_of", "is not a multiple of"),
}

_OTHERS: Final[Mapping[str, Callable[[ErrorDetails], str]]] = {
    RULE_ERROR: lambda details: details["msg"],
    "missing": lambda _: "is required",
    "literal_error": lambda details: (
        f"{_shown(details['input'])} is not one of {_choices(details)}"
    ),
    "too_short": lambda details: f"needs at least {_context(details, 'min_length')} entry",
    "too_long": lambda details: f"has more than {_context(details, 'max_length')} entries",
    "string_too_short": lambda _details: "must not be empty",
    "string_too_long": lambda details: (
        f"is longer than {_context(details, 'max_length')} characters"
    ),
    "string_pattern_mismatch": lambda details: (
        f"must be {FORMS[_context(details, 'pattern')]}, not {_shown(details['input'])}"
    ),
}


def _sentence(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_field(details["loc"], model)
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}, not {_shown(details['input'])}"
    if kind in _BOUNDS:
        key, phrase = _BOUNDS[kind]
        return f"{_shown(details['input'])} {phrase} {_bound(_context(details, key))}"
    if kind in _OTHERS:
        return _OTHERS[kind](details)
    return details["msg"]


def _unknown_field(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """Name the field that was probably meant, else all that are possible."""
    moved = _MOVED.get(_path(location))
    if moved is not None:
        return f"unknown field, it is now a part of {moved}"
    possible = _fields_at(location[:-1], model)
    close = difflib.get_close_matches(str(location[-1]), possible, n=1)
    if close:
        return f"unknown field, did you mean {close[0]}?"
    return f"unknown field, possible here are {', '.join(possible)}"


def _fields_at(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The YAML names of the fields of the object at ``location``."""
    for step in location:
        if isinstance(step, int):
            continue
        found = next((field for field in model.model_fields.values() if field.alias == step), None)
        below = _model_in(found.annotation) if found else None
        if below is None:
            return []
        model = below
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as ``Redis``, ``Redis | None`` or ``tuple[Deck, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for each in get_args(annotation) if (model := _model_in(each))), None)
