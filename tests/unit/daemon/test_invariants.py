"""What holds at every decision of any game, whatever decks are played and whatever is answered.

The same checks run over ten thousand games in ``benchmarks/daemon/games.py``; what such runs have
found is here as well, each with a test of its own.
"""

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from trainingrun_daemon.encoding import encode_decision
from trainingrun_daemon.rules.casting import legal_actions
from trainingrun_daemon.rules.choices import ChooseAction, Confirm
from trainingrun_daemon.rules.damage import gain_life
from trainingrun_daemon.rules.enums import Event, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import (
    RESOLUTION_CAP,
    STACK_CAP,
    STARTING_LIFE,
    TURN_CAP,
    Activated,
    CardFace,
    Game,
    GameOverError,
    StackItem,
    Trigger,
)
from trainingrun_daemon.rules.stack import pass_priority
from trainingrun_daemon.rules.zones import create_emblem, create_token

from benchmarks.daemon.agents import GamePlan, plan_game
from benchmarks.daemon.play import Played, play_here
from benchmarks.daemon.soundness import (
    DECISION_TYPES,
    Json,
    LineWatch,
    StateWatch,
    Unsound,
    WireWatch,
    read_decision,
)
from testkit.soak_share import share_of

GAMES = share_of(200)


def _confirm(seat: int = 0) -> Confirm:
    return Confirm(seat, message="Keep?", purpose=Purpose.MULLIGAN)


@pytest.fixture(scope="module")
def played(deck_directory: Path) -> list[Played]:
    """Games with shipped and random decks, each watched from inside and on the wire."""
    shipped = [path.read_text() for path in sorted(deck_directory.rglob("*.dck"))]
    return [play_here(plan_game(number, shipped)) for number in range(GAMES)]


@pytest.mark.soak
def test_random_games_keep_every_invariant(played: list[Played]) -> None:
    """Random decks and answers break nothing, and every game ends."""
    faults = [f"game {game.plan.number}: {game.fault}" for game in played if game.fault]
    assert faults == []


@pytest.mark.soak
def test_random_games_hit_every_decision_type(played: list[Played]) -> None:
    """They ask all eleven kinds of questions, and end in several ways."""
    kinds: Counter[str] = sum((game.kinds for game in played), Counter())
    assert set(kinds) == DECISION_TYPES
    assert {game.ending for game in played} >= {"life", "no library"}


def test_an_emblem_is_no_card_of_a_deck(table) -> None:
    """Emblems say that they are tokens: a client that counts a deck's cards leaves them out."""
    create_emblem(table.game, CardFace(name="Emblem of Nobody", types="Emblem"), 0)
    decision = msgspec.json.decode(encode_decision(table.game, _confirm(), decision_id=1))
    assert [card["is_token"] for card in decision["game_state"]["players"][0]["command"]] == [True]


def test_a_game_in_which_nothing_happens_is_a_draw() -> None:
    """Two players who only pass, with decks that never end, are stopped after 200 turns."""
    deck = "[metadata]\nName=Plains\n[Main]\n200 Plains\n"
    plan = GamePlan(0, 1, (deck, deck), "-i", ("garbage", "garbage"))
    game = play_here(plan)
    assert (game.fault, game.ending, game.turns) == ("", "turn cap", TURN_CAP)
    assert game.result == "GAME_RESULT: Draw"


def test_a_loop_that_nobody_can_stop_is_a_draw(table) -> None:
    """An ability that triggers itself for ever ends the game as a draw (rule 104.4b)."""

    def gain(game: Game, item: StackItem) -> None:
        gain_life(game, item.controller, 1)

    endless = Trigger(
        event=Event.GAINS_LIFE, text="gain 1 life.", effect=gain, condition=lambda *_: True
    )
    face = CardFace(name="Endless Spring", types="Enchantment", triggers=(endless,))
    create_token(table.game, face, 0)
    gain_life(table.game, 0, 1)
    with pytest.raises(GameOverError):
        list(pass_priority(table.game))
    assert table.game.is_over
    assert table.game.winner is None
    assert table.ann.life == STARTING_LIFE + 1 + RESOLUTION_CAP


