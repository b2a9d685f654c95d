"""Chapters 106, 107, 118, 601, 602 and 605: mana, costs, casting and activating."""

import pytest
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.cards.tokens import TREASURE
from trainingrun_daemon.rules.choices import AnnounceValue, ChooseAction, ChooseEntity
from trainingrun_daemon.rules.effects.life import drain_opponent, gain
from trainingrun_daemon.rules.effects.pump import boost_itself, grow_itself
from trainingrun_daemon.rules.effects.removal import damage_targets, damage_targets_by
from trainingrun_daemon.rules.effects.rituals import add_mana
from trainingrun_daemon.rules.effects.targeting import any_target, target_creature, target_player
from trainingrun_daemon.rules.enums import PaymentKind, Phase, Purpose, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    FloatingMana,
    ManaAbility,
    Mode,
    Payment,
    TargetSpec,
    Tax,
)
from trainingrun_daemon.rules.targets import creatures
from trainingrun_daemon.rules.zones import create_token, enter_phase


def _hold(table, cost: str, types: str = "Sorcery", seat: int = 0, **rest):
    """Put a spell that gains 1 life into a hand."""
    face = define("Spell", cost, types, **{"spell": gain(1), **rest})
    return table.place(seat, face, zone=Zone.HAND)


def _tapped(table) -> list[str]:
    return [card.face.name for card in table.ann.battlefield if card.tapped]


@pytest.mark.parametrize("phase", [Phase.UPKEEP, Phase.COMBAT_BEGIN, Phase.END])
def test_mana_empties_at_the_end_of_each_step(table, phase: Phase) -> None:
    """Rule 106.4: what was not spent is lost when the next step begins."""
    table.ann.pool.append(FloatingMana("R"))
    enter_phase(table.game, phase)
    assert table.ann.pool == []


def test_losing_mana_costs_no_life(table) -> None:
    """Rule 106.4: there is no penalty for mana that goes unspent."""
    table.ann.pool.append(FloatingMana("R"))
    enter_phase(table.game, Phase.MAIN2)
    assert table.ann.life == 20


def test_floating_mana_is_spent_first(table) -> None:
    """Rule 106.4: mana in the pool pays for the next spell, no land is tapped."""
    table.ann.pool.append(FloatingMana("R"))
    table.lands(0, "R")
    _hold(table, "{R}")
    table.act("Spell")
    assert (_tapped(table), table.ann.pool) == ([], [])


def test_mana_of_another_color_does_not_pay(table) -> None:
    """Rule 107.4a: a coloured symbol takes mana of that colour."""
    table.lands(0, "UU")
    _hold(table, "{R}")
    assert table.offers(0) == []


def test_generic_mana_is_any_mana(table) -> None:
    """Rule 107.4b: generic mana is paid with any type."""
    table.lands(0, "UGB")
    _hold(table, "{3}")
    table.act("Spell")
    assert table.ann.life == 21


@pytest.mark.parametrize("land", ["G", "W"])
def test_hybrid_mana_is_either(table, land: str) -> None:
    """Rule 107.4e: a hybrid symbol is paid with one of two colours."""
    table.lands(0, land)
    _hold(table, "{G/W}")
    assert table.offers(0) == ["Spell"]


def test_colorless_mana_is_not_generic(table) -> None:
    """Rule 107.4c: {C} takes colourless mana only."""
    table.lands(0, "R")
    _hold(table, "{C}")
    assert table.offers(0) == []


def test_a_free_spell_needs_no_mana(table) -> None:
    """Rule 118.5: a cost of {0} is paid by deciding so."""
    _hold(table, "{0}")
    assert table.offers(0) == ["Spell"]


def test_payment_keeps_the_color_that_is_needed(table) -> None:
    """Rule 601.2g: a land with two colours pays the symbol that only it can pay."""
    table.put(0, "Mystic Monastery")
    table.lands(0, "R")
    _hold(table, "{1}{U}")
    table.act("Spell")
    assert table.ann.life == 21


