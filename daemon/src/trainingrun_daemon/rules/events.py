"""Events and the triggered abilities that wait for them.

``emit`` only notes which abilities triggered; ``stack.settle`` puts them on the stack when a player
would get priority, as the rules have it. Prowess is a keyword but works like any other triggered
ability, so it lives here.

That something leaves the battlefield is announced before it goes, because its own abilities, and
those of all that leave with it, look back in time (rule 603.10a).
"""

from typing import Final

from trainingrun_daemon.rules.enums import Event, Keyword
from trainingrun_daemon.rules.model import Card, Effect, Game, Happening, StackItem, Trigger
from trainingrun_daemon.rules.steps import Steps


def emit(game: Game, happening: Happening) -> None:
    """Note every ability that triggers on this event."""
    for player in game.players:
        for card in player.battlefield:
            if card.triggers:
                _note_triggers(game, card, happening)
        for card in player.command:
            _note_triggers(game, card, happening)
    if happening.event is Event.SPELL_CAST:
        _note_prowess(game, happening)
    if game.delayed:
        _release_delayed(game, happening)


def note_ability(
    game: Game, card: Card, *, text: str, effect: Effect, trigger: Trigger | None = None
) -> StackItem:
    """Note a triggered ability of a card; return the item for the stack."""
    item = StackItem(
        game.new_id(), card.controller, card, effect=effect, text=f"{card.face.name}: {text}"
    )
    if trigger is not None:
        item.trigger = trigger
        item.specs = trigger.targets
    game.waiting_triggers.append(item)
    return item


def note_chapter(game: Game, card: Card) -> None:
    """Note the chapter ability of a saga that has just got a lore counter (rule 714.2)."""
    number = card.counters.get("LORE", 0)
    if 1 <= number <= len(card.face.chapters):
        chapter = card.face.chapters[number - 1]
        item = note_ability(game, card, text=chapter.text, effect=chapter.effect)
        item.specs = chapter.targets


def _note_triggers(game: Game, card: Card, happening: Happening) -> None:
    for trigger in card.triggers:
        if trigger.event is not happening.event or not trigger.condition(game, card, happening):
            continue
        if trigger.once_a_turn:
            if card.used.get(trigger) == game.turn:
                continue
            card.used[trigger] = game.turn
        item = note_ability(game, card, text=trigger.text, effect=trigger.effect, trigger=trigger)
        item.happening = happening


def _note_prowess(game: Game, happening: Happening) -> None:
    """Note prowess (rule 702.108): a noncreature spell by the creature's controller."""
    item = happening.item
    if item is None or item.face.is_creature:
        return
    for card in game.players[happening.seat].battlefield:
        if Keyword.PROWESS in card.keywords:
            note_ability(game, card, text=PROWESS_TEXT, effect=_grow_until_end_of_turn)


PROWESS_TEXT: Final = "it gets +1/+1 until end of turn."


def _grow_until_end_of_turn(game: Game, item: StackItem) -> Steps | None:
    if item.source_is_there:
        item.card.boost_power += 1
        item.card.boost_toughness += 1
        game.is_stale = True
    return None


def _release_delayed(game: Game, happening: Happening) -> None:
    due = [
        delayed
        for delayed in game.delayed
        if delayed.event is happening.event and delayed.seat in (None, happening.seat)
    ]
    for delayed in due:
        game.delayed.remove(delayed)
        delayed.item.happening = happening
        game.waiting_triggers.append(delayed.item)
