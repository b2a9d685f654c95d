"""Which action the AI takes when it has priority: the most valuable one, or none.

Values are points (``evaluation``). A land comes first, a win before everything else; then whatever
does most for its card and mana. What can wait, waits: tricks for a fight, burn for the face for the
end of the opponent's turn, abilities for mana that nothing else needs.
"""

from typing import Final

from trainingrun_daemon.ai.abilities import value_ability
from trainingrun_daemon.ai.evaluation import face_worth
from trainingrun_daemon.ai.lands import value_land
from trainingrun_daemon.ai.spells import value_cast
from trainingrun_daemon.rules.choices import Action, ActionKind, ChooseAction
from trainingrun_daemon.rules.enums import Phase
from trainingrun_daemon.rules.model import Game

_LAND_BONUS: Final = 10_000.0


def choose_action(game: Game, choice: ChooseAction) -> int:
    """Return the position of the best action, or -1 when waiting is better."""
    values = [value_action(game, choice, action) for action in choice.actions]
    best = max(range(len(values)), key=values.__getitem__)
    return best if values[best] > 0 else -1


def value_action(game: Game, choice: ChooseAction, action: Action) -> float:
    """Value one action; nothing or less means that passing is better."""
    match action.kind:
        case ActionKind.LAND:
            return _LAND_BONUS + value_land(game, choice, action.card)
        case ActionKind.ACTIVATE:
            return value_ability(game, choice, action)
        case ActionKind.SPECIAL:
            return _value_special(game, choice, action)
        case ActionKind.CAST:
            return value_cast(game, choice, action)


def _value_special(game: Game, choice: ChooseAction, action: Action) -> float:
    """Suspend and plot: as good as casting it, for less mana, only later."""
    face = action.card.face
    if face.targets:
        return 4.0 - 0.1 * action.cost.mana_value
    if game.phase is Phase.MAIN2 and not game.stack:
        return face_worth(face) + 4.0
    can_cast = any(
        other.kind is ActionKind.CAST and other.card is action.card for other in choice.actions
    )
    return 0.0 if can_cast else 1.0
