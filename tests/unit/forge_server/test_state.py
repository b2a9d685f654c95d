"""The fields of ``game_state`` (the original's dialect)."""

import json
from collections.abc import Callable
from typing import Any

from trainingrun_daemon.rules.enums import Phase, Zone
from trainingrun_daemon.rules.model import Combat, StackItem
from trainingrun_daemon.rules.zones import LOYALTY

from testkit.forge_server.encoding import encode_state
from testkit.forge_server.faults import FAITHFUL

SetTable = Callable[..., Any]
State = dict[str, Any]

PLAYER = (
    "name",
    "life",
    "poison",
    "has_lost",
    "lands_played_this_turn",
    "max_land_plays",
    "hand_size",
    "hand",
    "library_size",
    "graveyard",
    "battlefield",
    "exile",
    "mana_pool",
)
CARD = ("id", "name", "mana_cost", "cmc", "types", "oracle_text")
PERMANENT = (
    *CARD,
    "tapped",
    "summoning_sick",
    "is_creature",
    "is_land",
    "is_artifact",
    "is_enchantment",
    "is_planeswalker",
)


def _state(table: Any) -> State:
    state: State = json.loads(encode_state(table.game, 0))
    return state


def test_the_state_has_no_turn_no_phase_and_no_camel_case(set_table: SetTable) -> None:
    """Section 5 without: every camelCase key; `turn` and `phase` of game_state."""
    table = set_table(FAITHFUL)
    state = _state(table)
    assert tuple(state) == ("is_game_over", "active_player", "priority_player", "players", "stack")
    assert tuple(state["players"][0]) == PLAYER
    assert state["active_player"] == state["priority_player"] == "Agent(1)-A"


def test_both_hands_are_shown_and_libraries_are_counts(set_table: SetTable) -> None:
    """**Both hands are shown.**"""
    table = set_table(FAITHFUL)
    for seat in (0, 1):
        table.put("Shock", Zone.HAND, seat=seat)
        table.put("Island", Zone.LIBRARY, seat=seat)
    for player in _state(table)["players"]:
        assert [card["name"] for card in player["hand"]] == ["Shock"]
        assert player["hand_size"] == player["library_size"] == 1


def test_other_zones_tell_what_is_printed(set_table: SetTable) -> None:
    """In other zones no `tapped`, `summoning_sick`, `damage`, `counters`, no `is_…`; `keywords`
    only when there are any."""
    table = set_table(FAITHFUL)
    table.put("Shock", Zone.HAND)
    table.put("Raging Goblin", Zone.GRAVEYARD)
    table.put("Hill Giant", Zone.EXILE)
    table.put("Mountain", Zone.EXILE)
    player = _state(table)["players"][0]
    (shock,), (goblin,), (giant, mountain) = player["hand"], player["graveyard"], player["exile"]
    assert tuple(shock) == tuple(mountain) == CARD
    assert tuple(goblin) == (*CARD, "power", "toughness", "keywords")
    assert tuple(giant) == (*CARD, "power", "toughness")
    assert (shock["mana_cost"], mountain["mana_cost"]) == ("{R}", "no cost")
    assert mountain["types"] == "Basic Land - Mountain"
    assert goblin["keywords"] == ["Haste"]


def test_a_permanent_tells_five_of_its_types_and_its_state(set_table: SetTable) -> None:
    """On the battlefield no `attacking`, `blocking`, `is_token`, `is_instant`, `is_sorcery`."""
    table = set_table(FAITHFUL)
    table.put("Mountain", Zone.BATTLEFIELD).is_sick = True
    table.put("Hill Giant", Zone.BATTLEFIELD)
    land, giant = _state(table)["players"][0]["battlefield"]
    assert tuple(land) == PERMANENT
    assert tuple(giant) == (*PERMANENT, "power", "toughness", "damage")
    assert land["summoning_sick"] is True
    assert giant["summoning_sick"] is False


def test_counters_are_a_string(set_table: SetTable) -> None:
    """`counters` is a string such as `{P1P1=2, LOYALTY=3}`; omitted when empty."""
    table = set_table(FAITHFUL)
    table.put("Hill Giant", Zone.BATTLEFIELD).counters = {"P1P1": 2, "STUN": 1}
    table.put("Chandra, Spark Hunter", Zone.BATTLEFIELD).counters = {LOYALTY: 3}
    giant, chandra = _state(table)["players"][0]["battlefield"]
    assert giant["counters"] == "{P1P1=2, STUN=1}"
    assert chandra["counters"] == "{LOYALTY=3}"
    assert chandra["loyalty"] == 3
    assert chandra["is_planeswalker"] is True


def test_the_stack_has_no_owner_and_its_top_comes_first(set_table: SetTable) -> None:
    """No `stack.` is_spell, owner."""
    table = set_table(FAITHFUL)
    for name in ("Shock", "Lightning Bolt"):
        card = table.put(name, Zone.HAND)
        table.game.stack.append(StackItem(table.game.new_id(), 1, card, effect=None, text=name))
    top, bottom = _state(table)["stack"]
    assert tuple(top) == ("id", "description", "controller", "source_card", "source_card_id")
    assert (top["source_card"], bottom["source_card"]) == ("Lightning Bolt", "Shock")
    assert top["controller"] == "Agent(2)-B"


def test_combat_tells_attackers_with_what_blocks_them(set_table: SetTable) -> None:
    """No `combat.attackers[]` index, id; `blocked_by[]`: card_id, name, omitted when empty; an
    attacked planeswalker: `attacking_planeswalker` for `attacking`."""
    table = set_table(FAITHFUL)
    first, second = (table.put("Hill Giant", Zone.BATTLEFIELD) for _ in range(2))
    walker = table.put("Chandra, Spark Hunter", Zone.BATTLEFIELD, seat=1)
    blocker = table.put("Goblin Piker", Zone.BATTLEFIELD, seat=1)
    combat = table.game.combat = Combat(0, [first, second])
    combat.targets[second.id] = walker
    combat.blockers[first.id] = [blocker]
    told = _state(table)["combat"]
    assert tuple(told) == ("attacking_player", "attackers")
    assert told["attackers"] == [
        {
            "card_id": first.id,
            "name": "Hill Giant",
            "power": 3,
            "toughness": 3,
            "attacking": "Agent(2)-B",
            "blocked_by": [{"card_id": blocker.id, "name": "Goblin Piker"}],
        },
        {
            "card_id": second.id,
            "name": "Hill Giant",
            "power": 3,
            "toughness": 3,
            "attacking_planeswalker": "Chandra, Spark Hunter",
        },
    ]


def test_combat_is_omitted_while_nothing_attacks(set_table: SetTable) -> None:
    """The key is omitted also in the steps of combat."""
    table = set_table(FAITHFUL)
    table.game.phase = Phase.ATTACKERS
    table.game.combat = Combat(0, [])
    assert "combat" not in _state(table)
