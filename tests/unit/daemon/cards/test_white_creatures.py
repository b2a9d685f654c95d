"""White creatures, one behaviour each."""

from trainingrun_daemon.cards.tokens import CLUE
from trainingrun_daemon.rules.enums import Keyword
from trainingrun_daemon.rules.zones import PLUS, create_token


def _names(player) -> list[str]:
    return [card.face.name for card in player.battlefield if not card.face.is_land]


def test_healers_hawk_gains_life_from_the_air(table) -> None:
    """A creature without flying can not block it, and its damage is life."""
    hawk = table.put(0, "Healer's Hawk")
    table.put(1, "Hill Giant")
    table.fight((hawk,))
    assert (table.ann.life, table.bob.life) == (21, 19)


def test_novice_inspector_finds_a_clue(table) -> None:
    """It brings a Clue that can be turned into a card."""
    table.put(0, "Plains", "Plains", "Plains")
    table.hold(0, "Novice Inspector")
    table.act("Novice Inspector", "Clue: Draw a card")
    assert _names(table.ann) == ["Novice Inspector"]
    assert len(table.ann.hand) == 1


def test_warden_grows_by_tapping_three(table) -> None:
    """Creatures and artifacts pay, itself and sick ones too; its controller scries."""
    warden = table.put(0, "Warden of the Inner Sky")
    lions = table.put(0, "Savannah Lions")
    lions.is_sick = True
    clue = create_token(table.game, CLUE, 0)
    top = table.ann.library[-1]
    table.act("Warden of the Inner Sky: Put a +1/+1 counter", (top,))
    assert all(card.tapped for card in (warden, lions, clue))
    assert (warden.power, warden.toughness) == (2, 3)
    assert table.ann.library[0] is top


def test_warden_needs_three_untapped_permanents(table) -> None:
    """With two creatures the ability is not offered; lands do not count."""
    table.put(0, "Plains", "Warden of the Inner Sky", "Savannah Lions")
    assert table.offers(0) == []


def test_warden_flies_with_three_counters(table) -> None:
    """Flying and vigilance come with the third counter of any kind."""
    warden = table.put(0, "Warden of the Inner Sky")
    warden.counters[PLUS] = 2
    table.settle()
    assert Keyword.FLYING not in warden.keywords
    warden.counters["STUN"] = 1
    table.game.is_stale = True
    table.settle()
    assert {Keyword.FLYING, Keyword.VIGILANCE} <= warden.keywords


def test_pridemate_grows_with_each_gain(table) -> None:
    """Every gain of life is one counter, however much it is; the opponent's gains are none."""
    pridemate = table.put(0, "Ajani's Pridemate")
    table.put(0, "Mountain", "Plains")
    table.hold(0, "Lightning Helix")
    table.act("Lightning Helix", table.bob)
    assert pridemate.power == 3
    table.put(1, "Mountain", "Plains")
    table.hold(1, "Lightning Helix")
    table.game.active = 1
    table.act("Lightning Helix", table.ann)
    assert pridemate.power == 3


def test_helpful_hunter_draws(table) -> None:
    """A card comes when it enters."""
    table.put(0, "Plains", "Plains")
    table.hold(0, "Helpful Hunter")
    table.act("Helpful Hunter")
    assert len(table.ann.hand) == 1


def test_resolute_reinforcements_come_in_pairs_at_any_time(table) -> None:
    """It is cast in the opponent's turn and brings a Soldier."""
    table.put(1, "Plains", "Plains")
    table.hold(1, "Resolute Reinforcements")
    table.end_step("Resolute Reinforcements")
    assert _names(table.bob) == ["Resolute Reinforcements", "Soldier"]


def test_youthful_valkyrie_grows_with_other_angels(table) -> None:
    """Another own Angel is a counter; other creatures are not."""
    valkyrie = table.put(0, "Youthful Valkyrie")
    table.put(0, *["Plains"] * 6)
    table.hold(0, "Serra Angel", "Savannah Lions")
    table.act("Serra Angel", "Savannah Lions")
    assert (valkyrie.power, valkyrie.toughness) == (2, 4)


def test_dazzling_angel_gains_for_other_creatures(table) -> None:
    """Each other creature that enters under its controller is 1 life, the angel itself is not."""
    table.put(0, *["Plains"] * 5)
    table.hold(0, "Dazzling Angel", "Resolute Reinforcements")
    table.act("Dazzling Angel", "Resolute Reinforcements")
    assert table.ann.life == 22


def test_inspiring_overseer_gains_and_draws(table) -> None:
    """When it enters: 1 life and a card."""
    table.put(0, *["Plains"] * 3)
    table.hold(0, "Inspiring Overseer")
    table.act("Inspiring Overseer")
    assert (table.ann.life, len(table.ann.hand)) == (21, 1)


def test_beza_catches_up_in_everything(table) -> None:
    """Behind in lands, life, creatures and cards: a Treasure, 4 life, two Fish and a card."""
    table.put(0, *["Plains"] * 4)
    table.put(1, *["Plains"] * 5, "Savannah Lions", "Savannah Lions")
    table.hold(0, "Beza, the Bounding Spring")
    table.hold(1, "Savannah Lions")
    table.ann.life = 10
    table.act("Beza, the Bounding Spring")
    assert _names(table.ann) == ["Beza, the Bounding Spring", "Treasure", "Fish", "Fish"]
    assert (table.ann.life, len(table.ann.hand)) == (14, 1)


def test_beza_gives_nothing_to_who_is_ahead(table) -> None:
    """Nothing happens for a player who is behind in nothing."""
    table.put(0, *["Plains"] * 4)
    table.hold(0, "Beza, the Bounding Spring")
    table.act("Beza, the Bounding Spring")
    assert _names(table.ann) == ["Beza, the Bounding Spring"]
    assert (table.ann.life, table.ann.hand) == (20, [])


def test_serra_angel_attacks_and_stays_awake(table) -> None:
    """It flies over blockers and does not tap."""
    angel = table.put(0, "Serra Angel")
    table.put(1, "Hill Giant")
    table.fight((angel,))
    assert table.bob.life == 16
    assert not angel.tapped
