"""Casting: what is offered, what it costs, and what happens to the card."""

from trainingrun_daemon.rules.enums import Keyword, Phase, Zone
from trainingrun_daemon.rules.targets import can_target


def test_a_land_is_played_once_a_turn(table) -> None:
    """The first land enters, a second is not offered."""
    table.hold(0, "Mountain", "Plains")
    table.act("Mountain")
    assert [card.face.name for card in table.ann.battlefield] == ["Mountain"]
    assert table.offers(0) == []


def test_only_what_can_be_paid_is_offered(table) -> None:
    """With one Mountain a Shock is offered, a two-mana creature is not."""
    table.put(0, "Mountain")
    table.hold(0, "Shock", "Goblin Piker", "Elite Vanguard")
    assert table.offers(0) == ["Shock"]


def test_identical_cards_are_one_action(table) -> None:
    """Two Shocks in hand are one line."""
    table.put(0, "Mountain")
    table.hold(0, "Shock", "Shock")
    assert table.offers(0) == ["Shock"]


def test_a_spell_is_paid_by_tapping(table) -> None:
    """Casting a creature for two taps two lands and puts it on the battlefield, sick."""
    table.put(0, "Mountain", "Mountain", "Mountain")
    piker = table.hold(0, "Goblin Piker")
    table.act("Goblin Piker")
    assert piker.zone is Zone.BATTLEFIELD
    assert piker.is_sick
    assert sum(card.tapped for card in table.ann.battlefield) == 2


def test_sorcery_speed_is_kept(table) -> None:
    """At the end of the opponent's turn only instants are offered."""
    table.game.active = 1
    table.game.phase = Phase.END
    table.put(0, "Mountain", "Mountain")
    table.hold(0, "Shock", "Lava Spike", "Goblin Piker", "Mountain")
    assert table.offers(0) == ["Shock"]


def test_a_response_resolves_first(table) -> None:
    """The stack is last in, first out: the Bolt kills before the Shock hits the player."""
    table.put(0, "Mountain")
    table.put(1, "Mountain")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Shock")
    table.hold(1, "Lightning Bolt")
    table.act("Shock", table.bob, "Lightning Bolt", lions)
    assert lions.zone is Zone.GRAVEYARD
    assert table.bob.life == 18


def test_the_caster_is_not_asked_about_the_own_spell(table) -> None:
    """No one responds to oneself: a prompt that nearly always is a pass is not sent."""
    table.put(0, "Mountain", "Mountain")
    table.hold(0, "Shock", "Lightning Bolt")
    table.act("Shock", table.bob)
    sizes = [len(choice.actions) for choice in table.asked if hasattr(choice, "actions")]
    assert sizes == [2, 1]


def test_a_spell_without_legal_target_does_nothing(table) -> None:
    """When its creature left in response, the spell goes to the graveyard without effect."""
    table.put(0, "Mountain")
    table.put(1, "Island")
    crow = table.put(1, "Storm Crow")
    shock = table.hold(0, "Shock")
    table.hold(1, "Unsummon")
    table.act("Shock", crow, "Unsummon")
    assert crow.zone is Zone.HAND
    assert shock.zone is Zone.GRAVEYARD
    assert (table.ann.life, table.bob.life) == (20, 20)


def test_a_removal_spell_needs_a_creature(table) -> None:
    """Without a target the spell is not offered."""
    table.put(0, "Plains")
    table.hold(0, "Swords to Plowshares")
    assert table.offers(0) == []


def test_protection_stops_only_what_it_names(table) -> None:
    """Protection from multicolored does not stop a red spell."""
    table.put(0, "Mountain")
    soldier = table.put(1, "Soldier of the Pantheon")
    table.hold(0, "Shock")
    table.act("Shock", soldier)
    assert soldier.zone is Zone.GRAVEYARD


def test_hexproof_stops_opponents_only(table) -> None:
    """An opponent may not target a creature with hexproof, its controller may."""
    giant = table.put(1, "Hill Giant")
    giant.keywords = frozenset({Keyword.HEXPROOF})
    shock = table.hold(0, "Shock")
    assert not can_target(shock, 0, giant)
    assert can_target(shock, 1, giant)
