"""Messages of the services as values that templates show. Pure: no call, no clock, no HTML.

Templates escape whatever they are given, so texts are passed as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose, Score
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetPayoffMatrixResponse,
    ListResultsResponse,
    Player,
)
from trainingrun_contracts.league.v1.game_pb2 import (
    GamePhase,
    GameState,
    GetReplayResponse,
    Thought,
)
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    Tournament,
    TournamentFormat,
    TournamentMatch,
    TournamentState,
)
from trainingrun_contracts.league.v1.model_pb2 import Model, Stage, StageChange

_CERTAIN: Final = 1.96
_SCALE: Final = 200.0
"""Width of an interval's picture."""
_HEATS: Final = 9
_PURPOSES: Final = {
    MatchPurpose.MATCH_PURPOSE_GATE: "gate",
    MatchPurpose.MATCH_PURPOSE_RATING: "rating",
    MatchPurpose.MATCH_PURPOSE_RANKED: "ranked",
    MatchPurpose.MATCH_PURPOSE_TOURNAMENT: "tournament",
    MatchPurpose.MATCH_PURPOSE_CASUAL: "casual",
}
_KNOCKOUT: Final = TournamentFormat.TOURNAMENT_FORMAT_SINGLE_ELIMINATION
_DIGITS_BEHIND: Final = re.compile(r"-[0-9a-f]{4}$")


@dataclass(frozen=True)
class LadderRow:
    """A player of the ladder; ``low``, ``middle`` and ``width`` are for the picture of its interval
    within 0 to 200.
    """

    id: str
    rank: int
    elo: int
    margin: int
    games: int
    low: float
    middle: float
    width: float
    is_champion: bool


def ladder_rows(players: Sequence[Player], champion: str) -> list[LadderRow]:
    """Return the rows of a ladder; all intervals are drawn on one scale."""
    if not players:
        return []
    rated = [player for player in players if player.rank] or list(players)
    margins = [_CERTAIN * player.rating.error for player in rated]
    low = min(p.rating.elo - m for p, m in zip(rated, margins, strict=True))
    high = max(p.rating.elo + m for p, m in zip(rated, margins, strict=True))
    span = max(high - low, 1.0)

    def place(elo: float) -> float:
        return round(max(0.0, min(_SCALE, 4 + (_SCALE - 8) * (elo - low) / span)), 1)

    found = []
    for player in players:
        elo, margin = player.rating.elo, _CERTAIN * player.rating.error
        first, last = place(elo - margin), place(elo + margin)
        found.append(
            LadderRow(
                id=player.id,
                rank=player.rank,
                elo=round(elo),
                margin=round(margin),
                games=player.rating.games,
                low=first,
                middle=place(elo),
                width=round(max(last - first, 1.0), 1),
                is_champion=player.id == champion,
            )
        )
    return found


@dataclass(frozen=True)
class MatrixCell:
    """A cell of the payoff matrix; ``heat`` is 0 for lost to 8 for won."""

    text: str
    title: str
    heat: int


@dataclass(frozen=True)
class MatrixRow:
    """A row of the payoff matrix."""

    id: str
    nash: str
    cells: list[MatrixCell]


def matrix_rows(matrix: GetPayoffMatrixResponse) -> list[MatrixRow]:
    """Return the rows of a payoff matrix; none where no two have met."""
    size = len(matrix.players)
    if len(matrix.cells) != size * size or not any(_games(cell.score) for cell in matrix.cells):
        return []
    return [
        MatrixRow(
            player.id,
            f"{matrix.nash[row]:.2f}" if row < len(matrix.nash) else "",
            [
                _cell(matrix.cells[row * size + column].score, is_self=row == column)
                for column in range(size)
            ],
        )
        for row, player in enumerate(matrix.players)
    ]


def circle_text(matrix: GetPayoffMatrixResponse) -> str:
    """Say how far ratings are from who beats whom."""
    part = 100.0 * matrix.non_transitivity
    if part < 1.0:
        return "Ratings alone explain who beats whom here."
    return (
        f"Up to {part:.0f} % of a result goes in a circle (one beats another, who beats a third,"
        " who beats the first), which no rating shows."
    )


def _cell(score: Score, *, is_self: bool) -> MatrixCell:
    games = _games(score)
    if is_self or not games:
        return MatrixCell("·" if is_self else "", "", 4)
    share = (score.wins + 0.5 * score.draws) / games
    title = f"{score.wins} won, {score.draws} drawn, {score.losses} lost"
    return MatrixCell(f"{100 * share:.0f}", title, min(_HEATS - 1, int(share * _HEATS)))


