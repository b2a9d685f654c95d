"""Chapters 103, 104, 117, 402 and 500 to 514: the start, the end, priority and the turn."""

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.choices import ChooseAction, ChooseCards, Confirm
from trainingrun_daemon.rules.continuous import boost
from trainingrun_daemon.rules.effects.library import draw
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.removal import damage_targets
from trainingrun_daemon.rules.effects.triggers import at_end_step, at_upkeep, is_own, when_attacks
from trainingrun_daemon.rules.enums import Event, Phase, Zone
from trainingrun_daemon.rules.model import Activated, Game, Mode, Trigger
from trainingrun_daemon.rules.turn import add_deck, play_game, take_turn
from trainingrun_daemon.rules.zones import add_counters


def _new_game(*names: str, seed: int = 1) -> Game:
    game = Game(("Ann", "Bob"), seed=seed)
    for seat in (0, 1):
        add_deck(game, seat, [KNOWN_CARDS[name.casefold()] for name in names])
    return game


def _note(event: Event, seen: list[Phase]) -> Trigger:
    return Trigger(
        event=event,
        text="note.",
        effect=lambda game, _item: seen.append(game.phase),
        condition=is_own,
    )


def _at_first_question(game: Game) -> None:
    play_game(game).send(None)


def test_players_begin_with_twenty_life(table) -> None:
    """Rule 103.4: the starting life total is 20."""
    assert [player.life for player in table.game.players] == [20, 20]


def test_both_draw_seven_cards() -> None:
    """Rule 103.5: opening hands have seven cards."""
    game = _new_game(*["Savannah Lions"] * 30)
    _at_first_question(game)
    assert [len(player.hand) for player in game.players] == [7, 7]


def test_either_player_may_begin() -> None:
    """Rule 103.1: who begins is decided at random."""
    starters = set()
    for seed in range(12):
        game = _new_game(*["Savannah Lions"] * 30, seed=seed)
        _at_first_question(game)
        starters.add(game.active)
    assert starters == {0, 1}


def test_a_mulligan_draws_seven_and_bottoms_one(table) -> None:
    """Rule 103.5: seven new cards, one of which goes on the bottom for each mulligan taken."""
    game = _new_game(*["Savannah Lions"] * 40)
    steps = play_game(game)
    confirm = steps.send(None)
    assert isinstance(confirm, Confirm)
    steps.send(0)
    choice = steps.send(1)
    assert isinstance(choice, ChooseCards)
    assert (len(choice.cards), choice.minimum) == (7, 1)


def test_the_starting_player_decides_first_about_a_mulligan() -> None:
    """Rule 103.5: the starting player declares first."""
    game = _new_game(*["Savannah Lions"] * 40)
    assert play_game(game).send(None).seat == game.active


def test_the_starting_player_skips_the_first_draw(table) -> None:
    """Rule 103.8a: no card is drawn in the first turn of the game."""
    table.turn()
    assert table.ann.hand == []


def test_the_second_player_draws(table) -> None:
    """Rule 504.1: every other turn begins with a card."""
    table.game.turn, table.game.active = 2, 1
    table.turn()
    assert (len(table.bob.hand), len(table.ann.hand)) == (1, 0)


def test_the_steps_follow_each_other(table) -> None:
    """Rule 500.1: upkeep, draw, main phase, combat, end step, in this order."""
    seen: list[Phase] = []
    events = (
        Event.UPKEEP,
        Event.DRAWS,
        Event.MAIN_BEGINS,
        Event.COMBAT_BEGINS,
        Event.END_STEP,
    )
    table.creature(0, (1, 1), triggers=tuple(_note(event, seen) for event in events))
    table.game.turn = 3
    table.turn()
    assert seen == [Phase.UPKEEP, Phase.DRAW, Phase.MAIN1, Phase.COMBAT_BEGIN, Phase.END]


def test_permanents_of_the_active_player_untap(table) -> None:
    """Rule 502.3: those of the other player stay as they are."""
    mine, other = table.creature(0, (1, 1)), table.creature(1, (1, 1))
    mine.tapped = other.tapped = True
    table.turn()
    assert (mine.tapped, other.tapped) == (False, True)


