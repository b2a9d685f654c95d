"""A table on which a rule can be tried: cards are put where they are needed, moves are scripted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.cards.define import creature
from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.rules.choices import (
    AnnounceValue,
    ChooseAbility,
    ChooseAction,
    ChooseCards,
    ChooseEntity,
    Confirm,
    DeclareAttackers,
    DeclareBlockers,
)
from trainingrun_daemon.rules.combat import run_combat
from trainingrun_daemon.rules.enums import Event, Keyword, Phase, Zone
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import (
    Card,
    CardFace,
    Game,
    GameOverError,
    Happening,
    Player,
    StackItem,
)
from trainingrun_daemon.rules.stack import pass_priority, settle
from trainingrun_daemon.rules.steps import Answer, Choice, Steps
from trainingrun_daemon.rules.suspend import note_suspended
from trainingrun_daemon.rules.turn import clean_up, take_turn
from trainingrun_daemon.rules.zones import LOYALTY, cards_in

DECKS = Path(__file__).parents[3] / "decks"

Move = str | Card | Player | StackItem | bool | int | tuple[Card, ...] | dict[Card, Card]
"""An action by its card's name (``Name/Variant`` for another way to cast it, ``Name: words`` for
the ability whose text contains these words), a mode by words of its text, a target, a yes or no, a
number, attackers or cards, or blockers with the attackers that they block."""


class Table:
    """A game in the first main phase of seat 0, without hands and with lands as needed."""

    def __init__(self) -> None:
        self.game = Game(("Ann", "Bob"), seed=1)
        self.game.phase = Phase.MAIN1
        self.ann, self.bob = self.game.players
        self.asked: list[Choice] = []
        for seat in (0, 1):
            self.put(seat, *["Mountain"] * 20, zone=Zone.LIBRARY)

    def put(self, seat: int, *names: str, zone: Zone = Zone.BATTLEFIELD) -> Card:
        """Put cards into a zone, ready to act; gives the last."""
        return self.place(seat, *(KNOWN_CARDS[name.casefold()] for name in names), zone=zone)

    def place(self, seat: int, *faces: CardFace, zone: Zone = Zone.BATTLEFIELD) -> Card:
        """Put cards with these faces into a zone, ready to act; gives the last."""
        for face in faces:
            card = Card(self.game.new_id(), face, owner=seat, zone=zone)
            if zone is Zone.BATTLEFIELD and face.loyalty:
                card.counters[LOYALTY] = face.loyalty
            cards_in(self.game.players[seat], zone).append(card)
        self.game.is_stale = True
        return card

    def creature(self, seat: int, size: tuple[int, int], *keywords: Keyword, **rest: Any) -> Card:
        """Put a test creature onto the battlefield; ``rest`` are fields of its face."""
        name = rest.pop("name", "Tester")
        face = creature(name, rest.pop("cost", ""), "Human", size=size, keywords=keywords, **rest)
        return self.place(seat, face)

    def lands(self, seat: int, colors: str) -> None:
        """Put one basic land onto the battlefield for each letter of ``WUBRG``."""
        basics = {"W": "Plains", "U": "Island", "B": "Swamp", "R": "Mountain", "G": "Forest"}
        self.put(seat, *(basics[color] for color in colors))

    def hold(self, seat: int, *names: str) -> Card:
        """Put cards into a hand; gives the last."""
        return self.put(seat, *names, zone=Zone.HAND)

    def act(self, *moves: Move) -> None:
        """Play priority until both pass, with these moves in their order, and passes besides."""
        self.game.is_stale = True
        self.follow(pass_priority(self.game), *moves)

    def settle(self, *moves: Move) -> None:
        """Perform state-based actions and put triggers on the stack."""
        self.game.is_stale = True  # tests change cards and life behind the rules' back
        self.follow(settle(self.game), *moves)

    def turn(self, *moves: Move) -> None:
        """Play a whole turn of the active seat, from its untap step to its clean-up."""
        self.follow(take_turn(self.game), *moves)

    def upkeep(self, *moves: Move) -> None:
        """Play the upkeep of the active seat; the first main phase follows."""
        self.game.phase = Phase.UPKEEP
        note_suspended(self.game, self.game.active)
        emit(self.game, Happening(Event.UPKEEP, self.game.active))
        self.act(*moves)
        self.game.phase = Phase.MAIN1

    def end_step(self, *moves: Move) -> None:
        """Play the end step of the active seat and its clean-up."""
        self.game.phase = Phase.END
        emit(self.game, Happening(Event.END_STEP, self.game.active))
        self.act(*moves)
        self.game.phase = Phase.CLEANUP
        self.follow(clean_up(self.game))

    def fight(self, *moves: Move) -> None:
        """Play a combat phase of the active seat; the second main phase follows."""
        self.settle()
        self.follow(run_combat(self.game), *moves)
        self.game.phase = Phase.MAIN2

    def follow(self, steps: Steps, *moves: Move) -> None:
        """Drive steps; a choice that the next move does not fit gets the safe default."""
        left = list(moves)
        answer: Answer = None
        try:
            while True:
                choice = steps.send(answer)
                self.asked.append(choice)
                fitting = fit(choice, left[0]) if left else None
                if fitting is not None:
                    left.pop(0)
                answer = default(choice) if fitting is None else fitting
        except (StopIteration, GameOverError):
            pass
        assert not left, f"moves that nobody asked for: {left}"

    def offers(self, seat: int) -> list[str]:
        """Play priority with passes only; gives the names of what the seat could have done."""
        self.asked.clear()
        self.act()
        return [
            action.card.face.name
            for choice in self.asked
            if isinstance(choice, ChooseAction) and choice.seat == seat
            for action in choice.actions
        ]


def fit(choice: Choice, move: Move) -> Answer:
    """Give the answer that a move means for a choice, or None when it means none."""
    match choice, move:
        case ChooseAction(), str():
            return _find_action(choice, move)
        case ChooseAbility(), str():
            fitting = [at for at, text in enumerate(choice.abilities) if move in text]
            return fitting[0] if fitting else None
        case ChooseEntity(), Card() | Player() | StackItem():
            return choice.entities.index(move) if move in choice.entities else None
        case DeclareAttackers(), tuple():
            return tuple(choice.candidates.index(card) for card in move)
        case ChooseCards(), tuple():
            fits = all(card in choice.cards for card in move)
            return tuple(choice.cards.index(card) for card in move) if fits else None
        case DeclareBlockers(), dict():
            return tuple(
                (choice.candidates.index(blocker), choice.attackers.index(attacker))
                for blocker, attacker in move.items()
            )
        case Confirm(), bool():
            return int(move)
        case AnnounceValue(), int():
            return move
        case _:
            return None


def _find_action(choice: ChooseAction, move: str) -> int | None:
    name, is_ability, words = move.partition(": ")
    for position, action in enumerate(choice.actions):
        if action.ability is not None:
            if is_ability and action.card.face.name == name and words in action.ability.text:
                return position
        elif f"{action.face.name}/{action.variant}".rstrip("/") == move:
            return position
    return None


def default(choice: Choice) -> Answer:
    """Give the safe default of a choice."""
    match choice:
        case ChooseAction():
            return -1
        case ChooseEntity():
            return -1 if choice.optional else 0
        case Confirm() | ChooseAbility():
            return 0
        case AnnounceValue():
            return choice.minimum
        case ChooseCards():
            return tuple(range(choice.minimum))
        case _:
            return ()


@pytest.fixture
def table() -> Table:
    """An empty table, seat 0 in its first main phase."""
    return Table()


@pytest.fixture
def make_table() -> Callable[[], Table]:
    """As many tables as a test needs."""
    return Table


@pytest.fixture(scope="session")
def shelf() -> DeckRepository:
    """The decks that ship with the project."""
    return DeckRepository([DECKS])


@pytest.fixture(scope="session")
def deck_directory() -> Path:
    """Where the decks that ship with the project are."""
    return DECKS
