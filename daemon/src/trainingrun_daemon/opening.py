"""A house from the options: the same for a daemon that is one process and for a worker."""

import gc

from trainingrun_daemon.decks import DeckShelf
from trainingrun_daemon.house import House
from trainingrun_daemon.options import ServeOptions
from trainingrun_daemon.pace import Engine
from trainingrun_daemon.repertoire import Repertoire
from trainingrun_daemon.slots import SlotDesk


def open_house(options: ServeOptions, desk: SlotDesk) -> House:
    """Give a house without guests."""
    return House(
        desk=desk,
        decks=DeckShelf(options.decks),
        engine=Engine(
            reveal_all=options.reveal_all, latency=options.latency, repertoire=Repertoire()
        ),
        patience=options.patience,
        longest_game=options.longest_game,
        token=options.token,
    )


def freeze_code() -> None:
    """Keep what was loaded at the start out of garbage collections: it stays for good."""
    gc.collect()
    gc.freeze()
