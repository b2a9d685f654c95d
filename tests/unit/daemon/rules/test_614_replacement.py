"""Chapters 614 and 615: replacement and prevention effects."""

import pytest
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.damage import deal_damage, gain_life
from trainingrun_daemon.rules.effects import enters
from trainingrun_daemon.rules.effects.board import tap_targets, untap_targets
from trainingrun_daemon.rules.effects.combinators import in_order
from trainingrun_daemon.rules.effects.life import bar_this_turn, gain
from trainingrun_daemon.rules.effects.removal import (
    damage_targets,
    destroy_targets,
    exile_if_it_dies,
)
from trainingrun_daemon.rules.effects.targeting import target_creature
from trainingrun_daemon.rules.effects.triggers import when_dies, when_enters, when_hits_player
from trainingrun_daemon.rules.enums import Bar, Event, Keyword, Purpose, Zone
from trainingrun_daemon.rules.model import Trigger
from trainingrun_daemon.rules.zones import (
    STUN,
    add_counters,
    put_on_battlefield,
    untap,
)


def _enter(table, **rest):
    face = creature("Thing", "{0}", "Beast", **{"size": (0, 0), **rest})
    card = table.place(0, face, zone=Zone.HAND)
    table.act("Thing")
    return card


def test_counters_are_there_as_it_enters(table) -> None:
    """Rule 614.1c: a 0/0 that enters with counters does not die."""
    hydra = _enter(table, as_enters=enters.with_counters(lambda _game, _card: 2))
    assert (hydra.zone, hydra.power) == (Zone.BATTLEFIELD, 2)


def test_a_land_that_enters_tapped(table) -> None:
    """Rule 614.1d: it never was untapped, so it makes no mana this turn."""
    land = table.hold(0, "Mystic Monastery")
    table.place(0, define("Spell", "{R}", "Instant", spell=gain(1)), zone=Zone.HAND)
    table.act("Mystic Monastery")
    assert land.tapped
    assert table.offers(0) == []


@pytest.mark.parametrize(("pays", "tapped", "life"), [(True, False, 18), (False, True, 20)])
def test_a_land_that_enters_tapped_unless_paid(table, pays: bool, tapped: bool, life: int) -> None:
    """Rule 614.12a: the choice is made before it enters."""
    land = table.hold(0, "Sacred Foundry")
    table.act("Sacred Foundry", pays)
    assert (land.tapped, table.ann.life) == (tapped, life)


def test_enters_triggers_see_it_with_its_counters(table) -> None:
    """Rule 614.12: the replacement comes first, the trigger afterwards."""
    seen: list[int] = []
    trigger = when_enters("look.", lambda _game, item: seen.append(item.card.power))
    _enter(table, as_enters=enters.with_counters(lambda _game, _card: 3), triggers=(trigger,))
    assert seen == [3]


def test_x_of_the_spell_counts_as_it_enters(table) -> None:
    """Rule 107.3m: a permanent that enters with X counters uses the X of its spell."""
    face = creature(
        "Hydra",
        "{X}{G}",
        "Hydra",
        size=(0, 0),
        as_enters=enters.with_counters(lambda _game, card: card.cast_x),
    )
    hydra = table.place(0, face, zone=Zone.HAND)
    table.lands(0, "GGG")
    table.act("Hydra", 2)
    assert hydra.power == 2


def test_x_is_zero_without_casting(table) -> None:
    """Rule 107.3m: put onto the battlefield otherwise, X is 0 and the hydra dies."""
    face = creature(
        "Hydra",
        "{X}{G}",
        "Hydra",
        size=(0, 0),
        as_enters=enters.with_counters(lambda _game, card: card.cast_x),
    )
    hydra = table.place(0, face, zone=Zone.GRAVEYARD)
    table.follow(put_on_battlefield(table.game, hydra))
    table.settle()
    assert hydra.zone is Zone.GRAVEYARD


