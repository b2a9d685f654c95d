"""What happened between two decisions, by what it left behind."""

from __future__ import annotations

from trainingrun_protocol.decisions import Action, Card, Counter, DecisionType, StackItem

from testkit.pages.watched_table import Table, cast, creature, land, on_stack, spell

LIONS = creature(2, "Lions")
BOLT = spell(1, "Bolt")


def test_life_changes_are_told(table: Table) -> None:
    """From what to what."""
    table.seats[1].life = 17
    assert table.act(0, "-1") == ["White: 20 → 17 life"]


def test_creatures_die_and_other_permanents_go(table: Table) -> None:
    """Those that go the same way stand in one line."""
    glorious = Card(5, "Honor", is_enchantment=True)
    seat = table.seats[1]
    seat.battlefield = [LIONS, creature(3, "Lions"), creature(4, "Bear"), glorious]
    table.act(0, "-1")
    seat.battlefield, seat.graveyard = [], [*seat.battlefield]
    assert table.act(0, "-1") == ["White: 2x Lions, Bear die", "White: Honor goes to the graveyard"]


def test_exile_and_return(table: Table) -> None:
    """A permanent that vanished went to a hand if one grew, else into the library."""
    seat = table.seats[1]
    seat.battlefield = [LIONS, creature(3, "Bear")]
    table.begin()
    seat.battlefield, seat.exile = [seat.battlefield[1]], [LIONS]
    assert table.act(0, "-1") == ["White: Lions is exiled"]
    seat.battlefield, seat.hidden = [], seat.hidden + 1
    assert table.act(0, "-1") == ["White: Bear returns to hand"]
    seat.battlefield = [creature(6, "Cat")]
    table.act(0, "-1")
    seat.battlefield, seat.library = [], seat.library + 1
    assert table.act(0, "-1") == ["White: Cat goes into the library"]


def test_tokens_come_and_die(table: Table) -> None:
    """No one cast them, and they leave no card."""
    seat = table.seats[0]
    seat.battlefield = [creature(number, "Cat", is_token=True) for number in (5, 6)]
    assert table.act(0, "-1") == ["Red: 2x Cat are created"]
    seat.battlefield = []
    assert table.act(0, "-1") == ["Red: 2x Cat die"]


def test_a_land_that_was_searched_for(table: Table) -> None:
    """A permanent that no one played came by an effect, and is no draw."""
    table.seats[0].battlefield, table.seats[0].library = [land(9, "Plains")], 39
    assert table.act(0, "-1") == ["Red: Plains comes onto the battlefield"]


def test_a_creature_that_was_cast_is_no_news(table: Table) -> None:
    """Its spell was shown; when it dies later, that is shown."""
    table.seats[0].hand = [LIONS]
    table.act(0, "0", cast(0, LIONS))
    table.seats[0].hand, table.stack = [], on_stack([LIONS])
    assert table.act(1, "-1") == ["Red casts Lions"]
    table.stack, table.seats[0].battlefield = [], [LIONS]
    assert table.act(0, "-1") == []
    table.seats[0].battlefield, table.seats[0].graveyard = [], [LIONS]
    assert table.act(0, "-1") == ["Red: Lions dies"]


def test_a_countered_creature(table: Table) -> None:
    """A permanent that goes from the stack to the graveyard below another spell was countered."""
    counterspell = spell(7, "Counterspell")
    table.stack = on_stack([counterspell, LIONS])
    table.act(1, "-1")
    table.stack = []
    table.seats[0].graveyard, table.seats[1].graveyard = [LIONS], [counterspell]
    assert table.act(0, "-1") == ["Red: Lions is countered"]


def test_a_change_of_control(table: Table) -> None:
    """The one who lost it is named."""
    table.seats[0].battlefield = [LIONS]
    table.begin()
    table.seats[0].battlefield, table.seats[1].battlefield = [], [LIONS]
    assert table.act(0, "-1") == ["Red: Lions comes under new control"]