def test_x_is_announced(table) -> None:
    """Rule 107.3a: the caster chooses X as the spell is cast."""
    table.lands(0, "RRRR")
    _x_spell(table)
    table.act("Blaze", 2)
    (choice,) = [choice for choice in table.asked if isinstance(choice, AnnounceValue)]
    assert (choice.minimum, choice.maximum) == (0, 3)
    assert (table.bob.life, len(_tapped(table))) == (18, 3)


def test_x_may_be_zero(table) -> None:
    """Rule 107.3a: X = 0 is legal; the spell does nothing for it."""
    table.lands(0, "RRRR")
    card = _x_spell(table)
    table.act("Blaze", 0)
    assert (table.bob.life, card.zone) == (20, Zone.GRAVEYARD)


def test_x_is_zero_without_further_mana(table) -> None:
    """Rule 107.3a: with mana for the rest only no one is asked for X."""
    table.lands(0, "R")
    _x_spell(table)
    table.act("Blaze")
    assert not any(isinstance(choice, AnnounceValue) for choice in table.asked)


def test_x_is_zero_in_hand(table) -> None:
    """Rule 107.3g: outside the stack X counts as 0 for the mana value."""
    assert _x_spell(table).face.cost.mana_value == 1


def test_x_counts_where_it_stands_twice(table) -> None:
    """Rule 107.3a: {X}{X} costs twice the value."""
    table.lands(0, "RRRRR")
    face = define("Twin", "{X}{X}{R}", "Sorcery", spell=gain(1))
    table.place(0, face, zone=Zone.HAND)
    table.act("Twin")
    (choice,) = [choice for choice in table.asked if isinstance(choice, AnnounceValue)]
    assert choice.maximum == 2


def test_a_reduction_counts_for_x(table) -> None:
    """Rule 601.2f: {X}{R} less one with X = 2 costs {1}{R}, for X is generic mana, too."""
    cheaper = Tax(amount=-1, applies=lambda source, _face, seat: seat == source.controller)
    table.creature(0, (1, 1), taxes=(cheaper,))
    table.lands(0, "RRR")
    _x_spell(table)
    table.act("Blaze", 2)
    (choice,) = [choice for choice in table.asked if isinstance(choice, AnnounceValue)]
    assert (choice.maximum, table.bob.life, len(_tapped(table))) == (3, 18, 2)


def _x_spell(table):
    face = define(
        "Blaze",
        "{X}{R}",
        "Sorcery",
        spell=damage_targets_by(lambda _game, item: item.x),
        targets=(target_player(0),),
    )
    table.place(0, face, zone=Zone.HAND)
    return table.ann.hand[-1]


def test_a_spell_goes_onto_the_stack_first(table) -> None:
    """Rule 601.2a: while targets are chosen the card is on the stack, no longer in hand."""
    seen: list[tuple[Zone, int]] = []

    def candidates(game, aim):
        seen.append((aim.source.zone, len(game.stack)))
        return creatures(game, aim)

    spec = TargetSpec(text="target creature", candidates=candidates, purpose=Purpose.TAP)
    table.creature(1, (1, 1))
    _hold(table, "{0}", targets=(spec,))
    table.act("Spell")
    assert (Zone.STACK, 1) in seen


def test_modes_are_chosen_as_it_is_cast(table) -> None:
    """Rule 601.2b: only the chosen mode happens."""
    modes = (Mode(text="gain 3", effect=gain(3)), Mode(text="drain 3", effect=drain_opponent(3)))
    _hold(table, "{0}", modes=modes)
    table.act("Spell", "drain")
    assert (table.ann.life, table.bob.life) == (20, 17)


def test_a_mode_without_a_target_can_not_be_chosen(table) -> None:
    """Rule 601.2c: without a creature only the other mode is open, so no one is asked."""
    hit = Mode(text="hit", effect=damage_targets(1), targets=(target_creature(Purpose.DAMAGE, 1),))
    _hold(table, "{0}", modes=(hit, Mode(text="gain 3", effect=gain(3))))
    table.act("Spell")
    assert table.ann.life == 23