def test_exile_instead_of_dying(table) -> None:
    """Rule 614.6: the creature never died, so its dies trigger stays silent."""
    bear = table.creature(1, (2, 2), triggers=(when_dies("gain.", gain(3)),))
    spell = in_order(exile_if_it_dies, damage_targets(2))
    spec = target_creature(Purpose.DAMAGE, 2)
    face = define("Pyre", "{0}", "Instant", spell=spell, targets=(spec,))
    table.place(0, face, zone=Zone.HAND)
    table.act("Pyre")
    assert (bear.zone, table.bob.life) == (Zone.EXILE, 20)


def test_exile_instead_of_dying_is_for_this_turn(table) -> None:
    """Rule 514.2: the replacement ends with the turn."""
    bear = table.creature(1, (2, 3))
    bear.exiled_if_dies = True
    table.end_step()
    bear.damage = 3
    table.settle()
    assert bear.zone is Zone.GRAVEYARD


def test_spells_go_to_exile_instead_of_a_graveyard(table) -> None:
    """Rule 614.1a: with such an effect even a resolved instant never reaches the graveyard."""
    table.creature(1, (1, 1), bars=frozenset({Bar.GRAVEYARD_FOR_SPELLS}))
    spell = table.place(0, define("Spell", "{0}", "Instant", spell=gain(1)), zone=Zone.HAND)
    bear = table.creature(0, (2, 2))
    bear.damage = 2
    table.act("Spell")
    assert (spell.zone, bear.zone) == (Zone.EXILE, Zone.GRAVEYARD)


def test_a_stun_counter_is_removed_instead_of_untapping(table) -> None:
    """Rule 122.1d: in the untap step the counter goes, the creature stays tapped."""
    bear = table.creature(0, (2, 2))
    bear.tapped = True
    add_counters(table.game, bear, STUN)
    table.game.turn = 3
    table.turn()
    assert (bear.tapped, bear.counters) == (True, {})


def test_each_stun_counter_costs_one_untapping(table) -> None:
    """Rule 122.1d: two counters keep it tapped for two untap steps."""
    bear = table.creature(0, (2, 2))
    bear.tapped = True
    add_counters(table.game, bear, STUN, 2)
    for expected in (True, True, False):
        untap(table.game, bear)
        assert bear.tapped is expected


def test_a_stun_counter_stops_untap_effects(table) -> None:
    """Rule 122.1d: a spell that untaps it removes a counter, too."""
    bear = table.creature(0, (2, 2))
    bear.tapped = True
    add_counters(table.game, bear, STUN)
    face = define(
        "Wake", "{0}", "Instant", spell=untap_targets, targets=(target_creature(Purpose.BOOST),)
    )
    table.place(0, face, zone=Zone.HAND)
    table.act("Wake")
    assert (bear.tapped, bear.counters) == (True, {})


def test_an_untapped_creature_keeps_its_stun_counter(table) -> None:
    """Rule 122.1d: what is untapped already does not untap, so nothing is replaced."""
    bear = table.creature(0, (2, 2))
    add_counters(table.game, bear, STUN)
    untap(table.game, bear)
    assert bear.counters == {STUN: 1}


def test_tapping_with_stun(table) -> None:
    """Rule 701.26a: tapping turns it sideways; a tapped one gets its counters all the same."""
    bear = table.creature(1, (2, 2))
    bear.tapped = True
    face = define(
        "Freeze", "{0}", "Instant", spell=tap_targets(2), targets=(target_creature(Purpose.TAP),)
    )
    table.place(0, face, zone=Zone.HAND)
    table.act("Freeze")
    assert (bear.tapped, bear.counters) == (True, {STUN: 2})


def test_a_shield_prevents_so_much(table) -> None:
    """Rule 615.7: a shield for 3 prevents 3 of 5 damage and is used up."""
    source = table.creature(0, (5, 5))
    table.bob.shield = 3
    assert deal_damage(table.game, source, table.bob, amount=5) == 2
    assert (table.bob.life, table.bob.shield) == (18, 0)


def test_a_shield_keeps_what_is_left(table) -> None:
    """Rule 615.7: less damage leaves the rest of the shield for the next time."""
    source = table.creature(0, (2, 2))
    table.bob.shield = 3
    deal_damage(table.game, source, table.bob, amount=2)
    assert (table.bob.life, table.bob.shield) == (20, 1)


