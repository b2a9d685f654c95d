"""Build a server context from the options, for a daemon of one process and for a worker."""

import gc

from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.options import ServeOptions
from trainingrun_daemon.outcome_cache import OutcomeCache
from trainingrun_daemon.paced_game import Engine
from trainingrun_daemon.server_context import ServerContext
from trainingrun_daemon.slots import SlotAllocator


def make_context(options: ServeOptions, allocator: SlotAllocator) -> ServerContext:
    """Return a server context without connections."""
    return ServerContext(
        allocator=allocator,
        decks=DeckRepository(options.decks),
        engine=Engine(
            reveal_all=options.reveal_all, latency=options.latency, outcomes=OutcomeCache()
        ),
        patience=options.patience,
        longest_game=options.longest_game,
        token=options.token,
    )


def freeze_code() -> None:
    """Keep what was loaded at the start out of garbage collections: it stays for good."""
    gc.collect()
    gc.freeze()
