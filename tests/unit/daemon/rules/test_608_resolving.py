"""Chapters 115, 400, 405 and 608: targets, zones, the stack and resolving."""

import pytest
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.choices import ChooseAction
from trainingrun_daemon.rules.effects.combinators import in_order
from trainingrun_daemon.rules.effects.counterspells import counter_targets
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.pump import boost_targets
from trainingrun_daemon.rules.effects.removal import (
    damage_targets,
    destroy_targets,
    fight_targets,
)
from trainingrun_daemon.rules.effects.targeting import (
    any_target,
    target_creature,
    target_creature_that,
    target_in_graveyard,
    target_own_creature,
    target_spell,
)
from trainingrun_daemon.rules.effects.triggers import when_enters
from trainingrun_daemon.rules.enums import Keyword, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import RESOLUTION_CAP, Mode
from trainingrun_daemon.rules.zones import (
    add_counters,
    create_token,
    move_card,
    put_on_battlefield,
)

HIT = target_creature(Purpose.DAMAGE, 2)


def _hold(table, name: str = "Spell", seat: int = 0, types: str = "Instant", **rest):
    return table.place(seat, define(name, "{0}", types, **rest), zone=Zone.HAND)


def test_the_last_spell_resolves_first(table) -> None:
    """Rule 405.5: a response is dealt with before what it responds to."""
    order: list[str] = []
    for seat, name in ((0, "First"), (1, "Second")):
        _hold(table, name, seat, spell=lambda _game, item: order.append(item.text))
    table.act("First", "Second")
    assert order == ["Second", "First"]


def test_after_each_resolution_players_get_priority_again(table) -> None:
    """Rule 117.4: with something left on the stack the top one alone resolves, then players act."""
    _hold(table, "First", spell=gain(1))
    _hold(table, "Second", seat=1, spell=gain(1))
    _hold(table, "Third", seat=1, spell=gain(1))
    table.act("First", "Second")
    asked = [choice.seat for choice in table.asked if isinstance(choice, ChooseAction)]
    assert asked.count(1) >= 2


def test_a_spell_whose_target_is_gone_does_nothing(table) -> None:
    """Rule 608.2b: with all targets illegal no part of it happens."""
    bear = table.creature(0, (2, 2))
    effect = in_order(boost_targets(2, 2), gain(5))
    _hold(table, spell=effect, targets=(target_own_creature(),))
    _hold(table, "Kill", seat=1, spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),))
    table.act("Spell", "Kill")
    assert (bear.zone, table.ann.life) == (Zone.GRAVEYARD, 20)


def test_a_fizzled_spell_goes_to_the_graveyard(table) -> None:
    """Rule 608.2b: it leaves the stack like a spell that resolved."""
    table.creature(0, (2, 2))
    spell = _hold(table, spell=boost_targets(2, 2), targets=(target_own_creature(),))
    _hold(table, "Kill", seat=1, spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),))
    table.act("Spell", "Kill")
    assert (spell.zone, table.game.stack) == (Zone.GRAVEYARD, [])


def test_one_legal_target_of_two_is_enough(table) -> None:
    """Rule 608.2b: the other one is simply not affected."""
    one, two = table.creature(0, (2, 2)), table.creature(0, (4, 4))
    _hold(table, spell=damage_targets(2), targets=(HIT, HIT))
    _hold(table, "Kill", seat=1, spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),))
    table.act("Spell", one, "Kill", one)
    assert (one.zone, two.damage) == (Zone.GRAVEYARD, 2)


def test_fighting_needs_both(table) -> None:
    """Rule 701.14b: when one of two fighters is gone, neither deals damage."""
    one, two = table.creature(0, (2, 2)), table.creature(1, (4, 4))
    targets = (target_own_creature(), target_creature(Purpose.DAMAGE))
    _hold(table, spell=fight_targets, targets=targets)
    _hold(table, "Kill", seat=1, spell=destroy_targets, targets=(target_own_creature(),))
    table.act("Spell", "Kill")
    assert (one.damage, two.zone) == (0, Zone.GRAVEYARD)


def test_a_target_that_gained_hexproof_is_illegal(table) -> None:
    """Rule 608.2b: legality is checked again on resolution."""
    bear = table.creature(1, (2, 2))
    _hold(table, spell=damage_targets(2), targets=(HIT,))
    shield = boost_targets(0, 0, Keyword.HEXPROOF)
    _hold(table, "Shield", seat=1, spell=shield, targets=(target_own_creature(),))
    table.act("Spell", "Shield")
    assert (bear.zone, bear.damage) == (Zone.BATTLEFIELD, 0)


