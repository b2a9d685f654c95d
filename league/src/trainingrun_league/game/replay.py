"""A game as people see it again: every action with the position behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trainingrun_contracts.league.v1.game_pb2 import GetReplayResponse

from trainingrun_league.game.daemon_game import scene_of
from trainingrun_league.game.engine import Engine
from trainingrun_league.game.played import PlayedGame
from trainingrun_league.game.table import Table
from trainingrun_league.game.views import (
    WATCHER,
    SeenGame,
    state_message,
    thought_message,
    time_message,
)

MOST_CHARACTERS: Final = 1_000_000
"""Of all positions together; those behind are left out, so that an answer stays a message."""


def replay_message(engine: Engine, played: SeenGame) -> GetReplayResponse:
    """Return the game turn by turn."""
    table = played.table
    again = PlayedGame(engine, replace(table, turn=0))
    replay = GetReplayResponse(
        last=state_message(played, WATCHER), seed=table.seed, text=again.rules.text(WATCHER)
    )
    left = MOST_CHARACTERS
    for turn in played.turns:
        again.repeat(turn)
        text = again.rules.text(WATCHER) if left > 0 else ""
        left -= len(text)
        shown = replay.turns.add(
            seat=turn.seat, action=turn.action, action_text=again.last_text, text=text
        )
        if turn.thought is not None:
            shown.thought.CopyFrom(thought_message(turn.thought, again.last_thought_texts))
    _note_times(replay, table)
    return replay


def kept_replay_message(seen: SeenGame) -> GetReplayResponse:
    """Return a game of an engine turn by turn, from what its turns keep: the position of each, as
    the seat saw it that moved. None is behind the last one.
    """
    table, turns = seen.table, seen.turns
    scenes = [scene_of(turn) for turn in turns]
    replay = GetReplayResponse(
        last=state_message(seen, WATCHER),
        seed=table.seed,
        text=scenes[0].text if scenes else "",
    )
    left = MOST_CHARACTERS
    for place, (turn, scene) in enumerate(zip(turns, scenes, strict=True)):
        behind = scenes[place + 1].text if place + 1 < len(scenes) and left > 0 else ""
        left -= len(behind)
        shown = replay.turns.add(
            seat=turn.seat, action=turn.action, action_text=scene.action_text, text=behind
        )
        if turn.thought is not None:
            shown.thought.CopyFrom(thought_message(turn.thought, scene.thought_texts))
    _note_times(replay, table)
    return replay


def _note_times(replay: GetReplayResponse, table: Table) -> None:
    if table.started_at is not None:
        replay.started_at.CopyFrom(time_message(table.started_at))
    if table.finished_at is not None:
        replay.finished_at.CopyFrom(time_message(table.finished_at))
