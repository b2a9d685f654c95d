"""What a target is worth: the same judgement for casting a spell and for aiming it.

Positive is good for the seat that aims. Purposes say what is done to a target; how much a boost
gives is read from the card.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from trainingrun_daemon.ai.combat_simulation import CombatResult, Fighter, simulate_combat
from trainingrun_daemon.ai.evaluation import (
    cost_of_damage,
    hand_worth,
    life_value,
    spell_worth,
    worth,
)
from trainingrun_daemon.ai.situation import DEADLY, unblocked_damage
from trainingrun_daemon.ai.text_parsing import Boost, boost_of, counter_price
from trainingrun_daemon.rules.choices import ChooseEntity
from trainingrun_daemon.rules.combat import can_attack
from trainingrun_daemon.rules.damage import is_protected
from trainingrun_daemon.rules.enums import Keyword, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Aim, Card, Game, Player, StackItem, Target, TargetSpec
from trainingrun_daemon.rules.payments import mana_sources
from trainingrun_daemon.rules.targets import damage_at, legal_targets
from trainingrun_daemon.rules.zones import LOYALTY

WIN: Final = 900.0
_NEVER: Final = -100.0
_FACE_SHARE: Final = 0.75
"""What damage to the opponent's face counts, against what it does in combat: it costs a card."""


class TargetedEffect:
    """What is done to a target: purpose, amount, and the words of the card."""

    __slots__ = ("amount", "purpose", "seat", "source", "text")

    def __init__(
        self, seat: int, source: Card, purpose: Purpose, *, amount: int = 0, text: str = ""
    ) -> None:
        self.seat = seat
        self.source = source
        self.purpose = purpose
        self.amount = amount
        self.text = text


def choose_entity(game: Game, choice: ChooseEntity) -> int:
    """Return the position of the best target, or -1 when declining is better."""
    if _is_choosing_victim(game, choice):
        return _choose_victim(game, choice)
    item = game.stack[-1] if game.stack else None
    shots = _shots_of(choice, item)
    values = [
        value_target(game, shot, target)
        for shot, target in zip(shots, choice.entities, strict=True)
    ]
    best = max(range(len(values)), key=values.__getitem__)
    return -1 if choice.optional and values[best] <= 0 else best


def _shots_of(choice: ChooseEntity, item: StackItem | None) -> list[TargetedEffect]:
    """Return what would happen to each target; the amount can differ between targets."""
    text = choice.source.face.text
    spec = None
    if item is not None and item.card is choice.source:
        spec = next((one for one in item.specs if one.text in choice.message), None)
        mode = next((mode for mode in item.modes if spec in mode.targets), None)
        text = item.face.text if item.is_spell else item.text
        text = text if mode is None else mode.text
    aim = Aim(choice.seat, choice.source, (), 0 if item is None else item.x)
    return [
        TargetedEffect(
            choice.seat,
            choice.source,
            choice.purpose,
            amount=choice.amount if spec is None else amount_at(aim, spec, target),
            text=text,
        )
        for target in choice.entities
    ]


def amount_at(aim: Aim, spec: TargetSpec, target: Target) -> int:
    """Return the damage that a target would get."""
    return 0 if isinstance(target, StackItem) else damage_at(aim, spec, target)


def value_specs(
    game: Game, aim: Aim, specs: Sequence[TargetSpec], text: str
) -> tuple[float, Target | None]:
    """Value a row of targets, each the best that is left; gives the first of them too."""
    total = 0.0
    first: Target | None = None
    for spec in specs:
        found = legal_targets(game, aim, spec)
        value, best = best_target(game, aim, spec, found, text)
        if best is None and not spec.optional:
            return _NEVER, None
        if value <= 0 and spec.optional:
            best, value = None, 0.0
        total += value
        first = first or best
        aim = Aim(aim.seat, aim.source, (*aim.chosen, best), aim.x, aim.about)
    return total, first


def best_target(
    game: Game, aim: Aim, spec: TargetSpec, found: Iterable[Target], text: str
) -> tuple[float, Target | None]:
    """Return the best of some targets with its value."""
    best: Target | None = None
    best_value = 0.0
    for target in found:
        shot = TargetedEffect(
            aim.seat, aim.source, spec.purpose, amount=amount_at(aim, spec, target), text=text
        )
        value = value_target(game, shot, target)
        if best is None or value > best_value:
            best, best_value = target, value
    return best_value, best


def value_target(game: Game, shot: TargetedEffect, target: Target) -> float:
    """Value doing this to a target."""
    if isinstance(target, StackItem):
        return _value_of_spell(game, shot, target)
    if isinstance(target, Player):
        return _value_of_player(game, shot, target)
    if target.zone is not Zone.BATTLEFIELD:
        return _value_of_lying_card(game, shot, target)
    return _value_of_permanent(game, shot, target)


