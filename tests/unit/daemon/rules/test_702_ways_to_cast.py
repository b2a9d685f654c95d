"""Chapter 702: other ways to cast a card, and costs of one's choice."""

import pytest
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.effects.alternative_costs import (
    OFFSPRING_ENTERS,
    leaving_after_warp,
    offspring,
    plot,
    warp,
)
from trainingrun_daemon.rules.effects.combinators import if_cast
from trainingrun_daemon.rules.effects.counterspells import counter_targets
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.removal import damage_opponent
from trainingrun_daemon.rules.effects.split_cards import adventure, split
from trainingrun_daemon.rules.effects.targeting import target_spell
from trainingrun_daemon.rules.effects.triggers import when_enters
from trainingrun_daemon.rules.enums import Phase, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import Mode, Way
from trainingrun_daemon.rules.suspend import TIME, suspend
from trainingrun_daemon.rules.zones import remove_counters

KICKED = define(
    "Blast",
    "{R}",
    "Sorcery",
    spell=if_cast("Kicker", damage_opponent(5), damage_opponent(2)),
    ways=(Way(name="Kicker", cost=parse_cost("{2}{R}")),),
)
FLASHBACK = define(
    "Again",
    "{R}",
    "Sorcery",
    spell=damage_opponent(1),
    ways=(
        Way(name="Flashback", cost=parse_cost("{1}{R}"), zone=Zone.GRAVEYARD, exiled_after=True),
    ),
)


def _cancel(table) -> None:
    face = define("No", "{0}", "Instant", spell=counter_targets, targets=(target_spell(),))
    table.place(1, face, zone=Zone.HAND)


@pytest.mark.parametrize(("move", "life"), [("Blast", 18), ("Blast/Kicker", 15)])
def test_kicker_is_optional(table, move: str, life: int) -> None:
    """Rule 702.33a: paid or not is the caster's choice."""
    table.lands(0, "RRR")
    table.place(0, KICKED, zone=Zone.HAND)
    table.act(move)
    assert table.bob.life == life


def test_kicker_needs_the_mana(table) -> None:
    """Rule 702.33a: with mana for the spell alone only that is offered."""
    table.lands(0, "R")
    table.place(0, KICKED, zone=Zone.HAND)
    assert table.offers(0) == ["Blast"]


def test_flashback_is_cast_from_the_graveyard(table) -> None:
    """Rule 702.34a: for its flashback cost, and then it is exiled."""
    table.lands(0, "RR")
    card = table.place(0, FLASHBACK, zone=Zone.GRAVEYARD)
    table.act("Again/Flashback")
    assert (table.bob.life, card.zone) == (19, Zone.EXILE)


def test_a_countered_flashback_spell_is_exiled(table) -> None:
    """Rule 702.34a: it is exiled whenever it would leave the stack."""
    table.lands(0, "RR")
    card = table.place(0, FLASHBACK, zone=Zone.GRAVEYARD)
    _cancel(table)
    table.act("Again/Flashback", "No")
    assert (table.bob.life, card.zone) == (20, Zone.EXILE)


def test_flashback_follows_the_timing_of_the_card(table) -> None:
    """Rule 702.34a: a sorcery is a sorcery from the graveyard, too."""
    table.lands(0, "RR")
    table.place(0, FLASHBACK, zone=Zone.GRAVEYARD)
    table.game.phase = Phase.BLOCKERS
    assert table.offers(0) == []


def test_flashback_is_not_for_the_hand(table) -> None:
    """Rule 702.34a: from hand it costs its mana cost and goes to the graveyard."""
    table.lands(0, "RR")
    card = table.place(0, FLASHBACK, zone=Zone.HAND)
    assert table.offers(0) == ["Again"]
    table.act("Again")
    assert card.zone is Zone.GRAVEYARD


def _suspended(table):
    face = define("Rift", "{4}{R}", "Sorcery", spell=gain(3), specials=(suspend(2, "{R}"),))
    table.lands(0, "R")
    return table.place(0, face, zone=Zone.HAND)


def test_suspending_is_no_spell(table) -> None:
    """Rule 702.62a: it is exiled with its time counters, without using the stack."""
    card = _suspended(table)
    _cancel(table)
    table.act("Rift/Suspend")
    assert (card.zone, card.counters) == (Zone.EXILE, {TIME: 2})
    assert not any(choice.seat == 1 for choice in table.asked)


