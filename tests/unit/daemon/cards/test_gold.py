"""Cards of several colours, one behaviour each."""

from trainingrun_daemon.rules.choices import ChooseAction, ConfirmKind, Reveal
from trainingrun_daemon.rules.enums import Keyword, Zone


def _names(player) -> list[str]:
    return [card.face.name for card in player.battlefield if not card.face.is_land]


def test_lightning_helix_hurts_and_heals(table) -> None:
    """3 damage to the target, 3 life for its caster."""
    table.put(0, "Mountain", "Plains")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Lightning Helix")
    table.act("Lightning Helix", giant)
    assert giant.zone is Zone.GRAVEYARD
    assert table.ann.life == 23


def test_boros_charm_burns(table) -> None:
    """4 damage to the chosen player."""
    table.put(0, "Mountain", "Plains")
    table.hold(0, "Boros Charm")
    table.act("Boros Charm", "4 damage", table.bob)
    assert table.bob.life == 16


def test_boros_charm_saves_all_permanents(table) -> None:
    """Own permanents are indestructible this turn, enchantments and lands too."""
    table.put(0, *["Plains"] * 5, "Mountain", "Honor of the Pure", "Savannah Lions")
    table.put(1, "Savannah Lions")
    table.hold(0, "Boros Charm", "Day of Judgment")
    table.act("Boros Charm", "indestructible", "Day of Judgment")
    assert _names(table.ann) == ["Honor of the Pure", "Savannah Lions"]
    assert _names(table.bob) == []
    assert all(Keyword.INDESTRUCTIBLE in card.keywords for card in table.ann.battlefield)


def test_boros_charm_doubles_strikes(table) -> None:
    """The creature hits twice."""
    table.put(0, "Mountain", "Plains")
    giant = table.put(0, "Hill Giant")
    table.hold(0, "Boros Charm")
    table.fight((giant,), "Boros Charm", "double strike")
    assert table.bob.life == 14


def test_no_more_lies_exiles_what_is_not_paid_for(table) -> None:
    """The spell of a player without three more mana is countered into exile."""
    table.put(0, "Mountain")
    table.put(1, "Plains", "Island")
    shock = table.hold(0, "Shock")
    table.hold(1, "No More Lies")
    table.act("Shock", table.bob, "No More Lies")
    assert shock.zone is Zone.EXILE
    assert table.bob.life == 20


def test_no_more_lies_can_be_paid_off(table) -> None:
    """With three more mana the spell goes on."""
    table.put(0, *["Mountain"] * 4)
    table.put(1, "Plains", "Island")
    table.hold(0, "Shock")
    table.hold(1, "No More Lies")
    table.act("Shock", table.bob, "No More Lies", True)
    assert table.bob.life == 18


def test_jeskai_revelation_does_five_things(table) -> None:
    """A permanent returns, 4 damage, two Monks, two cards, 4 life."""
    table.put(0, *["Plains"] * 5, "Island", "Mountain")
    angel = table.put(1, "Serra Angel")
    table.hold(0, "Jeskai Revelation")
    table.act("Jeskai Revelation", angel, table.bob)
    assert angel.zone is Zone.HAND
    assert (table.ann.life, table.bob.life) == (24, 16)
    assert _names(table.ann) == ["Monk", "Monk"]
    assert len(table.ann.hand) == 2
    assert all(Keyword.PROWESS in monk.keywords for monk in table.ann.battlefield[-2:])


def test_jeskai_revelation_returns_a_spell(table) -> None:
    """A spell on the stack goes back to its owner's hand and does nothing."""
    table.put(0, "Mountain")
    shock = table.hold(0, "Shock")
    table.put(1, *["Plains"] * 5, "Island", "Mountain")
    table.hold(1, "Jeskai Revelation")
    table.act("Shock", table.bob, "Jeskai Revelation", table.ann)
    assert shock.zone is Zone.HAND
    assert (table.ann.life, table.bob.life) == (16, 24)


