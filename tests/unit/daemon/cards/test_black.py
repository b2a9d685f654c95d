"""The black cards: what each of them does."""

import pytest
from trainingrun_daemon.rules.choices import ChooseCards, Reveal
from trainingrun_daemon.rules.damage import gain_life
from trainingrun_daemon.rules.enums import Event, Zone
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import Happening
from trainingrun_daemon.rules.zones import draw_cards, move_card


def test_cut_down_reaches_only_small_creatures(table) -> None:
    """Power and toughness of 6 together are too many, 5 are not."""
    table.put(0, "Swamp")
    brimaz = table.put(1, "Brimaz, King of Oreskos")
    table.hold(0, "Cut Down")
    assert "Cut Down" not in table.offers(0)
    drake = table.put(1, "Snapping Drake")
    table.act("Cut Down")
    assert drake.zone is Zone.GRAVEYARD
    assert brimaz.zone is Zone.BATTLEFIELD


def test_cut_down_counts_what_the_creature_is_now(table) -> None:
    """A creature made bigger by another permanent is out of reach."""
    table.put(0, "Swamp")
    table.put(1, "Snapping Drake", "Benalish Marshal")
    table.hold(0, "Cut Down")
    assert "Cut Down" not in table.offers(0)


def test_go_for_the_throat_spares_artifacts(table) -> None:
    """A creature that is no artifact is destroyed; an artifact is no target."""
    table.put(0, "Swamp", "Swamp")
    gearhulk = table.put(1, "Oildeep Gearhulk")
    table.hold(0, "Go for the Throat")
    assert table.offers(0) == []
    giant = table.put(1, "Hill Giant")
    table.act("Go for the Throat")
    assert giant.zone is Zone.GRAVEYARD
    assert gearhulk.zone is Zone.BATTLEFIELD


def test_shoot_the_sheriff_spares_outlaws(table) -> None:
    """Pirates are outlaws, giants are not."""
    table.put(0, "Swamp", "Swamp")
    siren = table.put(1, "Spyglass Siren")
    table.hold(0, "Shoot the Sheriff")
    assert "Shoot the Sheriff" not in table.offers(0)
    giant = table.put(1, "Hill Giant")
    table.act("Shoot the Sheriff")
    assert giant.zone is Zone.GRAVEYARD
    assert siren.zone is Zone.BATTLEFIELD


def test_bitter_triumph_for_a_card(table) -> None:
    """The discard is paid when it is cast."""
    table.put(0, "Swamp", "Swamp")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Bitter Triumph", "Duress")
    table.act("Bitter Triumph/Discard a card")
    assert giant.zone is Zone.GRAVEYARD
    assert table.ann.hand == []
    assert table.ann.life == 20


def test_bitter_triumph_for_life(table) -> None:
    """Without another card only the 3 life are on offer."""
    table.put(0, "Swamp", "Swamp")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Bitter Triumph")
    assert table.offers(0) == ["Bitter Triumph"]
    table.act("Bitter Triumph/Pay 3 life")
    assert giant.zone is Zone.GRAVEYARD
    assert table.ann.life == 17


def test_infernal_grasp_costs_life(table) -> None:
    """The creature is destroyed and its killer loses 2 life."""
    table.put(0, "Swamp", "Swamp")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Infernal Grasp")
    table.act("Infernal Grasp")
    assert giant.zone is Zone.GRAVEYARD
    assert table.ann.life == 18


@pytest.mark.parametrize("victim", ["Air Elemental", "Garruk, Unleashed"])
def test_heros_downfall_kills_creatures_and_planeswalkers(table, victim) -> None:
    """The target is destroyed whatever its size or loyalty."""
    table.put(0, "Swamp", "Swamp", "Swamp")
    target = table.put(1, victim)
    table.hold(0, "Hero's Downfall")
    table.act("Hero's Downfall")
    assert target.zone is Zone.GRAVEYARD


def test_feed_the_swarm_costs_the_mana_value(table) -> None:
    """An enchantment can be destroyed; its mana value is lost in life."""
    table.put(0, "Swamp", "Swamp")
    table.put(0, "Hill Giant")
    honor = table.put(1, "Honor of the Pure")
    table.hold(0, "Feed the Swarm")
    table.act("Feed the Swarm")
    assert honor.zone is Zone.GRAVEYARD
    assert table.ann.life == 18


def test_duress_takes_neither_creatures_nor_lands(table) -> None:
    """The hand is shown; only other cards can be taken."""
    table.put(0, "Swamp")
    table.hold(0, "Duress")
    shock = table.hold(1, "Shock")
    bolt = table.hold(1, "Lightning Bolt")
    table.hold(1, "Hill Giant", "Mountain")
    table.act("Duress", (bolt,))
    assert bolt.zone is Zone.GRAVEYARD
    assert shock.zone is Zone.HAND
    (shown,) = (choice for choice in table.asked if isinstance(choice, Reveal))
    assert len(shown.cards) == 4
    (choice,) = (choice for choice in table.asked if isinstance(choice, ChooseCards))
    assert set(choice.cards) == {shock, bolt}


