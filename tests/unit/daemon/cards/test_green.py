"""Green cards: what each of them does."""

import pytest
from trainingrun_daemon.rules.choices import ChooseAbility
from trainingrun_daemon.rules.enums import Keyword, Zone
from trainingrun_daemon.rules.model import Card


def give_turn(table, seat):
    """Make it the main phase of another seat."""
    table.game.active = seat


@pytest.mark.parametrize("name", ["Llanowar Elves", "Elvish Mystic"])
def test_an_elf_makes_mana_unless_it_is_fresh(table, name):
    """It pays for a spell by tapping, but not in the turn in which it came."""
    elf = table.put(0, name)
    table.hold(0, "Giant Growth")
    elf.is_sick = True
    assert table.offers(0) == []
    elf.is_sick = False
    table.act("Giant Growth")
    assert elf.tapped
    assert (elf.power, elf.toughness) == (4, 4)


def test_sazhs_chocobo_grows_with_each_land(table):
    """Landfall: a +1/+1 counter, also for a land that a spell finds; not for the opponent's."""
    table.put(0, "Forest", "Forest")
    chocobo = table.put(0, "Sazh's Chocobo")
    table.hold(0, "Forest", "Rampant Growth")
    table.hold(1, "Forest")
    table.act("Forest", "Rampant Growth")
    assert (chocobo.power, chocobo.toughness) == (2, 3)
    give_turn(table, 1)
    table.act("Forest")
    assert chocobo.power == 2


def test_mossborn_hydra_doubles_with_each_land(table):
    """It enters as 1/1, and each land doubles its counters."""
    table.put(0, *["Forest"] * 5)
    hydra = table.hold(0, "Mossborn Hydra")
    table.hold(0, "Forest", "Rampant Growth")
    table.act("Mossborn Hydra")
    assert (hydra.power, hydra.toughness) == (1, 1)
    assert Keyword.TRAMPLE in hydra.keywords
    table.act("Forest")
    assert hydra.power == 2
    table.act("Rampant Growth")
    assert (hydra.power, hydra.toughness) == (4, 4)


def test_surrak_draws_when_a_creature_is_aimed_at(table):
    """An opponent's spell at any creature of his controller is worth a card; an own one is not."""
    table.put(0, "Surrak, Elusive Hunter", "Forest")
    giant = table.put(0, "Hill Giant")
    table.hold(0, "Giant Growth")
    table.act("Giant Growth", giant)
    assert not table.ann.hand
    table.put(1, "Mountain")
    table.hold(1, "Lightning Bolt")
    give_turn(table, 1)
    table.act("Lightning Bolt", giant)
    assert len(table.ann.hand) == 1


def test_surrak_draws_when_a_creature_spell_is_aimed_at(table):
    """A counterspell aimed at a creature spell is worth a card; at another spell it is not."""
    table.put(0, "Surrak, Elusive Hunter", *["Mountain"] * 5)
    table.put(1, *["Island"] * 5)
    table.hold(0, "Hill Giant", "Shock")
    table.hold(1, "No More Lies", "No More Lies")
    table.put(1, "Plains", "Plains")
    table.act("Hill Giant", "No More Lies")
    assert len(table.ann.hand) == 2
    table.act("Shock", table.bob, "No More Lies")
    assert len(table.ann.hand) == 1


def test_surrak_can_not_be_countered(table):
    """The counterspell has no effect on him, but its target draws nothing as he is not there."""
    table.put(0, *["Forest"] * 3)
    table.put(1, "Plains", "Island")
    surrak = table.hold(0, "Surrak, Elusive Hunter")
    table.hold(1, "No More Lies")
    table.act("Surrak, Elusive Hunter", "No More Lies")
    assert surrak.zone is Zone.BATTLEFIELD
    assert Keyword.TRAMPLE in surrak.keywords


def test_bushwhack_finds_a_basic_land(table):
    """The basic land comes to hand and the library has one card less."""
    table.put(0, "Forest")
    forest = table.put(0, "Forest", zone=Zone.LIBRARY)
    table.put(0, "Evolving Wilds", zone=Zone.LIBRARY)
    table.hold(0, "Bushwhack")
    table.act("Bushwhack", (forest,))
    assert table.ann.hand == [forest]


def test_bushwhack_fights(table):
    """Both creatures deal damage equal to their power to each other."""
    table.put(0, "Forest")
    mine, theirs = table.put(0, "Treetop Snarespinner"), table.put(1, "Hill Giant")
    table.hold(0, "Bushwhack")
    table.act("Bushwhack", "Fight")
    assert theirs.zone is Zone.GRAVEYARD
    assert mine.damage == 3


