"""The hall: the games that this process holds, who watches them, and their clocks.

Every change of a game goes through its lock, first into the journal, then into memory, then to who
watches; a caller that hangs up in between changes nothing of that. Games that are over leave the
memory at once, with what they hold of a daemon, and are read from the journal from then on, so that
none can be forgotten here. While an engine is waited for no clock runs. A game whose engine takes
longer to begin than a caller waits is there when the call is repeated, for a minute.

Border: seats and actions as values in, states as messages out; tokens and requests are read in
``service``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from trainingrun_contracts.league.v1.game_pb2 import GameState
from trainingrun_environments.errors import GameFault

from trainingrun_league.errors import (
    Conflict,
    Exhausted,
    LeagueError,
    NotFound,
    Reused,
    Unavailable,
)
from trainingrun_league.game.context import GameContext
from trainingrun_league.game.journal import Creation, GameJournal, JournalGame
from trainingrun_league.game.sources import GameSource, HeldGame
from trainingrun_league.game.table import (
    Table,
    Turn,
    abandoned,
    check_action,
    joined,
    opened,
    overdue,
    resumed,
)
from trainingrun_league.game.views import SeenGame, state_message

PERSON: Final = "person/"
UNASKED_SECONDS: Final = 60.0
"""For which a game is kept that began when all who had asked for it were gone."""
_log = logging.getLogger(__name__)
_R = TypeVar("_R")


@dataclass(frozen=True)
class Bounds:
    """What a process holds at most.

    Attributes:
        games: that are not over.
        games_of_person: of these, by one person.
        watchers: streams that are open, over all games.
        unread: states that wait for a watcher who does not read.
        kept: games in the journal; the oldest that are over are deleted beyond.
    """

    games: int = 2000
    games_of_person: int = 4
    watchers: int = 4000
    unread: int = 64
    kept: int = 200_000


@dataclass(frozen=True)
class Move:
    """An action that a seat wants to play."""

    seat: int
    key: str
    expected_turn: int
    turn: Turn


class _Watcher:
    """A stream of one game's states to one caller."""

    def __init__(self, seat: int, most: int) -> None:
        self.seat = seat
        self.is_cut = False
        self._states: asyncio.Queue[GameState | None] = asyncio.Queue(most)

    def put(self, state: GameState, *, is_last: bool) -> None:
        """Take a state; who does not read is cut off rather than shown less than every turn."""
        if self.is_cut:
            return
        try:
            self._states.put_nowait(state)
            if is_last:
                self._states.put_nowait(None)
        except asyncio.QueueFull:
            self.is_cut = True

    async def read(self) -> AsyncIterator[GameState]:
        """Yield the states up to the game's end."""
        while not (self.is_cut and self._states.empty()):
            state = await self._states.get()
            if state is None:
                return
            yield state
        raise Exhausted("the stream was read too slowly and is cut off: stream the game again")


class _OpenGame:
    """A game of the hall. ``is_unsure`` after a write that failed, and may have been done."""

    def __init__(self, played: HeldGame) -> None:
        self.played = played
        self.is_unsure = False
        self.lock = asyncio.Lock()
        self.watchers: set[_Watcher] = set()


class _Opening:
    """A game that is being begun; ``callers`` wait for it."""

    def __init__(self, task: asyncio.Task[JournalGame]) -> None:
        self.task = task
        self.callers = 0


