"""Which replay tables of a league belong to runs that are over. Pure.

A table is named by its run's identity. The Replay service does not know whether a silent run is
over or rests, and a learner that was killed says nothing. So the keeper of the runs (the operator,
a folder of runs on a machine) compares them with the tables, as often as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from trainingrun_contracts.league_report import TableMarks, TableReport

MOST_MARKED: Final = 400
"""Tables of one message; the others are of the next one."""


def marks_of(tables: Iterable[TableReport], runs: Mapping[str, bool]) -> TableMarks | None:
    """What the service should know otherwise than it does; None where it knows all.

    Args:
        tables: that the league has of these runs.
        runs: all that there are, by identity, and whether each is over. One that is missing was
            deleted.
    """
    wrong = [each for each in tables if each.ended != runs.get(each.name, True)][:MOST_MARKED]
    if not wrong:
        return None
    return TableMarks(
        ended=tuple(each.name for each in wrong if not each.ended),
        live=tuple(each.name for each in wrong if each.ended),
    )
