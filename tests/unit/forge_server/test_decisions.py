"""The eleven decision types: their fields, and how an answer is read (the original's dialect)."""

import json
import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from trainingrun_daemon.rules.choices import (
    AnnounceValue,
    ChooseAbility,
    ChooseCards,
    ChooseEntity,
    Confirm,
    ConfirmKind,
    Reveal,
    ask_ability,
    ask_cards,
    ask_confirm,
    ask_entity,
    ask_value,
)
from trainingrun_daemon.rules.combat import can_attack
from trainingrun_daemon.rules.enums import Keyword, Purpose, Zone
from trainingrun_daemon.rules.model import Combat
from trainingrun_daemon.rules.steps import Steps

from testkit.forge_client import Decision, play
from testkit.forge_server.faults import FAITHFUL, REPAIRED, EngineError, Fault
from testkit.forge_server.java import find_int

Serve = Callable[..., int]
SetTable = Callable[..., Any]
WriteDeck = Callable[..., Path]

COMMON = ("decision_type", "decision_id", "player", "turn", "phase", "game_state")
OWN = {
    "choose_action": ("actions", "message"),
    "declare_attackers": ("attackers", "defenders", "message"),
    "declare_blockers": ("blockers", "attackers", "message"),
    "choose_ability": ("card", "abilities", "message"),
    "play_trigger": ("trigger_card", "trigger", "message"),
    "play_from_effect": ("spell", "message"),
    "confirm_action": ("mode", "message", "card"),
    "choose_cards": ("title", "cards", "min", "max", "optional", "message"),
    "choose_entity": ("title", "entities", "optional", "message"),
    "announce_value": ("ability", "announce", "message"),
    "reveal": ("zone", "owner", "cards"),
}
FIGHTER = {"index", "card_id", "name", "power", "toughness"}
ENTRIES = {
    "actions": {"index", "description", "card", "card_id", "mana_cost", "is_land"},
    "attackers": FIGHTER,
    "blockers": FIGHTER,
    "abilities": {"index", "description", "mana_cost"},
    "cards": {"index", "card_id", "name"},
}
"""Of each list the fields of an entry; those of defenders and entities vary."""
RICH = {
    "Smuggler's Copter": 6,
    "Goblin Guide": 6,
    "Rift Bolt": 6,
    "Duress": 5,
    "Path to Exile": 4,
    "Torch the Witness": 3,
    "Mountain": 14,
    "Forest": 6,
}


def _check_form(decision: Decision) -> None:
    """Assert that a decision has exactly the fields of its type, in their order."""
    kind = decision["decision_type"]
    own = OWN[kind]
    if kind == "confirm_action" and "card" not in decision:
        own = own[:-1]
    assert tuple(decision) == (*COMMON, *own)
    for name, keys in ENTRIES.items():
        if name in decision and kind != "reveal":
            assert all(set(entry) == keys for entry in decision[name]), name
    if kind == "reveal":
        assert all(isinstance(card, str) for card in decision["cards"])


