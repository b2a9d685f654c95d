"""Chapters 111, 301 to 306, 701, 707, 712 and 714: kinds of cards, and what is done with them."""

import pytest
from trainingrun_daemon.cards.define import creature, define, token
from trainingrun_daemon.cards.tokens import CLUE, FOOD, TREASURE
from trainingrun_daemon.rules.effects.board import (
    attach_to_target,
    copy_target,
    exile_targets_until_it_leaves,
    make_opponent_sacrifice,
    make_tokens,
)
from trainingrun_daemon.rules.effects.library import (
    explore,
    loot,
    scry,
    search_land,
    surveil,
    take_from_hand,
)
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.removal import damage_targets, destroy_targets, fight_targets
from trainingrun_daemon.rules.effects.statics import enlarge, host
from trainingrun_daemon.rules.effects.targeting import (
    target_creature,
    target_opponent,
    target_own_creature,
    target_permanent_that,
)
from trainingrun_daemon.rules.effects.triggers import when_enters, when_leaves
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Activated, Mode, Payment
from trainingrun_daemon.rules.zones import (
    add_counters,
    create_token,
    destroy,
    mill,
    move_card,
    put_on_battlefield,
    put_on_battlefield_turned,
    turn_over,
)

IMP = token("Imp", "R", "Imp", size=(1, 1), keywords=(Keyword.HASTE,))


def _loyalty(text: str, amount: int, effect, **rest) -> Activated:
    payment = Payment(kind=PaymentKind.LOYALTY, amount=amount)
    return Activated(text=text, payments=(payment,), effect=effect, at_sorcery_speed=True, **rest)


SAGE = define(
    "Sage",
    "{2}",
    "Legendary Planeswalker - Sage",
    loyalty=3,
    activated=(
        _loyalty("up", 1, gain(1)),
        _loyalty("down", -3, gain(5)),
        _loyalty("far", -7, gain(9)),
    ),
)


def _cast(table, *moves, name: str = "Spell", seat: int = 0, **rest):
    card = table.place(seat, define(name, "{0}", "Sorcery", **rest), zone=Zone.HAND)
    table.act(name, *moves)
    return card


def test_a_token_has_the_values_of_its_creator(table) -> None:
    """Rule 111.4: its colour, size, types and keywords are those that the effect names."""
    _cast(table, spell=make_tokens(IMP))
    (imp,) = table.ann.battlefield
    assert (imp.colors, imp.power, imp.has_subtype("Imp"), imp.is_token) == ("R", 1, True, True)


def test_tokens_belong_to_who_created_them(table) -> None:
    """Rule 111.2: the player who creates a token owns and controls it."""
    _cast(table, spell=make_tokens(IMP, 2))
    assert [(card.owner, card.controller) for card in table.ann.battlefield] == [(0, 0)] * 2


def test_a_token_dies_before_it_ceases_to_exist(table) -> None:
    """Rule 111.7: leaving triggers, and then it is in no zone."""
    face = token("Imp", "R", "Imp", size=(1, 1), triggers=(when_leaves("gain.", gain(2)),))
    imp = create_token(table.game, face, 0)
    imp.damage = 1
    table.act()
    assert (table.ann.life, table.ann.graveyard) == (22, [])


def test_an_exiled_token_does_not_come_back(table) -> None:
    """Rule 111.8: a token that left can not return."""
    imp = create_token(table.game, IMP, 1)
    trigger = when_enters(
        "exile.", exile_targets_until_it_leaves, targets=(target_creature(Purpose.REMOVE),)
    )
    jailer = define("Jail", "{0}", "Enchantment", triggers=(trigger,))
    jail = table.place(0, jailer, zone=Zone.HAND)
    table.act("Jail")
    destroy(table.game, jail)
    table.settle()
    assert imp not in table.bob.battlefield
    assert table.bob.exile == []


