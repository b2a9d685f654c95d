"""Lines on a terminal and in a pipe."""

from __future__ import annotations

import io
import re

from rich.console import Console
from trainingrun_daemon_commands.watch.choices import Moment
from trainingrun_daemon_commands.watch.screen import FindPositions, show
from trainingrun_daemon_commands.watch.sources import Entry, GameEnding, Opening
from trainingrun_environments.connect_four.game import ConnectFourGames
from trainingrun_environments.replay import Replay
from trainingrun_protocol.decisions import Action, Decision, DecisionType
from trainingrun_protocol.generic import GenericChoice

from testkit.pages.watched_table import Table

LONG = "Card of a very long name " * 6


def game(card: str) -> list[Entry]:
    """A game of one land."""
    table = Table()
    decision = Decision(
        DecisionType.CHOOSE_ACTION,
        player="Agent(1)-Red",
        game_state=table.state(0),
        actions=(Action(0, card, 9, is_land=True), Action(-1)),
    )
    return [
        Opening("quick: a game", ("policy", "random")),
        Moment(decision, "0"),
        GameEnding("", 1),
    ]


def no_positions(opening: Opening) -> str:
    """A game that cannot be played again."""
    return f"nobody knows {opening.title}"


def printed(
    entries: list[Entry], *, terminal: bool, find_positions: FindPositions = no_positions
) -> str:
    """What is printed on 60 columns."""
    out = io.StringIO()
    colors = "standard" if terminal else "auto"
    console = Console(file=out, force_terminal=terminal, width=60, color_system=colors)
    show(entries, console, with_board=False, seconds=0, find_positions=find_positions)
    return out.getvalue()


def test_in_a_pipe_there_are_no_colours_and_whole_lines() -> None:
    """One line a line, ready for grep."""
    text = printed(game(LONG.strip()), terminal=False)
    assert "\x1b" not in text
    assert text.splitlines() == [
        "quick: a game",
        "seat 1: Red, played by policy",
        "seat 2: White, played by random",
        "",
        "Turn 1 · Red",
        "    Red     20 life · 0 cards in hand · 0 lands · 0 creatures",
        "    White   20 life · 0 cards in hand · 0 lands · 0 creatures",
        f"  Red plays {LONG.strip()}",
        "      life at the last recorded decision: Red 20, White 20",
        "",
        "Turn 1: Red wins",
    ]


def test_on_a_terminal_long_lines_are_folded_below_their_beginning() -> None:
    """With colours, indented, none wider than the terminal."""
    text = printed(game(LONG.strip()), terminal=True)
    assert "\x1b[" in text
    folded = [line for line in re.sub(r"\x1b\[[\d;]*m", "", text).splitlines() if "very" in line]
    assert len(folded) > 1
    assert all(line.startswith("  ") and len(line) <= 60 for line in folded)


def test_turns_in_which_nothing_is_told_are_left_out() -> None:
    """A turn of passes alone has no header; with the board it has one."""
    table = Table()
    entries: list[Entry] = [Opening("quick: a game")]
    for turn, answer in ((1, "-1"), (2, "0"), (3, "-1"), (4, "0")):
        table.turn = turn
        decision = Decision(
            DecisionType.CHOOSE_ACTION,
            player="Agent(1)-Red",
            turn=turn,
            game_state=table.state(0),
            actions=(Action(0, "Plains", turn, is_land=True), Action(-1)),
        )
        entries.append(Moment(decision, answer))
    kept = [line for line in printed(entries, terminal=False).splitlines() if "Turn" in line]
    assert kept == ["Turn 2 · Red", "Turn 4 · Red"]
    out = io.StringIO()
    console = Console(file=out, width=60)
    show(entries, console, with_board=True, seconds=0, find_positions=no_positions)
    assert all(f"Turn {turn} · Red" in out.getvalue() for turn in (1, 2, 3, 4))


def test_nothing_steers_the_terminal() -> None:
    """A card's name is text, whatever a daemon writes into it."""
    text = printed(game("Evil\x1b[2J [bold]Bear\n"), terminal=False)
    assert r"Red plays Evil\x1b[2J [bold]Bear\n" in text
    assert "\x1b" not in text


def test_a_game_that_never_began() -> None:
    """The end alone, without a turn."""
    text = printed([Opening("x"), GameEnding("the game is a draw")], terminal=False)
    assert text == "x\n\nthe game is a draw\n"


COLUMNS = {column: f"drop into column {column + 1}" for column in range(7)}


def connect_four(*columns: int) -> list[Entry]:
    """A game whose seat 1 drops first; given up where nobody has won."""
    choices = [
        GenericChoice(seat=1 + move % 2, answer=str(column), actions=COLUMNS)
        for move, column in enumerate(columns)
    ]
    ending = GameEnding("", 1) if len(columns) == 7 else GameEnding("the game was given up")
    return [Opening("four: a game", ("policy", "random"), seed=1), *choices, ending]


def test_a_game_of_another_environment_with_its_positions() -> None:
    """The first position, then each move with its player and the position behind it; the same on
    a terminal, where no row is folded."""

    def replayed(opening: Opening) -> Replay:
        return Replay(ConnectFourGames(), opening.seed or 0)

    text = printed(connect_four(3, 3, 2), terminal=False, find_positions=replayed)
    empty = "      ......."
    assert text.splitlines() == [
        "four: a game",
        "seat 1: played by policy",
        "seat 2: played by random",
        *[empty] * 6,
        "      1234567",
        "  1. seat 1: drop into column 4",
        *[empty] * 5,
        "      ...X...",
        "      1234567",
        "  2. seat 2: drop into column 4",
        *[empty] * 4,
        "      ...O...",
        "      ...X...",
        "      1234567",
        "  3. seat 1: drop into column 3",
        *[empty] * 4,
        "      ...O...",
        "      ..XX...",
        "      1234567",
        "",
        "After 3 moves: the game was given up",
    ]
    on_terminal = printed(connect_four(3, 3, 2), terminal=True, find_positions=replayed)
    assert re.sub(r"\x1b\[[\d;]*m", "", on_terminal).count(empty) == text.count(empty)


def test_a_game_of_another_environment_without_positions() -> None:
    """One sentence why, and the moves by their descriptions."""
    text = printed(connect_four(3, 3, 2, 2, 1, 1, 0), terminal=False)
    assert text.splitlines()[3:6] == [
        "moves without positions: nobody knows four: a game",
        "  1. seat 1: drop into column 4",
        "  2. seat 2: drop into column 4",
    ]
    assert text.endswith("\nAfter 7 moves: seat 1 (policy) wins\n")


def test_an_engine_s_text_is_shown_as_it_stands_and_steers_nothing() -> None:
    """Its lines stay lines; escapes of terminals are made visible."""
    told = GenericChoice(seat=1, answer="0", actions={0: "go\n\x1b[2J"}, message="a \x1b[2J\n b")
    text = printed([Opening("x"), told, GameEnding("over")], terminal=True)
    assert "\x1b[2J" not in text
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert "      a \\x1b[2J\n       b\n" in plain
    assert r"1. seat 1: go\n\x1b[2J" in plain