def test_a_target_that_no_longer_fits_is_illegal(table) -> None:
    """Rule 608.2b: "creature with power 2 or less" is illegal when it has grown."""
    bear = table.creature(1, (2, 2))
    small = target_creature_that("small", lambda card: card.power <= 2, Purpose.REMOVE)
    _hold(table, spell=destroy_targets, targets=(small,))
    _hold(table, "Grow", seat=1, spell=boost_targets(1, 1), targets=(target_own_creature(),))
    table.act("Spell", "Grow")
    assert bear.zone is Zone.BATTLEFIELD


def test_a_permanent_that_came_back_is_another_one(table) -> None:
    """Rule 400.7: a blinked creature is no longer the target."""
    bear = table.creature(1, (2, 2))
    _hold(table, spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),))

    def blink(game, item):
        move_card(game, bear, Zone.EXILE)
        yield from put_on_battlefield(game, bear)

    _hold(table, "Blink", seat=1, spell=blink)
    table.act("Spell", "Blink")
    assert bear.zone is Zone.BATTLEFIELD


@pytest.mark.parametrize("zone", [Zone.HAND, Zone.GRAVEYARD, Zone.EXILE, Zone.LIBRARY])
def test_a_card_that_moves_forgets(table, zone: Zone) -> None:
    """Rule 400.7: counters, damage, boosts and tapping are left behind in every zone."""
    bear = table.creature(0, (2, 2))
    add_counters(table.game, bear, "P1P1", 2)
    bear.damage, bear.boost_power, bear.tapped = 1, 3, True
    table.settle()
    move_card(table.game, bear, zone)
    table.follow(put_on_battlefield(table.game, bear))
    table.settle()
    assert (bear.power, bear.damage, bear.counters, bear.tapped) == (2, 0, {}, False)


def test_a_creature_that_comes_back_is_sick(table) -> None:
    """Rule 400.7: it has not been there since the turn began."""
    bear = table.creature(0, (2, 2))
    move_card(table.game, bear, Zone.EXILE)
    table.follow(put_on_battlefield(table.game, bear))
    assert bear.is_sick


def test_a_card_goes_to_its_owners_zones(table) -> None:
    """Rule 400.3: a creature that the opponent controls dies into its owner's graveyard."""
    bear = table.put(1, "Hill Giant", zone=Zone.GRAVEYARD)
    table.follow(put_on_battlefield(table.game, bear, controller=0))
    assert bear in table.ann.battlefield
    bear.damage = 3
    table.settle()
    assert (bear in table.bob.graveyard, table.ann.graveyard) == (True, [])


def test_the_controller_is_who_put_it_there(table) -> None:
    """Rule 110.2: the permanent's triggers are those of its controller, not of its owner."""
    face = creature("Gift", "{W}", "Human", size=(1, 1), triggers=(when_enters("gain.", gain(2)),))
    card = table.place(1, face, zone=Zone.GRAVEYARD)
    table.follow(put_on_battlefield(table.game, card, controller=0))
    table.act()
    assert (table.ann.life, table.bob.life) == (22, 20)


def test_a_countered_spell_goes_to_the_graveyard(table) -> None:
    """Rule 701.6a: it does nothing and its owner gets the card."""
    spell = _hold(table, spell=gain(5))
    _hold(table, "No", seat=1, spell=counter_targets, targets=(target_spell(),))
    table.act("Spell", "No")
    assert (spell.zone, table.ann.life) == (Zone.GRAVEYARD, 20)


def test_a_countered_creature_never_enters(table) -> None:
    """Rule 701.6a: "when this enters" does not trigger."""
    face = creature("Bear", "{0}", "Bear", size=(2, 2), triggers=(when_enters("g.", gain(2)),))
    bear = table.place(0, face, zone=Zone.HAND)
    _hold(table, "No", seat=1, spell=counter_targets, targets=(target_spell(),))
    table.act("Bear", "No")
    assert (bear.zone, table.ann.life) == (Zone.GRAVEYARD, 20)


def test_a_counterspell_can_be_countered(table) -> None:
    """Rule 405.5: the first spell resolves then."""
    _hold(table, spell=gain(5))
    _hold(table, "No", seat=1, spell=counter_targets, targets=(target_spell(),))
    _hold(table, "Yes", spell=counter_targets, targets=(target_spell(),))
    spell = table.ann.hand[0]
    table.act("Spell", "No", "Yes")
    assert (spell.zone, table.ann.life) == (Zone.GRAVEYARD, 25)


