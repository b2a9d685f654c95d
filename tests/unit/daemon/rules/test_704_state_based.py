"""Chapter 704: state-based actions."""

import pytest
from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.effects.board import equip
from trainingrun_daemon.rules.effects.life import gain
from trainingrun_daemon.rules.effects.pump import animate
from trainingrun_daemon.rules.effects.statics import enlarge, other_own_creatures
from trainingrun_daemon.rules.effects.triggers import permanent_that, when_dies
from trainingrun_daemon.rules.enums import Event, Keyword, Zone
from trainingrun_daemon.rules.model import GameOverError, Mode, Trigger
from trainingrun_daemon.rules.state_based import check_state
from trainingrun_daemon.rules.zones import add_counters, create_token, draw_cards, exile_while

MOURNER = creature(
    "Mourner",
    "{W}",
    "Human",
    size=(1, 1),
    triggers=(
        Trigger(
            event=Event.DIES,
            text="gain 1 life.",
            effect=gain(1),
            condition=permanent_that(lambda card: card.is_creature, own=False, other=True),
        ),
    ),
)


@pytest.mark.parametrize("life", [0, -3])
def test_no_life_loses(table, life: int) -> None:
    """Rule 704.5a: a player at 0 life or less has lost."""
    table.bob.life = life
    table.settle()
    assert (table.game.is_over, table.game.winner) == (True, 0)


def test_one_life_is_alive(table) -> None:
    """Rule 704.5a: at 1 life the game goes on."""
    table.bob.life = 1
    table.settle()
    assert not table.game.is_over


def test_drawing_from_an_empty_library_loses(table) -> None:
    """Rule 704.5b: who tried to draw from an empty library has lost at the next check."""
    table.ann.library.clear()
    draw_cards(table.game, 0, 1)
    assert not table.game.is_over
    table.settle()
    assert table.game.winner == 1


def test_an_empty_library_alone_is_no_loss(table) -> None:
    """Rule 704.5b: drawing the last card is not yet drawing from an empty library."""
    del table.ann.library[1:]
    draw_cards(table.game, 0, 1)
    table.settle()
    assert not table.game.is_over


@pytest.mark.parametrize(("poison", "is_over"), [(9, False), (10, True)])
def test_ten_poison_counters_lose(table, poison: int, is_over: bool) -> None:
    """Rule 704.5c: ten poison counters are the limit, nine are none."""
    table.ann.poison = poison
    table.settle()
    assert table.game.is_over is is_over


def test_a_token_outside_the_battlefield_is_gone(table) -> None:
    """Rule 704.5d: a token that is returned to a hand is not there."""
    token = create_token(table.game, creature("Imp", "", "Imp", size=(1, 1)), 0)
    table.lands(1, "U")
    table.hold(1, "Unsummon")
    table.game.active = 1
    table.act("Unsummon")
    assert token.zone is not Zone.BATTLEFIELD
    assert (table.ann.battlefield, table.ann.hand) == ([], [])


def test_no_toughness_kills_the_indestructible(table) -> None:
    """Rule 704.5f: toughness 0 is no destruction, so indestructible does not help."""
    giant = table.creature(0, (3, 3), Keyword.INDESTRUCTIBLE)
    add_counters(table.game, giant, "M1M1", 3)
    table.settle()
    assert giant.zone is Zone.GRAVEYARD


@pytest.mark.parametrize(("damage", "zone"), [(2, Zone.BATTLEFIELD), (3, Zone.GRAVEYARD)])
def test_lethal_damage_destroys(table, damage: int, zone: Zone) -> None:
    """Rule 704.5g: damage of at least its toughness destroys a creature, less does not."""
    giant = table.creature(0, (3, 3))
    giant.damage = damage
    table.settle()
    assert giant.zone is zone


def test_lethal_damage_does_not_destroy_the_indestructible(table) -> None:
    """Rule 704.5g: indestructible creatures keep the damage and live."""
    giant = table.creature(0, (3, 3), Keyword.INDESTRUCTIBLE)
    giant.damage = 7
    table.settle()
    assert (giant.zone, giant.damage) == (Zone.BATTLEFIELD, 7)


def test_lethal_damage_counts_the_toughness_of_now(table) -> None:
    """Rule 704.5g: a damaged creature dies when what made it bigger leaves."""
    lord = table.creature(0, (2, 2), statics=(enlarge(0, 2, other_own_creatures),))
    bear = table.creature(0, (2, 2), name="Bear")
    bear.damage = 3
    table.settle()
    assert bear.zone is Zone.BATTLEFIELD
    lord.damage = 2
    table.settle()
    assert bear.zone is Zone.GRAVEYARD