def test_exile_until_it_leaves(table) -> None:
    """Rule 610.3: the card returns under its owner's control when the jail is gone."""
    bear = table.creature(1, (2, 2))
    trigger = when_enters(
        "exile.", exile_targets_until_it_leaves, targets=(target_creature(Purpose.REMOVE),)
    )
    jail = table.place(0, define("Jail", "{0}", "Enchantment", triggers=(trigger,)), zone=Zone.HAND)
    table.act("Jail")
    assert bear.zone is Zone.EXILE
    destroy(table.game, jail)
    table.settle()
    assert bear in table.bob.battlefield


def test_a_jail_that_left_first_keeps_nothing(table) -> None:
    """Rule 610.3b: when the jail is gone before its trigger resolves, nothing is exiled."""
    bear = table.creature(1, (2, 2))
    trigger = when_enters(
        "exile.", exile_targets_until_it_leaves, targets=(target_creature(Purpose.REMOVE),)
    )
    jail = table.place(0, define("Jail", "{0}", "Enchantment", triggers=(trigger,)), zone=Zone.HAND)
    table.follow(put_on_battlefield(table.game, jail))
    table.settle()
    destroy(table.game, jail)
    table.act()
    assert bear.zone is Zone.BATTLEFIELD


def test_a_treasure_is_no_creature(table) -> None:
    """Rule 111.10a: a Treasure is a colourless artifact that taps though it is new."""
    treasure = create_token(table.game, TREASURE, 0)
    assert (treasure.is_artifact, treasure.is_creature, treasure.colors) == (True, False, "")


def test_a_clue_draws_for_two_mana(table) -> None:
    """Rule 111.10f: {2}, sacrifice it: draw a card."""
    clue = create_token(table.game, CLUE, 0)
    table.lands(0, "RR")
    table.act("Clue: Draw")
    assert (len(table.ann.hand), clue in table.ann.battlefield) == (1, False)


def test_a_food_is_tapped_and_eaten(table) -> None:
    """Rule 111.10b: {2}, tap, sacrifice it: gain 3 life."""
    create_token(table.game, FOOD, 0)
    table.lands(0, "RR")
    table.act("Food: Gain")
    assert table.ann.life == 23


def test_a_planeswalker_enters_with_its_loyalty(table) -> None:
    """Rule 306.5b: as many counters as its printed loyalty."""
    table.place(0, SAGE, zone=Zone.HAND)
    table.lands(0, "RR")
    table.act("Sage")
    assert table.ann.battlefield[-1].counters == {"LOYALTY": 3}


def test_one_loyalty_ability_a_turn(table) -> None:
    """Rule 606.3: after one ability none of the planeswalker's may be activated this turn."""
    walker = table.place(0, SAGE)
    table.act("Sage: up")
    assert table.offers(0) == []
    table.game.turn += 2
    assert table.offers(0)
    assert walker.counters == {"LOYALTY": 4}


def test_loyalty_abilities_are_at_sorcery_speed(table) -> None:
    """Rule 606.3: only in one's own main phase with an empty stack."""
    table.place(0, SAGE)
    table.game.phase = Phase.BLOCKERS
    assert table.offers(0) == []


def test_loyalty_that_is_not_there_can_not_be_paid(table) -> None:
    """Rule 606.6: with 3 counters there is no -7."""
    table.place(0, SAGE)
    table.act("Sage: down")
    assert table.ann.life == 25
    assert table.ann.battlefield == []


def test_a_too_dear_loyalty_ability_is_not_offered(table) -> None:
    """Rule 606.6: of +1, -3 and -7 two are offered at loyalty 3."""
    table.place(0, SAGE)
    assert table.offers(0) == ["Sage", "Sage"]


def test_two_planeswalkers_act_each(table) -> None:
    """Rule 606.3: the limit is for each planeswalker."""
    table.place(
        0, SAGE, define("Seer", "{2}", "Planeswalker - Seer", loyalty=3, activated=SAGE.activated)
    )
    table.act("Sage: up", "Seer: up")
    assert table.ann.life == 22


