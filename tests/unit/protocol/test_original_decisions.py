"""What the original Forge daemon asks, in the one form that its readers see (section 8)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.decisions import Decision, DecisionType, decode_decision
from trainingrun_protocol.errors import DecisionError

from testkit.roles.original_lines import (
    ACTIONS,
    BLUE,
    PASS,
    RED,
    action,
    decision,
    encoded,
    fighter,
    listed,
    mountain,
    player,
    raw,
)


def test_mana_abilities_are_no_actions() -> None:
    """Tapping a land for mana is left out; the numbers of the others stay."""
    actions = decode_decision(raw("choose_action", actions=ACTIONS)).actions
    assert [entry.index for entry in actions] == [0, 1, 3, -1]


@pytest.mark.parametrize(
    ("description", "is_dropped"),
    [
        ("{T}: Add {R} or {W}.", True),
        ("{T}, Pay 1 life: Add one mana of any color.", True),
        ("{1}, {T}: Add {R}{W}.", True),
        ("{2}: Goblin Guide gets +1/+0. Add {R}.", False),
        ("Add {R}{R}{R}.", False),
        ("{T}: Draw a card.", False),
    ],
)
def test_what_counts_as_a_mana_ability(description: str, is_dropped: bool) -> None:
    """A cost, and then mana; a spell that adds mana has no cost in its text."""
    listed_ = [action(0, "Goblin Guide", 5, description, "{0}"), PASS]
    actions = decode_decision(raw("choose_action", actions=listed_)).actions
    assert (len(actions) == 1) is is_dropped


def test_an_ability_of_a_planeswalker_is_none() -> None:
    """It costs loyalty, and that is worth a thought."""
    listed_ = [action(0, "Jace", 22, "[+1]: Add {U}.", "{0}")]
    assert len(decode_decision(raw("choose_action", actions=listed_)).actions) == 1


def test_only_a_land_of_the_hand_is_a_land_play() -> None:
    """In the original is_land is said of every action whose source is a land."""
    animate = action(5, "Mountain", 3, "{2}: Mountain becomes a 2/2 Elemental.", "{2}")
    actions = decode_decision(raw("choose_action", actions=[*ACTIONS, animate])).actions
    assert [entry.index for entry in actions if entry.is_land] == [0]


def test_attackers_have_ids_and_keywords_from_the_zones() -> None:
    """The list names cards by card_id alone."""
    attackers = [fighter(0, 5, "Goblin Guide"), fighter(1, 7, "Sky Goblin")]
    found = decode_decision(raw("declare_attackers", attackers=attackers)).attackers
    assert [(entry.id, entry.keywords[0]) for entry in found] == [(5, "Haste"), (7, "Flying")]


def test_blockers_keep_their_numbers_and_tapped_ones_are_left_out() -> None:
    """The engine would put a tapped creature into combat, and count the gaps as they are."""
    blockers = [fighter(1, 6, "Bold Goblin"), fighter(2, 7, "Sky Goblin")]
    attackers = [fighter(0, 21, "Wind Drake")]
    found = decode_decision(raw("declare_blockers", blockers=blockers, attackers=attackers))
    assert [(entry.index, entry.id) for entry in found.blockers] == [(2, 7)]
    assert [(entry.id, entry.keywords) for entry in found.attackers] == [(21, ("Flying",))]


def test_listed_cards_are_shown_as_they_are_in_their_zones() -> None:
    """Cards to choose from have no more than a number and a name."""
    cards = [listed(0, 8, "Lava Spike"), listed(1, 6, "Bold Goblin"), listed(2, 99, "Unseen")]
    own = {"title": "Discard", "min": 1, "max": 1, "optional": False}
    spike, goblin, unseen = decode_decision(raw("choose_cards", cards=cards, **own)).cards
    assert (spike.index, spike.id, spike.is_sorcery, spike.types) == (
        0,
        8,
        True,
        "Sorcery - Arcane",
    )
    assert (goblin.tapped, goblin.power, goblin.controller_is_self) == (True, 2, True)
    assert (unseen.index, unseen.id, unseen.name) == (2, 99, "Unseen")


def test_entities_are_cards_or_players() -> None:
    """An entity without a card's number is the player of that name."""
    entities = [listed(0, 21, "Wind Drake"), {"index": 1, "name": RED}, {"index": 2, "name": BLUE}]
    found = decode_decision(raw("choose_entity", entities=entities, optional=True, title="x"))
    drake, me, you = found.entities
    assert (drake.type, drake.id, drake.power, drake.controller_is_self) == ("card", 21, 2, False)
    assert (me.type, me.id, me.life, me.is_self) == ("player", 0, 20, True)
    assert (you.type, you.id, you.is_self) == ("player", 1, False)