class Hall:
    """See above."""

    def __init__(
        self,
        source: GameSource,
        journal: GameJournal,
        *,
        holder: str,
        clock: Callable[[], float],
        bounds: Bounds,
    ) -> None:
        self._source = source
        self._journal = journal
        self._holder = holder
        self._clock = clock
        self._bounds = bounds
        self._games: dict[str, _OpenGame] = {}
        self._watchers = 0
        self._openings: dict[str, _Opening] = {}
        """By the key of their creation."""
        self._unasked: dict[str, float] = {}
        """Games that began after their callers had gone, and until when they are kept."""
        self._changes: set[asyncio.Task[Any]] = set()
        self._followers: set[asyncio.Task[None]] = set()
        self.on_end: Callable[[Table], None] = lambda _table: None
        """Is called with every game that ends here."""

    @property
    def running(self) -> int:
        """Games that are not over."""
        return len(self._games)

    @property
    def watchers(self) -> int:
        """Streams that are open."""
        return self._watchers

    async def resume(self) -> int:
        """Play the games again that were held when this process ended; return how many."""
        for table in await self._journal.open_games(self._holder):
            await self._take_up(table)
        return len(self._games)

    async def _take_up(self, table: Table) -> None:
        """Hold a game of the journal that is not over; one that cannot be played ends."""
        turns, now = await self._journal.turns(table.game_id), self._clock()
        if table.game_id in self._games:
            return
        try:
            played = self._source.resume(resumed(table, now=now), turns)
        except GameFault as fault:
            _log.warning("the game %s cannot be resumed: %s", table.game_id, fault)
            await self._journal.keep(abandoned(table, str(fault), now=now))
        else:
            self._hold(played)

    async def open(self, table: Table, creation: Creation) -> Table:
        """Keep a new game; a repeated creation gives the game of before.

        Raises:
            Reused: the key came with another request.
            Exhausted: there are too many games.
            Conflict: the engine fails.
        """
        opening = self._openings.get(creation.key)
        if opening is None:
            task = asyncio.create_task(self._found_or_opened(table, creation))
            opening = self._openings[creation.key] = _Opening(task)
            task.add_done_callback(partial(self._note_opened, creation.key))
        opening.callers += 1
        try:
            found = await asyncio.shield(opening.task)
        finally:
            opening.callers -= 1
        self._unasked.pop(found.table.game_id, None)
        if found.creation != creation:
            raise Reused(
                f"idempotency_key: {creation.key!r} made the game {found.table.game_id} with"
                " another request: take a key of its own for each game"
            )
        is_mine = found.holder == self._holder and not found.table.phase.is_over
        if is_mine and found.table.game_id not in self._games:
            await self._take_up(found.table)  # it was kept by a call that failed
        return found.table

    async def _found_or_opened(self, table: Table, creation: Creation) -> JournalGame:
        found = await self._journal.find_created(creation.key)
        return found or await self._opened(opened(table), creation)

    def _note_opened(self, key: str, task: asyncio.Task[JournalGame]) -> None:
        opening = self._openings.pop(key)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            _log.info("no game is begun for %s: %s", key, error)  # its callers may be gone
        elif not opening.callers:
            self._unasked[task.result().table.game_id] = self._clock() + UNASKED_SECONDS

    async def join(self, game_id: str, seat: int, player: str) -> GameState:
        """Seat a player; the second one begins the game.

        Raises:
            NotFound, NotPermitted: see ``table.joined``.
        """

        async def change(game: _OpenGame) -> GameState:
            table = game.played.table
            seated = joined(table, seat, player, now=self._clock())
            if seated != table:
                await self._settle(game, seated)
            return state_message(game.played, seat)

        game = self._games.get(game_id)
        if game is not None:
            return await self._change(game, change)
        table = (await self._read(game_id)).table
        joined(table, seat, player, now=self._clock())
        return await self.state(game_id, seat)

    async def play(self, game_id: str, move: Move) -> GameState:
        """Play an action. A repeated key gives the state that it led to.

        Raises:
            NotFound, Conflict, InvalidRequest: see ``table.check_action``.
            Reused: the key came with another action.
        """
        game = self._games.get(game_id)
        if game is not None:
            return await self._change(game, lambda open_game: self._play(open_game, move))
        played = await self._replayed(game_id)
        repeated = _repeated(played, move)
        if repeated is None:
            check_action(
                played.table,
                played.position,
                seat=move.seat,
                expected_turn=move.expected_turn,
                action=move.turn.action,
            )
            raise Conflict(f"the game {game_id} is not held by this process: create it anew")
        return repeated

    async def state(self, game_id: str, seat: int) -> GameState:
        """Return a game as a seat sees it now; raises NotFound."""
        game = self._games.get(game_id)
        if game is None:
            return state_message(await self._replayed(game_id), seat)
        async with game.lock:  # an action that is not in the journal yet has not been played
            return state_message(game.played, seat)

    async def watch(self, game_id: str, seat: int) -> AsyncIterator[GameState]:
        """Yield the state now, then after every turn.

        Raises:
            NotFound: there is no such game.
            Exhausted: too many watch, or this one does not read.
        """
        game = self._games.get(game_id)
        if game is None:
            yield await self.state(game_id, seat)
            return
        if self._watchers >= self._bounds.watchers:
            raise Exhausted(f"{self._watchers} streams of games are open here: try again later")
        watcher = _Watcher(seat, self._bounds.unread)
        self._watchers += 1
        try:
            async with game.lock:
                is_over = game.played.table.phase.is_over
                watcher.put(state_message(game.played, seat), is_last=is_over)
                game.watchers.add(watcher)
            async for state in watcher.read():
                yield state
        finally:
            game.watchers.discard(watcher)
            self._watchers -= 1

    async def delete(self, game_id: str) -> None:
        """Delete a game; one that is played ends without a result. Raises NotFound."""
        game = self._games.get(game_id)
        if game is None:
            await self._read(game_id)
        else:
            game.played.give_up("it was deleted")
            await self._change(game, lambda open_game: self._abandon(open_game, "it was deleted"))
        await self._journal.delete(game_id)

    async def expire(self) -> None:
        """End the games whose time is up, and those whose engine has left.

        Raises:
            LeagueError: one of them could not be ended; the others were.
        """
        now, failed = self._clock(), None
        unasked = {game_id for game_id, until in self._unasked.items() if now >= until}
        acts = [
            (game, self._drop if game_id in unasked else self._expire)
            for game_id, game in self._games.items()
            if game_id in unasked or _is_due(game, now)
        ]
        for game, act in acts:
            try:
                await self._change(game, act)
            except LeagueError as error:
                failed = error
        for game_id in unasked - self._games.keys():
            self._unasked.pop(game_id, None)
        if failed is not None:
            raise failed

    async def tidy(self) -> None:
        """Delete the oldest games beyond the bound."""
        await self._journal.delete_oldest(kept=self._bounds.kept)

    async def close(self) -> None:
        """Let go of engines, and wait for changes that are being made."""
        openings = [opening.task for opening in self._openings.values()]
        for task in openings:
            task.cancel()
        await asyncio.gather(*openings, return_exceptions=True)
        for game in self._games.values():
            game.played.give_up("the Game service was stopped, and its engine's game with it")
        if self._followers or self._changes:
            await asyncio.wait({*self._followers, *self._changes})

    async def _opened(self, table: Table, creation: Creation) -> JournalGame:
        self._check_room(table)
        try:
            played = await self._source.open(table)
        except GameFault as fault:
            raise Conflict(f"no game can be begun: {fault}") from fault
        try:
            self._check_room(table)  # others came while an engine began
            self._hold(played)
            made = JournalGame(table, self._holder, creation)
            is_new = await self._journal.create(made)
        except LeagueError:
            self._let_go(played)
            raise
        if not is_new:
            self._let_go(played)
            there = await self._journal.find_created(creation.key)
            if there is None:
                raise Conflict(f"the game {table.game_id} was just deleted: create another one")
            return there
        return made

    def _hold(self, played: HeldGame) -> None:
        """Have a game in memory, and follow its engine."""
        game = self._games[played.table.game_id] = _OpenGame(played)
        if played.engine_end is not None:
            task = asyncio.create_task(self._follow(game, played.engine_end))
            self._followers.add(task)
            task.add_done_callback(self._followers.discard)

    def _let_go(self, played: HeldGame) -> None:
        self._games.pop(played.table.game_id, None)
        played.close()

    async def _follow(self, game: _OpenGame, engine_end: asyncio.Event) -> None:
        """Settle a game whose engine leaves while a player thinks."""
        await engine_end.wait()
        try:
            await self._change(game, self._engine_left)
        except LeagueError as error:
            _log.warning("the end of a game is written later: %s", error)

    async def _engine_left(self, game: _OpenGame) -> None:
        await game.played.engine_left(self._context(game))

    def _context(self, game: _OpenGame) -> GameContext:
        return GameContext(self._clock, partial(self._keep, game), partial(self._show, game))

    def _check_room(self, table: Table) -> None:
        if len(self._games) >= self._bounds.games:
            raise Exhausted(f"{len(self._games)} games are played here: try again later")
        for player in {each for each in table.players if each.startswith(PERSON)}:
            count = sum(player in game.played.table.players for game in self._games.values())
            if count >= self._bounds.games_of_person:
                raise Exhausted(f"{player} plays {count} games already: finish one before the next")

    async def _change(
        self, game: _OpenGame, act: Callable[[_OpenGame], Coroutine[Any, Any, _R]]
    ) -> _R:
        """Change a game under its lock, to the end even where the caller has hung up."""

        async def locked() -> _R:
            async with game.lock:
                if game.is_unsure:
                    await self._read_again(game)
                return await act(game)

        task = asyncio.create_task(locked())
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    async def _play(self, game: _OpenGame, move: Move) -> GameState:
        played = game.played
        repeated = _repeated(played, move)
        if repeated is not None:
            return repeated
        check_action(
            played.table,
            played.position,
            seat=move.seat,
            expected_turn=move.expected_turn,
            action=move.turn.action,
        )
        await played.take_turn(move.turn, self._context(game))
        return state_message(played, move.seat)

    async def _expire(self, game: _OpenGame) -> None:
        played = game.played
        if _has_lost_engine(game):  # which could not be written while the journal was away
            await self._engine_left(game)
        late = played.ending or overdue(
            played.table, played.position, bound=played.bound, now=self._clock()
        )
        if late is not None and not played.table.phase.is_over:
            await self._settle(game, late)

    async def _drop(self, game: _OpenGame) -> None:
        await self._abandon(game, "who created it did not ask for it again")

    async def _abandon(self, game: _OpenGame, reason: str) -> None:
        if not game.played.table.phase.is_over:
            await self._settle(game, abandoned(game.played.table, reason, now=self._clock()))

    async def _settle(self, game: _OpenGame, table: Table) -> None:
        """Keep how a game stands now, and show it to who watches."""
        await self._keep(game, table)
        self._show(game, table)

    async def _keep(self, game: _OpenGame, table: Table, turn: Turn | None = None) -> None:
        try:
            await self._journal.keep(table, turn)
        except Unavailable:
            game.is_unsure = True
            raise

    async def _read_again(self, game: _OpenGame) -> None:
        """Take over what the journal has of a game, where a write of it may have been done."""
        game_id = game.played.table.game_id
        found, turns = await self._read(game_id), await self._journal.turns(game_id)
        table = resumed(found.table, now=self._clock())
        game.is_unsure = False
        try:
            await game.played.read_again(table, turns, self._context(game))
        except GameFault as fault:
            raise Conflict(f"the game {game_id} cannot be played again: {fault}") from fault

    def _show(self, game: _OpenGame, table: Table) -> None:
        """Take over how a game stands, show it to who watches, and let go of one that is over."""
        played = game.played
        played.settle(table)
        is_over = table.phase.is_over
        if is_over:
            self._let_go(played)
        states = {
            seat: state_message(played, seat) for seat in {each.seat for each in game.watchers}
        }
        for watcher in game.watchers:
            watcher.put(states[watcher.seat], is_last=is_over)
        if is_over:
            self.on_end(table)

    async def _read(self, game_id: str) -> JournalGame:
        found = await self._journal.find(game_id)
        if found is None:
            raise NotFound(f"there is no game {game_id[:80]!r}: ListGames names those there are")
        if not found.table.phase.is_over and found.holder != self._holder:
            raise Conflict(
                f"the game {game_id} is held by {found.holder}: ask the process at its address"
            )
        return found

    async def _replayed(self, game_id: str) -> SeenGame:
        """Return a game that is over, to be seen again."""
        table = (await self._read(game_id)).table
        turns = await self._journal.turns(game_id)
        try:
            return self._source.past(table, turns)
        except GameFault as fault:
            raise Conflict(f"the game {game_id} cannot be played again: {fault}") from fault

    async def replayed(self, game_id: str) -> SeenGame:
        """Return a game with its turns: one that is over, or has no secrets.

        Raises:
            NotFound: there is no such game.
            Conflict: it has secrets and is not over, or was played by other rules.
        """
        game = self._games.get(game_id)
        if game is None:
            return await self._replayed(game_id)
        async with game.lock:
            played = game.played
            if played.has_secrets:
                raise Conflict(
                    f"the game {game_id} is not over, and its players must not see it all: stream"
                    " it"
                )
            return played.after(len(played.turns))


def _repeated(played: SeenGame, move: Move) -> GameState | None:
    """Return the state that an action led to which was played before; None where it is new."""
    for place, turn in enumerate(played.turns):
        if turn.key != move.key or turn.seat != move.seat:
            continue
        if (place, turn.action) != (move.expected_turn, move.turn.action):
            raise Reused(
                f"idempotency_key: {move.key!r} played {turn.action} at turn {place}: take a key of"
                " its own for each action"
            )
        return state_message(played.after(place + 1), move.seat)
    return None


def _is_due(game: _OpenGame, now: float) -> bool:
    """Whether a clock has run out; a game that is being changed waits for its engine or the
    journal, and for no player.
    """
    if game.lock.locked():
        return False
    is_ending = game.played.ending is not None or _has_lost_engine(game)
    return is_ending or now >= game.played.table.deadline


def _has_lost_engine(game: _OpenGame) -> bool:
    return game.played.engine_end is not None and game.played.engine_end.is_set()
