"""``trainingrun-daemon``: the command line of the reference engine."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from trainingrun_protocol.access import TOKEN_VARIABLE, TokenError
from trainingrun_protocol.given_token import given_token

from trainingrun_daemon.latency import FORGE
from trainingrun_daemon.options import MAGIC, ServeError, ServeOptions
from trainingrun_daemon.server import serve
from trainingrun_daemon.server_context import Timeouts
from trainingrun_daemon.supervisor import available_cores


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; gives the exit code: 0 stopped, 2 a mistake of the user."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        token = given_token(options.token_file)
    except TokenError as error:
        return _refuse(str(error))
    serve_options = ServeOptions(
        host=options.host,
        port=options.port,
        decks=tuple(options.decks or [Path("decks")]),
        max_concurrent=options.max_concurrent,
        games_per_address=options.games_per_address,
        longest_game=options.longest_game,
        workers=options.workers or available_cores(),
        drain_seconds=options.drain_seconds,
        patience=Timeouts(idle=options.idle_seconds),
        environment=options.environment,
        reveal_all=options.reveal_all,
        latency=FORGE if options.latency == "forge" else None,
        token=token,
    )
    try:
        asyncio.run(serve(serve_options, port_file=options.port_file))
    except ServeError as error:
        return _refuse(str(error))
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"trainingrun-daemon: {why}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trainingrun-daemon",
        description="Plays games of Magic, or of another environment, for clients that speak the"
        " Forge daemon's line protocol.",
    )
    _add_place(parser)
    _add_limits(parser)
    _add_manner(parser)
    return parser


def _add_place(parser: argparse.ArgumentParser) -> None:
    """Where it listens, and what it reads."""
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on [%(default)s]")  # noqa: S104 (a server in a container listens everywhere)
    parser.add_argument(
        "--port",
        "-p",
        type=_whole(0, 65535),
        default=17171,
        help="0 takes a free one [%(default)s]",
    )
    parser.add_argument(
        "--decks",
        type=Path,
        action="append",
        metavar="DIR",
        help="directory of .dck files; may be given several times [decks]",
    )
    parser.add_argument(
        "--environment",
        default=MAGIC,
        metavar="NAME",
        help="what is played: magic, connect_four, tic_tac_toe or another that is installed, "
        "openSpiel:GAME, pettingZoo:NAME, python:MODULE:CLASS; all but magic have no decks: "
        "NEWGAME - - [%(default)s]",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """Who may play how much."""
    parser.add_argument(
        "--max-concurrent",
        type=_whole(1, 10_000),
        default=10,
        metavar="N",
        help="games played at once; more are queued [%(default)s]",
    )
    parser.add_argument(
        "--games-per-address",
        type=_whole(1, 10_000),
        metavar="N",
        help="games that clients with the same address play at once; their others wait, and let "
        "those of other addresses pass [all]",
    )
    parser.add_argument(
        "--longest-game",
        type=_whole(1, 1_000_000),
        default=3600,
        metavar="N",
        help="seconds after which a game ends, whatever limit its client asks for [%(default)s]",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with a token that clients must give who want a game; one line, in no list of "
        f"processes [the variable {TOKEN_VARIABLE}; without either everybody may play]",
    )


def _add_manner(parser: argparse.ArgumentParser) -> None:
    """How it ends, and how it plays."""
    parser.add_argument(
        "--drain-seconds",
        type=_whole(0, 86_400),
        default=20,
        metavar="N",
        help="time for running games to end after SIGTERM [%(default)s]",
    )
    parser.add_argument(
        "--idle-seconds",
        type=_whole(1, 86_400),
        default=600,
        metavar="N",
        help="time after which a connection without a command is closed [%(default)s]",
    )
    parser.add_argument(
        "--port-file", type=Path, metavar="FILE", help="write the chosen port into this file"
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes that play, behind one port and one queue; auto or 0: one per core "
        "[%(default)s]",
    )
    parser.add_argument(
        "--reveal-all",
        action="store_true",
        help="show both hands in every decision: for teachers and debugging, not for training",
    )
    parser.add_argument(
        "--latency",
        choices=["none", "forge"],
        default="none",
        help="forge: take the real engine's time without its work, to size a fleet; the outcomes "
        "of quiet AI games then come from a few real games of the same decks [%(default)s]",
    )


def _workers(text: str) -> int:
    return 0 if text == "auto" else _whole(0, 256)(text)


class _whole:
    """A whole number from ``low`` to ``high``."""

    def __init__(self, low: int, high: int) -> None:
        self._low = low
        self._high = high

    def __call__(self, text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else self._low - 1
        if not self._low <= number <= self._high:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number from {self._low} to {self._high}"
            )
        return number


if __name__ == "__main__":
    sys.exit(main())
