"""Chapters 506 to 511: the combat phase."""

import pytest
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.choices import ChooseEntity, DeclareAttackers, DeclareBlockers
from trainingrun_daemon.rules.combat import can_attack, can_block, join_attack
from trainingrun_daemon.rules.continuous import boost
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.pump import animate, boost_itself
from trainingrun_daemon.rules.effects.removal import damage_opponent
from trainingrun_daemon.rules.effects.rituals import add_mana
from trainingrun_daemon.rules.effects.triggers import (
    at_combat,
    is_itself,
    when_attacks,
    when_dies,
    when_hits_player,
)
from trainingrun_daemon.rules.enums import Event, Keyword, Phase, Zone
from trainingrun_daemon.rules.model import Activated, Trigger
from trainingrun_daemon.rules.zones import destroy

WALKER = define("Sage", "{2}", "Legendary Planeswalker - Sage", loyalty=4)


def test_the_attackers_owner_decides_before_the_defender(table) -> None:
    """Rule 506.2: the active player attacks, the other one blocks."""
    bear = table.creature(0, (2, 2))
    table.creature(1, (2, 2))
    table.fight((bear,))
    assert [(type(choice), choice.seat) for choice in table.asked] == [
        (DeclareAttackers, 0),
        (DeclareBlockers, 1),
    ]


def test_no_blocks_and_damage_without_attackers(table) -> None:
    """Rule 508.8: when nothing attacks, no one is asked to block."""
    table.creature(0, (2, 2))
    table.creature(1, (2, 2))
    table.fight(())
    assert not any(isinstance(choice, DeclareBlockers) for choice in table.asked)


def test_a_creature_that_leaves_is_out_of_combat(table) -> None:
    """Rule 506.4: an attacker that is returned to hand deals no damage."""
    bear = table.creature(0, (2, 2))
    table.lands(1, "U")
    table.hold(1, "Unsummon")
    table.fight((bear,), "Unsummon")
    assert (bear.zone, table.bob.life) == (Zone.HAND, 20)


def test_what_is_no_creature_any_longer_is_out_of_combat(table) -> None:
    """Rule 506.4: an animated land that stops being a creature neither fights nor is blocked."""
    land = table.put(0, "Plains")
    animate(table.game, land, size=(3, 3))
    become_land = Trigger(
        event=Event.ATTACKS,
        text="it is no creature.",
        effect=lambda game, _item: game.lasting.clear() or setattr(game, "is_stale", True),
        condition=lambda _game, _card, _happening: True,
    )
    table.creature(0, (0, 1), triggers=(become_land,))
    table.fight((land,))
    assert table.bob.life == 20


def test_a_removed_planeswalker_saves_its_controller(table) -> None:
    """Rule 506.4c: who attacked a planeswalker that has gone still does not hit the player."""
    bear = table.creature(0, (2, 2))
    walker = table.place(1, WALKER)
    table.lands(1, "U")
    bounce = define("Recall", "{U}", "Instant", spell=lambda _game, _item: walker.counters.clear())
    table.place(1, bounce, zone=Zone.HAND)
    table.fight((bear,), walker, "Recall")
    assert (walker.zone, table.bob.life) == (Zone.GRAVEYARD, 20)


def test_mana_of_combat_stays_until_its_end(table) -> None:
    """Rule 500.5: combat mana is there in all steps of combat, and gone afterwards."""
    trigger = when_attacks("add {R}.", add_mana("R", is_combat=True))
    bear = table.creature(0, (2, 2), triggers=(trigger,))
    table.hold(0, "Shock")
    table.fight((bear,), "Shock", table.bob)
    assert table.bob.life == 16


def test_abilities_trigger_at_the_beginning_of_combat(table) -> None:
    """Rule 507.2: they resolve before attackers are declared, so the bigger creature attacks."""
    bear = table.creature(0, (2, 2), triggers=(at_combat("+2/+0.", boost_itself(2, 0)),))
    table.fight((bear,))
    assert table.bob.life == 16


@pytest.mark.parametrize("spoiler", ["tapped", "sick", "land", "defender", "barred"])
def test_who_may_not_attack(table, spoiler: str) -> None:
    """Rule 508.1a: no tapped, sick or uncreaturely permanents, and none that may not attack."""
    keyword = {"defender": Keyword.DEFENDER, "barred": Keyword.CANT_ATTACK}.get(spoiler)
    card = table.creature(0, (2, 2), *([keyword] if keyword else []))
    card.tapped = spoiler == "tapped"
    card.is_sick = spoiler == "sick"
    card = table.put(0, "Plains") if spoiler == "land" else card
    assert not can_attack(card)


