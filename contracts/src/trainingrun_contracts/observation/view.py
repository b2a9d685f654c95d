"""The position as the deciding seat sees it, in the few values that encoders and scripted players
need: both sides, their creatures, and every visible card by its id.

Not here: numbers for a network (``state``, ``rows``) and what may be answered (``answering``).
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from trainingrun_contracts.observation.facts import Trait, damage_in, facts_of, traits_of
from trainingrun_contracts.protocol.decisions import Card, Combatant, Decision, Player

_NOBODY: Final = Player()


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
    lands: int
    open_lands: int
    others: int
    power: int
    ready_power: int
    """Power that can block now, or attack now if it is this side's turn."""


class View(Struct):
    """A decision with its two sides."""

    decision: Decision
    mine: Side
    theirs: Side
    cards: dict[int, Card]
    fighters: dict[int, Creature]
    is_my_turn: bool

    @property
    def burn_in_hand(self) -> int:
        """Damage that the cards in the own hand name."""
        return sum(facts_of(card).damage for card in self.mine.player.hand)

    @property
    def pending_damage(self) -> int:
        """Damage that the top of the stack names: what a target is being chosen for."""
        stack = self.decision.game_state.stack
        if not stack:
            return 0
        card = self.cards.get(stack[0].source_card_id)
        return damage_in(stack[0].description) or (facts_of(card).damage if card else 0)

    def creature(self, combatant: Combatant) -> Creature:
        """The creature behind an entry of a list of attackers or blockers."""
        known = self.fighters.get(combatant.id)
        if known is not None:
            return known
        traits = traits_of(combatant.keywords)
        worth = 2 * combatant.power + combatant.toughness
        return Creature(combatant.id, combatant.power, combatant.toughness, traits, worth)


def view_of(decision: Decision) -> View:
    """Sort out a decision. A server that names no seat, or shows fewer players, is tolerated."""
    state = decision.game_state
    players = (*state.players, _NOBODY, _NOBODY)
    seat = decision.seat or 0
    cards: dict[int, Card] = {}
    fighters: dict[int, Creature] = {}
    mine = _side(players[seat], cards, fighters)
    theirs = _side(players[1 - seat], cards, fighters)
    for card in mine.player.hand:
        cards[card.id] = card
    for zone in (mine.player.exile, theirs.player.exile):
        for card in zone:
            cards[card.id] = card
    is_my_turn = state.active_player == decision.player
    return View(decision, mine, theirs, cards, fighters, is_my_turn)


def can_block(blocker: Creature, attacker: Creature) -> bool:
    """Whether evasion lets it; a tapped blocker is not looked at."""
    if attacker.traits & Trait.UNBLOCKABLE:
        return False
    return not attacker.traits & Trait.FLYING or bool(blocker.traits & (Trait.FLYING | Trait.REACH))


def kills(source: Creature, victim: Creature) -> bool:
    """Whether ``source`` kills ``victim`` when the two fight alone."""
    if not _hits_for_all(source, victim):
        return False
    is_late = victim.traits & Trait.FIRST_STRIKE and not source.traits & Trait.FIRST_STRIKE
    return not (is_late and _hits_for_all(victim, source))


def _hits_for_all(source: Creature, victim: Creature) -> bool:
    if source.power <= 0 or victim.traits & Trait.INDESTRUCTIBLE:
        return False
    return source.power >= victim.toughness or bool(source.traits & Trait.DEATHTOUCH)


def _side(player: Player, cards: dict[int, Card], fighters: dict[int, Creature]) -> Side:
    creatures: list[Creature] = []
    lands = open_lands = others = power = ready = 0
    for card in player.battlefield:
        cards[card.id] = card
        if card.is_creature or "Creature" in card.types:
            creature = _creature(card)
            creatures.append(creature)
            fighters[card.id] = creature
            power += creature.power
            if not card.tapped:
                ready += creature.power
        elif card.is_land:
            lands += 1
            open_lands += not card.tapped
        else:
            others += 1
    if len(creatures) > 1:
        creatures.sort(key=_by_worth, reverse=True)
    return Side(player, creatures, lands, open_lands, others, power, ready)


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
