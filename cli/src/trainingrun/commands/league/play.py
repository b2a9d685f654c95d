"""The verbs about what is played in a league: ``ratings``, ``matches``, ``tournament``,
``replay``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from trainingrun_api import tournament as tournament_api
from trainingrun_api.resource import SpecError
from trainingrun_api.tournament import TOURNAMENT

from trainingrun.commands.document import DocumentKind, describe_problems, read_source
from trainingrun.commands.durations import seconds_in
from trainingrun.commands.errors import TimedOut, UserError
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.league.tables import (
    matches_table,
    ratings_table,
    replay_rows,
    replay_tables_table,
    standings_table,
    tournaments_table,
)
from trainingrun.commands.league.target import WhichLeague, league_at
from trainingrun.commands.options import Output, OutputOption, TimeoutOption
from trainingrun.commands.output import write
from trainingrun.commands.terminal import console_for_tables, echo, error_console, printable_line
from trainingrun.sdk.league_values import (
    Stage,
    Tournament,
    TournamentFormat,
    TournamentRequest,
)

_TOURNAMENT_HELP: Final = "Tournaments of a league's players: have one played, show its standings."
_REPLAY_HELP: Final = "The league's store of experience: its tables, what they hold, and their end."
_POLL_SECONDS: Final = 2.0
_TOURNAMENT: Final = DocumentKind(
    noun="Tournament",
    fields="format and entrants",
    example="examples/league/cup.yaml",
    option="-f",
)

tournament = Verbs(name="tournament", help=_TOURNAMENT_HELP)
replay = Verbs(name="replay", help=_REPLAY_HELP)

LimitOption = Annotated[int, typer.Option(min=1, help="The most that are listed.")]


def add_play(verbs: Verbs) -> None:
    """Add ``ratings`` and ``matches``."""
    verbs.verb(
        examples=("trainingrun ratings", "trainingrun ratings --limit 10 -o json"),
        panel=Panel.LEAGUE,
    )(ratings)
    verbs.verb(
        examples=("trainingrun matches", "trainingrun matches --player model/m12 -o json"),
        panel=Panel.LEAGUE,
    )(matches)


def ratings(
    which: WhichLeague, *, limit: LimitOption = 50, output: OutputOption = Output.TABLE
) -> None:
    """Rank the players of a league by Elo, with the margin that holds for 95 %."""
    with league_at(which) as league:
        found = league.ratings(most=limit)
        champions = league.models(stages=(Stage.CHAMPION,), most=1)
    if output.is_for_programs:
        write(found, output)
        return
    if not found.players:
        echo("no player is rated yet: matches are played once a model is there")
        return
    champion = champions[0].id if champions else None
    console_for_tables().print(ratings_table(found, champion))


def matches(
    which: WhichLeague,
    *,
    player: Annotated[
        str, typer.Option(metavar="PLAYER", help="Only matches of this player: model/ID.")
    ] = "",
    limit: LimitOption = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the matches that were rated, newest first."""
    with league_at(which) as league:
        found = league.matches(player=player, most=limit)
    if output.is_for_programs:
        write(found, output)
    elif not found:
        echo("no matches")
    else:
        console_for_tables().print(matches_table(found, now=datetime.now(tz=UTC)))


@tournament.callback()
def tournament_group() -> None:
    """Tournaments of a league's players: have one played, show its standings."""