def test_burn_takes_loyalty(table) -> None:
    """Rule 120.3c: damage to a planeswalker removes as many loyalty counters."""
    walker = table.place(1, SAGE)
    table.lands(0, "R")
    table.hold(0, "Shock")
    table.act("Shock", walker)
    assert (walker.counters, table.bob.life) == ({"LOYALTY": 1}, 20)


def test_an_aura_enters_attached(table) -> None:
    """Rule 303.4f: the aura enters attached to what its spell targeted."""
    bear = table.creature(1, (2, 2))
    table.lands(0, "WW")
    aura = table.hold(0, "Pacifism")
    table.act("Pacifism")
    assert aura.attached_to is bear
    table.game.active = 1
    table.fight()
    assert table.ann.life == 20


def test_an_enchanted_creature_keeps_its_aura_under_another_boost(table) -> None:
    """Rule 303.4c: the aura stays as long as its host is what it may enchant."""
    bear = table.creature(0, (2, 2))
    spec = target_own_creature(Purpose.GROW)
    face = define(
        "Might", "{0}", "Enchantment - Aura", targets=(spec,), statics=(enlarge(2, 2, host),)
    )
    aura = table.place(0, face, zone=Zone.HAND)
    table.act("Might")
    assert (aura.attached_to, bear.power) == (bear, 4)


def test_a_chapter_triggers_as_the_saga_enters(table) -> None:
    """Rule 714.3a: it enters with a lore counter, so chapter I triggers at once."""
    chapters = (Mode(text="gain 1.", effect=gain(1)), Mode(text="gain 5.", effect=gain(5)))
    face = define("Tale", "{0}", "Enchantment - Saga", chapters=chapters)
    saga = table.place(0, face, zone=Zone.HAND)
    table.act("Tale")
    assert (saga.counters, table.ann.life) == ({"LORE": 1}, 21)


def test_the_last_chapter_resolves_before_the_saga_goes(table) -> None:
    """Rule 714.4: while the last chapter ability is on the stack the saga stays."""
    seen: list[Zone] = []
    note = Mode(text="look.", effect=lambda _game, item: seen.append(item.card.zone))
    saga = table.place(0, define("Tale", "{0}", "Enchantment - Saga", chapters=(note,)))
    add_counters(table.game, saga, "LORE")
    table.act()
    assert (seen, saga.zone) == ([Zone.BATTLEFIELD], Zone.GRAVEYARD)


def test_two_counters_at_once_trigger_the_later_chapter(table) -> None:
    """Rule 714.2b: a chapter triggers when the counter that makes its number is put on."""
    chapters = (Mode(text="gain 1.", effect=gain(1)), Mode(text="gain 5.", effect=gain(5)))
    saga = table.place(0, define("Tale", "{0}", "Enchantment - Saga", chapters=chapters))
    add_counters(table.game, saga, "LORE")
    add_counters(table.game, saga, "LORE")
    table.act()
    assert (table.ann.life, saga.zone) == (26, Zone.GRAVEYARD)


def test_a_token_copy_has_printed_values(table) -> None:
    """Rule 707.2: neither counters nor boosts are copied."""
    bear = table.creature(0, (2, 2), Keyword.FLYING)
    add_counters(table.game, bear, "P1P1", 3)
    _cast(table, spell=copy_target, targets=(target_own_creature(Purpose.GROW),))
    copy = table.ann.battlefield[-1]
    assert (copy.is_token, copy.power, Keyword.FLYING in copy.keywords) == (True, 2, True)


def test_a_copy_enters_like_the_original(table) -> None:
    """Rule 707.2: the enters trigger of what is copied triggers for the copy."""
    table.creature(0, (2, 2), triggers=(when_enters("gain 4.", gain(4)),))
    _cast(table, spell=copy_target, targets=(target_own_creature(Purpose.GROW),))
    assert table.ann.life == 24


