"""Chapter 702: keyword abilities of creatures."""

import pytest
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.combat import can_attack, can_block
from trainingrun_daemon.rules.damage import deal_damage
from trainingrun_daemon.rules.effects.life import lose
from trainingrun_daemon.rules.effects.pump import boost_targets
from trainingrun_daemon.rules.effects.removal import (
    damage_creatures,
    damage_targets,
    destroy_all,
    destroy_targets,
)
from trainingrun_daemon.rules.effects.targeting import any_target, target_creature
from trainingrun_daemon.rules.enums import Event, Keyword, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Activated, Trigger
from trainingrun_daemon.rules.payments import can_tap
from trainingrun_daemon.rules.targets import can_target

MURDER = define(
    "Murder", "{B}", "Instant", spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),)
)


def test_deathtouch_kills_by_one_damage(table) -> None:
    """Rule 702.2b: any damage by a source with deathtouch destroys."""
    snake, giant = table.creature(0, (1, 1), Keyword.DEATHTOUCH), table.creature(1, (5, 5))
    table.fight((snake,), {giant: snake})
    assert giant.zone is Zone.GRAVEYARD


def test_deathtouch_does_not_beat_indestructible(table) -> None:
    """Rule 702.2b: it destroys, which indestructible creatures do not mind."""
    snake = table.creature(0, (1, 1), Keyword.DEATHTOUCH)
    giant = table.creature(1, (5, 5), Keyword.INDESTRUCTIBLE)
    table.fight((snake,), {giant: snake})
    assert giant.zone is Zone.BATTLEFIELD


def test_one_damage_by_deathtouch_is_lethal_for_the_division(table) -> None:
    """Rule 702.2c: a 3/3 with deathtouch kills three blockers."""
    snake = table.creature(0, (3, 3), Keyword.DEATHTOUCH)
    walls = [table.creature(1, (0, 5)) for _ in range(3)]
    table.fight((snake,), dict.fromkeys(walls, snake))
    assert [wall.zone for wall in walls] == [Zone.GRAVEYARD] * 3


def test_deathtouch_works_without_combat(table) -> None:
    """Rule 702.2b: it does not matter how the source deals damage."""
    ping = Activated(text="Ping", effect=damage_targets(1), targets=(any_target(1),))
    table.creature(0, (1, 1), Keyword.DEATHTOUCH, name="Archer", activated=(ping,))
    giant = table.creature(1, (5, 5))
    table.act("Archer: Ping", giant)
    assert giant.zone is Zone.GRAVEYARD


def test_deathtouch_does_not_kill_planeswalkers(table) -> None:
    """Rule 702.2b: it is about creatures; a planeswalker only loses loyalty."""
    snake = table.creature(0, (1, 1), Keyword.DEATHTOUCH)
    walker = table.place(1, define("Sage", "{2}", "Planeswalker - Sage", loyalty=4))
    table.fight((snake,), walker)
    assert walker.counters == {"LOYALTY": 3}


def test_defender_may_block(table) -> None:
    """Rule 702.3b: defender keeps a creature from attacking only."""
    wall, bear = table.creature(0, (0, 4), Keyword.DEFENDER), table.creature(1, (2, 2))
    assert (can_attack(wall), can_block(wall, bear)) == (False, True)


def test_double_strike_deals_damage_in_both_steps(table) -> None:
    """Rule 702.4b: blocked by a 4/4, a 2/2 with double strike deals 4 in all and dies last."""
    knight, giant = table.creature(0, (2, 2), Keyword.DOUBLE_STRIKE), table.creature(1, (4, 4))
    table.fight((knight,), {giant: knight})
    assert knight.zone is giant.zone is Zone.GRAVEYARD


def test_double_strike_kills_before_it_is_hit(table) -> None:
    """Rule 702.4b: its first hit is a first strike."""
    knight, bear = table.creature(0, (2, 2), Keyword.DOUBLE_STRIKE), table.creature(1, (2, 2))
    table.fight((knight,), {bear: knight})
    assert (knight.zone, bear.zone) == (Zone.BATTLEFIELD, Zone.GRAVEYARD)


