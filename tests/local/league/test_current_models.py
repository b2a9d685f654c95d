"""What a caller is told of a model that another process on the same database changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from trainingrun_league.model import stages
from trainingrun_league.model.current import CurrentModels
from trainingrun_league.model.records import Change, ModelRecords, Publication
from trainingrun_league.model.stages import Stage
from trainingrun_league.store.engine import connect, writing
from trainingrun_league.store.migrating import migrate

Decide = Callable[[stages.Models], tuple[stages.Step, ...]]


def records_in(folder: Path) -> ModelRecords:
    """The records of one process."""
    return ModelRecords(connect(f"sqlite+aiosqlite:///{folder / 'models.db'}"), lambda: 1.0)


async def added(records: ModelRecords, lineage: str) -> int:
    """Publish a model."""
    publication = Publication("", lineage, 1, "", 1, lineage[0] * 64, 5, "schema", "ppo", 0, 0)
    return (await records.add(publication, problem="")).number


async def changed(records: ModelRecords, number: int | None, decide: Decide) -> None:
    """Change a stage."""
    async with writing(records.engine) as connection:
        await records.change(connection, Change(number, "me", "{}"), decide)


def test_each_change_of_another_process_is_seen_at_once(tmp_path: Path) -> None:
    """Expect a validation, a promotion, a rollback and a rejection by one process in the very next
    answer of the other, which has answered before, and no row to be read where nothing changed."""

    async def scenario() -> None:
        here, there = records_in(tmp_path), records_in(tmp_path)
        await migrate(here.engine)
        current = CurrentModels(here)
        first, second = await added(there, "a"), await added(there, "b")
        third = await added(there, "c")

        async def seen(number: int | None) -> tuple[int, Stage]:
            found = await current.find(number)
            assert found is await current.find(number)
            assert found.message.id == f"m{found.row.number}"
            return found.row.number, Stage(found.row.stage)

        assert await seen(first) == (first, Stage.PENDING_VALIDATION)
        for number in (first, second):
            await changed(
                there, number, lambda models, at=number: stages.validate(models, at, problem="")
            )
        assert await seen(first) == await seen(None) == (first, Stage.PROMOTED)
        assert await seen(second) == (second, Stage.VALIDATED)
        await changed(there, second, lambda models: stages.promote(models, second, reason="is"))
        assert await seen(None) == (second, Stage.PROMOTED)
        await changed(there, None, lambda models: stages.roll_back(models, None, reason="was"))
        assert await seen(None) == (first, Stage.PROMOTED)
        assert await seen(third) == (third, Stage.PENDING_VALIDATION)
        await changed(there, third, lambda models: stages.validate(models, third, problem="bad"))
        assert await seen(third) == (third, Stage.REJECTED)
        await here.engine.dispose()
        await there.engine.dispose()

    asyncio.run(scenario())