def test_a_suspended_card_counts_down_and_is_cast(table) -> None:
    """Rule 702.62a: one counter in each upkeep; with the last one gone it is cast for nothing."""
    card = _suspended(table)
    table.act("Rift/Suspend")
    table.upkeep()
    assert (card.counters, table.ann.life) == ({TIME: 1}, 20)
    table.upkeep(True)
    assert (card.zone, table.ann.life) == (Zone.GRAVEYARD, 23)


def test_a_suspended_card_waits_for_its_owners_upkeep(table) -> None:
    """Rule 702.62a: the opponent's upkeep does not count."""
    card = _suspended(table)
    table.act("Rift/Suspend")
    table.game.active = 1
    table.upkeep()
    assert card.counters == {TIME: 2}


def test_a_suspended_spell_may_be_countered(table) -> None:
    """Rule 702.62a: it is cast, so it can be countered."""
    card = _suspended(table)
    table.act("Rift/Suspend")
    remove_counters(table.game, card, TIME)
    _cancel(table)
    table.upkeep(True, "No")
    assert (card.zone, table.ann.life) == (Zone.GRAVEYARD, 20)


def test_a_suspended_creature_has_haste(table) -> None:
    """Rule 702.62a: a creature that was cast by suspend can attack at once."""
    face = creature("Comet", "{4}{R}", "Elemental", size=(3, 3), specials=(suspend(1, "{R}"),))
    table.lands(0, "R")
    comet = table.place(0, face, zone=Zone.HAND)
    table.act("Comet/Suspend")
    table.upkeep(True)
    table.fight((comet,))
    assert table.bob.life == 17


def _plotted(table):
    face = define("Plan", "{4}{R}", "Instant", spell=gain(3), specials=(plot("{R}"),))
    table.lands(0, "R")
    card = table.place(0, face, zone=Zone.HAND)
    table.act("Plan/Plot")
    return card


def test_a_plotted_card_is_not_cast_in_the_same_turn(table) -> None:
    """Rule 702.170d: on a later turn only."""
    card = _plotted(table)
    assert (card.zone, table.offers(0)) == (Zone.EXILE, [])


def test_a_plotted_card_is_cast_for_nothing_later(table) -> None:
    """Rule 702.170d: without paying its mana cost."""
    card = _plotted(table)
    table.game.turn += 2
    table.act("Plan/free")
    assert (card.zone, table.ann.life) == (Zone.GRAVEYARD, 23)


def test_a_plotted_instant_is_cast_at_sorcery_speed(table) -> None:
    """Rule 702.170d: in the main phase with an empty stack, though it is an instant."""
    _plotted(table)
    table.game.turn += 2
    table.game.phase = Phase.BLOCKERS
    assert table.offers(0) == []


def test_plotting_is_at_sorcery_speed(table) -> None:
    """Rule 702.170a: not in combat."""
    face = define("Plan", "{4}{R}", "Sorcery", spell=gain(3), specials=(plot("{R}"),))
    table.lands(0, "R")
    table.place(0, face, zone=Zone.HAND)
    table.game.phase = Phase.BLOCKERS
    assert table.offers(0) == []


@pytest.mark.parametrize(("life_lost", "offered"), [(0, []), (2, ["Show"])])
def test_spectacle(table, life_lost: int, offered: list[str]) -> None:
    """Rule 702.137a: the other cost is open when an opponent lost life this turn."""
    way = Way(
        name="Spectacle",
        cost=parse_cost("{R}"),
        condition=lambda game, card: game.players[1 - card.owner].life_lost > 0,
    )
    table.place(0, define("Show", "{4}{R}", "Sorcery", spell=gain(1), ways=(way,)), zone=Zone.HAND)
    table.lands(0, "R")
    table.bob.life_lost = life_lost
    assert table.offers(0) == offered


