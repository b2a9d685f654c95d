"""White spells, one behaviour each."""

from trainingrun_daemon.cards.tokens import CLUE
from trainingrun_daemon.rules.choices import ChooseAction
from trainingrun_daemon.rules.enums import Keyword, Zone
from trainingrun_daemon.rules.zones import create_token


def _names(player) -> list[str]:
    return [card.face.name for card in player.battlefield if not card.face.is_land]


def test_elspeths_smite_exiles_what_it_kills(table) -> None:
    """The attacker that dies of it goes to exile."""
    table.put(1, "Plains")
    giant = table.put(0, "Hill Giant")
    table.hold(1, "Elspeth's Smite")
    table.fight((giant,), "Elspeth's Smite")
    assert giant.zone is Zone.EXILE
    assert table.bob.life == 20


def test_elspeths_smite_needs_a_fight(table) -> None:
    """A creature out of combat is no target."""
    table.put(0, "Plains")
    table.put(1, "Hill Giant")
    table.hold(0, "Elspeth's Smite")
    assert table.offers(0) == []


def test_holy_day_stops_combat_damage(table) -> None:
    """Neither players nor creatures are damaged in combat; burn still burns."""
    giant = table.put(0, "Hill Giant")
    table.put(0, "Mountain")
    table.hold(0, "Shock")
    table.put(1, "Plains")
    table.hold(1, "Holy Day")
    table.fight((giant,), "Holy Day", "Shock", table.bob)
    assert table.bob.life == 18


def test_destroy_evil_takes_the_tough(table) -> None:
    """A creature with toughness 4 can be destroyed, one with 3 can not."""
    table.put(0, "Plains", "Plains")
    angel = table.put(1, "Serra Angel")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Destroy Evil")
    table.act("Destroy Evil")
    assert angel.zone is Zone.GRAVEYARD
    assert giant.zone is Zone.BATTLEFIELD


def test_destroy_evil_takes_an_enchantment(table) -> None:
    """The other mode destroys an enchantment."""
    table.put(0, "Plains", "Plains")
    honor = table.put(1, "Honor of the Pure")
    table.put(1, "Serra Angel")
    table.hold(0, "Destroy Evil")
    table.act("Destroy Evil", "enchantment")
    assert honor.zone is Zone.GRAVEYARD


def test_get_lost_leaves_two_maps(table) -> None:
    """The creature is destroyed and its controller has two Maps."""
    table.put(0, "Plains", "Plains")
    angel = table.put(1, "Serra Angel")
    table.hold(0, "Get Lost")
    table.act("Get Lost")
    assert angel.zone is Zone.GRAVEYARD
    assert _names(table.bob) == ["Map", "Map"]


def test_get_lost_takes_enchantments(table) -> None:
    """An enchantment will do as a target."""
    table.put(0, "Plains", "Plains")
    honor = table.put(1, "Honor of the Pure")
    table.hold(0, "Get Lost")
    table.act("Get Lost")
    assert honor.zone is Zone.GRAVEYARD


def test_a_map_of_get_lost_lets_a_creature_explore(table) -> None:
    """A Map costs {1} and itself: the top card, a land, goes to hand."""
    table.put(0, "Plains", "Plains", "Plains")
    table.put(0, "Savannah Lions")
    giant = table.put(0, "Hill Giant")
    table.hold(0, "Get Lost")
    table.act("Get Lost", giant, "Map: explores")
    assert _names(table.ann) == ["Savannah Lions", "Map"]
    assert [card.face.name for card in table.ann.hand] == ["Mountain"]


def test_pacifism_keeps_a_creature_from_fighting(table) -> None:
    """The enchanted creature neither blocks nor attacks."""
    table.put(0, "Plains", "Plains")
    lions = table.put(0, "Savannah Lions")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Pacifism")
    table.act("Pacifism", giant)
    assert {Keyword.CANT_ATTACK, Keyword.CANT_BLOCK} <= giant.keywords
    table.fight((lions,))
    assert table.bob.life == 18


def test_sheltered_by_ghosts_exiles_until_it_leaves(table) -> None:
    """The creature grows, the opponent's permanent is away until the aura's host is gone."""
    table.put(0, "Plains", "Plains")
    lions = table.put(0, "Savannah Lions")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Sheltered by Ghosts")
    table.act("Sheltered by Ghosts")
    assert giant.zone is Zone.EXILE
    assert (lions.power, lions.toughness) == (3, 1)
    table.fight((lions,))
    assert (table.ann.life, table.bob.life) == (23, 17)
    table.put(0, "Mountain")
    table.hold(0, "Shock")
    table.act("Shock", lions)
    assert giant.zone is Zone.BATTLEFIELD
    assert giant.controller == 1