def test_a_transformed_permanent_keeps_its_counters(table) -> None:
    """Rule 712.18: it is the same object with other values."""
    back = creature("Wolf", "", "Wolf", size=(4, 4))
    man = table.creature(0, (2, 2), back=back)
    add_counters(table.game, man, "P1P1")
    man.damage = 1
    turn_over(table.game, man)
    table.settle()
    assert (man.face.name, man.power, man.damage) == ("Wolf", 5, 1)


def test_a_double_faced_card_elsewhere_shows_its_front(table) -> None:
    """Rule 712.8a: outside the battlefield it has the values of its front."""
    man = table.creature(0, (2, 2), back=creature("Wolf", "", "Wolf", size=(4, 4)))
    turn_over(table.game, man)
    move_card(table.game, man, Zone.HAND)
    assert man.face.name == "Tester"


def test_a_card_may_enter_with_its_back_up(table) -> None:
    """Rule 712.14a: put onto the battlefield transformed, its back is up."""
    man = table.creature(0, (2, 2), back=creature("Wolf", "", "Wolf", size=(4, 4)))
    move_card(table.game, man, Zone.EXILE)
    table.follow(put_on_battlefield_turned(table.game, man, controller=0))
    table.settle()
    assert man.power == 4


def test_attaching_to_the_same_host_changes_nothing(table) -> None:
    """Rule 701.3b: an equipment that is attached already stays where it is."""
    bear = table.creature(0, (2, 2))
    ability = Activated(text="On", effect=attach_to_target, targets=(target_own_creature(),))
    face = define(
        "Blade", "{1}", "Artifact - Equipment", activated=(ability,), statics=(enlarge(1, 0, host),)
    )
    blade = table.place(0, face)
    table.act("Blade: On", "Blade: On")
    assert (blade.attached_to, bear.power) == (bear, 3)


def test_destroying_is_no_sacrifice(table) -> None:
    """Rule 701.8b: what is destroyed goes to its owner's graveyard."""
    bear = table.creature(1, (2, 2))
    _cast(table, spell=destroy_targets, targets=(target_creature(Purpose.REMOVE),))
    assert bear in table.bob.graveyard


def test_destroying_a_land(table) -> None:
    """Rule 701.8a: any permanent may be destroyed that the text allows."""
    land = table.put(1, "Plains")
    spec = target_permanent_that("target land", lambda card: card.is_land, Purpose.REMOVE)
    _cast(table, spell=destroy_targets, targets=(spec,))
    assert land.zone is Zone.GRAVEYARD


def test_a_player_sacrifices_what_they_choose(table) -> None:
    """Rule 701.21a: the player chooses; indestructible and hexproof do not help."""
    one = table.creature(1, (5, 5), Keyword.INDESTRUCTIBLE, Keyword.HEXPROOF)
    two = table.creature(1, (1, 1))
    _cast(table, (one,), spell=make_opponent_sacrifice())
    assert (one.zone, two.zone) == (Zone.GRAVEYARD, Zone.BATTLEFIELD)


def test_nothing_to_sacrifice(table) -> None:
    """Rule 609.3: an effect does as much as it can; without creatures nothing happens."""
    land = table.put(1, "Plains")
    _cast(table, spell=make_opponent_sacrifice())
    assert land.zone is Zone.BATTLEFIELD


def test_fighters_hurt_each_other(table) -> None:
    """Rule 701.14a: each deals damage equal to its power to the other."""
    one, two = table.creature(0, (3, 5)), table.creature(1, (2, 3))
    _cast(
        table, spell=fight_targets, targets=(target_own_creature(), target_creature(Purpose.DAMAGE))
    )
    assert (one.damage, two.zone) == (2, Zone.GRAVEYARD)


def test_fight_damage_is_no_combat_damage(table) -> None:
    """Rule 701.14d: a fog does not stop it."""
    one, two = table.creature(0, (1, 5)), table.creature(1, (2, 3))
    table.lands(0, "W")
    table.hold(0, "Holy Day")
    table.act("Holy Day")
    _cast(
        table, spell=fight_targets, targets=(target_own_creature(), target_creature(Purpose.DAMAGE))
    )
    assert (one.damage, two.damage) == (2, 1)


