"""A question of Magic as text, for people who play by hand: the position, and every option.

Only what the seat that is asked may know: the other hand is a number, whatever the server shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trainingrun_protocol.decisions import Card, Combatant, Entity, Player

from trainingrun_environments.magic.options import Option, OptionKind, Question
from trainingrun_environments.magic.view import View
from trainingrun_environments.seam import Shown

_PHRASES = {
    OptionKind.PASS: "pass",
    OptionKind.DONE: "done",
    OptionKind.YES: "yes",
    OptionKind.NO: "no",
    OptionKind.DECLINE: "none of them",
}


def shown(question: Question) -> Shown:
    """Return a question for people; an option's number is its place."""
    options = question.options
    return Shown(
        text="\n".join(_position(question)),
        numbers=tuple(range(len(options))),
        texts=tuple(map(_option, options)),
    )


def _position(question: Question) -> Iterator[str]:
    view = question.view
    decision = view.decision
    turn = "your turn" if view.is_my_turn else "the other's turn"
    yield f"Turn {decision.turn}, {decision.phase.replace('_', ' ').lower()}, {turn}"
    if decision.message:
        yield decision.message
    if question.subject is not None:
        yield f"The blocker is {_combatant(question.subject)}."
    if question.chosen:
        yield f"Chosen so far: {'; '.join(map(_option, question.chosen))}"
    yield from _side("You", view.mine.player)
    yield f"  hand: {_cards(view.mine.player.hand)}"
    yield from _side("The other", view.theirs.player)
    yield from _combat(view)
    stack = decision.game_state.stack
    if stack:
        yield f"Stack, the next one first: {'; '.join(item.description for item in stack)}"


def _side(who: str, player: Player) -> Iterator[str]:
    counts = [f"life {player.life}", f"hand {player.hand_size}", f"library {player.library_size}"]
    if player.poison:
        counts.append(f"poison {player.poison}")
    yield f"{who}: {', '.join(counts)}"
    lands = [card for card in player.battlefield if _is_land(card)]
    others = [card for card in player.battlefield if not _is_land(card)]
    for name, cards in (("lands", lands), ("in play", others), ("graveyard", player.graveyard)):
        if cards:
            yield f"  {name}: {_cards(cards)}"


def _combat(view: View) -> Iterator[str]:
    attackers = view.decision.attackers
    if view.decision.blockers and attackers:
        yield f"Attackers: {', '.join(map(_combatant, attackers))}"


def _is_land(card: Card) -> bool:
    return (card.is_land or "Land" in card.types) and not card.is_creature


def _cards(cards: Iterable[Card]) -> str:
    """Return cards in their order, equal ones counted."""
    counted: dict[str, int] = {}
    for card in cards:
        text = _card(card)
        counted[text] = counted.get(text, 0) + 1
    return ", ".join(f"{n} {text}" if n > 1 else text for text, n in counted.items()) or "none"


def _card(card: Card) -> str:
    marks = [f"{card.power}/{card.toughness}"] if card.power is not None else []
    if card.damage:
        marks.append(f"damage {card.damage}")
    marks += [f"{counter.count} {counter.type}" for counter in card.counters]
    marks += ["tapped"] if card.tapped else []
    return f"{card.name} ({', '.join(marks)})" if marks else card.name


def _combatant(creature: Combatant) -> str:
    return f"{creature.name} ({creature.power}/{creature.toughness})"


def _option(option: Option) -> str:
    phrase = _PHRASES.get(option.kind)
    if phrase is not None:
        return phrase
    item = option.item
    match option.kind:
        case OptionKind.ATTACK:
            return f"attack with {_named(option)}"
        case OptionKind.BLOCK if option.against is not None:
            return f"block {_combatant(option.against)} with {_named(option)}"
        case OptionKind.NO_BLOCK:
            return f"no block with {_named(option)}"
        case OptionKind.VALUE:
            return str(option.index)
        case OptionKind.AT_SELF:
            return "you"
        case OptionKind.AT_OPPONENT:
            return "the other player"
        case _ if item is None:
            return str(option.index)
        case _:
            return _named(option)


def _named(option: Option) -> str:
    match option.item:
        case Combatant() as creature:
            return _combatant(creature)
        case Card() as card:
            return _card(card)
        case Entity(name=name, description=text):
            return text or name
        case None:
            return str(option.index)
        case listed:  # an action or an ability, which have both a card and a text
            text = listed.description or listed.card
            is_named = listed.card and listed.card not in text
            return f"{listed.card}: {text}" if is_named else text