def test_shiko_casts_a_copy_from_the_graveyard(table) -> None:
    """The card is exiled, and a copy of it is cast for nothing and then gone."""
    table.put(0, *["Plains"] * 3, "Island", "Mountain")
    helix = table.put(0, "Lightning Helix", zone=Zone.GRAVEYARD)
    table.hold(0, "Shiko, Paragon of the Way")
    table.act("Shiko, Paragon of the Way", True, table.bob)
    assert helix.zone is Zone.EXILE
    assert (table.ann.life, table.bob.life) == (23, 17)
    assert table.ann.exile == [helix]
    assert table.ann.graveyard == []
    kinds = [choice.kind for choice in table.asked if hasattr(choice, "kind")]
    assert kinds == [ConfirmKind.FROM_EFFECT]


def test_shiko_may_leave_the_copy(table) -> None:
    """Without a yes the card is exiled all the same, and nothing is cast."""
    table.put(0, *["Plains"] * 3, "Island", "Mountain")
    helix = table.put(0, "Lightning Helix", zone=Zone.GRAVEYARD)
    table.hold(0, "Shiko, Paragon of the Way")
    table.act("Shiko, Paragon of the Way", False)
    assert helix.zone is Zone.EXILE
    assert table.bob.life == 20


def test_shiko_makes_a_token_of_a_permanent(table) -> None:
    """The copy of a creature card comes to the battlefield as a token."""
    table.put(0, *["Plains"] * 3, "Island", "Mountain")
    table.put(0, "Savannah Lions", zone=Zone.GRAVEYARD)
    table.hold(0, "Shiko, Paragon of the Way")
    table.act("Shiko, Paragon of the Way", True)
    lions = table.ann.battlefield[-1]
    assert lions.face.name == "Savannah Lions"
    assert lions.is_token


def test_shiko_leaves_dear_cards_and_lands(table) -> None:
    """Cards with mana value 4, lands, and cards of the opponent are no targets."""
    table.put(0, *["Plains"] * 3, "Island", "Mountain")
    table.put(0, "Hill Giant", "Plains", zone=Zone.GRAVEYARD)
    table.put(1, "Savannah Lions", zone=Zone.GRAVEYARD)
    table.hold(0, "Shiko, Paragon of the Way")
    table.act("Shiko, Paragon of the Way")
    assert table.ann.exile == table.bob.exile == []


def test_shiko_casts_one_half_of_a_split_card(table) -> None:
    """Of Wear // Tear one half is copied: fusing is only for hands."""
    table.put(0, *["Plains"] * 3, "Island", "Mountain")
    honor = table.put(1, "Honor of the Pure")
    table.put(0, "Wear // Tear", zone=Zone.GRAVEYARD)
    table.hold(0, "Shiko, Paragon of the Way")
    table.act("Shiko, Paragon of the Way", True)
    assert honor.zone is Zone.GRAVEYARD


def test_swiftblade_vindicator_tramples_twice(table) -> None:
    """Its first strike counts against a blocker, its second goes to the player."""
    vindicator = table.put(0, "Swiftblade Vindicator")
    soldier = table.put(1, "Raging Goblin")
    table.fight((vindicator,), {soldier: vindicator})
    assert soldier.zone is Zone.GRAVEYARD
    assert vindicator.zone is Zone.BATTLEFIELD
    assert table.bob.life == 19
    assert not vindicator.tapped


def test_oildeep_gearhulk_trades_a_card_of_a_hand(table) -> None:
    """The hand is shown, the chosen card is discarded, and its owner draws."""
    table.put(0, "Island", "Island", "Swamp", "Swamp")
    angel = table.hold(1, "Savannah Lions", "Serra Angel")
    table.hold(0, "Oildeep Gearhulk")
    table.act("Oildeep Gearhulk", table.bob, (angel,))
    assert angel.zone is Zone.GRAVEYARD
    assert [card.face.name for card in table.bob.hand] == ["Savannah Lions", "Mountain"]
    assert any(isinstance(choice, Reveal) for choice in table.asked)


def test_oildeep_gearhulk_may_leave_the_hand(table) -> None:
    """Choosing nothing is allowed; then no one draws."""
    table.put(0, "Island", "Island", "Swamp", "Swamp")
    angel = table.hold(1, "Serra Angel")
    table.hold(0, "Oildeep Gearhulk")
    table.act("Oildeep Gearhulk", table.bob, ())
    assert table.bob.hand == [angel]