def test_summoning_sickness_ends_with_the_own_turn(table) -> None:
    """Rule 302.6: a creature that was there when its controller's turn began may attack."""
    mine, other = table.creature(0, (1, 1)), table.creature(1, (1, 1))
    mine.is_sick = other.is_sick = True
    table.turn()
    assert (mine.is_sick, other.is_sick) == (False, True)


def test_nobody_gets_priority_in_the_untap_step(table) -> None:
    """Rule 502.4: a player who could always act is asked in later steps only."""
    ability = Activated(text="Act", effect=gain(1), once_a_turn=True)
    for seat in (0, 1):
        table.creature(seat, (1, 1), activated=(ability,), triggers=(at_upkeep("g.", gain(1)),))
    steps = take_turn(table.game)
    assert isinstance(next(steps), ChooseAction)
    assert table.game.phase is Phase.UPKEEP


def test_upkeep_comes_before_the_draw(table) -> None:
    """Rule 503.1: who wins in the upkeep does not lose by drawing from an empty library."""
    table.ann.library.clear()

    def win(game, item) -> None:
        game.players[1].life = 0
        game.is_stale = True

    table.creature(0, (1, 1), triggers=(at_upkeep("win.", win),))
    table.game.turn = 3
    table.turn()
    assert table.game.winner == 0


def test_drawing_without_a_library_loses(table) -> None:
    """Rule 104.3c: the loss comes when a player would get priority in the draw step."""
    table.ann.library.clear()
    table.game.turn = 3
    table.turn()
    assert (table.game.winner, table.game.phase) == (1, Phase.DRAW)


def test_sagas_get_a_counter_in_the_first_main_phase(table) -> None:
    """Rule 505.4: each saga of the active player gets a lore counter, and its chapter triggers."""
    chapters = (Mode(text="gain 1.", effect=gain(1)), Mode(text="gain 5.", effect=gain(5)))
    face = define("Tale", "{W}", "Enchantment - Saga", chapters=(*chapters, chapters[0]))
    mine, other = table.place(0, face), table.place(1, face)
    add_counters(table.game, mine, "LORE")
    add_counters(table.game, other, "LORE")
    table.game.waiting_triggers.clear()
    table.turn()
    assert (mine.counters["LORE"], other.counters["LORE"], table.ann.life) == (2, 1, 25)


def test_one_land_a_turn(table) -> None:
    """Rule 305.2: a second land is not offered in the same turn, but again in the next one."""
    table.hold(0, "Plains", "Island", "Swamp")
    table.turn("Plains")
    assert len(table.ann.battlefield) == 1
    table.turn("Island")
    assert len(table.ann.battlefield) == 2


def test_no_land_in_the_other_turn(table) -> None:
    """Rule 305.2a: lands are played in one's own turn."""
    table.hold(1, "Plains")
    table.turn()
    assert table.bob.battlefield == []


def test_a_land_is_no_spell(table) -> None:
    """Rule 305.1: playing a land does not use the stack, so no one responds."""
    cast = Trigger(
        event=Event.SPELL_CAST,
        text="gain.",
        effect=gain(1),
        condition=lambda _game, _card, _happening: True,
    )
    table.creature(0, (1, 1), triggers=(cast,))
    table.hold(0, "Plains")
    table.act("Plains")
    assert table.ann.life == 20


def test_a_permanent_cast_before_combat_may_help(table) -> None:
    """Rule 505.6a: creatures are cast in both main phases; with haste they attack at once."""
    table.lands(0, "R")
    goblin = table.hold(0, "Raging Goblin")
    table.turn("Raging Goblin", (goblin,))
    assert table.bob.life == 19


def test_end_step_triggers_come_before_the_cleanup(table) -> None:
    """Rule 513.1a: a card drawn at the end step counts for the hand limit."""
    table.hold(0, *["Plains"] * 7)
    table.creature(0, (1, 1), triggers=(at_end_step("draw.", draw(1)),))
    table.turn()
    assert len(table.ann.hand) == 7