@pytest.mark.parametrize(
    ("enemy", "first"),
    [("Coral Merfolk", "Fight"), ("Colossal Dreadmaw", "Search for a basic land")],
)
def test_bushwhack_offers_a_fight_first_when_it_kills(table, enemy, first):
    """A fight that leaves the other creature alive comes after the land."""
    table.put(0, "Forest", "Hill Giant")
    table.put(1, enemy)
    table.hold(0, "Bushwhack")
    table.act("Bushwhack", "Search")
    (choice,) = (asked for asked in table.asked if isinstance(asked, ChooseAbility))
    assert choice.abilities[0] == first


def test_pawpatch_recruit_brings_a_small_copy(table):
    """Offspring: a 1/1 token with its abilities; without paying for it there is none."""
    table.put(0, *["Forest"] * 4)
    table.hold(0, "Pawpatch Recruit", "Pawpatch Recruit")
    table.act("Pawpatch Recruit", "Pawpatch Recruit/Offspring")
    recruits = [card for card in table.ann.battlefield if card.is_creature]
    assert [(card.power, card.is_token) for card in recruits] == [
        (2, False),
        (2, False),
        (1, True),
    ]
    assert recruits[2].face.name == "Pawpatch Recruit"
    assert Keyword.TRAMPLE in recruits[2].keywords


def test_pawpatch_recruit_makes_another_creature_grow(table):
    """When the opponent aims at one, a counter goes on any other, not on that one."""
    recruit, giant = table.put(0, "Pawpatch Recruit"), table.put(0, "Hill Giant")
    table.put(1, "Mountain")
    table.hold(1, "Shock")
    give_turn(table, 1)
    table.act("Shock", giant)
    assert recruit.power == 3
    assert giant.counters == {}
    assert giant.damage == 2


def test_pawpatch_recruit_alone_gets_nothing(table):
    """There is no other creature to put the counter on."""
    recruit = table.put(0, "Pawpatch Recruit")
    table.put(1, "Mountain")
    table.hold(1, "Shock")
    give_turn(table, 1)
    table.act("Shock", recruit)
    assert recruit.zone is Zone.GRAVEYARD


def test_giant_growth_wears_off(table):
    """+3/+3 until the turn ends."""
    table.put(0, "Forest")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Giant Growth")
    table.act("Giant Growth")
    assert (lions.power, lions.toughness) == (5, 4)
    table.end_step()
    table.settle()
    assert (lions.power, lions.toughness) == (2, 1)


def test_rampant_growth_puts_a_basic_land_tapped(table):
    """One more land, which makes no mana yet."""
    table.put(0, "Forest", "Forest")
    table.hold(0, "Rampant Growth")
    table.act("Rampant Growth")
    land = table.ann.battlefield[-1]
    assert land.face.name == "Mountain"
    assert land.tapped
    assert table.ann.lands_played == 0


def test_snakeskin_veil_saves_a_creature(table):
    """The removal in response to which it is cast does nothing; the counter stays."""
    table.put(0, "Forest")
    giant = table.put(0, "Hill Giant")
    table.hold(0, "Snakeskin Veil")
    table.put(1, "Plains")
    table.hold(1, "Swords to Plowshares")
    give_turn(table, 1)
    table.act("Swords to Plowshares", "Snakeskin Veil")
    assert giant.zone is Zone.BATTLEFIELD
    assert Keyword.HEXPROOF in giant.keywords
    table.end_step()
    table.settle()
    assert (giant.power, giant.toughness) == (4, 4)
    assert Keyword.HEXPROOF not in giant.keywords


def test_sentinel_maps_when_it_enters_and_attacks(table):
    """Two Maps; it stays untapped; a Map lets a creature explore."""
    table.put(0, *["Forest"] * 4)
    sentinel = table.hold(0, "Sentinel of the Nameless City")
    table.act("Sentinel of the Nameless City")
    sentinel.is_sick = False
    table.fight((sentinel,))
    assert not sentinel.tapped
    assert [card.face.name for card in table.ann.battlefield].count("Map") == 2
    table.put(0, "Hill Giant", zone=Zone.LIBRARY)
    table.act("Map: explores", True)
    assert sentinel.power == 4
    assert [card.face.name for card in table.ann.graveyard] == ["Hill Giant"]
    assert [card.face.name for card in table.ann.battlefield].count("Map") == 1


def test_bite_down_is_one_sided(table):
    """Damage equal to the power of the own creature, none in return."""
    table.put(0, "Forest", "Forest")
    mine, theirs = table.put(0, "Hill Giant"), table.put(1, "Coral Merfolk")
    table.hold(0, "Bite Down")
    table.act("Bite Down")
    assert theirs.zone is Zone.GRAVEYARD
    assert mine.damage == 0


