"""The engine's AI: one judgement each."""

import pytest
from trainingrun_daemon.ai.agent import choose_answer
from trainingrun_daemon.rules.casting import legal_actions
from trainingrun_daemon.rules.choices import (
    ChooseAction,
    ChooseCards,
    Confirm,
    DeclareAttackers,
    DeclareBlockers,
)
from trainingrun_daemon.rules.enums import Phase, Purpose


def _act(table, seat: int = 0) -> str:
    """Give the name of the card that the AI plays, empty for a pass."""
    table.settle()
    choice = ChooseAction(seat, legal_actions(table.game, seat))
    position = choose_answer(table.game, choice)
    assert isinstance(position, int)
    return "" if position < 0 else choice.actions[position].card.face.name


def test_it_plays_a_land_first(table) -> None:
    """A land comes before any spell."""
    table.put(0, "Mountain")
    table.hold(0, "Raging Goblin", "Mountain")
    assert _act(table) == "Mountain"


def test_it_casts_on_curve(table) -> None:
    """The dearest creature that can be paid for."""
    table.put(0, *["Mountain"] * 4)
    table.hold(0, "Raging Goblin", "Hill Giant", "Goblin Piker")
    assert _act(table) == "Hill Giant"


def test_it_burns_for_the_win(table) -> None:
    """Lethal burn comes before everything but a land."""
    table.put(0, "Mountain")
    table.hold(0, "Raging Goblin", "Shock")
    table.bob.life = 2
    assert _act(table) == "Shock"


def test_it_kills_what_it_can(table) -> None:
    """In response to an attack it burns the attacker, not one that would survive."""
    table.game.active = 1
    table.game.phase = Phase.ATTACKERS
    table.put(0, "Mountain")
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Shock")
    assert _act(table) == ""
    giant.damage = 1
    assert _act(table) == "Shock"


def test_it_does_not_exile_its_own_creature(table) -> None:
    """Without an opposing creature removal stays in hand."""
    table.put(0, "Plains", "Hill Giant")
    table.hold(0, "Swords to Plowshares")
    assert _act(table) == ""


def test_it_keeps_a_second_legend_in_hand(table) -> None:
    """A legend that would die at once is not cast."""
    table.put(0, "Plains", "Plains", "Thalia, Guardian of Thraben")
    table.hold(0, "Thalia, Guardian of Thraben")
    assert _act(table) == ""


def test_it_attacks_when_nobody_can_stop_it(table) -> None:
    """A flyer attacks past a ground creature, a 1/1 does not run into a 3/3."""
    crow = table.put(0, "Storm Crow")
    goblin = table.put(0, "Raging Goblin")
    table.put(1, "Hill Giant")
    assert choose_answer(table.game, DeclareAttackers(0, [crow, goblin])) == (0,)


def test_it_attacks_with_everything_for_the_win(table) -> None:
    """More attackers than blockers, and enough power: all of them go."""
    goblins = [table.put(0, "Raging Goblin") for _ in range(3)]
    table.put(1, "Hill Giant")
    table.bob.life = 2
    assert choose_answer(table.game, DeclareAttackers(0, goblins)) == (0, 1, 2)


def test_it_stays_home_when_it_would_die(table) -> None:
    """With the opponent's creatures lethal, tapping the only blocker is no option."""
    lions = table.put(0, "Savannah Lions")
    table.put(1, "Hill Giant").tapped = True
    table.ann.life = 3
    assert choose_answer(table.game, DeclareAttackers(0, [lions])) == ()


def test_it_blocks_what_it_kills(table) -> None:
    """A 3/3 blocks a 2/1."""
    lions = table.put(0, "Savannah Lions")
    giant = table.put(1, "Hill Giant")
    assert choose_answer(table.game, DeclareBlockers(1, [giant], [lions])) == ((0, 0),)


@pytest.mark.parametrize(("life", "expected"), [(20, ()), (3, ((0, 0),))])
def test_it_chumps_only_to_live(table, life: int, expected: tuple[tuple[int, int], ...]) -> None:
    """A 1/1 stands in the way of a 3/3 only when the damage would be lethal."""
    giant = table.put(0, "Hill Giant")
    goblin = table.put(1, "Raging Goblin")
    table.bob.life = life
    assert choose_answer(table.game, DeclareBlockers(1, [goblin], [giant])) == expected


def test_it_discards_lands_when_it_has_enough(table) -> None:
    """With six lands in sight a land goes first, with few the dearest spell."""
    cards = [table.hold(0, "Hill Giant"), table.hold(0, "Shock"), table.hold(0, "Mountain")]
    choice = ChooseCards(0, cards, count=(1, 1), message="discard", purpose=Purpose.DISCARD)
    assert choose_answer(table.game, choice) == (0,)
    table.put(0, *["Mountain"] * 6)
    assert choose_answer(table.game, choice) == (2,)


@pytest.mark.parametrize(("lands", "expected"), [(0, 0), (1, 1), (6, 0)])
def test_it_takes_mulligans(table, lands: int, expected: int) -> None:
    """One land may be enough for cheap decks, none or six are not."""
    table.hold(0, *["Shock"] * (7 - lands), *["Mountain"] * lands)
    choice = Confirm(0, message="Keep?", purpose=Purpose.MULLIGAN)
    assert choose_answer(table.game, choice) == expected


def test_it_casts_an_x_spell_when_its_mana_kills(table) -> None:
    """Two mana for X are 4 damage, enough for a 4/4; one is not."""
    table.put(1, "Air Elemental")
    table.hold(0, "Torch the Witness")
    table.put(0, "Mountain", "Mountain")
    assert _act(table) == ""
    table.put(0, "Mountain")
    assert _act(table) == "Torch the Witness"


def test_it_turns_power_only_against_what_dies_of_it(table) -> None:
    """A 1/4 survives its own power, a 3/3 does not."""
    table.put(0, *["Mountain"] * 3)
    table.hold(0, "Cut Propulsion")
    table.put(1, "Magebane Lizard")
    assert _act(table) == ""
    table.put(1, "Hill Giant")
    assert _act(table) == "Cut Propulsion"
