"""The verb ``play``: from its words to a person's game or a match."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output, plain_table, write
from trainingrun.commands.terminal import console, console_for_tables, echo, error_console
from trainingrun_environments.errors import describe_error

from trainingrun_actor_commands.play.contenders import Contender, find_contender
from trainingrun_actor_commands.play.matching import MatchResult, Score, play_match
from trainingrun_actor_commands.play.networks import Wanted
from trainingrun_actor_commands.play.session import PersonsGame, Session

GAMES: int = 20
"""Of a match that says no number."""


@dataclass(frozen=True)
class PlayOptions:
    """The options of ``trainingrun play``."""

    target: str
    state: Path
    opponent: str | None = None
    checkpoint: str = "newest"
    endpoint_url: str | None = None
    environment: str | None = None
    simulations: int | None = None
    opponent_simulations: int | None = None
    games: int | None = None
    seat: int = 1
    seed: int | None = None
    output: Output = Output.TABLE


def run_play(options: PlayOptions) -> None:
    """Play.

    Raises:
        UserError: what is asked for cannot be played.
    """
    if options.opponent is None and options.games is not None:
        raise UserError(
            "play: --games is for a match: say with --opponent who plays instead of you"
        )
    if options.opponent is None and options.opponent_simulations is not None:
        raise UserError("play: --opponent-simulations: there is no --opponent")
    if options.opponent is None and options.output.is_for_programs:
        raise UserError("play: -o is for a match: say with --opponent who plays instead of you")
    seed = secrets.randbits(31) if options.seed is None else options.seed
    first = find_contender(_wanted(options), simulations=options.simulations, seed=seed)
    if options.opponent is None:
        _play_person(first, options, seed)
    else:
        _play_match(first, options.opponent, options, seed)


def _wanted(options: PlayOptions) -> Wanted:
    return Wanted(
        options.target,
        options.state,
        checkpoint=options.checkpoint,
        endpoint_url=options.endpoint_url,
        environment=options.environment,
    )


def _play_person(contender: Contender, options: PlayOptions, seed: int) -> None:
    played = PersonsGame(contender, options.seat, seed)
    try:
        Session(played, console(), _read).run()
    except Exception as error:
        raise _failed(contender, error) from error


def _play_match(first: Contender, opponent: str, options: PlayOptions, seed: int) -> None:
    wanted = Wanted(opponent, options.state, endpoint_url=options.endpoint_url)
    second = find_contender(
        wanted, simulations=options.opponent_simulations, seed=seed + 1, games=first.games
    )
    progress = Progress(
        TextColumn("games"),
        BarColumn(),
        MofNCompleteColumn(),
        console=error_console(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    games = options.games or GAMES
    try:
        with progress:
            shown = progress.add_task("games", total=games + games % 2)
            result = play_match(
                first,
                second,
                games=games,
                seed=seed,
                note=lambda played: progress.update(shown, completed=played),
            )
    except Exception as error:
        raise _failed(first, error) from error
    _report(result, options.output)


def _failed(contender: Contender, error: Exception) -> UserError:
    """Return what a game that fails is to people: games and networks are of anyone."""
    if isinstance(error, UserError):
        return error
    return UserError(f"play: the game {contender.games.spec.name} failed: {describe_error(error)}")


def _read(prompt: str) -> str | None:
    """Prompt and read a line; None at the end of input."""
    try:
        return input(prompt)
    except EOFError:
        echo()
        return None
    except UnicodeDecodeError:
        return "what is not text"


def _report(result: MatchResult, output: Output) -> None:
    if output.is_for_programs:
        write(msgspec.to_builtins(result), output)
        return
    out = console_for_tables()
    out.print(
        f"{result.environment}: {result.player} against {result.opponent}, seed {result.seed}; both"
        f" games of a pair begin with the same {result.opening_plies} drawn moves",
        markup=False,
        soft_wrap=True,
    )
    out.print(_table(result))
    if result.capped:
        out.print(f"{result.capped} games were cut off and count as draws", soft_wrap=True)


def _table(result: MatchResult) -> Table:
    table = plain_table(
        "games of " + result.player, "games", "won", "drawn", "lost", "score", "95 %"
    )
    total = Score(result.games, result.wins, result.draws)
    began = result.began
    second = Score(total.games - began.games, total.wins - began.wins, total.draws - began.draws)
    interval = f"{result.low:.1%} to {result.high:.1%}"
    for name, score, shown in (
        ("all", total, interval),
        ("began", began, ""),
        ("second", second, ""),
    ):
        rate = (score.wins + score.draws / 2) / max(1, score.games)
        table.add_row(
            name,
            *(str(each) for each in (score.games, score.wins, score.draws, score.losses)),
            f"{rate:.1%}",
            shown,
        )
    return table
