"""Targets: which are legal, in what order they are offered, and whether they still are.

Lists are ordered best-first for whoever chooses (protocol section 4), the opponent's things before
one's own: every target that the known cards ask for is harmed by it.
"""

from collections.abc import Callable

from trainingrun_daemon.rules.choices import ChooseEntity, ask_entity
from trainingrun_daemon.rules.damage import is_protected
from trainingrun_daemon.rules.model import (
    Card,
    Game,
    Keyword,
    Player,
    Purpose,
    StackItem,
    Steps,
    Target,
    TargetSpec,
    Zone,
)


def creatures(game: Game, seat: int, chosen: tuple[Target, ...]) -> list[Target]:
    """Every creature."""
    return [card for player in game.players for card in _creatures_of(player)]


def players(game: Game, seat: int, chosen: tuple[Target, ...]) -> list[Target]:
    """Every player."""
    return list(game.players)


def creatures_and_players(game: Game, seat: int, chosen: tuple[Target, ...]) -> list[Target]:
    """Anything that can be damaged."""
    return [*creatures(game, seat, chosen), *game.players]


def creatures_of_chosen_player(game: Game, seat: int, chosen: tuple[Target, ...]) -> list[Target]:
    """The creatures of the player who is the first target."""
    player = chosen[0]
    return list(_creatures_of(player)) if isinstance(player, Player) else []


def _creatures_of(player: Player) -> list[Card]:
    return [card for card in player.battlefield if card.face.is_creature]


def can_target(source: Card, seat: int, target: Target) -> bool:
    """Whether a spell or ability of ``seat`` may target this."""
    if isinstance(target, Player):
        return True
    if target.zone is not Zone.BATTLEFIELD or is_protected(target, source):
        return False
    return target.controller == seat or Keyword.HEXPROOF not in target.keywords


def legal_targets(
    game: Game, source: Card, seat: int, *, spec: TargetSpec, chosen: tuple[Target, ...] = ()
) -> list[Target]:
    """Give the legal targets, best first."""
    found = [
        target for target in spec.candidates(game, seat, chosen) if can_target(source, seat, target)
    ]
    if len(found) > 1:
        found.sort(key=_harm_order(seat, spec))
    return found


def has_targets(
    game: Game,
    source: Card,
    seat: int,
    *,
    specs: tuple[TargetSpec, ...],
    chosen: tuple[Target, ...] = (),
) -> bool:
    """Whether all targets can be chosen; each target may limit those after it."""
    if not specs:
        return True
    found = legal_targets(game, source, seat, spec=specs[0], chosen=chosen)
    if len(specs) == 1:
        return bool(found)
    return any(
        has_targets(game, source, seat, specs=specs[1:], chosen=(*chosen, target))
        for target in found
    )


def choose_targets(game: Game, item: StackItem) -> Steps:
    """Ask the controller for the targets of an item that is already on the stack."""
    chosen: tuple[Target, ...] = ()
    for position, spec in enumerate(item.specs):
        found = legal_targets(game, item.card, item.controller, spec=spec, chosen=chosen)
        rest = item.specs[position + 1 :]
        if rest:
            found = [
                target
                for target in found
                if has_targets(
                    game, item.card, item.controller, specs=rest, chosen=(*chosen, target)
                )
            ]
        choice = ChooseEntity(
            item.controller,
            found,
            source=item.card,
            message=f"{item.card.face.name}: choose {spec.text}",
            purpose=spec.purpose,
            amount=spec.amount,
        )
        chosen = (*chosen, (yield from ask_entity(choice)))
    item.targets = chosen
    item.moves = tuple(target.moves if isinstance(target, Card) else 0 for target in chosen)


def standing_targets(item: StackItem) -> list[Target | None]:
    """Give the targets that are still legal at resolution, None in the place of the others."""
    return [
        target if _still_legal(item, target, moves) else None
        for target, moves in zip(item.targets, item.moves, strict=True)
    ]


def _still_legal(item: StackItem, target: Target, moves: int) -> bool:
    if isinstance(target, Card) and target.moves != moves:
        return False
    return can_target(item.card, item.controller, target)


def worth(card: Card) -> int:
    """A rough value of a creature, for orders of lists."""
    return 2 * card.power + card.toughness + len(card.keywords)


def _harm_order(seat: int, spec: TargetSpec) -> Callable[[Target], tuple[int, int, int]]:
    """Give a sort key: kill, then hurt, the opponent's things; own things last, cheapest first."""

    def order(target: Target) -> tuple[int, int, int]:
        if isinstance(target, Player):
            if target.seat == seat:
                return (1, 9, 0)
            return (0, 0 if target.life <= spec.amount else 2, 0)
        if target.controller == seat:
            return (1, 0, worth(target))
        is_kill = spec.purpose is not Purpose.DAMAGE or (
            target.toughness - target.damage <= spec.amount
        )
        return (0, 1 if is_kill else 3, -worth(target))

    return order