def test_double_strike_with_trample_tramples_when_the_blocker_is_dead(table) -> None:
    """Rule 702.19d: without blockers left all damage of the second step goes to the player."""
    knight = table.creature(0, (3, 3), Keyword.DOUBLE_STRIKE, Keyword.TRAMPLE)
    bear = table.creature(1, (2, 2))
    table.fight((knight,), {bear: knight})
    assert table.bob.life == 20 - 1 - 3


def test_double_strike_without_trample_does_not_go_through(table) -> None:
    """Rule 702.4b: the blocked creature's second hit has no one to hit."""
    knight, bear = table.creature(0, (3, 3), Keyword.DOUBLE_STRIKE), table.creature(1, (2, 2))
    table.fight((knight,), {bear: knight})
    assert table.bob.life == 20


def test_first_strike_against_first_strike(table) -> None:
    """Rule 702.7b: two first strikers hit at the same time."""
    one = table.creature(0, (2, 2), Keyword.FIRST_STRIKE)
    two = table.creature(1, (2, 2), Keyword.FIRST_STRIKE)
    table.fight((one,), {two: one})
    assert one.zone is two.zone is Zone.GRAVEYARD


def test_flash_is_cast_in_the_other_turn(table) -> None:
    """Rule 702.8a: a creature with flash is cast when an instant could be."""
    table.lands(1, "W")
    for name, keywords in (("Slow", ()), ("Quick", (Keyword.FLASH,))):
        face = creature(name, "{W}", "Human", size=(1, 1), keywords=keywords)
        table.place(1, face, zone=Zone.HAND)
    table.game.phase = Phase.END
    assert table.offers(1) == ["Quick"]


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [((), False), ((Keyword.FLYING,), True), ((Keyword.REACH,), True)],
)
def test_flying_is_blocked_by_flying_and_reach(table, keywords, expected: bool) -> None:
    """Rules 702.9b, 702.17b: nothing else blocks a creature with flying."""
    bird = table.creature(0, (1, 1), Keyword.FLYING)
    assert can_block(table.creature(1, (2, 2), *keywords), bird) is expected


@pytest.mark.parametrize("keyword", [Keyword.FLYING, Keyword.REACH])
def test_flyers_block_anything(table, keyword: Keyword) -> None:
    """Rules 702.9c, 702.17c: flying and reach creatures block creatures on the ground."""
    assert can_block(table.creature(1, (1, 1), keyword), table.creature(0, (1, 1)))


def test_haste_lets_a_new_creature_attack_and_tap(table) -> None:
    """Rule 702.10b and c: summoning sickness is no matter."""
    goblin = table.creature(0, (1, 1), Keyword.HASTE)
    goblin.is_sick = True
    assert can_attack(goblin)
    assert can_tap(goblin)


@pytest.mark.parametrize(("seat", "expected"), [(0, True), (1, False)])
def test_hexproof_is_against_opponents(table, seat: int, expected: bool) -> None:
    """Rule 702.11b: its controller may target it, the opponent may not."""
    bear = table.creature(0, (2, 2), Keyword.HEXPROOF)
    assert can_target(table.creature(seat, (1, 1)), seat, bear) is expected


def test_hexproof_does_not_help_against_what_does_not_target(table) -> None:
    """Rule 702.11b: a sweeper kills it."""
    bear = table.creature(1, (2, 2), Keyword.HEXPROOF)
    table.lands(0, "R")
    table.place(0, define("Wave", "{R}", "Sorcery", spell=damage_creatures(2)), zone=Zone.HAND)
    table.act("Wave")
    assert bear.zone is Zone.GRAVEYARD


@pytest.mark.parametrize("seat", [0, 1])
def test_shroud_is_against_everybody(table, seat: int) -> None:
    """Rule 702.18a: not even its controller may target it."""
    bear = table.creature(0, (2, 2), Keyword.SHROUD)
    assert not can_target(table.creature(seat, (1, 1)), seat, bear)


