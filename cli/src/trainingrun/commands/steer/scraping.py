"""Writes for Prometheus where the roles serve metrics: a file of its file service discovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainingrun.commands.addresses import endpoints_in
from trainingrun.commands.errors import UserError
from trainingrun.commands.steer.daemons import addresses_of
from trainingrun.local.files import write_atomically
from trainingrun.local.targets import target_group, target_list


@dataclass(frozen=True)
class Scraped:
    """A role, and the name under which its members serve metrics, as ``host:port``."""

    role: str
    name: str


def scraped_in(values: Sequence[str]) -> tuple[Scraped, ...]:
    """Return the roles in ``ROLE=HOST:PORT`` words.

    Raises:
        UserError: one is something else.
    """
    found = []
    for word in values:
        role, equals, name = word.partition("=")
        if not role or not equals:
            raise UserError(f"--scrape {word}: write for example actor=actor:9090")
        found += [Scraped(role, each) for each in endpoints_in(name, where=f"--scrape {word}")]
    return tuple(found)


class ScrapeFile:
    """Keeps the list of addresses as it is now; a name that is not known has none."""

    def __init__(self, file: Path, run: str, roles: Sequence[Scraped]) -> None:
        self._file = file
        self._run = run
        self._roles = roles
        self._written = b""

    async def refresh(self) -> None:
        """Resolve the names, and write the list where it has changed.

        Raises:
            OSError: it cannot be written.
        """
        groups = [
            target_group(await addresses_of(role.name), run=self._run, role=role.role)
            for role in self._roles
        ]
        document = target_list(groups)
        if self._roles and document != self._written:
            write_atomically(self._file, document)
            self._written = document
