"""The position as the deciding seat sees it, in the few values that encoders and scripted players
need: both sides, their permanents, and every visible card by its id.

Not here: numbers for a network (``state``, ``rows``) and what may be answered (``answering``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import Struct
from trainingrun_protocol.decisions import Card, Combatant, Decision, Player, StackItem

from trainingrun_environments.magic.facts import Facts, Trait, facts_of, facts_of_name, traits_of
from trainingrun_environments.magic.wording import damage_in, wording_of

_NO_PLAYER: Final = Player()


class Zone(IntEnum):
    """Where a visible card is; its place in the one-hot part of an action row."""

    HAND = 0
    BATTLEFIELD = 1
    GRAVEYARD = 2
    EXILE = 3


class Counters(NamedTuple):
    """How many counters of each sort are on a permanent."""

    plus: int = 0
    minus: int = 0
    loyalty: int = 0
    stun: int = 0
    others: int = 0


class Creature(Struct, gc=False):
    """A creature on the battlefield; ``toughness`` is what damage has left of it."""

    id: int
    power: int
    toughness: int
    traits: int
    worth: int
    tapped: bool = False
    sick: bool = False
    attacking: bool = False
    blocking: bool = False


class Side(Struct):
    """One player's side; creatures are ordered by worth, best first."""

    player: Player
    creatures: list[Creature]
    table: dict[int, Card]
    """The permanents by their ids."""
    lands: int = 0
    open_lands: int = 0
    others: int = 0
    """Permanents that are neither creatures nor lands; the counts below are parts of it."""
    artifacts: int = 0
    enchantments: int = 0
    planeswalkers: int = 0
    loyalty: int = 0
    tokens: int = 0
    plus_counters: int = 0
    stunned: int = 0
    attached: int = 0
    power: int = 0
    ready_power: int = 0
    """Power that can block now, or attack now if it is this side's turn."""


class View(Struct):
    """A decision with its two sides."""

    decision: Decision
    mine: Side
    theirs: Side
    fighters: dict[int, Creature]
    hosts: dict[int | str, int]
    """How many permanents are attached to the one of this id, or of this name where the server
    gives names."""
    hand_facts: list[Facts]
    """Of the own hand, in its order."""
    held: dict[int, Facts]
    """The same by the cards' ids."""
    burn_in_hand: int
    """Damage that the cards in the own hand name."""
    is_my_turn: bool
    elsewhere: dict[int, tuple[Zone, Card]] | None = None
    """Visible cards that are no permanents; made when it is first asked for."""

    @property
    def top_of_stack(self) -> StackItem | None:
        """What resolves next: while targets are chosen, what they are chosen for."""
        stack = self.decision.game_state.stack
        return stack[0] if stack else None

    @property
    def pending_damage(self) -> int:
        """Damage that the top of the stack names: what a target is being chosen for."""
        top = self.top_of_stack
        if top is None:
            return damage_in(self.decision.message)
        named = wording_of(top.description)
        if named.damage:
            is_kicked = f"{top.source_card} (" in top.description
            return named.damage if is_kicked else named.damage_unkicked
        card = self.card(top.source_card_id)
        return facts_of(card).damage if card else 0

    @property
    def source(self) -> Facts | None:
        """The card that asks, where the server names it or it is the own top of the stack."""
        decision, top = self.decision, self.top_of_stack
        name = decision.source_card
        if top is None or name not in ("", top.source_card):
            return facts_of_name(name) if name else None
        if not name and top.controller != decision.player:
            return None
        card = self.card(top.source_card_id)
        return facts_of(card) if card is not None else facts_of_name(top.source_card)

    def card(self, card_id: int) -> Card | None:
        """Return a visible card by its id; None when it is in no zone that is shown."""
        if card_id < 0:
            return None
        return (
            self.mine.table.get(card_id)
            or self.theirs.table.get(card_id)
            or self._found_elsewhere(card_id)[1]
        )

    def facts(self, card_id: int) -> Facts | None:
        """Return what is printed on a visible card."""
        held = self.held.get(card_id)
        if held is not None:
            return held
        card = self.card(card_id)
        return None if card is None else facts_of(card)

    def zone_of(self, card_id: int) -> Zone | None:
        """Return where that card is."""
        if card_id < 0:
            return None
        if card_id in self.held:
            return Zone.HAND
        if card_id in self.mine.table or card_id in self.theirs.table:
            return Zone.BATTLEFIELD
        return self._found_elsewhere(card_id)[0]

    def stacked(self, entity_id: int) -> StackItem | None:
        """Return what waits on the stack under this id: its own, or else its card's."""
        stack = self.decision.game_state.stack
        by_card = None
        for item in stack:
            if item.id == entity_id:
                return item
            if item.source_card_id == entity_id:
                by_card = item
        return by_card

    def creature(self, combatant: Combatant) -> Creature:
        """Return the creature behind an entry of a list of attackers or blockers."""
        known = self.fighters.get(combatant.id)
        if known is not None:
            return known
        traits = traits_of(combatant.keywords)
        worth = 2 * combatant.power + combatant.toughness
        return Creature(combatant.id, combatant.power, combatant.toughness, traits, worth)

    def attachments(self, card: Card) -> int:
        """Return how many auras and equipments are on a permanent."""
        if not self.hosts:
            return 0
        return self.hosts.get(card.id, 0) + self.hosts.get(card.name, 0)

    def _found_elsewhere(self, card_id: int) -> tuple[Zone | None, Card | None]:
        if self.elsewhere is None:
            self.elsewhere = _elsewhere(self.mine.player, self.theirs.player)
        return self.elsewhere.get(card_id, (None, None))


