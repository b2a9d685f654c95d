"""Chapter 702: keyword abilities that trigger, are activated or count."""

import pytest
from trainingrun_daemon.cards.define import define
from trainingrun_daemon.rules.combat import can_attack
from trainingrun_daemon.rules.effects.board import crew, equip
from trainingrun_daemon.rules.effects.counterspells import ward
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.removal import (
    damage_creatures,
    damage_targets,
    destroy_targets,
)
from trainingrun_daemon.rules.effects.statics import enlarge, host, is_at_max_speed
from trainingrun_daemon.rules.effects.targeting import target_creature
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Activated, Payment

MURDER = define(
    "Murder", "{B}", "Instant", spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),)
)


def test_equip_moves_the_equipment(table) -> None:
    """Rule 702.6a: the ability attaches it to another creature of its controller."""
    one, two = table.creature(0, (1, 1), name="One"), table.creature(0, (2, 2), name="Two")
    face = define(
        "Blade",
        "{1}",
        "Artifact - Equipment",
        activated=(equip("{1}"),),
        statics=(enlarge(2, 0, host),),
    )
    blade = table.place(0, face)
    blade.attached_to = one
    table.lands(0, "R")
    table.act("Blade: Equip", two)
    assert (blade.attached_to, one.power, two.power) == (two, 1, 4)


def test_equip_is_for_own_creatures(table) -> None:
    """Rule 702.6c: without a creature of one's own there is nothing to equip."""
    table.creature(1, (2, 2))
    table.put(0, "Short Sword")
    table.lands(0, "R")
    assert "Short Sword" not in table.offers(0)


def test_equip_is_at_sorcery_speed(table) -> None:
    """Rule 702.6a: not in combat."""
    table.creature(0, (2, 2))
    table.put(0, "Short Sword")
    table.lands(0, "R")
    table.game.phase = Phase.BLOCKERS
    assert "Short Sword" not in table.offers(0)


def test_protection_from_enchanting_and_equipping(table) -> None:
    """Rule 702.16d: equipment with the quality falls off, and stays."""
    knight = table.creature(0, (2, 2), protection=lambda source: source.is_artifact)
    sword = table.put(0, "Short Sword")
    sword.attached_to = knight
    table.settle()
    assert (sword.attached_to, sword.zone) == (None, Zone.BATTLEFIELD)


@pytest.mark.parametrize(("pays", "zone"), [(True, Zone.GRAVEYARD), (False, Zone.BATTLEFIELD)])
def test_ward_counters_unless_paid(table, pays: bool, zone: Zone) -> None:
    """Rule 702.21a: the spell is countered unless its controller pays the ward cost."""
    bear = table.creature(1, (2, 2), triggers=(ward("{1}"),))
    table.lands(0, "BB")
    spell = table.place(0, MURDER, zone=Zone.HAND)
    table.act("Murder", pays)
    assert (bear.zone, spell.zone) == (zone, Zone.GRAVEYARD)


def test_ward_counters_who_can_not_pay(table) -> None:
    """Rule 702.21a: without the mana there is no question."""
    bear = table.creature(1, (2, 2), triggers=(ward("{1}"),))
    table.lands(0, "B")
    table.place(0, MURDER, zone=Zone.HAND)
    table.act("Murder")
    assert bear.zone is Zone.BATTLEFIELD


def test_ward_is_against_opponents_only(table) -> None:
    """Rule 702.21a: its controller's spells are welcome."""
    bear = table.creature(0, (2, 2), triggers=(ward("{1}"),))
    table.lands(0, "G")
    table.hold(0, "Giant Growth")
    table.act("Giant Growth")
    assert bear.power == 5


def test_ward_counters_abilities(table) -> None:
    """Rule 702.21a: it triggers on abilities as well."""
    ping = Activated(
        text="Ping", effect=damage_targets(2), targets=(target_creature(Purpose.DAMAGE, 2),)
    )
    table.put(0, "Plains")
    bear = table.creature(1, (2, 2), triggers=(ward("{1}"),))
    pinger = table.creature(0, (9, 9), name="Archer", activated=(ping,))
    table.act("Archer: Ping", bear, False)
    assert (bear.damage, pinger.zone) == (0, Zone.BATTLEFIELD)


def test_ward_may_cost_life(table) -> None:
    """Rule 702.21a: the cost is any cost, such as life."""
    payment = Payment(kind=PaymentKind.LIFE, amount=2)
    bear = table.creature(1, (2, 2), triggers=(ward(payments=(payment,), text="2 life"),))
    table.lands(0, "B")
    table.place(0, MURDER, zone=Zone.HAND)
    table.act("Murder", True)
    assert (table.ann.life, bear.zone) == (18, Zone.GRAVEYARD)


def test_two_warded_targets_are_two_payments(table) -> None:
    """Rule 702.21a: each creature with ward triggers for itself; one unpaid is enough."""
    one = table.creature(1, (2, 2), triggers=(ward("{1}"),))
    two = table.creature(1, (2, 2), triggers=(ward("{1}"),))
    twice = (target_creature(Purpose.REMOVE), target_creature(Purpose.REMOVE))
    face = define("Double", "{B}", "Instant", spell=destroy_targets, targets=twice)
    table.lands(0, "BB")
    table.place(0, face, zone=Zone.HAND)
    table.act("Double", one, True)
    assert one.zone is two.zone is Zone.BATTLEFIELD