@pytest.mark.parametrize(
    ("keywords", "zone"), [((), Zone.GRAVEYARD), ((Keyword.INDESTRUCTIBLE,), Zone.BATTLEFIELD)]
)
def test_indestructible_is_not_destroyed(table, keywords, zone: Zone) -> None:
    """Rule 702.12b: "destroy" does nothing to it."""
    bear = table.creature(1, (2, 2), *keywords)
    table.lands(0, "B")
    table.place(0, MURDER, zone=Zone.HAND)
    table.act("Murder")
    assert bear.zone is zone


def test_indestructible_survives_a_sweep_alone(table) -> None:
    """Rule 702.12b: the others die."""
    hard, soft = table.creature(1, (2, 2), Keyword.INDESTRUCTIBLE), table.creature(1, (2, 2))
    table.lands(0, "W")
    table.place(0, define("Wrath", "{W}", "Sorcery", spell=destroy_all()), zone=Zone.HAND)
    table.act("Wrath")
    assert (hard.zone, soft.zone) == (Zone.BATTLEFIELD, Zone.GRAVEYARD)


def test_lifelink_counts_with_the_damage(table) -> None:
    """Rule 702.15b: a player at 2 survives 3 damage when a lifelink blocker deals 3 as well."""
    table.bob.life = 2
    one, two = table.creature(0, (3, 3)), table.creature(0, (3, 3))
    angel = table.creature(1, (3, 3), Keyword.LIFELINK)
    table.fight((one, two), {angel: one})
    assert (table.game.is_over, table.bob.life) == (False, 2)


def test_lifelink_counts_excess_damage(table) -> None:
    """Rule 702.15b: 5 damage to a 1/1 gain 5 life."""
    angel, chump = table.creature(0, (5, 5), Keyword.LIFELINK), table.creature(1, (1, 1))
    table.fight((angel,), {chump: angel})
    assert table.ann.life == 25


def test_lifelink_works_without_combat(table) -> None:
    """Rule 702.15b: any damage of the source counts."""
    ping = Activated(text="Ping", effect=damage_targets(2), targets=(any_target(2),))
    table.creature(0, (1, 1), Keyword.LIFELINK, name="Priest", activated=(ping,))
    table.game.is_stale = True
    table.act("Priest: Ping", table.bob)
    assert (table.ann.life, table.bob.life) == (22, 18)


def test_lifelink_gains_by_damage_to_planeswalkers(table) -> None:
    """Rule 702.15b: it does not matter what is damaged."""
    angel = table.creature(0, (3, 3), Keyword.LIFELINK)
    walker = table.place(1, define("Sage", "{2}", "Planeswalker - Sage", loyalty=4))
    table.fight((angel,), walker)
    assert table.ann.life == 23


def test_lifelink_is_one_gain_for_each_hit(table) -> None:
    """Rule 702.15e: "whenever you gain life" triggers once for each damage event of a source."""
    trigger = Trigger(
        event=Event.GAINS_LIFE,
        text="lose 1.",
        effect=lose(1),
        condition=lambda _game, card, happening: happening.seat == card.controller,
    )
    table.creature(0, (0, 1), triggers=(trigger,))
    angels = tuple(table.creature(0, (2, 2), Keyword.LIFELINK) for _ in range(2))
    table.fight(angels)
    assert table.ann.life == 20 + 4 - 2


def test_protection_from_damage(table) -> None:
    """Rule 702.16e: damage by such a source is prevented."""
    knight = table.creature(1, (2, 2), protection=lambda source: "R" in source.colors)
    red = table.place(0, creature("Imp", "{R}", "Imp", size=(3, 3)))
    assert deal_damage(table.game, red, knight, amount=3) == 0
    assert knight.damage == 0


