"""The ledger of a run, read from Redis.

Poisoned entries need care: an entry that no ``produced`` count holds (somebody else wrote to
the stream) is counted on both sides, like a duplicate. An entry of one of our actors that was
damaged on the way would leave a gap in its sequence and be counted as lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from trainingrun_contracts.stream.accounts import LARGEST_COUNT, Mark, Totals
from trainingrun_contracts.stream.keys import Keys

_DIGITS: Final = len(str(LARGEST_COUNT))


class Ledger(Struct, frozen=True):
    """What became of every transition of a run."""

    produced: int
    trained: int
    queued: int
    dropped: dict[str, int]
    lost: int

    @property
    def closes(self) -> bool:
        """Whether produced = trained + queued + dropped + lost."""
        return self.produced == self.trained + self.queued + sum(self.dropped.values()) + self.lost


def queue_ledger(pipe: Any, keys: Keys) -> None:
    """Queue the reads of a ledger on a transactional pipeline (three replies for each shard)."""
    for shard in keys.all_shards:
        pipe.hvals(shard.produced)
        pipe.get(shard.depth)
        pipe.hgetall(shard.accounts)


def ledger_from(replies: list[Any]) -> Ledger:
    """Build the ledger of all shards from the replies of :func:`queue_ledger`."""
    ledgers = [_ledger_of_shard(*replies[at : at + 3]) for at in range(0, len(replies), 3)]
    return Ledger(
        produced=_total(each.produced for each in ledgers),
        trained=_total(each.trained for each in ledgers),
        queued=_total(each.queued for each in ledgers),
        dropped={
            cause: _total(each.dropped[cause] for each in ledgers) for cause in ledgers[0].dropped
        },
        lost=_total(each.lost for each in ledgers),
    )


def _ledger_of_shard(produced: Any, depth: Any, accounts: Any) -> Ledger:
    totals = totals_from(accounts)
    made = [*map(count_from, produced), folded_from(accounts), totals.duplicate, totals.poison]
    return Ledger(
        produced=_total(made),
        trained=totals.trained,
        queued=count_from(depth),
        dropped={
            "stale": totals.stale,
            "duplicate": totals.duplicate,
            "poison": totals.poison,
            "spool": totals.spool,
        },
        lost=totals.lost,
    )


def totals_from(accounts: dict[bytes, bytes]) -> Totals:
    """Return the learner's totals from the reply of ``HGETALL``; counters not there are 0."""
    known = {name.encode(): name for name in Totals.__struct_fields__}
    return Totals(
        **{known[key]: count_from(value) for key, value in accounts.items() if key in known}
    )


def folded_from(accounts: dict[bytes, bytes]) -> int:
    """Return what actors have produced that are gone, from the same reply."""
    return count_from(accounts.get(b"folded"))


def marks_from(marks: dict[bytes, bytes]) -> dict[str, Mark]:
    """Return the learner's marks from the reply of ``HGETALL``; what is none is left out."""
    found: dict[str, Mark] = {}
    for actor, value in marks.items():
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            found[actor.decode()] = msgspec.json.decode(value, type=Mark)
    return found


def appended_from(appended: dict[bytes, bytes], produced: dict[bytes, bytes]) -> dict[str, Mark]:
    """Return how far each actor's segments were appended, from the replies of both ``HGETALL``."""
    return {
        actor.decode(errors="replace"): Mark(count_from(seq), count_from(produced.get(actor)))
        for actor, seq in appended.items()
    }


def count_from(value: bytes | None) -> int:
    """Return a counter as it stands in Redis; 0 for what is none."""
    is_sane = value is not None and len(value) <= _DIGITS and value.isdigit()
    return min(int(value), LARGEST_COUNT) if is_sane and value is not None else 0


def _total(counts: Iterable[int]) -> int:
    return min(sum(counts), LARGEST_COUNT)