class Script:
    """Plays what it can: an action that is no mana with some chance, attacks, blocks, yes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, decision: Decision) -> str:
        """Answer a decision."""
        match decision["decision_type"]:
            case "choose_action":
                usual = [
                    entry["index"]
                    for entry in decision["actions"][:-1]
                    if "Add {" not in entry["description"]
                ]
                passes = not usual or self._random.random() < 0.5
                return "-1" if passes else str(self._random.choice(usual))
            case "declare_attackers":
                chosen = [str(entry["index"]) for entry in decision["attackers"]]
                return ",".join(each for each in chosen if self._random.random() < 0.6)
            case "declare_blockers":
                return ",".join(f"{entry['index']}:0" for entry in decision["blockers"][:1])
            case "choose_cards":
                return ",".join(str(index) for index in range(decision["min"]))
            case "choose_entity" | "choose_ability" | "announce_value":
                return "0"
            case _:
                return "y"


def _steps_of(asking: Any, results: list[Any]) -> Steps:
    """Ask one question and keep what came of it."""
    results.append((yield from asking))


# --- whole games


def test_whole_games_have_the_fields_of_each_type_and_no_others(
    serve: Serve, write_deck: WriteDeck
) -> None:
    """Ten of the eleven types in whole games; own fields, complete."""
    cards = {name: count for name, count in RICH.items() if count}
    write_deck("rich.dck", "Rich", cards)
    port = serve(frozenset({Fault.FREE_MANA}))
    kinds: Counter[str] = Counter()
    for seed in range(6):
        transcript = play(port, f"NEWGAME rich.dck rich.dck -i -q -s {seed}", Script(seed))
        assert transcript.lines[-1].startswith("GAME_RESULT: ")
        for decision in transcript.decisions:
            _check_form(decision)
            kinds[decision["decision_type"]] += 1
    assert set(kinds) == set(OWN) - {"choose_ability"}


@pytest.mark.parametrize("decks", ["boros_aggro mono_red_aggro", "dimir_midrange jeskai_control"])
def test_games_of_a_repaired_build_end_with_a_result(serve: Serve, decks: str) -> None:
    """The same for decks that people play."""
    first, second = decks.split()
    port = serve(REPAIRED)
    for seed in range(3):
        command = f"NEWGAME {first}.dck {second}.dck -i -q -s {seed}"
        transcript = play(port, command, Script(seed))
        (result,) = transcript.log
        assert result.startswith("GAME_RESULT: Agent(")
        for decision in transcript.decisions:
            _check_form(decision)


def test_decision_ids_count_from_0_for_each_seat(serve: Serve) -> None:
    """`decision_id` (from 0, **for each seat on its own**)."""
    transcript = play(serve(), "NEWGAME test_red.dck test_blue.dck -i -q", Script(1))
    for seat in (1, 2):
        ids = [
            decision["decision_id"]
            for decision in transcript.decisions
            if decision["player"].startswith(f"Agent({seat})-")
        ]
        assert ids == list(range(len(ids)))


def test_nearly_every_priority_of_either_turn_asks(serve: Serve) -> None:
    """An untapped land is an action, so nearly every priority of either turn asks."""
    decisions = play(serve(), "NEWGAME test_red.dck test_blue.dck -i -q", Script(2)).decisions
    late = [decision for decision in decisions if decision["turn"] >= 6]
    asked = {
        (decision["player"] == decision["game_state"]["active_player"], decision["phase"])
        for decision in late
        if decision["decision_type"] == "choose_action"
    }
    for phase in ("UPKEEP", "DRAW", "MAIN1", "COMBAT_BEGIN", "COMBAT_END", "MAIN2", "END_OF_TURN"):
        assert {(True, phase), (False, phase)} <= asked, phase


def test_who_acted_keeps_priority(serve: Serve) -> None:
    """The same seat is asked next, with its own spell still on the stack."""
    command = "NEWGAME test_red.dck test_red.dck -i -q -s 2"
    transcript = play(serve(frozenset({Fault.FREE_MANA})), command, Script(2))
    casts = [
        (before, after)
        for (before, answer), after in zip(
            zip(transcript.decisions, transcript.answers, strict=True),
            transcript.decisions[1:],
            strict=False,
        )
        if before["decision_type"] == "choose_action"
        and answer != "-1"
        and "Creature" in before["actions"][int(answer)]["description"]
    ]
    assert casts
    for before, after in casts:
        assert after["player"] == before["player"]
        assert len(after["game_state"]["stack"]) == len(before["game_state"]["stack"]) + 1


def test_mulligans_and_hands_too_large_are_never_asked_about(serve: Serve) -> None:
    """Kept; the first cards of the hand are discarded."""
    decisions = play(serve(), "NEWGAME test_red.dck test_blue.dck -i -q").decisions
    assert {decision["decision_type"] for decision in decisions} <= {"choose_action"}
    opening = decisions[0]["game_state"]["players"]
    assert all(player["hand_size"] + player["library_size"] == 60 for player in opening)
    full = [
        (before["game_state"]["players"][seat], after["game_state"]["players"][seat])
        for before, after in pairwise(decisions)
        for seat in (0, 1)
        if before["game_state"]["players"][seat]["hand_size"] == 8
        and after["game_state"]["players"][seat]["hand_size"] == 7
    ]
    assert full
    for before, after in full:
        assert after["graveyard"][-1]["id"] == before["hand"][0]["id"]


# --- choose_action


def test_actions_are_those_of_each_card_in_order_and_a_pass(set_table: SetTable) -> None:
    """**Mana abilities are actions**, after those of the hand; `is_land`: the source is a land."""
    table = set_table(FAITHFUL)
    table.put("Mountain", Zone.HAND)
    table.put("Shock", Zone.HAND)
    table.put("Shock", Zone.HAND)
    land = table.put("Sacred Foundry", Zone.BATTLEFIELD)
    table.answer("-1")
    assert not table.agent.act(0)
    (decision,) = table.decisions()
    texts = [entry["description"] for entry in decision["actions"]]
    assert texts[3:] == ["{T}: Add {R}.", "{T}: Add {W}.", "Pass priority"]
    assert [entry["index"] for entry in decision["actions"]] == [0, 1, 2, 3, 4, -1]
    assert [entry["mana_cost"] for entry in decision["actions"]] == [
        "no cost",
        "{R}",
        "{R}",
        "{0}",
        "{0}",
        "",
    ]
    assert [entry["is_land"] for entry in decision["actions"]] == [
        True,
        False,
        False,
        True,
        True,
        False,
    ]
    assert decision["actions"][3]["card_id"] == land.id
    assert decision["actions"][-1]["card_id"] == -1


def test_a_seat_without_any_action_is_not_asked(set_table: SetTable) -> None:
    """Without an action the original passes by itself."""
    table = set_table(FAITHFUL)
    table.put("Mountain", Zone.BATTLEFIELD).tapped = True
    assert not table.agent.act(0)
    assert table.decisions() == []


@pytest.mark.parametrize("answer", ["", "-1", "pass", "PASS", "99", "none", "0.5", "[0]", "1_0"])
def test_all_but_an_index_passes(set_table: SetTable, answer: str) -> None:
    """choose_action: index; all else passes."""
    table = set_table(FAITHFUL)
    table.put("Mountain", Zone.HAND)
    table.answer(answer)
    assert not table.agent.act(0)


def test_a_mana_ability_taps_the_land_and_fills_the_pool(set_table: SetTable) -> None:
    """It is carried out at once."""
    table = set_table(FAITHFUL)
    land = table.put("Mountain", Zone.BATTLEFIELD)
    table.answer("0")
    assert table.agent.act(0)
    assert land.tapped
    table.put("Shock", Zone.HAND)
    table.answer("")
    table.agent.act(0)
    pool = table.decisions()[-1]["game_state"]["players"][0]["mana_pool"]
    assert pool == {
        "total": 1,
        "white": 0,
        "blue": 0,
        "black": 0,
        "red": 1,
        "green": 0,
        "colorless": 0,
    }


def test_optional_costs_are_never_paid_for(set_table: SetTable) -> None:
    """Never asked: optional costs (none)."""
    table = set_table(FAITHFUL)
    table.put("Burst Lightning", Zone.HAND)
    table.answer("")
    table.agent.act(0)
    (decision,) = table.decisions()
    assert len(decision["actions"]) == 2


@pytest.mark.parametrize(
    "text", ["1_0", "\N{ARABIC-INDIC DIGIT ONE}", " 1", "1.0", "", "2147483648", "9" * 40]
)
def test_what_java_reads_as_no_number_is_none(text: str) -> None:
    """Whole numbers of 32 bits in plain digits."""
    assert find_int(text) is None


@pytest.mark.parametrize(("text", "number"), [("+1", 1), ("-3", -3), ("007", 7)])
def test_signs_and_leading_zeros_are_read(text: str, number: int) -> None:
    """As Java does."""
    assert find_int(text) == number


# --- attackers and blockers


def _battle(table: Any) -> Combat:
    table.game.combat = Combat(0, [])
    for card in table.game.players[0].battlefield:
        card.is_sick = False
    return table.game.combat


def _attack(table: Any, combat: Combat) -> Decision:
    candidates = [card for card in table.game.players[0].battlefield if can_attack(card)]
    table.agent.attack(combat, candidates)
    decision: Decision = table.decisions()[-1]
    return decision


@pytest.mark.parametrize(
    ("answer", "indices"),
    [
        ("0,1", [0, 1]),
        ("[1]", [1]),
        ("1,1,x,7,-1", [1]),
        ("none", []),
        ("[]", []),
        ("", []),
        ("-1", []),
    ],
)
def test_attackers_are_indices_and_all_attack_the_first_defender(
    set_table: SetTable, answer: str, indices: list[int]
) -> None:
    """declare_attackers: indices; all attack the first defender."""
    table = set_table(FAITHFUL)
    creatures = [table.put("Hill Giant", Zone.BATTLEFIELD) for _ in range(2)]
    table.put("Chandra, Spark Hunter", Zone.BATTLEFIELD, seat=1)
    combat = _battle(table)
    table.answer(answer)
    decision = _attack(table, combat)
    _check_form(decision)
    assert decision["defenders"] == [
        {"name": "Agent(2)-B", "type": "player", "life": 20},
        {"name": "Chandra, Spark Hunter", "type": "planeswalker"},
    ]
    assert combat.attackers == [creatures[index] for index in indices]
    assert combat.targets == {}


def test_a_blockers_index_is_its_place_among_all_creatures_of_its_seat(set_table: SetTable) -> None:
    """Tapped ones are counted and left out, so that indices have gaps."""
    table = set_table(FAITHFUL)
    combat = _battle(table)
    combat.attackers.append(table.put("Hill Giant", Zone.BATTLEFIELD))
    table.put("Mountain", Zone.BATTLEFIELD, seat=1)
    tapped = table.put("Goblin Piker", Zone.BATTLEFIELD, seat=1)
    tapped.tapped = True
    upright = table.put("Hill Giant", Zone.BATTLEFIELD, seat=1)
    table.answer("1:0")
    table.agent.block(combat)
    (decision,) = table.decisions()
    _check_form(decision)
    assert [(entry["index"], entry["card_id"]) for entry in decision["blockers"]] == [
        (1, upright.id)
    ]
    assert combat.blockers[combat.attackers[0].id] == [upright]


def test_no_pair_of_blocks_is_checked(set_table: SetTable) -> None:
    """A wrong index puts a tapped creature into combat; ground creatures stop flying ones."""
    table = set_table(FAITHFUL)
    combat = _battle(table)
    combat.attackers.append(table.put("Air Elemental", Zone.BATTLEFIELD))
    tapped = table.put("Goblin Piker", Zone.BATTLEFIELD, seat=1)
    tapped.tapped = True
    other = table.put("Hill Giant", Zone.BATTLEFIELD, seat=1)
    table.answer("0:0, 1:0,9:0,0:None,2,1:0")
    table.agent.block(combat)
    assert combat.blockers[combat.attackers[0].id] == [tapped, other]


def test_the_list_of_blockers_may_be_empty(set_table: SetTable) -> None:
    """Those that cannot block are left out."""
    table = set_table(FAITHFUL)
    combat = _battle(table)
    combat.attackers.append(table.put("Hill Giant", Zone.BATTLEFIELD))
    table.put("Hill Giant", Zone.BATTLEFIELD, seat=1).tapped = True
    table.answer("")
    table.agent.block(combat)
    (decision,) = table.decisions()
    assert decision["blockers"] == []


def test_all_damage_goes_to_the_first_blocker_and_none_tramples_over(set_table: SetTable) -> None:
    """Never asked: damage (all to the first blocker, none tramples over)."""
    table = set_table(FAITHFUL)
    trampler = table.put("Colossal Dreadmaw", Zone.BATTLEFIELD)
    assert Keyword.TRAMPLE in trampler.keywords
    blockers = [table.put("Goblin Piker", Zone.BATTLEFIELD, seat=1) for _ in range(2)]
    shares = table.agent.assign_damage(trampler, blockers, table.game.players[1])
    assert shares == [(blockers[0], 6)]


# --- cards, entities, abilities, values


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ("2,0", [2, 0]),
        ("", [0, 1]),
        ("none", [0, 1]),
        ("1", [1, 0]),
        ("0,1,2", [0, 1]),
        ("9,x", [0, 1]),
    ],
)
def test_too_few_cards_are_filled_up_in_order(
    set_table: SetTable, answer: str, chosen: list[int]
) -> None:
    """choose_cards: indices; too few are filled up in order. `title`: `Discard` for discards."""
    table = set_table(REPAIRED)
    cards = [table.put("Shock", Zone.HAND) for _ in range(3)]
    choice = ChooseCards(0, cards, count=(2, 2), message="Discard two", purpose=Purpose.DISCARD)
    results: list[Any] = []
    table.answer(answer)
    table.run(_steps_of(ask_cards(choice), results))
    (decision,) = table.decisions()
    _check_form(decision)
    assert (decision["title"], decision["min"], decision["max"]) == ("Discard", 2, 2)
    assert decision["optional"] is False
    assert results == [[cards[index] for index in chosen]]


def test_optional_cards_may_be_none(set_table: SetTable) -> None:
    """Without a minimum none need be chosen."""
    table = set_table(REPAIRED)
    cards = [table.put("Shock", Zone.BATTLEFIELD) for _ in range(2)]
    choice = ChooseCards(0, cards, count=(0, 2), message="Give up", purpose=Purpose.SACRIFICE)
    results: list[Any] = []
    table.answer("none")
    table.run(_steps_of(ask_cards(choice), results))
    (decision,) = table.decisions()
    assert decision["optional"] is True
    assert decision["title"] == "Give up"
    assert results == [[]]


def test_searches_take_the_first_and_a_scry_goes_to_the_bottom(set_table: SetTable) -> None:
    """Never asked: search results (first), scry (bottom), surveil (graveyard)."""
    table = set_table(REPAIRED)
    cards = [table.put("Shock", Zone.LIBRARY) for _ in range(3)]
    results: list[Any] = []
    search = ChooseCards(0, cards, count=(1, 1), message="Search: one", purpose=Purpose.KEEP)
    dig = ChooseCards(0, cards, count=(0, 2), message="up to 2", purpose=Purpose.KEEP)
    table.run(_steps_of(ask_cards(dig), results))
    scry = ChooseCards(0, cards, count=(0, 3), message="Scry 3", purpose=Purpose.BOTTOM)
    table.run(_steps_of(ask_cards(search), results))
    table.run(_steps_of(ask_cards(scry), results))
    assert results == [[], [cards[0]], cards]
    assert table.decisions() == []


def _entity_choice(table: Any, *, optional: bool) -> ChooseEntity:
    creature = table.put("Hill Giant", Zone.BATTLEFIELD, seat=1)
    return ChooseEntity(
        0,
        [table.game.players[1], creature],
        source=table.put("Shock", Zone.HAND),
        message="Shock: choose any target",
        purpose=Purpose.DAMAGE,
        optional=optional,
    )


def test_only_cards_among_entities_have_an_id(set_table: SetTable) -> None:
    """choose_entity: `entities[]`: index, name, card_id (**cards only**)."""
    table = set_table(REPAIRED)
    choice = _entity_choice(table, optional=False)
    table.answer("1")
    results: list[Any] = []
    table.run(_steps_of(ask_entity(choice), results))
    (decision,) = table.decisions()
    _check_form(decision)
    assert decision["entities"] == [
        {"index": 0, "name": "Agent(2)-B"},
        {"index": 1, "name": "Hill Giant", "card_id": results[0].id},
    ]
    assert results == [choice.entities[1]]


@pytest.mark.parametrize("answer", ["-1", "", "none"])
def test_an_optional_entity_is_declined(set_table: SetTable, answer: str) -> None:
    """`-1`, empty, `none` decline an optional one."""
    table = set_table(REPAIRED)
    choice = _entity_choice(table, optional=True)
    table.answer(answer)
    results: list[Any] = []
    table.run(_steps_of(ask_entity(choice), results))
    assert results == [None]
    assert len(table.lines()) == 1


@pytest.mark.parametrize("answer", ["-1", "", "none", "2", "x", "99999999999"])
def test_a_bad_entity_is_the_first_with_an_error_line_and_no_second_answer(
    set_table: SetTable, answer: str
) -> None:
    """`ERROR: …` **in mid-game** follows a bad answer: the minimum was taken, no answer is owed."""
    table = set_table(REPAIRED)
    choice = _entity_choice(table, optional=False)
    table.answer(answer)
    results: list[Any] = []
    table.run(_steps_of(ask_entity(choice), results))
    decision, error = table.lines()
    assert decision.startswith("DECISION:{")
    assert error.startswith("ERROR: ")
    assert results == [choice.entities[0]]


def test_which_of_two_legends_stays_is_an_entity(set_table: SetTable) -> None:
    """It has a title, and its entities are cards."""
    table = set_table(REPAIRED)
    cards = [table.put("Chandra, Spark Hunter", Zone.BATTLEFIELD) for _ in range(2)]
    choice = ChooseCards(0, cards, count=(1, 1), message="Choose one", purpose=Purpose.KEEP)
    results: list[Any] = []
    table.answer("1")
    table.run(_steps_of(ask_cards(choice), results))
    (decision,) = table.decisions()
    _check_form(decision)
    assert decision["decision_type"] == "choose_entity"
    assert [entry["card_id"] for entry in decision["entities"]] == [card.id for card in cards]
    assert results == [[cards[1]]]


def test_a_way_to_play_a_card_is_chosen_among_abilities(set_table: SetTable) -> None:
    """choose_ability: `card`, `abilities[]`; a bad answer takes the first, with an error line."""
    table = set_table(REPAIRED)
    card = table.put("Wear // Tear", Zone.GRAVEYARD)
    choice = ChooseAbility(0, ["Wear", "Tear"], source=card, message="choose a half")
    results: list[Any] = []
    table.answer("1", "5")
    table.run(_steps_of(ask_ability(choice), results))
    table.run(_steps_of(ask_ability(choice), results))
    first, second, error = table.lines()
    _check_form(json.loads(first.removeprefix("DECISION:")))
    assert second.startswith("DECISION:{")
    assert error.startswith("ERROR: ")
    assert results == [1, 0]


def test_modes_colours_and_types_are_the_first(set_table: SetTable) -> None:
    """Never asked: modes (first), colours, types."""
    table = set_table(REPAIRED)
    card = table.put("Boros Charm", Zone.HAND)
    choice = ChooseAbility(0, ["Island", "Swamp"], source=card, message="choose a type")
    results: list[Any] = []
    table.run(_steps_of(ask_ability(choice), results))
    assert results == [0]
    assert table.decisions() == []


@pytest.mark.parametrize(
    ("answer", "value"), [("3", 3), ("0", 0), ("-1", 0), ("many", 0), ("80", 5)]
)
def test_x_has_no_bounds_and_bad_values_are_0(set_table: SetTable, answer: str, value: int) -> None:
    """announce_value: 0 or more, **no bounds**; bad ones are 0, with an error line."""
    table = set_table(REPAIRED)
    card = table.put("Torch the Witness", Zone.HAND)
    choice = AnnounceValue(0, limits=(0, 5), source=card, message="choose X")
    results: list[Any] = []
    table.answer(answer)
    table.run(_steps_of(ask_value(choice), results))
    decision, *errors = table.lines()
    own = json.loads(decision.removeprefix("DECISION:"))
    _check_form(own)
    assert own["announce"] == "X"
    assert [line[:7] for line in errors] == ["ERROR: "] * (answer in ("-1", "many"))
    assert results == [value]


def test_where_targets_are_not_chosen_x_is_0_without_a_question(set_table: SetTable) -> None:
    """The original casts by the AI's way, which announces nothing."""
    table = set_table(FAITHFUL)
    card = table.put("Torch the Witness", Zone.HAND)
    choice = AnnounceValue(0, limits=(0, 5), source=card, message="choose X")
    results: list[Any] = []
    table.run(_steps_of(ask_value(choice), results))
    assert results == [0]
    assert table.lines() == []