def _games(score: Score) -> int:
    return int(score.wins + score.draws + score.losses)


@dataclass(frozen=True)
class GameRow:
    """A game of the list."""

    id: str
    players: tuple[str, str]
    is_live: bool
    winner: int
    result: str
    turn: int
    purpose: str
    created_at: float


def game_row(state: GameState) -> GameRow:
    """Return a game as its row."""
    won = winner_of(state)
    match state.phase:
        case GamePhase.GAME_PHASE_WAITING:
            result = "waiting"
        case GamePhase.GAME_PHASE_RUNNING:
            result = "running"
        case GamePhase.GAME_PHASE_ABANDONED:
            result = "abandoned"
        case _:
            result = ("drawn", "first wins", "second wins")[won]
    return GameRow(
        id=state.game_id,
        players=(state.players[0], state.players[1]),
        is_live=not is_over(state),
        winner=won,
        result=result,
        turn=state.turn,
        purpose=_PURPOSES.get(state.purpose, ""),
        created_at=state.created_at.ToNanoseconds() / 1e9,
    )


def is_over(state: GameState) -> bool:
    """Say whether a game has ended."""
    return state.phase in (GamePhase.GAME_PHASE_FINISHED, GamePhase.GAME_PHASE_ABANDONED)


def winner_of(state: GameState) -> int:
    """Return the seat that won; 0 for a draw and a game without a result."""
    if state.phase != GamePhase.GAME_PHASE_FINISHED or len(state.returns) != 2:
        return 0
    first, second = state.returns
    return 0 if first == second else 1 if first > second else 2


def name_of(player: str) -> str:
    """Return a player as people read it: a person without the digits that make the name its own."""
    kind, _, name = player.partition("/")
    if not name:
        return player or "open seat"
    return _DIGITS_BEHIND.sub("", name) if kind == "person" else name


def moment(seconds: float) -> str:
    """Return a time as text, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC" if seconds else ""


def stage_of(stage: int) -> str:
    """Return a stage as people and the style sheet call it."""
    if stage not in Stage.values():
        return ""
    return Stage.Name(Stage.ValueType(stage)).removeprefix("STAGE_").lower()


@dataclass(frozen=True)
class ModelRow:
    """A model."""

    id: str
    lineage: str
    version: int
    parent: str
    stage: str
    reason: str
    training_games: int
    published_at: float
    algorithm: str
    simulations: int
    size_bytes: int
    sha256: str
    validation: str
    is_playable: bool


_PLAYABLE: Final = frozenset({Stage.STAGE_VALIDATED, Stage.STAGE_PROMOTED, Stage.STAGE_RETIRED})


def model_row(model: Model) -> ModelRow:
    """Return a model as it is shown."""
    return ModelRow(
        id=model.id,
        lineage=model.lineage,
        version=model.version,
        parent=model.parent,
        stage=stage_of(model.stage),
        reason=model.reason,
        training_games=model.training_games,
        published_at=model.published_at.ToNanoseconds() / 1e9,
        algorithm=model.algorithm,
        simulations=model.simulations,
        size_bytes=model.size_bytes,
        sha256=model.sha256,
        validation=_validation(model),
        is_playable=model.stage in _PLAYABLE,
    )


def _validation(model: Model) -> str:
    if not model.HasField("validation"):
        return ""
    found = model.validation
    if found.problem:
        return f"failed: {found.problem}"
    return f"{found.games} games, {found.decisions_per_second:,.0f} decisions a second"


@dataclass(frozen=True)
class Lineage:
    """The models of one training, newest first."""

    name: str
    models: list[ModelRow]


def lineages_of(models: Iterable[Model]) -> list[Lineage]:
    """Return models by who trains them, in the order of their newest one."""
    found: dict[str, list[ModelRow]] = {}
    for model in models:
        found.setdefault(model.lineage, []).append(model_row(model))
    return [Lineage(name, rows) for name, rows in found.items()]


@dataclass(frozen=True)
class ChangeRow:
    """A change of a model's stage."""

    after: str
    at: float
    by: str
    reason: str


def change_row(change: StageChange) -> ChangeRow:
    """Return a change as it is shown."""
    at = change.at.ToNanoseconds() / 1e9
    return ChangeRow(stage_of(change.after), at, change.by, change.reason)


@dataclass(frozen=True)
class ResultRow:
    """A result of a player against another one."""

    opponent: str
    wins: int
    draws: int
    losses: int
    purpose: str
    at: float