def test_a_spell_on_the_stack_is_a_target() -> None:
    """Its card is in no zone, and its number is the stack's."""
    spell = {"id": 31, "description": "Shock", "controller": BLUE, "source_card": "Shock"}
    state = {"stack": [{**spell, "source_card_id": 30}]}
    entities = [listed(0, 30, "Shock"), listed(1, 99, "Unseen"), {"index": 2, "name": "Nobody"}]
    found = decode_decision(raw("choose_entity", entities=entities, state=state)).entities
    assert [(entity.type, entity.id) for entity in found] == [("stack", 31), ("card", 99), ("", -1)]


def test_an_ability_knows_its_card() -> None:
    """One card of that name is shown, so it is that one; of two it might be either."""
    abilities = [{"index": 0, "description": "Flying", "mana_cost": "{R}"}]
    found = decode_decision(raw("choose_ability", card="Sky Goblin", abilities=abilities))
    assert (found.abilities[0].card, found.abilities[0].card_id) == ("Sky Goblin", 7)
    assert found.source_card == "Sky Goblin"
    found = decode_decision(raw("choose_ability", card="Mountain", abilities=abilities))
    assert found.abilities[0].card_id == -1


def test_a_value_is_bounded_by_the_open_mana() -> None:
    """One untapped land and what floats; the creatures of this seat make no mana."""
    own: dict[str, Any] = {"ability": "Fireball", "announce": "X"}
    found = decode_decision(raw("announce_value", message="Enter value for X", **own))
    assert (found.min, found.max) == (0, 1)
    found = decode_decision(raw("announce_value", min=2, max=7, **own))
    assert (found.min, found.max) == (2, 7), "what a server says is kept"


@pytest.mark.parametrize(
    ("kind", "own", "message", "source"),
    [
        ("choose_cards", {"title": "Discard"}, "Discard - words", ""),
        ("choose_entity", {"title": None}, "words", ""),
        (
            "play_trigger",
            {"trigger_card": "Eidolon", "trigger": "Whenever a player casts a spell"},
            "Eidolon - Whenever a player casts a spell - words",
            "Eidolon",
        ),
        ("play_from_effect", {"spell": "Shock - 2 damage"}, "Shock - 2 damage - words", ""),
        (
            "confirm_action",
            {"mode": "Tribute", "card": "Hydra"},
            "Tribute - Hydra - words",
            "Hydra",
        ),
        ("announce_value", {"ability": "Fireball"}, "Fireball - words", ""),
        ("choose_action", {}, "words", ""),
    ],
)
def test_what_it_is_about_stands_before_the_message(
    kind: str, own: dict[str, Any], message: str, source: str
) -> None:
    """The message itself is a constant of the type."""
    found = decode_decision(raw(kind, message="words", **own))
    assert (found.message, found.source_card) == (message, source)


def test_counters_are_parsed() -> None:
    """They are one string, or (of other servers) an object."""
    players = decode_decision(raw("confirm_action")).game_state.players
    goblin, jace = players[0].battlefield[3], players[1].battlefield[1]
    assert [(each.type, each.count) for each in goblin.counters] == [("P1P1", 2), ("STUN", 1)]
    assert [(each.type, each.count) for each in jace.counters] == [("LOYALTY", 3)]


