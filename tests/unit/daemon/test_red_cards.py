"""The red cards, one behaviour each."""

from trainingrun_daemon.rules.choices import ChooseEntity, Reveal
from trainingrun_daemon.rules.enums import Zone


def test_lightning_bolt_deals_three(table) -> None:
    """A player loses 3 life."""
    table.put(0, "Mountain")
    table.hold(0, "Lightning Bolt")
    table.act("Lightning Bolt", table.bob)
    assert table.bob.life == 17


def test_burn_offers_the_opponent_first(table) -> None:
    """Targets are ordered: kills, the opponent, what only gets hurt, and oneself last."""
    table.put(0, "Mountain")
    table.put(0, "Goblin Piker")
    table.put(1, "Hill Giant", "Elite Vanguard")
    table.hold(0, "Shock")
    table.act("Shock")
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseEntity))
    names = [getattr(entity, "name", None) or entity.face.name for entity in choice.entities]
    assert names == ["Elite Vanguard", "Bob", "Hill Giant", "Goblin Piker", "Ann"]


def test_lava_spike_only_hits_players(table) -> None:
    """A creature is no target."""
    table.put(0, "Mountain")
    table.put(1, "Elite Vanguard")
    table.hold(0, "Lava Spike")
    table.act("Lava Spike", table.bob)
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseEntity))
    assert choice.entities == [table.bob, table.ann]
    assert table.bob.life == 17


def test_rift_bolt_waits_a_turn(table) -> None:
    """Suspended for one red mana it is cast free in the next upkeep of its owner."""
    table.put(0, "Mountain")
    bolt = table.hold(0, "Rift Bolt")
    table.act("Rift Bolt/Suspend")
    assert bolt.zone is Zone.EXILE
    table.upkeep(True, table.bob)
    assert table.bob.life == 17
    assert bolt.zone is Zone.GRAVEYARD


def test_a_taxed_free_spell_stays_exiled_when_the_tax_is_not_paid(table) -> None:
    """Thalia taxes the suspended spell too; without mana it is not cast."""
    table.put(1, "Thalia, Guardian of Thraben")
    table.put(0, "Mountain")
    bolt = table.hold(0, "Rift Bolt")
    table.act("Rift Bolt/Suspend")
    table.upkeep()
    assert bolt.zone is Zone.EXILE


def test_searing_blaze_is_one_each(table) -> None:
    """Without a land this turn the player and the creature get 1 damage."""
    table.put(0, "Mountain", "Mountain")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Searing Blaze")
    table.act("Searing Blaze")
    assert table.bob.life == 19
    assert giant.damage == 1


def test_searing_blaze_is_three_each_after_a_land(table) -> None:
    """Landfall raises both."""
    table.put(0, "Mountain")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Searing Blaze", "Mountain")
    table.act("Mountain", "Searing Blaze")
    assert table.bob.life == 17
    assert giant.zone is Zone.GRAVEYARD


def test_searing_blaze_needs_a_creature(table) -> None:
    """Without any creature it cannot be cast."""
    table.put(0, "Mountain", "Mountain")
    table.hold(0, "Searing Blaze")
    assert table.offers(0) == []


def test_skullcrack_bars_life_gain(table) -> None:
    """Swords to Plowshares gives no life in that turn."""
    table.put(0, "Mountain", "Mountain", "Plains")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Skullcrack", "Swords to Plowshares")
    table.act("Skullcrack", table.bob, "Swords to Plowshares")
    assert giant.zone is Zone.EXILE
    assert table.bob.life == 17


def test_light_up_the_stage_lets_exiled_cards_be_played(table) -> None:
    """The two cards can be played until the end of the next own turn, not later."""
    table.put(0, "Mountain", "Mountain", "Mountain")
    table.hold(0, "Light Up the Stage")
    table.act("Light Up the Stage", "Mountain")
    exiled = [card for card in table.ann.exile if card.playable_until]
    assert len(exiled) == 1
    assert exiled[0].playable_until == table.game.turn + 2
    table.ann.lands_played = 0
    table.game.turn += 2
    assert table.offers(0) == ["Mountain"]
    table.game.turn += 1
    assert table.offers(0) == []


def test_spectacle_needs_lost_life(table) -> None:
    """The cheap way is open only in a turn in which the opponent lost life."""
    table.put(0, "Mountain", "Mountain")
    table.hold(0, "Light Up the Stage", "Shock")
    assert table.offers(0) == ["Shock"]
    table.act("Shock", table.bob, "Light Up the Stage/Spectacle")
    assert len(table.ann.exile) == 2


def test_swiftspear_has_haste_and_prowess(table) -> None:
    """It attacks at once, one bigger for each noncreature spell, until the turn ends."""
    table.put(0, "Mountain", "Mountain")
    spear = table.hold(0, "Monastery Swiftspear")
    table.hold(0, "Shock")
    table.act("Monastery Swiftspear", "Shock", table.bob)
    table.fight((spear,))
    assert table.bob.life == 20 - 2 - 2


def test_prowess_can_be_answered(table) -> None:
    """A Shock in response to the trigger kills the 1/2 before it grows."""
    table.put(0, "Mountain")
    table.put(1, "Mountain")
    spear = table.put(0, "Monastery Swiftspear")
    table.hold(0, "Shock")
    table.hold(1, "Shock")
    table.act("Shock", table.bob, "Shock", spear)
    assert spear.zone is Zone.GRAVEYARD


def test_goblin_guide_gives_a_land(table) -> None:
    """The defending player reveals the top card and keeps it when it is a land."""
    guide = table.put(0, "Goblin Guide")
    table.fight((guide,))
    assert [card.face.name for card in table.bob.hand] == ["Mountain"]
    reveal = next(choice for choice in table.asked if isinstance(choice, Reveal))
    assert reveal.seat == 0
    assert table.bob.life == 18


def test_goblin_guide_leaves_a_spell(table) -> None:
    """Anything but a land stays on top."""
    top = table.put(1, "Shock", zone=Zone.LIBRARY)
    guide = table.put(0, "Goblin Guide")
    table.fight((guide,))
    assert table.bob.library[-1] is top


def test_eidolon_punishes_cheap_spells(table) -> None:
    """Whoever casts a spell of mana value 3 or less takes 2, its owner too."""
    table.put(1, "Eidolon of the Great Revel")
    table.put(0, "Mountain", "Mountain", "Mountain", "Mountain")
    table.hold(0, "Shock")
    table.act("Shock", table.bob)
    assert table.ann.life == 18
    table.put(0, *["Mountain"] * 4)
    table.hold(0, "Hill Giant")
    table.act("Hill Giant")
    assert table.ann.life == 18