@tournament.verb(
    "run",
    examples=(
        "trainingrun tournament run -f tournament.yaml",
        "trainingrun tournament run -f tournament.yaml --wait --timeout 30m",
    ),
)
def run_tournament(
    file: Annotated[
        Path,
        typer.Option(
            "-f",
            "--filename",
            metavar="FILE",
            help="A Tournament in YAML, or its spec alone: format, entrants, pairsPerMatch,"
            " rounds, seed.",
        ),
    ],
    which: WhichLeague,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is over.")] = False,
    timeout: TimeoutOption = "1h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Have a tournament played between 2 to 64 players of a league."""
    request, seconds = read_tournament(file), seconds_in(timeout, option="--timeout")
    with league_at(which) as league:
        found = league.create_tournament(request)
        if wait:
            say = None if output.is_for_programs else error_console().print
            found = _finished(found, league.tournament, seconds=seconds, say=say)
    _show(found, output)


@tournament.verb("list", examples=("trainingrun tournament list",))
def list_tournaments(
    which: WhichLeague, *, limit: LimitOption = 50, output: OutputOption = Output.TABLE
) -> None:
    """List the tournaments of a league, newest first."""
    with league_at(which) as league:
        found = league.tournaments(most=limit)
    if output.is_for_programs:
        write(found, output)
    elif not found:
        echo("no tournaments")
    else:
        console_for_tables().print(tournaments_table(found))


@tournament.verb("describe", examples=("trainingrun tournament describe t3",))
def describe_tournament(
    tournament_id: Annotated[str, typer.Argument(metavar="TOURNAMENT", help="Its id.")],
    which: WhichLeague,
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how a tournament stands."""
    with league_at(which) as league:
        found = league.tournament(tournament_id)
    _show(found, output)


@replay.callback()
def replay_group() -> None:
    """The league's store of experience: its tables, what they hold, and their end."""


@replay.verb("list", examples=("trainingrun replay list", "trainingrun replay list -o wide"))
def list_tables(which: WhichLeague, *, output: OutputOption = Output.TABLE) -> None:
    """List the tables of runs, and which of them go by themselves.

    The service's own table, which has no name, is not listed.
    """
    with league_at(which) as league:
        found = league.replay_tables()
    if output.is_for_programs:
        write(found, output)
    elif not found:
        echo("there is no table with a name: a run with spec.replay makes one")
    else:
        now = datetime.now(UTC)
        wide = output is Output.WIDE
        console_for_tables().print(replay_tables_table(found, now=now, wide=wide))


@replay.verb("stats", examples=("trainingrun replay stats", "trainingrun replay stats TABLE"))
def replay_stats(
    which: WhichLeague,
    *,
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="As `replay list` has it. Default: the service's own."
        ),
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a table of experience holds, and how it is written and read."""
    with league_at(which) as league:
        found = league.replay_stats(table)
    if output.is_for_programs:
        write(found, output)
    else:
        console_for_tables().print(replay_rows(found))


@replay.verb(
    "drop", examples=("trainingrun replay drop TABLE", "trainingrun replay drop TABLE --archive")
)
def drop_table(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="As `replay list` has it.")],
    which: WhichLeague,
    *,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Though it is in use, though its run is not over, or though it is damaged.",
        ),
    ] = False,
    archive: Annotated[
        bool, typer.Option("--archive", help="Keep what it holds among the league's artefacts.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete a table with all that it holds.

    A table that is in use, or whose run trains or rests, is refused unless --force is given; its
    run then begins an empty one.
    """
    with league_at(which) as league:
        gone = league.drop_replay_table(table, force=force, archive=archive)
    if output.is_for_programs:
        write(gone, output)
        return
    kept = f"; they are kept in {gone.archived_at}" if gone.archived_at else ""
    said = f"{table} is dropped, with {gone.items} items ({gone.experiences} experiences){kept}"
    echo(printable_line(said))


def read_tournament(file: Path) -> TournamentRequest:
    """Read a tournament from YAML: a Tournament as a cluster has it, or its spec.

    Raises:
        UserError: the file cannot be read, or a field is wrong.
    """
    source = read_source(file, _TOURNAMENT)
    try:
        return _request_of(TOURNAMENT.read(_whole(source.alone())))
    except SpecError as error:
        raise UserError(describe_problems(file, error.problems)) from error


def _whole(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the resource that a document is, or that it is the spec of.

    A file without a ``leagueRef`` is about the league that the verb reaches.
    """
    given = document if "spec" in document else {"spec": document}
    spec = given["spec"]
    if isinstance(spec, dict):
        spec = {"leagueRef": {"name": "league"}, **spec}
    head = {"apiVersion": TOURNAMENT.api_version, "kind": TOURNAMENT.kind}
    return {**head, "metadata": {"name": "tournament"}, **given, "spec": spec}


def _request_of(asked: tournament_api.Tournament) -> TournamentRequest:
    spec = asked.spec
    return TournamentRequest(
        name=asked.metadata.name,
        format=TournamentFormat(spec.format),
        entrants=spec.entrants,
        pairs_per_match=spec.pairs_per_match,
        rounds=spec.rounds,
        seed=spec.seed,
    )


def _finished(
    begun: Tournament,
    ask: Callable[[str], Tournament],
    *,
    seconds: float,
    say: Callable[[str], None] | None,
) -> Tournament:
    """Wait until a tournament is over.

    Raises:
        TimedOut: it is not by then.
    """
    deadline, found, shown = time.monotonic() + seconds, begun, 0
    while found.state == "running":
        if say is not None and found.round != shown:
            shown = found.round
            say(f"round {found.round} of {found.rounds}")
        if time.monotonic() > deadline:
            raise TimedOut(f"tournament {found.id} is not over in time; it continues")
        time.sleep(_POLL_SECONDS)
        found = ask(found.id)
    return found


def _show(found: Tournament, output: Output) -> None:
    if output.is_for_programs:
        write(found, output)
        return
    said = (
        f"tournament {found.id} ({found.name}, {found.format.value}): {found.state}, round"
        f" {found.round} of {found.rounds}{': ' if found.problem else ''}{found.problem}"
    )
    echo(printable_line(said))
    if found.standings:
        console_for_tables().print(standings_table(found))