def test_each_attacker_chooses_what_it_attacks(table) -> None:
    """Rule 508.1b: one attacks the player, another the planeswalker."""
    one, two = table.creature(0, (2, 2)), table.creature(0, (3, 3))
    walker = table.place(1, WALKER)
    table.fight((one, two), table.bob, walker)
    assert (table.bob.life, walker.counters) == (18, {"LOYALTY": 1})


def test_no_choice_of_victim_without_planeswalkers(table) -> None:
    """Rule 508.1b: with the player alone to attack there is no question."""
    table.fight((table.creature(0, (2, 2)),))
    assert not any(isinstance(choice, ChooseEntity) for choice in table.asked)


def test_a_creature_that_must_attack_attacks(table) -> None:
    """Rule 508.1d: it attacks although its controller declared nothing."""
    table.creature(0, (2, 2), Keyword.MUST_ATTACK)
    table.fight(())
    assert table.bob.life == 18


def test_a_tapped_creature_need_not_attack(table) -> None:
    """Rule 508.1d: the requirement holds only for who is able to attack."""
    table.creature(0, (2, 2), Keyword.MUST_ATTACK).tapped = True
    table.fight()
    assert table.bob.life == 20


def test_attacking_taps(table) -> None:
    """Rule 508.1f: attackers become tapped as they are declared."""
    bear = table.creature(0, (2, 2))
    table.fight((bear,))
    assert bear.tapped


def test_attack_triggers_resolve_before_blocks(table) -> None:
    """Rule 508.2: they go on the stack in the declare attackers step."""
    kill = when_attacks("gain 1 life.", damage_opponent(1))
    bear = table.creature(0, (2, 2), triggers=(kill,))
    blocker = table.creature(1, (2, 2))
    table.fight((bear,), {blocker: bear})
    assert table.bob.life == 19


def test_a_creature_put_onto_the_battlefield_attacking_was_not_declared(table) -> None:
    """Rule 508.4: it deals damage, but its attack trigger does not trigger, nor does it tap."""
    bear = table.creature(0, (2, 2))
    helper = table.creature(0, (3, 3), triggers=(when_attacks("gain 5 life.", gain(5)),))
    helper.is_sick = True
    join = Trigger(
        event=Event.ATTACKS,
        text="another joins.",
        effect=lambda game, _item: join_attack(game, helper),
        condition=lambda _game, card, happening: happening.card is card,
    )
    bear.face = creature("Leader", "", "Human", size=(2, 2), triggers=(join,))
    bear.restore()
    table.fight((bear,))
    assert (table.ann.life, table.bob.life, helper.tapped) == (20, 15, False)


@pytest.mark.parametrize("spoiler", ["tapped", "barred", "land"])
def test_who_may_not_block(table, spoiler: str) -> None:
    """Rule 509.1a: no tapped or uncreaturely permanents, and none that may not block."""
    attacker = table.creature(0, (2, 2))
    keywords = [Keyword.CANT_BLOCK] if spoiler == "barred" else []
    blocker = table.put(1, "Plains") if spoiler == "land" else table.creature(1, (2, 2), *keywords)
    blocker.tapped = spoiler == "tapped"
    assert not can_block(blocker, attacker)


def test_a_sick_creature_may_block(table) -> None:
    """Rule 302.6: summoning sickness is about attacking and tapping only."""
    blocker = table.creature(1, (2, 2))
    blocker.is_sick = True
    assert can_block(blocker, table.creature(0, (2, 2)))


def test_blocking_does_not_tap(table) -> None:
    """Rule 509.1: blockers stay untapped."""
    bear, blocker = table.creature(0, (2, 2)), table.creature(1, (0, 4))
    table.fight((bear,), {blocker: bear})
    assert not blocker.tapped


def test_several_creatures_block_one(table) -> None:
    """Rule 509.1a: each blocker blocks one attacker, which several may block."""
    giant = table.creature(0, (4, 4))
    ones = [table.creature(1, (2, 2)) for _ in range(2)]
    table.fight((giant,), dict.fromkeys(ones, giant))
    assert giant.zone is Zone.GRAVEYARD
    assert [card.zone for card in ones] == [Zone.GRAVEYARD] * 2


def test_a_creature_blocked_once_stays_blocked(table) -> None:
    """Rule 509.1h: when its blocker is gone it is blocked all the same."""
    giant, chump = table.creature(0, (4, 4)), table.creature(1, (1, 1))
    table.lands(0, "U")
    table.hold(0, "Unsummon")
    table.fight((giant,), {chump: giant}, "Unsummon", chump)
    assert (table.bob.life, chump.zone) == (20, Zone.HAND)