def test_deathtouch_counts_only_since_the_last_check(table) -> None:
    """Rule 704.5h: who survived a deathtouch hit as indestructible does not die of it later."""
    giant = table.creature(0, (3, 3))
    giant.granted = frozenset({Keyword.INDESTRUCTIBLE})
    giant.damage, giant.deathtouched = 1, True
    table.settle()
    giant.granted = frozenset()
    table.settle()
    assert giant.zone is Zone.BATTLEFIELD


def test_a_planeswalker_without_loyalty_goes(table) -> None:
    """Rule 704.5i: a planeswalker with loyalty 0 is put into its owner's graveyard."""
    walker = table.place(0, define("Sage", "{2}", "Legendary Planeswalker - Sage", loyalty=3))
    walker.counters.clear()
    table.settle()
    assert walker.zone is Zone.GRAVEYARD


def test_the_legend_rule_lets_the_controller_choose(table) -> None:
    """Rule 704.5j: of two legends with one name the controller keeps either."""
    first = table.put(0, "Thalia, Guardian of Thraben")
    second = table.put(0, "Thalia, Guardian of Thraben")
    table.settle((second,))
    assert (first.zone, second.zone) == (Zone.GRAVEYARD, Zone.BATTLEFIELD)


def test_the_legend_rule_is_for_each_player(table) -> None:
    """Rule 704.5j: both players may have the same legend."""
    mine = table.put(0, "Thalia, Guardian of Thraben")
    other = table.put(1, "Thalia, Guardian of Thraben")
    table.settle()
    assert mine.zone is other.zone is Zone.BATTLEFIELD
    assert table.asked == []


def test_the_legend_rule_is_about_names(table) -> None:
    """Rule 704.5j: two different legends stay."""
    table.creature(0, (1, 1), name="One")
    one = table.place(0, creature("Ada", "{W}", "Legendary - Human", size=(1, 1)))
    two = table.place(0, creature("Eve", "{W}", "Legendary - Human", size=(1, 1)))
    table.settle()
    assert one.zone is two.zone is Zone.BATTLEFIELD


def test_the_legend_rule_does_not_destroy(table) -> None:
    """Rule 704.5j: an indestructible legend goes as well, and dies."""
    face = creature(
        "Ada",
        "{W}",
        "Legendary - Human",
        size=(1, 1),
        keywords=(Keyword.INDESTRUCTIBLE,),
        triggers=(when_dies("gain 2 life.", gain(2)),),
    )
    table.place(0, face, face)
    table.act()
    assert (len(table.ann.battlefield), table.ann.life) == (1, 22)


def test_three_legends_become_one(table) -> None:
    """Rule 704.5j: one is chosen, all others go."""
    table.put(0, *["Thalia, Guardian of Thraben"] * 3)
    table.settle()
    assert (len(table.ann.battlefield), len(table.ann.graveyard)) == (1, 2)


def test_an_aura_without_its_host_goes(table) -> None:
    """Rule 704.5m: when the enchanted creature leaves, the aura goes to the graveyard."""
    bear = table.creature(1, (2, 2))
    aura = table.put(0, "Pacifism")
    aura.attached_to = bear
    table.settle()
    assert aura.zone is Zone.BATTLEFIELD
    bear.damage = 2
    table.settle()
    assert aura.zone is Zone.GRAVEYARD


def test_an_aura_on_a_protected_creature_goes(table) -> None:
    """Rule 704.5m: protection from white sheds a white aura."""
    bear = table.creature(1, (2, 2), protection=lambda source: "W" in source.colors)
    aura = table.put(0, "Pacifism")
    aura.attached_to = bear
    table.settle()
    assert (aura.zone, bear.zone) == (Zone.GRAVEYARD, Zone.BATTLEFIELD)


def test_an_aura_attached_to_nothing_goes(table) -> None:
    """Rule 704.5m: an aura that is attached to nothing does not stay."""
    aura = table.put(0, "Pacifism")
    table.settle()
    assert aura.zone is Zone.GRAVEYARD


def test_equipment_stays_without_its_host(table) -> None:
    """Rule 704.5n: equipment stays on the battlefield, attached to nothing."""
    bear = table.creature(0, (2, 2))
    sword = table.put(0, "Short Sword")
    sword.attached_to = bear
    bear.damage = 5
    table.settle()
    assert (sword.zone, sword.attached_to) == (Zone.BATTLEFIELD, None)


def test_equipment_falls_off_what_is_no_creature(table) -> None:
    """Rule 704.5n: equipment on a land falls off it."""
    sword = table.put(0, "Short Sword")
    sword.attached_to = table.put(0, "Plains")
    table.settle()
    assert sword.attached_to is None


