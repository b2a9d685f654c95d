"""Lines on a terminal and in a pipe."""

from __future__ import annotations

import io
import re

from rich.console import Console
from trainingrun_daemon_commands.watch.choices import Moment
from trainingrun_daemon_commands.watch.screen import show
from trainingrun_daemon_commands.watch.sources import Entry, GameEnding, Opening
from trainingrun_protocol.decisions import Action, Decision, DecisionType

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


def printed(entries: list[Entry], *, terminal: bool) -> str:
    """What is printed on 60 columns."""
    out = io.StringIO()
    colors = "standard" if terminal else "auto"
    console = Console(file=out, force_terminal=terminal, width=60, color_system=colors)
    show(entries, console, with_board=False, seconds=0)
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
    show(entries, Console(file=out, width=60), with_board=True, seconds=0)
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
