"""Artifacts: what each of them does."""

from trainingrun_daemon.rules.enums import Keyword, Zone
from trainingrun_daemon.rules.model import Card


def test_ornithopter_costs_nothing_and_flies(table):
    """It is cast without lands and a Hill Giant can't block it."""
    table.hold(0, "Ornithopter")
    table.act("Ornithopter")
    (thopter,) = table.ann.battlefield
    assert thopter.is_artifact
    assert (thopter.power, thopter.toughness) == (0, 2)
    assert Keyword.FLYING in thopter.keywords


def test_soul_guide_lantern_exiles_a_card_when_it_enters(table):
    """Any card of any graveyard; the opponent's come first in the list."""
    table.put(0, "Mountain")
    table.put(0, "Shock", zone=Zone.GRAVEYARD)
    theirs = table.put(1, "Lightning Bolt", zone=Zone.GRAVEYARD)
    table.hold(0, "Soul-Guide Lantern")
    table.act("Soul-Guide Lantern", theirs)
    assert theirs.zone is Zone.EXILE
    assert [card.face.name for card in table.ann.graveyard] == ["Shock"]


def test_soul_guide_lantern_enters_beside_empty_graveyards(table):
    """Its first ability just has no target then."""
    table.put(0, "Mountain")
    lantern = table.hold(0, "Soul-Guide Lantern")
    table.act("Soul-Guide Lantern")
    assert lantern.zone is Zone.BATTLEFIELD


def test_soul_guide_lantern_exiles_the_opposing_graveyard(table):
    """All of it, and nothing of one's own but the Lantern stays there."""
    lantern = table.put(0, "Soul-Guide Lantern")
    table.put(0, "Shock", zone=Zone.GRAVEYARD)
    table.put(1, "Shock", "Hill Giant", zone=Zone.GRAVEYARD)
    table.act("Soul-Guide Lantern: Exile")
    assert not table.bob.graveyard
    assert len(table.ann.graveyard) == 2
    assert lantern.zone is Zone.GRAVEYARD


def test_soul_guide_lantern_becomes_a_card(table):
    """For one mana it is sacrificed and a card is drawn."""
    table.put(0, "Mountain", "Soul-Guide Lantern")
    table.act("Soul-Guide Lantern: Draw")
    assert len(table.ann.hand) == 1
    assert [card.face.name for card in table.ann.graveyard] == ["Soul-Guide Lantern"]


def test_short_sword_enlarges_who_carries_it(table):
    """+1/+1 for the equipped creature, and only for that; it can be moved on."""
    table.put(0, "Mountain", "Mountain", "Short Sword")
    goblin, giant = table.put(0, "Raging Goblin"), table.put(0, "Hill Giant")
    table.act("Short Sword: Equip", goblin)
    assert (goblin.power, goblin.toughness) == (2, 2)
    table.act("Short Sword: Equip", giant)
    assert (goblin.power, goblin.toughness) == (1, 1)
    assert (giant.power, giant.toughness) == (4, 4)


def test_short_sword_stays_when_its_carrier_dies(table):
    """Equipment falls off and remains on the battlefield."""
    table.put(0, "Mountain", "Mountain")
    sword, goblin = table.put(0, "Short Sword"), table.put(0, "Raging Goblin")
    table.put(1, "Mountain")
    table.hold(1, "Lightning Bolt")
    table.act("Short Sword: Equip")
    table.game.active = 1
    table.act("Lightning Bolt", goblin)
    assert goblin.zone is Zone.GRAVEYARD
    assert sword.zone is Zone.BATTLEFIELD
    assert sword.attached_to is None


def test_swiftfoot_boots_protect_and_speed_up(table):
    """A fresh creature can attack with them, and the opponent can't target it."""
    table.put(0, "Mountain", "Swiftfoot Boots")
    giant = table.put(0, "Hill Giant")
    giant.is_sick = True
    table.act("Swiftfoot Boots: Equip")
    assert {Keyword.HEXPROOF, Keyword.HASTE} <= giant.keywords
    table.fight((giant,))
    assert table.bob.life == 17
    table.put(1, "Swamp", "Island")
    table.hold(1, "Unsummon")
    table.game.active = 1
    assert "Unsummon" not in table.offers(1)


def crewed_copter(table) -> Card:
    """A Copter that a Goblin has crewed."""
    copter = table.put(0, "Smuggler's Copter")
    goblin = table.put(0, "Raging Goblin")
    assert not copter.is_creature
    table.act("Smuggler's Copter: Crew")
    assert goblin.tapped
    assert copter.is_creature
    return copter


def test_smugglers_copter_is_crewed_for_a_turn_and_loots(table):
    """It attacks for 3 in the air; a card may be drawn and one discarded."""
    copter = crewed_copter(table)
    spare = table.hold(0, "Shock")
    table.fight((copter,), True, (spare,))
    assert table.bob.life == 17
    assert spare.zone is Zone.GRAVEYARD
    assert len(table.ann.hand) == 1
    table.end_step()
    table.settle()
    assert not copter.is_creature


def test_smugglers_copter_need_not_loot(table):
    """Without a yes nothing is drawn or discarded."""
    copter = crewed_copter(table)
    spare = table.hold(0, "Shock")
    table.fight((copter,), False)
    assert table.ann.hand == [spare]


def test_smugglers_copter_loots_when_it_blocks(table):
    """A block is worth a card, too."""
    copter = crewed_copter(table)
    spare = table.hold(0, "Shock")
    attacker = table.put(1, "Storm Crow")
    table.game.active = 1
    table.fight((attacker,), {copter: attacker}, True, (spare,))
    assert spare.zone is Zone.GRAVEYARD
    assert attacker.zone is Zone.GRAVEYARD


def test_smugglers_copter_needs_a_crew(table):
    """A creature without power can't crew it."""
    table.put(0, "Smuggler's Copter", "Ornithopter")
    assert table.offers(0) == []
