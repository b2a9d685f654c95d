"""How the engine's AI foresees fights, attacks and blocks."""

import pytest
from trainingrun_daemon.ai.agent import choose_answer
from trainingrun_daemon.ai.combat_simulation import Fighter, simulate_combat
from trainingrun_daemon.rules.choices import ChooseEntity, DeclareAttackers, DeclareBlockers
from trainingrun_daemon.rules.combat import run_combat
from trainingrun_daemon.rules.enums import Keyword, Phase, Purpose
from trainingrun_daemon.rules.model import Combat


def _attack(table, *attackers) -> list[str]:
    """Give the names of those that the AI of seat 0 sends."""
    table.settle()
    chosen = choose_answer(table.game, DeclareAttackers(0, list(attackers)))
    assert isinstance(chosen, tuple)
    return [attackers[at].face.name for at in chosen]


def _block(table, blockers, attackers) -> set[tuple[int, int]]:
    """Give the blocks of the AI of seat 1."""
    table.settle()
    chosen = choose_answer(table.game, DeclareBlockers(1, list(blockers), list(attackers)))
    assert isinstance(chosen, tuple)
    return set(chosen)


FIGHTS = [
    ("Hill Giant", ["Savannah Lions"]),
    ("Savannah Lions", ["Hill Giant"]),
    ("Hill Giant", ["Hill Giant"]),
    ("Hill Giant", ["Goblin Piker", "Goblin Piker"]),
    ("Vampire Nighthawk", ["Air Elemental"]),
    ("Swiftblade Vindicator", ["Savannah Lions"]),
    ("Swiftblade Vindicator", ["Hill Giant"]),
    ("Thalia, Guardian of Thraben", ["Goblin Piker"]),
    ("Goblin Piker", ["Thalia, Guardian of Thraben"]),
    ("Mosswood Dreadknight", ["Raging Goblin"]),
    ("Gifted Aetherborn", ["Hill Giant", "Hill Giant"]),
]


@pytest.mark.parametrize(("name", "names"), FIGHTS)
def test_a_fight_ends_as_the_rules_end_it(table, name: str, names: list[str]) -> None:
    """The model's dead and its damage to the player are those of a real combat."""
    attacker = table.put(0, name)
    blockers = [table.put(1, other) for other in names]
    table.settle()
    foreseen = simulate_combat(Fighter(attacker), [Fighter(blocker) for blocker in blockers])
    fallen = {fighter.card for fighter in foreseen.dead}
    table.follow(run_combat(table.game), (attacker,), dict.fromkeys(blockers, attacker))
    table.settle()
    assert foreseen.attacker_dies == (attacker not in table.ann.battlefield)
    assert fallen == {card for card in blockers if card not in table.bob.battlefield}
    assert foreseen.through == 20 - table.bob.life


def test_an_indestructible_creature_survives(table) -> None:
    """Lethal damage does not kill what cannot be destroyed."""
    lions, giant = table.put(0, "Savannah Lions"), table.put(1, "Hill Giant")
    table.settle()
    boosted = Fighter(lions, keywords=frozenset({Keyword.INDESTRUCTIBLE}))
    assert not simulate_combat(boosted, [Fighter(giant)]).attacker_dies


def test_it_does_not_attack_into_a_better_creature(table) -> None:
    """A 3/3 stays home before a 4/4 flyer that could block and live."""
    giant = table.put(0, "Hill Giant")
    table.put(1, "Air Elemental")
    assert _attack(table, giant) == []


def test_it_counts_the_strike_back(table) -> None:
    """A creature that is needed as a blocker stays, one that is not goes."""
    giants = [table.put(0, "Hill Giant") for _ in range(2)]
    for _ in range(2):
        table.put(1, "Hill Giant").tapped = True
    table.ann.life = 4
    assert len(_attack(table, *giants)) < 2


def test_a_vigilant_creature_attacks_all_the_same(table) -> None:
    """Who stays untapped can do both."""
    shiko = table.put(0, "Shiko, Paragon of the Way")
    table.put(1, "Hill Giant").tapped = True
    table.ann.life = 3
    assert _attack(table, shiko) == ["Shiko, Paragon of the Way"]


def test_many_creatures_attack_for_the_win(table) -> None:
    """Eight attackers that are searched by single changes still find the lethal attack."""
    goblins = [table.put(0, "Raging Goblin") for _ in range(8)]
    table.put(1, "Hill Giant")
    table.bob.life = 7
    assert len(_attack(table, *goblins)) == 8


def test_two_block_together_what_one_cannot_stop(table) -> None:
    """Two 2/1 kill a 3/3 and lose one of them; behind on life that is welcome."""
    giant = table.put(0, "Hill Giant")
    pikers = [table.put(1, "Goblin Piker") for _ in range(2)]
    table.bob.life = 8
    assert _block(table, pikers, [giant]) == {(0, 0), (1, 0)}


def test_one_creature_cannot_block_menace(table) -> None:
    """A single blocker against menace would be no block: it is kept for the other attacker."""
    goblin = table.put(0, "Burnout Bashtronaut")
    lions = table.put(0, "Savannah Lions")
    giant = table.put(1, "Hill Giant")
    assert _block(table, [giant], [goblin, lions]) == {(0, 1)}


def test_two_chump_a_menace_attacker_to_live(table) -> None:
    """Against lethal damage from menace two creatures stand in the way."""
    goblin = table.put(0, "Burnout Bashtronaut")
    chumps = [table.put(1, "Raging Goblin") for _ in range(2)]
    table.bob.life = 1
    assert _block(table, chumps, [goblin]) == {(0, 0), (1, 0)}


def test_the_greatest_damage_is_chumped_first(table) -> None:
    """With one chump blocker it is the stronger of two attackers that is stopped."""
    attackers = [table.put(0, "Raging Goblin"), table.put(0, "Hill Giant")]
    chump = table.put(1, "Raging Goblin")
    table.bob.life = 3
    assert _block(table, [chump], attackers) == {(0, 1)}


def test_nobody_blocks_when_it_would_only_lose(table) -> None:
    """At a healthy life total a 2/1 does not throw itself before a 3/3."""
    giant, piker = table.put(0, "Hill Giant"), table.put(1, "Goblin Piker")
    assert _block(table, [piker], [giant]) == set()


@pytest.mark.parametrize(("life", "expected"), [(20, 1), (2, 0)])
def test_a_planeswalker_is_attacked_unless_the_player_dies(table, life: int, expected: int) -> None:
    """The attack goes to the planeswalker, but to the player when that wins."""
    giant = table.put(0, "Hill Giant")
    walker = table.put(1, "Chandra, Spark Hunter")
    table.bob.life = life
    table.settle()
    table.game.phase = Phase.ATTACKERS
    table.game.combat = Combat(0, [])
    choice = ChooseEntity(
        0, [table.bob, walker], source=giant, message="attacks what", purpose=Purpose.DAMAGE
    )
    assert choose_answer(table.game, choice) == expected