def test_oildeep_gearhulk_has_ward_and_lifelink(table) -> None:
    """A spell at it costs {1} more or is countered; its damage is life."""
    gearhulk = table.put(0, "Oildeep Gearhulk")
    table.put(1, "Plains")
    table.hold(1, "Swords to Plowshares")
    table.fight((gearhulk,), "Swords to Plowshares")
    assert gearhulk.zone is Zone.BATTLEFIELD
    assert (table.ann.life, table.bob.life) == (24, 16)


def test_heroic_reinforcements_attack_at_once(table) -> None:
    """The two Soldiers and the creatures there get +1/+1 and haste until end of turn."""
    table.put(0, *["Plains"] * 3, "Mountain", "Savannah Lions")
    table.hold(0, "Heroic Reinforcements")
    table.act("Heroic Reinforcements")
    lions, *soldiers = (card for card in table.ann.battlefield if card.is_creature)
    table.fight((lions, *soldiers))
    assert table.bob.life == 20 - 3 - 2 - 2
    table.end_step()
    table.settle()
    assert [card.power for card in soldiers] == [1, 1]


def test_dread_whispers_are_not_repeated_from_exile(table) -> None:
    """From exile the knight may be cast, but not its adventure again."""
    table.put(0, *["Swamp"] * 4, *["Forest"] * 4)
    table.hold(0, "Mosswood Dreadknight")
    table.act("Dread Whispers/Adventure")
    table.asked.clear()
    table.act()
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseAction))
    assert [action.face.name for action in choice.actions] == ["Mountain", "Mosswood Dreadknight"]


def test_mosswood_dreadknight_goes_on_an_adventure(table) -> None:
    """Dread Whispers draws for a life and puts the card into exile; there only the knight waits."""
    table.put(0, "Swamp", "Swamp", "Forest", "Forest")
    knight = table.hold(0, "Mosswood Dreadknight")
    table.act("Dread Whispers/Adventure")
    assert (table.ann.life, len(table.ann.hand)) == (19, 1)
    assert knight.zone is Zone.EXILE
    table.act("Mosswood Dreadknight")
    assert knight.zone is Zone.BATTLEFIELD
    assert Keyword.TRAMPLE in knight.keywords


def test_mosswood_dreadknight_whispers_when_dead(table) -> None:
    """From the graveyard its adventure may be cast, the creature may not."""
    table.put(0, "Mountain", "Swamp", "Swamp", "Forest", "Forest")
    knight = table.put(0, "Mosswood Dreadknight")
    table.hold(0, "Shock")
    table.act("Shock", knight, "Dread Whispers/Adventure")
    assert table.ann.life == 19
    assert knight.zone is Zone.EXILE


def test_mosswood_dreadknight_falls_silent(table) -> None:
    """After the controller's next turn the adventure is closed."""
    table.put(0, "Mountain", "Swamp", "Swamp")
    knight = table.put(0, "Mosswood Dreadknight")
    table.hold(0, "Shock")
    table.act("Shock", knight)
    assert table.offers(0) == ["Mosswood Dreadknight"]
    table.game.turn += 2
    assert table.offers(0) == ["Mosswood Dreadknight"]
    table.game.turn += 2
    assert table.offers(0) == []


def test_wear_takes_an_artifact(table) -> None:
    """The left half alone destroys an artifact."""
    table.put(0, "Mountain", "Mountain")
    gearhulk = table.put(1, "Oildeep Gearhulk")
    table.put(0, "Mountain")
    card = table.hold(0, "Wear // Tear")
    table.act("Wear", True)
    assert gearhulk.zone is Zone.GRAVEYARD
    assert card.zone is Zone.GRAVEYARD


def test_tear_takes_an_enchantment(table) -> None:
    """The right half alone destroys an enchantment."""
    table.put(0, "Plains")
    honor = table.put(1, "Honor of the Pure")
    table.hold(0, "Wear // Tear")
    table.act("Tear")
    assert honor.zone is Zone.GRAVEYARD


def test_wear_and_tear_are_fused(table) -> None:
    """Both halves together take one of each."""
    table.put(0, "Mountain", "Mountain", "Plains", "Plains")
    gearhulk = table.put(1, "Oildeep Gearhulk")
    honor = table.put(1, "Honor of the Pure")
    table.hold(0, "Wear // Tear")
    table.act("Wear // Tear/Fuse", True)
    assert (gearhulk.zone, honor.zone) == (Zone.GRAVEYARD, Zone.GRAVEYARD)