def test_protection_from_blocking(table) -> None:
    """Rule 702.16f: creatures with the quality can not block it; others can."""
    knight = table.creature(0, (2, 2), protection=lambda source: "R" in source.colors)
    red = table.place(1, creature("Imp", "{R}", "Imp", size=(3, 3)))
    green = table.place(1, creature("Elf", "{G}", "Elf", size=(3, 3)))
    assert (can_block(red, knight), can_block(green, knight)) == (False, True)


def test_protection_does_not_keep_it_from_blocking(table) -> None:
    """Rule 702.16f: it may itself block creatures with the quality."""
    knight = table.creature(1, (2, 2), protection=lambda source: "R" in source.colors)
    red = table.place(0, creature("Imp", "{R}", "Imp", size=(3, 3)))
    table.fight((red,), {knight: red})
    assert (knight.zone, red.damage) == (Zone.BATTLEFIELD, 2)


def test_protection_from_targeting(table) -> None:
    """Rule 702.16b: spells with the quality can not target it, not even its controller's."""
    table.creature(0, (2, 2), protection=lambda source: "B" in source.colors)
    table.lands(0, "B")
    table.place(0, MURDER, zone=Zone.HAND)
    assert table.offers(0) == []


def test_protection_does_not_help_against_destroying_all(table) -> None:
    """Rule 702.16: what neither targets nor damages is not its affair."""
    knight = table.creature(1, (2, 2), protection=lambda _source: True)
    table.lands(0, "W")
    table.place(0, define("Wrath", "{W}", "Sorcery", spell=destroy_all()), zone=Zone.HAND)
    table.act("Wrath")
    assert knight.zone is Zone.GRAVEYARD


def test_trample_assigns_lethal_damage_first(table) -> None:
    """Rule 702.19b: each blocker gets what is lethal, the player the rest."""
    wurm = table.creature(0, (7, 7), Keyword.TRAMPLE)
    one, two = table.creature(1, (1, 2)), table.creature(1, (1, 3))
    table.fight((wurm,), {one: wurm, two: wurm})
    assert table.bob.life == 18


def test_trample_counts_damage_that_is_there(table) -> None:
    """Rule 702.19b: a blocker with damage on it needs less to die."""
    wurm, wall = table.creature(0, (5, 5), Keyword.TRAMPLE), table.creature(1, (0, 4))
    wall.damage = 3
    table.fight((wurm,), {wall: wurm})
    assert table.bob.life == 16


def test_trample_with_deathtouch_needs_one_each(table) -> None:
    """Rule 702.19b: with deathtouch 1 damage is lethal."""
    wurm = table.creature(0, (5, 5), Keyword.TRAMPLE, Keyword.DEATHTOUCH)
    walls = [table.creature(1, (0, 9)) for _ in range(2)]
    table.fight((wurm,), dict.fromkeys(walls, wurm))
    assert (table.bob.life, [wall.zone for wall in walls]) == (17, [Zone.GRAVEYARD] * 2)


def test_trample_does_not_mind_indestructible(table) -> None:
    """Rule 702.19b: lethal damage is by toughness, though it would not destroy."""
    wurm = table.creature(0, (5, 5), Keyword.TRAMPLE)
    wall = table.creature(1, (0, 2), Keyword.INDESTRUCTIBLE)
    table.fight((wurm,), {wall: wurm})
    assert table.bob.life == 17


def test_trample_does_not_mind_protection(table) -> None:
    """Rule 702.19b: damage that will be prevented is assigned like any other."""
    wurm = table.creature(0, (5, 5), Keyword.TRAMPLE)
    wall = table.creature(1, (0, 2), protection=lambda source: source is wurm)
    table.fight((wurm,), {wall: wurm})
    assert (table.bob.life, wall.damage) == (17, 0)


def test_trample_over_a_blocker_that_left(table) -> None:
    """Rule 702.19d: blocked by no one any longer, it deals all its damage to the player."""
    wurm, chump = table.creature(0, (5, 5), Keyword.TRAMPLE), table.creature(1, (1, 1))
    table.lands(0, "U")
    table.hold(0, "Unsummon")
    table.fight((wurm,), {chump: wurm}, "Unsummon", chump)
    assert table.bob.life == 15