def _value_of_spell(game: Game, shot: TargetedEffect, item: StackItem) -> float:
    if item.controller == shot.seat:
        return _NEVER
    if Keyword.UNCOUNTERABLE in item.face.keywords and shot.purpose is Purpose.COUNTER:
        return 0.0
    value = spell_worth(item)
    price = counter_price(shot.text)
    if price and len(mana_sources(game, item.controller)) >= price:
        value *= 0.4
    return value if shot.purpose is Purpose.COUNTER else 0.6 * value


def _value_of_player(_game: Game, shot: TargetedEffect, player: Player) -> float:
    is_own = player.seat == shot.seat
    match shot.purpose:
        case Purpose.DAMAGE:
            if is_own:
                return _NEVER - shot.amount
            if player.life <= shot.amount:
                return WIN
            return _FACE_SHARE * cost_of_damage(player.life, shot.amount)
        case Purpose.DISCARD | Purpose.REMOVE | Purpose.WEAKEN | Purpose.SACRIFICE:
            return _NEVER if is_own else 4.0
        case _:
            return 4.0 if is_own else -4.0


def _value_of_lying_card(game: Game, shot: TargetedEffect, card: Card) -> float:
    """Value a card in a graveyard: what is brought back, or taken from the opponent."""
    value = hand_worth(game, card.owner, card)
    if shot.purpose in (Purpose.KEEP, Purpose.SEARCH, Purpose.USE, Purpose.GROW):
        return value
    return 0.2 * value if card.owner != shot.seat else -value


def _value_of_permanent(game: Game, shot: TargetedEffect, card: Card) -> float:
    is_own = card.controller == shot.seat
    match shot.purpose:
        case Purpose.DAMAGE:
            value = _value_of_damage(game, shot, card)
        case Purpose.REMOVE:
            value = worth(card)
        case Purpose.WEAKEN:
            value = _value_of_weakening(game, shot, card)
        case Purpose.BOUNCE:
            value = worth(card) * (1.0 if card.is_token else 0.5)
        case Purpose.TAP:
            value = 0.0 if card.tapped else 0.4 * worth(card)
        case Purpose.SACRIFICE | Purpose.DISCARD | Purpose.COUNTER | Purpose.BOTTOM:
            value = worth(card)
        case Purpose.BOOST:
            return value_of_boost(game, shot.seat, card, boost_of(shot.text)) if is_own else _NEVER
        case Purpose.PROTECT:
            return value_of_rescue(game, card) if is_own else _NEVER
        case _:
            return _value_of_growth(card) if is_own else _NEVER
    return -value if is_own else value


def _value_of_damage(game: Game, shot: TargetedEffect, card: Card) -> float:
    if is_protected(card, shot.source):
        return 0.0
    if card.is_creature:
        if Keyword.INDESTRUCTIBLE in card.keywords:
            return 0.0
        has_deathtouch = Keyword.DEATHTOUCH in shot.source.keywords and shot.amount > 0
        if card.toughness - card.damage <= shot.amount or has_deathtouch:
            return worth(card)
        if game.phase is Phase.BLOCKERS and game.combat is not None and not game.stack:
            return -boost_in_combat(game, card, Boost(0, -shot.amount, frozenset()))
        return 0.1 * shot.amount
    loyalty = card.counters.get(LOYALTY, 0)
    return worth(card) if loyalty <= shot.amount else 1.2 * shot.amount


def _value_of_weakening(_game: Game, shot: TargetedEffect, card: Card) -> float:
    boost = boost_of(shot.text)
    if card.toughness - card.damage <= -boost.toughness:
        return worth(card)
    return -0.5 * boost.power if card.attacking or card.blocking is not None else 0.5


def _value_of_growth(card: Card) -> float:
    """Value a creature that grows for good: one that can use it, and that is hard to stop."""
    if not card.is_creature:
        return 1.0
    evasion = 2.0 if card.keywords & _EVASION else 0.0
    ready = 0.0 if card.is_sick and Keyword.HASTE not in card.keywords else 1.0
    return 4.0 + evasion + ready + 0.2 * worth(card)


_EVASION: Final = frozenset(
    {
        Keyword.DOUBLE_STRIKE,
        Keyword.FLYING,
        Keyword.LIFELINK,
        Keyword.MENACE,
        Keyword.TRAMPLE,
        Keyword.UNBLOCKABLE,
    }
)


# --- tricks ---------------------------------------------------------------------------------------


def value_of_boost(game: Game, seat: int, card: Card, boost: Boost) -> float:
    """Value a boost until the end of the turn, which only counts in a fight or for a rescue."""
    if game.stack and boost.toughness > 0 and game.stack[-1].controller != seat:
        if _is_hurt(game.stack[-1], card, boost.toughness):
            return worth(card)
        return 0.0
    if game.phase is Phase.BLOCKERS and game.combat is not None:
        return boost_in_combat(game, card, boost)
    if game.phase is Phase.MAIN1 and game.active == seat:
        return _boost_before_attack(game, card, boost)
    return 0.0


