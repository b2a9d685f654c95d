"""Parts of a run that packages of users add: found by the group of an entry point and a name.

A part is loaded by the role that uses it alone, at its start; a run that names one
that is not there is refused with a sentence that says which there are. A part may not have the name
of one of ours: the same file would mean something else on another machine.

Not here: what a part must be able to do, which its role knows; environments, which
``trainingrun_environments.registry`` finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, cast

from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.search_players import SEARCH_PLAYER_FORM

LONGEST_SENTENCE: Final = 300
"""Characters of a part's own words in one of our sentences."""


class UnknownPart(ConfigError):
    """A run names a part that cannot be had here; the message says why in one sentence."""


class PartFault(Exception):
    """A part breaks its promise in a game; the message says which part and how."""


@dataclass(frozen=True)
class PartKind:
    """One kind of part.

    Attributes:
        noun: what people call it.
        group: of the entry points.
        ours: names that have a meaning without any package.
        ours_by_form: names that have one, too, by their form.
    """

    noun: str
    group: str
    ours: tuple[str, ...]
    ours_by_form: re.Pattern[str] | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names that packages add here."""
        return tuple(sorted({point.name for point in entry_points(group=self.group)}))

    def is_ours(self, name: str) -> bool:
        """Return whether a name is ours.

        Raises:
            UnknownPart: it is, and a package has a part of the same name.
        """
        form = self.ours_by_form
        if name not in self.ours and (form is None or form.fullmatch(name) is None):
            return False
        if taken := tuple(entry_points(group=self.group, name=name)):
            raise UnknownPart(
                f"the {self.noun} {name!r} is one of TrainingRun's, and {taken[0].value} has the"
                f" same name in the group {self.group}: give that another name"
            )
        return True

    def find(self, name: str) -> EntryPoint:
        """Return the entry point of a part.

        Raises:
            UnknownPart: no package has one of that name, or two have.
        """
        found = tuple(dict.fromkeys(entry_points(group=self.group, name=name)))
        if not found:
            raise UnknownPart(
                f"no {self.noun} is called {name!r}: installed are"
                f" {', '.join((*self.ours, *self.names()))};"
                f" a package adds one by an entry point of the group {self.group}"
            )
        if len(found) > 1:
            raise UnknownPart(
                f"the {self.noun} {name!r} is there twice, as {found[0].value} and"
                f" {found[1].value}: remove one of the packages"
            )
        return found[0]

    def load(self, name: str) -> Callable[..., Any]:
        """Return what the entry point of a part names: a class or a function.

        Raises:
            UnknownPart: there is none, or it cannot be imported or called.
        """
        point = self.find(name)
        try:
            found = point.load()
        except Exception as error:
            raise self.refused(point, f"cannot be imported: {described(error)}") from error
        if not callable(found):
            raise self.refused(point, "is neither a class nor a function")
        return cast("Callable[..., Any]", found)

    def make(self, name: str, *methods: str) -> Any:
        """Return a new object of a part's class, made without arguments, with these methods.

        Raises:
            UnknownPart: there is none, or it cannot be made, or a method is missing.
        """
        point, found = self.find(name), self.load(name)
        try:
            made = found()
        except Exception as error:
            raise self.refused(point, f"cannot be made: {described(error)}") from error
        for method in methods:
            if not callable(getattr(made, method, None)):
                raise self.refused(point, f"has no method {method}")
        return made

    def refused(self, point: EntryPoint, why: str) -> UnknownPart:
        """Return the error of a part that is there and of no use."""
        return UnknownPart(f"the {self.noun} {point.name!r} ({point.value}) {why}")


def described(error: BaseException) -> str:
    """Return what went wrong in code that is not ours, on one line of bounded length."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST_SENTENCE]


ENVIRONMENTS: Final = PartKind("environment", "trainingrun.environments", ())
OPPONENTS: Final = PartKind(
    "scripted opponent",
    "trainingrun.opponents",
    ("random", "aggressive", "engine"),
    ours_by_form=SEARCH_PLAYER_FORM,
)
"""What is no scripted player, as ``past``, the rules of the API keep from packages."""
POTENTIALS: Final = PartKind("potential", "trainingrun.potentials", ("life", "board", "cards"))
NETWORKS: Final = PartKind("network", "trainingrun.networks", ("mlp", "transformer"))
LOSSES: Final = PartKind("loss", "trainingrun.losses", ("ppo",))
