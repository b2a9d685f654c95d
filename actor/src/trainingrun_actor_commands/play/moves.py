"""A person's words as a move: any words of a move's description, in order, that fit no other one.

So ``4`` is enough for "drop into column 4", ``d2 d3`` for "d2 to d3" and ``1 3`` for "mark row 1,
column 3", and no game needs a notation of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from trainingrun_environments.games import Game, Games

_WORD: Final = re.compile(r"\w+")
_SHOWN: Final = 6
_MOST_TEXT: Final = 80


class UnclearMove(Exception):
    """The words fit no move or several; the message says which, in one sentence."""


def described_moves(games: Games, game: Game) -> dict[int, str]:
    """Return the legal moves of a position with their descriptions."""
    return {int(action): games.describe(game, action) for action in game.legal_actions()}


def move_of(text: str, moves: Mapping[int, str]) -> int:
    """Return the move that is meant.

    Raises:
        UnclearMove: none is, or several are.
    """
    wanted = _terms_of(text)
    fitting = {
        action: description
        for action, description in moves.items()
        if wanted and _is_among(wanted, _terms_of(description))
    }
    whole = [action for action in fitting if _terms_of(moves[action]) == wanted]
    if len(whole) == 1:
        return whole[0]
    if len(fitting) == 1:
        return next(iter(fitting))
    if fitting:
        several = listed(fitting.values(), last="or")
        raise UnclearMove(f"{_shown(text)!r} may be {several}: write more of its words")
    raise UnclearMove(
        f"{_shown(text)!r} is no move here: possible are {listed(moves.values())};"
        " help says what else can be written"
    )


def listed(texts: Iterable[str], *, last: str = "and") -> str:
    """Return a few texts in a row, and how many more there are."""
    found = list(texts)
    if len(found) > _SHOWN:
        return f"{', '.join(found[:_SHOWN])} {last} {len(found) - _SHOWN} more"
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} {last} {found[-1]}"


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def _terms_of(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _is_among(wanted: list[str], terms: list[str]) -> bool:
    """Return whether all that is wanted stands among the terms, in its order."""
    left = iter(terms)
    return all(term in left for term in wanted)
