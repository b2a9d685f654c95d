"""A game as lines: turns, what each player did, and what came of it.

A fold over decisions: each :meth:`Story.advance` takes the next decision and gives the lines that
it completes. A spell is shown when its targets are known, so its line may come one decision late;
what changed meanwhile waits behind it. Only decisions are known: where turns passed without one,
and at the end, the lines say between which decisions something happened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final

from msgspec import Struct
from trainingrun_protocol.decisions import (
    Action,
    Card,
    Combatant,
    Decision,
    DecisionType,
    GameState,
    Player,
)

from trainingrun_daemon_commands.watch.board import board, standing
from trainingrun_daemon_commands.watch.changes import Known, changes, ids
from trainingrun_daemon_commands.watch.choices import (
    Moment,
    agreed,
    chosen_ability,
    chosen_action,
    chosen_attackers,
    chosen_blocks,
    chosen_cards,
    chosen_entity,
    chosen_value,
)
from trainingrun_daemon_commands.watch.formatting import listed, seat_names, shortened

_VARIANT: Final = re.compile(r"\((?P<name>[^)]{1,30})\)")
_PARTS_OF_A_SPELL: Final = frozenset(
    {
        DecisionType.CHOOSE_ENTITY,
        DecisionType.CHOOSE_CARDS,
        DecisionType.CHOOSE_ABILITY,
        DecisionType.ANNOUNCE_VALUE,
        DecisionType.CONFIRM_ACTION,
    }
)


class LineKind(Enum):
    """How a line is to be shown."""

    TURN = auto()
    STANDING = auto()
    ACT = auto()
    CHANGE = auto()
    POSITION = auto()
    """Several lines, as the game draws them."""
    NOTE = auto()
    END = auto()


class StoryLine(Struct, frozen=True):
    """One line; ``seat`` (0 or 1) is whose it is, where it is somebody's."""

    kind: LineKind
    text: str
    seat: int | None = None


class _Spell:
    """A spell or ability whose targets are being chosen."""

    def __init__(self, seat: int, card: str, text: str) -> None:
        self.seat = seat
        self.card = card
        self._text = text
        self._targets: list[str] = []
        self._details: list[str] = []

    def aim_at(self, target: str) -> None:
        self._targets.append(target)

    def add(self, detail: str) -> None:
        self._details.append(detail)

    @property
    def text(self) -> str:
        """All that was chosen."""
        details = f" ({', '.join(self._details)})" if self._details else ""
        targets = f" on {listed(self._targets)}" if self._targets else ""
        return self._text + details + targets

    def is_continued_by(self, decision: Decision) -> bool:
        """Return whether a decision belongs to the casting."""
        if decision.decision_type not in _PARTS_OF_A_SPELL or decision.seat != self.seat:
            return False
        source = decision.source_card or decision.message.partition(":")[0]
        if source == self.card or self.card in decision.message:
            return True
        is_target = decision.decision_type is DecisionType.CHOOSE_ENTITY
        return is_target and not decision.source_card and ":" not in decision.message


