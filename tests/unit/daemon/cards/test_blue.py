"""The blue cards: what each of them does. The opponent's spells come first in each move list."""

import pytest
from trainingrun_daemon.rules.continuous import refresh
from trainingrun_daemon.rules.enums import Zone
from trainingrun_daemon.rules.zones import (
    STUN,
    add_counters,
    destroy,
    draw_cards,
    move_card,
    untap,
)


def _named(cards, name):
    return [card for card in cards if card.face.name == name]


def _attack_of_bob(table, spell: str, *, lands: int = 1) -> None:
    """Make it the turn of seat 1, who holds a spell and the lands to cast it."""
    table.game.active = 1
    table.put(1, *["Mountain"] * lands)
    table.hold(1, spell)


def test_opt_scries_and_draws(table) -> None:
    """The looked-at card goes to the bottom, the next one is drawn."""
    table.put(0, "Island")
    deep = table.ann.library[-2]
    top = table.ann.library[-1]
    table.hold(0, "Opt")
    table.act("Opt", (top,))
    assert table.ann.hand == [deep]
    assert table.ann.library[0] is top


def test_quick_study_draws_two(table) -> None:
    """Two cards come to the hand."""
    table.put(0, *["Island"] * 3)
    table.hold(0, "Quick Study")
    table.act("Quick Study")
    assert len(table.ann.hand) == 2


def test_deduce_leaves_a_clue(table) -> None:
    """One card now, and another for two mana later."""
    table.put(0, *["Island"] * 4)
    table.hold(0, "Deduce")
    table.act("Deduce", "Clue: Draw a card")
    assert len(table.ann.hand) == 2
    assert _named(table.ann.battlefield, "Clue") == []


def test_stock_up_takes_two_of_five(table) -> None:
    """The chosen two come to the hand, the other three go to the bottom."""
    table.put(0, *["Island"] * 3)
    top = table.ann.library[-5:]
    table.hold(0, "Stock Up")
    table.act("Stock Up", (top[0], top[3]))
    assert set(table.ann.hand) == {top[0], top[3]}
    assert set(table.ann.library[:3]) == {top[1], top[2], top[4]}


def test_star_charts_look_as_deep_as_there_are_lands(table) -> None:
    """With three lands three cards are looked at, one is taken."""
    table.put(0, *["Island"] * 3)
    top = table.ann.library[-3:]
    table.hold(0, "Consult the Star Charts")
    table.act("Consult the Star Charts", (top[0],))
    assert table.ann.hand == [top[0]]
    assert set(table.ann.library[:2]) == {top[1], top[2]}


def test_kicked_star_charts_take_two(table) -> None:
    """For two mana more a second card is taken."""
    table.put(0, *["Island"] * 4)
    top = table.ann.library[-4:]
    table.hold(0, "Consult the Star Charts")
    table.act("Consult the Star Charts/Kicker", (top[0], top[1]))
    assert set(table.ann.hand) == {top[0], top[1]}


@pytest.mark.parametrize("name", ["Cancel", "Refute", "Negate", "Spell Pierce"])
def test_counterspells_stop_a_spell(table, name) -> None:
    """The countered spell does nothing and goes to the graveyard."""
    _attack_of_bob(table, "Lava Spike")
    table.put(0, *["Island"] * 3)
    table.hold(0, name)
    table.act("Lava Spike", table.ann, name)
    assert table.ann.life == 20
    assert len(_named(table.bob.graveyard, "Lava Spike")) == 1


@pytest.mark.parametrize("name", ["Negate", "Spell Pierce"])
def test_some_counterspells_spare_creatures(table, name) -> None:
    """They are not even offered against a creature spell."""
    _attack_of_bob(table, "Raging Goblin")
    table.put(0, *["Island"] * 2)
    table.hold(0, name)
    table.act("Raging Goblin")
    assert len(_named(table.ann.hand, name)) == 1
    assert table.offers(0) == []


def test_refute_loots(table) -> None:
    """Besides countering, a card is drawn and one discarded."""
    _attack_of_bob(table, "Lava Spike")
    table.put(0, *["Island"] * 3)
    table.hold(0, "Refute", "Opt")
    table.act("Lava Spike", table.ann, "Refute")
    assert len(table.ann.hand) == 1
    assert len(table.ann.graveyard) == 2


def test_essence_scatter_stops_creatures_only(table) -> None:
    """A creature spell is countered; for another spell it is not offered."""
    _attack_of_bob(table, "Raging Goblin", lands=2)
    table.hold(1, "Lava Spike")
    table.put(0, *["Island"] * 2)
    table.hold(0, "Essence Scatter")
    table.act("Lava Spike", table.ann, "Raging Goblin", "Essence Scatter")
    assert table.ann.life == 17
    assert len(_named(table.bob.graveyard, "Raging Goblin")) == 1


