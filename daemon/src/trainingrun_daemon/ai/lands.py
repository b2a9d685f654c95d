"""Which land to play, and which lands a hand still needs."""

from typing import Final

from trainingrun_daemon.rules.choices import ActionKind, ChooseAction
from trainingrun_daemon.rules.effects import enters
from trainingrun_daemon.rules.mana import COLORS
from trainingrun_daemon.rules.model import Card, Game, Player
from trainingrun_daemon.rules.payments import mana_sources

_COLOR_NEED: Final = 3.0
_TEMPO: Final = 4.0


def value_land(game: Game, choice: ChooseAction, card: Card) -> float:
    """Rank a land: those that make new colours, and tapped ones when nothing is lost by it."""
    player = game.players[choice.seat]
    made = {color for ability in card.face.mana for color in ability.colors}
    value = _COLOR_NEED * sum(color in made for color in _missing_colors(player))
    value += 0.1 * len(made)
    enters_tapped = card.face.as_enters is enters.tapped
    if enters_tapped == _wants_mana_now(game, choice):
        value -= _TEMPO
    if card.face.activated:
        value -= 0.5
    return value


def _wants_mana_now(game: Game, choice: ChooseAction) -> bool:
    """Return whether one more mana makes something castable this turn that is not castable now."""
    mana = len(mana_sources(game, choice.seat))
    costs = [
        card.face.cost.mana_value
        for card in game.players[choice.seat].hand
        if not card.face.is_land
    ]
    castable = any(action.kind is ActionKind.CAST for action in choice.actions)
    return any(cost == mana + 1 for cost in costs) or (castable and sum(costs) > mana >= min(costs))


def _missing_colors(player: Player) -> list[str]:
    """Return the colours that spells in hand need and no land makes."""
    needed = "".join("".join(card.face.cost.pips) for card in player.hand)
    made = {
        color for card in player.battlefield for ability in card.mana for color in ability.colors
    }
    return [color for color in COLORS if color in needed and color not in made]