def test_bite_down_offers_what_it_kills_first(table):
    """A 3-power creature kills the 3/3 rather than wounding the 6/6."""
    table.put(0, "Forest", "Forest", "Hill Giant")
    theirs = table.put(1, "Hill Giant")
    table.put(1, "Colossal Dreadmaw")
    table.hold(0, "Bite Down")
    table.act("Bite Down")
    assert theirs.zone is Zone.GRAVEYARD


def test_bite_down_hits_a_planeswalker(table):
    """Loyalty is taken off."""
    table.put(0, "Forest", "Forest", "Hill Giant")
    walker = table.put(1, "Garruk, Unleashed")
    table.hold(0, "Bite Down")
    table.act("Bite Down")
    assert walker.counters == {"LOYALTY": 1}


def test_thrashing_brontodon_destroys_an_enchantment(table):
    """It is sacrificed for it."""
    brontodon = table.put(0, "Thrashing Brontodon")
    table.put(0, "Forest")
    honor = table.put(1, "Honor of the Pure")
    table.act("Thrashing Brontodon: Destroy")
    assert brontodon.zone is Zone.GRAVEYARD
    assert honor.zone is Zone.GRAVEYARD


def test_scavenging_ooze_eats_creatures(table):
    """A creature card is worth a counter and a life, another card nothing."""
    table.put(0, "Forest", "Forest")
    ooze = table.put(0, "Scavenging Ooze")
    giant = table.put(1, "Hill Giant", zone=Zone.GRAVEYARD)
    shock = table.put(1, "Shock", zone=Zone.GRAVEYARD)
    table.act("Scavenging Ooze: Exile", giant)
    assert giant.zone is Zone.EXILE
    assert (ooze.power, table.ann.life) == (3, 21)
    table.act("Scavenging Ooze: Exile")
    assert shock.zone is Zone.EXILE
    assert (ooze.power, table.ann.life) == (3, 21)


def test_steel_leaf_champion_passes_the_weak(table):
    """Power 2 can't block it, power 3 can."""
    champion = table.put(0, "Steel Leaf Champion")
    table.put(1, "Coral Merfolk")
    table.fight((champion,))
    assert table.bob.life == 15
    champion.tapped = False
    giant = table.put(1, "Hill Giant")
    table.fight((champion,), {giant: champion})
    assert giant.zone is Zone.GRAVEYARD
    assert table.bob.life == 15


def test_treetop_snarespinner_blocks_flyers_and_kills(table):
    """Reach and deathtouch: a 4/4 flyer dies in its web."""
    spider = table.put(1, "Treetop Snarespinner")
    flyer = table.put(0, "Air Elemental")
    table.fight((flyer,), {spider: flyer})
    assert flyer.zone is Zone.GRAVEYARD


def test_treetop_snarespinner_puts_counters(table):
    """{2}{G}: a counter on an own creature, only when a sorcery could be cast."""
    table.put(0, *["Forest"] * 3, "Treetop Snarespinner")
    lions = table.put(0, "Savannah Lions")
    table.act("Treetop Snarespinner: counter", lions)
    assert (lions.power, lions.toughness) == (3, 2)


def test_tyvars_stand_is_as_big_as_its_x(table):
    """+X/+X, and the creature survives what would destroy it."""
    table.put(0, *["Forest"] * 4)
    giant = table.put(0, "Hill Giant")
    table.hold(0, "Tyvar's Stand")
    table.act("Tyvar's Stand", 3)
    assert (giant.power, giant.toughness) == (6, 6)
    assert {Keyword.HEXPROOF, Keyword.INDESTRUCTIBLE} <= giant.keywords
    assert sum(card.tapped for card in table.ann.battlefield) == 4


def test_overrun_makes_all_own_creatures_trample(table):
    """+3/+3 and trample for one's own, until end of turn."""
    table.put(0, *["Forest"] * 5)
    mine: list[Card] = [table.put(0, "Savannah Lions"), table.put(0, "Hill Giant")]
    theirs = table.put(1, "Hill Giant")
    table.hold(0, "Overrun")
    table.act("Overrun")
    assert [card.power for card in mine] == [5, 6]
    assert all(Keyword.TRAMPLE in card.keywords for card in mine)
    assert theirs.power == 3
    table.fight(tuple(mine), {theirs: mine[0]})
    assert table.bob.life == 20 - 6 - 2


def test_colossal_dreadmaw_tramples(table):
    """What the blocker does not absorb goes to the player."""
    dreadmaw, giant = table.put(0, "Colossal Dreadmaw"), table.put(1, "Hill Giant")
    table.fight((dreadmaw,), {giant: dreadmaw})
    assert table.bob.life == 17
