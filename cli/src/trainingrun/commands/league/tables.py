"""What a league says, for people: tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table

from trainingrun.commands.output import (
    UNKNOWN,
    SafeTable,
    age_of,
    number,
    plain_table,
    short,
)
from trainingrun.sdk.league_values import (
    Model,
    ModelHistory,
    PlayedMatch,
    Queue,
    Ratings,
    ReplayStats,
    ReplayTable,
    Score,
    ServiceHealth,
    Stage,
    Tournament,
)

_MEGA = 1_000_000


def models_table(models: Sequence[Model], *, now: datetime, wide: bool) -> Table:
    """Return a row for each model; wide adds why it has its stage, and its bytes."""
    more = ("reason", "size", "sha256") if wide else ()
    columns = ("model", "stage", "role", "lineage", "version", "algorithm", "games", "age")
    table = plain_table(*columns, *more)
    for each in models:
        cells = [
            each.id,
            each.stage.value,
            each.role.value,
            each.lineage,
            str(each.version),
            _played_as(each),
            str(each.training_games),
            age_of(each.published_at, now=now),
        ]
        if wide:
            cells += [each.reason, _megabytes(each.size), each.sha256[:12]]
        table.add_row(*cells)
    return table


def model_lines(history: ModelHistory, *, now: datetime) -> Iterator[RenderableType]:
    """Yield what is known of one model."""
    model = history.model
    facts = plain_rows(
        ("Model", model.id),
        ("Stage", f"{model.stage.value}: {model.reason}"),
        ("Role", model.role.value),
        ("Lineage", f"{model.lineage}, version {model.version}"),
        ("Descends from", ", ".join(each.id for each in history.ancestors) or "nothing"),
        ("Plays by", _played_as(model)),
        ("Trained on", f"{model.training_games} games"),
        ("Weights", f"{_megabytes(model.size)}, SHA-256 {model.sha256}"),
        ("Environment", f"schema {model.schema_hash}"),
        ("Published", f"{age_of(model.published_at, now=now)} ago"),
        ("Validation", _validation(model)),
    )
    yield facts
    yield ""
    yield changes_table(history, now=now)


def changes_table(history: ModelHistory, *, now: datetime) -> Table:
    """Return a row for each change of a model's stage, oldest first."""
    table = plain_table("age", "from", "to", "by", "reason")
    for each in history.changes:
        before = each.before.value if each.before is not None else UNKNOWN
        table.add_row(age_of(each.at, now=now), before, each.after.value, each.by, each.reason)
    return table


def ratings_table(ratings: Ratings, champion: str | None) -> Table:
    """Return a row for each player, the best first."""
    table = plain_table("rank", "player", "elo", "±", "games", "")
    for each in ratings.players:
        table.add_row(
            str(each.rank) if each.rank is not None else UNKNOWN,
            each.id,
            number(each.elo, ".0f"),
            number(None if each.error is None else 1.96 * each.error, ".0f"),
            str(each.games),
            "champion" if champion is not None and each.id == f"model/{champion}" else "",
        )
    return table


def matches_table(matches: Sequence[PlayedMatch], *, now: datetime) -> Table:
    """Return a row for each match, the newest first."""
    table = plain_table("match", "age", "purpose", "first", "second", "won-drawn-lost")
    for each in matches:
        table.add_row(
            each.id,
            age_of(each.at, now=now),
            each.purpose,
            each.first,
            each.second,
            _score(each.score),
        )
    return table


def standings_table(tournament: Tournament) -> Table:
    """Return a row for each entrant."""
    table = plain_table("rank", "player", "points", "tie break", "won-drawn-lost")
    for each in tournament.standings:
        table.add_row(
            str(each.rank),
            each.player,
            f"{each.points:g}",
            f"{each.tie_break:g}",
            _score(each.score),
        )
    return table


def tournaments_table(tournaments: Sequence[Tournament]) -> Table:
    """Return a row for each tournament, the newest first."""
    table = plain_table("tournament", "name", "format", "state", "round", "entrants")
    for each in tournaments:
        table.add_row(
            each.id,
            each.name,
            each.format.value,
            each.state,
            f"{each.round}/{each.rounds}",
            str(len(each.entrants)),
        )
    return table


