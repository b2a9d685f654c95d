"""Decisions on the wire: complete, ASCII, and silent about what is hidden."""

import msgspec
import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.encoding import encode_decision
from trainingrun_daemon.rules.casting import legal_actions
from trainingrun_daemon.rules.choices import (
    AnnounceValue,
    ChooseAbility,
    ChooseAction,
    ChooseCards,
    ChooseEntity,
    Confirm,
    ConfirmKind,
    DeclareAttackers,
    DeclareBlockers,
    Reveal,
)
from trainingrun_daemon.rules.combat import add_blocker
from trainingrun_daemon.rules.enums import Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Combat, StackItem
from trainingrun_protocol.decisions import DecisionType, decode_decision

from testkit.decision_keys import CARD_KEYS, PLAYER_KEYS


def _confirm(seat: int = 0) -> Confirm:
    return Confirm(seat, message="Keep?", purpose=Purpose.MULLIGAN)


def test_every_field_of_the_protocol_is_there(table) -> None:
    """Players and cards carry all keys of both dialects."""
    table.put(0, "Hill Giant")
    table.hold(0, "Shock")
    decision = msgspec.json.decode(encode_decision(table.game, _confirm(), decision_id=4))
    state = decision["game_state"]
    assert decision["decision_id"] == 4
    assert {"activePlayer", "priorityPlayer", "active_player", "priority_player"} <= set(state)
    assert "combat" not in state
    for player in state["players"]:
        assert set(player) >= PLAYER_KEYS
        assert set(player["mana"]) == set("WUBRGC")
    giant = state["players"][0]["battlefield"][0]
    shock = state["players"][0]["hand"][0]
    assert set(giant) >= CARD_KEYS | {"power", "toughness"}
    assert set(shock) >= CARD_KEYS
    assert "power" not in shock


def test_the_other_hand_is_hidden(table) -> None:
    """A seat sees its own hand and the size of the other."""
    table.hold(0, "Shock")
    table.hold(1, "Shock", "Plains")
    for seat in (0, 1):
        state = decode_decision(encode_decision(table.game, _confirm(seat), decision_id=1))
        mine, other = (state.game_state.players[at] for at in (seat, 1 - seat))
        assert len(mine.hand) == mine.hand_size
        assert (other.hand, other.hand_size) == ((), [1, 2][1 - seat])


def test_a_counter_shows_in_exile(table) -> None:
    """A suspended card shows its time counters."""
    bolt = table.put(0, "Rift Bolt", zone=Zone.EXILE)
    bolt.counters["TIME"] = 1
    decision = decode_decision(encode_decision(table.game, _confirm(), decision_id=1))
    (shown,) = decision.game_state.players[0].exile
    assert [(counter.type, counter.count) for counter in shown.counters] == [("TIME", 1)]


def test_a_spell_on_the_stack_says_what_it_does(table) -> None:
    """Whoever chooses its targets, or answers it, reads its text, its X and how it was cast."""
    shock = table.hold(0, "Shock")
    spell = StackItem(7, 0, shock, effect=None, text="Shock")
    spell.is_spell, spell.way, spell.x = True, "Kicker", 2
    ability = StackItem(8, 0, shock, effect=None, text="Clue: Draw a card")
    table.game.stack += [ability, spell]
    shown = decode_decision(encode_decision(table.game, _confirm(), decision_id=1))
    assert [item.description for item in shown.game_state.stack] == [
        "Shock (Kicker) - 2 damage to any target. X is 2.",
        "Clue: Draw a card",
    ]


def test_combat_is_shown_with_its_blockers(table) -> None:
    """Attackers carry their position as id, and who blocks them."""
    giant = table.put(0, "Hill Giant")
    blocker = table.put(1, "Savannah Lions")
    table.game.phase = Phase.BLOCKERS
    table.game.combat = Combat(0, [giant])
    giant.attacking = True
    add_blocker(table.game.combat, blocker, giant)
    decision = decode_decision(encode_decision(table.game, _confirm(), decision_id=1))
    combat = decision.game_state.combat
    assert combat is not None
    assert combat.attacking_player == "Ann"
    (attacker,) = combat.attackers
    assert (attacker.index, attacker.id, attacker.card_id) == (0, 0, giant.id)
    assert [entry["id"] for entry in attacker.blocked_by] == [blocker.id]
    assert decision.phase == "COMBAT_DECLARE_BLOCKERS"


def test_actions_are_described(table) -> None:
    """Lands cost nothing, creatures show their size, passing is last."""
    table.put(0, "Mountain")
    table.hold(0, "Mountain", "Raging Goblin", "Shock")
    choice = ChooseAction(0, legal_actions(table.game, 0))
    actions = decode_decision(encode_decision(table.game, choice, decision_id=1)).actions
    assert [(action.index, action.mana_cost) for action in actions] == [
        (0, "no cost"),
        (1, "{R}"),
        (2, "{R}"),
        (-1, ""),
    ]
    assert actions[0].is_land
    assert actions[1].description == "Raging Goblin - Creature 1 / 1"
    assert "damage" in actions[2].description
    assert actions[-1].description == "Pass priority"


