"""Chapters 604, 611 and 613: static abilities, continuous effects and their layers."""

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.continuous import boost, last
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.pump import animate, boost_own_creatures
from trainingrun_daemon.rules.effects.statics import (
    define_size,
    enlarge,
    give,
    grant,
    host,
    is_own_turn,
    itself,
    itself_while,
    other_own_creatures,
    own_creatures,
)
from trainingrun_daemon.rules.effects.triggers import when_attacks
from trainingrun_daemon.rules.enums import Keyword, Layer, Phase, Zone
from trainingrun_daemon.rules.model import Static
from trainingrun_daemon.rules.zones import (
    add_counters,
    create_emblem,
    move_card,
    put_on_battlefield,
)

FLYING = Keyword.FLYING


def _lose_abilities(game, source, card) -> None:
    card.keywords, card.triggers, card.activated, card.statics = frozenset(), (), (), ()


def _everybody_else(game, source, card) -> bool:
    return card is not source and card.is_creature


def _set_size(power: int, toughness: int, applies=_everybody_else) -> Static:
    def change(game, source, card) -> None:
        card.power, card.toughness = power, toughness

    return Static(layer=Layer.SET_SIZE, applies=applies, change=change)


def test_a_lord_works_as_soon_as_it_is_there(table) -> None:
    """Rule 611.3b: a static ability applies at once, and stops when its source leaves."""
    bear = table.creature(0, (2, 2))
    lord = table.creature(0, (1, 1), statics=(enlarge(1, 1, other_own_creatures),))
    table.settle()
    assert bear.power == 3
    move_card(table.game, lord, Zone.HAND)
    table.settle()
    assert bear.power == 2


def test_a_lord_counts_newcomers(table) -> None:
    """Rule 611.3a: a static ability affects whatever fits now, later permanents too."""
    table.creature(0, (1, 1), statics=(enlarge(1, 1, other_own_creatures),))
    table.settle()
    late = table.creature(0, (2, 2))
    table.settle()
    assert late.power == 3


def test_a_spell_does_not_count_newcomers(table) -> None:
    """Rule 611.2c: "creatures you control get" of a spell is fixed when it resolves."""
    early = table.creature(0, (2, 2))
    table.place(
        0, define("Charge", "{0}", "Instant", spell=boost_own_creatures(1, 1)), zone=Zone.HAND
    )
    table.act("Charge")
    late = table.creature(0, (2, 2))
    table.settle()
    assert (early.power, late.power) == (3, 2)


def test_two_lords_add_up(table) -> None:
    """Rule 613.4c: all modifiers of size add up."""
    for _ in range(2):
        table.creature(0, (1, 1), statics=(enlarge(1, 1, other_own_creatures),))
    bear = table.creature(0, (2, 2))
    table.settle()
    assert (bear.power, table.ann.battlefield[0].power) == (4, 2)


def test_other_creatures_are_not_the_lord(table) -> None:
    """Rule 604.1: "other" leaves the source out, without it the source counts."""
    other = table.creature(0, (1, 1), statics=(enlarge(1, 1, other_own_creatures),))
    every = table.creature(1, (1, 1), statics=(enlarge(1, 1, own_creatures),))
    table.settle()
    assert (other.power, every.power) == (1, 2)


def test_an_emblem_has_static_abilities(table) -> None:
    """Rule 114.4: they work from the command zone."""
    emblem = define("Emblem", "", "Emblem", statics=(enlarge(1, 0, own_creatures),))
    bear = table.creature(0, (2, 2))
    create_emblem(table.game, emblem, 0)
    table.settle()
    assert bear.power == 3


def test_counters_are_no_matter_of_the_copyable_size(table) -> None:
    """Rule 613.4c: +1/+1 counters count after what sets the size."""
    bear = table.creature(0, (5, 5))
    add_counters(table.game, bear, "P1P1", 2)
    table.creature(1, (1, 1), statics=(_set_size(1, 1),))
    table.settle()
    assert (bear.power, bear.toughness) == (3, 3)


def test_boosts_come_after_set_sizes(table) -> None:
    """Rule 613.4c: a boost that came before the size was set counts all the same."""
    bear = table.creature(0, (5, 5))
    boost(table.game, bear, power=2, toughness=2)
    table.creature(1, (1, 1), statics=(_set_size(1, 1),))
    table.settle()
    assert bear.power == 3