class Story:
    """Formats one game. With ``with_board``, each turn begins with the whole board."""

    def __init__(self, *, with_board: bool = False) -> None:
        self._with_board = with_board
        self._last: GameState | None = None
        self._turn: int | None = None
        self._names: tuple[str, ...] = ()
        self._spell: _Spell | None = None
        self._waiting: list[StoryLine] = []
        self._announced: set[int] = set()
        self._hands: dict[int, tuple[Card, ...]] = {}
        self._seen: frozenset[int] = frozenset()
        self._usual_draws: dict[int, int] = {}

    @property
    def turn(self) -> int | None:
        """The turn that was shown last."""
        return self._turn

    def name(self, seat: int) -> str:
        """Return a player's name as it is shown."""
        return self._names[seat] if seat < len(self._names) else f"seat {seat + 1}"

    def advance(self, moment: Moment) -> list[StoryLine]:
        """Return the lines that this decision completes."""
        decision = moment.decision
        state = decision.game_state
        self._names = self._names or seat_names(state)
        happened = self._happened(state)
        self._remember_hand(decision)
        spell = self._spell
        if spell is not None and spell.is_continued_by(decision):
            self._waiting += happened
            self._continue(spell, moment)
            return []
        lines = self._spell_lines()
        if happened and self._turn is not None and decision.turn > self._turn + 1:
            text = f"until the next recorded decision, in turn {decision.turn}:"
            lines.append(StoryLine(LineKind.CHANGE, text))
        lines += happened
        if decision.turn != self._turn:
            lines += self._new_turn(decision)
        lines += self._act(moment, decision.seat or 0)
        return lines

    def finish(self) -> list[StoryLine]:
        """Return the lines that still wait when the decisions are over."""
        return [*self._spell_lines(), *self._last_seen()]

    def _last_seen(self) -> Iterator[StoryLine]:
        """Yield the life at the last decision: the blow that ended the game came after it."""
        if self._last is not None and self._last.players:
            pairs = zip(self._names, self._last.players, strict=False)
            lives = ", ".join(f"{name} {player.life}" for name, player in pairs)
            text = f"life at the last recorded decision: {lives}"
            yield StoryLine(LineKind.CHANGE, text)

    # --- what happened --------------------------------------------------------------------------

    def _happened(self, state: GameState) -> list[StoryLine]:
        before, self._last = self._last, state
        if before is None:
            return []
        self._expect_draws(state)
        hands = {seat: ids(hand) for seat, hand in self._hands.items()}
        known = Known(self._announced, hands, self._usual_draws)
        lines = [
            StoryLine(LineKind.CHANGE, f"{self.name(change.seat)}: {change.text}", change.seat)
            for change in changes(before, state, known)
        ]
        lines += self._put_on_the_stack(state)
        for seat, (old, new) in enumerate(zip(before.players, state.players, strict=False)):
            if new.library_size < old.library_size:
                self._usual_draws[seat] = 0
        for player in state.players:
            self._announced -= ids((*player.battlefield, *player.graveyard, *player.exile))
        return lines

    def _put_on_the_stack(self, state: GameState) -> Iterator[StoryLine]:
        """Triggers, and spells that no seat was asked about. Servers may not say which is which."""
        names = [player.name for player in state.players]
        activated = "" if self._spell is None else self._spell.card
        for item in reversed(state.stack):
            seat = names.index(item.controller) if item.controller in names else None
            is_new = item.id not in self._seen and item.source_card_id not in self._announced
            if not is_new or item.is_spell is None or item.source_card in ("", activated):
                continue
            verb = "is cast" if item.is_spell else "triggers"
            whose = "" if seat is None else f"{self.name(seat)}: "
            yield StoryLine(LineKind.CHANGE, f"{whose}{item.source_card} {verb}", seat)
        self._seen = frozenset(item.id for item in state.stack)

    def _expect_draws(self, state: GameState) -> None:
        """The active player's draw at the beginning of a turn is no news."""
        if self._turn is not None and state.turn != self._turn:
            active = _active(state)
            for seat in range(len(state.players)):
                self._usual_draws[seat] = int(active in (seat, None))

    def _remember_hand(self, decision: Decision) -> None:
        """Remember the hand that is open."""
        seat = decision.seat
        if seat is not None:
            self._hands[seat] = decision.game_state.players[seat].hand

    # --- turns ----------------------------------------------------------------------------------

    def _new_turn(self, decision: Decision) -> Iterator[StoryLine]:
        self._turn = decision.turn
        state = decision.game_state
        active = _active(state)
        whose = "" if active is None else f" · {self.name(active)}"
        yield StoryLine(LineKind.TURN, f"Turn {decision.turn}{whose}", active)
        for seat, text in standing(state, self._names):
            yield StoryLine(LineKind.STANDING, text, seat)
        if self._with_board:
            for seat, text in board(state, self._names, self._hands):
                yield StoryLine(LineKind.STANDING, text, seat)

    # --- acts -----------------------------------------------------------------------------------

    def _spell_lines(self) -> list[StoryLine]:
        spell, self._spell = self._spell, None
        waiting, self._waiting = self._waiting, []
        if spell is None:
            return waiting
        return [self._line(spell.seat, spell.text), *waiting]

    def _line(self, seat: int, text: str) -> StoryLine:
        return StoryLine(LineKind.ACT, f"{self.name(seat)} {text}", seat)

    def _act(self, moment: Moment, seat: int) -> list[StoryLine]:
        """Return what the seat did; nothing for a pass, and for a spell that may have targets."""
        match moment.decision.decision_type:
            case DecisionType.CHOOSE_ACTION:
                text = self._take_action(moment, seat)
            case DecisionType.DECLARE_ATTACKERS:
                attackers = listed(one.name for one in chosen_attackers(moment))
                text = f"attacks with {attackers}" if attackers else "does not attack"
            case DecisionType.DECLARE_BLOCKERS:
                text = _blocks(chosen_blocks(moment))
            case DecisionType.CHOOSE_CARDS:
                text = self._choose_cards(moment)
            case DecisionType.CHOOSE_ENTITY:
                text = f"{self._aimed(moment)} for {_source(moment.decision)}"
            case DecisionType.CHOOSE_ABILITY:
                ability = chosen_ability(moment)
                text = f"chooses: {shortened(ability.description)}" if ability is not None else ""
            case DecisionType.ANNOUNCE_VALUE:
                text = f"says {chosen_value(moment)} ({_question(moment.decision)})"
            case DecisionType.REVEAL:
                text = f"sees {listed(card.name for card in moment.decision.cards) or 'nothing'}"
            case DecisionType.UNKNOWN:
                text = ""
            case _:
                text = _confirmed(moment)
        return [self._line(seat, text)] if text else []

    def _take_action(self, moment: Moment, seat: int) -> str:
        action = chosen_action(moment)
        if action is None:
            return ""
        players = moment.decision.game_state.players
        player = players[seat] if seat < len(players) else Player()
        if action.card_id in ids(player.battlefield):
            self._spell = _Spell(seat, action.card, f"activates {_ability(action)}")
            return ""
        self._announced.add(action.card_id)
        place = next(
            (
                f" from {zone}"
                for zone in ("graveyard", "exile", "command")
                if action.card_id in ids(getattr(player, zone))
            ),
            "",
        )
        if action.is_land:
            return f"plays {action.card}{place}"
        self._spell = _Spell(seat, action.card, f"casts {action.card}{_variant(action)}{place}")
        return ""

    def _continue(self, spell: _Spell, moment: Moment) -> None:
        """Take in a choice that belongs to a spell."""
        match moment.decision.decision_type:
            case DecisionType.CHOOSE_ENTITY:
                entity = chosen_entity(moment)
                if entity is not None:
                    spell.aim_at(self._target(entity.name))
            case DecisionType.CHOOSE_CARDS:
                cards = chosen_cards(moment)
                self._announced |= ids(cards)
                if cards:
                    spell.add(listed(card.name for card in cards))
            case DecisionType.CHOOSE_ABILITY:
                ability = chosen_ability(moment)
                if ability is not None:
                    spell.add(shortened(ability.description))
            case DecisionType.ANNOUNCE_VALUE:
                spell.add(f"X = {chosen_value(moment)}")
            case _:
                answer = "yes" if agreed(moment) else "no"
                spell.add(f"{shortened(_question(moment.decision))}: {answer}")

    def _aimed(self, moment: Moment) -> str:
        entity = chosen_entity(moment)
        return "chooses nothing" if entity is None else f"chooses {self._target(entity.name)}"

    def _target(self, name: str) -> str:
        """Return a target by name; a player's is the one that is shown."""
        players = () if self._last is None else self._last.players
        return next(
            (self.name(seat) for seat, player in enumerate(players) if player.name == name), name
        )

    def _choose_cards(self, moment: Moment) -> str:
        cards = chosen_cards(moment)
        names = listed(card.name for card in cards)
        question = _question(moment.decision)
        if "discard" not in question.casefold():
            return f"chooses {names or 'nothing'} ({question})"
        self._announced |= ids(cards)
        return f"discards {names}" if names else ""