def test_two_modes_happen_in_printed_order(table) -> None:
    """Rule 700.2d: "choose two" takes two different modes, resolved in the order of the card."""
    modes = tuple(
        Mode(text=text, effect=effect)
        for text, effect in (("one", gain(1)), ("two", drain_opponent(2)), ("three", gain(5)))
    )
    _hold(table, "{0}", modes=modes, choose_modes=(2, 2))
    table.act("Spell", "two", "one")
    assert (table.ann.life, table.bob.life) == (21, 18)


def test_no_target_no_spell(table) -> None:
    """Rule 601.2c: a spell without legal targets can not be cast."""
    _hold(table, "{0}", spell=damage_targets(1), targets=(target_creature(Purpose.DAMAGE, 1),))
    assert table.offers(0) == []


def test_up_to_one_target_may_be_none(table) -> None:
    """Rule 601.2c: "up to one target" lets it be cast without any."""
    spec = TargetSpec(text="target", candidates=creatures, purpose=Purpose.TAP, optional=True)
    _hold(table, "{0}", targets=(spec,))
    table.act("Spell")
    assert table.ann.life == 21


def test_one_object_is_one_target(table) -> None:
    """Rule 601.2c: two targets of one spell are two different creatures."""
    one, two = table.creature(1, (9, 9)), table.creature(1, (9, 9))
    spec = target_creature(Purpose.DAMAGE, 1)
    _hold(table, "{0}", spell=damage_targets(1), targets=(spec, spec))
    table.act("Spell", one)
    assert (one.damage, two.damage) == (1, 1)


def test_two_targets_need_two_creatures(table) -> None:
    """Rule 601.2c: with a single creature a spell with two targets is not castable."""
    table.creature(1, (9, 9))
    spec = target_creature(Purpose.DAMAGE, 1)
    _hold(table, "{0}", spell=damage_targets(1), targets=(spec, spec))
    assert table.offers(0) == []


def test_taxes_are_added(table) -> None:
    """Rule 601.2f: a static ability makes the spell cost more, and it is paid."""
    tax = Tax(amount=1, applies=lambda _source, face, _seat: not face.is_creature)
    table.creature(1, (1, 1), taxes=(tax,))
    table.lands(0, "RR")
    _hold(table, "{R}")
    table.act("Spell")
    assert len(_tapped(table)) == 2


def test_reductions_take_generic_mana_only(table) -> None:
    """Rule 118.7c: {1}{R} less three costs {R}."""
    table.lands(0, "RR")
    _hold(table, "{1}{R}", discount=lambda _game, _card: 3)
    table.act("Spell")
    assert len(_tapped(table)) == 1


def test_increases_come_before_reductions(table) -> None:
    """Rule 601.2f: {R} with one more and one less costs {R}."""
    tax = Tax(amount=1, applies=lambda _source, _face, _seat: True)
    table.creature(1, (1, 1), taxes=(tax,))
    table.lands(0, "RR")
    _hold(table, "{R}", discount=lambda _game, _card: 1)
    table.act("Spell")
    assert len(_tapped(table)) == 1


def test_the_cost_is_locked_in(table) -> None:
    """Rule 601.2f: sacrificing for the cost what made it cheaper does not make it dearer."""
    cheaper = Tax(amount=-1, applies=lambda source, _face, seat: seat == source.controller)
    helper = table.creature(0, (1, 1), taxes=(cheaper,))
    payment = Payment(kind=PaymentKind.SACRIFICE, what=lambda _source, card: card.is_creature)
    table.lands(0, "R")
    _hold(table, "{1}{R}", payments=(payment,))
    table.act("Spell")
    assert (helper.zone, table.ann.life) == (Zone.GRAVEYARD, 21)


def test_additional_costs_are_paid(table) -> None:
    """Rule 601.2h: without a card to discard the spell can not be cast."""
    payment = Payment(kind=PaymentKind.DISCARD)
    _hold(table, "{0}", payments=(payment,))
    assert table.offers(0) == []
    other = table.hold(0, "Air Elemental")
    table.act("Spell")
    assert (other.zone, table.ann.life) == (Zone.GRAVEYARD, 21)


