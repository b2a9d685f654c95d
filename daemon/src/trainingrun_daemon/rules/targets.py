"""Targets: which are legal, in what order they are offered, and whether they still are.

Lists are ordered best-first for the player who chooses (protocol section 4): for harm the
opponent's things, for help one's own.
"""

from collections.abc import Callable, Iterator
from typing import Final

from trainingrun_daemon.rules.choices import ChooseEntity, ask_entity
from trainingrun_daemon.rules.damage import is_protected
from trainingrun_daemon.rules.enums import HARMFUL, Event, Keyword, Purpose, Zone
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import (
    Aim,
    Card,
    Game,
    Happening,
    Player,
    StackItem,
    Target,
    TargetSpec,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.zones import LOYALTY


def permanents(game: Game) -> Iterator[Card]:
    """Yield every permanent, those of seat 1 first."""
    for player in game.players:
        yield from player.battlefield


def creatures(game: Game, _aim: Aim) -> list[Target]:
    """Return every creature."""
    return [card for card in permanents(game) if card.is_creature]


def players(game: Game, _aim: Aim) -> list[Target]:
    """Return every player."""
    return list(game.players)


def opponents(game: Game, aim: Aim) -> list[Target]:
    """Return every opponent: there is one."""
    return [game.players[1 - aim.seat]]


def planeswalkers(game: Game, _aim: Aim) -> list[Target]:
    """Return every planeswalker."""
    return [card for card in permanents(game) if card.is_planeswalker]


def creatures_and_planeswalkers(game: Game, _aim: Aim) -> list[Target]:
    """Return every permanent that can be damaged."""
    return [card for card in permanents(game) if card.is_creature or card.is_planeswalker]


def players_and_planeswalkers(game: Game, aim: Aim) -> list[Target]:
    """Return what burn to the face can be aimed at."""
    return [*planeswalkers(game, aim), *game.players]


def anything(game: Game, aim: Aim) -> list[Target]:
    """Anything that can be damaged ("any target", rule 115.4)."""
    return [*creatures_and_planeswalkers(game, aim), *game.players]


def creatures_of_chosen_player(_game: Game, aim: Aim) -> list[Target]:
    """Return the creatures of the player who is the first target."""
    player = aim.chosen[0]
    if not isinstance(player, Player):
        return []
    return [card for card in player.battlefield if card.is_creature]


def spells(game: Game, aim: Aim) -> list[Target]:
    """Return every spell on the stack but the one that asks."""
    return [item for item in game.stack if item.is_spell and item.card is not aim.source]


def that(
    test: Callable[[Card], bool], base: Callable[[Game, Aim], list[Target]] = creatures
) -> Callable[[Game, Aim], list[Target]]:
    """Return the cards among the candidates of ``base`` that pass a test of their own."""

    def candidates(game: Game, aim: Aim) -> list[Target]:
        return [card for card in base(game, aim) if isinstance(card, Card) and test(card)]

    return candidates


def own(
    base: Callable[[Game, Aim], list[Target]] = creatures, *, other: bool = False
) -> Callable[[Game, Aim], list[Target]]:
    """Return the candidates of ``base`` that the aiming player controls, or all but the source."""

    def candidates(game: Game, aim: Aim) -> list[Target]:
        return [
            card
            for card in base(game, aim)
            if isinstance(card, Card)
            and card.controller == aim.seat
            and not (other and card is aim.source)
        ]

    return candidates


def opposing(
    base: Callable[[Game, Aim], list[Target]] = creatures,
) -> Callable[[Game, Aim], list[Target]]:
    """Return the candidates of ``base`` that the aiming player does not control."""

    def candidates(game: Game, aim: Aim) -> list[Target]:
        return [
            card
            for card in base(game, aim)
            if isinstance(card, Card) and card.controller != aim.seat
        ]

    return candidates


def all_permanents(game: Game, _aim: Aim) -> list[Target]:
    """Return every permanent."""
    return list(permanents(game))


def graveyard_cards(game: Game, _aim: Aim) -> list[Target]:
    """Return every card in a graveyard."""
    return [card for player in game.players for card in player.graveyard]


def can_target(source: Card, seat: int, target: Target) -> bool:
    """Return whether hexproof, shroud and protection let a spell or ability of ``seat`` target
    this."""
    if not isinstance(target, Card) or target.zone is not Zone.BATTLEFIELD:
        return True
    if is_protected(target, source) or Keyword.SHROUD in target.keywords:
        return False
    return target.controller == seat or Keyword.HEXPROOF not in target.keywords


def legal_targets(game: Game, aim: Aim, spec: TargetSpec) -> list[Target]:
    """Return the legal targets, best first. No target is chosen twice for one spell."""
    found = [
        target
        for target in spec.candidates(game, aim)
        if can_target(aim.source, aim.seat, target)
        and not any(target is earlier for earlier in aim.chosen)
        and (spec.when_chosen is None or spec.when_chosen(game, target))
    ]
    if len(found) > 1:
        key = _harm_order if spec.purpose in HARMFUL else _help_order
        found.sort(key=key(aim, spec))
    return found


def has_targets(game: Game, aim: Aim, specs: tuple[TargetSpec, ...]) -> bool:
    """Return whether all targets can be chosen; each target may limit those after it."""
    if not specs:
        return True
    spec = specs[0]
    if spec.optional:
        return has_targets(game, _next_aim(aim, None), specs[1:])
    found = legal_targets(game, aim, spec)
    if len(specs) == 1:
        return bool(found)
    return any(has_targets(game, _next_aim(aim, target), specs[1:]) for target in found)


def is_well_aimed(game: Game, aim: Aim, specs: tuple[TargetSpec, ...]) -> bool:
    """Return whether each best target is on the side that the effect is meant for.

    Damage has to kill what it hits, unless that is a player. True where no target is needed.
    """
    for spec in specs:
        if spec.optional:
            return True
        found = legal_targets(game, aim, spec)
        if not found or not _is_meant_for(aim, spec, found[0]):
            return False
        aim = _next_aim(aim, found[0])
    return True


def _is_meant_for(aim: Aim, spec: TargetSpec, target: Target) -> bool:
    seat = target.seat if isinstance(target, Player) else target.controller
    if (seat != aim.seat) != (spec.purpose in HARMFUL):
        return False
    return isinstance(target, Player) or _is_lethal(aim, spec, target)


def _next_aim(aim: Aim, target: Target | None) -> Aim:
    return Aim(aim.seat, aim.source, (*aim.chosen, target), aim.x, aim.about)


def aim_of(item: StackItem, chosen: tuple[Target | None, ...] = ()) -> Aim:
    """Return the aim of a spell or ability that is on the stack, or on its way there."""
    about = None if item.happening is None else item.happening.card
    return Aim(item.controller, item.card, chosen, item.x, about)


def choose_targets(game: Game, item: StackItem) -> Steps:
    """Ask the controller for the targets of an item that is already on the stack."""
    aim = aim_of(item)
    for position, spec in enumerate(item.specs):
        found = legal_targets(game, aim, spec)
        rest = item.specs[position + 1 :]
        if rest:
            found = [target for target in found if has_targets(game, _next_aim(aim, target), rest)]
        choice = ChooseEntity(
            item.controller,
            found,
            source=item.card,
            message=f"{item.text}: choose {spec.text}",
            purpose=spec.purpose,
            amount=_greatest_amount(aim, spec, found),
            optional=spec.optional,
        )
        aim = _next_aim(aim, (yield from ask_entity(choice)))
    item.targets = aim.chosen
    item.moves = tuple(target.moves if isinstance(target, Card) else 0 for target in aim.chosen)


def emit_targeted(game: Game, item: StackItem) -> None:
    """Announce that permanents and spells became targets (ward, valiant)."""
    for target in item.targets:
        if isinstance(target, StackItem) and target.is_spell:
            emit(game, Happening(Event.TARGETED, item.controller, target.card, item=item))
        elif isinstance(target, Card) and target.zone is Zone.BATTLEFIELD:
            emit(game, Happening(Event.TARGETED, item.controller, target, item=item))


def standing_targets(game: Game, item: StackItem) -> tuple[Target | None, ...]:
    """Return the targets that are still legal at resolution, None in the place of the others."""
    standing: list[Target | None] = []
    for spec, target, moves in zip(item.specs, item.targets, item.moves, strict=True):
        aim = aim_of(item, item.targets[: len(standing)])
        is_legal = target is not None and _still_legal(game, aim, spec, target=target, moves=moves)
        standing.append(target if is_legal else None)
    return tuple(standing)


def _still_legal(game: Game, aim: Aim, spec: TargetSpec, *, target: Target, moves: int) -> bool:
    if isinstance(target, Card) and target.moves != moves:
        return False
    if not can_target(aim.source, aim.seat, target):
        return False
    return any(target is candidate for candidate in spec.candidates(game, aim))


_OUT_OF_COMBAT: Final = {Keyword.CANT_ATTACK, Keyword.CANT_BLOCK}


def worth(card: Card) -> int:
    """Return a rough value of a permanent, for orders of lists and for the AI."""
    if card.is_creature:
        if card.keywords >= _OUT_OF_COMBAT:
            return 1
        return 2 * card.power + card.toughness + 2 * len(card.keywords)
    if card.is_planeswalker:
        return 6 + 2 * card.counters.get(LOYALTY, 0)
    if card.is_token:
        return 1
    return 2 + 2 * card.face.cost.mana_value


def _target_worth(target: Target) -> int:
    if isinstance(target, Card):
        return worth(target) if target.zone is Zone.BATTLEFIELD else target.face.cost.mana_value
    return 5 * target.face.cost.mana_value if isinstance(target, StackItem) else 0


def _harm_order(aim: Aim, spec: TargetSpec) -> Callable[[Target], tuple[int, int, int]]:
    """Return a sort key: kill, then hurt, the opponent's things; own things last, cheapest
    first."""

    def order(target: Target) -> tuple[int, int, int]:
        if isinstance(target, Player):
            if target.seat == aim.seat:
                return (1, 9, 0)
            return (0, 0 if target.life <= damage_at(aim, spec, target) else 2, 0)
        if target.controller == aim.seat:
            return (1, 0, _target_worth(target))
        return (0, 1 if _is_lethal(aim, spec, target) else 3, -_target_worth(target))

    return order


def damage_at(aim: Aim, spec: TargetSpec, target: Card | Player) -> int:
    """Return how much damage a target will get."""
    return spec.amount if spec.amount_by is None else spec.amount_by(aim, target)


def _greatest_amount(aim: Aim, spec: TargetSpec, found: list[Target]) -> int:
    if spec.amount_by is None:
        return spec.amount
    damages = (spec.amount_by(aim, one) for one in found if not isinstance(one, StackItem))
    return max(damages, default=0)


def _is_lethal(aim: Aim, spec: TargetSpec, target: Card | StackItem) -> bool:
    if spec.purpose is not Purpose.DAMAGE or isinstance(target, StackItem):
        return True
    amount = damage_at(aim, spec, target)
    if target.is_creature:
        return target.toughness - target.damage <= amount
    return target.counters.get(LOYALTY, 0) <= amount


def _help_order(aim: Aim, _spec: TargetSpec) -> Callable[[Target], tuple[int, int, int]]:
    """Return a sort key: own things first, those in combat before others, the best first."""

    def order(target: Target) -> tuple[int, int, int]:
        if isinstance(target, Player):
            return (0 if target.seat == aim.seat else 1, 0, 0)
        fights = isinstance(target, Card) and (target.attacking or target.blocking is not None)
        return (
            0 if target.controller == aim.seat else 1,
            0 if fights else 1,
            -_target_worth(target),
        )

    return order
