"""Targets that many cards have."""

from collections.abc import Callable

from trainingrun_daemon.rules import targets
from trainingrun_daemon.rules.enums import Purpose
from trainingrun_daemon.rules.model import Aim, Card, Game, Player, StackItem, Target, TargetSpec


def any_target(amount: int) -> TargetSpec:
    """A creature, planeswalker or player that will be dealt damage."""
    return TargetSpec(
        text="any target", candidates=targets.anything, purpose=Purpose.DAMAGE, amount=amount
    )


def target_creature_hit_by(amount: Callable[[Aim, Card | Player], int]) -> TargetSpec:
    """A creature that will be dealt damage that depends on X or on the creature."""
    return TargetSpec(
        text="target creature",
        candidates=targets.creatures,
        purpose=Purpose.DAMAGE,
        amount_by=amount,
    )


def target_player(amount: int) -> TargetSpec:
    """A player who will be dealt damage."""
    return TargetSpec(
        text="target player", candidates=targets.players, purpose=Purpose.DAMAGE, amount=amount
    )


def target_player_or_planeswalker(amount: int) -> TargetSpec:
    """A player or planeswalker that will be dealt damage."""
    return TargetSpec(
        text="target player or planeswalker",
        candidates=targets.players_and_planeswalkers,
        purpose=Purpose.DAMAGE,
        amount=amount,
    )


def target_opponent(purpose: Purpose = Purpose.DISCARD, amount: int = 0) -> TargetSpec:
    """An opponent."""
    return TargetSpec(
        text="target opponent", candidates=targets.opponents, purpose=purpose, amount=amount
    )


def target_creature(purpose: Purpose, amount: int = 0) -> TargetSpec:
    """A creature."""
    return TargetSpec(
        text="target creature", candidates=targets.creatures, purpose=purpose, amount=amount
    )


def target_creature_or_planeswalker(purpose: Purpose, amount: int = 0) -> TargetSpec:
    """A creature or planeswalker."""
    return TargetSpec(
        text="target creature or planeswalker",
        candidates=targets.creatures_and_planeswalkers,
        purpose=purpose,
        amount=amount,
    )


def target_creature_that(
    text: str, test: Callable[[Card], bool], purpose: Purpose, amount: int = 0
) -> TargetSpec:
    """A creature that passes a test; ``text`` says which."""
    return TargetSpec(text=text, candidates=targets.that(test), purpose=purpose, amount=amount)


def target_own_creature(purpose: Purpose = Purpose.BOOST, *, optional: bool = False) -> TargetSpec:
    """A creature that you control."""
    return TargetSpec(
        text="target creature you control",
        candidates=targets.own(),
        purpose=purpose,
        optional=optional,
    )


def target_opposing_creature(
    purpose: Purpose, *, optional: bool = False, amount: int = 0
) -> TargetSpec:
    """A creature that you do not control."""
    return TargetSpec(
        text="target creature an opponent controls",
        candidates=targets.opposing(),
        purpose=purpose,
        optional=optional,
        amount=amount,
    )


def target_permanent_that(
    text: str, test: Callable[[Card], bool], purpose: Purpose, *, optional: bool = False
) -> TargetSpec:
    """A permanent that passes a test."""
    return TargetSpec(
        text=text,
        candidates=targets.that(test, targets.all_permanents),
        purpose=purpose,
        optional=optional,
    )


def target_spell(
    text: str = "target spell", test: Callable[[StackItem], bool] | None = None
) -> TargetSpec:
    """A spell on the stack, to be countered."""

    def candidates(game: Game, aim: Aim) -> list[Target]:
        return [
            item
            for item in targets.spells(game, aim)
            if isinstance(item, StackItem) and (test is None or test(item))
        ]

    return TargetSpec(text=text, candidates=candidates, purpose=Purpose.COUNTER)


def target_in_graveyard(
    text: str, test: Callable[[Card, Aim], bool], purpose: Purpose, *, optional: bool = False
) -> TargetSpec:
    """A card in a graveyard."""

    def candidates(game: Game, aim: Aim) -> list[Target]:
        return [
            card
            for card in targets.graveyard_cards(game, aim)
            if isinstance(card, Card) and test(card, aim)
        ]

    return TargetSpec(text=text, candidates=candidates, purpose=purpose, optional=optional)
