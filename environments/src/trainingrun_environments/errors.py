"""What can go wrong before the first game."""


class UnknownEnvironment(Exception):
    """A run names an environment that cannot be had here; the message says why in one sentence."""
