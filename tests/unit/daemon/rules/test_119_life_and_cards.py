"""Chapters 119 to 122: life, damage, drawing and counters."""

import pytest
from trainingrun_daemon.cards.define import define
from trainingrun_daemon.rules.damage import deal_damage, gain_life, lose_life
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.pump import grow_itself
from trainingrun_daemon.rules.effects.triggers import is_own
from trainingrun_daemon.rules.enums import Event, Keyword, PaymentKind, Zone
from trainingrun_daemon.rules.model import Activated, Payment, Trigger
from trainingrun_daemon.rules.zones import add_counters, draw_cards, move_card, remove_counters


@pytest.mark.parametrize("amount", [0, -3])
def test_no_life_is_lost_or_gained_by_nothing(table, amount: int) -> None:
    """Rules 119.9, 107.1b: gaining or losing zero, or less, is no event at all."""
    trigger = Trigger(event=Event.GAINS_LIFE, text="grow.", effect=grow_itself(), condition=is_own)
    bear = table.creature(0, (2, 2), triggers=(trigger,))
    gain_life(table.game, 0, amount)
    lose_life(table.game, table.ann, amount)
    table.act()
    assert (table.ann.life, bear.counters) == (20, {})


def test_damage_to_a_player_is_loss_of_life(table) -> None:
    """Rule 120.3a: damage triggers abilities that look for life lost."""
    trigger = Trigger(event=Event.LOSES_LIFE, text="grow.", effect=grow_itself(), condition=is_own)
    bear = table.creature(1, (2, 2), triggers=(trigger,))
    deal_damage(table.game, bear, table.bob, amount=3)
    table.act()
    assert (table.bob.life, table.bob.life_lost, bear.counters) == (17, 3, {"P1P1": 1})


def test_losing_life_is_no_damage(table) -> None:
    """Rule 119.3: a shield against damage does not prevent it."""
    table.bob.shield = 5
    lose_life(table.game, table.bob, 3)
    assert (table.bob.life, table.bob.shield, table.bob.damage_taken) == (17, 5, 0)


def test_life_may_be_gained_above_the_start(table) -> None:
    """Rule 119.3: there is no upper limit."""
    gain_life(table.game, 0, 100)
    assert (table.ann.life, table.ann.life_gained) == (120, 100)


def test_damage_stays_on_a_creature(table) -> None:
    """Rule 120.6: damage of several sources in one turn adds up."""
    bear, source = table.creature(1, (2, 4)), table.creature(0, (2, 2))
    for _ in range(2):
        deal_damage(table.game, source, bear, amount=2)
    table.settle()
    assert bear.zone is Zone.GRAVEYARD


def test_damage_does_not_change_toughness(table) -> None:
    """Rule 120.6: a damaged creature deals and shows what it did before."""
    bear, source = table.creature(1, (2, 4)), table.creature(0, (2, 2))
    deal_damage(table.game, source, bear, amount=3)
    table.settle()
    assert (bear.power, bear.toughness, bear.damage) == (2, 4, 3)


def test_a_creature_planeswalker_takes_both(table) -> None:
    """Rules 120.3c and e: damage is marked on the creature and takes loyalty, too."""
    face = define(
        "Avatar", "{2}", "Creature Planeswalker - Avatar", power=4, toughness=4, loyalty=5
    )
    walker = table.place(1, face)
    deal_damage(table.game, table.creature(0, (2, 2)), walker, amount=2)
    assert (walker.damage, walker.counters) == (2, {"LOYALTY": 3})


@pytest.mark.parametrize("amount", [0, -1])
def test_zero_damage_is_none(table, amount: int) -> None:
    """Rule 120.8: no damage is dealt, so deathtouch does not kill."""
    snake, bear = table.creature(0, (1, 1), Keyword.DEATHTOUCH), table.creature(1, (2, 2))
    deal_damage(table.game, snake, bear, amount=amount)
    table.settle()
    assert bear.zone is Zone.BATTLEFIELD