def test_a_creature_nobody_blocked_is_unblocked(table) -> None:
    """Rule 509.1h: it is an unblocked creature from the declaration of blockers on."""
    seen: list[bool] = []
    bear = table.creature(0, (2, 2))
    table.lands(0, "R")
    look = define(
        "Look", "{R}", "Instant", spell=lambda _game, _item: seen.append(bear.is_unblocked)
    )
    table.place(0, look, zone=Zone.HAND)
    table.fight((bear,), "Look")
    assert seen == [True]


def test_block_triggers_see_blocker_and_attacker(table) -> None:
    """Rule 509.2: "whenever this blocks" triggers once, for the creature that blocks."""
    trigger = Trigger(event=Event.BLOCKS, text="gain.", effect=gain(1), condition=is_itself)
    bear = table.creature(0, (2, 2))
    wall = table.creature(1, (0, 5), triggers=(trigger,))
    table.creature(1, (0, 5), triggers=(trigger,))
    table.fight((bear,), {wall: bear})
    assert table.bob.life == 21


def test_becoming_blocked_triggers_once_for_two_blockers(table) -> None:
    """Rule 509.3c: "becomes blocked" triggers once however many creatures block."""
    trigger = Trigger(
        event=Event.BECOMES_BLOCKED, text="gain.", effect=gain(1), condition=is_itself
    )
    bear = table.creature(0, (2, 2), triggers=(trigger,))
    walls = [table.creature(1, (0, 5)) for _ in range(2)]
    table.fight((bear,), dict.fromkeys(walls, bear))
    assert table.ann.life == 21


@pytest.mark.parametrize("power", [0, -2])
def test_no_damage_without_power(table, power: int) -> None:
    """Rule 510.1a: a creature with power 0 or less deals no combat damage."""
    bear = table.creature(0, (2, 2), triggers=(when_hits_player("gain 5.", gain(5)),))
    bear.boost_power = power - 2
    table.fight((bear,))
    assert (table.ann.life, table.bob.life) == (20, 20)


def test_an_unblocked_creature_hits_what_it_attacks(table) -> None:
    """Rule 510.1b: an attacked planeswalker loses loyalty, its controller no life."""
    bear, walker = table.creature(0, (2, 2)), table.place(1, WALKER)
    table.fight((bear,), walker)
    assert (table.bob.life, walker.counters["LOYALTY"]) == (20, 2)


def test_a_blocked_creature_without_blockers_deals_nothing(table) -> None:
    """Rule 510.1c: when all its blockers are gone, it assigns no damage."""
    bear = table.creature(0, (5, 5), triggers=(when_hits_player("gain 5.", gain(5)),))
    chump = table.creature(1, (1, 1))
    table.lands(0, "R")
    table.hold(0, "Shock")
    table.fight((bear,), {chump: bear}, "Shock", chump)
    assert (table.ann.life, table.bob.life) == (20, 20)


def test_damage_is_divided_among_blockers(table) -> None:
    """Rule 510.1c: no more is dealt than the attacker has power; the first to die are killed."""
    giant = table.creature(0, (4, 9))
    small, big = table.creature(1, (1, 3)), table.creature(1, (1, 5))
    table.fight((giant,), {big: giant, small: giant})
    assert (small.zone, big.damage) == (Zone.GRAVEYARD, 1)


def test_a_blocker_hits_the_attacker(table) -> None:
    """Rule 510.1d: each blocker damages the creature that it blocks, not the player."""
    giant, wall = table.creature(0, (1, 9)), table.creature(1, (3, 5))
    table.fight((giant,), {wall: giant})
    assert (giant.damage, table.ann.life) == (3, 20)


def test_combat_damage_is_simultaneous(table) -> None:
    """Rule 510.2: two creatures of the same size kill each other."""
    one, two = table.creature(0, (2, 2)), table.creature(1, (2, 2))
    table.fight((one,), {two: one})
    assert one.zone is two.zone is Zone.GRAVEYARD


def test_triggers_of_dying_creatures_wait_for_all_damage(table) -> None:
    """Rule 510.3a: the trigger of a creature that dies goes on the stack after the damage."""
    one = table.creature(0, (2, 2), triggers=(when_dies("gain 3 life.", gain(3)),))
    two = table.creature(0, (3, 3))
    blocker = table.creature(1, (2, 2))
    table.fight((one, two), {blocker: one})
    assert (table.ann.life, table.bob.life) == (23, 17)


def test_no_first_strike_step_without_first_strikers(table) -> None:
    """Rule 510.4: the step before is there only when somebody has first or double strike."""
    phases: list[Phase] = []
    trigger = when_hits_player("look.", lambda game, _item: phases.append(game.phase))
    table.fight((table.creature(0, (2, 2), triggers=(trigger,)),))
    assert phases == [Phase.DAMAGE]


