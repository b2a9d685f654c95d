"""What can go wrong before the first game."""

from trainingrun_contracts.run_config import ConfigError


class UnknownEnvironment(ConfigError):
    """A run names an environment that cannot be had here; the message says why in one sentence."""


class GameFault(Exception):
    """A game in this process breaks a promise of its environment's spec; the message says which."""
