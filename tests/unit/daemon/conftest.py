"""A table on which a rule can be tried: cards are put where they are needed, moves are scripted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.decks import DeckShelf
from trainingrun_daemon.rules.choices import (
    ChooseAction,
    ChooseCards,
    ChooseEntity,
    Confirm,
    DeclareAttackers,
    DeclareBlockers,
)
from trainingrun_daemon.rules.combat import run_combat
from trainingrun_daemon.rules.model import (
    Answer,
    Card,
    Choice,
    Game,
    GameOverError,
    Phase,
    Player,
    Steps,
    Zone,
)
from trainingrun_daemon.rules.stack import pass_priority, settle
from trainingrun_daemon.rules.zones import cards_in

DECKS = Path(__file__).parents[3] / "decks"

Move = str | Card | Player | bool | tuple[Card, ...] | dict[Card, Card]
"""An action by its card's name (with ``Name/Variant`` for another cost), a target, a yes or no,
attackers or cards, or blockers with the attackers that they block."""


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
        for name in names:
            card = Card(self.game.new_id(), KNOWN_CARDS[name.casefold()], owner=seat, zone=zone)
            cards_in(self.game.players[seat], zone).append(card)
        self.game.is_stale = True
        return card

    def hold(self, seat: int, *names: str) -> Card:
        """Put cards into a hand; gives the last."""
        return self.put(seat, *names, zone=Zone.HAND)

    def act(self, *moves: Move) -> None:
        """Play priority until both pass, with these moves in their order, and passes besides."""
        self.follow(pass_priority(self.game), *moves)

    def fight(self, *moves: Move) -> None:
        """Play a combat phase of the active seat; the second main phase follows."""
        settle(self.game)
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
            names = [
                f"{action.card.face.name}/{action.variant}".rstrip("/") for action in choice.actions
            ]
            return names.index(move) if move in names else None
        case ChooseEntity(), Card() | Player():
            return choice.entities.index(move) if move in choice.entities else None
        case DeclareAttackers(), tuple():
            return tuple(choice.candidates.index(card) for card in move)
        case ChooseCards(), tuple():
            return tuple(choice.cards.index(card) for card in move)
        case DeclareBlockers(), dict():
            return tuple(
                (choice.candidates.index(blocker), choice.attackers.index(attacker))
                for blocker, attacker in move.items()
            )
        case Confirm(), bool():
            return int(move)
        case _:
            return None


def default(choice: Choice) -> Answer:
    """Give the safe default of a choice."""
    match choice:
        case ChooseAction():
            return -1
        case ChooseEntity() | Confirm():
            return 0
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
def shelf() -> DeckShelf:
    """The decks that ship with the project."""
    return DeckShelf([DECKS])


@pytest.fixture(scope="session")
def deck_directory() -> Path:
    """Where the decks that ship with the project are."""
    return DECKS