def test_prowess_is_for_noncreature_spells(table) -> None:
    """Rule 702.108a: an instant makes it bigger until end of turn, a creature does not."""
    monk = table.creature(0, (1, 1), Keyword.PROWESS)
    table.lands(0, "RWW")
    table.hold(0, "Shock", "Elite Vanguard")
    table.act("Elite Vanguard", "Shock", table.bob)
    assert (monk.power, monk.toughness) == (2, 2)


def test_prowess_resolves_before_the_spell(table) -> None:
    """Rule 702.108a: the trigger is above the spell, so the monk survives its own sweeper."""
    monk = table.creature(0, (1, 2), Keyword.PROWESS)
    table.lands(0, "R")
    table.place(0, define("Wave", "{R}", "Sorcery", spell=damage_creatures(2)), zone=Zone.HAND)
    table.act("Wave")
    assert (monk.zone, monk.damage) == (Zone.BATTLEFIELD, 2)


def test_prowess_is_for_own_spells(table) -> None:
    """Rule 702.108a: the opponent's spells do not count."""
    monk = table.creature(1, (1, 1), Keyword.PROWESS)
    table.lands(0, "R")
    table.hold(0, "Shock")
    table.act("Shock", table.bob)
    assert monk.power == 1


def test_prowess_wears_off(table) -> None:
    """Rule 702.108a: only until end of turn."""
    monk = table.creature(0, (1, 1), Keyword.PROWESS)
    table.lands(0, "R")
    table.hold(0, "Shock")
    table.act("Shock", table.bob)
    table.end_step()
    table.settle()
    assert monk.power == 1


def _vehicle(table):
    face = define("Cart", "{2}", "Artifact - Vehicle", power=4, toughness=4, activated=(crew(2),))
    return table.place(0, face)


def test_crew_makes_a_creature(table) -> None:
    """Rule 702.122a: the vehicle is an artifact creature of its printed size this turn."""
    cart, pilot = _vehicle(table), table.creature(0, (2, 2))
    table.act("Cart: Crew")
    assert (cart.is_creature, cart.power, pilot.tapped) == (True, 4, True)
    table.end_step()
    table.settle()
    assert not cart.is_creature


def test_crew_needs_enough_power(table) -> None:
    """Rule 702.122a: creatures with less power in all can not crew."""
    _vehicle(table)
    table.creature(0, (1, 1))
    assert table.offers(0) == []


def test_sick_creatures_crew(table) -> None:
    """Rule 702.122b: crewing is no {T} cost, so summoning sickness does not matter."""
    _vehicle(table)
    table.creature(0, (2, 2)).is_sick = True
    assert table.offers(0) == ["Cart"]


def test_a_sick_vehicle_does_not_attack(table) -> None:
    """Rule 302.6: a vehicle that came this turn is crewed in vain."""
    cart = _vehicle(table)
    cart.is_sick = True
    table.creature(0, (2, 2))
    table.act("Cart: Crew")
    assert not can_attack(cart)


def test_changeling_is_every_creature_type(table) -> None:
    """Rule 702.73a: it is a Goblin and an Elf."""
    shifter = table.creature(0, (1, 1), Keyword.CHANGELING)
    assert shifter.has_subtype("Goblin")
    assert shifter.has_subtype("Elf")


def test_speed_rises_once_a_turn(table) -> None:
    """Rule 702.179d: when an opponent loses life in your turn your speed rises, once each turn."""
    table.creature(0, (1, 1), Keyword.START_YOUR_ENGINES)
    one, two = table.creature(0, (1, 1)), table.creature(0, (1, 1))
    table.settle()
    table.fight((one, two))
    assert table.ann.speed == 2


def test_speed_does_not_rise_in_the_other_turn(table) -> None:
    """Rule 702.179d: only life lost in one's own turn counts."""
    table.creature(0, (1, 1), Keyword.START_YOUR_ENGINES)
    table.settle()
    table.game.active = 1
    table.lands(0, "R")
    table.hold(0, "Shock")
    table.game.phase = Phase.END
    table.act("Shock", table.bob)
    assert (table.bob.life, table.ann.speed) == (18, 1)


@pytest.mark.parametrize(("speed", "expected"), [(3, False), (4, True)])
def test_max_speed_is_four(table, speed: int, expected: bool) -> None:
    """Rule 702.178a: "max speed" abilities work with speed 4."""
    racer = table.creature(0, (1, 1))
    table.ann.speed = speed
    assert is_at_max_speed(table.game, racer) is expected


def test_speed_does_not_exceed_four(table) -> None:
    """Rule 702.179d: at speed 4 it rises no more."""
    table.ann.speed = 4
    table.fight((table.creature(0, (1, 1)),))
    assert table.ann.speed == 4


def test_an_uncounterable_spell_resolves(table) -> None:
    """Rule 101.2: that a spell can't be countered beats a counterspell; the latter is spent."""
    face = define(
        "Sure", "{R}", "Instant", spell=gain(3), keywords=frozenset({Keyword.UNCOUNTERABLE})
    )
    table.lands(0, "R")
    table.lands(1, "UUU")
    table.place(0, face, zone=Zone.HAND)
    cancel = table.hold(1, "Cancel")
    table.act("Sure", "Cancel")
    assert (table.ann.life, cancel.zone) == (23, Zone.GRAVEYARD)
