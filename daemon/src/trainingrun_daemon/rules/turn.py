"""A game from its opening hands to its end.

``play_game`` is the generator that a session drives. The London mulligan is offered for hands that
are short of lands or flooded (fewer than two or more than five), down to five cards: the engine
keeps the others itself, because a client that answers every question with "no" would otherwise
start each game without cards.
"""

from typing import Final

from trainingrun_daemon.rules.choices import ChooseCards, Confirm, ask_cards, ask_confirm
from trainingrun_daemon.rules.combat import end_combat, run_combat
from trainingrun_daemon.rules.continuous import end_of_turn
from trainingrun_daemon.rules.enums import Event, Phase, Purpose, Zone
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import (
    HAND_LIMIT,
    TURN_CAP,
    Card,
    CardFace,
    Game,
    GameOverError,
    Happening,
    Player,
)
from trainingrun_daemon.rules.stack import pass_priority
from trainingrun_daemon.rules.state_based import check_state, end_game
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.suspend import note_suspended
from trainingrun_daemon.rules.zones import (
    LORE,
    add_counters,
    discard,
    draw_cards,
    enter_phase,
    move_card,
    put_on_bottom,
    untap,
)

_KEPT_LANDS: Final = range(2, 6)
_SMALLEST_HAND: Final = 5


def add_deck(game: Game, seat: int, faces: list[CardFace]) -> None:
    """Put a deck into a seat's library, unshuffled."""
    for face in faces:
        game.players[seat].library.append(Card(game.new_id(), face, owner=seat, zone=Zone.LIBRARY))


def play_game(game: Game) -> Steps:
    """Play the game to its end; ``game.winner`` says who won."""
    try:
        yield from _open_game(game)
        while game.turn <= TURN_CAP:
            yield from take_turn(game)
            game.turn += 1
            game.active = 1 - game.active
        end_game(game, None)
    except GameOverError:
        end_combat(game)


def _open_game(game: Game) -> Steps:
    for player in game.players:
        game.random.shuffle(player.library)
    game.active = game.random.randrange(2)
    for seat in (game.active, 1 - game.active):
        draw_cards(game, seat, HAND_LIMIT)
    for seat in (game.active, 1 - game.active):
        yield from _take_mulligans(game, game.players[seat])


def _take_mulligans(game: Game, player: Player) -> Steps:
    size = HAND_LIMIT
    while size > _SMALLEST_HAND:
        lands = sum(card.face.is_land for card in player.hand)
        if len(player.hand) < HAND_LIMIT or lands in _KEPT_LANDS:
            break
        message = f"Keep this hand ({lands} lands, {size} cards)?"
        confirm = Confirm(player.seat, message=message, purpose=Purpose.MULLIGAN)
        if (yield from ask_confirm(confirm)):
            break
        size -= 1
        game.say(f"{player.name} takes a mulligan to {size}")
        for card in list(player.hand):
            move_card(game, card, Zone.LIBRARY)
        game.random.shuffle(player.library)
        draw_cards(game, player.seat, HAND_LIMIT)
    if size < HAND_LIMIT:
        yield from _bottom_cards(game, player, HAND_LIMIT - size)


def _bottom_cards(game: Game, player: Player, count: int) -> Steps:
    choice = ChooseCards(
        player.seat,
        list(player.hand),
        count=(count, count),
        message=f"Put {count} on the bottom of your library",
        purpose=Purpose.BOTTOM,
    )
    for card in (yield from ask_cards(choice)):
        put_on_bottom(game, card)


def take_turn(game: Game) -> Steps:
    """Play a turn of the active player."""
    _begin_turn(game)
    yield from _begin_steps(game)
    enter_phase(game, Phase.MAIN1)
    _advance_sagas(game)
    emit(game, Happening(Event.MAIN_BEGINS, game.active))
    yield from pass_priority(game)
    yield from run_combat(game)
    enter_phase(game, Phase.MAIN2)
    yield from pass_priority(game)
    enter_phase(game, Phase.END)
    emit(game, Happening(Event.END_STEP, game.active))
    yield from pass_priority(game)
    enter_phase(game, Phase.CLEANUP)
    yield from clean_up(game)


def _begin_turn(game: Game) -> None:
    enter_phase(game, Phase.UNTAP)
    active = game.players[game.active]
    game.say(f"Turn {game.turn} ({active.name})")
    game.resolutions = 0
    for player in game.players:
        player.begin_turn()
    for card in active.battlefield:
        untap(game, card)
        card.is_sick = False


def _begin_steps(game: Game) -> Steps:
    """Play upkeep and draw step."""
    enter_phase(game, Phase.UPKEEP)
    note_suspended(game, game.active)
    emit(game, Happening(Event.UPKEEP, game.active))
    yield from pass_priority(game)
    enter_phase(game, Phase.DRAW)
    if game.turn > 1:  # who starts does not draw (rule 103.8a)
        draw_cards(game, game.active, 1)
    yield from pass_priority(game)


def _advance_sagas(game: Game) -> None:
    """Put a lore counter on each saga of the active player (rule 714.3)."""
    for card in list(game.players[game.active].battlefield):
        if card.face.chapters:
            add_counters(game, card, LORE)


def clean_up(game: Game) -> Steps:
    """End the turn: discard down to the hand limit, then damage and boosts wear off.

    When something triggers meanwhile, players get priority and another cleanup step follows
    (rule 514.3a).
    """
    while True:
        yield from _discard_surplus(game)
        end_of_turn(game)
        yield from check_state(game)
        if not game.waiting_triggers:
            return
        yield from pass_priority(game)


def _discard_surplus(game: Game) -> Steps:
    player = game.players[game.active]
    surplus = len(player.hand) - HAND_LIMIT
    if surplus > 0:
        choice = ChooseCards(
            player.seat,
            sorted(player.hand, key=lambda card: not card.face.is_land),
            count=(surplus, surplus),
            message=f"Choose {surplus} to discard",
            purpose=Purpose.DISCARD,
        )
        for card in (yield from ask_cards(choice)):
            discard(game, card)
