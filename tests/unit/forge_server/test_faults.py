"""The known faults, each with the sign by which a client sees it, and the build without them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trainingrun_daemon.rules.combat import can_attack
from trainingrun_daemon.rules.enums import Zone
from trainingrun_daemon.rules.model import Card, Combat, StackItem

from testkit.forge_client import Decision, play
from testkit.forge_server.cards import CARDS
from testkit.forge_server.faults import FAITHFUL, REPAIRED, EngineError, Fault, Version

Serve = Callable[..., int]
SetTable = Callable[..., Any]
WriteDeck = Callable[..., Path]


def _own(decision: Decision) -> Decision:
    """Return what a repeated question has in common with the one before."""
    return {
        key: value for key, value in decision.items() if key not in ("decision_id", "game_state")
    }


def _cards_of(decision: Decision) -> Counter[str]:
    """Count the cards of each seat in all zones that a client sees, libraries included."""
    counted: Counter[str] = Counter()
    for player in decision["game_state"]["players"]:
        zones = ("hand", "graveyard", "battlefield", "exile")
        counted[player["name"]] += player["library_size"]
        counted[player["name"]] += sum(len(player[zone]) for zone in zones)
    for item in decision["game_state"]["stack"]:
        counted[item["controller"]] += 1
    return counted


def _play_first(decision: Decision) -> str:
    """Play the first action that is no mana, attack with everything."""
    if decision["decision_type"] == "declare_attackers":
        return ",".join(str(entry["index"]) for entry in decision["attackers"])
    for entry in decision.get("actions", ()):
        if "Add {" not in entry["description"]:
            return str(entry["index"])
    return "0"


# --- free mana


def test_mana_is_free(set_table: SetTable) -> None:
    """As many lands are untapped as before, `mana_pool` too; spells are listed without mana."""
    table = set_table(FAITHFUL)
    land = table.put("Mountain", Zone.BATTLEFIELD)
    giant = table.put("Hill Giant", Zone.HAND)
    table.answer("0")
    assert table.agent.act(0)
    assert giant.zone is Zone.STACK
    assert [item.card for item in table.game.stack] == [giant]
    assert not land.tapped


def test_a_repaired_build_lists_what_can_be_paid_for_and_taps_for_it(set_table: SetTable) -> None:
    """Without the fault the payment is made."""
    table = set_table(REPAIRED)
    land = table.put("Mountain", Zone.BATTLEFIELD)
    table.put("Hill Giant", Zone.HAND)
    goblin = table.put("Raging Goblin", Zone.HAND)
    table.answer("0")
    assert table.agent.act(0)
    (decision,) = table.decisions()
    assert [entry["card"] for entry in decision["actions"]] == ["Raging Goblin", "Mountain", ""]
    assert goblin.zone is Zone.STACK
    assert land.tapped


# --- vanishing spells


def test_spells_with_targets_vanish(set_table: SetTable) -> None:
    """The chosen card is in no zone and not on the stack; listed also without any target."""
    table = set_table(FAITHFUL)
    shock = table.put("Shock", Zone.HAND)
    table.answer("0", "")
    assert table.agent.act(0)
    assert table.game.stack == []
    table.put("Mountain", Zone.BATTLEFIELD)
    table.agent.act(0)
    before, after = table.decisions()
    assert sum(_cards_of(before).values()) == 1
    assert sum(_cards_of(after).values()) == 1  # the Mountain alone
    assert shock.zone is Zone.STACK


def test_abilities_with_targets_cost_and_do_nothing(set_table: SetTable) -> None:
    """What is paid besides mana is paid; nothing comes onto the stack."""
    table = set_table(FAITHFUL)
    village = table.put("Rockface Village", Zone.BATTLEFIELD)
    table.answer("")
    table.agent.act(0)
    (decision,) = table.decisions()
    listed = decision["actions"]
    (index,) = [entry["index"] for entry in listed if "+1/+0" in entry["description"]]
    table.answer(str(index))
    assert table.agent.act(0)
    assert village.tapped
    assert table.game.stack == []


def test_a_repaired_build_asks_for_targets_as_entities(set_table: SetTable) -> None:
    """The title says what it is about."""
    table = set_table(REPAIRED)
    table.put("Mountain", Zone.BATTLEFIELD)
    table.put("Shock", Zone.HAND)
    table.answer("0", "0")
    assert table.agent.act(0)
    action, entity = table.decisions()
    assert action["decision_type"] == "choose_action"
    assert entity["decision_type"] == "choose_entity"
    assert "Shock" in entity["title"]
    assert table.game.stack[-1].targets == (table.game.players[1],)


def test_in_whole_faithful_games_cards_become_fewer(serve: Serve) -> None:
    """The seat's cards are one fewer."""
    command = "NEWGAME test_red.dck test_red.dck -i -q -s 3"
    faithful = play(serve(FAITHFUL), command, _play_first).decisions
    repaired = play(serve(REPAIRED), command, _play_first).decisions
    assert min(min(_cards_of(decision).values()) for decision in faithful) < 60
    assert {count for each in repaired for count in _cards_of(each).values()} == {60}


# --- triggers


@pytest.mark.parametrize("faults", [FAITHFUL, REPAIRED])
def test_triggers_happen_only_in_a_repaired_build(
    serve: Serve, write_deck: WriteDeck, faults: frozenset[Fault]
) -> None:
    """In a whole game nothing is on the stack that no answer put there."""
    write_deck("guides.dck", "Guides", {"Goblin Guide": 30, "Mountain": 30})
    decisions = play(serve(faults), "NEWGAME guides.dck guides.dck -i -q", _play_first).decisions
    on_stack = [item for decision in decisions for item in decision["game_state"]["stack"]]
    triggers = [item for item in on_stack if " - Creature " not in item["description"]]
    assert on_stack
    assert bool(triggers) is (faults == REPAIRED)


