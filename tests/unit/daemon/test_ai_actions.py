"""What the engine's AI does with priority, and how it aims, keeps and gives up cards."""

import pytest
from trainingrun_daemon.ai.agent import choose_answer
from trainingrun_daemon.ai.text_parsing import (
    boost_of,
    counter_price,
    face_damage,
    is_impulse,
    sweep_damage,
    sweep_limit,
    woken_body,
)
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.rules.casting import legal_actions
from trainingrun_daemon.rules.choices import ChooseAction, ChooseCards, ChooseEntity, Confirm
from trainingrun_daemon.rules.combat import add_blocker
from trainingrun_daemon.rules.enums import Keyword, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Combat, StackItem


def _act(table, seat: int = 0) -> str:
    """Give what the AI does: a card's name, with the ability's text behind a colon."""
    table.settle()
    choice = ChooseAction(seat, legal_actions(table.game, seat))
    if not choice.actions:
        return ""
    position = choose_answer(table.game, choice)
    assert isinstance(position, int)
    if position < 0:
        return ""
    action = choice.actions[position]
    ability = f": {action.ability.text}" if action.ability is not None else ""
    return f"{action.card.face.name}{ability}"


def _text(name: str) -> str:
    return KNOWN_CARDS[name.casefold()].text


def test_texts_tell_their_numbers() -> None:
    """Boosts, sweepers, prices and bodies are read from the texts of cards."""
    assert (boost_of(_text("Full Bore")).power, boost_of(_text("Full Bore")).toughness) == (3, 2)
    assert sweep_damage(_text("Pyroclasm")) == 2
    assert sweep_damage(_text("Day of Judgment")) is None
    assert sweep_limit(_text("Temporary Lockdown")) == 2
    assert counter_price(_text("No More Lies")) == 3
    assert face_damage(_text("Boltwave")) == 3
    assert is_impulse(_text("Light Up the Stage"))
    assert woken_body("Become a 4/4 Shark with deathtouch until end of turn") == (4, 4)
    assert Keyword.DEATHTOUCH in boost_of("a 4/4 Shark with deathtouch").keywords


def test_removal_takes_the_best_threat(table) -> None:
    """Of two creatures the greater one is chosen."""
    table.put(0, "Plains")
    small, great = table.put(1, "Savannah Lions"), table.put(1, "Air Elemental")
    swords = table.hold(0, "Swords to Plowshares")
    table.settle()
    choice = ChooseEntity(
        0, [small, great], source=swords, message="target creature", purpose=Purpose.REMOVE
    )
    assert choose_answer(table.game, choice) == 1


def test_all_burn_goes_to_the_face_when_it_kills_together(table) -> None:
    """Two Shocks and a Bolt are seven damage: enough for seven life."""
    table.put(0, *["Mountain"] * 3)
    table.put(1, "Savannah Lions")
    table.hold(0, "Shock", "Shock", "Lightning Bolt")
    table.bob.life = 7
    assert _act(table) in ("Shock", "Lightning Bolt")


def test_burn_waits_while_it_wins_nothing(table) -> None:
    """In its own first main phase a lone Shock stays in hand."""
    table.put(0, "Mountain")
    table.hold(0, "Shock")
    assert _act(table) == ""


def test_spare_burn_goes_to_the_face_at_the_end_of_the_turn(table) -> None:
    """With more burn in hand and mana that would be wasted, one is spent."""
    table.game.active, table.game.phase = 1, Phase.END
    table.put(0, "Mountain")
    table.hold(0, "Shock", "Shock", "Lightning Bolt")
    assert _act(table) in ("Shock", "Lightning Bolt")


def test_a_sweeper_waits_for_a_good_exchange(table) -> None:
    """It is not cast over the own creatures, but over the opponent's."""
    table.put(0, *["Plains"] * 4)
    table.hold(0, "Day of Judgment")
    own = [table.put(0, "Hill Giant") for _ in range(2)]
    table.put(1, "Hill Giant")
    assert _act(table) == ""
    for card in own:
        table.ann.battlefield.remove(card)
    table.put(1, "Hill Giant")
    assert _act(table) == "Day of Judgment"


def test_a_trick_wins_a_fight(table) -> None:
    """When its attacker is blocked and would die, the trick that saves it and kills is cast."""
    table.put(0, "Mountain")
    lions, giant = table.put(0, "Savannah Lions"), table.put(1, "Hill Giant")
    table.hold(0, "Full Bore")
    table.game.combat = Combat(0, [lions])
    lions.attacking = True
    table.game.phase = Phase.BLOCKERS
    add_blocker(table.game.combat, giant, lions)
    assert _act(table) == "Full Bore"