def test_life_is_paid_only_if_there(table) -> None:
    """Rule 118.3b: a player with less life than the cost can not pay it."""
    _hold(table, "{0}", payments=(Payment(kind=PaymentKind.LIFE, amount=3),))
    table.ann.life = 2
    assert table.offers(0) == []


def test_paying_all_life_is_legal(table) -> None:
    """Rule 118.3b: with exactly as much it may be paid; the game is lost then."""
    _hold(table, "{0}", payments=(Payment(kind=PaymentKind.LIFE, amount=3),))
    table.ann.life = 3
    table.act("Spell")
    assert table.game.winner == 1


def test_a_permanent_spell_resolves_onto_the_battlefield(table) -> None:
    """Rule 608.3a: a creature spell becomes a creature of its caster, summoning sick."""
    face = creature("Bear", "{0}", "Bear", size=(2, 2))
    bear = table.place(0, face, zone=Zone.HAND)
    table.act("Bear")
    assert (bear.zone, bear.controller, bear.is_sick) == (Zone.BATTLEFIELD, 0, True)


@pytest.mark.parametrize(
    ("phase", "active", "expected"),
    [
        (Phase.MAIN1, 0, True),
        (Phase.MAIN2, 0, True),
        (Phase.BLOCKERS, 0, False),
        (Phase.END, 1, False),
    ],
)
def test_sorceries_have_their_time(table, phase: Phase, active: int, expected: bool) -> None:
    """Rule 307.1: only in one's own main phase with an empty stack."""
    table.game.phase, table.game.active = phase, active
    _hold(table, "{0}")
    assert ("Spell" in table.offers(0)) is expected


def test_no_sorcery_in_response(table) -> None:
    """Rule 307.1: not with a spell on the stack, an instant is fine."""
    table.lands(1, "R")
    table.hold(1, "Shock")
    _hold(table, "{0}")
    table.place(0, define("Quick", "{0}", "Instant", spell=gain(1)), zone=Zone.HAND)
    table.game.active, table.game.phase = 1, Phase.MAIN1
    table.act("Shock", table.ann)
    offered = [
        [action.card.face.name for action in choice.actions]
        for choice in table.asked
        if isinstance(choice, ChooseAction) and choice.seat == 0
    ]
    assert offered == [["Quick"]]


def _ability(table, **rest):
    ability = Activated(text="Act", **{"effect": gain(1), **rest})
    return table.creature(0, (1, 1), name="Gadget", activated=(ability,))


def test_a_sick_creature_does_not_tap_for_its_ability(table) -> None:
    """Rule 602.5a: {T} needs a creature that was there since the turn began."""
    gadget = _ability(table, payments=(Payment(kind=PaymentKind.TAP),))
    gadget.is_sick = True
    assert table.offers(0) == []
    gadget.is_sick = False
    table.act("Gadget: Act")
    assert (gadget.tapped, table.ann.life) == (True, 21)


def test_a_sick_creature_uses_abilities_without_tapping(table) -> None:
    """Rule 602.5a: other costs may be paid by a sick creature."""
    gadget = _ability(table, payments=(Payment(kind=PaymentKind.SACRIFICE_SELF),))
    gadget.is_sick = True
    table.act("Gadget: Act")
    assert (gadget.zone, table.ann.life) == (Zone.GRAVEYARD, 21)


def test_a_tapped_permanent_does_not_tap_again(table) -> None:
    """Rule 118.3: a cost that can not be paid keeps the ability from being activated."""
    _ability(table, payments=(Payment(kind=PaymentKind.TAP),)).tapped = True
    assert table.offers(0) == []


def test_only_the_controller_activates(table) -> None:
    """Rule 602.2: the opponent is not offered the ability."""
    _ability(table)
    table.game.phase = Phase.END
    assert table.offers(1) == []


def test_once_a_turn_is_once(table) -> None:
    """Rule 602.5b: an ability restricted to once each turn is offered again in the next turn."""
    _ability(table, once_a_turn=True)
    table.act("Gadget: Act")
    assert table.offers(0) == []
    table.game.turn += 1
    assert table.offers(0) == ["Gadget"]


