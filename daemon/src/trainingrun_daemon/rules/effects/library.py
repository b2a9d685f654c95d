"""Drawing, looking, searching, discarding, playing from exile."""

from collections.abc import Callable, Generator

from trainingrun_daemon.rules.choices import (
    ChooseCards,
    Confirm,
    Reveal,
    ask_cards,
    ask_confirm,
)
from trainingrun_daemon.rules.enums import Purpose, Zone
from trainingrun_daemon.rules.model import Card, CardFace, Effect, Game, StackItem
from trainingrun_daemon.rules.steps import Answer, Choice, Steps
from trainingrun_daemon.rules.zones import (
    add_counters,
    discard,
    draw_cards,
    move_card,
    put_on_battlefield,
    put_on_bottom,
)


def draw(count: int) -> Effect:
    """The controller draws cards."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        draw_cards(game, item.controller, count)
        return None

    return resolve


def discard_chosen(seat_of: Callable[[StackItem], int], count: int = 1) -> Effect:
    """A player discards cards of their choice."""

    def resolve(game: Game, item: StackItem) -> Steps:
        yield from make_discard(game, seat_of(item), count=count, cause=item.card.face.name)

    return resolve


def make_discard(game: Game, seat: int, *, count: int, cause: str) -> Steps:
    """Make a player discard cards of their choice, lands first in the list."""
    hand = game.players[seat].hand
    choice = ChooseCards(
        seat,
        sorted(hand, key=lambda card: (not card.face.is_land, card.face.cost.mana_value)),
        count=(min(count, len(hand)), min(count, len(hand))),
        message=f"{cause}: choose {count} to discard",
        purpose=Purpose.DISCARD,
    )
    for card in (yield from ask_cards(choice)):
        discard(game, card)


def loot(draws: int = 1, discards: int = 1) -> Effect:
    """Draw, then discard."""

    def resolve(game: Game, item: StackItem) -> Steps:
        draw_cards(game, item.controller, draws)
        yield from make_discard(game, item.controller, count=discards, cause=item.card.face.name)

    return resolve


def take_from_hand(
    test: Callable[[Card], bool],
    *,
    then: Callable[[Game, StackItem, Card], None] | None = None,
    optional: bool = False,
) -> Effect:
    """The opponent reveals their hand; the controller chooses a card that they discard.

    ``then`` does something else with the card instead. Without a fitting card nothing happens;
    ``optional`` lets the controller choose none.
    """

    def resolve(game: Game, item: StackItem) -> Steps:
        hand = list(game.players[1 - item.controller].hand)
        if not hand:
            return
        name = item.card.face.name
        yield Reveal(item.controller, hand, message=f"{name} reveals a hand")
        fitting = sorted(
            (card for card in hand if test(card)), key=lambda card: -card.face.cost.mana_value
        )
        choice = ChooseCards(
            item.controller,
            fitting,
            count=(0 if optional else min(1, len(fitting)), min(1, len(fitting))),
            message=f"{name}: choose a card that your opponent loses",
            purpose=Purpose.KEEP,
        )
        for card in (yield from ask_cards(choice)):
            if then is None:
                discard(game, card)
            else:
                then(game, item, card)

    return resolve


def scry(count: int) -> Effect:
    """Look at the top cards; any of them go to the bottom (rule 701.22)."""

    def resolve(game: Game, item: StackItem) -> Steps:
        yield from look_at_top(game, item.controller, count, away=put_on_bottom, word="scry")

    return resolve


def surveil(count: int) -> Effect:
    """Look at the top cards; any of them go to the graveyard (rule 701.25)."""

    def resolve(game: Game, item: StackItem) -> Steps:
        def bury(game: Game, card: Card) -> None:
            move_card(game, card, Zone.GRAVEYARD)

        yield from look_at_top(game, item.controller, count, away=bury, word="surveil")

    return resolve


def look_at_top(
    game: Game, seat: int, count: int, *, away: Callable[[Game, Card], None], word: str
) -> Steps:
    """Ask which of the top cards are put away; the others stay on top in their order."""
    top = game.players[seat].library[-count:][::-1]
    if not top:
        return
    choice = ChooseCards(
        seat,
        top,
        count=(0, len(top)),
        message=f"{word.capitalize()} {count}: choose what you put away",
        purpose=Purpose.BOTTOM,
    )
    for card in (yield from ask_cards(choice)):
        away(game, card)


def take_from_top(
    count: int,
    *,
    take: int = 1,
    test: Callable[[Card], bool] = lambda _card: True,
    optional: bool = False,
) -> Effect:
    """Look at the top cards, take some into hand, put the rest on the bottom in random order."""

    def resolve(game: Game, item: StackItem) -> Steps:
        player = game.players[item.controller]
        top = player.library[-count:][::-1]
        fitting = sorted(
            (card for card in top if test(card)), key=lambda card: -card.face.cost.mana_value
        )
        most = min(take, len(fitting))
        choice = ChooseCards(
            item.controller,
            fitting,
            count=(0 if optional else most, most),
            message=f"{item.card.face.name}: choose up to {take} for your hand",
            purpose=Purpose.KEEP,
        )
        taken = (yield from ask_cards(choice)) if fitting else []
        rest = [card for card in top if card not in taken]
        for card in taken:
            move_card(game, card, Zone.HAND)
        game.random.shuffle(rest)
        for card in rest:
            put_on_bottom(game, card)

    return resolve


def search_land(
    test: Callable[[Card], bool] = lambda card: card.face.is_basic,
    *,
    tapped: bool = True,
    to: Zone = Zone.BATTLEFIELD,
) -> Effect:
    """The controller searches their library for a land and shuffles (rule 701.23)."""

    def resolve(game: Game, item: StackItem) -> Steps:
        yield from search(game, item.controller, test=test, tapped=tapped, to=to)

    return resolve


def search(
    game: Game, seat: int, *, test: Callable[[Card], bool], tapped: bool, to: Zone
) -> Generator[Choice, Answer, Card | None]:
    """Let a player search their library for one card and shuffle (rule 701.23); gives the card.

    Simplified: a search always finds what is there, though the rules allow to fail.
    """
    player = game.players[seat]
    found: dict[str, Card] = {}
    for card in player.library:
        if test(card):
            found.setdefault(card.face.name, card)
    have = [card.face.name for card in player.battlefield]
    offered = sorted(
        found.values(), key=lambda card: (-card.face.cost.mana_value, have.count(card.face.name))
    )
    taken: Card | None = None
    if offered:
        choice = ChooseCards(
            seat, offered, count=(1, 1), message="Search: choose a card", purpose=Purpose.KEEP
        )
        for card in (yield from ask_cards(choice)):
            taken = card
            if to is Zone.BATTLEFIELD:
                yield from put_on_battlefield(game, card, tapped=tapped)
            else:
                move_card(game, card, to)
    game.random.shuffle(player.library)
    return taken


def allow_play(
    _game: Game,
    card: Card,
    seat: int,
    *,
    last_turn: int,
    first_turn: int = 0,
    free: bool = False,
    half: CardFace | None = None,
) -> None:
    """Let a player play a card from where it is, until the end of ``last_turn``.

    ``half`` is the face that alone may be played, when the card has two.
    """
    card.playable_by = seat
    card.playable_as = half
    card.playable_from = first_turn
    card.playable_until = last_turn
    card.playable_free = free


def end_of_next_turn(game: Game, seat: int) -> int:
    """Return the number of the seat's next turn."""
    return game.turn + (2 if game.active == seat else 1)