def test_spree_pays_for_each_mode(table) -> None:
    """Rule 702.172a: the cost of each chosen mode is paid besides."""
    modes = (
        Mode(text="gain", effect=gain(1), cost=parse_cost("{1}")),
        Mode(text="burn", effect=damage_opponent(2), cost=parse_cost("{2}")),
    )
    face = define("Ride", "{R}", "Sorcery", modes=modes, choose_modes=(1, 2))
    table.place(0, face, zone=Zone.HAND)
    table.lands(0, "RRRR")
    table.act("Ride", "gain", "burn")
    assert (table.ann.life, table.bob.life) == (21, 18)
    assert all(card.tapped for card in table.ann.battlefield)


def test_spree_needs_mana_for_one_mode(table) -> None:
    """Rule 702.172a: with mana for the spell but for no mode it can not be cast."""
    modes = (Mode(text="gain", effect=gain(1), cost=parse_cost("{1}")),)
    face = define("Ride", "{R}", "Sorcery", modes=modes)
    table.place(0, face, zone=Zone.HAND)
    table.lands(0, "R")
    assert table.offers(0) == []


def _adventurer(table):
    half = define("Trip", "{R}", "Sorcery - Adventure", spell=gain(2))
    face = creature("Hero", "{1}{R}", "Human", size=(2, 2), ways=(adventure(half),))
    table.lands(0, "RRR")
    return table.place(0, face, zone=Zone.HAND)


def test_an_adventurer_goes_on_an_adventure_first(table) -> None:
    """Rule 715.3d: when the adventure has resolved the card is exiled, then cast as a creature."""
    hero = _adventurer(table)
    table.act("Trip/Adventure", "Hero")
    assert (hero.zone, table.ann.life) == (Zone.BATTLEFIELD, 22)


def test_a_countered_adventure_is_over(table) -> None:
    """Rule 715.3d: only a resolved adventure is exiled; a countered one is in the graveyard."""
    hero = _adventurer(table)
    _cancel(table)
    table.act("Trip/Adventure", "No")
    assert hero.zone is Zone.GRAVEYARD


def test_no_second_adventure_from_exile(table) -> None:
    """Rule 715.3d: from exile only the creature may be cast."""
    _adventurer(table)
    table.act("Trip/Adventure")
    assert table.offers(0) == ["Hero"]


def test_a_split_card_is_one_half_or_both(table) -> None:
    """Rules 709.3, 702.102a: from hand either half may be cast, or both as one spell."""
    left = define("Wear", "{R}", "Instant", spell=gain(1))
    right = define("Tear", "{W}", "Instant", spell=gain(2))

    def both(game, item) -> None:
        left.spell(game, item)
        right.spell(game, item)

    face = define(
        "Wear // Tear", "{R}{W}", "Instant", spell=both, is_castable=False, ways=split(left, right)
    )
    table.lands(0, "RW")
    table.place(0, face, zone=Zone.HAND)
    assert len(table.offers(0)) == 3
    table.act("Wear // Tear/Fuse")
    assert table.ann.life == 23


def test_warp_is_for_one_turn(table) -> None:
    """Rule 702.185a: cast for warp it is exiled at the end step, and may be cast again later."""
    face = creature(
        "Ship", "{5}", "Ship", size=(4, 4), ways=(warp("{R}"),), as_enters=leaving_after_warp
    )
    table.lands(0, "R")
    ship = table.place(0, face, zone=Zone.HAND)
    table.act("Ship/Warp")
    assert ship.zone is Zone.BATTLEFIELD
    table.end_step()
    assert ship.zone is Zone.EXILE
    table.lands(0, "RRRRR")
    table.game.turn += 2
    table.game.phase = Phase.MAIN1
    table.act("Ship")
    table.end_step()
    assert ship.zone is Zone.BATTLEFIELD


def test_offspring_brings_a_small_copy(table) -> None:
    """Rule 702.175a: with the additional cost paid a 1/1 copy comes along."""
    face = creature(
        "Mouse",
        "{R}",
        "Mouse",
        size=(3, 3),
        ways=(offspring("{R}", "{1}"),),
        triggers=(OFFSPRING_ENTERS, when_enters("gain 1.", gain(1))),
    )
    table.lands(0, "RR")
    table.place(0, face, zone=Zone.HAND)
    table.act("Mouse/Offspring")
    assert sorted(card.power for card in table.ann.battlefield if card.is_creature) == [1, 3]
    assert table.ann.life == 22
