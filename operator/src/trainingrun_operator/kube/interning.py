"""Equal sections of specs are kept once.

A team's thousand runs differ in a few fields: most sections of most specs are the same, and the
spec is most of what is kept of a run. Sections are values that no code changes, so they may be
shared.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)
_Key = tuple[type[BaseModel], str, str]


class SpecInterner:
    """The sections that are in use; one that no run uses is forgotten by itself."""

    def __init__(self) -> None:
        self._known: Final[WeakValueDictionary[_Key, BaseModel]] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._known)

    def share(self, spec: M) -> M:
        """An equal spec, made of the sections that are known already."""
        fields: dict[str, Any] = {
            name: self._kept(value) if isinstance(value, BaseModel) else value
            for name, value in spec.__dict__.items()
        }
        return type(spec).model_construct(spec.model_fields_set, **fields)

    def _kept(self, section: BaseModel) -> BaseModel:
        """What was set to its default on purpose is another section than what was not set."""
        given = section.model_dump_json(exclude_unset=True)
        key = type(section), section.model_dump_json(), given
        return self._known.setdefault(key, section)