def test_a_counterspell_meets_what_matters(table) -> None:
    """A great creature spell is countered, a small one is let through."""
    table.game.active = 1
    table.put(0, *["Island"] * 3)
    table.hold(0, "Cancel")
    great = StackItem(
        table.game.new_id(), 1, table.hold(1, "Air Elemental"), effect=None, text="Air Elemental"
    )
    great.is_spell = True
    table.game.stack.append(great)
    assert _act(table) == "Cancel"
    small = StackItem(
        table.game.new_id(), 1, table.hold(1, "Raging Goblin"), effect=None, text="Raging Goblin"
    )
    small.is_spell = True
    table.game.stack[:] = [small]
    assert _act(table) == ""


def test_it_casts_nothing_that_kills_it(table) -> None:
    """With Eidolon of the Great Revel in play and two life left, a cheap spell stays in hand."""
    table.put(0, *["Mountain"] * 2)
    table.put(1, "Eidolon of the Great Revel")
    table.hold(0, "Goblin Piker")
    table.ann.life = 2
    assert _act(table) == ""
    table.ann.life = 20
    assert _act(table) == "Goblin Piker"


def test_a_manland_wakes_when_nobody_can_stop_it(table) -> None:
    """It attacks an empty board, and stays a land before a creature that kills it."""
    table.put(0, *["Plains"] * 2, *["Island"] * 2)
    table.put(0, "Restless Anchorage")
    assert _act(table).startswith("Restless Anchorage")
    table.put(1, "Air Elemental")
    assert _act(table) == ""


def test_a_planeswalker_uses_an_ability(table) -> None:
    """One of its loyalty abilities is used in the own main phase."""
    table.put(0, "Garruk, Unleashed")
    assert _act(table).startswith("Garruk, Unleashed: [-2]")


def test_an_equal_legend_stays_in_hand(table) -> None:
    """A second planeswalker of a name is not cast."""
    table.put(0, *["Mountain"] * 4, "Chandra, Spark Hunter")
    table.hold(0, "Chandra, Spark Hunter")
    assert not _act(table).endswith("Hunter")


def test_a_second_impulse_draw_waits(table) -> None:
    """While cards on loan from exile can be played, no more are exiled."""
    table.put(0, *["Mountain"] * 6)
    table.hold(0, "Light Up the Stage", "Light Up the Stage")
    assert _act(table) == "Light Up the Stage"
    table.act("Light Up the Stage")
    assert _act(table) != "Light Up the Stage"


def test_a_tapped_land_comes_when_nothing_is_lost(table) -> None:
    """With nothing to cast the land that enters tapped is played first."""
    table.hold(0, "Island", "Meticulous Archive", "Air Elemental")
    assert _act(table) == "Meticulous Archive"


def test_an_untapped_land_comes_for_a_spell(table) -> None:
    """With a spell that needs the mana this turn the other land is played."""
    table.put(0, "Island")
    table.hold(0, "Island", "Meticulous Archive", "Coral Merfolk")
    assert _act(table) == "Island"


def test_it_keeps_the_best_card(table) -> None:
    """From the top of the library a land is taken while lands are short, else the best spell."""
    cards = [table.put(0, name, zone=Zone.LIBRARY) for name in ("Raging Goblin", "Mountain")]
    choice = ChooseCards(0, cards, count=(1, 1), message="take", purpose=Purpose.KEEP)
    assert choose_answer(table.game, choice) == (1,)
    table.put(0, *["Mountain"] * 7)
    assert choose_answer(table.game, choice) == (0,)


def test_a_scry_puts_away_what_is_not_needed(table) -> None:
    """A land goes to the bottom when there are plenty, and stays when they are short."""
    land = table.put(0, "Mountain", zone=Zone.LIBRARY)
    choice = ChooseCards(0, [land], count=(0, 1), message="scry", purpose=Purpose.BOTTOM)
    assert choose_answer(table.game, choice) == ()
    table.put(0, *["Mountain"] * 7)
    assert choose_answer(table.game, choice) == (0,)


def test_it_sacrifices_the_least(table) -> None:
    """Of its creatures the weakest one goes."""
    cards = [table.put(0, "Air Elemental"), table.put(0, "Raging Goblin")]
    table.settle()
    choice = ChooseCards(0, cards, count=(1, 1), message="sacrifice", purpose=Purpose.SACRIFICE)
    assert choose_answer(table.game, choice) == (1,)


@pytest.mark.parametrize(("wise", "expected"), [(True, 1), (False, 0)])
def test_it_agrees_to_what_is_wise(table, wise: bool, expected: int) -> None:
    """Yes or no follows what the card says is wise."""
    choice = Confirm(0, message="?", purpose=Purpose.USE, is_wise=wise)
    assert choose_answer(table.game, choice) == expected


def test_it_declines_an_optional_target_that_does_no_good(table) -> None:
    """Up to one target: none when only its own creature could be hurt."""
    own = table.put(0, "Hill Giant")
    source = table.put(0, "Raging Goblin")
    table.settle()
    choice = ChooseEntity(
        0, [own], source=source, message="target", purpose=Purpose.REMOVE, optional=True
    )
    assert choose_answer(table.game, choice) == -1
