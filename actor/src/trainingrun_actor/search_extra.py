"""What only processes that search have: numba and the searches, which the extra ``search`` brings.

The modules that need them (``search_games``, ``board_policies``) are imported inside of functions,
behind ``require_search``: an actor of PPO has neither.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from trainingrun_contracts.run_config import ConfigError, RunConfig
from trainingrun_contracts.search_players import (
    SEARCH_PLAYER_FORM,
    is_open_spiels,
    search_simulations,
)
from trainingrun_environments.seam import Environment

SHIPPED_CACHE_VARIABLE: Final = "TRAININGRUN_NUMBA_CACHE"
"""Folder of compiled searches that an image has; numba only uses a folder that it may write."""
NUMBA_CACHE_VARIABLE: Final = "NUMBA_CACHE_DIR"


def searching_opponents(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of the names that are players which search, as ``mcts-100``."""
    return tuple(name for name in names if SEARCH_PLAYER_FORM.fullmatch(name))


def check_search(config: RunConfig, environment: Environment) -> None:
    """See that this process can search where the run has it search.

    Raises:
        ConfigError: it cannot, the environment's games cannot be searched, or a name has too many
            simulations.
    """
    named = searching_opponents(config.evaluation.opponents)
    for name in named:
        if search_simulations(name) is None:
            raise ConfigError(
                f"evaluation.opponents: {name}: searches make 1 to 100000 simulations a move"
            )
    if not named and config.alpha_zero is None:
        return
    who = "a run of alphaZero" if config.alpha_zero is not None else f"the opponent {named[0]}"
    if not environment.spec.is_forkable:
        raise ConfigError(
            f"{who} searches, and the environment {environment.spec.name!r} cannot be searched: its"
            " games cannot be cloned, or a clone would know what players do not"
        )
    require_search(who)
    for name in filter(is_open_spiels, named):
        require_open_spiel(name)


def require_open_spiel(name: str) -> None:
    """See that OpenSpiel's players can play here.

    Raises:
        ConfigError: OpenSpiel is not installed.
    """
    if find_spec("pyspiel") is None:
        raise ConfigError(
            f"the opponent {name} is a player of OpenSpiel, which is not installed here:"
            " pip install 'trainingrun-environments[open-spiel]'"
        )


def require_search(who: str) -> None:
    """See that searches can be made here.

    Raises:
        ConfigError: numba or the searches are not installed.
    """
    for package in ("trainingrun_search", "numba"):
        if find_spec(package) is None:
            raise ConfigError(
                f"{who} searches, and {package} is not installed here: install"
                " trainingrun-actor[search], or take an image that has it"
            )
    use_shipped_cache(os.environ)


def use_shipped_cache(environ: Mapping[str, str]) -> None:
    """Copy an image's compiled searches to where numba searches for them; before the first search.

    A cache that cannot be copied costs half a minute of compilation, and nothing else.
    """
    shipped = environ.get(SHIPPED_CACHE_VARIABLE, "")
    wanted = environ.get(NUMBA_CACHE_VARIABLE, "")
    if not shipped or not wanted or Path(wanted).exists():
        return
    try:
        shutil.copytree(shipped, wanted)
    except OSError:
        shutil.rmtree(wanted, ignore_errors=True)
