"""Texts of others in tables, sentences and documents: shown, aligned, and harmless."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.cells import cell_len
from rich.table import Table
from trainingrun.commands.league.tables import (
    changes_table,
    health_table,
    matches_table,
    model_lines,
    models_table,
    ratings_table,
    standings_table,
    tournaments_table,
)
from trainingrun.commands.output import Output, plain_table, short, text_of
from trainingrun.commands.terminal import console_for_tables, printable
from trainingrun.sdk.errors import Refused
from trainingrun.sdk.league_messages import match_of, model_of, tournament_of
from trainingrun.sdk.league_values import (
    Model,
    ModelHistory,
    PlayedMatch,
    RankedPlayer,
    Ratings,
    Score,
    ServiceHealth,
    Stage,
    StageChange,
    Standing,
    Tournament,
    TournamentFormat,
)
from trainingrun_contracts.league.v1 import elo_pb2, matchmaker_pb2, model_pb2

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOSTILE = [
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "\x9b31m\x85",
    "a\u202egnp.exe\u2066",
    "one\nm9   champion   team/evil\r",
    "tab\tbed\v\f",
    "[/red] [bold]x[/bold] [link=http://evil.example]click[/link] :skull:",
    "漢字テスト",
    "zero\u200bwidth\ufeff\u2060",
    "x" * 100_000,
    "line\u2028break\u2029",
    "\x7f\x00",
]
STEERING = set("\x1b\x07\x9b\x85\u202e\u2066\u200b\ufeff\u2060\u2028\u2029\r\v\f\t\x7f\x00")


def shown(table: object, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that reach the terminal."""
    console_for_tables().print(table)
    return capsys.readouterr().out.splitlines()


def model(text: str) -> Model:
    """A model all of whose texts are this one."""
    return Model(
        id=text,
        lineage=text,
        version=1,
        stage=Stage.REJECTED,
        reason=text,
        algorithm=text,
        simulations=2,
        training_games=3,
        sha256=text,
        size=4,
        schema_hash=text,
        published_at=NOW - timedelta(minutes=1),
        parent=text,
        problem=text,
    )


def history(text: str) -> ModelHistory:
    """The same of its history."""
    change = StageChange(NOW, None, Stage.REJECTED, text, text)
    return ModelHistory(model(text), (change,), (model(text),))


def tournament(text: str) -> Tournament:
    """The same of a tournament."""
    standing = Standing(1, text, 1.0, 0.5, Score(1, 0, 0))
    return Tournament(
        id=text,
        name=text,
        format=TournamentFormat.SWISS,
        state=text,
        round=1,
        rounds=2,
        entrants=(text,),
        standings=(standing,),
        problem=text,
    )


TABLES: dict[str, Callable[[str], Table]] = {
    "models": lambda text: models_table([model(text)], now=NOW, wide=True),
    "changes": lambda text: changes_table(history(text), now=NOW),
    "ratings": lambda text: ratings_table(
        Ratings((RankedPlayer(text, 1, 1500.0, 2.0, 3),), NOW), None
    ),
    "matches": lambda text: matches_table(
        [PlayedMatch(text, NOW, text, text, text, Score(1, 0, 0))], now=NOW
    ),
    "standings": lambda text: standings_table(tournament(text)),
    "tournaments": lambda text: tournaments_table([tournament(text)]),
    "health": lambda text: health_table([ServiceHealth(text, text, serves=False, problem=text)]),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_table_has_one_harmless_line_for_each_row(
    name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a name, a message or a reason is."""
    lines = shown(TABLES[name](text), capsys)
    assert len(lines) == 2
    assert not STEERING & set("".join(lines))


def test_columns_stay_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """Behind any text the next column begins at the same place of the screen, and the whole text
    stands before it."""
    table = plain_table("name", "next")
    for text in HOSTILE:
        table.add_row(text[:200], "NEXT")
    lines = shown(table, capsys)[1:]
    assert len(lines) == len(HOSTILE)
    assert len({cell_len(line[: line.rindex("NEXT")]) for line in lines}) == 1
    assert "\\x1b]0;owned\\x07\\x1b[2J\\x1b[31mred" in lines[0]
    assert HOSTILE[5] in lines[5]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_description_is_harmless(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a model, with its history."""
    for each in model_lines(history(text), now=NOW):
        console_for_tables().print(each)
    written = capsys.readouterr().out
    assert not STEERING & set(written)
    assert not [line for line in written.splitlines() if line.startswith("m9")]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_json_has_the_exact_text(text: str) -> None:
    """And nothing in it steers the terminal that it is shown on."""
    written = printable(text_of(tournament(text), Output.JSON))
    assert json.loads(written)["name"] == text
    assert not (STEERING - set("\t")) & set(written)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_knows_no_number_that_is_none(value: float) -> None:
    """It is null: programs refuse NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = Ratings((RankedPlayer("a", 1, value, value, 3),), None)
    read = json.loads(text_of(found, Output.JSON), parse_constant=refuse)
    assert read["players"][0]["elo"] is None
    assert short(value) == "-"


@pytest.mark.parametrize(
    "read",
    [
        lambda: model_of(model_pb2.Model(id="m1", stage=model_pb2.Stage.ValueType(77))),
        lambda: model_of(
            model_pb2.Model(
                id="m1",
                stage=model_pb2.STAGE_VALIDATED,
                published_at=Timestamp(seconds=2**62),
            )
        ),
        lambda: match_of(elo_pb2.MatchResult(purpose=77)),  # type: ignore[arg-type]
        lambda: tournament_of(matchmaker_pb2.Tournament(id="t1")),
        lambda: tournament_of(
            matchmaker_pb2.Tournament(
                id="t1",
                format=matchmaker_pb2.TOURNAMENT_FORMAT_SWISS,
                state=77,  # type: ignore[arg-type]
            )
        ),
    ],
)
def test_what_is_beyond_the_protocol_is_refused(read: Callable[[], object]) -> None:
    """With a sentence, and no error of protocol buffers."""
    with pytest.raises(Refused, match="this version does not know"):
        read()
