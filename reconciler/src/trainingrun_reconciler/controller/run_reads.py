"""What the operator reads of a run's Redis: one script, whose answer is bounded on the server.

Twenty bytes stand for all that it reads: equal digests mean that nothing has moved, so that a
thousand idle runs cost one short answer and not a thousand long ones. A reconcile gets the digest
with its signals, from the same moment; later digests are held against that one, and so no change
falls between the two. Leases count as they are now: one that runs out moves the digest.

A client that may write to a run's Redis may write what no operator can hold. So each value and each
collection has a size beyond which it is left out and named instead, and a key of another type is
left out, too: it costs that part of that run alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, get_type_hints

import msgspec
from trainingrun_contracts import reports
from trainingrun_contracts.stream.keys import Keys

_RUN: Final = "{run}"
_NAMES: Final = Keys(_RUN)
_NAME_BYTES: Final = 256
_COLLECTION_BYTES: Final = 256 * 1024
MEMBERS: Final = 4096
_NUMBER: Final = 32
_DOCUMENT: Final = 16 * 1024
REPLY_BYTES: Final = 4 * 1024 * 1024
"""More than the script ever answers: ten collections and some single values."""


def _key(name: str) -> str:
    """The Lua expression for a key of the run at hand."""
    begin, end = name.split(_RUN)
    return f"'{begin}' .. run .. '{end}'"


@dataclass(frozen=True)
class _Read:
    """How a field is read: a Lua expression that bounds its size."""

    lua: str


def _text(name: str, most: int) -> _Read:
    """A string of a bounded number of bytes."""
    return _Read(f"text({_key(name)}, {most})")


def _map(name: str, most: int, *, fields: int = MEMBERS) -> _Read:
    """Fields and values of a hash, each value of a bounded number of bytes."""
    return _Read(f"map({_key(name)}, {fields}, {most})")


def _list(name: str, length: int, most: int) -> _Read:
    """The newest entries of a list, each of a bounded number of bytes."""
    return _Read(f"list({_key(name)}, {length}, {most})")


def _field(name: str, field: str, most: int) -> _Read:
    """One field of a hash, of a bounded number of bytes."""
    return _Read(f"field({_key(name)}, '{field}', {most})")


def _sum(name: str) -> _Read:
    """The sum of a hash's values."""
    return _Read(f"sum({_key(name)})")


