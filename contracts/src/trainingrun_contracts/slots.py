"""Game slots on daemons, leased in Redis: never more games on a daemon than it serves.

The operator (or the local runtime) publishes endpoints with their capacity and drain flag; actors
and evaluators lease. A lease expires unless renewed, so a killed actor frees its slots by itself.
Time is Redis' own, so clocks of machines do not matter; when that one is set back, no lease lasts
longer than from now on. The least busy daemon comes first.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from trainingrun_contracts.decoding import decode_or_none

LEASE_SECONDS: Final = 20

# Defines choose_slot(daemons, prefix, latest, avoid): the least busy daemon with a free slot, or
# false. Leases that have expired by ``now`` are removed on the way.
CHOOSE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local function choose_slot(key, prefix, latest, avoid)
  local best, least = false, 2
  local daemons = redis.call('HGETALL', key)
  for i = 1, #daemons, 2 do
    local name, daemon = daemons[i], cjson.decode(daemons[i + 1])
    if not daemon.draining and not avoid[name] then
      local set = prefix .. name
      redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
      for _, lease in ipairs(redis.call('ZRANGEBYSCORE', set, '(' .. latest, '+inf')) do
        redis.call('ZADD', set, latest, lease)  -- made before the clock was set back
      end
      local load = redis.call('ZCARD', set) / daemon.capacity
      if load < 1 and (load < least or (load == least and name < best)) then
        best, least = name, load
      end
    end
  end
  return best
end
"""

# KEYS: none. ARGV: daemons, prefix of lease sets, lease, seconds, endpoints to avoid…
# Returns the endpoint, or false when no slot is free.
# The daemons are no key of the script, because Redis asks for the right to write each of those.
LEASE: Final = (
    CHOOSE
    + """
local latest = now + tonumber(ARGV[4])
local avoid = {}
for i = 5, #ARGV do avoid[ARGV[i]] = true end
local best = choose_slot(ARGV[1], ARGV[2], latest, avoid)
if best then redis.call('ZADD', ARGV[2] .. best, latest, ARGV[3]) end
return best
"""
)

# ARGV: prefix, seconds, endpoint lease…  Renews those that still exist; returns how many.
RENEW: Final = """
local time = redis.call('TIME')
local deadline = tonumber(time[1]) + tonumber(time[2]) / 1e6 + tonumber(ARGV[2])
local renewed = 0
for i = 3, #ARGV, 2 do
  local set = ARGV[1] .. ARGV[i]
  if redis.call('ZSCORE', set, ARGV[i + 1]) then
    redis.call('ZADD', set, deadline, ARGV[i + 1])
    renewed = renewed + 1
  end
end
return renewed
"""


class DaemonSlot(Struct, frozen=True):
    """What the operator publishes of one daemon; ``draining_since`` is for its own deadline."""

    capacity: int
    draining: bool = False
    draining_since: float | None = None


def encode(slot: DaemonSlot) -> bytes:
    """As it is kept in the hash ``keys.daemons``."""
    return msgspec.json.encode(slot)


def decode_all(reply: dict[bytes, bytes]) -> dict[str, DaemonSlot]:
    """Endpoint -> slot, from ``HGETALL keys.daemons``; entries that do not decode are left out."""
    slots: dict[str, DaemonSlot] = {}
    for endpoint, value in reply.items():
        slot = decode_or_none(value, DaemonSlot)
        if slot is not None:
            slots[endpoint.decode(errors="replace")] = slot
    return slots


def publish(pipe: Any, key: str, slots: dict[str, DaemonSlot]) -> None:
    """Queue on a transactional pipeline: replace all published daemons by these."""
    pipe.delete(key)
    if slots:
        pipe.hset(key, mapping={name: encode(slot) for name, slot in slots.items()})
