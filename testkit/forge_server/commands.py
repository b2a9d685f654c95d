"""The command line NEWGAME, as the original reads it."""

from dataclasses import dataclass
from typing import Final

from testkit.forge_server.faults import Version
from testkit.forge_server.java import MAX_LONG, parse_int

DEFAULT_LIMIT: Final = 120


class UsageError(Exception):
    """The command names fewer than two decks."""


@dataclass(frozen=True, slots=True)
class NewGame:
    """A game to play."""

    decks: tuple[str, str]
    interactive: bool = False
    observe: bool = False
    quiet: bool = False
    limit: int = DEFAULT_LIMIT
    """Seconds; 0 and less end the game as it begins."""
    seed: int | None = None

    @property
    def prefix(self) -> str:
        """What the names of the seats begin with."""
        if self.interactive:
            return "Agent"
        return "AiObs" if self.observe else "Ai"


def parse_new_game(line: str, version: Version) -> NewGame:
    """Read a NEWGAME line; what is unknown is ignored, and so is a flag whose value is missing.

    Raises:
        UsageError: there are not two decks.
        ValueError: a number is none.
    """
    parts = line.split()
    if len(parts) < 3:
        raise UsageError
    switches: set[str] = set()
    numbers: dict[str, int] = {}
    rest = iter(range(3, len(parts)))
    for at in rest:
        flag = parts[at]
        if flag in _valued(version) and at + 1 < len(parts):
            greatest = MAX_LONG if flag == "-s" else 2**31 - 1
            numbers[flag] = parse_int(parts[next(rest)], greatest=greatest)
        else:
            switches.add(flag)
    return NewGame(
        decks=(parts[1], parts[2]),
        interactive="-i" in switches,
        observe="-o" in switches and version.observes,
        quiet="-q" in switches,
        limit=numbers.get("-c", DEFAULT_LIMIT),
        seed=numbers.get("-s"),
    )


def _valued(version: Version) -> tuple[str, ...]:
    return ("-c", "-t", "-s") if version.limits_ai else ("-c", "-s")
