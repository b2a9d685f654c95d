"""Reads requests into values; what is not sound is refused here, with the field and what to do."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Final

from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.game_pb2 import (
    CreateGameRequest,
    RecordedGame,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.game_pb2 import Thought as ThoughtMessage

from trainingrun_league.errors import InvalidRequest
from trainingrun_league.game.table import (
    LONGEST_MOVE,
    MOST_TURNS,
    MOST_WEIGHTS,
    SHORTEST_MOVE,
    USUAL_MOVE,
    Thought,
)

MOST_KEY: Final = 200
_PLAYER: Final = re.compile(r"(model|person|builtin)/[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_NAME: Final = re.compile(r"[\x21-\x7e]{1,200}")


def key_of(key: str, *, field: str = "idempotency_key") -> str:
    """Return an idempotency key; raises InvalidRequest where it is none."""
    if _NAME.fullmatch(key) is None:
        raise InvalidRequest(
            f"{field}: give each write a key of its own, 1 to {MOST_KEY} letters, digits or signs"
        )
    return key


def player_of(player: str, *, field: str) -> str:
    """Return a player's id; raises InvalidRequest where it is none."""
    if _PLAYER.fullmatch(player) is None:
        raise InvalidRequest(
            f"{field}: {player[:80]!r} is no player: write model/ID, person/NAME or builtin/NAME"
        )
    return player


def players_of(players: list[str]) -> tuple[str, str]:
    """Return the players of both seats, each of whom may be left open."""
    if len(players) not in (0, 2):
        raise InvalidRequest(
            f"players: name two, for seat 1 and seat 2, not {len(players)}; an empty one is a seat"
            " for anybody"
        )
    first, second = players or ("", "")
    for place, player in enumerate((first, second)):
        if player:
            player_of(player, field=f"players[{place}]")
    return first, second


def purpose_of(purpose: int) -> int:
    """Return a match's purpose; raises InvalidRequest where it has none of them."""
    if purpose not in MatchPurpose.values():
        raise InvalidRequest(f"purpose: {purpose} is none of those of the protocol")
    return purpose


def match_of(match_id: str) -> str:
    """Return a match id, which may be absent."""
    if match_id and _NAME.fullmatch(match_id) is None:
        raise InvalidRequest("match_id: at most 200 letters, digits or signs")
    return match_id


def move_seconds_of(request: CreateGameRequest) -> float:
    """Return the time for a move; raises InvalidRequest outside of 1 s to an hour."""
    if not request.HasField("move_limit"):
        return USUAL_MOVE
    seconds = float(request.move_limit.seconds) + request.move_limit.nanos / 1e9
    if not SHORTEST_MOVE <= seconds <= LONGEST_MOVE:
        raise InvalidRequest(
            f"move_limit: {seconds:g} s is not between {SHORTEST_MOVE:g} s and {LONGEST_MOVE:g} s"
        )
    return seconds


def thought_of(request: SubmitActionRequest | RecordedGame.Action) -> Thought | None:
    """Return what a player said of its position; raises InvalidRequest where it is no thought."""
    return _thought(request.thought) if request.HasField("thought") else None


def digest_of(request: CreateGameRequest | RecordedGame) -> str:
    """Return a hash that sets a request apart from another one with the same key."""
    return hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()


def actions_of(game: RecordedGame, *, field: str) -> list[tuple[int, Thought | None]]:
    """Return the actions of a recorded game; raises InvalidRequest where they are too many."""
    if len(game.actions) > MOST_TURNS:
        raise InvalidRequest(
            f"{field}.actions: {len(game.actions)} of them: a game has at most {MOST_TURNS}"
        )
    return [(action.number, thought_of(action)) for action in game.actions]


def _thought(thought: ThoughtMessage) -> Thought:
    if len(thought.actions) != len(thought.weights) or len(thought.weights) > MOST_WEIGHTS:
        raise InvalidRequest(
            f"thought: {len(thought.actions)} actions and {len(thought.weights)} weights: give one"
            f" weight for each action, at most {MOST_WEIGHTS}"
        )
    if not (math.isfinite(thought.value) and abs(thought.value) <= 1.0):
        raise InvalidRequest("thought.value: an expected outcome is between -1 and 1")
    if not all(math.isfinite(weight) and weight >= 0.0 for weight in thought.weights):
        raise InvalidRequest("thought.weights: they are finite numbers, none below 0")
    return Thought(
        value=thought.value,
        actions=tuple(thought.actions),
        weights=tuple(thought.weights),
        simulations=thought.simulations,
    )