def exile_to_play(count: int, *, until_next_turn: bool = False) -> Effect:
    """Exile the top cards; the controller may play them this turn (or until their next ends)."""

    def resolve(game: Game, item: StackItem) -> Steps | None:
        seat = item.controller
        last_turn = end_of_next_turn(game, seat) if until_next_turn else game.turn
        for card in game.players[seat].library[-count:][::-1]:
            game.say(f"{item.card.face.name} exiles {card.face.name}, which may be played")
            move_card(game, card, Zone.EXILE)
            allow_play(game, card, seat, last_turn=last_turn)
        return None

    return resolve


def explore(game: Game, creature: Card) -> Steps:
    """A creature explores (rule 701.44): a land to hand, else a counter and a choice."""
    library = game.players[creature.controller].library
    if not library:
        return
    top = library[-1]
    message = f"{creature.face.name} explores and reveals {top.face.name}"
    game.say(message)
    if top.face.is_land:
        move_card(game, top, Zone.HAND)
        return
    if creature.zone is Zone.BATTLEFIELD:
        add_counters(game, creature, "P1P1")
    confirm = Confirm(
        creature.controller,
        message=f"{message}: put it into the graveyard?",
        purpose=Purpose.BOTTOM,
        is_wise=False,
        source=creature,
    )
    if (yield from ask_confirm(confirm)):
        move_card(game, top, Zone.GRAVEYARD)
