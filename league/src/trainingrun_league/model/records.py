"""Models and their history in the database; stages change as ``stages`` decides, nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from trainingrun_league.errors import Conflict, NotFound, Reused
from trainingrun_league.model.stages import (
    Event,
    Models,
    Refused,
    Stage,
    Standing,
    Step,
    after,
    publish,
    reigns_of,
)
from trainingrun_league.model.tables import CLOCK_ROW, ChangeRow, ClockRow, ModelRow
from trainingrun_league.store.engine import reading, transact, writing

MOST_ANCESTORS: Final = 1000
_LATEST: Final = select(ClockRow.changes).where(ClockRow.id == CLOCK_ROW)
Decide = Callable[[Models], tuple[Step, ...]]


@dataclass(frozen=True)
class Publication:
    """What a learner says of a model that it publishes; the fields of the message."""

    idempotency_key: str
    lineage: str
    version: int
    parent: str
    role: int
    sha256: str
    size_bytes: int
    schema_hash: str
    algorithm: str
    simulations: int
    training_games: int


@dataclass(frozen=True)
class Change:
    """A change of stages that somebody asks for.

    Attributes:
        model: that it concerns, by number; None: the champion.
        by: who asks.
        validation: the report that is kept with a model that the change validates.
    """

    model: int | None
    by: str
    validation: str = ""


@dataclass(frozen=True)
class Page:
    """Which models are listed, and where the list continues."""

    stages: tuple[Stage, ...] = ()
    lineage: str = ""
    size: int = 100
    below: int | None = None
    """Number of the last model of the page before."""


class ModelRecords:
    """The tables of one league's models. Every method raises ``Unavailable`` where they cannot be
    reached.

    Attributes:
        engine: of the database; a change is made on a connection in its caller's transaction,
            beside the row that says that its request is done.
    """

    def __init__(self, engine: AsyncEngine, clock: Callable[[], float]) -> None:
        self.engine = engine
        self._clock = clock

    async def found(self, publication: Publication) -> ModelRow | None:
        """Return the model that a publication has made already, or one of the same bytes made.

        Raises:
            Reused: its key came with another publication.
            NotFound: its parent is no model.
        """
        async with self._reading() as session:
            return await self._found(session, publication)

    async def add(self, publication: Publication, *, problem: str) -> ModelRow:
        """Add a model whose bytes are kept; return the one that is there, where one is.

        Raises:
            Reused, NotFound: as :meth:`found` does.
        """
        async with writing(self.engine) as connection, _session(connection) as session:
            await _take_clock(session)
            there = await self._found(session, publication)
            if there is not None:
                return there
            number = await _count_model(session)
            row = _row_of(publication, number, self._clock())
            session.add(row)
            await session.flush()
            await self._write(session, {number: row}, publish(number, problem), by="learner")
            return row

    async def change(self, connection: AsyncConnection, change: Change, decide: Decide) -> ModelRow:
        """Change stages as ``decide`` says of what the models are, in the connection's transaction.

        Return the model that is named after the change, or the champion where none is.

        Raises:
            NotFound: there is no such model.
            Conflict: the change does not fit what the models are now.
        """
        number = change.model
        async with _session(connection) as session:
            await _take_clock(session)
            reigns = await _reigns(session)
            rows = await _rows(session, {number, *reigns} - {None})
            if number is not None and number not in rows:
                raise _unknown(number)
            models = Models({each: _standing(row) for each, row in rows.items()}, reigns)
            try:
                steps = decide(models)
            except Refused as error:
                name = "the league" if number is None else f"model {id_of(number)}"
                raise Conflict(f"{name}: {error}") from error
            await self._write(session, rows, steps, by=change.by)
            if change.validation and any(each.event is Event.VALIDATED for each in steps):
                rows[steps[0].model].validation = change.validation
                await session.flush()
            champion = after(models, steps).champion
            concerned = champion if number is None else number
            if concerned is None:  # no decision of a league without a champion ends here
                raise Conflict("the league has no champion yet")
            return rows[concerned]

    async def get(self, number: int) -> ModelRow:
        """Return a model.

        Raises:
            NotFound: there is none.
        """
        async with self._reading() as session:
            row = await session.get(ModelRow, number)
        if row is None:
            raise _unknown(number)
        return row

    async def champion(self) -> ModelRow | None:
        """Return the champion, or None before there is one."""
        query = select(ModelRow).where(ModelRow.stage == Stage.PROMOTED.value)
        async with self._reading() as session:
            return (await session.scalars(query)).one_or_none()

    async def history(self, number: int) -> Sequence[ChangeRow]:
        """Return the changes of a model's stage, oldest first."""
        query = select(ChangeRow).where(ChangeRow.model == number).order_by(ChangeRow.number)
        async with self._reading() as session:
            return (await session.scalars(query)).all()

    async def ancestors(self, row: ModelRow) -> list[ModelRow]:
        """Return its parent, that one's parent, and so on; a circle is cut."""
        found: list[ModelRow] = []
        seen, parent = {row.number}, row.parent
        async with self._reading() as session:
            while parent and len(found) < MOST_ANCESTORS:
                number = number_of(parent)
                above = await session.get(ModelRow, number)
                if above is None or number in seen:
                    break
                found.append(above)
                seen.add(number)
                parent = above.parent
        return found

    async def page(self, page: Page) -> Sequence[ModelRow]:
        """Return models, the newest first."""
        query = select(ModelRow).order_by(ModelRow.number.desc()).limit(page.size)
        if page.stages:
            query = query.where(ModelRow.stage.in_([each.value for each in page.stages]))
        if page.lineage:
            query = query.where(ModelRow.lineage == page.lineage)
        if page.below is not None:
            query = query.where(ModelRow.number < page.below)
        async with self._reading() as session:
            return (await session.scalars(query)).all()

    async def counts(self) -> dict[Stage, int]:
        """Return how many models have each stage."""
        query = select(ModelRow.stage, func.count()).group_by(ModelRow.stage)
        async with self._reading() as session:
            found = {Stage(stage): count for stage, count in await session.execute(query)}
        return {stage: found.get(stage, 0) for stage in Stage}

    async def latest_change(self) -> int:
        """Return the number of the newest change; 0 before the first."""
        return await transact(self.engine, _latest_change, reads=True)

    async def changes_after(
        self, number: int, *, most: int
    ) -> Sequence[tuple[ChangeRow, ModelRow]]:
        """Return changes above a number with their models, oldest first."""
        query = (
            select(ChangeRow, ModelRow)
            .join(ModelRow, ModelRow.number == ChangeRow.model)
            .where(ChangeRow.number > number)
            .order_by(ChangeRow.number)
            .limit(most)
        )
        async with self._reading() as session:
            return [(change, model) for change, model in await session.execute(query)]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncSession]:
        async with reading(self.engine) as connection, _session(connection) as session:
            yield session

    async def _found(self, session: AsyncSession, publication: Publication) -> ModelRow | None:
        key = publication.idempotency_key
        by_key = select(ModelRow).where(ModelRow.idempotency_key == key)
        there = (await session.scalars(by_key)).one_or_none() if key else None
        if there is not None:
            if (there.lineage, there.sha256) != (publication.lineage, publication.sha256):
                raise Reused(
                    f"idempotency key {key!r} published model m{there.number} of other bytes:"
                    " choose a key of its own for each publication"
                )
            return there
        same = select(ModelRow).where(
            ModelRow.lineage == publication.lineage, ModelRow.sha256 == publication.sha256
        )
        there = (await session.scalars(same)).one_or_none()
        parent = publication.parent
        if there is None and parent and (await session.get(ModelRow, number_of(parent)) is None):
            raise NotFound(f"parent {parent} is no model of this league")
        return there

    async def _write(
        self,
        session: AsyncSession,
        rows: dict[int, ModelRow],
        steps: Iterable[Step],
        *,
        by: str,
    ) -> None:
        for step in steps:
            number, row = await _count_change(session), rows[step.model]
            row.stage, row.reason, row.changed = step.after.value, step.reason, number
            row.is_usable = step.is_usable or row.is_usable
            session.add(
                ChangeRow(
                    number=number,
                    model=step.model,
                    before=step.before.value if step.before else "",
                    after=step.after.value,
                    event=step.event.value,
                    reason=step.reason,
                    by=by,
                    at=self._clock(),
                )
            )
            # One after the other: the old champion's row must be written before the new one's.
            await session.flush()