def test_the_other_hand_is_dropped() -> None:
    """Both hands are shown; neither is learnt from, whichever seat is asked."""
    for seat, sizes in ((RED, (2, 0)), (BLUE, (0, 1))):
        players = decode_decision(raw("confirm_action", seat=seat)).game_state.players
        assert tuple(len(player.hand) for player in players) == sizes
        assert tuple(player.hand_size for player in players) == (2, 1)


def test_a_card_of_the_other_hand_that_is_to_be_chosen_is_shown() -> None:
    """A seat that chooses a card out of it has been shown it."""
    found = decode_decision(raw("choose_cards", cards=[listed(0, 20, "Counterspell")], max=1))
    assert (found.cards[0].mana_cost, found.cards[0].owner_is_self) == ("{U}{U}", False)


def test_who_attacks_and_blocks_follows_from_combat() -> None:
    """Cards themselves do not say it."""
    blocked = {
        "card_id": 21,
        "name": "Wind Drake",
        "power": 2,
        "toughness": 2,
        "attacking": RED,
        "blocked_by": [{"card_id": 7, "name": "Sky Goblin"}],
    }
    combat = {"attacking_player": BLUE, "attackers": [blocked]}
    state = decode_decision(raw("confirm_action", state={"combat": combat})).game_state
    shown = {card.id: card for player in state.players for card in player.battlefield}
    assert [card_id for card_id, card in shown.items() if card.attacking] == [21]
    assert [card_id for card_id, card in shown.items() if card.blocking] == [7]
    assert state.combat is not None
    assert [(each.index, each.id) for each in state.combat.attackers] == [(0, 0)]


def test_what_game_state_leaves_out_is_filled_in() -> None:
    """Turn and phase are the decision's, ids are positions, types give the rest."""
    state = decode_decision(raw("confirm_action")).game_state
    assert (state.turn, state.phase) == (4, "MAIN1")
    assert [player.id for player in state.players] == [0, 1]
    land, shock = state.players[0].hand
    assert (land.is_land, shock.is_instant, shock.owner_is_self) == (True, True, True)
    assert not any(card.is_token for player in state.players for card in player.battlefield)


def test_our_own_form_is_left_as_it_is() -> None:
    """A line with both key dialects is our daemon's, and it means what it says."""
    players = [player(RED, battlefield=[mountain(3)]), player(BLUE, hand=[mountain(9)])]
    state = {"activePlayer": 0, "players": players}
    whole = decision("choose_action", actions=ACTIONS, state=state)
    found = decode_decision(encoded(whole))
    assert len(found.actions) == len(ACTIONS)
    assert found.game_state.players[1].hand == (), "but the other hand of a teacher is dropped"
    assert found.game_state.players[1].hand_size == 1


OWN_KEYS = ["title", "actions", "attackers", "blockers", "abilities", "cards", "entities", "max"]
STATE_KEYS = ["players", "name", "hand", "battlefield", "combat", "blocked_by", "mana_pool"]
CARD_KEYS = ["id", "card_id", "index", "counters", "types", "keywords", "message", "player"]


@given(
    st.sampled_from(list(DecisionType)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from([*OWN_KEYS, *STATE_KEYS, *CARD_KEYS]), inner, max_size=6
            )
        ),
    ),
)
def test_any_json_is_translated_or_refused(kind: DecisionType, value: Any) -> None:
    """No shape of JSON raises anything but DecisionError."""
    whole = {**decision(str(kind)), **(value if isinstance(value, dict) else {"cards": value})}
    for line in (whole, {**whole, "game_state": value}):
        try:
            found = decode_decision(encoded(line))
        except DecisionError:
            continue
        assert isinstance(found, Decision)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"decision_type":"confirm_action","message":"\xff"}',
        b'{"decision_type":"confirm_action","message":"\x01"}',
        b'{"game_state":' + b"[" * 100_000,
        raw("choose_action", actions=[{"index": 10**30}]),
    ],
    ids=["empty", "cut", "list", "text", "no UTF-8", "control", "deep", "huge"],
)
def test_a_line_that_is_no_decision_is_refused(line: bytes) -> None:
    """It costs the game, and nothing else."""
    with pytest.raises(DecisionError):
        decode_decision(line)