def test_first_strike_damage_comes_in_its_own_step(table) -> None:
    """Rule 510.4: with a first striker around the others wait for the second step."""
    phases: list[Phase] = []
    trigger = when_hits_player("look.", lambda game, _item: phases.append(game.phase))
    first = table.creature(0, (2, 2), Keyword.FIRST_STRIKE, triggers=(trigger,))
    other = table.creature(0, (2, 2), triggers=(trigger,))
    table.fight((first, other))
    assert phases == [Phase.FIRST_STRIKE, Phase.DAMAGE]


def test_a_creature_killed_by_first_strike_does_not_hit_back(table) -> None:
    """Rule 510.4: creatures that are gone by the second step deal no damage in it."""
    first, other = table.creature(0, (2, 1), Keyword.FIRST_STRIKE), table.creature(1, (2, 2))
    table.fight((first,), {other: first})
    assert (first.zone, other.zone) == (Zone.BATTLEFIELD, Zone.GRAVEYARD)


def test_losing_first_strike_gives_no_second_hit(table) -> None:
    """Rule 510.4: who dealt first-strike damage and lost the keyword does not hit again."""
    bear = table.creature(0, (2, 2), triggers=(when_hits_player("lose it.", _take_granted),))
    bear.granted = frozenset({Keyword.FIRST_STRIKE})
    table.fight((bear,))
    assert table.bob.life == 18


def test_losing_double_strike_between_the_steps_stops_the_second_hit(table) -> None:
    """Rule 702.4c: without double strike in the second step there is no second hit."""
    bear = table.creature(0, (2, 2), triggers=(when_hits_player("lose it.", _take_granted),))
    bear.granted = frozenset({Keyword.DOUBLE_STRIKE})
    table.fight((bear,))
    assert table.bob.life == 18


def test_gaining_first_strike_after_the_first_step_is_too_late(table) -> None:
    """Rule 702.7c: who did not hit in the first step hits in the second, first strike or not."""
    give = when_hits_player("gain.", lambda game, _item: _grant(game, other, Keyword.FIRST_STRIKE))
    first = table.creature(0, (1, 1), Keyword.FIRST_STRIKE, triggers=(give,))
    other = table.creature(0, (3, 3))
    table.fight((first, other))
    assert table.bob.life == 16


def test_gaining_double_strike_after_the_first_hit_gives_a_second(table) -> None:
    """Rule 702.4d: a first striker that gets double strike in between hits again."""
    give = when_hits_player(
        "gain.", lambda game, item: _grant(game, item.card, Keyword.DOUBLE_STRIKE)
    )
    first = table.creature(0, (1, 1), Keyword.FIRST_STRIKE, triggers=(give,))
    table.fight((first,))
    assert table.bob.life == 18


def _destroy(game, card) -> None:
    destroy(game, card)


def _take_granted(game, item) -> None:
    item.card.granted = frozenset()
    game.is_stale = True


def _grant(game, card, keyword: Keyword) -> None:
    boost(game, card, keywords=frozenset({keyword}))


def test_combat_ends_for_all(table) -> None:
    """Rule 511.3: after the end of combat nothing attacks or blocks any longer."""
    bear, wall = table.creature(0, (2, 2)), table.creature(1, (0, 5))
    table.fight((bear,), {wall: bear})
    assert (bear.attacking, wall.blocking, table.game.combat) == (False, None, None)


def test_the_attacker_of_a_destroyed_blocker_deals_nothing_to_others(table) -> None:
    """Rule 510.1c: the damage goes to the blocker that is left."""
    giant = table.creature(0, (3, 9))
    one, two = table.creature(1, (0, 5)), table.creature(1, (0, 5))
    table.lands(0, "B")
    murder = define("Murder", "{B}", "Instant", spell=lambda game, _item: _destroy(game, one))
    table.place(0, murder, zone=Zone.HAND)
    table.fight((giant,), {one: giant, two: giant}, "Murder")
    assert (one.zone, two.damage) == (Zone.GRAVEYARD, 3)


def test_an_attacker_killed_before_damage_takes_no_damage_with_it(table) -> None:
    """Rule 510.1d: a blocker whose attacker is gone deals no damage at all."""
    bear = table.creature(0, (2, 2))
    wall = table.creature(1, (2, 2), Keyword.LIFELINK)
    destroy = Activated(text="Die", effect=lambda game, item: _destroy(game, item.card))
    bear.face = creature("Martyr", "", "Human", size=(2, 2), activated=(destroy,))
    bear.restore()
    table.fight((bear,), {wall: bear}, "Martyr: Die")
    assert (table.bob.life, wall.damage) == (20, 0)
