"""What can go wrong before the first game."""

from trainingrun_contracts.run_config import ConfigError


class UnknownEnvironment(ConfigError):
    """A run names an environment that cannot be had here; the message says why in one sentence."""


class BrokenGame(Exception):
    """A game in this process did what no game may; the message says what, in one sentence."""
