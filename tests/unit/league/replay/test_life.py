"""How long a table lives, by what its keeper says and by who uses it."""

from __future__ import annotations

import pytest
from trainingrun_league.replay.life import (
    KEEP_SECONDS,
    TableLife,
    Use,
    is_due,
    marked,
    opened,
    why_kept,
)

RESTS = Use(calls=0, idle_seconds=1000, wait_seconds=60)
OF_A_RUN = TableLife("id", keeper="operator", keep_seconds=10)


def test_silence_ends_no_table() -> None:
    """A run may be suspended for a year: only its keeper's word lets its table go."""
    silent = Use(calls=0, idle_seconds=1e9, wait_seconds=60)
    assert not is_due(OF_A_RUN, silent, now=1e9)
    assert not is_due(TableLife(), silent, now=1e9)


def test_a_table_goes_when_its_run_has_been_over_for_as_long_as_it_asked() -> None:
    """The first word about the end counts; later ones do not put it off."""
    over = marked(marked(OF_A_RUN, is_over=True, now=100), is_over=True, now=105)
    assert over.ended_at == 100
    assert not is_due(over, RESTS, now=109.9)
    assert is_due(over, RESTS, now=110)
    assert not is_due(over, Use(1, 0, 60), now=110), "a call runs"


def test_a_run_that_goes_on_takes_its_end_back() -> None:
    """Said by its keeper, or by opening the table again; what was asked for before stays."""
    over = marked(OF_A_RUN, is_over=True, now=100)
    assert marked(over, is_over=False, now=101) == OF_A_RUN
    assert opened(over, keeper="", keep_seconds=None) == OF_A_RUN
    again = opened(over, keeper="/runs", keep_seconds=0)
    assert (again.id, again.keeper, again.keep_seconds, again.ended_at) == ("id", "/runs", 0, None)
    assert opened(TableLife(), keeper="", keep_seconds=None).keep_seconds == KEEP_SECONDS


@pytest.mark.parametrize(
    ("life", "use", "why"),
    [
        (TableLife(), Use(2, 0, 60), "2 calls"),
        (TableLife(), Use(0, 59, 60), "59 s ago"),
        (OF_A_RUN, RESTS, "operator has not said"),
        (TableLife(), RESTS, ""),
        (marked(OF_A_RUN, is_over=True, now=1), RESTS, ""),
        (marked(OF_A_RUN, is_over=True, now=1), Use(0, 1, 60), ""),
        (marked(OF_A_RUN, is_over=True, now=1), Use(1, 0, 60), "1 calls"),
    ],
)
def test_what_is_in_use_is_kept_unless_somebody_insists(
    life: TableLife, use: Use, why: str
) -> None:
    """Expect a sentence with the reason; none for what nobody needs."""
    said = why_kept("t", life, use)
    assert why in said
    assert bool(said) == bool(why)
