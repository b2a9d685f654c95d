"""The white cards, one behaviour each, and the blue ones of the test deck."""

from trainingrun_daemon.rules.enums import Keyword, Zone


def test_swords_gives_life_for_power(table) -> None:
    """The creature is exiled, its controller gains life equal to its power."""
    table.put(0, "Plains")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Swords to Plowshares")
    table.act("Swords to Plowshares")
    assert giant.zone is Zone.EXILE
    assert table.bob.life == 23


def test_path_may_fetch_a_tapped_basic(table) -> None:
    """The creature's controller may take a basic land from the library, tapped."""
    table.put(0, "Plains")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Path to Exile")
    table.act("Path to Exile", True)
    assert giant.zone is Zone.EXILE
    (land,) = table.bob.battlefield
    assert land.face.is_land
    assert land.tapped
    assert len(table.bob.library) == 19


def test_path_may_be_declined(table) -> None:
    """No land is fetched when the player says no."""
    table.put(0, "Plains")
    table.put(1, "Hill Giant")
    table.hold(0, "Path to Exile")
    table.act("Path to Exile", False)
    assert table.bob.battlefield == []


def test_honor_of_the_pure_grows_own_white_creatures(table) -> None:
    """White creatures of its controller get +1/+1, no one else's."""
    table.put(0, "Honor of the Pure")
    lions = table.put(0, "Savannah Lions")
    piker = table.put(0, "Goblin Piker")
    theirs = table.put(1, "Savannah Lions")
    table.settle()
    assert (lions.power, lions.toughness) == (3, 2)
    assert (piker.power, theirs.power) == (2, 2)


def test_a_hybrid_card_is_white_and_green(table) -> None:
    """Dryad Militant is white enough for Honor of the Pure."""
    table.put(0, "Honor of the Pure")
    dryad = table.put(0, "Dryad Militant")
    table.settle()
    assert dryad.power == 3


def test_marshal_grows_the_others(table) -> None:
    """The Marshal does not grow itself; two Marshals grow each other."""
    first = table.put(0, "Benalish Marshal")
    table.settle()
    assert first.power == 3
    table.put(0, "Benalish Marshal")
    table.settle()
    assert first.power == 4


def test_an_anthem_ends_when_its_source_leaves(table) -> None:
    """A creature that lived by the anthem dies with it."""
    table.put(1, "Mountain")
    marshal = table.put(0, "Benalish Marshal")
    lions = table.put(0, "Savannah Lions")
    table.settle()
    lions.damage = 1
    table.game.active = 1
    table.hold(1, "Lightning Bolt")
    table.act("Lightning Bolt", marshal)
    assert marshal.zone is Zone.GRAVEYARD
    assert lions.zone is Zone.GRAVEYARD


def test_thalia_taxes_noncreature_spells(table) -> None:
    """A Shock costs two mana, a creature what is printed."""
    table.put(1, "Thalia, Guardian of Thraben")
    table.put(0, "Mountain")
    table.hold(0, "Shock", "Raging Goblin")
    assert table.offers(0) == ["Raging Goblin"]
    table.put(0, "Mountain")
    table.act("Shock", table.bob)
    assert table.bob.life == 18
    assert all(card.tapped for card in table.ann.battlefield)


def test_militant_exiles_spent_spells(table) -> None:
    """Instants and sorceries are exiled instead of going to a graveyard, creatures are not."""
    table.put(1, "Dryad Militant")
    lions = table.put(1, "Savannah Lions")
    table.put(0, "Mountain")
    shock = table.hold(0, "Shock")
    table.act("Shock", lions)
    assert shock.zone is Zone.EXILE
    assert lions.zone is Zone.GRAVEYARD


def test_the_pantheon_cannot_be_blocked_by_two_colours(table) -> None:
    """Protection from multicolored: Dryad Militant may not block it, Elite Vanguard may."""
    soldier = table.put(0, "Soldier of the Pantheon")
    dryad = table.put(1, "Dryad Militant")
    vanguard = table.put(1, "Elite Vanguard")
    table.fight((soldier,), {vanguard: soldier})
    assert vanguard.zone is Zone.GRAVEYARD
    choice = next(choice for choice in table.asked if hasattr(choice, "attackers"))
    assert dryad not in choice.candidates


def test_the_pantheon_gains_life_from_two_colours(table) -> None:
    """An opponent's multicoloured spell gives 1 life."""
    table.put(1, "Soldier of the Pantheon")
    table.put(0, "Plains")
    table.hold(0, "Dryad Militant")
    table.act("Dryad Militant")
    assert table.bob.life == 21


def test_brimaz_brings_an_attacking_cat(table) -> None:
    """Brimaz attacks for 3 and a new 1/1 joins him; vigilance keeps both untapped."""
    brimaz = table.put(0, "Brimaz, King of Oreskos")
    table.fight((brimaz,))
    assert table.bob.life == 16
    cat = table.ann.battlefield[-1]
    assert cat.is_token
    assert not brimaz.tapped
    assert not cat.attacking


def test_brimaz_brings_a_blocking_cat(table) -> None:
    """Blocking a 3/3 the two deal 4 damage, and only one of them is hurt."""
    giant = table.put(0, "Hill Giant")
    brimaz = table.put(1, "Brimaz, King of Oreskos")
    table.fight((giant,), {brimaz: giant})
    assert giant.zone is Zone.GRAVEYARD
    assert brimaz.zone is Zone.BATTLEFIELD
    assert table.bob.life == 20


def test_a_dead_token_is_nowhere(table) -> None:
    """A token that leaves the battlefield is in no zone."""
    brimaz = table.put(0, "Brimaz, King of Oreskos")
    table.put(1, "Island")
    table.fight((brimaz,))
    cat = table.ann.battlefield[-1]
    table.game.active = 1
    table.hold(1, "Unsummon")
    table.act("Unsummon", cat)
    assert cat not in table.ann.battlefield
    assert table.ann.hand == []
    assert table.ann.graveyard == []


def test_the_legend_rule(table) -> None:
    """Of two Thalias of one player the second goes to the graveyard."""
    first = table.put(0, "Thalia, Guardian of Thraben")
    second = table.put(0, "Thalia, Guardian of Thraben")
    table.settle()
    assert (first.zone, second.zone) == (Zone.BATTLEFIELD, Zone.GRAVEYARD)


def test_thalia_strikes_first(table) -> None:
    """A 2/1 with first strike kills a 2/1 and lives."""
    thalia = table.put(0, "Thalia, Guardian of Thraben")
    lions = table.put(1, "Savannah Lions")
    assert Keyword.FIRST_STRIKE in thalia.keywords
    table.fight((thalia,), {lions: thalia})
    assert (thalia.zone, lions.zone) == (Zone.BATTLEFIELD, Zone.GRAVEYARD)
