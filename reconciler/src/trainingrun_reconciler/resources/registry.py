"""The table of the kinds of resources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trainingrun_reconciler.kinds import Kind
from trainingrun_reconciler.resources.declaration import Child, ResourceKind


class Registry:
    """An ordered table of declarations, by the kinds' names.

    Filled while modules are imported and fixed from then on. Who brings a kind from elsewhere
    registers it before the operator starts.
    """

    def __init__(self, *declared: ResourceKind) -> None:
        self._declared: dict[str, ResourceKind] = {}
        for each in declared:
            self.register(each)

    def register(self, declared: ResourceKind) -> None:
        """Add a kind.

        Raises:
            ValueError: its name or its plural is taken, or is that of an object that it makes.
        """
        name, plural = declared.definition.kind, declared.definition.plural
        if any(each in (name, plural) for known in self for each in _names(known)):
            raise ValueError(f"resource kind {name} ({plural}) is declared twice")
        if any(child.kind.name == name for child in declared.children):
            raise ValueError(f"resource kind {name} is one of its own children")
        self._declared[name] = declared

    @contextmanager
    def also(self, declared: ResourceKind) -> Iterator[None]:
        """Have one more kind for a while, to try it out."""
        self.register(declared)
        try:
            yield
        finally:
            del self._declared[declared.definition.kind]

    def __iter__(self) -> Iterator[ResourceKind]:
        return iter(tuple(self._declared.values()))

    def __getitem__(self, name: str) -> ResourceKind:
        return self._declared[name]

    def __contains__(self, name: object) -> bool:
        return name in self._declared

    @property
    def children(self) -> tuple[Child, ...]:
        """What any of them makes, with the verbs of all that make it."""
        found: dict[Kind, dict[str, None]] = {}
        for each in (child for declared in self for child in declared.children):
            found.setdefault(each.kind, {}).update(dict.fromkeys(each.verbs))
        return tuple(Child(kind, tuple(verbs)) for kind, verbs in found.items())


def _names(declared: ResourceKind) -> tuple[str, str]:
    return declared.definition.kind, declared.definition.plural