def health_table(services: Iterable[ServiceHealth]) -> Table:
    """Return a row for each service."""
    table = plain_table("service", "address", "state")
    for each in services:
        table.add_row(each.service, each.address, "serves" if each.serves else each.problem)
    return table


def queue_sentence(queue: Queue) -> str:
    """Return what the Matchmaker has before it."""
    waits = (
        f"{queue.waiting_players} players wait, {short(queue.oldest_wait_seconds)} at most"
        if queue.waiting_players
        else "no player waits"
    )
    return (
        f"{queue.open_matches} matches open, {queue.leased_matches} being played,"
        f" {queue.reported_matches} reported ({queue.matches_per_minute:.1f} a minute); {waits};"
        f" {queue.wanted_workers} workers wanted"
    )


def models_sentence(models: Sequence[Model]) -> str:
    """Return how many models have each stage, and who is champion."""
    if not models:
        return (
            "none yet: a run with spec.leagueRef, or `trainingrun local --league`, publishes some"
        )
    champion = next((each.id for each in models if each.stage is Stage.CHAMPION), "none yet")
    counts = {stage: sum(each.stage is stage for each in models) for stage in Stage}
    listed = ", ".join(
        f"{count} {stage.value}"
        for stage, count in counts.items()
        if count and stage is not Stage.CHAMPION
    )
    return f"{len(models)} (champion {champion}{'; ' if listed else ''}{listed})"


def replay_rows(stats: ReplayStats) -> Table:
    """Return what the Replay service holds."""
    return plain_rows(
        ("Items", f"{stats.items} ({stats.experiences} experiences, {_megabytes(stats.bytes)})"),
        ("Recorded", f"{stats.recorded}, {stats.recorded_per_second:.0f} a second"),
        ("Sampled", f"{stats.sampled}, {stats.sampled_per_second:.0f} a second"),
        ("Samples per insert", f"{stats.samples_per_insert:.2f}"),
        ("Readable", f"{stats.readable} before learners are held"),
        ("Evicted", f"{stats.evicted}, archived {stats.archived}"),
        (
            "Held",
            f"writers {short(stats.writers_held_seconds)}, readers"
            f" {short(stats.readers_held_seconds)}",
        ),
    )


def replay_tables_table(tables: Sequence[ReplayTable], *, now: datetime, wide: bool) -> Table:
    """Return a row for each replay table; wide adds whose it is, and its bytes."""
    more = ("bytes", "journal", "kept by") if wide else ()
    table = plain_table("table", "items", "experiences", "idle", "state", *more)
    for each in tables:
        cells = [
            each.name,
            str(each.items),
            str(each.experiences),
            short(each.idle_seconds),
            _state_of(each, now=now),
        ]
        if wide:
            kept_by = each.keeper or UNKNOWN
            cells += [_megabytes(each.bytes), _megabytes(each.journal_bytes), kept_by]
        table.add_row(*cells)
    return table


def _state_of(table: ReplayTable, *, now: datetime) -> str:
    if table.problem:
        return f"damaged: {table.problem}"
    if table.goes_at is not None:
        left = max(0.0, (table.goes_at - now).total_seconds())
        return f"its run is over, goes in {short(left)}"
    if table.is_used:
        return "in use"
    return "rests" if table.keeper else "kept until it is dropped"


def plain_rows(*rows: tuple[str, str]) -> Table:
    """Return names with their values, in two columns."""
    table = SafeTable(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _played_as(model: Model) -> str:
    return f"{model.algorithm}, {model.simulations} sims" if model.simulations else model.algorithm


def _validation(model: Model) -> str:
    if model.problem is not None:
        return model.problem
    if model.decisions_per_second is None:
        return UNKNOWN
    return f"passed, {model.decisions_per_second:.0f} decisions a second"


def _score(score: Score) -> str:
    return f"{score.wins}-{score.draws}-{score.losses}"


def _megabytes(size: int) -> str:
    return f"{size / _MEGA:.1f} MB"