def _active(state: GameState) -> int | None:
    names = [player.name for player in state.players]
    return names.index(state.active_player) if state.active_player in names else None


def _blocks(pairs: Iterable[tuple[Combatant, Combatant]]) -> str:
    """Who blocks whom, the blockers of one attacker together."""
    groups: dict[int, tuple[str, list[str]]] = {}
    for blocker, attacker in pairs:
        groups.setdefault(attacker.index, (attacker.name, []))[1].append(blocker.name)
    if not groups:
        return "does not block"
    parts = [f"{attacker} with {listed(blockers)}" for attacker, blockers in groups.values()]
    return f"blocks {'; '.join(parts)}"


def _confirmed(moment: Moment) -> str:
    question = _question(moment.decision)
    is_yes = agreed(moment)
    question_text = question.casefold()
    if "keep" in question_text and "hand" in question_text:
        return "keeps the hand" if is_yes else "takes a mulligan"
    return f"says {'yes' if is_yes else 'no'} ({question})"


def _question(decision: Decision) -> str:
    return shortened(decision.message) or decision.decision_type.value.replace("_", " ")


def _source(decision: Decision) -> str:
    stack = decision.game_state.stack
    return decision.source_card or (stack[0].source_card if stack else "") or _question(decision)


def _variant(action: Action) -> str:
    """Return the word behind the name, such as ``(suspend)``, where a card can be played in two
    ways."""
    rest = action.description.removeprefix(action.card).strip()
    found = _VARIANT.match(rest)
    return f" ({found['name']})" if found is not None else ""


def _ability(action: Action) -> str:
    text = action.description.removeprefix(action.card).lstrip(" -:")
    return f"{action.card}: {shortened(text)}" if text else action.card