# --- yes or no, revealed cards


def _confirm(kind: ConfirmKind, purpose: Purpose = Purpose.SEARCH) -> Confirm:
    return Confirm(0, message="Copter: draw a card", purpose=purpose, kind=kind)


@pytest.mark.parametrize("kind", list(ConfirmKind))
@pytest.mark.parametrize(
    ("answer", "agrees"),
    [
        ("y", True),
        ("Yes", True),
        ("yep", True),
        ("1", True),
        ("TRUE", True),
        ("n", False),
        ("0", False),
        ("-1", False),
        ("", False),
        ("11", False),
        ("ja", False),
    ],
)
def test_yes_is_what_begins_with_y_1_and_true(
    set_table: SetTable, kind: ConfirmKind, answer: str, *, agrees: bool
) -> None:
    """play_trigger, play_from_effect, confirm_action: yes or no."""
    table = set_table(REPAIRED)
    results: list[Any] = []
    table.answer(answer)
    table.run(_steps_of(ask_confirm(_confirm(kind)), results))
    (decision,) = table.decisions()
    _check_form(decision)
    assert decision["decision_type"] == kind.value
    assert results == [agrees]


def test_a_message_is_a_constant_of_its_type(set_table: SetTable) -> None:
    """`message` is a constant of the type."""
    table = set_table(REPAIRED)
    table.answer("y", "y")
    table.run(_steps_of(ask_confirm(_confirm(ConfirmKind.ACTION)), []))
    table.run(_steps_of(ask_confirm(Confirm(1, message="Other", purpose=Purpose.SEARCH)), []))
    first, second = table.decisions()
    assert first["message"] == second["message"] == "Confirm action? (y/n)"