def test_each_choice_has_its_own_list(table) -> None:
    """Every decision type carries its list with positions, and actions besides."""
    giant = table.put(0, "Hill Giant")
    shock = table.hold(0, "Shock")
    choices = {
        DecisionType.DECLARE_ATTACKERS: DeclareAttackers(0, [giant]),
        DecisionType.DECLARE_BLOCKERS: DeclareBlockers(0, [giant], [giant]),
        DecisionType.CHOOSE_ENTITY: ChooseEntity(
            0, [table.bob, giant], source=shock, message="x", purpose=Purpose.DAMAGE
        ),
        DecisionType.CHOOSE_CARDS: ChooseCards(
            0, [shock], count=(1, 1), message="discard", purpose=Purpose.DISCARD
        ),
        DecisionType.REVEAL: Reveal(0, [shock], message="x"),
        DecisionType.CONFIRM_ACTION: _confirm(),
    }
    lists = {
        DecisionType.DECLARE_ATTACKERS: "attackers",
        DecisionType.DECLARE_BLOCKERS: "blockers",
        DecisionType.CHOOSE_ENTITY: "entities",
        DecisionType.CHOOSE_CARDS: "cards",
        DecisionType.REVEAL: "cards",
    }
    for kind, choice in choices.items():
        decision = decode_decision(encode_decision(table.game, choice, decision_id=1))
        assert decision.decision_type is kind
        assert [action.index for action in decision.actions] == [-1]
        if kind in lists:
            assert getattr(decision, lists[kind])


def _own(table, choice) -> dict:
    """Return a decision's fields as JSON."""
    return dict(msgspec.json.decode(encode_decision(table.game, choice, decision_id=1)))


def test_fighters_and_entities_name_their_card_as_the_original_does(table) -> None:
    """Beside `id`: `card_id`, and who can be attacked."""
    giant = table.put(0, "Hill Giant")
    attack = _own(table, DeclareAttackers(0, [giant]))
    assert attack["attackers"][0]["card_id"] == attack["attackers"][0]["id"] == giant.id
    assert attack["defenders"] == [{"name": table.bob.name, "type": "player", "life": 20}]
    target = ChooseEntity(0, [giant], source=giant, message="Bolt", purpose=Purpose.DAMAGE)
    chosen = _own(table, target)
    assert chosen["entities"][0]["card_id"] == giant.id
    assert chosen["title"] == "Bolt"


def test_listed_cards_have_index_and_card_id(table) -> None:
    """And a discard says so in its title."""
    shock = table.hold(0, "Shock")
    choice = ChooseCards(0, [shock], count=(1, 1), message="discard", purpose=Purpose.DISCARD)
    decision = _own(table, choice)
    assert decision["title"] == "Discard"
    (card,) = decision["cards"]
    assert (card["index"], card["card_id"], card["id"]) == (0, shock.id, shock.id)
    assert set(card) >= CARD_KEYS


def test_a_reveal_says_where_the_cards_are_and_whose(table) -> None:
    """Also with nothing to show."""
    shock = table.hold(1, "Shock")
    shown = _own(table, Reveal(0, [shock], message="x"))
    assert (shown["zone"], shown["owner"]) == ("Hand", table.bob.name)
    assert _own(table, Reveal(0, [], message="x"))["zone"] == ""


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ConfirmKind.TRIGGER, {"trigger_card": "Shock", "trigger": "Really?"}),
        (ConfirmKind.FROM_EFFECT, {"spell": "Shock"}),
        (ConfirmKind.ACTION, {"mode": "use", "card": "Shock"}),
    ],
)
def test_a_question_says_what_it_is_about(table, kind: ConfirmKind, fields: dict) -> None:
    """In the fields that the original has for its kind."""
    shock = table.hold(0, "Shock")
    choice = Confirm(0, message="Really?", purpose=Purpose.USE, kind=kind, source=shock)
    decision = _own(table, choice)
    assert {key: decision[key] for key in fields} == fields


def test_abilities_and_values_name_their_card(table) -> None:
    """Modes have no cost of their own."""
    shock = table.hold(0, "Shock")
    ability = _own(table, ChooseAbility(0, ["a", "b"], source=shock, message="Mode"))
    assert ability["card"] == "Shock"
    assert [entry["mana_cost"] for entry in ability["abilities"]] == ["", ""]
    value = _own(table, AnnounceValue(0, limits=(0, 3), source=shock, message="Shock: choose X"))
    assert (value["ability"], value["announce"]) == ("Shock: choose X", "X")


def test_non_ascii_names_are_escaped(table) -> None:
    """The line is ASCII whatever a deck is called, astral characters included."""
    table.ann.name = "Agent(1)-Dûl \N{DRAGON FACE}"
    raw = encode_decision(table.game, _confirm(), decision_id=1)
    assert raw.isascii()
    assert decode_decision(raw).player == table.ann.name


def test_every_card_can_be_shown(make_table) -> None:
    """No printed text breaks the JSON, and no one sees a bare type word."""
    for name in sorted(KNOWN_CARDS):
        _expect_to_be_shown(make_table(), name)


def _expect_to_be_shown(table, name: str) -> None:
    face = KNOWN_CARDS[name]
    table.put(0, face.name, zone=Zone.GRAVEYARD)
    (card,) = (
        decode_decision(encode_decision(table.game, _confirm(), decision_id=1))
        .game_state.players[0]
        .graveyard
    )
    assert (card.name, card.cmc, card.types) == (face.name, face.cost.mana_value, face.types)
    assert (card.power is not None) is face.is_creature