def result_rows(results: ListResultsResponse, player: str) -> list[ResultRow]:
    """Return results as a player sees them."""
    found = []
    for each in results.results:
        is_first = each.first == player
        wins, losses = each.score.wins, each.score.losses
        found.append(
            ResultRow(
                opponent=each.second if is_first else each.first,
                wins=wins if is_first else losses,
                draws=each.score.draws,
                losses=losses if is_first else wins,
                purpose=_PURPOSES.get(each.purpose, ""),
                at=each.played_at.ToNanoseconds() / 1e9,
            )
        )
    return found


@dataclass(frozen=True)
class MatchCell:
    """A match of a bracket; ``points`` are empty while it is not played."""

    first: str
    second: str
    points: tuple[str, str]
    winner: str


@dataclass(frozen=True)
class Round:
    """A round of a tournament."""

    number: int
    matches: list[MatchCell]


@dataclass(frozen=True)
class StandingRow:
    """A place in a tournament."""

    rank: int
    player: str
    points: str
    tie_break: str
    wins: int
    draws: int
    losses: int


@dataclass(frozen=True)
class TournamentPage:
    """A tournament as it is shown."""

    id: str
    name: str
    format: str
    state: str
    is_knockout: bool
    entrants: list[str]
    pairs: int
    round: int
    rounds: int
    problem: str
    created_at: float
    standings: list[StandingRow]
    rounds_played: list[Round]


def tournament_page(found: Tournament) -> TournamentPage:
    """Return a tournament as it is shown."""
    numbers = sorted({match.round for match in found.matches})
    return TournamentPage(
        id=found.id,
        name=found.name,
        format=_enum(TournamentFormat.Name(found.format), "TOURNAMENT_FORMAT_"),
        state=_enum(TournamentState.Name(found.state), "TOURNAMENT_STATE_"),
        is_knockout=found.format == _KNOCKOUT,
        entrants=list(found.entrants),
        pairs=found.pairs_per_match or 1,
        round=found.round,
        rounds=found.rounds,
        problem=found.problem,
        created_at=found.created_at.ToNanoseconds() / 1e9,
        standings=[
            StandingRow(
                rank=each.rank,
                player=each.player_id,
                points=f"{each.points:g}",
                tie_break=f"{each.tie_break:g}",
                wins=each.score.wins,
                draws=each.score.draws,
                losses=each.score.losses,
            )
            for each in found.standings
        ],
        rounds_played=[
            Round(number, [_match(match) for match in found.matches if match.round == number])
            for number in numbers
        ],
    )


def _match(match: TournamentMatch) -> MatchCell:
    points = ("", "")
    if _games(match.score):
        half = 0.5 * match.score.draws
        points = (f"{match.score.wins + half:g}", f"{match.score.losses + half:g}")
    return MatchCell(match.first, match.second, points, match.winner)


def _enum(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", " ")


def state_json(state: GameState) -> dict[str, Any]:
    """Return a game's state for the page's script."""
    found: dict[str, Any] = {
        "turn": state.turn,
        "phase": _enum(GamePhase.Name(state.phase), "GAME_PHASE_"),
        "over": is_over(state),
        "seat": state.seat_to_move,
        "winner": winner_of(state),
        "reason": state.reason,
        "text": state.text,
        "deadline": state.move_deadline.ToNanoseconds() / 1e9,
        "legal": [{"number": each.number, "text": each.text} for each in state.legal_actions],
        "last": None,
    }
    return found


def turn_json(
    *, seat: int, action: int, text: str, board: str, thought: Thought | None
) -> dict[str, Any]:
    """Return a move for the page's script."""
    return {
        "seat": seat,
        "action": action,
        "text": text,
        "board": board,
        "thought": None if thought is None else thought_json(thought),
    }


def thought_json(thought: Thought) -> dict[str, Any]:
    """Return a thought for the page's script."""
    return {
        "value": thought.value,
        "actions": list(thought.actions),
        "weights": list(thought.weights),
        "texts": list(thought.texts),
        "simulations": thought.simulations,
    }


def turns_json(replay: GetReplayResponse) -> list[dict[str, Any]]:
    """Return the moves of a game for the page's script."""
    return [
        turn_json(
            seat=turn.seat,
            action=turn.action,
            text=turn.action_text,
            board=turn.text,
            thought=turn.thought if turn.HasField("thought") else None,
        )
        for turn in replay.turns
    ]
