"""The consumer's side of the queue (blocking client: only the learner reads).

Acknowledgement happens after the optimiser step that used the data, in one script that is fenced
by the learner's epoch: entries acked and deleted, depth lowered, totals and marks written, actors
that are gone folded, all or nothing. A learner that was replaced while it hung gets
:class:`Fenced` and must exit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import redis
from msgspec import Struct

from trainingrun_contracts.replies import ReplyRefused
from trainingrun_contracts.stream.accounts import Accounts, LedgerSnapshot
from trainingrun_contracts.stream.keys import (
    ENTRY_BYTES,
    ENTRY_STEPS,
    GROUP,
    PAYLOAD_FIELD,
    TRANSITIONS_FIELD,
    Keys,
)
from trainingrun_contracts.stream.ledger import (
    count_from,
    folded_from,
    marks_from,
    totals_from,
)

_PAGE: Final = 32
"""Entries of one reply: with the largest payload each, half of what a client takes at once."""
_SMALL_PAGE: Final = 4
_IDS: Final = 1000
_DEAD_LETTERS: Final = 1000
DEAD_LETTER_BYTES: Final = 8192
_COUNT_DIGITS: Final = 4  # Python refuses to read numbers of thousands of digits

# KEYS: rollouts depth accounts marks epoch produced appended
# ARGV: group, epoch, number of entries, id transitions…, number of totals, name value…, folded,
# number of leaving actors, actor seq produced…, actor mark produced…
# Returns the leaving actors that have come further, and so are not folded.
# The depth sinks only by what was pending: the script may be sent twice (a lost reply), and a Redis
# that lost its data has forgotten both the entries and their depth. An empty stream has depth 0: so
# heals what an entry without its count (a stranger's, or one that the fuse cut) did to it.
# What an actor has produced is at least what is accounted for: so heals what a Redis that lost its
# data forgot of actors that are gone and will not say it again.
# The sum of the folded is computed from what is given, so that it is the same however often this is
# sent: an actor that Redis does not know is folded already, or was forgotten.
_ACKNOWLEDGE: Final = """
if redis.call('GET', KEYS[5]) ~= ARGV[2] then return redis.error_reply('FENCED') end
local removed = 0
local at = 4
for i = 1, tonumber(ARGV[3]) do
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[at]) == 1 then
    redis.call('XDEL', KEYS[1], ARGV[at])
    removed = removed + tonumber(ARGV[at + 1])
  end
  at = at + 2
end
if removed > 0 then redis.call('DECRBY', KEYS[2], removed) end
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('SET', KEYS[2], 0) end
local totals = tonumber(ARGV[at]); at = at + 1
for i = 1, totals do
  redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1]); at = at + 2
end
local folded, leaving, kept = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), {}
at = at + 2
for i = 1, leaving do
  local actor, seq, produced = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if (redis.call('HGET', KEYS[7], actor) or seq) == seq
    and (redis.call('HGET', KEYS[6], actor) or produced) == produced then
    for _, key in ipairs({KEYS[4], KEYS[6], KEYS[7]}) do redis.call('HDEL', key, actor) end
    folded = folded + tonumber(produced)
  else kept[#kept + 1] = actor end
  at = at + 3
end
redis.call('HSET', KEYS[3], 'folded', string.format('%.0f', folded))
while at < #ARGV do
  redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1])
  local produced = tonumber(redis.call('HGET', KEYS[6], ARGV[at]) or '0')
  if produced < tonumber(ARGV[at + 2]) then
    redis.call('HSET', KEYS[6], ARGV[at], ARGV[at + 2])
  end
  at = at + 3
