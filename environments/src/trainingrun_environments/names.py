"""Environments as people write them on a command line.

connect_four                     an entry point of the group trainingrun.environments
openSpiel:kuhn_poker             a game of OpenSpiel, its parameters in brackets:
openSpiel:hex(board_size=5)
pettingZoo:classic.connect_four_v3
python:my_package.my_game:Game   a class of yours
{"kind": "openSpiel", …}         the JSON of a run's configuration, which programs write
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from trainingrun_contracts.environment_config import (
    BuiltIn,
    EnvironmentConfig,
    Magic,
    OpenSpiel,
    Parameter,
    PettingZoo,
    Python,
)

from trainingrun_environments.errors import UnknownEnvironment

SPELLINGS: Final = "NAME, openSpiel:GAME, pettingZoo:NAME or python:MODULE:CLASS"
_GAME: Final = re.compile(r"(?P<game>[^()]+)(\((?P<parameters>[^()]*)\))?")
_TRUTHS: Final[dict[str, Parameter]] = {"true": True, "false": False}


def config_of(text: str) -> EnvironmentConfig:
    """Read one of the spellings above.

    Raises:
        UnknownEnvironment: it is none of them; whether there is such an environment, ``registry``
            finds out.
    """
    if text.startswith("{"):
        return _from_json(text)
    kind, colon, name = text.partition(":")
    if not text or (colon and not name):
        raise UnknownEnvironment(f"the environment {text!r} has no name: write {SPELLINGS}")
    match kind:
        case "magic" if not colon:
            return Magic()
        case _ if not colon:
            return BuiltIn(kind)
        case "openSpiel":
            return _open_spiel(name)
        case "pettingZoo":
            return PettingZoo(name)
        case "python":
            return Python(name)
        case _:
            raise UnknownEnvironment(
                f"the environment {text!r} is of the unknown kind {kind!r}: write {SPELLINGS}"
            )


def _from_json(text: str) -> EnvironmentConfig:
    try:
        found: EnvironmentConfig = msgspec.json.decode(text, type=EnvironmentConfig)
    except msgspec.MsgspecError as error:
        raise UnknownEnvironment(
            f"the environment {text[:80]!r} is no JSON of a run's environment: {error}"
        ) from error
    return found


def _open_spiel(text: str) -> OpenSpiel:
    if text.count("(") > 1:  # a game of a game, in OpenSpiel's own spelling
        return OpenSpiel(text)
    found = _GAME.fullmatch(text)
    given = (found["parameters"] or "").split(",") if found else []
    pairs = [part.partition("=") for part in given if part.strip()]
    if found is None or not all(equals and name.strip() for name, equals, _ in pairs):
        raise UnknownEnvironment(
            f"the game {text!r} cannot be read: write openSpiel:GAME"
            " or openSpiel:GAME(NAME=VALUE,NAME=VALUE)"
        )
    return OpenSpiel(found["game"], {name.strip(): _value(value) for name, _, value in pairs})


def _value(text: str) -> Parameter:
    """Return a parameter: a whole number, a number, true or false, else the text."""
    text = text.strip()
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return _TRUTHS.get(text.casefold(), text)