def test_a_shield_ends_with_the_turn(table) -> None:
    """Rule 514.2: prevention "this turn" is over at cleanup."""
    table.ann.shield = 3
    table.end_step()
    assert table.ann.shield == 0


def test_prevented_damage_gains_no_life(table) -> None:
    """Rule 615.6: lifelink counts the damage that was dealt, not what was prevented."""
    angel = table.creature(0, (5, 5), Keyword.LIFELINK)
    table.bob.shield = 3
    table.fight((angel,))
    assert (table.ann.life, table.bob.life) == (22, 18)


def test_prevented_damage_triggers_nothing(table) -> None:
    """Rule 615.6: with all damage prevented no damage was dealt."""
    bear = table.creature(0, (2, 2), triggers=(when_hits_player("gain.", gain(9)),))
    table.bob.shield = 2
    table.fight((bear,))
    assert table.ann.life == 20


def test_combat_damage_prevented_this_turn(table) -> None:
    """Rule 615.1: a fog prevents combat damage to everything, other damage goes through."""
    table.lands(0, "W")
    table.hold(0, "Holy Day")
    table.act("Holy Day")
    bear = table.creature(0, (2, 2))
    table.fight((bear,))
    assert table.bob.life == 20
    deal_damage(table.game, bear, table.bob, amount=2)
    assert table.bob.life == 18


def test_damage_that_cannot_be_prevented(table) -> None:
    """Rule 615.12: shields and protection do nothing; the shield is not used up."""
    source = table.creature(0, (2, 2))
    table.game.bars.add(Bar.PREVENTION)
    table.bob.shield = 2
    bear = table.creature(1, (5, 5), protection=lambda _source: True)
    deal_damage(table.game, source, table.bob, amount=2)
    deal_damage(table.game, source, bear, amount=2)
    assert (table.bob.life, table.bob.shield, bear.damage) == (18, 2, 2)


def test_no_prevention_for_this_turn_only(table) -> None:
    """Rule 514.2: "damage can't be prevented this turn" ends with it."""
    table.place(
        0, define("Rage", "{0}", "Instant", spell=bar_this_turn(Bar.PREVENTION)), zone=Zone.HAND
    )
    table.act("Rage")
    assert Bar.PREVENTION in table.game.bars
    table.end_step()
    assert not table.game.bars


def test_players_who_cannot_gain_life(table) -> None:
    """Rule 119.7: the gain does not happen, and triggers nothing."""
    trigger = Trigger(
        event=Event.GAINS_LIFE,
        text="draw.",
        effect=gain(1),
        condition=lambda _game, _card, _happening: True,
    )
    table.creature(0, (1, 1), triggers=(trigger,))
    table.creature(1, (1, 1), bars=frozenset({Bar.LIFE_GAIN}))
    gain_life(table.game, 0, 5)
    table.act()
    assert (table.ann.life, table.ann.life_gained) == (20, 0)


def test_damage_is_still_dealt_by_lifelink_without_gain(table) -> None:
    """Rule 119.7: that life can't be gained does not make damage any less."""
    table.creature(1, (1, 1), bars=frozenset({Bar.LIFE_GAIN}))
    table.fight((table.creature(0, (3, 3), Keyword.LIFELINK),))
    assert (table.ann.life, table.bob.life) == (20, 17)


def test_one_player_cannot_gain_life_for_some_turns(table) -> None:
    """Rule 119.7: a bar for one player leaves the other alone, and ends."""
    table.bob.life_gain_barred_until = table.game.turn
    gain_life(table.game, 0, 1)
    gain_life(table.game, 1, 1)
    assert (table.ann.life, table.bob.life) == (21, 20)
    table.game.turn += 1
    gain_life(table.game, 1, 1)
    assert table.bob.life == 21


def test_indestructible_is_no_replacement_for_exile(table) -> None:
    """Rule 702.12a: an indestructible creature that would be destroyed just stays."""
    bear = table.creature(1, (2, 2), Keyword.INDESTRUCTIBLE)
    bear.exiled_if_dies = True
    face = define(
        "Kill", "{0}", "Instant", spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),)
    )
    table.place(0, face, zone=Zone.HAND)
    table.act("Kill")
    assert bear.zone is Zone.BATTLEFIELD