@pytest.mark.parametrize(("held", "left"), [(7, 7), (8, 7), (10, 7), (3, 3)])
def test_the_hand_limit(table, held: int, left: int) -> None:
    """Rules 402.2, 514.1: the active player discards down to seven cards."""
    table.hold(0, *["Plains"] * held)
    table.hold(1, *["Plains"] * 9)
    table.end_step()
    assert (len(table.ann.hand), len(table.bob.hand)) == (left, 9)


def test_damage_and_boosts_end_together(table) -> None:
    """Rule 514.2: a 2/2 with +0/+3 and 4 damage survives, for both go at the same time."""
    bear = table.creature(0, (2, 2))
    boost(table.game, bear, toughness=3)
    bear.damage = 4
    table.end_step()
    table.settle()
    assert (bear.zone, bear.damage, bear.toughness) == (Zone.BATTLEFIELD, 0, 2)


def test_damage_is_removed_from_all_creatures(table) -> None:
    """Rule 514.2: those of the other player heal as well."""
    bear = table.creature(1, (2, 2))
    bear.damage = 1
    table.end_step()
    assert bear.damage == 0


def test_a_creature_that_shrinks_in_the_cleanup_dies_in_it(table) -> None:
    """Rule 514.3a: state-based actions are performed before the turn ends."""
    bear = table.creature(0, (1, 1))
    boost(table.game, bear, toughness=2)
    add_counters(table.game, bear, "M1M1")
    table.settle()
    table.end_step()
    assert bear.zone is Zone.GRAVEYARD


def test_the_active_player_acts_first(table) -> None:
    """Rule 117.3a: after blocks the attacker gets priority before the defender."""
    for seat in (0, 1):
        table.place(seat, define("Spell", "{0}", "Instant", spell=gain(1)), zone=Zone.HAND)
    table.fight((table.creature(0, (1, 1)),))
    seats = [choice.seat for choice in table.asked if isinstance(choice, ChooseAction)]
    assert seats == [1, 0, 1]  # after attackers the defender alone, after blocks both


def test_nothing_resolves_before_both_pass(table) -> None:
    """Rule 117.4: the opponent may respond first."""
    bear = table.creature(1, (2, 2))
    quick = define(
        "Save", "{0}", "Instant", spell=lambda game, _item: boost(game, bear, toughness=2)
    )
    table.place(1, quick, zone=Zone.HAND)
    hit = define("Hit", "{0}", "Instant", spell=damage_targets(2))
    table.place(0, hit, zone=Zone.HAND)
    table.act("Hit", "Save")
    assert bear.toughness == 4


def test_the_game_ends_at_once(table) -> None:
    """Rule 104.1: a player who has lost does nothing more; the turn does not go on."""
    seen: list[Phase] = []
    table.creature(0, (1, 1), triggers=(_note(Event.END_STEP, seen),))
    killer = table.creature(0, (20, 20), triggers=(when_attacks("gain.", gain(1)),))
    table.turn((killer,))
    assert (table.game.winner, seen) == (0, [])


def test_the_last_player_left_wins(table) -> None:
    """Rule 104.2a: whose opponent has lost wins."""
    table.bob.life = -5
    table.act()
    assert (table.game.winner, table.bob.has_lost, table.ann.has_lost) == (0, True, False)


def test_counts_of_the_turn_begin_anew(table) -> None:
    """Rule 514.2: what is counted "this turn" starts at nothing for both players."""
    table.fight((table.creature(0, (2, 2)),))
    assert (table.bob.life_lost, table.ann.attackers_declared) == (2, 1)
    table.game.active = 1
    table.turn()
    assert (table.bob.life_lost, table.ann.attackers_declared) == (0, 0)


def test_a_creature_without_haste_does_not_attack_in_its_first_turn(table) -> None:
    """Rule 508.1a: cast this turn, it is no candidate."""
    face = creature("Bear", "{0}", "Bear", size=(2, 2))
    table.place(0, face, zone=Zone.HAND)
    table.turn("Bear")
    assert table.bob.life == 20