class RunReply(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The answer to ``read_run``, and the one table of what is read: each field says by which
    command, of which key and within which bounds. The scripts are made from it, in this order.
    """

    produced: Annotated[bytes, _sum(_NAMES.produced)]
    depth: Annotated[bytes, _text(_NAMES.depth, _NUMBER)]
    accounts: Annotated[list[bytes], _map(_NAMES.accounts, _NUMBER, fields=64)]
    daemons: Annotated[list[bytes], _map(_NAMES.daemons, 256)]
    intent: Annotated[bytes, _text(_NAMES.intent, _NUMBER)]
    intent_since: Annotated[bytes, _text(_NAMES.intent_since, _NUMBER)]
    target: Annotated[bytes, _text(_NAMES.target, _NUMBER)]
    phase: Annotated[bytes, _text(_NAMES.phase, 8 * _DOCUMENT)]
    begun: Annotated[list[bytes], _map(_NAMES.begun, 256, fields=1024)]
    checkpoint_request: Annotated[bytes, _text(_NAMES.checkpoint_request, 1024)]
    games: Annotated[list[bytes], _map(_NAMES.games, _NUMBER)]
    reports: Annotated[list[bytes], _map(_NAMES.reports, _DOCUMENT)]
    learner_reports: Annotated[list[bytes], _map(_NAMES.learner_reports, _DOCUMENT, fields=64)]
    servers: Annotated[list[bytes], _map(_NAMES.inference_reports, _DOCUMENT, fields=1024)]
    weights: Annotated[list[bytes], _map(_NAMES.weights, 128, fields=16)]
    evaluations: Annotated[
        list[bytes], _list(_NAMES.evaluations, reports.EVALUATIONS_RECENT, _DOCUMENT)
    ]
    notices: Annotated[list[bytes], _list(_NAMES.notices, reports.NOTICES_KEPT, _DOCUMENT)]
    champion: Annotated[bytes, _field(_NAMES.champion, "champion", _DOCUMENT)]
    busy: list[bytes]
    """Live leases of each published daemon."""
    excess: list[bytes]
    """What was left out: ``field:bytes``."""
    digest: bytes
    """Of all fields above."""
    counts: list[int]
    """Live leases of each endpoint that was named."""


def _reads() -> dict[str, str]:
    """The Lua expression of each field that is read, in the order of the table."""
    hints = get_type_hints(RunReply, include_extras=True)
    found = {name: getattr(hints[name], "__metadata__", ()) for name in RunReply.__struct_fields__}
    return {name: read.lua for name, metadata in found.items() for read in metadata}


_READS: Final = _reads()
_AT_DAEMONS: Final = list(_READS).index("daemons") + 1

_READ: Final = f"""
local now = redis.call('TIME')[1]
local function counted(set)
  local count = redis.pcall('ZCOUNT', set, now, '+inf')
  return type(count) == 'number' and count or 0
end
local function read(run)
  local excess, part = {{}}, ''
  local function leave(size)
    excess[#excess + 1] = part .. ':' .. (type(size) == 'number' and size or 'type')
  end
  local function text(key, most)
    local size = redis.pcall('STRLEN', key)
    if type(size) ~= 'number' or size > most then leave(size) return '' end
    return redis.call('GET', key) or ''
  end
  local function field(key, name, most)
    local size = redis.pcall('HSTRLEN', key, name)
    if type(size) ~= 'number' or size > most then leave(size) return '' end
    return redis.call('HGET', key, name) or ''
  end
  local function map(key, fields, most)
    local count, kept, room = redis.pcall('HLEN', key), {{}}, {_COLLECTION_BYTES}
    if type(count) ~= 'number' or count > fields then leave(count) return kept end
    local all = redis.call('HGETALL', key)
    for at = 1, #all, 2 do
      local size = #all[at] + #all[at + 1]
      if #all[at] > {_NAME_BYTES} or #all[at + 1] > most or size > room then leave(size)
      else
        room = room - size
        kept[#kept + 1] = all[at]
        kept[#kept + 1] = all[at + 1]
      end
    end
    return kept
  end
  local function list(key, length, most)
    local all, kept, room = redis.pcall('LRANGE', key, -length, -1), {{}}, {_COLLECTION_BYTES}
    if all['err'] then leave('type') return kept end
    for _, value in ipairs(all) do
      if #value > most or #value > room then leave(#value)
      else
        room = room - #value
        kept[#kept + 1] = value
      end
    end
    return kept
  end
  local function sum(key)
    local values, total = redis.pcall('HVALS', key), 0
    if values['err'] then leave('type') return '0' end
    for _, value in ipairs(values) do
      if #value <= 19 and string.find(value, '^%d+$') then total = total + tonumber(value)
      else leave(#value) end
    end
    return string.format('%.0f', math.min(total, 9223372036854774784))
  end
  local found = {{}}
  {" ".join(f"part = '{name}' found[#found + 1] = {read}" for name, read in _READS.items())}
  local daemons, busy = found[{_AT_DAEMONS}], {{}}
  for at = 1, #daemons, 2 do
    busy[#busy + 1] = daemons[at]
    busy[#busy + 1] = tostring(counted({_key(_NAMES.leases)} .. daemons[at]))
  end
  found[#found + 1] = busy
  found[#found + 1] = {{unpack(excess, 1, math.min(#excess, 100))}}
  local parts = {{}}
  for _, each in ipairs(found) do
    for _, value in ipairs(type(each) == 'table' and each or {{each}}) do
      parts[#parts + 1] = #value .. ':' .. value
    end
    parts[#parts + 1] = ';'
  end
  return found, redis.sha1hex(table.concat(parts))
end
"""
DIGEST_SCRIPT: Final = f"""{_READ}
local found = {{}}
for at, run in ipairs(ARGV) do
  local _, digest = read(run)
  found[at] = digest
end
return found
"""
"""``ARGV``: identities of runs; returns the digest of each."""

READ_SCRIPT: Final = f"""{_READ}
local run = ARGV[1]
local found, digest = read(run)
found[#found + 1] = digest
local counts = {{}}
for at = 2, #ARGV do counts[at - 1] = counted({_key(_NAMES.leases)} .. ARGV[at]) end
found[#found + 1] = counts
return found
"""
"""``ARGV``: the identity of a run, endpoints. Returns a ``RunReply``."""


_AT: Final = "'\"at\":([%d.e+]+)'"
PRUNE_SCRIPT: Final = f"""
local run, pruned = ARGV[1], 0
local reports = redis.call('HGETALL', {_key(_NAMES.reports)})
for at = 1, #reports, 2 do
  local said = tonumber(string.match(string.sub(reports[at + 1], 1, {_DOCUMENT}), {_AT}))
  if not said or said < tonumber(ARGV[2]) then
    redis.call('HDEL', {_key(_NAMES.reports)}, reports[at])
    pruned = pruned + 1
  end
end
return pruned
"""
"""``ARGV``: the identity of a run, Unix seconds. Removes the reports of members that have said
nothing since, and returns their number; a live member writes its own again within seconds."""


async def prune_reports(client: Any, run_id: str, *, before: float) -> None:
    """Remove the reports of members that are gone."""
    await client.eval(PRUNE_SCRIPT, 0, run_id, repr(before))


async def read_run(client: Any, run_id: str, endpoints: tuple[str, ...]) -> RunReply:
    """All that Redis says about a run, in one round trip.

    Raises:
        msgspec.ValidationError: the answer has another shape, so no Redis made it.
    """
    reply = await client.eval(READ_SCRIPT, 0, run_id, *endpoints)
    return msgspec.convert(reply, RunReply, builtin_types=(bytes,))


async def read_digests(client: Any, run_ids: list[str]) -> list[str]:
    """The digests of many runs of one Redis, in one round trip.

    Raises:
        msgspec.ValidationError: the answer has another shape, so no Redis made it.
    """
    replies = await client.eval(DIGEST_SCRIPT, 0, *run_ids)
    digests = msgspec.convert(replies, list[bytes], builtin_types=(bytes,))
    return [each.decode() for each in digests]