def test_disdainful_stroke_wants_dear_spells(table) -> None:
    """Mana value 4 is dear enough, 1 is not."""
    _attack_of_bob(table, "Hill Giant", lands=5)
    table.hold(1, "Raging Goblin")
    table.put(0, *["Island"] * 2)
    table.hold(0, "Disdainful Stroke")
    table.act("Raging Goblin", "Hill Giant", "Disdainful Stroke")
    assert len(_named(table.bob.graveyard, "Hill Giant")) == 1
    assert len(_named(table.bob.battlefield, "Raging Goblin")) == 1


def test_spell_pierce_can_be_paid_for(table) -> None:
    """Whoever pays two mana keeps the spell."""
    _attack_of_bob(table, "Lava Spike", lands=3)
    table.put(0, "Island")
    table.hold(0, "Spell Pierce")
    table.act("Lava Spike", table.ann, "Spell Pierce", True)
    assert table.ann.life == 17
    assert all(card.tapped for card in table.bob.battlefield)


def test_three_steps_counter(table) -> None:
    """Its first mode costs three mana in all and counters a spell."""
    _attack_of_bob(table, "Lava Spike")
    table.put(0, *["Island"] * 3)
    table.hold(0, "Three Steps Ahead")
    table.act("Lava Spike", table.ann, "Three Steps Ahead", "Counter")
    assert table.ann.life == 20


def test_three_steps_copy_and_draw(table) -> None:
    """Two modes at once: the copy does what it does as it enters, and cards are drawn."""
    table.put(0, *["Island"] * 6)
    seer = table.put(0, "Cloudkin Seer")
    table.hold(0, "Three Steps Ahead")
    table.act("Three Steps Ahead", "Copy", "Draw")
    seers = _named(table.ann.battlefield, "Cloudkin Seer")
    assert len(seers) == 2
    assert [card.is_token for card in seers if card is not seer] == [True]
    assert len(table.ann.hand) == 2
    assert all(card.tapped for card in _named(table.ann.battlefield, "Island"))


def test_three_steps_want_mana_for_a_step(table) -> None:
    """It is offered only when one of its modes can be paid for besides."""
    table.put(0, *["Island"] * 2)
    table.hold(0, "Three Steps Ahead")
    assert table.offers(0) == []
    table.put(0, "Island")
    assert table.offers(0) == ["Three Steps Ahead"]


def test_phantom_interference_makes_a_spirit(table) -> None:
    """For four mana a 2/2 with flying."""
    table.put(0, *["Island"] * 4)
    table.hold(0, "Phantom Interference")
    table.act("Phantom Interference")
    (spirit,) = _named(table.ann.battlefield, "Spirit")
    assert (spirit.power, spirit.toughness) == (2, 2)


def test_phantom_interference_demands_two(table) -> None:
    """A caster who does not pay loses the spell."""
    _attack_of_bob(table, "Lava Spike", lands=3)
    table.put(0, *["Island"] * 2)
    table.hold(0, "Phantom Interference")
    table.act("Lava Spike", table.ann, "Phantom Interference", False)
    assert table.ann.life == 20


def test_flood_maw_returns_a_creature(table) -> None:
    """Without a gift only creatures can be targets, and no Fish appears."""
    table.put(0, "Island")
    table.put(1, "Honor of the Pure")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Into the Flood Maw")
    table.act("Into the Flood Maw")
    assert giant.zone is Zone.HAND
    assert _named(table.bob.battlefield, "Fish") == []


def test_flood_maw_with_a_gift(table) -> None:
    """With the gift any nonland permanent goes, and the opponent gets a tapped Fish."""
    table.put(0, "Island")
    table.put(1, "Island")
    honor = table.put(1, "Honor of the Pure")
    table.hold(0, "Into the Flood Maw")
    table.act("Into the Flood Maw/Gift")
    assert honor.zone is Zone.HAND
    (fish,) = _named(table.bob.battlefield, "Fish")
    assert fish.tapped


def test_unsummon_returns_a_creature(table) -> None:
    """It goes to its owner's hand."""
    table.put(0, "Island")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Unsummon")
    table.act("Unsummon")
    assert giant.zone is Zone.HAND


def test_siren_brings_a_map(table) -> None:
    """The Map lets a creature explore: a land comes to the hand."""
    table.put(0, *["Island"] * 2)
    table.hold(0, "Spyglass Siren")
    table.act("Spyglass Siren", "Map: explores")
    assert [card.face.name for card in table.ann.hand] == ["Mountain"]
    assert _named(table.ann.battlefield, "Map") == []


def test_pteramander_adapts_for_less(table) -> None:
    """Seven spells in the graveyard make it cost one mana; it adapts only once."""
    table.put(0, "Island", "Island")
    table.put(0, *["Opt"] * 7, zone=Zone.GRAVEYARD)
    drake = table.put(0, "Pteramander")
    table.act("Pteramander: Adapt")
    refresh(table.game)
    assert (drake.power, drake.toughness) == (5, 5)
    assert sum(card.tapped for card in table.ann.battlefield) == 1
    assert table.offers(0) == []


def test_pteramander_is_dear_without_spells(table) -> None:
    """With an empty graveyard seven lands do not pay for it."""
    table.put(0, *["Island"] * 7)
    table.put(0, "Pteramander")
    assert table.offers(0) == []