def _is_hurt(item: StackItem, card: Card, toughness: int) -> bool:
    """Return whether damage on the stack kills a creature that is not boosted by so much
    toughness."""
    left = card.toughness - card.damage
    for spec, target in zip(item.specs, item.targets, strict=False):
        if target is card and spec.purpose is Purpose.DAMAGE:
            amount = damage_at(Aim(item.controller, item.card, (), item.x), spec, card)
            return left <= amount < left + toughness
    return False


def boost_in_combat(game: Game, card: Card, boost: Boost) -> float:
    """Return how much better a fight ends with a boost."""
    assert game.combat is not None
    combat = game.combat
    attacker = card if card.attacking else card.blocking
    if attacker is None or attacker not in combat.attackers:
        return 0.0
    blockers = combat.blockers.get(attacker.id, [])
    defender = game.players[1 - combat.seat]
    is_own_attack = card.attacking
    if not blockers:
        if attacker.id in combat.was_blocked or not is_own_attack:
            return 0.0
        before, after = Fighter(card).damage, _boosted(card, boost).damage
        incoming = unblocked_damage(game)
        if incoming < defender.life <= incoming + after - before:
            return WIN
        return _FACE_SHARE * cost_of_damage(defender.life, after - before)
    before_end = _end(attacker, blockers, None, boost)
    after_end = _end(attacker, blockers, card, boost)
    gain = _swing(attacker, after_end) - _swing(attacker, before_end)
    gain += cost_of_damage(defender.life, after_end.through) - cost_of_damage(
        defender.life, before_end.through
    )
    return gain if is_own_attack else -gain


def _end(attacker: Card, blockers: list[Card], boosted: Card | None, boost: Boost) -> CombatResult:
    def fighter(card: Card) -> Fighter:
        return _boosted(card, boost) if card is boosted else Fighter(card)

    return simulate_combat(fighter(attacker), [fighter(blocker) for blocker in blockers])


def _boosted(card: Card, boost: Boost) -> Fighter:
    return Fighter(card, power=boost.power, toughness=boost.toughness, keywords=boost.keywords)


def _swing(attacker: Card, end: CombatResult) -> float:
    """Value the end of a fight for the attacker's side."""
    lost = worth(attacker) if end.attacker_dies else 0.0
    return sum(fighter.worth for fighter in end.dead) - lost


def _boost_before_attack(game: Game, card: Card, boost: Boost) -> float:
    """Haste is worth an attack; anything else waits for the blocks."""
    if Keyword.HASTE not in boost.keywords or card.tapped or can_attack(card):
        return 0.0
    opponent = game.players[1 - card.controller]
    if any(other.is_creature and not other.tapped for other in opponent.battlefield):
        return 0.0
    return _FACE_SHARE * cost_of_damage(opponent.life, card.power + boost.power)


def value_of_rescue(game: Game, card: Card) -> float:
    """Value saving a permanent from what is on the stack, or from a fight that kills it."""
    if game.stack:
        item = game.stack[-1]
        is_threatened = item.controller != card.controller and any(
            target is card and spec.purpose in DEADLY
            for spec, target in zip(item.specs, item.targets, strict=False)
        )
        return worth(card) if is_threatened else 0.0
    if game.phase is Phase.BLOCKERS and game.combat is not None:
        return boost_in_combat(game, card, Boost(0, 0, frozenset({Keyword.INDESTRUCTIBLE})))
    return 0.0


# --- whom an attacker attacks ---------------------------------------------------------------------


def _is_choosing_victim(game: Game, choice: ChooseEntity) -> bool:
    is_declaring = game.phase is Phase.ATTACKERS and game.combat is not None and not game.stack
    return (
        is_declaring
        and game.combat is not None
        and not game.combat.attackers
        and isinstance(choice.entities[0], Player)
        and choice.source.controller == game.active
    )


def _choose_victim(game: Game, choice: ChooseEntity) -> int:
    """Attack the player when that is nearly a win, else the planeswalker that dies of it."""
    assert game.combat is not None
    defender = choice.entities[0]
    assert isinstance(defender, Player)
    power = sum(card.power for card in game.players[choice.seat].battlefield if can_attack(card))
    if life_value(defender.life - power) <= 0 or defender.life <= 2 * choice.source.power:
        return 0
    assigned = game.combat.targets
    for position, walker in enumerate(choice.entities[1:], start=1):
        if not isinstance(walker, Card):
            continue
        attackers = [card for card in game.players[choice.seat].battlefield if card.id in assigned]
        spent = sum(card.power for card in attackers if assigned[card.id] is walker)
        if spent < walker.counters.get(LOYALTY, 0):
            return position
    return 0