def test_responses_without_cost_do_not_pile_up_for_ever(table) -> None:
    """Two players who answer each other with free abilities get no further than the cap."""
    table.game.phase = Phase.MAIN1
    free = Activated(text="Nothing", effect=lambda _game, _item: None)
    for seat in (0, 1):
        create_token(table.game, CardFace(name="Toy", types="Artifact", activated=(free,)), seat)
    heights: list[int] = []
    with pytest.raises(GameOverError):
        _take_the_first_for_ever(table.game, heights)
    assert max(heights) == STACK_CAP - 1  # who is asked may add one
    assert table.game.winner is None


def _take_the_first_for_ever(game: Game, heights: list[int]) -> None:
    steps = pass_priority(game)
    next(steps)
    while True:
        heights.append(len(game.stack))
        steps.send(0)


# --- the checks notice what they are for ----------------------------------------------------------


def _seen(table) -> None:
    """Look at a table as a client does, with the deck sizes that it has had until now."""
    raw = b"DECISION:" + encode_decision(table.game, _confirm(), decision_id=1)
    sizes = tuple(len(player.library) for player in table.game.players)
    WireWatch((sizes[0], sizes[1])).see(read_decision(raw, number=0))


def test_a_sound_table_is_sound(table) -> None:
    """The checks have nothing against a game at its start."""
    _seen(table)
    StateWatch(table.game).see()


def test_a_card_too_many_is_noticed(table) -> None:
    """A card that no one had in the deck shows on the wire and inside."""
    watch = StateWatch(table.game)
    table.put(0, "Shock", zone=Zone.GRAVEYARD)
    with pytest.raises(Unsound, match="gained"):
        watch.see()
    raw = b"DECISION:" + encode_decision(table.game, _confirm(), decision_id=1)
    with pytest.raises(Unsound, match="decks"):
        WireWatch((20, 20)).see(read_decision(raw, number=1))


def test_a_card_in_two_zones_is_noticed(table) -> None:
    """The same card in hand and library is unsound."""
    watch = StateWatch(table.game)
    card = table.game.players[0].library[0]
    card.zone = Zone.HAND
    table.game.players[0].hand.append(card)
    with pytest.raises(Unsound):
        watch.see()


def test_a_hand_that_is_shown_is_noticed(table) -> None:
    """The opponent's hand must not be in a decision."""
    table.hold(1, "Shock")
    raw = encode_decision(table.game, _confirm(), decision_id=1, reveal_all=True)
    with pytest.raises(Unsound, match="is shown"):
        WireWatch((20, 21)).see(read_decision(b"DECISION:" + raw, number=1))


def _first_action(table) -> Json:
    """The decision of a player who may play a land."""
    table.hold(0, "Mountain")
    choice = ChooseAction(0, legal_actions(table.game, 0))
    raw = encode_decision(table.game, choice, decision_id=1)
    return read_decision(b"DECISION:" + raw, number=1)


def test_a_state_based_action_that_is_due_is_noticed(table) -> None:
    """No one has priority while a creature with lethal damage is there."""
    table.put(0, "Hill Giant").damage = 3
    decision = _first_action(table)
    with pytest.raises(Unsound, match="lethal damage"):
        StateWatch(table.game).agree(decision)


def test_a_value_that_is_out_of_date_is_noticed(table) -> None:
    """What continuous effects make of a creature must be computed anew when it changes."""
    giant = table.put(0, "Hill Giant")
    table.settle()
    giant.power += 1
    decision = _first_action(table)
    with pytest.raises(Unsound, match="was"):
        StateWatch(table.game).agree(decision)


@pytest.mark.parametrize(
    ("before", "line"),
    [
        (b"INFO: Turn 1", b""),
        (b"INFO: Turn 1", b"INFO: \xe9"),
        (b"INFO: Turn 1", b"GAME_ERROR: x"),
        (b"GAME_RESULT: Draw in 1ms", b"INFO: late"),
        (b"GAME_RESULT: Draw in 1ms", b"GAME_RESULT: Draw in 1ms"),
    ],
)
def test_a_bad_line_is_noticed(before: bytes, line: bytes) -> None:
    """Empty lines, bytes above 127, errors and lines after the end are unsound."""
    watch = LineWatch()
    watch.see(before)
    with pytest.raises(Unsound):
        watch.see(line)