def test_trample_goes_to_the_planeswalker_that_is_attacked(table) -> None:
    """Rule 702.19f: the excess is for the planeswalker, not for its controller."""
    wurm, chump = table.creature(0, (5, 5), Keyword.TRAMPLE), table.creature(1, (1, 2))
    walker = table.place(1, define("Sage", "{2}", "Planeswalker - Sage", loyalty=4))
    table.fight((wurm,), walker, {chump: wurm})
    assert (table.bob.life, walker.counters) == (20, {"LOYALTY": 1})


def test_only_attackers_trample(table) -> None:
    """Rule 702.19a: a blocker with trample deals all its damage to the attacker."""
    bear, wurm = table.creature(0, (1, 1)), table.creature(1, (5, 5), Keyword.TRAMPLE)
    table.fight((bear,), {wurm: bear})
    assert (table.ann.life, table.bob.life) == (20, 20)


def test_vigilance_does_not_tap(table) -> None:
    """Rule 702.20b: attacking does not tap it."""
    angel = table.creature(0, (2, 2), Keyword.VIGILANCE)
    table.fight((angel,))
    assert (angel.tapped, table.bob.life) == (False, 18)


def test_a_tapped_creature_does_not_attack_by_vigilance(table) -> None:
    """Rule 702.20b: vigilance does not let a tapped creature attack."""
    angel = table.creature(0, (2, 2), Keyword.VIGILANCE)
    angel.tapped = True
    assert not can_attack(angel)


@pytest.mark.parametrize(("count", "life"), [(1, 17), (2, 20)])
def test_menace_needs_two(table, count: int, life: int) -> None:
    """Rule 702.111b: one blocker is none, two block."""
    ogre = table.creature(0, (3, 3), Keyword.MENACE)
    blockers = [table.creature(1, (1, 1)) for _ in range(2)]
    table.fight((ogre,), dict.fromkeys(blockers[:count], ogre))
    assert table.bob.life == life


def test_menace_does_not_matter_after_blocks(table) -> None:
    """Rule 702.111b: when one of two blockers is removed, it stays blocked."""
    ogre = table.creature(0, (3, 3), Keyword.MENACE)
    one, two = table.creature(1, (1, 1)), table.creature(1, (1, 1))
    table.lands(0, "U")
    table.hold(0, "Unsummon")
    table.fight((ogre,), {one: ogre, two: ogre}, "Unsummon", one)
    assert table.bob.life == 20


def test_menace_with_flying_needs_two_flyers(table) -> None:
    """Rules 702.9b, 702.111b: a blocker that may not block does not count as the second."""
    drake = table.creature(0, (3, 3), Keyword.MENACE, Keyword.FLYING)
    bird, bear = table.creature(1, (1, 1), Keyword.FLYING), table.creature(1, (1, 1))
    other = table.creature(0, (0, 1))
    table.fight((drake, other), {bird: drake, bear: drake})
    assert table.bob.life == 17


def test_unblockable_is_not_blocked(table) -> None:
    """Rule 509.1b: nothing blocks what can't be blocked."""
    ghost = table.creature(0, (1, 1), Keyword.UNBLOCKABLE)
    assert not can_block(table.creature(1, (1, 1), Keyword.FLYING), ghost)


def test_evasion_given_after_blocks_is_too_late(table) -> None:
    """Rule 702.9a: flying gained after blockers were declared does not undo the block."""
    bear, wall = table.creature(0, (2, 2)), table.creature(1, (0, 5))
    table.lands(0, "U")
    jump = define(
        "Jump",
        "{U}",
        "Instant",
        spell=boost_targets(0, 0, Keyword.FLYING),
        targets=(target_creature(Purpose.BOOST),),
    )
    table.place(0, jump, zone=Zone.HAND)
    table.fight((bear,), {wall: bear}, "Jump", bear)
    assert (table.bob.life, wall.damage) == (20, 2)
