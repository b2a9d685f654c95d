"""One game of Magic between a command and its terminal line, without socket and clock.

A session drives the game's generator: choices of external seats become DECISION lines and wait for
an answer line; the others are answered by the AI at once. It hands control back after a number of
AI answers, so that one long AI game does not keep other connections waiting.
"""

from typing import Final

from trainingrun_protocol import answers
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.lines import (
    DecisionLine,
    GameResult,
    GameStart,
    Info,
    format_line,
)

from trainingrun_daemon.ai.agent import choose_answer
from trainingrun_daemon.decks import Deck
from trainingrun_daemon.encoding import encode_decision
from trainingrun_daemon.game_factory import Progress
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
from trainingrun_daemon.rules.model import Game
from trainingrun_daemon.rules.steps import Answer, Choice
from trainingrun_daemon.rules.turn import add_deck, play_game

__all__ = ["AI_ANSWERS_PER_SLICE", "GameSession", "Progress", "parse_answer"]

AI_ANSWERS_PER_SLICE: Final = 8
"""AI answers between two returns to the caller: less than a millisecond."""


class GameSession:
    """Plays one game. Call ``resume`` and send ``take_output`` until it is over."""

    def __init__(
        self, command: NewGame, decks: tuple[Deck, Deck], *, seed: int, reveal_all: bool = False
    ) -> None:
        self._reveal_all = reveal_all
        self._observe = command.observe
        self._external = _external_seats(command)
        names = [
            f"{'Agent' if seat in self._external else 'Ai'}({seat + 1})-{deck.name}"
            for seat, deck in enumerate(decks)
        ]
        self.game = Game((names[0], names[1]), seed=seed)
        for seat, deck in enumerate(decks):
            add_deck(self.game, seat, list(deck.main))
        self._steps = play_game(self.game)
        self._pending: Choice | None = None
        self._reply: Answer = None
        """Answer that the game has not taken yet; a new game takes None."""
        self._decisions = 0
        self._output: list[bytes] = []
        if not command.quiet:
            self.game.log = []
        if not command.quiet or self._external:
            self._output.append(format_line(GameStart(f"{names[0]} vs {names[1]}")))

    @property
    def decisions(self) -> int:
        """Number of DECISION lines so far."""
        return self._decisions

    def resume(self, answer: str = "") -> Progress:
        """Play on, with the answer to the open decision if there is one."""
        if self._pending is not None:
            self._reply = parse_answer(self._pending, answer)
            self._pending = None
        for _ in range(AI_ANSWERS_PER_SLICE):
            try:
                choice = self._steps.send(self._reply)
            except StopIteration:
                self._flush_log()
                return Progress.OVER
            self._flush_log()
            if choice.seat in self._external:
                self._send_decision(choice, None)
                self._pending = choice
                return Progress.ASKING
            self._reply = choose_answer(self.game, choice)
            if self._observe:
                self._send_decision(choice, _describe_answer(choice, self._reply))
        return Progress.RUNNING

    def take_output(self) -> bytes:
        """Return the lines to send since the last call."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def result(self, *, milliseconds: int) -> GameResult:
        """Return the terminal line of a game that is over."""
        winner = self.game.winner
        name = None if winner is None else self.game.players[winner].name
        return GameResult(name, milliseconds)

    def _send_decision(self, choice: Choice, ai_choice: tuple[object, int] | None) -> None:
        self._decisions += 1
        raw = encode_decision(
            self.game,
            choice,
            decision_id=self._decisions,
            ai_choice=ai_choice,
            reveal_all=self._reveal_all,
        )
        self._output.append(format_line(DecisionLine(raw)))

    def _flush_log(self) -> None:
        if self.game.log:
            self._output += [format_line(Info(text)) for text in self.game.log]
            self.game.log.clear()


def _external_seats(command: NewGame) -> frozenset[int]:
    if not command.interactive:
        return frozenset()
    ai_seat = None if command.ai_seat is None else command.ai_seat - 1
    return frozenset(seat for seat in (0, 1) if seat != ai_seat)


def parse_answer(choice: Choice, text: str) -> Answer:
    """Read a client's answer; what cannot be read becomes the safe default of the choice."""
    match choice:
        case ChooseAction():
            return answers.parse_index(text, count=len(choice.actions), default=answers.PASS)
        case DeclareAttackers():
            return answers.parse_indices(text, count=len(choice.candidates))
        case DeclareBlockers():
            return answers.parse_blocks(
                text, blockers=len(choice.candidates), attackers=len(choice.attackers)
            )
        case ChooseEntity():
            default = answers.PASS if choice.optional else 0
            return answers.parse_index(text, count=len(choice.entities), default=default)
        case ChooseCards():
            return answers.parse_chosen_cards(
                text, count=len(choice.cards), minimum=choice.minimum, maximum=choice.maximum
            )
        case ChooseAbility():
            return answers.parse_index(text, count=len(choice.abilities), default=0)
        case AnnounceValue():
            return answers.parse_value(text, minimum=choice.minimum, maximum=choice.maximum)
        case Confirm():
            return int(answers.parse_confirm(text))
        case _:
            return None


def _describe_answer(choice: Choice, answer: Answer) -> tuple[object, int]:
    """Give ``ai_choice`` and ``ai_choice_index`` of an observed decision (protocol section 4)."""
    if isinstance(choice, ChooseAction) and isinstance(answer, int):
        if answer < 0:
            return {"action": "pass"}, answers.PASS
        action = choice.actions[answer]
        return {"action": action.kind.value, "card": action.face.name}, answer
    if isinstance(choice, Confirm):
        return bool(answer), answers.PASS
    if isinstance(answer, int):
        return answer, answer
    return answer, answers.PASS
