"""Lands: how they enter, what mana they make, what else they do."""

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.rules.choices import ChooseAbility
from trainingrun_daemon.rules.enums import Keyword, Zone
from trainingrun_daemon.rules.payments import mana_sources

FAST_LANDS = {
    "Inspiring Vantage": "RW",
    "Darkslick Shores": "UB",
    "Seachrome Coast": "WU",
    "Spirebluff Canal": "UR",
}
SHOCK_LANDS = {
    "Sacred Foundry": "RW",
    "Watery Grave": "UB",
    "Steam Vents": "UR",
    "Hallowed Fountain": "WU",
}
SURVEIL_LANDS = {
    "Undercity Sewers": "UB",
    "Meticulous Archive": "WU",
    "Thundering Falls": "UR",
    "Elegant Parlor": "RW",
}
VERGES = {
    "Sunbillow Verge": ("W", "R", ("Mountain", "Plains")),
    "Gloomlake Verge": ("U", "B", ("Island", "Swamp")),
    "Floodfarm Verge": ("W", "U", ("Plains", "Island")),
    "Riverpyre Verge": ("R", "U", ("Island", "Mountain")),
}


def colors_of(table, land):
    """What one land can be tapped for now."""
    return {
        color
        for source in mana_sources(table.game, 0)
        if source.card is land
        for color in source.colors
    }


def play(table, name, *moves):
    """Play a land from Ann's hand."""
    land = table.hold(0, name)
    table.act(name, *moves)
    assert land.zone is Zone.BATTLEFIELD
    return land


def let_turn_pass(table):
    """Let the land that has just come be able to act."""
    for card in table.ann.battlefield:
        card.is_sick = False


@pytest.mark.parametrize(("name", "colors"), FAST_LANDS.items())
def test_a_fast_land_is_untapped_beside_two_lands(table, name, colors):
    """With two others it enters untapped and makes its two colours; with three it is tapped."""
    table.put(0, "Forest", "Forest")
    early = play(table, name)
    assert not early.tapped
    assert colors_of(table, early) == set(colors)
    table.ann.lands_played = 0
    assert play(table, name).tapped


@pytest.mark.parametrize(("name", "colors"), SHOCK_LANDS.items())
def test_a_shock_land_costs_life_or_time(table, name, colors):
    """It enters untapped for 2 life and tapped for none; its types are basic land types."""
    paid = play(table, name, True)
    assert not paid.tapped
    assert table.ann.life == 18
    assert colors_of(table, paid) == set(colors)
    assert {KNOWN_CARDS[kind.casefold()].mana[0].colors for kind in paid.subtypes} == set(colors)
    table.ann.lands_played = 0
    assert play(table, name, False).tapped
    assert table.ann.life == 18


@pytest.mark.parametrize(("name", "verge"), VERGES.items())
def test_a_verge_needs_one_of_two_types_for_its_second_colour(table, name, verge):
    """Alone it makes the first colour; with a land of either type, basic or not, both."""
    first, second, types = verge
    land = play(table, name)
    assert not land.tapped
    assert colors_of(table, land) == {first}
    for kind in types:
        support = table.put(0, kind)
        assert colors_of(table, land) == {first, second}
        table.ann.battlefield.remove(support)
    shock = {"R": "Sacred Foundry", "B": "Watery Grave", "U": "Steam Vents"}[second]
    table.put(0, shock)
    assert colors_of(table, land) == {first, second}


def test_a_land_of_all_creature_types_does_not_support_a_verge(table):
    """All creature types are not all land types."""
    table.put(0, *["Forest"] * 4)
    verge, sanctuary = table.put(0, "Sunbillow Verge"), table.put(0, "Soulstone Sanctuary")
    table.act("Soulstone Sanctuary: creature")
    assert sanctuary.has_subtype("Mouse")
    assert colors_of(table, verge) == {"W"}


@pytest.mark.parametrize(("name", "colors"), SURVEIL_LANDS.items())
def test_a_surveil_land_enters_tapped_and_surveils(table, name, colors):
    """The top card of the library may go to the graveyard."""
    top = table.ann.library[-1]
    land = play(table, name, (top,))
    assert land.tapped
    assert table.ann.graveyard == [top]
    land.tapped = False
    assert colors_of(table, land) == set(colors)


def test_a_surveil_land_may_leave_the_top_card(table):
    """Nothing is put away when nothing is chosen."""
    top = table.ann.library[-1]
    play(table, "Elegant Parlor")
    assert table.ann.library[-1] is top


def test_mystic_monastery_makes_three_colours_late(table):
    """It enters tapped and makes blue, red or white."""
    land = play(table, "Mystic Monastery")
    assert land.tapped
    land.tapped = False
    assert colors_of(table, land) == set("URW")


def test_rockface_village_makes_red_for_creatures_only(table):
    """Its red mana casts a creature but no instant."""
    table.put(0, "Rockface Village")
    table.hold(0, "Shock", "Raging Goblin")
    assert table.offers(0) == ["Raging Goblin"]


def test_rockface_village_speeds_a_mouse_up(table):
    """A fresh Mouse (of every type here) gets +1/+0 and haste; a Giant is no target."""
    table.put(0, *["Mountain"] * 5, "Rockface Village", "Hill Giant")
    mouse = table.put(0, "Soulstone Sanctuary")
    mouse.is_sick = True
    table.act("Soulstone Sanctuary: creature", "Rockface Village: haste")
    assert mouse.power == 4
    assert Keyword.HASTE in mouse.keywords
    assert all(Keyword.HASTE not in card.keywords for card in table.ann.battlefield[:-1])