@pytest.mark.parametrize(("library", "milled"), [(5, 3), (2, 2), (0, 0)])
def test_milling_as_far_as_there_are_cards(table, library: int, milled: int) -> None:
    """Rule 701.17b: who can not mill this many mills all; milling an empty library is no loss."""
    del table.ann.library[library:]
    mill(table.game, 0, 3)
    table.settle()
    assert (len(table.ann.graveyard), table.game.is_over) == (milled, False)


def test_scry_leaves_the_chosen_on_top(table) -> None:
    """Rule 701.22a: what is not put away stays on top in its order."""
    first, second = table.ann.library[-1], table.ann.library[-2]
    _cast(table, (first,), spell=scry(2))
    assert (table.ann.library[-1], table.ann.library[0]) == (second, first)


def test_surveil_buries(table) -> None:
    """Rule 701.25a: what is put away goes to the graveyard."""
    first = table.ann.library[-1]
    _cast(table, (first,), spell=surveil(1))
    assert table.ann.graveyard[0] is first


def test_surveilling_an_empty_library(table) -> None:
    """Rule 609.3: there is nothing to look at and no one loses."""
    table.ann.library.clear()
    _cast(table, spell=surveil(2))
    assert not table.game.is_over


def test_exploring_a_land(table) -> None:
    """Rule 701.44a: a land goes to hand, without a counter."""
    bear = table.creature(0, (2, 2))
    table.follow(explore(table.game, bear))
    assert (len(table.ann.hand), bear.counters) == (1, {})


@pytest.mark.parametrize("bury", [True, False])
def test_exploring_a_spell(table, bury: bool) -> None:
    """Rule 701.44a: another card means a counter, and it may go to the graveyard."""
    bear = table.creature(0, (2, 2))
    spell = table.put(0, "Shock", zone=Zone.LIBRARY)
    table.follow(explore(table.game, bear), bury)
    assert bear.counters == {"P1P1": 1}
    assert (spell.zone is Zone.GRAVEYARD) is bury


def test_searching_shuffles(table) -> None:
    """Rule 701.23: a basic land is found among other cards and enters tapped."""
    table.ann.library.clear()
    land = table.put(0, "Shock", "Island", zone=Zone.LIBRARY)
    table.put(0, "Shock", zone=Zone.LIBRARY)
    _cast(table, spell=search_land())
    assert (land.zone, land.tapped) == (Zone.BATTLEFIELD, True)


def test_a_search_that_finds_nothing(table) -> None:
    """Rule 701.23b: without a fitting card nothing is found; the library is still shuffled."""
    table.ann.library.clear()
    table.put(0, *["Shock"] * 3, zone=Zone.LIBRARY)
    _cast(table, spell=search_land())
    assert len(table.ann.library) == 3


def test_looting_draws_first(table) -> None:
    """Rule 608.2c: the card drawn may be the one that is discarded."""
    top = table.ann.library[-1]
    table.hold(0, "Island")
    _cast(table, (top,), spell=loot())
    assert top in table.ann.graveyard


def test_a_revealed_hand_loses_the_chosen_card(table) -> None:
    """Rule 701.20: the controller of the effect sees the hand and chooses a card that fits."""
    land, spell = table.hold(1, "Island"), table.hold(1, "Shock")
    _cast(
        table,
        spell=take_from_hand(lambda card: not card.face.is_land),
        targets=(target_opponent(),),
    )
    assert (land.zone, spell.zone) == (Zone.HAND, Zone.GRAVEYARD)


def test_damage_by_a_spell_is_by_its_card(table) -> None:
    """Rule 120.2b: the spell is the source, so protection from its colour helps."""
    bear = table.creature(1, (2, 2), protection=lambda source: source.face.is_sorcery)
    table.creature(1, (9, 9))
    _cast(table, spell=damage_targets(2), targets=(target_creature(Purpose.DAMAGE, 2),))
    assert bear.damage == 0