def test_payments_that_prevent_something_are_declined_in_silence(set_table: SetTable) -> None:
    """Never asked: payments that prevent something (declined)."""
    table = set_table(REPAIRED)
    results: list[Any] = []
    table.run(_steps_of(ask_confirm(_confirm(ConfirmKind.ACTION, Purpose.PAY)), results))
    assert results == [False]
    assert table.decisions() == []


def test_reveal_is_a_log_line_for_each_seat(set_table: SetTable) -> None:
    """No one waits for an answer: the next line answers the next question."""
    table = set_table(REPAIRED)
    cards = [table.put("Shock", Zone.HAND, seat=1), table.put("Island", Zone.HAND, seat=1)]
    results: list[Any] = []

    def steps() -> Steps:
        yield Reveal(0, cards, message="a hand")
        results.append((yield from ask_confirm(_confirm(ConfirmKind.ACTION))))

    table.answer("y")
    table.run(steps())
    first, second, _ = decisions = table.decisions()
    for decision in decisions:
        _check_form(decision)
    assert [first["player"], second["player"]] == ["Agent(1)-A", "Agent(2)-B"]
    assert first["cards"] == ["Shock", "Island"]
    assert (first["zone"], first["owner"]) == ("Hand", "Agent(2)-B")
    assert results == [True]


def test_a_question_that_the_original_does_not_know_is_an_engine_error(set_table: SetTable) -> None:
    """`confirm_action` without a mode."""
    table = set_table(FAITHFUL)
    with pytest.raises(EngineError, match="NullPointerException"):
        table.run(_steps_of(ask_confirm(_confirm(ConfirmKind.ACTION, Purpose.USE)), []))
