"""The thread that searches: it plays games in lock step, and the event loop hands it numbers of
games and new weights between two rounds.

A thread, and not a callback of the loop for each round: an evaluator may wait for a server, and a
game of the user's may be slow, while the loop sends, reports and renews (docs/adr/0051). Compiled
searches and matrix products release the interpreter's lock.

Border: numbers and evaluators in, records out, each by ``call_soon_threadsafe``. What is shared
stands behind one condition; ``SelfPlay`` itself is the thread's alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final

from msgspec import Struct
from trainingrun_environments.errors import describe_error
from trainingrun_search.evaluators import Answer, EvaluationError, Evaluator, Request
from trainingrun_search.records import GameRecord
from trainingrun_search.selfplay import SelfPlay

from trainingrun_actor.selfplay.weights import Timed
from trainingrun_actor.startup import StartError

_NOTE_SECONDS: Final = 0.1
"""Interval at which progress is noted: rounds of a small network take 0.2 ms each."""
STUCK_SECONDS: Final = 300.0
"""The longest that a round may last: the first one may compile the search."""
_WATCH_SECONDS: Final = 5.0
JOIN_SECONDS: Final = 5.0
"""How long the end waits for a round that is under way."""


class SearchFault(Exception):
    """A game that failed while it was searched; the message says how."""


class SearchStuck(StartError):
    """A round of searches does not end; a restart may help, and the message says so."""


class Weights(Struct, frozen=True):
    """What values positions, and the generation that it began with."""

    evaluator: Evaluator
    generation: int


class NoWeights:
    """In the place of an evaluator before the first weights; nothing is asked of it."""

    def evaluate(self, request: Request) -> Answer:  # noqa: ARG002 (Evaluator names it)
        """See Evaluator."""
        raise EvaluationError("there are no weights yet")


class Progress(Struct, frozen=True):
    """What was done since the last one.

    Attributes:
        moves: that were played.
        simulations: that were made.
        positions: that were valued.
        tree_seconds: in trees, rules and records, times the games that were searched together.
        evaluator_seconds: in the evaluator, likewise.
    """

    moves: int
    simulations: int
    positions: int
    tree_seconds: float
    evaluator_seconds: float


Refuse = Callable[[int, str], None]
"""Hears the generation whose answers cannot be used, and why; in the event loop."""
Note = Callable[[Progress], None]
"""Hears what was done, in the thread."""


class Searcher:
    """Plays games in a thread of its own; all methods are the event loop's."""

    def __init__(self, play: SelfPlay, *, slots: int, refuse: Refuse, note: Note) -> None:
        self._play = play
        self._slots = slots
        self._refuse = refuse
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._games: dict[int, asyncio.Future[GameRecord]] = {}
        self._changed = threading.Condition()
        # Behind the condition:
        self._numbers: deque[int] = deque()
        self._new: Weights | None = None
        self._gives_up = False
        self._closes = False
        # The thread's:
        self._weights: Weights | None = None
        self._before: Weights | None = None
        self._evaluator_seconds = 0.0
        self._seconds = 0.0
        self._round_began: float | None = None
        self._noted = (0, 0, 0)
        """Moves, simulations and positions that were noted."""
        self._thread = threading.Thread(target=self._run, name="search", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def use(self, weights: Weights) -> None:
        """Search with these weights from the next round on."""
        with self._changed:
            self._new = weights
            self._changed.notify()

    async def play(self, number: int) -> GameRecord:
        """Play the game of this number of ``SelfPlay``; waits for weights and for a free slot.

        Raises:
            SearchFault: the game failed, and its number is free.
            asyncio.CancelledError: it was given up.
        """
        game: asyncio.Future[GameRecord] = self._loop.create_future()
        self._games[number] = game
        with self._changed:
            self._numbers.append(number)
            self._changed.notify()
        return await game

    def give_up(self) -> None:
        """Leave all games; those who wait for one are cancelled."""
        with self._changed:
            self._gives_up = True
            self._numbers.clear()
            self._changed.notify()
        for game in self._games.values():
            game.cancel()
        self._games.clear()

    async def close(self) -> None:
        """End the thread; a round that is under way has a few seconds."""
        with self._changed:
            self._closes = True
            self._changed.notify()
        if self._thread.ident is not None:
            await asyncio.wait({self._ended}, timeout=JOIN_SECONDS)

    async def ended(self, *, stuck_seconds: float = STUCK_SECONDS) -> None:
        """Wait for the end of the thread, and raise what it failed of.

        Raises:
            SearchStuck: a round lasts longer than this. Nothing can end it but the process, whose
                loop goes well and keeps its health file fresh.
        """
        while not self._ended.done():
            began = self._round_began
            if began is not None and perf_counter() - began > stuck_seconds:
                raise SearchStuck(
                    f"a round of searches has not ended within {stuck_seconds:.0f} s: a game or a"
                    " network does not return; this process ends, and plays again when it is"
                    " started again"
                )
            await asyncio.wait({self._ended}, timeout=min(_WATCH_SECONDS, stuck_seconds / 2))
        self._ended.result()

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._prepare():
                self._round()
        except BaseException as error:  # a fault of ours: the process is to end of it
            self._post(self._end, error)
        else:
            self._post(self._end, None)

    def _prepare(self) -> bool:
        """Wait for something to search, and take in what has changed; False at the end."""
        with self._changed:
            while not (self._closes or self._gives_up or self._new or self._is_searching):
                self._changed.wait()
            new, self._new = self._new, None
            gives_up, self._gives_up = self._gives_up, False
            numbers = [] if gives_up else self._numbers_that_fit()
            is_closing = self._closes
        if is_closing:
            return False
        if gives_up:
            self._play.give_up()
        if new is not None:
            self._before = self._weights
            self._change_to(new)
        for number in numbers:
            self._begin(number)
        return True

    @property
    def _is_searching(self) -> bool:
        return self._weights is not None and bool(self._play.running or self._numbers)

    def _numbers_that_fit(self) -> list[int]:
        free = min(self._slots - self._play.running, len(self._numbers))
        return [self._numbers.popleft() for _ in range(free)]

    def _change_to(self, weights: Weights | None, *, search_again: bool = False) -> None:
        self._weights = weights
        evaluator = NoWeights() if weights is None else weights.evaluator
        self._play.use(Timed(evaluator, self._note_evaluation), search_again=search_again)

    def _note_evaluation(self, _positions: int, seconds: float) -> None:
        self._evaluator_seconds += seconds

    def _begin(self, number: int) -> None:
        try:
            self._play.begin(number)
        except Exception as error:  # the user's class
            fault = SearchFault(f"it failed before its first move: {describe_error(error)}")
            self._post(self._fail, number, fault)

    def _round(self) -> None:
        games = self._play.running
        if self._weights is None or not games:
            return
        self._round_began = began = perf_counter()
        try:
            records = self._play.step()
        except EvaluationError as error:
            self._refuse_weights(error)
            return
        except Exception as error:  # the user's class; which game it was is not known
            self._play.give_up()
            fault = SearchFault(f"it failed, or a game beside it: {describe_error(error)}")
            self._post(self._fail_all, fault)
            return
        finally:
            self._round_began = None
        self._seconds += perf_counter() - began
        if records:
            self._post(self._finish, records)
        if self._seconds > _NOTE_SECONDS:
            self._note_progress(games)

    def _note_progress(self, games: int) -> None:
        lockstep, (played, made, asked) = self._play.lockstep, self._noted
        self._noted = self._play.moves, lockstep.simulated, lockstep.evaluated
        self._note(
            Progress(
                moves=self._noted[0] - played,
                simulations=self._noted[1] - made,
                positions=self._noted[2] - asked,
                tree_seconds=(self._seconds - self._evaluator_seconds) * games,
                evaluator_seconds=self._evaluator_seconds * games,
            )
        )
        self._seconds = self._evaluator_seconds = 0.0

    def _refuse_weights(self, error: EvaluationError) -> None:
        """Go back to the weights before, or wait for others; open moves are searched anew."""
        weights, before = self._weights, self._before
        assert weights is not None
        self._before = None
        self._change_to(before, search_again=True)
        self._post(self._refuse, weights.generation, str(error))

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop has ended: so does the process
            return

    # --- in the loop ------------------------------------------------------------------------------

    def _finish(self, records: list[GameRecord]) -> None:
        for record in records:
            game = self._games.pop(record.number, None)
            if game is not None and not game.done():
                game.set_result(record)

    def _fail(self, number: int, fault: SearchFault) -> None:
        game = self._games.pop(number, None)
        if game is not None and not game.done():
            game.set_exception(fault)

    def _fail_all(self, fault: SearchFault) -> None:
        for number in tuple(self._games):
            self._fail(number, fault)

    def _end(self, error: BaseException | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)
