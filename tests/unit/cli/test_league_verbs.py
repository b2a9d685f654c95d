"""The verbs of leagues without a league: what they refuse, and what they show."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from trainingrun.commands.errors import UserError
from trainingrun.commands.league.play import read_tournament
from trainingrun.commands.league.tables import (
    models_sentence,
    models_table,
    queue_sentence,
    ratings_table,
)
from trainingrun.commands.league.target import WhichLeague, addresses_in, league_at, place_of
from trainingrun.commands.local.joining import join_league
from trainingrun.commands.terminal import SafeConsole
from trainingrun.local.league_folder import Ready, StartedProcess, Up, league_folder, league_names
from trainingrun.local.league_processes import is_running
from trainingrun.sdk.league_messages import model_of
from trainingrun.sdk.league_values import (
    LeagueAt,
    LocalLeague,
    Model,
    Queue,
    RankedPlayer,
    Ratings,
    Stage,
    TournamentFormat,
)
from trainingrun_api.run import TrainingRun, parse
from trainingrun_contracts.league.v1 import model_pb2
from trainingrun_contracts.run_config import LEAGUE_TOKEN_VARIABLE

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MODEL = Model(
    id="m2",
    lineage="team/run",
    version=7,
    stage=Stage.CHAMPION,
    reason="better than m1",
    algorithm="alphaZero",
    simulations=50,
    training_games=900,
    sha256="ab" * 32,
    size=2_500_000,
    schema_hash="feed",
    published_at=NOW - timedelta(minutes=3),
)


def run_of(league: str | None) -> TrainingRun:
    """A run that joins a league, or none."""
    ref = {} if league is None else {"leagueRef": {"name": league}}
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small"},
            "spec": {
                "games": 10,
                "environment": {"builtIn": {"name": "connect_four"}},
                **ref,
            },
        }
    )


def up(state: Path, name: str = "league") -> None:
    """Write the folder of a league that is up."""
    folder = league_folder(state, name)
    folder.root.mkdir(parents=True)
    process = StartedProcess(os.getpid(), 0.0)
    folder.up.write_bytes(msgspec.json.encode(Up("connect_four", process)))
    ready = Ready(os.getpid(), {"model": "127.0.0.1:4242", "elo": "127.0.0.1:4243"})
    folder.ready.write_bytes(msgspec.json.encode(ready))
    folder.token.write_text("token\n")
    folder.authority.write_text("PEM\n")


@pytest.mark.parametrize(
    "given", ["host:50053", "model=host", "mode=host:1", "model=host:x", "a,b"]
)
def test_addresses_that_are_none_are_refused(given: str) -> None:
    """Expect a sentence that names the option and says how an address is written."""
    with pytest.raises(UserError, match=r"^--league .*(HOST|host)"):
        addresses_in(given)


def test_a_host_has_the_usual_ports() -> None:
    """Expect one port for each service; or the addresses that are given."""
    found = addresses_in("league.example")
    assert (found["game"], found["replay"]) == ("league.example:50051", "league.example:50055")
    assert addresses_in("elo=a:1,model=b:2") == {"elo": "a:1", "model": "b:2"}


def test_a_league_elsewhere_asks_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect the variable's name where there is none, and its value where it is set."""
    monkeypatch.delenv(LEAGUE_TOKEN_VARIABLE, raising=False)
    with pytest.raises(UserError, match=LEAGUE_TOKEN_VARIABLE):
        place_of(WhichLeague(league="league.example"))
    monkeypatch.setenv(LEAGUE_TOKEN_VARIABLE, "secret")
    place = place_of(WhichLeague(league="league.example", insecure=True))
    assert isinstance(place, LeagueAt)
    assert (place.token, place.is_encrypted) == ("secret", False)
    assert "secret" not in repr(place)


def test_the_one_league_of_this_machine_needs_no_name(tmp_path: Path) -> None:
    """Expect it, whatever it is called; with several the one of the usual name."""
    up(tmp_path, "chess")
    assert place_of(WhichLeague(state=tmp_path)) == LocalLeague("chess", tmp_path)
    up(tmp_path, "go")
    assert place_of(WhichLeague(state=tmp_path)) == LocalLeague("league", tmp_path)
    assert league_names(tmp_path) == ("chess", "go")


def test_a_league_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    """Expect what to do: start it, or name another one."""
    with (
        pytest.raises(UserError, match="trainingrun league up"),
        league_at(WhichLeague(state=tmp_path)),
    ):
        pass
    up(tmp_path)
    league_folder(tmp_path, "league").ready.unlink()
    with pytest.raises(UserError, match="is not up"), league_at(WhichLeague(state=tmp_path)):
        pass
    league_folder(tmp_path, "league").ready.write_text("{")
    with (
        pytest.raises(UserError, match=r"ready\.json cannot be read"),
        league_at(WhichLeague(state=tmp_path)),
    ):
        pass


