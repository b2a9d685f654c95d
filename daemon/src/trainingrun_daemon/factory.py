"""Build a server context from the options, for a daemon of one process and for a worker."""

import gc

from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.game_factory import GameFactory
from trainingrun_daemon.magic_games import MagicGames
from trainingrun_daemon.options import MAGIC, ServeError, ServeOptions
from trainingrun_daemon.outcome_cache import OutcomeCache
from trainingrun_daemon.paced_game import Engine
from trainingrun_daemon.server_context import ServerContext
from trainingrun_daemon.slots import SlotAllocator


def make_context(options: ServeOptions, allocator: SlotAllocator) -> ServerContext:
    """Return a server context without connections; raises ServeError."""
    return ServerContext(
        allocator=allocator,
        games=make_games(options),
        engine=Engine(latency=options.latency, outcomes=OutcomeCache()),
        patience=options.patience,
        longest_game=options.longest_game,
        token=options.token,
    )


def make_games(options: ServeOptions) -> GameFactory:
    """Return the games that the options name; raises ServeError where there are none."""
    if options.environment == MAGIC:
        return MagicGames(DeckRepository(options.decks), reveal_all=options.reveal_all)
    try:
        from trainingrun_daemon.environment_games import games_named  # noqa: PLC0415 (a daemon of Magic has no such package)
    except ImportError as error:
        raise ServeError(
            f"--environment {options.environment} needs trainingrun-environments beside the daemon"
            f" ({error}); pip install 'trainingrun-daemon[environments]'"
        ) from error
    return games_named(options.environment)


def freeze_code() -> None:
    """Keep what was loaded at the start out of garbage collections: it stays for good."""
    gc.collect()
    gc.freeze()