@pytest.mark.parametrize("name", ["Vampire of the Dire Moon", "Gifted Aetherborn"])
def test_a_touch_kills_and_heals(table, name) -> None:
    """A small blow kills a big creature, and its damage is life."""
    biter = table.put(0, name)
    elemental = table.put(1, "Hill Giant")
    table.fight((biter,), {elemental: biter})
    assert elemental.zone is Zone.GRAVEYARD
    assert table.ann.life == 20 + biter.face.power


def test_nighthawk_flies_over(table) -> None:
    """Ground creatures cannot block it; its damage is life."""
    hawk = table.put(0, "Vampire Nighthawk")
    table.put(1, "Hill Giant")
    table.fight((hawk,))
    assert table.bob.life == 18
    assert table.ann.life == 22


def test_bat_borrows_a_card(table) -> None:
    """The card is in exile as long as the bat is there, then back in its owner's hand."""
    table.put(0, "Swamp", "Swamp")
    table.hold(0, "Deep-Cavern Bat")
    bolt = table.hold(1, "Lightning Bolt")
    table.act("Deep-Cavern Bat", (bolt,))
    assert bolt.zone is Zone.EXILE
    (bat,) = (card for card in table.ann.battlefield if card.is_creature)
    move_card(table.game, bat, Zone.GRAVEYARD)
    table.settle()
    assert bolt.zone is Zone.HAND


def test_bat_may_take_nothing(table) -> None:
    """Looking alone is allowed."""
    table.put(0, "Swamp", "Swamp")
    table.hold(0, "Deep-Cavern Bat")
    bolt = table.hold(1, "Lightning Bolt")
    table.act("Deep-Cavern Bat", ())
    assert bolt.zone is Zone.HAND


def test_bat_that_is_gone_takes_nothing(table) -> None:
    """Killed in response to its ability, it exiles no card."""
    bat = table.put(0, "Deep-Cavern Bat")
    table.put(1, "Mountain")
    goblin = table.hold(1, "Shock", "Raging Goblin")
    emit(table.game, Happening(Event.ENTERS, 0, bat))
    table.act("Shock", bat, (goblin,))
    assert bat.zone is Zone.GRAVEYARD
    assert goblin.zone is Zone.HAND


def test_rat_makes_the_opponent_discard(table) -> None:
    """The opponent chooses which card goes."""
    table.put(0, "Swamp", "Swamp")
    table.hold(0, "Burglar Rat")
    bolt = table.hold(1, "Lightning Bolt")
    giant = table.hold(1, "Hill Giant")
    table.act("Burglar Rat", (giant,))
    assert giant.zone is Zone.GRAVEYARD
    assert bolt.zone is Zone.HAND


def test_skeleton_comes_back_tapped(table) -> None:
    """For two mana it returns from the graveyard."""
    table.put(0, "Swamp", "Swamp")
    skeleton = table.put(0, "Reassembling Skeleton", zone=Zone.GRAVEYARD)
    table.act("Reassembling Skeleton: Return")
    assert skeleton.zone is Zone.BATTLEFIELD
    assert skeleton.tapped


def test_preacher_does_both_when_tied(table) -> None:
    """At equal life it makes a Vampire, and draws for a life."""
    preacher = table.put(0, "Preacher of the Schism")
    table.fight((preacher,))
    names = [card.face.name for card in table.ann.battlefield]
    assert names.count("Vampire") == 1
    assert len(table.ann.hand) == 1
    assert table.ann.life == 19


@pytest.mark.parametrize(("seat", "vampires", "cards"), [(0, 0, 1), (1, 1, 0)])
def test_preacher_asks_who_has_the_most_life(table, seat, vampires, cards) -> None:
    """Behind it makes a Vampire, ahead it draws."""
    gain_life(table.game, seat, 5)
    preacher = table.put(0, "Preacher of the Schism")
    table.fight((preacher,))
    names = [card.face.name for card in table.ann.battlefield]
    assert names.count("Vampire") == vampires
    assert len(table.ann.hand) == cards


def test_preacher_makes_no_vampire_at_a_planeswalker(table) -> None:
    """Attacking a planeswalker is not attacking a player; it still draws when tied."""
    walker = table.put(1, "Garruk, Unleashed")
    preacher = table.put(0, "Preacher of the Schism")
    table.fight((preacher,), walker)
    assert [card.face.name for card in table.ann.battlefield] == ["Preacher of the Schism"]
    assert len(table.ann.hand) == 1


def test_sheoldred_watches_draws(table) -> None:
    """Each own card gives 2 life, each of the opponent costs them 2."""
    table.put(0, "Sheoldred, the Apocalypse")
    draw_cards(table.game, 0, 2)
    draw_cards(table.game, 1, 1)
    table.act()
    assert table.ann.life == 24
    assert table.bob.life == 18
