"""Finds the games that a tape was written of, to play one again.

The one module of the daemon's verbs that knows ``trainingrun_environments``. It is imported where a
game of another environment than Magic is watched: Magic needs neither that package nor numpy.
"""

from __future__ import annotations

from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.games import Games
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import environment_of
from trainingrun_environments.replay import Replay, names_no_module
from trainingrun_protocol.tapes import TapeEnvironment

from trainingrun_daemon_commands.watch.moves import Positions


def positions_of(
    played: TapeEnvironment | None, seed: int, *, named: str | None, is_trusted: bool
) -> Positions | str:
    """Return the game to be played again; a sentence where that cannot be.

    Args:
        played: what the tape says; None of a live game.
        seed: of the game.
        named: an environment as the user writes it; comes before the tape's.
        is_trusted: whether the tape is a run's of this machine, which may name code.
    """
    text = named or (played.found_by if played is not None else "")
    try:
        config = config_of(text)
        if named is None and not is_trusted and not names_no_module(config):
            return (
                f"only the file says which code the game is: add --environment {text!r} if that"
                " is to be run"
            )
        games: Games | None = getattr(environment_of(config), "games", None)
    except UnknownEnvironment as error:
        return str(error)
    if games is None:
        return "its games are an engine's, which is not asked here"
    spec = games.spec
    if played is not None and (spec.name, spec.version) != (played.name, played.version):
        return (
            f"{played.name}, version {played.version}, was played, and here is"
            f" {spec.name}, version {spec.version}"
        )
    return Replay(games, seed)