def test_a_defined_size_comes_before_a_set_size(table) -> None:
    """Rule 613.4a: */* is computed first, then something else sets the size."""
    counted = define_size(lambda game, _card: (len(game.players[0].library),) * 2)
    star = table.creature(0, (0, 0), statics=(counted,))
    table.settle()
    assert star.power == 20
    table.creature(1, (1, 1), statics=(_set_size(1, 1),))
    table.settle()
    assert star.power == 1


def test_a_defined_size_follows_what_it_counts(table) -> None:
    """Rule 604.3: the count is of now, not of when it entered."""
    counted = define_size(lambda game, _card: (len(game.players[0].library),) * 2)
    star = table.creature(0, (0, 0), statics=(counted,))
    move_card(table.game, table.ann.library[-1], Zone.GRAVEYARD)
    table.settle()
    assert star.power == 19


def test_the_later_set_size_wins(table) -> None:
    """Rule 613.7: of two effects in one layer the one with the later timestamp applies last."""
    bear = table.creature(0, (5, 5))
    animate(table.game, bear, size=(1, 1))
    animate(table.game, bear, size=(4, 4))
    table.settle()
    assert bear.power == 4


def test_an_animated_land_gets_what_creatures_get(table) -> None:
    """Rule 613.1d: types come first, so "creatures you control" counts the land."""
    table.creature(0, (1, 1), statics=(enlarge(1, 1, other_own_creatures),))
    land = table.put(0, "Plains")
    animate(table.game, land, size=(3, 3))
    table.settle()
    assert (land.is_land, land.is_creature, land.power) == (True, True, 4)


def test_an_animated_land_gets_abilities_of_creatures(table) -> None:
    """Rule 613.1f: abilities are given after types, whatever came first."""
    table.creature(0, (1, 1), statics=(give(own_creatures, FLYING),))
    land = table.put(0, "Plains")
    animate(table.game, land, size=(3, 3))
    table.settle()
    assert FLYING in land.keywords


def test_the_color_matters_to_later_layers(table) -> None:
    """Rule 613.1e: who turns white gets what white creatures get."""
    white = enlarge(1, 1, lambda _game, _source, card: card.is_creature and "W" in card.colors)
    table.put(0, "Plains")
    table.place(0, define("Honor", "{W}", "Enchantment", statics=(white,)))
    bear = table.creature(0, (2, 2))
    animate(table.game, bear, size=(2, 2), colors="W")
    table.settle()
    assert bear.power == 3


def test_losing_all_abilities_stops_a_lord(table) -> None:
    """Rule 613.1f: a lord that loses its abilities makes no one bigger."""
    lord = table.creature(0, (1, 1), statics=(enlarge(1, 1, other_own_creatures),))
    bear = table.creature(0, (2, 2))
    last(table.game, lord, Layer.ABILITIES, _lose_abilities)
    table.settle()
    assert bear.power == 2


def test_losing_all_abilities_takes_keywords_and_triggers(table) -> None:
    """Rule 613.1f: neither flying nor an attack trigger is left."""
    bear = table.creature(0, (2, 2), FLYING, triggers=(when_attacks("gain.", gain(1)),))
    last(table.game, bear, Layer.ABILITIES, _lose_abilities)
    table.fight((bear,))
    assert (FLYING in bear.keywords, table.ann.life) == (False, 20)


def test_losing_abilities_does_not_change_the_size(table) -> None:
    """Rule 613.4: a creature without abilities keeps its counters and its printed size."""
    bear = table.creature(0, (2, 2), FLYING)
    add_counters(table.game, bear, "P1P1")
    last(table.game, bear, Layer.ABILITIES, _lose_abilities)
    table.settle()
    assert bear.power == 3


def test_abilities_come_back(table) -> None:
    """Rule 611.2a: an effect until end of turn ends, and the abilities are there again."""
    bear = table.creature(0, (2, 2), FLYING)
    last(table.game, bear, Layer.ABILITIES, _lose_abilities, until_turn=table.game.turn)
    table.settle()
    assert FLYING not in bear.keywords
    table.end_step()
    table.settle()
    assert FLYING in bear.keywords


def test_an_effect_does_not_follow_a_card_that_left(table) -> None:
    """Rule 400.7: a land that was animated and returned is just a land."""
    land = table.put(0, "Plains")
    animate(table.game, land, size=(3, 3))
    table.settle()
    move_card(table.game, land, Zone.HAND)
    table.follow(put_on_battlefield(table.game, land))
    table.settle()
    assert not land.is_creature