def test_sheltered_by_ghosts_wards_its_creature(table) -> None:
    """An opponent's spell at the creature is countered unless they pay {2}."""
    table.put(0, "Plains", "Plains")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Sheltered by Ghosts")
    table.act("Sheltered by Ghosts")
    table.put(1, "Mountain")
    shock = table.hold(1, "Shock")
    table.game.active = 1
    table.act("Shock", lions)
    assert shock.zone is Zone.GRAVEYARD
    assert lions.zone is Zone.BATTLEFIELD
    table.put(1, "Mountain", "Mountain", "Mountain")
    table.bob.battlefield[0].tapped = False
    table.hold(1, "Shock")
    table.act("Shock", lions, True)
    assert lions.zone is Zone.GRAVEYARD


def test_temporary_lockdown_holds_small_things_on_both_sides(table) -> None:
    """Mana value 2 and less goes and comes back with the lockdown; tokens do not come back."""
    table.put(0, *["Plains"] * 5)
    lions = table.put(0, "Savannah Lions")
    honor = table.put(1, "Honor of the Pure")
    giant = table.put(1, "Hill Giant")
    create_token(table.game, CLUE, 1)
    lockdown = table.hold(0, "Temporary Lockdown")
    table.act("Temporary Lockdown")
    assert (lions.zone, honor.zone, giant.zone) == (Zone.EXILE, Zone.EXILE, Zone.BATTLEFIELD)
    table.hold(0, "Get Lost")
    table.act("Get Lost", lockdown)
    assert (lions.zone, honor.zone) == (Zone.BATTLEFIELD, Zone.BATTLEFIELD)
    assert "Clue" not in _names(table.bob)


def test_day_of_judgment_destroys_all_creatures(table) -> None:
    """Creatures of both sides go; other permanents stay."""
    table.put(0, *["Plains"] * 4, "Savannah Lions")
    table.put(1, "Hill Giant", "Honor of the Pure")
    table.hold(0, "Day of Judgment")
    table.act("Day of Judgment")
    assert _names(table.ann) == []
    assert _names(table.bob) == ["Honor of the Pure"]


def test_rides_end_is_cheap_against_the_tapped(table) -> None:
    """With two lands only a tapped creature can be exiled."""
    table.put(0, "Plains", "Plains")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Ride's End")
    assert table.offers(0) == []
    giant.tapped = True
    table.act("Ride's End/tapped target")
    assert giant.zone is Zone.EXILE


def test_rides_end_costs_five_otherwise(table) -> None:
    """With five lands an untapped creature is exiled; the cheap way is not offered for it."""
    table.put(0, *["Plains"] * 5)
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Ride's End")
    table.act("Ride's End")
    first = next(choice for choice in table.asked if isinstance(choice, ChooseAction))
    assert [action.variant for action in first.actions] == [""]
    assert giant.zone is Zone.EXILE


def test_an_aura_falls_off_what_is_no_creature_any_more(table) -> None:
    """Sheltered by Ghosts on an animated land is gone after the turn, and the exiled is back."""
    table.put(0, *["Plains"] * 4, "Island", "Island")
    land = table.put(0, "Restless Anchorage")
    giant = table.put(1, "Hill Giant")
    aura = table.hold(0, "Sheltered by Ghosts")
    table.act("Restless Anchorage: Bird", "Sheltered by Ghosts")
    assert aura.attached_to is land
    assert giant.zone is Zone.EXILE
    table.end_step()
    table.settle()
    assert aura.zone is Zone.GRAVEYARD
    assert giant.zone is Zone.BATTLEFIELD


def test_a_pacified_creature_is_the_last_to_be_removed(table) -> None:
    """What can neither attack nor block comes after smaller creatures in a list of targets."""
    table.put(0, "Plains", "Plains", "Plains", "Plains")
    angel = table.put(1, "Serra Angel")
    lions = table.put(1, "Savannah Lions")
    table.hold(0, "Pacifism", "Get Lost")
    table.act("Pacifism", angel, "Get Lost")
    assert angel.zone is Zone.BATTLEFIELD
    assert lions.zone is Zone.GRAVEYARD