def test_equipment_that_is_a_creature_equips_nothing(table) -> None:
    """Rule 301.5c: an equipment that becomes a creature falls off."""
    bear = table.creature(0, (2, 2))
    sword = table.place(
        0, define("Blade", "{1}", "Artifact - Equipment", activated=(equip("{1}"),))
    )
    sword.attached_to = bear
    animate(table.game, sword, size=(1, 1))
    table.settle()
    assert (sword.attached_to, sword.zone) == (None, Zone.BATTLEFIELD)


@pytest.mark.parametrize(("plus", "minus", "left"), [(3, 1, {"P1P1": 2}), (2, 2, {})])
def test_opposite_counters_annihilate(table, plus: int, minus: int, left: dict[str, int]) -> None:
    """Rule 704.5q: +1/+1 and -1/-1 counters are removed in pairs."""
    bear = table.creature(0, (2, 2))
    add_counters(table.game, bear, "P1P1", plus)
    add_counters(table.game, bear, "M1M1", minus)
    table.settle()
    assert bear.counters == left


def test_a_finished_saga_is_sacrificed(table) -> None:
    """Rule 704.5s: a saga goes when its last chapter has resolved, not before."""
    chapter = Mode(text="gain 1 life.", effect=gain(1))
    saga = table.place(0, define("Tale", "{W}", "Enchantment - Saga", chapters=(chapter,)))
    add_counters(table.game, saga, "LORE")
    table.settle()
    assert saga.zone is Zone.BATTLEFIELD
    table.act()
    assert (saga.zone, table.ann.life) == (Zone.GRAVEYARD, 21)


def test_engines_start(table) -> None:
    """Rule 704.5z: who controls a permanent with start your engines! and has no speed gets 1."""
    table.creature(0, (1, 1), Keyword.START_YOUR_ENGINES)
    table.settle()
    assert (table.ann.speed, table.bob.speed) == (1, 0)


def test_both_losing_at_once_is_a_draw(table) -> None:
    """Rule 704.3: both losses are found in the same check, so no one wins."""
    table.ann.life, table.bob.poison = 0, 10
    table.settle()
    assert (table.game.is_over, table.game.winner) == (True, None)


def test_checks_repeat(table) -> None:
    """Rule 704.3: what one check brings about is dealt with by the next, before priority."""
    lord = table.creature(0, (2, 2), statics=(enlarge(1, 1, other_own_creatures),))
    weak = table.creature(0, (0, 0), name="Wisp")
    aura = table.put(1, "Pacifism")
    aura.attached_to = weak
    table.settle()
    lord.damage = 2
    table.settle()
    assert [card.zone for card in (lord, weak, aura)] == [Zone.GRAVEYARD] * 3


def test_checks_come_before_triggers(table) -> None:
    """Rule 704.3: the game is lost before a waiting trigger could gain life."""
    table.creature(0, (1, 1), triggers=(when_dies("gain 5 life.", gain(5)),)).damage = 1
    table.ann.life = 0
    table.act()
    assert (table.game.winner, table.ann.life) == (1, 0)


def test_nothing_is_checked_while_a_spell_resolves(table) -> None:
    """Rule 704.4: a player at 0 life in the middle of a resolution may still gain life."""
    table.lands(0, "RW")
    table.hold(0, "Lightning Helix")
    table.ann.life = 3
    table.act("Lightning Helix", table.ann)
    assert (table.game.is_over, table.ann.life) == (False, 3)


def test_creatures_die_at_the_same_time(table) -> None:
    """Rule 704.7: each of two creatures that die together sees the other die."""
    for card in (table.place(0, MOURNER), table.place(0, MOURNER)):
        card.damage = 1
    table.act()
    assert table.ann.life == 22


def test_both_players_creatures_die_at_the_same_time(table) -> None:
    """Rule 704.3: the actions are simultaneous for all players' permanents."""
    table.place(0, MOURNER).damage = 1
    table.place(1, MOURNER).damage = 1
    table.act()
    assert (table.ann.life, table.bob.life) == (21, 21)


def test_a_check_raises_when_the_game_ends(table) -> None:
    """Rule 104.1: the game ends at once; nothing of the turn follows."""
    table.bob.life = 0
    table.game.is_stale = True
    with pytest.raises(GameOverError):
        list(check_state(table.game))


def test_a_kept_card_returns_before_priority(table) -> None:
    """Rule 610.3c: what was exiled until a permanent leaves comes back right after that."""
    keeper, kept = table.creature(0, (1, 1)), table.creature(1, (2, 2), name="Kept")
    exile_while(table.game, keeper, kept, back_to=Zone.BATTLEFIELD)
    assert kept.zone is Zone.EXILE
    keeper.damage = 1
    table.settle()
    assert kept.zone is Zone.BATTLEFIELD
    assert kept.is_sick