end
return kept
"""


# KEYS: epoch. ARGV: the highest epoch that is known otherwise.
_NEXT_EPOCH: Final = """
local now = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1])) + 1
redis.call('SET', KEYS[1], string.format('%.0f', now))
return now
"""


# KEYS: rollouts depth epoch. ARGV: epoch, entries, transitions.
# Returns the depth that was wrong, or nil. It is known at one moment alone: when all entries of the
# stream are those that the caller holds.
_RECOUNT: Final = """
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return redis.error_reply('FENCED') end
local depth = redis.call('GET', KEYS[2]) or '0'
if redis.call('XLEN', KEYS[1]) ~= tonumber(ARGV[2]) or depth == ARGV[3] then return false end
redis.call('SET', KEYS[2], ARGV[3])
return depth
"""


# KEYS: rollouts. ARGV: longest payload, length of what is left of a longer one, ids…
# Returns id, payload and count of transitions of each entry that exists.
_FETCH: Final = """
local found = {}
for i = 3, #ARGV do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if entry then
    local payload, count, fields = '', '0', entry[2]
    for at = 1, #fields, 2 do
      if fields[at] == 's' then payload = fields[at + 1] end
      if fields[at] == 'n' then count = string.sub(fields[at + 1], 1, 20) end
    end
    if #payload > tonumber(ARGV[1]) then payload = string.sub(payload, 1, tonumber(ARGV[2])) end
    found[#found + 1] = {entry[1], payload, count}
  end
end
return found
"""


class Fenced(Exception):
    """A newer learner has started; this one must not write."""


class Entry(Struct, frozen=True):
    """One entry of the stream, not decoded yet."""

    entry_id: bytes
    payload: bytes
    transitions: int


class RolloutReader:
    """Reads segments for one learner and acknowledges them after use."""

    def __init__(self, client: redis.Redis, keys: Keys, *, consumer: str, epoch: int) -> None:
        self._redis = client
        self._keys = keys
        self._consumer = consumer
        self._epoch = epoch
        self._acknowledge = client.register_script(_ACKNOWLEDGE)
        self._fetch = client.register_script(_FETCH)
        self._recount = client.register_script(_RECOUNT)
        self._ensure_group()

    def load_ledger(self) -> LedgerSnapshot:
        """Totals and marks as the last learner left them in Redis."""
        totals: Any = self._redis.hgetall(self._keys.accounts)
        marks: Any = self._redis.hgetall(self._keys.marks)
        return LedgerSnapshot(totals_from(totals), marks_from(marks), folded_from(totals))

    def produced_by(self, actor: str) -> int | None:
        """Transitions that an actor has made up to its last appended segment; None when unknown."""
        count: Any = self._redis.hget(self._keys.produced, actor)
        return None if count is None else count_from(count)

    def load_accounts(self) -> Accounts:
        """Return accounts that continue from there."""
        ledger = self.load_ledger()
        return Accounts(ledger.totals, ledger.marks, folded=ledger.folded)

    def pending(self, *, idle_milliseconds: int = 0) -> Iterator[Entry]:
        """Take over, in order, what was read (at least ``idle_milliseconds`` ago) and is not
        acknowledged.

        The caller's own unacknowledged entries are among them. One that is too large for a reply
        comes with the beginning of its payload, which does not decode.
        """
        try:
            yield from self._claimed(idle_milliseconds)
        except ReplyRefused:
            yield from self._pending_one_by_one(idle_milliseconds)

    def _claimed(self, idle_milliseconds: int) -> Iterator[Entry]:
        """Yield the entries as Redis gives them with their claim."""
        cursor: Any = "0-0"
        while True:
            try:
                reply: Any = self._redis.xautoclaim(
                    self._keys.rollouts,
                    GROUP,
                    self._consumer,
                    min_idle_time=idle_milliseconds,
                    start_id=cursor,
                    count=_PAGE,
                )
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self._ensure_group()  # Redis came back without its data
                return
            cursor, entries = reply[0], reply[1]
            # Redis 6.2 gives entries that no longer exist as nil; 7.0 leaves them out.
            yield from (_entry(i, fields) for i, fields in entries if fields is not None)
            if cursor in (b"0-0", "0-0"):
                return

    def read(self, *, count: int, block_milliseconds: int) -> list[Entry]:
        """Return new entries, waiting at most ``block_milliseconds`` for the first.

        Where they are too large for a reply they are the caller's all the same: it is given all
        that it has not acknowledged.
        """
        try:
            reply: Any = self._redis.xreadgroup(
                GROUP,
                self._consumer,
                {self._keys.rollouts: ">"},
                count=count,
                block=block_milliseconds,
            )
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._ensure_group()  # Redis came back without its data
            return []
        except ReplyRefused:
            return list(self._pending_one_by_one(0))
        return [_entry(i, fields) for _, entries in _streams(reply) for i, fields in entries]

    def _pending_one_by_one(self, idle_milliseconds: int) -> Iterator[Entry]:
        """Claim by identity alone, and read few at a time, of each no more than a segment has."""
        key, after = self._keys.rollouts, "-"
        while True:
            waiting: Any = self._redis.xpending_range(key, GROUP, after, "+", _IDS)
            ids = [each["message_id"] for each in waiting]
            if not ids:
                return
            after = f"({ids[-1].decode()}"
            mine: Any = self._redis.xclaim(
                key, GROUP, self._consumer, idle_milliseconds, ids, justid=True
            )
            for at in range(0, len(mine), _SMALL_PAGE):
                some = mine[at : at + _SMALL_PAGE]
                found: Any = self._fetch(keys=[key], args=[ENTRY_BYTES, DEAD_LETTER_BYTES, *some])
                for entry_id, payload, count in found:
                    yield _entry(entry_id, {PAYLOAD_FIELD: payload, TRANSITIONS_FIELD: count})

    def acknowledge(self, entries: Iterable[Entry], accounts: Accounts, actors: set[str]) -> None:
        """Acknowledge and delete entries, and write the accounts that include them.

        Actors that are leaving are folded; one that has come further in Redis is kept, also in the
        accounts.

        Raises:
            Fenced: a newer learner has started.
        """
        arguments = _acknowledgement(list(entries), accounts, actors, epoch=self._epoch)
        keys = self._keys
        with self._fenced():
            kept: Any = self._acknowledge(
                keys=[
                    keys.rollouts,
                    keys.depth,
                    keys.accounts,
                    keys.marks,
                    keys.epoch,
                    keys.produced,
                    keys.appended,
                ],
                args=arguments,
            )
        accounts.keep(actor.decode() for actor in kept)

    def recount(self, entries: int, transitions: int) -> int | None:
        """Write the queue's depth anew, if nothing is in the stream but what the caller holds;
        return the depth that was wrong, None where it was right or cannot be known.

        A depth that is too high holds actors back for ever: entries that something cut from the
        stream (a stranger, a fuse) are counted in it and are never acknowledged.

        Raises:
            Fenced: a newer learner has started.
        """
        keys = self._keys
        with self._fenced():
            found: Any = self._recount(
                keys=[keys.rollouts, keys.depth, keys.epoch],
                args=[self._epoch, entries, transitions],
            )
        return None if found is None else count_from(found)

    def dead_letter(self, entry: Entry, reason: str) -> None:
        """Copy the beginning of an entry that does not decode to the dead-letter stream (bounded).

        A Redis without room for it takes none: it is counted all the same, and to wait for room
        would be to wait for ourselves.
        """
        letter = {"reason": reason[:500], PAYLOAD_FIELD: entry.payload[:DEAD_LETTER_BYTES]}
        with contextlib.suppress(redis.exceptions.OutOfMemoryError):
            self._redis.xadd(
                self._keys.dead_letters,
                letter,  # type: ignore[arg-type]
                maxlen=_DEAD_LETTERS,
                approximate=True,
            )

    @contextlib.contextmanager
    def _fenced(self) -> Iterator[None]:
        """Raise Fenced where a script says that the epoch is over."""
        try:
            yield
        except redis.ResponseError as error:
            if "FENCED" in str(error):
                raise Fenced(f"epoch {self._epoch} is over: a newer learner has started") from error
            raise

    def _ensure_group(self) -> None:
        try:
            self._redis.xgroup_create(self._keys.rollouts, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def next_epoch(client: redis.Redis, keys: Keys, *, above: int = 0) -> int:
    """Start a new learner epoch; every older learner is a zombie from here on.

    It is above the epoch of every checkpoint (``above``), also where Redis has lost its count: by
    epochs, and not by times, one sees which checkpoint is the newest.
    """
    epoch: Any = client.eval(_NEXT_EPOCH, 1, keys.epoch, str(above))
    return int(epoch)


def _acknowledgement(
    entries: list[Entry], accounts: Accounts, actors: set[str], *, epoch: int
) -> list[Any]:
    """Return the arguments of the script."""
    totals = msgspec.structs.asdict(accounts.totals)
    arguments: list[Any] = [GROUP, epoch, len(entries)]
    for entry in entries:
        arguments += [entry.entry_id, entry.transitions]
    arguments.append(len(totals))
    for name, value in totals.items():
        arguments += [name, value]
    arguments += [accounts.folded, len(accounts.leaving)]
    for actor, mark in accounts.leaving.items():
        arguments += [actor, mark.seq, mark.produced]
    for actor in sorted(actors - accounts.leaving.keys()):
        mark = accounts.mark_of(actor)
        arguments += [actor, msgspec.json.encode(mark), mark.produced]
    return arguments


def _streams(reply: Any) -> Iterable[tuple[Any, Any]]:
    """Return the shape of XREADGROUP's reply depends on the protocol version: list or mapping."""
    if not reply:
        return []
    if isinstance(reply, dict):
        return [(name, batch) for name, batches in reply.items() for batch in batches]
    return [(name, entries) for name, entries in reply]


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    count = fields.get(TRANSITIONS_FIELD, b"0")
    is_sane = count.isdigit() and len(count) <= _COUNT_DIGITS and int(count) <= ENTRY_STEPS
    return Entry(
        entry_id=entry_id,
        payload=fields.get(PAYLOAD_FIELD, b""),
        transitions=int(count) if is_sane else 0,
    )