def test_from_hand_or_from_library(table: Table) -> None:
    """A card that its owner was seen holding was discarded; another came from the library."""
    table.seats[0].hand = [BOLT]
    table.begin()
    table.seats[0].hand, table.seats[0].graveyard = [], [BOLT, spell(8, "Shock")]
    table.seats[0].library -= 1
    assert table.act(1, "-1") == [
        "Red: Bolt is discarded",
        "Red: Shock goes from the library to the graveyard",
    ]


def test_a_seat_without_recorded_decisions(table: Table) -> None:
    """A card that it drew and cast between two decisions of the other seat: no one can say from
    where it came, only that it is in the graveyard, and in which turns that happened."""
    table.begin()
    table.turn, table.seats[1].library, table.seats[0].life = 3, 39, 17
    table.seats[1].graveyard = [BOLT]
    assert table.act(0, "-1")[:4] == [
        "until the next recorded decision, in turn 3:",
        "Red: 20 → 17 life",
        "White: Bolt goes to the graveyard",
        "Turn 3 · Red",
    ]


def test_a_library_that_has_not_shrunk_gave_no_card(table: Table) -> None:
    """Wherever the card came from, it was not milled."""
    table.begin()
    table.seats[0].graveyard = [BOLT]
    assert table.act(0, "-1") == ["Red: Bolt goes to the graveyard"]


def test_the_end_says_what_was_known_last(table: Table) -> None:
    """The blow that ended the game comes after the last decision."""
    table.begin()
    table.seats[1].life = 3
    table.act(0, "-1")
    assert [line.text for line in table.story.finish()] == [
        "life at the last recorded decision: Red 20, White 3"
    ]


def test_draws_beyond_the_turns_own_are_told(table: Table) -> None:
    """The active player's first draw of a turn is no news."""
    table.turn, table.active = 2, 1
    table.seats[1].library, table.seats[1].hidden = 39, 1
    assert not [text for text in table.act(1, "-1") if "draws" in text]
    table.seats[1].library, table.seats[1].hidden = 37, 3
    table.seats[0].library, table.seats[0].hidden = 39, 1
    assert table.act(1, "-1") == ["Red: draws 1 card", "White: draws 2 cards"]


def test_counters_and_loyalty(table: Table) -> None:
    """From what to what; the loyalty of a planeswalker is shown once."""
    walker = Card(5, "Chandra", is_planeswalker=True, loyalty=4, counters=(Counter("LOYALTY", 4),))
    table.seats[0].battlefield = [LIONS, walker]
    table.begin()
    table.seats[0].battlefield = [
        creature(2, "Lions", counters=(Counter("P1P1", 2),)),
        Card(5, "Chandra", is_planeswalker=True, loyalty=5, counters=(Counter("LOYALTY", 5),)),
    ]
    assert table.act(0, "-1") == ["Red: Lions: P1P1 counters 0 → 2", "Red: Chandra: loyalty 4 → 5"]


def test_what_happened_before_a_turn_stands_before_its_header(table: Table) -> None:
    """Damage of the last combat belongs to the turn that ended."""
    table.seats[0].life, table.turn, table.active = 15, 2, 1
    texts = table.ask(1, DecisionType.CHOOSE_ACTION, "-1", actions=(Action(-1),))
    assert texts[:2] == ["Red: 20 → 15 life", "Turn 2 · White"]


def test_triggers_and_spells_that_nobody_was_asked_about(table: Table) -> None:
    """Each is shown when it is first seen on the stack; what was announced or activated is not."""
    table.seats[0].hand = [BOLT]
    table.act(0, "0", cast(0, BOLT))
    table.stack = [
        StackItem(3, controller="Agent(2)-White", source_card="Eidolon", is_spell=False),
        StackItem(2, source_card="Wish", source_card_id=70),
        StackItem(
            1, controller="Agent(1)-Red", source_card="Rift", source_card_id=8, is_spell=True
        ),
        *on_stack([BOLT]),
    ]
    assert table.act(0, "-1") == ["Red casts Bolt", "Red: Rift is cast", "White: Eidolon triggers"]
    assert table.act(0, "-1") == []