def test_an_ability_at_sorcery_speed(table) -> None:
    """Rule 602.5d: it follows the timing of sorceries."""
    _ability(table, at_sorcery_speed=True)
    table.game.phase = Phase.BLOCKERS
    assert table.offers(0) == []


def test_abilities_are_used_as_often_as_paid(table) -> None:
    """Rule 602.2: nothing but the cost limits an ability."""
    _ability(table, cost=parse_cost("{R}"), effect=boost_itself(1, 0))
    table.lands(0, "RRR")
    table.act(*["Gadget: Act"] * 3)
    assert table.ann.battlefield[0].power == 4


def test_an_ability_does_not_need_its_source(table) -> None:
    """Rule 113.7a: the ability resolves though its source was sacrificed for it."""
    ability = Activated(
        text="Throw",
        effect=damage_targets(2),
        payments=(Payment(kind=PaymentKind.SACRIFICE_SELF),),
        targets=(any_target(2),),
    )
    table.creature(0, (1, 1), name="Grenade", activated=(ability,))
    table.act("Grenade: Throw", table.bob)
    assert table.bob.life == 18


def test_an_ability_about_itself_does_nothing_when_it_left(table) -> None:
    """Rule 400.7: the source that came back is another object and gets no counter."""
    gadget = _ability(table, cost=parse_cost("{0}"), effect=grow_itself())
    table.lands(1, "U")
    table.hold(1, "Unsummon")
    table.act("Gadget: Act", "Unsummon")
    assert (gadget.zone, gadget.counters) == (Zone.HAND, {})


def test_mana_abilities_do_not_use_the_stack(table) -> None:
    """Rule 605.3b: lands are tapped during casting; no priority prompt comes in between."""
    table.lands(0, "R")
    table.lands(1, "R")
    table.hold(1, "Shock")
    _hold(table, "{R}")
    table.act("Spell")
    assert len([choice for choice in table.asked if choice.seat == 1]) == 1


def test_a_sick_creature_makes_no_mana(table) -> None:
    """Rule 302.6: {T} for mana is no exception."""
    elf = table.creature(0, (1, 1), mana=(ManaAbility(colors="G"),))
    elf.is_sick = True
    _hold(table, "{G}")
    assert table.offers(0) == []
    elf.is_sick = False
    assert table.offers(0) == ["Spell"]


def test_treasure_is_sacrificed_for_mana(table) -> None:
    """Rule 605.1a: tapping and sacrificing it is part of the mana ability."""
    treasure = create_token(table.game, TREASURE, 0)
    _hold(table, "{U}")
    table.act("Spell")
    assert treasure not in table.ann.battlefield
    assert table.ann.life == 21


def test_a_spell_that_makes_mana_uses_the_stack(table) -> None:
    """Rule 605.5a: a spell is no mana ability; its mana comes when it resolves."""
    table.lands(0, "R")
    face = define("Ritual", "{R}", "Instant", spell=add_mana("RRR"))
    table.place(0, face, zone=Zone.HAND)
    _hold(table, "{2}{R}")
    table.act("Ritual", "Spell")
    assert table.ann.life == 21


def test_a_creature_that_taps_for_the_cost_makes_no_mana_for_it(table) -> None:
    """Rule 118.3: one permanent does not pay twice."""
    table.creature(
        0,
        (1, 1),
        name="Elf",
        mana=(ManaAbility(colors="G"),),
        activated=(
            Activated(
                text="Act",
                effect=gain(1),
                cost=parse_cost("{G}"),
                payments=(Payment(kind=PaymentKind.TAP),),
            ),
        ),
    )
    assert table.offers(0) == []


def test_the_best_target_for_harm_is_an_opponents(table) -> None:
    """Rule 115.4: "any target" is creatures, planeswalkers and players; lands are none."""
    table.lands(1, "R")
    table.creature(1, (9, 9))
    _hold(table, "{0}", spell=damage_targets(1), targets=(any_target(1),))
    table.act("Spell", table.bob)
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseEntity))
    assert len(choice.entities) == 3
