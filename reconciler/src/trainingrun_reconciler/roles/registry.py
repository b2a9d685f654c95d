"""The roles of a run, in the order in which they start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trainingrun_reconciler.roles.declaration import Life, RoleDeclaration
from trainingrun_reconciler.roles.workload import Role


class Registry:
    """An ordered table of declarations, by the roles' names.

    Filled while modules are imported and fixed from then on: decisions read it as they read any
    constant. Who brings a role from elsewhere registers it before the first run is reconciled.
    """

    def __init__(self, *declared: RoleDeclaration) -> None:
        self._declared: dict[Role, RoleDeclaration] = {}
        for each in declared:
            self.register(each)

    def register(self, declared: RoleDeclaration) -> None:
        """Add a role after those that are there.

        Raises:
            ValueError: the name is taken, it connects to a role that is not there, or what it
                declares does not fit together.
        """
        if declared.role in self._declared:
            raise ValueError(f"role {declared.role.value} is declared twice")
        unknown = [each.value for each in declared.connects_to if each not in self._declared]
        if unknown:
            raise ValueError(
                f"role {declared.role.value} connects to {', '.join(unknown)}: declare it first"
            )
        if declared.fault:
            raise ValueError(f"role {declared.role.value} {declared.fault}")
        self._declared[declared.role] = declared

    @contextmanager
    def also(self, *declared: RoleDeclaration) -> Iterator[None]:
        """Have more roles for a while, to try them out."""
        before = dict(self._declared)
        try:
            for each in declared:
                self.register(each)
            yield
        finally:
            self._declared = before

    def __iter__(self) -> Iterator[RoleDeclaration]:
        return iter(tuple(self._declared.values()))

    def __getitem__(self, role: Role) -> RoleDeclaration:
        return self._declared[role]

    def __contains__(self, role: object) -> bool:
        return role in self._declared

    @property
    def names(self) -> tuple[Role, ...]:
        """The roles, in the order in which they start."""
        return tuple(self._declared)

    def named(self, name: str) -> RoleDeclaration | None:
        """The role that is called so; None where there is none."""
        return self._declared.get(Role(name))

    @property
    def counted(self) -> tuple[RoleDeclaration, ...]:
        """Those whose members a status counts; of a store it says only whether it answers."""
        return tuple(each for each in self if each.life is not Life.STORE)

    @property
    def workers(self) -> tuple[RoleDeclaration, ...]:
        """Those that go while a run rests, in the order in which they go: who has clients of its
        own goes after them."""
        workers = [each for each in self if each.life is Life.WORKER]
        return tuple(sorted(workers, key=lambda each: bool(self.clients_of(each.role))))

    def clients_of(self, role: Role) -> tuple[Role, ...]:
        """The roles that connect to this one."""
        return tuple(each.role for each in self if role in each.connects_to)
