"""Events and the triggered abilities that wait for them.

``emit`` only notes which abilities triggered; ``stack.put_triggers`` puts them on the stack when a
player would get priority, as the rules have it. Prowess is a keyword but works like any other
triggered ability, so it lives here.
"""

from typing import Final

from trainingrun_daemon.rules.model import (
    Card,
    Event,
    Game,
    Happening,
    Keyword,
    StackItem,
    Steps,
    Trigger,
)


def emit(game: Game, happening: Happening) -> None:
    """Note every ability that triggers on this event."""
    for player in game.players:
        for card in player.battlefield:
            if card.face.triggers or Keyword.PROWESS in card.keywords:
                _note_triggers(game, card, happening)
    dead = happening.card
    if happening.event is Event.DIES and dead is not None and dead.face.triggers:
        _note_triggers(game, dead, happening)


def _note_triggers(game: Game, card: Card, happening: Happening) -> None:
    for trigger in card.face.triggers:
        if trigger.event is happening.event and trigger.condition(game, card, happening):
            _note(game, card, trigger=trigger, happening=happening)
    if Keyword.PROWESS in card.keywords and _is_prowess_spell(card, happening):
        _note(game, card, trigger=PROWESS, happening=happening)


def _note(game: Game, card: Card, *, trigger: Trigger, happening: Happening) -> None:
    text = f"{card.face.name}: {trigger.text}"
    item = StackItem(game.new_id(), card.controller, card, effect=trigger.effect, text=text)
    item.happening = happening
    game.waiting_triggers.append(item)


def _is_prowess_spell(card: Card, happening: Happening) -> bool:
    return (
        happening.event is Event.SPELL_CAST
        and happening.seat == card.controller
        and happening.card is not None
        and not happening.card.face.is_creature
    )


def _grow_until_end_of_turn(game: Game, item: StackItem) -> Steps | None:
    card = item.card
    card.boost_power += 1
    card.boost_toughness += 1
    game.is_stale = True
    return None


PROWESS: Final = Trigger(
    event=Event.SPELL_CAST,
    text="it gets +1/+1 until end of turn.",
    effect=_grow_until_end_of_turn,
    condition=lambda game, card, happening: _is_prowess_spell(card, happening),
)
