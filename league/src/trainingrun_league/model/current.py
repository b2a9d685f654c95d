"""Models as they are now, from memory where nothing has changed.

Actors and workers ask again and again for something newer, and mostly there is nothing. Every
change of a stage, by whichever process, raises the number of the newest change in its own
transaction (``tables.ClockRow``); so that number, read at each call, says whether what was read
before is still right. Refused: to believe the memory for a second, or until this process hears of a
change. A caller that knows of a promotion could then be given the champion before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_contracts.league.v1 import model_pb2 as pb

from trainingrun_league.errors import NotFound
from trainingrun_league.model.messages import model_message
from trainingrun_league.model.records import ModelRecords
from trainingrun_league.model.tables import ModelRow

MOST_KEPT: Final = 1000


@dataclass(frozen=True)
class CurrentModel:
    """A model as it is now.

    Attributes:
        row: of the database.
        message: the same for clients; not to be changed.
    """

    row: ModelRow
    message: pb.Model


class CurrentModels:
    """See above."""

    def __init__(self, records: ModelRecords) -> None:
        self._records = records
        self._as_of = -1
        self._kept: dict[int | None, CurrentModel] = {}

    async def find(self, number: int | None) -> CurrentModel:
        """Return a model, or the champion (None).

        Raises:
            NotFound: there is none.
            Unavailable: the database cannot be reached.
        """
        latest = await self._records.latest_change()
        if latest != self._as_of or len(self._kept) >= MOST_KEPT:
            self._as_of, self._kept = latest, {}
        found = self._kept.get(number)
        if found is None:
            row = await self._read(number)
            found = CurrentModel(row, model_message(row))
            if self._as_of == latest:  # else the row may be older than what is kept now
                self._kept[number] = found
        return found

    async def _read(self, number: int | None) -> ModelRow:
        if number is not None:
            return await self._records.get(number)
        champion = await self._records.champion()
        if champion is None:
            raise NotFound("the league has no champion yet: publish a model")
        return champion