def test_as_long_as(table) -> None:
    """Rule 611.3: "as long as it is your turn" switches with the active player."""
    knight = table.creature(0, (2, 2), statics=(give(itself_while(is_own_turn), FLYING),))
    table.settle()
    assert FLYING in knight.keywords
    table.game.active = 1
    table.settle()
    assert FLYING not in knight.keywords


def test_granted_triggers_work(table) -> None:
    """Rule 613.1f: a creature that was given a triggered ability has it."""
    table.creature(0, (1, 1), statics=(grant(other_own_creatures, when_attacks("g.", gain(2))),))
    bear = table.creature(0, (2, 2))
    table.fight((bear,))
    assert table.ann.life == 22


def test_what_is_attached_affects_its_host_alone(table) -> None:
    """Rule 301.5: the bonus goes with the equipment."""
    one, two = table.creature(0, (1, 1)), table.creature(0, (1, 1))
    face = define("Blade", "{1}", "Artifact - Equipment", statics=(enlarge(2, 1, host),))
    blade = table.place(0, face)
    blade.attached_to = one
    table.settle()
    assert (one.power, two.power) == (3, 1)


def test_a_smaller_toughness_kills(table) -> None:
    """Rule 613.4c: -X/-X counts like any other change of size."""
    bear = table.creature(0, (2, 2))
    table.creature(1, (1, 1), statics=(enlarge(-2, -2, _everybody_else),))
    table.settle()
    assert bear.zone is Zone.GRAVEYARD


def test_a_counter_of_minus_one(table) -> None:
    """Rule 122.1a: -1/-1 counters take from both."""
    bear = table.creature(0, (3, 3))
    add_counters(table.game, bear, "M1M1")
    table.settle()
    assert (bear.power, bear.toughness) == (2, 2)


def test_power_may_be_negative(table) -> None:
    """Rule 107.1b: a power below zero is kept in mind; a boost starts from there."""
    bear = table.creature(0, (1, 5))
    boost(table.game, bear, power=-3)
    assert bear.power == -2
    boost(table.game, bear, power=3)
    assert bear.power == 1


def test_static_values_hold_between_steps(table) -> None:
    """Rule 604.2: a static ability works all the time, in each step anew."""
    in_combat = give(
        lambda game, source, card: card is source and game.phase is Phase.COMBAT_BEGIN, FLYING
    )
    bird = table.creature(0, (1, 1), statics=(in_combat,))
    table.settle()
    assert FLYING not in bird.keywords
    table.game.phase = Phase.COMBAT_BEGIN
    table.settle()
    assert FLYING in bird.keywords


def test_legendary_lords_do_not_overlap(table) -> None:
    """Rule 611.3b: a lord that the legend rule takes away stops at once."""
    face = creature(
        "Queen",
        "{W}",
        "Legendary - Human",
        size=(1, 1),
        statics=(enlarge(1, 1, other_own_creatures),),
    )
    table.place(0, face, face)
    bear = table.creature(0, (2, 2))
    table.settle()
    assert bear.power == 3


def test_a_static_on_itself(table) -> None:
    """Rule 604.1: an ability may be about its own source."""
    bear = table.creature(0, (2, 2), statics=(enlarge(1, 0, itself),))
    table.settle()
    assert (bear.power, bear.toughness) == (3, 2)


def test_the_permanent_that_entered_later_wins(table) -> None:
    """Rule 613.7d: of two permanents that set sizes the later one decides, whoever has it."""
    bear = table.creature(0, (5, 5))
    for seat, size in ((1, 1), (0, 3)):
        face = creature("Setter", "", "Human", size=(2, 2), statics=(_set_size(size, size),))
        card = table.place(seat, face, zone=Zone.HAND)
        table.follow(put_on_battlefield(table.game, card))
    table.settle()
    assert bear.power == 3


def test_a_spell_after_a_permanent_wins(table) -> None:
    """Rule 613.7b: an effect of a spell has the time at which it began; who comes later wins."""
    bear = table.creature(0, (5, 5))
    animate(table.game, bear, size=(4, 4))
    face = creature("Setter", "", "Human", size=(2, 2), statics=(_set_size(1, 1),))
    table.follow(put_on_battlefield(table.game, table.place(1, face, zone=Zone.HAND)))
    table.settle()
    assert bear.power == 1
    animate(table.game, bear, size=(6, 6))
    table.settle()
    assert bear.power == 6
