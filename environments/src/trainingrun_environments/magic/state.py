"""The state vector: what the deciding seat sees, as numbers of about [-1, 1].

The order of the sections below is the meaning of the vector: a change needs a new
``schema.MEANING``. Creatures stand in slots ordered by worth, cards in hand in counts and hash
buckets, so any card fits without a vocabulary.

Sections are packed doubles (``wording.doubles``), put together at the end: most of them are one of
a few that were packed before (a phase, an empty slot, the same creature as last time), and to make
and pack 300 numbers anew costs more than all the rest of a decision.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, TypeAlias

from trainingrun_protocol.decisions import Combatant, DecisionType

from trainingrun_environments.magic.facts import Facts, Trait, facts_of
from trainingrun_environments.magic.options import Question
from trainingrun_environments.magic.spec import STATE_WIDTH
from trainingrun_environments.magic.view import Creature, Side, View
from trainingrun_environments.magic.wording import (
    EFFECTS,
    TEXT_BUCKETS,
    bucket_of,
    doubles,
    keep,
    wording_of,
)

SLOTS: Final = 6
_SLOT_WIDTH: Final = 9
_HAND_BUCKETS: Final = 16
_STACK_BUCKETS: Final = 8
_DECK_BUCKETS: Final = 8
_PERMANENTS: Final = 8
_BOARD: Final = 14
_HAND_KINDS: Final = 9
_PHASES: Final = {
    "UNTAP": 0,
    "UPKEEP": 1,
    "DRAW": 2,
    "MAIN1": 3,
    "COMBAT_BEGIN": 4,
    "COMBAT_DECLARE_ATTACKERS": 5,
    "COMBAT_DECLARE_BLOCKERS": 6,
    "COMBAT_FIRST_STRIKE_DAMAGE": 7,
    "COMBAT_DAMAGE": 8,
    "COMBAT_END": 9,
    "MAIN2": 10,
    "END_OF_TURN": 11,
    "CLEANUP": 12,
}
_TYPES: Final = {kind: place for place, kind in enumerate(DecisionType)}
_PROGRESS_WIDTH: Final = 12
_Values: TypeAlias = tuple[float, ...]
_Visible: TypeAlias = tuple[int, int, bool, bool, int, bool, int]
"""What a slot holds of a creature."""


def position_section(view: View) -> bytes:
    """Everything that stays the same over the questions of one decision, as packed doubles."""
    decision, mine, theirs = view.decision, view.mine, view.theirs
    burn = view.burn_in_hand
    phase = _PHASES.get(decision.phase or decision.game_state.phase, -1)
    sides = (*_side_values(mine), *_side_values(theirs))
    boards = (
        *_permanent_values(mine),
        *_permanent_values(theirs),
        *_board_values(mine),
        *_board_values(theirs),
        *_race_values(view, burn),
    )
    return b"".join(
        (
            _SIDES_PACKED(*sides, decision.turn / 20, 1.0 if view.is_my_turn else 0.0),
            _PHASE_SECTIONS[phase],
            _TYPE_SECTIONS[decision.decision_type],
            _message_section(decision.message),
            _BOARDS_PACKED(*boards),
            _slots_section(mine.creatures),
            _slots_section(theirs.creatures),
            _hand_section(view),
            _stack_section(view),
            _combat_section(view),
            _mana_section(mine),
            _deck_section(mine),
            _deck_section(theirs),
        )
    )


def progress_values(question: Question) -> list[float]:
    """Return how far the answer to this decision has come."""
    view, chosen, subject = question.view, question.chosen, question.subject
    decision, source = view.decision, view.source
    power = sum(o.item.power for o in chosen if isinstance(o.item, Combatant))
    blocker = view.creature(subject) if subject is not None else None
    life = max(1, view.theirs.player.life)
    return [
        len(chosen) / 6,
        power / 12,
        min(2.0, power / life),
        len(question.options) / 10,
        blocker.power / 5 if blocker else 0.0,
        blocker.toughness / 5 if blocker else 0.0,
        decision.min / 5,
        1.0 if chosen else 0.0,
        min(2.0, (decision.max - len(chosen)) / 5),
        1.0 if decision.optional else 0.0,
        1.0 if source is not None else 0.0,
        1.0 if source is not None and source.is_permanent else 0.0,
    ]


WIDTH: Final = (
    2 * 10
    + 2
    + len(_PHASES)
    + len(_TYPES)
    + 4
    + TEXT_BUCKETS
    + 2 * _PERMANENTS
    + 2 * _BOARD
    + 8
    + 2 * SLOTS * _SLOT_WIDTH
    + _HAND_KINDS
    + 6
    + 2
    + _HAND_BUCKETS
    + 5
    + EFFECTS
    + _STACK_BUCKETS
    + 4
    + 5
    + 2 * _DECK_BUCKETS
    + _PROGRESS_WIDTH
)
assert WIDTH == STATE_WIDTH, f"the sections add up to {WIDTH}, not to {STATE_WIDTH}"


def _one_hot(place: int, width: int) -> bytes:
    """Return a section with a single 1, or with none where ``place`` is -1."""
    return doubles(tuple(1.0 if place == at else 0.0 for at in range(width)))


_SIDES_PACKED: Final = Struct(f"{2 * 10 + 2}d").pack
_BOARDS_PACKED: Final = Struct(f"{2 * _PERMANENTS + 2 * _BOARD + 8}d").pack
_SLOT_PACKED: Final = Struct(f"{_SLOT_WIDTH}d").pack
_PHASE_SECTIONS: Final = {place: _one_hot(place, len(_PHASES)) for place in (-1, *_PHASES.values())}
_TYPE_SECTIONS: Final = {kind: _one_hot(place, len(_TYPES)) for kind, place in _TYPES.items()}
_DECK_SECTIONS: Final = [_one_hot(place, _DECK_BUCKETS) for place in range(_DECK_BUCKETS)]
_NOTHING: Final = doubles((0.0,))
_NO_STACK: Final = doubles((0.0,) * (5 + EFFECTS + _STACK_BUCKETS))
_NO_COMBAT: Final = doubles((0.0,) * 4)
_NO_MANA: Final = doubles((0.0,) * 5)
_NO_PERMANENTS: Final[_Values] = (0.0,) * _PERMANENTS
_NO_CREATURES: Final[_Values] = (0.0,) * _BOARD
_EMPTY_SLOTS: Final = [doubles((0.0,) * (_SLOT_WIDTH * count)) for count in range(SLOTS + 1)]


def _side_values(side: Side) -> list[float]:
    player = side.player
    return [
        player.life / 20,
        1.0 - min(player.life, 5) / 5,
        player.hand_size / 7,
        player.library_size / 60,
        len(player.graveyard) / 20,
        side.lands / 8,
        side.open_lands / 8,
        player.poison / 10,
        side.others / 4,
        1.0 if player.lands_played_this_turn < player.max_land_plays else 0.0,
    ]


def _message_section(text: str) -> bytes:
    known = _messages.get(text)
    return known if known is not None else keep(_messages, text, _read_message(text))


def _read_message(text: str) -> bytes:
    message = text.casefold()
    return doubles(
        (
            1.0 if "discard" in message else 0.0,
            1.0 if "bottom" in message or "library" in message else 0.0,
            1.0 if "sacrifice" in message else 0.0,
            1.0 if "keep" in message or "mulligan" in message else 0.0,
            *wording_of(text).row[EFFECTS:],
        )
    )


def _permanent_values(side: Side) -> _Values:
    """Return what is on the table besides creatures and lands, and what is on the permanents."""
    if not (side.others or side.tokens or side.plus_counters or side.stunned):
        return _NO_PERMANENTS
    return (
        side.artifacts / 3,
        side.enchantments / 3,
        side.planeswalkers / 2,
        side.loyalty / 8,
        side.tokens / 4,
        side.plus_counters / 6,
        side.stunned / 3,
        side.attached / 3,
    )


def _board_values(side: Side) -> _Values:
    if not side.creatures:
        return _NO_CREATURES
    flyers = flyer_power = strikers = sick = attackers = attack_power = linkers = untapped = 0
    toughness = top_power = top_toughness = 0
    for creature in side.creatures:
        power, traits = creature.power, creature.traits
        toughness += creature.toughness
        top_power = max(top_power, power)
        top_toughness = max(top_toughness, creature.toughness)
        untapped += not creature.tapped
        sick += creature.sick
        if traits:
            if traits & Trait.FLYING:
                flyers += 1
                flyer_power += power
            strikers += bool(traits & Trait.FIRST_STRIKE)
            linkers += bool(traits & Trait.LIFELINK)
        if creature.attacking:
            attackers += 1
            attack_power += power
    return (
        len(side.creatures) / 6,
        side.power / 12,
        toughness / 12,
        untapped / 6,
        side.ready_power / 12,
        flyers / 4,
        flyer_power / 8,
        strikers / 4,
        top_power / 6,
        top_toughness / 6,
        sick / 4,
        attackers / 6,
        attack_power / 12,
        linkers / 3,
    )


def _race_values(view: View, burn: int) -> list[float]:
    mine, theirs = view.mine, view.theirs
    my_life, their_life = max(1, mine.player.life), max(1, theirs.player.life)
    return [
        min(2.0, mine.ready_power / their_life),
        min(2.0, theirs.power / my_life),
        min(2.0, burn / their_life),
        (mine.player.life - theirs.player.life) / 20,
        (mine.power - theirs.power) / 12,
        (mine.player.hand_size - theirs.player.hand_size) / 7,
        1.0 if burn + mine.ready_power >= their_life else 0.0,
        1.0 if theirs.power >= my_life else 0.0,
    ]


def _slots_section(creatures: list[Creature]) -> bytes:
    slots = [_slot_section(creature) for creature in creatures[:SLOTS]]
    slots.append(_EMPTY_SLOTS[SLOTS - len(slots)])
    return b"".join(slots)


def _slot_section(creature: Creature) -> bytes:
    key = (
        creature.power,
        creature.toughness,
        creature.tapped,
        creature.sick,
        creature.traits,
        creature.attacking or creature.blocking,
        creature.worth,
    )
    known = _slots.get(key)
    return known if known is not None else keep(_slots, key, _read_slot(key))


def _read_slot(visible: _Visible) -> bytes:
    power, toughness, tapped, sick, traits, fights, worth = visible
    return _SLOT_PACKED(
        1.0,
        power / 5,
        toughness / 5,
        1.0 if tapped else 0.0,
        1.0 if sick else 0.0,
        1.0 if traits & (Trait.FLYING | Trait.UNBLOCKABLE) else 0.0,
        1.0 if traits & (Trait.FIRST_STRIKE | Trait.DEATHTOUCH) else 0.0,
        1.0 if fights else 0.0,
        worth / 12,
    )


def _hand_section(view: View) -> bytes:
    """Return the own hand, and between its kinds and its buckets the number of own cards in
    exile."""
    key = tuple(view.hand_facts)
    known = _hands.get(key)
    kinds, buckets = known if known is not None else keep(_hands, key, _read_hand(key))
    exiled = len(view.mine.player.exile)
    return kinds + (doubles((exiled / 10,)) if exiled else _NOTHING) + buckets


def _read_hand(hand: tuple[Facts, ...]) -> tuple[bytes, bytes]:
    lands = creatures = removal = damage_spells = others = 0
    instants = answers_to_spells = helpers = walkers = 0
    costs = [0.0] * 6
    buckets = [0.0] * _HAND_BUCKETS
    for facts in hand:
        buckets[facts.bucket] += 0.5
        if facts.is_land:
            lands += 1
            continue
        costs[max(0, min(facts.cmc, 5))] += 1 / 3
        instants += facts.is_instant
        walkers += facts.is_planeswalker
        if facts.is_creature:
            creatures += 1
            continue
        answers_to_spells += facts.text.counters_spells
        helpers += facts.text.helps
        if facts.damage:
            damage_spells += 1
        elif facts.is_removal:
            removal += 1
        else:
            others += 1
    kinds = (
        lands / 4,
        creatures / 4,
        damage_spells / 4,
        removal / 4,
        others / 4,
        instants / 4,
        answers_to_spells / 3,
        helpers / 3,
        walkers / 2,
        *costs,
        sum(facts.damage for facts in hand) / 10,
    )
    return doubles(kinds), doubles(buckets)


def _stack_section(view: View) -> bytes:
    stack = view.decision.game_state.stack
    if not stack:
        return _NO_STACK
    top = stack[0]
    card = view.card(top.source_card_id)
    wording = wording_of(top.description)
    if not any(wording.row[:EFFECTS]) and card is not None:
        wording = facts_of(card).text
    source = bucket_of(top.source_card, _STACK_BUCKETS)
    return doubles(
        (
            len(stack) / 4,
            1.0 if top.controller == view.decision.player else -1.0,
            view.pending_damage / 5,
            1.0 if card is not None and card.is_creature else 0.0,
            1.0 if len(stack) > 1 and stack[1].controller == view.decision.player else 0.0,
            *wording.row[:EFFECTS],
            *(1.0 if source == place else 0.0 for place in range(_STACK_BUCKETS)),
        )
    )


def _combat_section(view: View) -> bytes:
    combat = view.decision.game_state.combat
    if combat is None or not combat.attackers:
        return _NO_COMBAT
    total = sum(attacker.power for attacker in combat.attackers)
    unblocked = sum(a.power for a in combat.attackers if not a.blocked_by)
    is_mine = combat.attacking_player == view.decision.player
    defender = view.theirs.player if is_mine else view.mine.player
    life = max(1, defender.life)
    return doubles(
        (
            len(combat.attackers) / 6,
            total / 12,
            min(2.0, unblocked / life),
            1.0 if unblocked >= life else 0.0,
        )
    )


def _mana_section(side: Side) -> bytes:
    """Mana that floats."""
    pool = side.player.mana_pool
    amounts = (pool.white, pool.blue, pool.black, pool.red, pool.green)
    return doubles([amount / 3 for amount in amounts]) if any(amounts) else _NO_MANA


def _deck_section(side: Side) -> bytes:
    """Decks are known by the seat's name, ``Agent(1)-<deck name>``."""
    name = side.player.name
    known = _decks.get(name)
    if known is None:
        bucket = bucket_of(name.partition("-")[2], _DECK_BUCKETS)
        known = keep(_decks, name, _DECK_SECTIONS[bucket])
    return known


_messages: Final[dict[str, bytes]] = {}
_hands: Final[dict[tuple[Facts, ...], tuple[bytes, bytes]]] = {}
_decks: Final[dict[str, bytes]] = {}
_slots: Final[dict[_Visible, bytes]] = {}
