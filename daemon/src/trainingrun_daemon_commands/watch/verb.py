"""The verb ``watch``: from its words to a source of entries."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from trainingrun.commands.addresses import token_from
from trainingrun.commands.errors import UserError
from trainingrun_protocol.commands import NO_SCENARIO
from trainingrun_protocol.tapes import SUFFIX

from trainingrun_daemon_commands.watch.moves import Positions
from trainingrun_daemon_commands.watch.screen import show
from trainingrun_daemon_commands.watch.sources import (
    Entry,
    Opening,
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
    environment: str | None = None
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

    def find_positions(opening: Opening) -> Positions | str:
        return _positions(opening, options)

    show(
        _entries(options),
        console,
        with_board=options.board,
        seconds=seconds,
        find_positions=find_positions,
    )


def _entries(options: WatchOptions) -> Iterator[Entry]:
    match options.daemon, options.arguments:
        case None, [word]:
            return _recorded(word, options)
        case None, _:
            raise UserError("watch: give the name of a local run, or a recorded game")
        case str(endpoint), [first, second]:
            return _live(endpoint, (first, second), options)
        case str(endpoint), [] if options.environment is not None:
            return _live(endpoint, (NO_SCENARIO, NO_SCENARIO), options)
        case str(endpoint), _:
            raise UserError(
                f"watch --daemon {endpoint}: give two decks that this daemon has, or --environment"
                " where it plays another game"
            )


def _live(endpoint: str, scenarios: tuple[str, str], options: WatchOptions) -> Iterator[Entry]:
    seed = options.seed
    if seed is None and options.environment is not None:
        seed = secrets.randbits(31)  # positions need one
    return live_game(endpoint, scenarios, seed, token=token_from(options.token_file))


def _recorded(word: str, options: WatchOptions) -> Iterator[Entry]:
    if _is_file(word):
        return tape(Path(word))
    found = newest_tape(word, options.state, options.kind)
    return tape(found, growing=is_growing(word, options.state, found))


def _is_file(word: str) -> bool:
    path = Path(word)
    return path.is_file() or path.suffix == SUFFIX


def _positions(opening: Opening, options: WatchOptions) -> Positions | str:
    """Return the game to be played again; a sentence where that cannot be."""
    if opening.seed is None or (opening.environment is None and options.environment is None):
        return "the daemon's game is not known here: name it with --environment, as the daemon has"
    try:
        # Imported here because numpy is, which Magic does not need.
        from trainingrun_daemon_commands.watch.positions import positions_of  # noqa: PLC0415
    except ImportError as error:
        return f"trainingrun-environments is not installed here ({error})"
    is_run = options.daemon is None and not _is_file(options.arguments[0])
    return positions_of(
        opening.environment, opening.seed, named=options.environment, is_trusted=is_run
    )
