"""The game from its opening hands to its end."""

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.rules.choices import ChooseCards, Confirm
from trainingrun_daemon.rules.enums import Phase, Zone
from trainingrun_daemon.rules.model import Game
from trainingrun_daemon.rules.turn import add_deck, clean_up, play_game


def _new_game(seed: int, *names: str) -> Game:
    game = Game(("Ann", "Bob"), seed=seed)
    for seat in (0, 1):
        add_deck(game, seat, [KNOWN_CARDS[name.casefold()] for name in names])
    return game


def test_both_players_draw_seven(table) -> None:
    """The first question comes with seven cards in each hand; who starts draws none."""
    game = _new_game(3, *["Plains", "Savannah Lions"] * 20)
    steps = play_game(game)
    choice = steps.send(None)
    assert choice.seat == game.active
    assert [len(player.hand) for player in game.players] == [7, 7]


def test_a_balanced_hand_is_kept_without_a_question() -> None:
    """Hands of two to five lands are kept by the engine."""
    for seed in range(20):
        game = _new_game(seed, *["Plains", "Savannah Lions"] * 20)
        choice = play_game(game).send(None)
        if isinstance(choice, Confirm):
            lands = sum(card.face.is_land for card in game.players[choice.seat].hand)
            assert lands not in range(2, 6)


def test_a_mulligan_puts_cards_on_the_bottom(table) -> None:
    """After one mulligan a player chooses one of seven cards for the bottom."""
    game = _new_game(1, *["Savannah Lions"] * 40)
    table.game = game
    steps = play_game(game)
    confirm = steps.send(None)
    assert isinstance(confirm, Confirm)
    assert isinstance(steps.send(0), Confirm)
    choice = steps.send(1)
    assert isinstance(choice, ChooseCards)
    bottom = choice.cards[3]
    steps.send((3,))
    player = game.players[choice.seat]
    assert player.library[0] is bottom
    assert len(player.hand) == 6


def test_mulligans_end_at_five_cards() -> None:
    """A client that always says no keeps five cards."""
    game = _new_game(1, *["Savannah Lions"] * 40)
    steps = play_game(game)
    steps.send(None)
    steps.send(0)
    choice = steps.send(0)
    assert isinstance(choice, ChooseCards)
    assert choice.minimum == choice.maximum == 2


def test_an_empty_library_loses(table) -> None:
    """Two decks of eight lands: the starter draws one card less, so the other runs out first."""
    game = _new_game(5, *["Plains"] * 8)
    table.game = game
    steps = play_game(game)
    choice = steps.send(None)
    starter = choice.seat
    table.follow(steps)
    assert game.is_over
    assert game.winner == starter
    assert game.turn < 10


def test_the_hand_limit_is_seven(table) -> None:
    """At the end of the turn the player chooses what to discard; the message says so."""
    table.hold(0, *["Plains"] * 4, *["Shock"] * 5)
    table.follow(clean_up(table.game))
    (choice,) = table.asked
    assert "discard" in choice.message
    assert choice.minimum == 2
    assert len(table.ann.hand) == 7
    assert len(table.ann.graveyard) == 2


def test_damage_wears_off(table) -> None:
    """A damaged creature is whole in the next turn."""
    giant = table.put(0, "Hill Giant")
    giant.damage = 2
    giant.boost_power = 3
    table.follow(clean_up(table.game))
    table.settle()
    assert (giant.damage, giant.power) == (0, 3)


@pytest.mark.parametrize(("ann", "bob", "winner"), [(0, 5, 1), (5, -2, 0), (0, 0, None)])
def test_life_decides(table, ann: int, bob: int, winner: int | None) -> None:
    """No life loses; both at once is a draw."""
    table.ann.life, table.bob.life = ann, bob
    table.act()
    assert table.game.is_over
    assert table.game.winner == winner


def test_ten_poison_loses(table) -> None:
    """Poison counters end the game too."""
    table.bob.poison = 10
    table.act()
    assert table.game.winner == 0


def test_a_game_without_end_is_a_draw(table) -> None:
    """At the turn cap the game ends, no one wins."""
    game = _new_game(2, *["Plains"] * 300)
    table.game = game
    table.follow(play_game(game))
    assert (game.is_over, game.winner, game.turn) == (True, None, 201)


def test_a_new_game_is_before_the_first_untap() -> None:
    """Turn and phase are in their ranges before anything happened."""
    game = _new_game(2, "Plains")
    assert (game.turn, game.phase) == (1, Phase.UNTAP)
    assert all(card.zone is Zone.LIBRARY for card in game.players[0].library)