def view_of(decision: Decision) -> View:
    """Sort out a decision. A server that names no seat, or shows fewer players, is tolerated."""
    state = decision.game_state
    players = (*state.players, _NO_PLAYER, _NO_PLAYER)
    seat = 1 if decision.seat == 1 else 0
    fighters: dict[int, Creature] = {}
    hosts: dict[int | str, int] = {}
    mine = _side(players[seat], fighters, hosts)
    theirs = _side(players[1 - seat], fighters, hosts)
    hand = mine.player.hand
    facts = [facts_of(card) for card in hand]
    held = dict(zip([card.id for card in hand], facts, strict=True))
    held.pop(-1, None)  # of a server that gives no ids
    return View(
        decision=decision,
        mine=mine,
        theirs=theirs,
        fighters=fighters,
        hosts=hosts,
        hand_facts=facts,
        held=held,
        burn_in_hand=sum([fact.text.damage for fact in facts]),
        is_my_turn=state.active_player == decision.player,
    )


def can_block(blocker: Creature, attacker: Creature) -> bool:
    """Return whether evasion lets it; the blocker's being tapped is not considered."""
    if attacker.traits & Trait.UNBLOCKABLE:
        return False
    return not attacker.traits & Trait.FLYING or bool(blocker.traits & (Trait.FLYING | Trait.REACH))


def kills(source: Creature, victim: Creature) -> bool:
    """Return whether ``source`` kills ``victim`` when the two fight alone."""
    if not _hits_for_all(source, victim):
        return False
    is_late = victim.traits & Trait.FIRST_STRIKE and not source.traits & Trait.FIRST_STRIKE
    return not (is_late and _hits_for_all(victim, source))


def counters_of(card: Card) -> Counters:
    """Return the counters on a permanent, sorted; servers write ``P1P1`` or ``+1/+1``, in any
    case."""
    if not card.counters:
        return _NO_COUNTERS if card.loyalty is None else Counters(loyalty=card.loyalty)
    plus = minus = loyalty = stun = others = 0
    for counter in card.counters:
        match counter.type.casefold():
            case "p1p1" | "+1/+1":
                plus += counter.count
            case "m1m1" | "-1/-1":
                minus += counter.count
            case "loyalty":
                loyalty += counter.count
            case "stun":
                stun += counter.count
            case _:
                others += counter.count
    return Counters(plus, minus, loyalty if card.loyalty is None else card.loyalty, stun, others)


_NO_COUNTERS: Final = Counters()


def _hits_for_all(source: Creature, victim: Creature) -> bool:
    if source.power <= 0 or victim.traits & Trait.INDESTRUCTIBLE:
        return False
    return source.power >= victim.toughness or bool(source.traits & Trait.DEATHTOUCH)


def _side(player: Player, fighters: dict[int, Creature], hosts: dict[int | str, int]) -> Side:
    creatures: list[Creature] = []
    side = Side(player, creatures, {card.id: card for card in player.battlefield})
    lands = open_lands = power = ready = 0
    for card in player.battlefield:
        if card.is_land and not card.is_creature:  # first, as it is the most frequent
            lands += 1
            open_lands += not card.tapped
        elif card.is_creature or "Creature" in card.types:
            creature = _creature(card)
            creatures.append(creature)
            fighters[card.id] = creature
            power += creature.power
            if not card.tapped:
                ready += creature.power
            if card.is_token:
                side.tokens += 1
        elif "Land" in card.types:
            lands += 1
            open_lands += not card.tapped
        else:
            _count_other(side, card, hosts)
        if card.counters:
            counters = counters_of(card)
            side.plus_counters += counters.plus
            side.stunned += counters.stun > 0
    side.lands, side.open_lands, side.power, side.ready_power = lands, open_lands, power, ready
    if len(creatures) > 1:
        creatures.sort(key=_by_worth, reverse=True)
    return side


def _count_other(side: Side, card: Card, hosts: dict[int | str, int]) -> None:
    """Count a permanent that is neither a creature nor a land."""
    side.others += 1
    side.tokens += card.is_token
    side.artifacts += card.is_artifact
    side.enchantments += card.is_enchantment
    if card.is_planeswalker:
        side.planeswalkers += 1
        side.loyalty += counters_of(card).loyalty
    host = card.attached_to
    if host is not None and isinstance(host, (int, str)):
        side.attached += 1
        hosts[host] = hosts.get(host, 0) + 1


def _by_worth(creature: Creature) -> int:
    return creature.worth


def _creature(card: Card) -> Creature:
    power, toughness = card.power or 0, (card.toughness or 0) - card.damage
    traits = traits_of(card.keywords)
    return Creature(
        card.id,
        power,
        toughness,
        traits,
        2 * power + toughness + traits.bit_count(),
        card.tapped,
        card.summoning_sick and not traits & Trait.HASTE,
        card.attacking,
        card.blocking,
    )


def _elsewhere(*players: Player) -> dict[int, tuple[Zone, Card]]:
    """Return the cards that are shown but not on a battlefield."""
    found: dict[int, tuple[Zone, Card]] = {}
    for player in players:
        for card in player.hand:
            found[card.id] = (Zone.HAND, card)
        for card in player.graveyard:
            found[card.id] = (Zone.GRAVEYARD, card)
        for zone in (player.exile, player.command):
            for card in zone:
                found[card.id] = (Zone.EXILE, card)
    return found
