"""A table to lay out by hand: players, cards and decisions in few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trainingrun_daemon_commands.watch.choices import Moment
from trainingrun_daemon_commands.watch.story import Story, StoryLine
from trainingrun_protocol.decisions import (
    Action,
    Card,
    Combatant,
    Decision,
    DecisionType,
    Entity,
    GameState,
    Player,
    StackItem,
)

NAMES = ("Agent(1)-Red", "Agent(2)-White")
PASS = Action(-1, description="Pass priority")


def creature(number: int, name: str, **fields: Any) -> Card:
    """A 2/1."""
    return Card(number, name, **{"power": 2, "toughness": 1, "is_creature": True, **fields})


def spell(number: int, name: str) -> Card:
    """An instant."""
    return Card(number, name, is_instant=True)


def land(number: int, name: str, **fields: Any) -> Card:
    """A land."""
    return Card(number, name, is_land=True, **fields)


@dataclass
class Seat:
    """One side of the table; change it and take the next decision."""

    life: int = 20
    hand: list[Card] = field(default_factory=list)
    hidden: int = 0
    library: int = 40
    battlefield: list[Card] = field(default_factory=list)
    graveyard: list[Card] = field(default_factory=list)
    exile: list[Card] = field(default_factory=list)

    def player(self, name: str, *, is_open: bool) -> Player:
        """As the deciding seat sees it."""
        return Player(
            name=name,
            life=self.life,
            hand=tuple(self.hand) if is_open else (),
            hand_size=len(self.hand) + self.hidden,
            library_size=self.library,
            battlefield=tuple(self.battlefield),
            graveyard=tuple(self.graveyard),
            exile=tuple(self.exile),
        )


@dataclass
class Table:
    """Both sides, and the story of them."""

    names: tuple[str, str] = NAMES
    seats: tuple[Seat, Seat] = field(default_factory=lambda: (Seat(), Seat()))
    turn: int = 1
    active: int = 0
    stack: list[StackItem] = field(default_factory=list)
    story: Story = field(default_factory=Story)

    def state(self, seat: int) -> GameState:
        """What a seat sees."""
        players = tuple(
            each.player(self.names[number], is_open=number == seat)
            for number, each in enumerate(self.seats)
        )
        return GameState(
            turn=self.turn,
            active_player=self.names[self.active],
            players=players,
            stack=tuple(self.stack),
        )

    def ask(self, seat: int, kind: DecisionType, answer: str | None, **fields: Any) -> list[str]:
        """Ask a seat (0 or 1); gives the texts of the lines that are shown."""
        return [line.text for line in self.lines(seat, kind, answer, **fields)]

    def lines(
        self, seat: int, kind: DecisionType, answer: str | None, **fields: Any
    ) -> list[StoryLine]:
        """Ask a seat; gives the lines that are shown."""
        decision = Decision(
            kind, player=self.names[seat], turn=self.turn, game_state=self.state(seat), **fields
        )
        return self.story.advance(Moment(decision, answer))

    def act(self, seat: int, answer: str | None, *actions: Action, **fields: Any) -> list[str]:
        """Ask for an action."""
        return self.ask(
            seat, DecisionType.CHOOSE_ACTION, answer, actions=(*actions, PASS), **fields
        )

    def begin(self) -> None:
        """Show the header of the turn, so that it is out of the way."""
        self.act(self.active, "-1")


def cast(position: int, card: Card, description: str = "") -> Action:
    """An offer to cast a card."""
    return Action(position, card.name, card.id, description or card.name, "{R}")


def fighters(*cards: Card) -> tuple[Combatant, ...]:
    """Creatures as a list of possible attackers or blockers."""
    return tuple(Combatant(number, card.id, card.name) for number, card in enumerate(cards))


def targets(*names: str) -> tuple[Entity, ...]:
    """Possible targets by name."""
    return tuple(Entity(number, name=name) for number, name in enumerate(names))


def on_stack(cards: Sequence[Card]) -> list[StackItem]:
    """Spells, the top one first."""
    return [
        StackItem(source_card=card.name, source_card_id=card.id, is_spell=True) for card in cards
    ]