def test_a_run_joins_the_league_that_it_names(tmp_path: Path) -> None:
    """Expect its address and token; of an option the league is put into the run."""
    up(tmp_path)
    run, joined = join_league(run_of("league"), None, tmp_path)
    assert joined is not None
    assert (joined.address.model, joined.access.read().token) == ("127.0.0.1:4242", "token")
    run, joined = join_league(run_of(None), "league", tmp_path)
    assert run.spec.league_ref is not None
    assert run.spec.league_ref.name == "league"
    assert join_league(run_of(None), None, tmp_path)[1] is None


def test_a_run_whose_league_is_not_up_does_not_start(tmp_path: Path) -> None:
    """Expect the field and what to do."""
    with pytest.raises(UserError, match=r"^spec\.leagueRef\.name chess: no league"):
        join_league(run_of("chess"), None, tmp_path)


def test_a_process_id_that_came_back_is_not_ours() -> None:
    """Expect the moment of the start to count, too."""
    assert not is_running(StartedProcess(os.getpid(), 0.0))


def test_a_tournament_is_read_as_a_cluster_has_it(tmp_path: Path) -> None:
    """Expect the whole resource, or its spec alone."""
    file = tmp_path / "tournament.yaml"
    spec = "format: RoundRobin\nentrants: [champion, builtin/random]\npairsPerMatch: 4\n"
    file.write_text(spec)
    found = read_tournament(file)
    assert (found.format, found.pairs_per_match) == (TournamentFormat.ROUND_ROBIN, 4)
    indented = "".join(f"  {line}\n" for line in spec.splitlines())
    file.write_text(f"kind: Tournament\nmetadata: {{name: cup}}\nspec:\n{indented}")
    assert read_tournament(file).name == "cup"


def test_a_field_that_a_tournament_does_not_have_is_refused(tmp_path: Path) -> None:
    """Expect a misspelled field to be named, as kubectl does, and not to be ignored."""
    file = tmp_path / "tournament.yaml"
    file.write_text("entrants: [champion, builtin/random]\npairPerMatch: 4\n")
    with pytest.raises(UserError, match="pairPerMatch"):
        read_tournament(file)


@pytest.mark.parametrize(
    "text", ["[", "- a", "format: none\nentrants: [a]", "format: swiss", "spec: 3", "format: [1]"]
)
def test_a_file_that_is_no_tournament_is_refused(tmp_path: Path, text: str) -> None:
    """Expect the file and what is wrong."""
    file = tmp_path / "tournament.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"^/.*tournament\.yaml: "):
        read_tournament(file)


def shown(table: object, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of a table in a pipe."""
    SafeConsole(uncut=True).print(table)
    return capsys.readouterr().out.splitlines()


def test_models_are_shown_in_a_row_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect what tells models apart; wide adds why."""
    title, row = shown(models_table([MODEL], now=NOW, wide=False), capsys)
    columns = ["MODEL", "STAGE", "ROLE", "LINEAGE", "VERSION", "ALGORITHM", "GAMES", "AGE"]
    assert title.split() == columns
    assert row.split() == [
        *["m2", "champion", "main", "team/run", "7"],
        *["alphaZero,", "50", "sims", "900", "3m00s"],
    ]
    _, row = shown(models_table([MODEL], now=NOW, wide=True), capsys)
    assert "better than m1" in row
    assert models_sentence([MODEL]) == "1 (champion m2)"


@pytest.mark.parametrize(
    ("said", "shown_as"),
    [
        (model_pb2.POPULATION_ROLE_UNSPECIFIED, "main"),
        (model_pb2.POPULATION_ROLE_MAIN, "main"),
        (model_pb2.POPULATION_ROLE_MAIN_EXPLOITER, "main exploiter"),
        (model_pb2.POPULATION_ROLE_LEAGUE_EXPLOITER, "league exploiter"),
    ],
)
def test_a_model_tells_its_role(said: model_pb2.PopulationRole, shown_as: str) -> None:
    """Expect a model that was published under no role to be a main one."""
    message = model_pb2.Model(stage=model_pb2.STAGE_VALIDATED, role=said)
    assert model_of(message).role.value == shown_as


def test_ratings_name_the_champion(capsys: pytest.CaptureFixture[str]) -> None:
    """Expect a dash for a player without games, and the margin of 95 %."""
    players = (
        RankedPlayer("model/m2", 1, 612.4, 10.0, 300),
        RankedPlayer("model/m1", None, None, None, 0),
    )
    _, first, second = shown(ratings_table(Ratings(players, NOW), "m2"), capsys)
    assert first.split() == ["1", "model/m2", "612", "20", "300", "champion"]
    assert second.split() == ["-", "model/m1", "-", "-", "0"]


def test_the_queue_is_a_sentence() -> None:
    """Expect players to be named where some wait."""
    queue = Queue(2, 65.0, 4, 1, 2.5, 3, 17)
    assert "2 players wait, 1m05s at most" in queue_sentence(queue)
