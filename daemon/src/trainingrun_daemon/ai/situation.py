"""What the moment asks for: whose turn it is, what is threatened, how near a win is."""

from collections.abc import Iterable
from typing import Final

from trainingrun_daemon.ai.combat_simulation import Fighter
from trainingrun_daemon.ai.evaluation import worth
from trainingrun_daemon.ai.text_parsing import face_damage, pain_of
from trainingrun_daemon.rules.choices import Action, ActionKind
from trainingrun_daemon.rules.continuous import FOREVER
from trainingrun_daemon.rules.enums import Event, Keyword, Phase, Purpose, Use
from trainingrun_daemon.rules.model import Aim, CardFace, Game, Happening, Player, StackItem
from trainingrun_daemon.rules.payments import mana_sources
from trainingrun_daemon.rules.targets import legal_targets

DEADLY: Final = frozenset({Purpose.DAMAGE, Purpose.REMOVE, Purpose.BOUNCE, Purpose.WEAKEN})


def available_mana(game: Game, seat: int) -> int:
    """Return how much mana a seat could make now."""
    return len(mana_sources(game, seat))


def is_own_main(game: Game, seat: int) -> bool:
    """Return whether this seat may do what only sorceries may."""
    is_main = game.phase is Phase.MAIN1 or game.phase is Phase.MAIN2
    return is_main and game.active == seat and not game.stack


def is_last_chance(game: Game, seat: int, *, instant: bool) -> bool:
    """Return whether mana that is not spent now would be lost."""
    if game.stack:
        return False
    if instant and game.active != seat:
        return game.phase is Phase.END
    return game.active == seat and game.phase is Phase.MAIN2 and not instant


def unblocked_damage(game: Game) -> int:
    """Return the combat damage that the defending player is about to be dealt."""
    combat = game.combat
    if combat is None:
        return 0
    return sum(
        Fighter(card).damage
        for card in combat.attackers
        if card.id not in combat.was_blocked and card.id not in combat.targets
    )


def burn_reach(game: Game, seat: int, actions: Iterable[Action]) -> int:
    """Return the damage that the castable burn could deal to the opponent with the mana there
    is."""
    shots = sorted(
        (
            (action.cost.mana_value, damage)
            for action in actions
            if action.kind is ActionKind.CAST and (damage := damage_to_face(game, seat, action))
            for _ in range(_copies(game.players[seat], action))
        ),
        key=lambda shot: shot[0] / shot[1],
    )
    mana, reach = available_mana(game, seat), 0
    for cost, damage in shots:
        if cost <= mana:
            mana -= cost
            reach += damage
    return reach


def _copies(player: Player, action: Action) -> int:
    return max(sum(card.face is action.card.face for card in player.hand), 1)


def damage_to_face(game: Game, seat: int, action: Action) -> int:
    """Return the damage that a spell could deal to the opponent."""
    face = action.face
    if face.is_permanent:
        return 0
    best = face_damage(face.text) if not face.targets and not face.modes else 0
    opponent = game.players[1 - seat]
    for specs in (face.targets, *(mode.targets for mode in face.modes)):
        if specs and specs[0].purpose is Purpose.DAMAGE and specs[0].amount > best:
            found = legal_targets(game, Aim(seat, action.card), specs[0])
            if any(target is opponent for target in found):
                best = specs[0].amount
    return best


def cast_pain(game: Game, seat: int, action: Action) -> int:
    """Return the damage that permanents deal to this seat for casting a spell."""
    pain = 0
    for player in game.players:
        for card in player.battlefield:
            for trigger in card.triggers:
                if trigger.event is Event.SPELL_CAST and pain_of(trigger.text):
                    item = StackItem(0, seat, action.card, effect=None, text=action.face.name)
                    item.is_spell = True
                    item.face = action.face
                    happening = Happening(Event.SPELL_CAST, seat, action.card, item=item)
                    pain += pain_of(trigger.text) * trigger.condition(game, card, happening)
    return pain


def has_cards_on_loan(game: Game, seat: int) -> bool:
    """Return whether exiled cards wait to be played before their time is over."""
    return any(
        card.playable_by == seat and game.turn <= card.playable_until < FOREVER
        for card in game.players[seat].exile
    )


def threatened_worth(game: Game, seat: int) -> float:
    """Return the worth of what the top of the opponent's stack is about to take from a seat."""
    if not game.stack or game.stack[-1].controller == seat:
        return 0.0
    item = game.stack[-1]
    if item.is_spell and item.face.use is Use.SWEEP:
        return sum(worth(card) for card in game.players[seat].battlefield if card.is_creature)
    return sum(
        worth(target)
        for spec, target in zip(item.specs, item.targets, strict=False)
        if spec.purpose in DEADLY
        for target in (target,)
        if target is not None and target in game.players[seat].battlefield
    )


def has_named(player: Player, face: CardFace) -> bool:
    """Return whether a player controls a permanent of this name."""
    return any(other.face.name == face.name for other in player.battlefield)


def has_flash(face: CardFace) -> bool:
    """Return whether a card can be cast whenever its owner has priority."""
    return face.is_instant or Keyword.FLASH in face.keywords
