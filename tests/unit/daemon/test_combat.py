"""Combat: who may attack and block, and what damage does."""

import pytest
from trainingrun_daemon.rules.choices import DeclareAttackers, DeclareBlockers
from trainingrun_daemon.rules.combat import can_attack, can_block
from trainingrun_daemon.rules.enums import Keyword, Zone


def test_an_unblocked_attacker_hits_the_player(table) -> None:
    """It taps and deals its power."""
    giant = table.put(0, "Hill Giant")
    table.fight((giant,))
    assert giant.tapped
    assert table.bob.life == 17


def test_nobody_is_asked_without_attackers(table) -> None:
    """A sick creature is no candidate, so there is no prompt."""
    table.put(0, "Hill Giant").is_sick = True
    table.fight()
    assert table.asked == []


def test_haste_beats_sickness(table) -> None:
    """A Raging Goblin attacks in the turn in which it comes."""
    goblin = table.put(0, "Raging Goblin")
    goblin.is_sick = True
    assert can_attack(goblin)


def test_a_defender_may_not_attack(table) -> None:
    """Defender keeps a creature at home."""
    giant = table.put(0, "Hill Giant")
    giant.keywords = frozenset({Keyword.DEFENDER})
    assert not can_attack(giant)


def test_no_attack_ends_the_combat(table) -> None:
    """Without attackers there is no block and no damage."""
    table.put(0, "Hill Giant")
    table.put(1, "Hill Giant")
    table.fight(())
    assert [type(choice) for choice in table.asked] == [DeclareAttackers]
    assert table.game.combat is None


def test_blocked_creatures_fight(table) -> None:
    """Both deal damage at once; the player is safe."""
    giant = table.put(0, "Hill Giant")
    blocker = table.put(1, "Goblin Piker")
    table.fight((giant,), {blocker: giant})
    assert blocker.zone is Zone.GRAVEYARD
    assert giant.damage == 2
    assert table.bob.life == 20


def test_two_blockers_kill_together(table) -> None:
    """The attacker kills the one that it can, and dies by both."""
    giant = table.put(0, "Hill Giant")
    first = table.put(1, "Goblin Piker")
    second = table.put(1, "Savannah Lions")
    table.fight((giant,), {first: giant, second: giant})
    assert giant.zone is Zone.GRAVEYARD
    assert [first.zone, second.zone] == [Zone.GRAVEYARD] * 2


@pytest.mark.parametrize(("blocker", "expected"), [("Hill Giant", False), ("Wind Drake", True)])
def test_only_flyers_block_flyers(table, blocker: str, expected: bool) -> None:
    """A Storm Crow is blocked by a Drake, not by a Giant."""
    crow = table.put(0, "Storm Crow")
    assert can_block(table.put(1, blocker), crow) is expected


def test_reach_blocks_flyers(table) -> None:
    """Reach is enough."""
    giant = table.put(1, "Hill Giant")
    giant.keywords = frozenset({Keyword.REACH})
    assert can_block(giant, table.put(0, "Storm Crow"))


def test_blockers_are_asked_only_when_one_can(table) -> None:
    """A ground creature cannot block the only attacker, a flyer: no prompt."""
    crow = table.put(0, "Storm Crow")
    table.put(1, "Hill Giant")
    table.fight((crow,))
    assert not any(isinstance(choice, DeclareBlockers) for choice in table.asked)
    assert table.bob.life == 19


def test_an_illegal_block_is_dropped(table) -> None:
    """A client that blocks a flyer with a ground creature does not block."""
    crow = table.put(0, "Storm Crow")
    lions = table.put(0, "Savannah Lions")
    giant = table.put(1, "Hill Giant")
    table.fight((crow, lions), {giant: crow})
    assert table.bob.life == 17


def test_a_blocker_gone_leaves_the_attacker_blocked(table) -> None:
    """When the blocker is removed, no damage reaches the player."""
    giant = table.put(0, "Hill Giant")
    table.put(0, "Plains")
    blocker = table.put(1, "Goblin Piker")
    table.hold(0, "Swords to Plowshares")
    table.fight((giant,), {blocker: giant}, "Swords to Plowshares")
    assert blocker.zone is Zone.EXILE
    assert table.bob.life == 22


def _with(table, name: str, seat: int, keyword: Keyword):
    """Give a creature a keyword by its face, so that recomputation keeps it."""
    card = table.put(seat, name)
    fields = ("name", "cost", "types", "power", "toughness", "colors")
    values = {name: getattr(card.face, name) for name in fields}
    card.face = type(card.face)(keywords=frozenset({keyword}), **values)
    card.keywords = card.face.keywords
    return card


def test_trample_carries_over(table) -> None:
    """A 3/3 with trample blocked by a 2/1 deals 2 to the player."""
    giant = _with(table, "Hill Giant", 0, Keyword.TRAMPLE)
    blocker = table.put(1, "Savannah Lions")
    table.fight((giant,), {blocker: giant})
    assert table.bob.life == 18
    assert blocker.zone is Zone.GRAVEYARD


def test_deathtouch_kills_anything(table) -> None:
    """One point of damage is lethal."""
    goblin = _with(table, "Raging Goblin", 0, Keyword.DEATHTOUCH)
    elemental = table.put(1, "Air Elemental")
    table.fight((goblin,), {elemental: goblin})
    assert elemental.zone is Zone.GRAVEYARD


def test_lifelink_gains(table) -> None:
    """Its controller gains what it deals."""
    giant = _with(table, "Hill Giant", 0, Keyword.LIFELINK)
    table.fight((giant,))
    assert (table.ann.life, table.bob.life) == (23, 17)


def test_double_strike_hits_twice(table) -> None:
    """Damage in both steps."""
    giant = _with(table, "Hill Giant", 0, Keyword.DOUBLE_STRIKE)
    table.fight((giant,))
    assert table.bob.life == 14


def test_menace_needs_two_blockers(table) -> None:
    """A single block is dropped, two are legal."""
    giant = _with(table, "Hill Giant", 0, Keyword.MENACE)
    one = table.put(1, "Savannah Lions")
    table.put(1, "Elite Vanguard")
    table.fight((giant,), {one: giant})
    assert table.bob.life == 17


def test_indestructible_survives(table) -> None:
    """Lethal damage does not destroy it."""
    giant = _with(table, "Hill Giant", 1, Keyword.INDESTRUCTIBLE)
    elemental = table.put(0, "Air Elemental")
    crow = _with(table, "Hill Giant", 0, Keyword.HASTE)
    table.fight((crow,), {giant: crow})
    assert giant.zone is Zone.BATTLEFIELD
    assert elemental.zone is Zone.BATTLEFIELD
