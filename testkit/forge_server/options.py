"""Start options: those of the original, and the switches of the stand-in.

The original reads ``-p`` alone and ignores everything else; so does this one, but for its own
switches, which the original would ignore.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from testkit.forge_server.faults import FAITHFUL, REPAIRED, Build, Fault, Version
from testkit.forge_server.java import parse_int

DEFAULT_PORT: Final = 17171
_VALUED: Final = ("-p", "--decks", "--fault", "--version", "--parallelism", "--start-seconds")


@dataclass(frozen=True, slots=True)
class Options:
    """How a stand-in is started."""

    decks: tuple[Path, ...]
    port: int = DEFAULT_PORT
    build: Build = field(default_factory=Build)
    parallelism: int = 1
    """Threads of Java's common pool; with one, each game has a thread of its own."""
    start_seconds: float = 0.0
    """How long the card data takes, which the port waits for."""


def common_pool_size() -> int:
    """Return how many games Java's common pool plays at once without an option."""
    return max((os.cpu_count() or 1) - 1, 1)


def parse_options(arguments: Sequence[str]) -> Options:
    """Read a command line; raises ValueError for a number or a word that is none."""
    values: dict[str, list[str]] = {name: [] for name in _VALUED}
    rest = iter(range(len(arguments)))
    for at in rest:
        if arguments[at] in values and at + 1 < len(arguments):
            values[arguments[at]].append(arguments[next(rest)])
    return Options(
        decks=tuple(Path(folder) for folder in values["--decks"]),
        port=parse_int(_last(values["-p"], str(DEFAULT_PORT))),
        build=Build(
            Version(_last(values["--version"], Version.NEWER)),
            _faults(values["--fault"], is_repaired="--repaired" in arguments),
        ),
        parallelism=parse_int(_last(values["--parallelism"], str(common_pool_size()))),
        start_seconds=float(_last(values["--start-seconds"], "0")),
    )


def _faults(named: list[str], *, is_repaired: bool) -> frozenset[Fault]:
    """Return the faults that are named; without a name all, or with ``--repaired`` none."""
    if named:
        return frozenset(Fault(name) for name in named)
    return REPAIRED if is_repaired else FAITHFUL


def _last(values: list[str], otherwise: str) -> str:
    return values[-1] if values else otherwise
