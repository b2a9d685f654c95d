"""What the command line decides, as a value that also travels to worker processes."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from trainingrun_protocol.access import TOKEN_VARIABLE, Token
from trainingrun_protocol.given_token import token_in_environment

from trainingrun_daemon.latency import LatencyProfile
from trainingrun_daemon.server_context import Timeouts

MAGIC: Final = "magic"
"""The environment that this package is made for."""


class ServeError(Exception):
    """The daemon cannot start; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve. ``port`` 0 takes a free one."""

    host: str
    port: int
    decks: tuple[Path, ...]
    max_concurrent: int = 10
    games_per_address: int | None = None
    """Slots that clients with the same address may hold at once; None: all."""
    longest_game: int = 3600
    """Seconds after which a game ends, whatever its ``-c`` says."""
    workers: int = 1
    drain_seconds: float = 20.0
    patience: Timeouts = field(default_factory=Timeouts)
    latency: LatencyProfile | None = None
    environment: str = MAGIC
    """What is played, as it stands on the command line."""
    reveal_all: bool = False
    token: Token | None = None
    """What a client must know who wants a game; None: nothing."""

    def check(self) -> None:
        """Raise ServeError when a deck directory does not exist, or options do not fit."""
        if self.workers > 1 and sys.platform != "linux":
            raise ServeError("several workers need Linux; give --workers 1")
        if self.environment != MAGIC:
            if self.reveal_all:
                raise ServeError("--reveal-all shows hands of Magic; leave it or --environment out")
            return
        for directory in self.decks:
            if not directory.is_dir():
                raise ServeError(
                    f"the deck directory {directory} does not exist; give one with --decks DIR"
                )


def encode_options(options: ServeOptions) -> str:
    """Return the options as one argument of a command line, which every user of the machine sees:
    without the token, which travels in ``worker_environment``."""
    return msgspec.json.encode(replace(options, token=None), enc_hook=str).decode()


def worker_environment(options: ServeOptions, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a worker process: this one, with the token or without any."""
    found = {name: value for name, value in environment.items() if name != TOKEN_VARIABLE}
    return found if options.token is None else {**found, TOKEN_VARIABLE: options.token.text}


def decode_options(text: str, environment: Mapping[str, str]) -> ServeOptions:
    """Read what ``encode_options`` and ``worker_environment`` wrote."""
    found = msgspec.json.decode(text, type=ServeOptions, dec_hook=_decode_path)
    return replace(found, token=token_in_environment(environment))


def _decode_path(kind: type, value: Any) -> Any:
    return kind(value)