@asynccontextmanager
async def _session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """Rows of a connection's transaction, which the session neither commits nor ends."""
    async with AsyncSession(connection, expire_on_commit=False) as session:
        yield session


def _latest_change(connection: Connection) -> int:
    return connection.scalar(_LATEST) or 0


def _unknown(number: int) -> NotFound:
    return NotFound(f"there is no model {id_of(number)} in this league")


def number_of(model_id: str) -> int:
    """Return the number of a model's id.

    Raises:
        NotFound: it is no id.
    """
    digits = model_id[1:]
    if not (model_id[:1] == "m" and digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise NotFound(f"there is no model {model_id[:64]!r}: ids are of the form m12")
    return int(digits)


def id_of(number: int) -> str:
    """Return the id of a model."""
    return f"m{number}"


async def _take_clock(session: AsyncSession) -> None:
    """Wait until no other transaction changes stages, and hold them off until this one ends.

    The first statement writes: SQLite refuses a transaction that reads first and writes later when
    another one has written between.
    """
    raised = update(ClockRow).where(ClockRow.id == CLOCK_ROW).values(changes=ClockRow.changes)
    await session.execute(raised)


async def _count_change(session: AsyncSession) -> int:
    counted = update(ClockRow).where(ClockRow.id == CLOCK_ROW)
    await session.execute(counted.values(changes=ClockRow.changes + 1))
    return (await session.scalars(select(ClockRow.changes))).one()


async def _count_model(session: AsyncSession) -> int:
    counted = update(ClockRow).where(ClockRow.id == CLOCK_ROW)
    await session.execute(counted.values(models=ClockRow.models + 1))
    return (await session.scalars(select(ClockRow.models))).one()


async def _reigns(session: AsyncSession) -> tuple[int, ...]:
    query = (
        select(ChangeRow.model, ChangeRow.event)
        .where(ChangeRow.after == Stage.PROMOTED.value)
        .order_by(ChangeRow.number)
    )
    return reigns_of([(model, Event(event)) for model, event in await session.execute(query)])


async def _rows(session: AsyncSession, numbers: set[int | None]) -> dict[int, ModelRow]:
    query = select(ModelRow).where(ModelRow.number.in_([each for each in numbers if each]))
    return {row.number: row for row in await session.scalars(query)}


def _standing(row: ModelRow) -> Standing:
    return Standing(Stage(row.stage), is_usable=row.is_usable)


def _row_of(publication: Publication, number: int, now: float) -> ModelRow:
    return ModelRow(
        number=number,
        lineage=publication.lineage,
        version=publication.version,
        parent=publication.parent,
        role=publication.role,
        stage=Stage.PENDING_VALIDATION.value,
        reason="",
        is_usable=False,
        sha256=publication.sha256,
        size_bytes=publication.size_bytes,
        schema_hash=publication.schema_hash,
        algorithm=publication.algorithm,
        simulations=publication.simulations,
        training_games=publication.training_games,
        published_at=now,
        idempotency_key=publication.idempotency_key or None,
        validation="",
        changed=0,
    )