def _waiting(table: Any, name: str) -> None:
    card = table.put(name, Zone.BATTLEFIELD)
    item = StackItem(table.game.new_id(), 0, card, effect=None, text="a trigger")
    item.specs = CARDS["shock"].targets
    table.game.waiting_triggers.append(item)


def test_a_trigger_that_does_not_happen_leaves_nothing_behind(set_table: SetTable) -> None:
    """It is forgotten, and does not happen later."""
    table = set_table(FAITHFUL)
    _waiting(table, "Hill Giant")
    table.agent.settle()
    assert table.game.waiting_triggers == table.game.stack == []


def test_triggers_with_targets_vanish_as_spells_do(set_table: SetTable) -> None:
    """Where triggers happen and targets are not chosen."""
    table = set_table(frozenset({Fault.VANISHING_SPELLS}))
    _waiting(table, "Hill Giant")
    table.agent.settle()
    assert table.game.waiting_triggers == table.game.stack == []
    assert table.decisions() == []


# --- loops


def _cyclops(table: Any) -> tuple[Combat, list[Card]]:
    for name in ("Hill Giant", "Bloodrock Cyclops"):
        table.put(name, Zone.BATTLEFIELD)
    combat = table.game.combat = Combat(0, [])
    return combat, [card for card in table.game.players[0].battlefield if can_attack(card)]


def test_an_attack_against_the_rules_is_asked_for_again_at_once(set_table: SetTable) -> None:
    """The same seat, own fields and answer again; what was declared stays declared."""
    table = set_table(FAITHFUL)
    combat, candidates = _cyclops(table)
    table.answer(*[""] * 25, "0", "1")
    table.agent.attack(combat, candidates)
    decisions = table.decisions()
    assert len(decisions) == 27
    assert all(_own(decision) == _own(decisions[0]) for decision in decisions)
    assert combat.attackers == candidates
    assert "combat" in decisions[-1]["game_state"]


def test_a_repaired_build_adds_who_must_attack(set_table: SetTable) -> None:
    """Without the fault the declaration is completed."""
    table = set_table(REPAIRED)
    combat, candidates = _cyclops(table)
    table.answer("")
    table.agent.attack(combat, candidates)
    assert len(table.decisions()) == 1
    assert combat.attackers == candidates[1:]


def test_free_abilities_can_be_repeated_for_ever(set_table: SetTable) -> None:
    """No limit for seats that are no AI."""
    table = set_table(FAITHFUL)
    table.put("Burnout Bashtronaut", Zone.BATTLEFIELD)
    for _ in range(1010):
        table.answer("0")
        assert table.agent.act(0)
        table.game.stack.clear()
        decisions = table.decisions()
    assert decisions[-1]["actions"][0]["mana_cost"] == "{2}"


def test_the_oldest_version_carries_no_action_out(set_table: SetTable) -> None:
    """The same question again after every answer."""
    table = set_table(FAITHFUL, Version.OLDEST)
    land = table.put("Mountain", Zone.HAND)
    table.answer("0", "0", "")
    assert table.agent.act(0)
    assert table.agent.act(0)
    assert not table.agent.act(0)
    decisions = table.decisions()
    assert len(decisions) == 3
    assert all(_own(decision) == _own(decisions[0]) for decision in decisions)
    assert land.zone is Zone.HAND
    texts = [entry["description"] for entry in decisions[0]["actions"]]
    assert texts == ["Play land", "{T}: Add {R}.", "Pass priority"]


# --- crashes


def test_costs_paid_with_chosen_cards_are_a_game_error(serve: Serve, write_deck: WriteDeck) -> None:
    """Costs that only the AI's controller can pay: GAME_ERROR, then a draw."""
    write_deck("bone.dck", "Bone", {"Bitter Triumph": 20, "Swamp": 20, "Goblin Piker": 20})
    transcript = play(serve(FAITHFUL), "NEWGAME bone.dck bone.dck -i -q", _play_first)
    error, result = transcript.log
    assert error.startswith("GAME_ERROR: java.lang.")
    assert result.startswith("GAME_RESULT: Draw in ")


def test_a_repaired_build_asks_with_which_cards(set_table: SetTable) -> None:
    """As choose_cards."""
    table = set_table(frozenset({Fault.FREE_MANA}))
    discarded = table.put("Swamp", Zone.HAND)
    table.put("Swamp", Zone.HAND)
    table.put("Hill Giant", Zone.BATTLEFIELD, seat=1)
    table.game.players[0].lands_played = 1
    table.put(_DISCARDER, Zone.HAND)
    table.answer("0", "0")
    assert table.agent.act(0)
    assert [each["decision_type"] for each in table.decisions()] == [
        "choose_action",
        "choose_cards",
    ]
    assert discarded.zone is Zone.GRAVEYARD


def test_a_fault_can_be_switched_on_alone(set_table: SetTable) -> None:
    """With free mana alone, targets are asked for."""
    table = set_table(frozenset({Fault.FREE_MANA}))
    table.put("Shock", Zone.HAND)
    table.answer("0", "0")
    assert table.agent.act(0)
    assert len(table.game.stack) == 1


def test_costs_with_cards_crash_before_anything_is_paid(set_table: SetTable) -> None:
    """The card stays where it is."""
    table = set_table(FAITHFUL)
    table.put("Swamp", Zone.HAND)
    table.game.players[0].lands_played = 1
    card = table.put(_DISCARDER, Zone.HAND)
    table.answer("0")
    with pytest.raises(EngineError, match="ClassCastException"):
        table.agent.act(0)
    assert card.zone is Zone.HAND


_DISCARDER = "Bitter Triumph"
