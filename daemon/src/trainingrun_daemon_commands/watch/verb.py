"""The verb ``watch``: from its words to a source of entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from trainingrun.commands.addresses import token_from
from trainingrun.commands.errors import UserError
from trainingrun_protocol.tapes import SUFFIX

from trainingrun_daemon_commands.watch.screen import show
from trainingrun_daemon_commands.watch.sources import (
    Entry,
    is_growing,
    live_game,
    newest_tape,
    tape,
)


@dataclass(frozen=True)
class WatchOptions:
    """The words and options of ``trainingrun watch``."""

    arguments: Sequence[str]
    state: Path
    daemon: str | None = None
    token_file: Path | None = None
    seed: int | None = None
    kind: str = ""
    board: bool = False
    speed: float = 0.0


def watch_game(options: WatchOptions, console: Console) -> None:
    """Show a game.

    Raises:
        UserError: there is nothing to show, or it cannot be read.
    """
    seconds = 1 / options.speed if options.speed else 0.0
    show(_entries(options), console, with_board=options.board, seconds=seconds)


def _entries(options: WatchOptions) -> Iterator[Entry]:
    match options.daemon, options.arguments:
        case None, [word]:
            return _recorded(word, options)
        case None, _:
            raise UserError("watch: give the name of a local run, or a recorded game")
        case str(endpoint), [first, second]:
            token = token_from(options.token_file)
            return live_game(endpoint, (first, second), options.seed, token=token)
        case str(endpoint), _:
            raise UserError(f"watch --daemon {endpoint}: give two decks that this daemon has")


def _recorded(word: str, options: WatchOptions) -> Iterator[Entry]:
    path = Path(word)
    if path.is_file() or path.suffix == SUFFIX:
        return tape(path)
    found = newest_tape(word, options.state, options.kind)
    return tape(found, growing=is_growing(word, options.state, found))
