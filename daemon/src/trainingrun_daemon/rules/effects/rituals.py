"""Mana that spells and abilities add to the pool."""

from trainingrun_daemon.rules.choices import ChooseAbility, ask_ability
from trainingrun_daemon.rules.effects.triggers import when_attacks
from trainingrun_daemon.rules.mana import COLORS
from trainingrun_daemon.rules.model import Effect, FloatingMana, Game, StackItem, Trigger
from trainingrun_daemon.rules.steps import Steps

_NAMES = {"W": "white", "U": "blue", "B": "black", "R": "red", "G": "green"}


def add_mana(colors: str, *, is_combat: bool = False) -> Effect:
    """Add this mana, one for each letter; combat mana lasts until the end of combat."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        player = game.players[item.controller]
        player.pool += [FloatingMana(color, is_combat=is_combat) for color in colors]
        return None

    return resolve


def add_mana_of_any_color(game: Game, item: StackItem) -> Steps:
    """Add one mana of a colour that the controller chooses."""
    player = game.players[item.controller]
    needs = "".join("".join(card.face.cost.pips) for card in player.hand)
    colors = sorted(COLORS, key=lambda color: -needs.count(color))
    choice = ChooseAbility(
        item.controller,
        [_NAMES[color] for color in colors],
        source=item.card,
        message=f"{item.card.face.name}: choose a color of mana",
    )
    player.pool.append(FloatingMana(colors[(yield from ask_ability(choice))]))


def firebending(amount: int) -> Trigger:
    """Firebending: red mana whenever it attacks, until the end of combat."""
    return when_attacks(f"add {'{R}' * amount}.", add_mana("R" * amount, is_combat=True))