def test_a_counterspell_whose_spell_is_gone_does_nothing(table) -> None:
    """Rule 608.2b: its target left the stack, so its other parts do not happen either."""
    effect = in_order(counter_targets, gain(9))
    _hold(table, spell=gain(1))
    for _ in range(2):
        _hold(table, "No", seat=1, spell=effect, targets=(target_spell(),))
    table.act("Spell", "No")
    assert table.bob.life == 29


def test_instructions_are_followed_in_order(table) -> None:
    """Rule 608.2c: the second part sees what the first one did."""
    seen: list[int] = []
    effect = in_order(gain(3), lambda game, _item: seen.append(game.players[0].life))
    _hold(table, spell=effect)
    table.act("Spell")
    assert seen == [23]


def test_a_spell_stays_on_the_stack_while_it_resolves(table) -> None:
    """Rule 608.2n: it goes to the graveyard as the last part of its resolution."""
    seen: list[Zone] = []
    spell = _hold(table, spell=lambda _game, item: seen.append(item.card.zone))
    table.act("Spell")
    assert (seen, spell.zone) == ([Zone.STACK], Zone.GRAVEYARD)


def test_a_mode_with_an_illegal_target_is_skipped(table) -> None:
    """Rule 608.2b: of two modes the one whose target is gone does not happen, the other does."""
    modes = (
        Mode(text="hit", effect=in_order(damage_targets(2), gain(9)), targets=(HIT,)),
        Mode(text="burn", effect=damage_targets(3), targets=(any_target(3),)),
    )
    _hold(table, modes=modes, choose_modes=(2, 2))
    bear = table.creature(1, (2, 2))
    _hold(table, "Kill", seat=1, spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),))
    table.act("Spell", "hit", table.bob, "Kill")
    assert (bear.zone, table.ann.life, table.bob.life) == (Zone.GRAVEYARD, 20, 17)


def test_a_card_in_a_graveyard_is_targeted_there(table) -> None:
    """Rule 115.2: a card in a graveyard is a target only where the text says so."""
    card = table.put(0, "Hill Giant", zone=Zone.GRAVEYARD)
    spec = target_in_graveyard("a card", lambda _card, _aim: True, Purpose.KEEP)
    _hold(
        table,
        spell=lambda game, item: move_card(game, item.standing[0], Zone.HAND),
        targets=(spec,),
    )
    table.act("Spell")
    assert card in table.ann.hand


def test_a_spell_does_not_target_itself(table) -> None:
    """Rule 115.5: a counterspell alone on the stack has no target."""
    _hold(table, "No", spell=counter_targets, targets=(target_spell(),))
    assert table.offers(0) == []


def test_an_aura_spell_targets(table) -> None:
    """Rule 303.4a: without a creature Pacifism can not be cast."""
    table.lands(0, "WW")
    table.hold(0, "Pacifism")
    assert table.offers(0) == []


def test_an_aura_spell_without_its_target_goes_to_the_graveyard(table) -> None:
    """Rule 608.3b: the creature died in response, so the aura never enters."""
    table.creature(1, (2, 2))
    table.lands(0, "WW")
    aura = table.hold(0, "Pacifism")
    _hold(table, "Kill", seat=1, spell=destroy_targets, targets=(target_own_creature(),))
    table.act("Pacifism", "Kill")
    assert aura.zone is Zone.GRAVEYARD


def test_an_endless_loop_is_a_draw(table) -> None:
    """Rule 104.4b: creatures whose triggers answer each other for ever end the game in a draw."""

    def again(game, item) -> None:
        create_token(game, looping, item.controller)

    looping = creature("Twin", "", "Human", size=(0, 1), triggers=(when_enters("again.", again),))
    create_token(table.game, looping, 0)
    table.act()
    assert (table.game.is_over, table.game.winner) == (True, None)
    assert table.game.resolutions > RESOLUTION_CAP


def test_the_opponent_responds_to_an_ability(table) -> None:
    """Rule 117.1a: whoever has priority casts instants, whatever is on the stack."""
    bear = table.creature(1, (2, 2))
    _hold(table, spell=damage_targets(2), targets=(HIT,))
    _hold(table, "Grow", seat=1, spell=boost_targets(0, 3), targets=(target_own_creature(),))
    table.game.phase = Phase.MAIN2
    table.act("Spell", "Grow")
    assert (bear.zone, bear.damage) == (Zone.BATTLEFIELD, 2)
