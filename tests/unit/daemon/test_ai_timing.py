"""The engine's AI: when it does what has a time of its own."""

from trainingrun_daemon.ai.agent import choose_answer
from trainingrun_daemon.rules.casting import legal_actions
from trainingrun_daemon.rules.choices import ChooseAction
from trainingrun_daemon.rules.enums import Phase
from trainingrun_daemon.rules.model import Combat, StackItem


def _act(table, seat: int = 0) -> str:
    """Give what the AI does, by the name of the card; empty for a pass."""
    table.settle()
    choice = ChooseAction(seat, legal_actions(table.game, seat))
    position = choose_answer(table.game, choice)
    assert isinstance(position, int)
    return "" if position < 0 else choice.actions[position].card.face.name


def _attack(table, seat: int, *attackers) -> None:
    """Put the game after the declaration of blockers of an unblocked attack."""
    table.game.active = seat
    table.game.phase = Phase.BLOCKERS
    table.game.combat = Combat(seat, list(attackers))
    for card in attackers:
        card.attacking = True


def test_it_sweeps_when_the_opponent_loses_more(table) -> None:
    """Day of Judgment waits until the opponent's creatures are clearly better."""
    table.put(0, *["Plains"] * 4)
    table.hold(0, "Day of Judgment")
    table.put(0, "Hill Giant")
    table.put(1, "Hill Giant")
    assert _act(table) == ""
    table.put(1, "Serra Angel")
    assert _act(table) == "Day of Judgment"


def test_it_animates_a_land_before_an_attack(table) -> None:
    """In its first main phase, not in the second, and not a land that has just come."""
    table.put(0, *["Plains"] * 2, "Island")
    land = table.put(0, "Restless Anchorage")
    assert _act(table) == "Restless Anchorage"
    land.is_sick = True
    assert _act(table) == ""
    land.is_sick = False
    table.game.phase = Phase.MAIN2
    assert _act(table) == ""


def test_it_keeps_a_trick_for_a_fight(table) -> None:
    """Giant Growth waits for the damage that wins, after blocks."""
    table.bob.life = 5
    table.put(0, "Forest")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Giant Growth")
    assert _act(table) == ""
    _attack(table, 0, lions)
    assert _act(table) == "Giant Growth"


def test_it_shields_what_is_about_to_go(table) -> None:
    """Snakeskin Veil answers removal, and is kept otherwise."""
    table.put(0, "Forest")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Snakeskin Veil")
    assert _act(table) == ""
    swords = table.hold(1, "Swords to Plowshares")
    item = StackItem(table.game.new_id(), 1, swords, effect=None, text="Swords to Plowshares")
    item.is_spell = True
    item.specs = swords.face.targets
    item.targets = (lions,)
    table.game.stack.append(item)
    assert _act(table) == "Snakeskin Veil"


def test_it_prevents_a_lethal_attack(table) -> None:
    """Holy Day is for the attack that would end the game."""
    table.put(0, "Plains")
    table.hold(0, "Holy Day")
    giant = table.put(1, "Hill Giant")
    _attack(table, 1, giant)
    assert _act(table) == ""
    table.ann.life = 3
    assert _act(table) == "Holy Day"


def test_it_taps_its_creatures_only_after_combat(table) -> None:
    """An ability that taps own creatures waits for the second main phase."""
    table.put(0, *["Plains"] * 3)
    table.put(0, "Warden of the Inner Sky", "Savannah Lions", "Savannah Lions")
    assert _act(table) == ""
    table.game.phase = Phase.MAIN2
    assert _act(table) == "Warden of the Inner Sky"


def test_it_leaves_equipment_where_it_is(table) -> None:
    """A sword goes to a creature once."""
    table.put(0, "Plains")
    lions = table.put(0, "Savannah Lions")
    sword = table.put(0, "Short Sword")
    assert _act(table) == "Short Sword"
    sword.attached_to = lions
    assert _act(table) == ""


def test_it_casts_no_modal_spell_at_its_own_things(table) -> None:
    """Destroy Evil waits for a creature or enchantment of the opponent."""
    table.put(0, *["Plains"] * 2, "Honor of the Pure", "Serra Angel")
    table.hold(0, "Destroy Evil")
    assert _act(table) == ""
    table.put(1, "Honor of the Pure")
    assert _act(table) == "Destroy Evil"