def test_mastermind_draws_on_a_second_card(table) -> None:
    """The opponent's second draw of a turn counts, not the first or third."""
    table.put(0, "Faerie Mastermind")
    draw_cards(table.game, 1, 1)
    table.act()
    assert table.ann.hand == []
    draw_cards(table.game, 1, 2)
    table.act()
    assert len(table.ann.hand) == 1


def test_mastermind_lets_everybody_draw(table) -> None:
    """For four mana each player draws a card."""
    table.put(0, *["Island"] * 4)
    table.put(0, "Faerie Mastermind")
    table.act("Faerie Mastermind: Each player")
    assert (len(table.ann.hand), len(table.bob.hand)) == (1, 1)


def test_drowner_stuns(table) -> None:
    """The creature is tapped and misses its next untapping."""
    giant = table.put(1, "Hill Giant")
    table.put(0, *["Island"] * 2)
    table.hold(0, "Floodpits Drowner")
    table.act("Floodpits Drowner")
    assert giant.tapped
    untap(table.game, giant)
    assert giant.tapped
    untap(table.game, giant)
    assert not giant.tapped


def test_drowner_pulls_a_stunned_creature_down(table) -> None:
    """Both go into their owners' libraries; creatures without stun counters are no targets."""
    table.put(0, *["Island"] * 2)
    drowner = table.put(0, "Floodpits Drowner")
    giant = table.put(1, "Hill Giant")
    assert table.offers(0) == []
    add_counters(table.game, giant, STUN)
    table.act("Floodpits Drowner: Shuffle")
    assert drowner in table.ann.library
    assert giant in table.bob.library


def test_seer_draws(table) -> None:
    """A card comes as it enters."""
    table.put(0, *["Island"] * 3)
    table.hold(0, "Cloudkin Seer")
    table.act("Cloudkin Seer")
    assert len(table.ann.hand) == 1


def test_djinn_grows_with_the_graveyard(table) -> None:
    """Its power counts instants and sorceries, its toughness is 4."""
    djinn = table.put(0, "Haughty Djinn")
    table.put(0, "Opt", "Stock Up", "Hill Giant", zone=Zone.GRAVEYARD)
    table.settle()
    assert (djinn.power, djinn.toughness) == (2, 4)


def test_djinn_makes_spells_cheaper(table) -> None:
    """Two mana pay for a Quick Study, but not for a creature of three."""
    table.put(0, "Island", "Island", "Haughty Djinn")
    table.hold(0, "Quick Study", "Cloudkin Seer")
    assert table.offers(0) == ["Quick Study"]


def test_curiosity_draws_for_every_hit(table) -> None:
    """Each own creature that deals combat damage to the player draws a card."""
    cat = table.put(0, "Enduring Curiosity")
    crow = table.put(0, "Storm Crow")
    table.fight((cat, crow))
    assert len(table.ann.hand) == 2


def test_curiosity_returns_as_an_enchantment(table) -> None:
    """After its death it is back, no creature any longer, and does not return again."""
    cat = table.put(0, "Enduring Curiosity")
    crow = table.put(0, "Storm Crow")
    destroy(table.game, cat)
    table.act()
    assert cat.zone is Zone.BATTLEFIELD
    assert not cat.is_creature
    assert not cat.has_subtype("Cat")
    table.fight((crow,))
    assert len(table.ann.hand) == 1
    destroy(table.game, cat)
    table.act()
    assert cat.zone is Zone.GRAVEYARD


def test_returning_curiosity_enters_as_no_creature(table) -> None:
    """What waits for creatures to enter does not see it come back."""
    cat = table.put(0, "Enduring Curiosity")
    destroy(table.game, cat)
    table.put(0, "Dazzling Angel")
    table.act()
    assert cat.zone is Zone.BATTLEFIELD
    assert table.ann.life == 20


def test_curiosity_that_was_taken_away_stays_away(table) -> None:
    """Exiled from the graveyard in response, it does not come back."""
    cat = table.put(0, "Enduring Curiosity")
    destroy(table.game, cat)
    move_card(table.game, cat, Zone.EXILE)
    table.act()
    assert cat.zone is Zone.EXILE


def test_terror_costs_less(table) -> None:
    """Six spells in the graveyard leave one blue mana to pay."""
    table.put(0, "Island")
    table.put(0, *["Opt"] * 5, zone=Zone.GRAVEYARD)
    table.hold(0, "Tolarian Terror")
    assert table.offers(0) == []
    table.put(0, "Opt", zone=Zone.GRAVEYARD)
    table.act("Tolarian Terror")
    assert len(_named(table.ann.battlefield, "Tolarian Terror")) == 1


def test_terror_is_warded(table) -> None:
    """A spell whose caster does not pay two mana is countered."""
    terror = table.put(1, "Tolarian Terror")
    table.put(0, *["Swamp"] * 4)
    table.hold(0, "Infernal Grasp")
    table.act("Infernal Grasp", False)
    assert terror.zone is Zone.BATTLEFIELD
