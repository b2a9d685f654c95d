"""What can go wrong before the first game."""

from typing import Final

from trainingrun_contracts.run_config import ConfigError

_MOST_TEXT: Final = 500


class UnknownEnvironment(ConfigError):
    """A run names an environment that cannot be had here; the message says why in one sentence."""


class UnknownPlayer(ConfigError):
    """A run names a scripted player that its environment does not have."""


class GameFault(Exception):
    """A game in this process breaks a promise of its environment's spec; the message says which."""


def describe_error(error: Exception) -> str:
    """Return an error of a game's own as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:_MOST_TEXT]}" if text else type(error).__name__