def test_multiversal_passage_becomes_a_basic_type(table):
    """It takes the chosen type: its mana, and its support for a verge; it is not basic."""
    verge = table.put(0, "Gloomlake Verge")
    land = play(table, "Multiversal Passage", "Swamp", True)
    assert "Swamp" in land.subtypes
    assert colors_of(table, land) == {"B"}
    assert colors_of(table, verge) == {"U", "B"}
    assert table.ann.life == 18
    assert not land.tapped
    assert not land.face.is_basic


def test_multiversal_passage_offers_the_colour_that_the_hand_needs_first(table):
    """With blue cards in hand, Island is the first of the list."""
    table.hold(0, "Storm Crow")
    assert play(table, "Multiversal Passage", "Plains").tapped
    (choice,) = (asked for asked in table.asked if isinstance(asked, ChooseAbility))
    assert choice.abilities[0] == "Island"


def test_soulstone_sanctuary_stays_a_creature(table):
    """It is a 3/3 of every type that still makes mana, also in later turns."""
    table.put(0, *["Forest"] * 4)
    land = table.put(0, "Soulstone Sanctuary")
    table.act("Soulstone Sanctuary: creature")
    table.end_step()
    table.settle()
    assert (land.power, land.toughness) == (3, 3)
    assert land.is_creature
    assert land.is_land
    assert Keyword.VIGILANCE in land.keywords
    assert land.has_subtype("Wizard")
    assert colors_of(table, land) == {"C"}


def test_soulstone_sanctuary_is_a_land_again_when_it_comes_anew(table):
    """What it became belonged to the permanent that has gone."""
    table.put(0, *["Forest"] * 4, "Soulstone Sanctuary")
    table.put(1, "Mountain")
    table.hold(1, "Lightning Bolt")
    land = table.ann.battlefield[-1]
    table.act("Soulstone Sanctuary: creature")
    table.game.active = 1
    table.act("Lightning Bolt", land)
    assert land.zone is Zone.GRAVEYARD
    assert not land.is_creature


def test_restless_reef_attacks_as_a_shark(table):
    """Until end of turn it is a blue and black 4/4 with deathtouch; its attack mills four."""
    table.put(0, *["Island", "Swamp"] * 2)
    land = play(table, "Restless Reef")
    assert land.tapped
    land.tapped = False
    let_turn_pass(table)
    table.act("Restless Reef: Shark")
    assert (land.power, land.toughness, land.colors) == (4, 4, "UB")
    assert Keyword.DEATHTOUCH in land.keywords
    library = len(table.bob.library)
    table.fight((land,), table.bob)
    assert len(table.bob.library) == library - 4
    assert table.bob.life == 16
    table.end_step()
    table.settle()
    assert not land.is_creature


def test_restless_anchorage_attacks_as_a_bird_with_a_map(table):
    """Until end of turn it is a flying 2/3; its attack creates a Map."""
    table.put(0, *["Plains", "Island"] * 2)
    land = play(table, "Restless Anchorage")
    assert land.tapped
    land.tapped = False
    let_turn_pass(table)
    table.act("Restless Anchorage: Bird")
    assert (land.power, land.toughness, land.colors) == (2, 3, "WU")
    assert Keyword.FLYING in land.keywords
    table.fight((land,))
    assert [card.face.name for card in table.ann.battlefield if card.is_token] == ["Map"]
    assert table.bob.life == 18


def test_evolving_wilds_fetches_a_basic_tapped(table):
    """It is sacrificed for a basic land that comes tapped; it makes no mana."""
    forest = table.put(0, "Forest", zone=Zone.LIBRARY)
    table.put(0, "Sacred Foundry", zone=Zone.LIBRARY)
    wilds = table.put(0, "Evolving Wilds")
    assert not colors_of(table, wilds)
    table.act("Evolving Wilds: Search", (forest,))
    assert wilds.zone is Zone.GRAVEYARD
    assert forest.zone is Zone.BATTLEFIELD
    assert forest.tapped


@pytest.mark.parametrize(("others", "is_tapped"), [(2, True), (3, False)])
def test_fabled_passage_untaps_with_four_lands(table, others, is_tapped):
    """The land that it finds counts as one of the four."""
    table.put(0, *["Forest"] * others, "Fabled Passage")
    table.act("Fabled Passage: Search")
    assert table.ann.battlefield[-1].face.name == "Mountain"
    assert table.ann.battlefield[-1].tapped is is_tapped


def test_mishras_foundry_is_a_worker_for_a_turn(table):
    """It becomes a 2/2 artifact creature; another Foundry makes it 4/4 in its attack."""
    table.put(0, *["Forest"] * 3, "Mishra's Foundry")
    worker = table.put(0, "Mishra's Foundry")
    other = next(card for card in table.ann.battlefield if card.face is worker.face)
    table.act("Mishra's Foundry: Become")
    changed = next(card for card in (worker, other) if card.is_creature)
    assert changed.is_artifact
    assert changed.is_land
    table.fight((changed,), "Mishra's Foundry: +2/+2")
    assert table.bob.life == 16
    table.end_step()
    table.settle()
    assert not changed.is_creature
    assert not changed.is_artifact