def test_damage_events_name_source_and_amount(table) -> None:
    """Rule 120.1: the object that deals damage is its source."""
    seen: list[tuple[int, bool]] = []
    trigger = Trigger(
        event=Event.DAMAGES,
        text="note.",
        effect=lambda _game, item: seen.append((item.happening.amount, item.happening.is_combat)),
        condition=lambda _game, card, happening: happening.card is card,
    )
    table.fight((table.creature(0, (3, 3), triggers=(trigger,)),))
    assert seen == [(3, True)]


def test_cards_are_drawn_one_by_one(table) -> None:
    """Rule 121.2: drawing two cards is two draws, each an event."""
    trigger = Trigger(event=Event.DRAWS, text="gain.", effect=gain(1), condition=is_own)
    table.creature(0, (1, 1), triggers=(trigger,))
    draw_cards(table.game, 0, 2)
    table.act()
    assert (table.ann.drawn, table.ann.life) == (2, 22)


def test_the_second_draw_of_a_turn_is_known(table) -> None:
    """Rule 121.2: "your second card each turn" triggers on that draw alone."""
    trigger = Trigger(
        event=Event.DRAWS,
        text="gain.",
        effect=gain(1),
        condition=lambda _game, _card, happening: happening.amount == 2,
    )
    table.creature(0, (1, 1), triggers=(trigger,))
    draw_cards(table.game, 0, 3)
    table.act()
    assert table.ann.life == 21


def test_as_many_cards_as_there_are(table) -> None:
    """Rule 121.4: who draws more than the library holds draws all, and loses afterwards."""
    del table.ann.library[2:]
    draw_cards(table.game, 0, 5)
    assert len(table.ann.hand) == 2
    table.settle()
    assert table.game.winner == 1


def test_a_card_put_into_a_hand_is_not_drawn(table) -> None:
    """Rule 121.5: moving a card to a hand is no draw."""
    trigger = Trigger(event=Event.DRAWS, text="gain.", effect=gain(1), condition=is_own)
    table.creature(0, (1, 1), triggers=(trigger,))
    move_card(table.game, table.ann.library[-1], Zone.HAND)
    table.act()
    assert (table.ann.life, len(table.ann.hand)) == (20, 1)


def test_counters_of_a_kind_add_up(table) -> None:
    """Rule 122.1: three counters put on one after the other are three."""
    bear = table.creature(0, (1, 1))
    for _ in range(3):
        add_counters(table.game, bear, "P1P1")
    table.settle()
    assert (bear.counters, bear.power) == ({"P1P1": 3}, 4)


def test_no_more_counters_are_removed_than_there_are(table) -> None:
    """Rule 122.1: the number never becomes negative."""
    bear = table.creature(0, (1, 1))
    add_counters(table.game, bear, "P1P1")
    remove_counters(table.game, bear, "P1P1", 5)
    assert bear.counters == {}


def test_counters_do_not_follow_a_dying_creature(table) -> None:
    """Rule 122.2: in the graveyard there are no counters."""
    bear = table.creature(0, (1, 1))
    add_counters(table.game, bear, "P1P1", 2)
    bear.damage = 3
    table.settle()
    assert (bear.zone, bear.counters) == (Zone.GRAVEYARD, {})


def test_counters_are_removed_as_a_cost(table) -> None:
    """Rule 118.3: with too few counters the ability can not be activated."""
    payment = Payment(kind=PaymentKind.REMOVE_COUNTERS, amount=2, counter="CHARGE")
    ability = Activated(text="Zap", payments=(payment,), effect=gain(4))
    box = table.place(0, define("Box", "{1}", "Artifact", activated=(ability,)))
    add_counters(table.game, box, "CHARGE", 3)
    table.act("Box: Zap")
    assert (table.ann.life, box.counters) == (24, {"CHARGE": 1})
    assert table.offers(0) == []
