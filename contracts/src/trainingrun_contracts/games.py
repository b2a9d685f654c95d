"""The numbers of training games, given out in Redis: exactly ``target`` games count.

Every training game has a number, from 1. It is taken together with the slot that the game is played
on, and is open until the game has ended: then it counts as played, once, by any actor. A number
whose game was given up goes to the next game; one whose actor has died goes to another actor when
its lease has expired. So the games that have ended or are being played never exceed the target, and
the number of a game says which phase of the curriculum it belongs to (``curriculum``).

Where a lease expires although its actor lives (Redis was away for long), two games may be played
under one number. Both are trained on; the number counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from trainingrun_contracts.slots import CHOOSE, LEASE_SECONDS
from trainingrun_contracts.stream.keys import Keys

STARTED: Final = "started"
"""Counter in ``keys.games``: the highest number that was given out."""

# KEYS: games, open games, begun, produced of each shard…
# ARGV: daemons, target, phase; prefix of lease sets, seconds, target where Redis has none, how many
# games are wanted; for each the lease of its slot (empty: it needs none); endpoints to avoid…
# The operator's keys are no keys of the script, because Redis asks for the right to write each of
# those.
# Returns for each game that may begin its endpoint (empty without a slot), its number and the
# number of its phase (0: it has none): fewer than wanted when no game is left, or no slot is free.
#
# The phases follow ``curriculum.phase_of_next_game`` and ``phase_of_repeated_game``. A number that
# was not renewed is left to its owner for as long again while there are others: an owner that was
# only cut off renews it.
START: Final = (
    CHOOSE
    + """
local seconds = tonumber(ARGV[5])
local latest = now + seconds
local target = tonumber(redis.call('GET', ARGV[2])) or tonumber(ARGV[6])
local wanted = tonumber(ARGV[7])
local avoid = {}
for i = 8 + wanted, #ARGV do avoid[ARGV[i]] = true end
local counters = redis.call('HMGET', KEYS[1], 'started', 'played')
local started = math.max(tonumber(counters[1]) or 0, tonumber(counters[2]) or 0)
for _, late in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. latest, '+inf')) do
  redis.call('ZADD', KEYS[2], latest, late)  -- taken before the clock was set back
end
local planned_phase = redis.call('GET', ARGV[3])
local is_readable, plan = pcall(cjson.decode, planned_phase or '')
local is_planned = is_readable and type(plan) == 'table' and type(plan.number) == 'number'
  and plan.number ~= 0

local function expired(limit)
  local least = nil
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', limit)) do
    local number = tonumber(member)
    if number <= target and (not least or number < least) then least = number end
  end
  return least
end

local function phase_of(game, is_new)
  if not is_planned then return 0 end
  local records = redis.call('HGETALL', KEYS[3])
  local begun, newest, since = {}, plan.number, nil
  for i = 1, #records, 2 do
    local is_record, record = pcall(cjson.decode, records[i + 1])
    local number, games = tonumber(records[i]), is_record and type(record) == 'table' and record[1]
    if number and type(games) == 'number' then
      begun[number] = games
      newest = math.max(newest, number)
      if games < game and (not since or number > since) then since = number end
    end
  end
  if not is_new then return since or plan.number end

  local planned = {[plan.number] = plan}
  if type(plan.before) == 'table' then planned[plan.before.number] = plan.before end
  for _, each in ipairs(type(plan.following) == 'table' and plan.following or {}) do
    planned[each.number] = each
  end
  local phase = planned[newest]
  if not phase then return plan.number end
  if begun[newest] and type(phase.lasts) == 'number' and planned[newest + 1]
    and game - 1 >= begun[newest] + phase.lasts then newest = newest + 1 end
  if not begun[newest] then
    local produced = 0
    for i = 4, #KEYS do
      for _, count in ipairs(redis.call('HVALS', KEYS[i])) do produced = produced + count end
    end
    local record = {game - 1, tonumber(time[1]), produced, planned[newest].name}
    redis.call('HSET', KEYS[3], newest, cjson.encode(record))
  end
  return newest
end

local found = {}
for i = 8, 7 + wanted do
  local game = expired(now - seconds)
  local is_new = not game and started < target
  if is_new then game = started + 1 end
  game = game or expired(now)
  if not game then return found end
  local endpoint = ''
  if ARGV[i] ~= '' then
    endpoint = choose_slot(ARGV[1], ARGV[4], latest, avoid)
    if not endpoint then return found end
    redis.call('ZADD', ARGV[4] .. endpoint, latest, ARGV[i])
  end
  redis.call('ZADD', KEYS[2], latest, game)
  if is_new then
    redis.call('HSET', KEYS[1], 'started', game)
    started = game
  end
  found[#found + 1] = {endpoint, game, phase_of(game, is_new)}
end
return found
"""
)

# KEYS: open games. ARGV: seconds, numbers…  Renews those that are open and not given up.
RENEW: Final = """
local time = redis.call('TIME')
local deadline = tonumber(time[1]) + tonumber(time[2]) / 1e6 + tonumber(ARGV[1])
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) > 0 then redis.call('ZADD', KEYS[1], deadline, ARGV[i]) end
end
"""

# KEYS: games, open games.
# ARGV: number, 1 for a game that has ended and 0 for one that was given up, counters to raise…
# Returns whether the game counts (0 or 1), and the games that were played.
END: Final = """
local counts = 1
if ARGV[2] == '1' then
  counts = redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('ZADD', KEYS[2], 'XX', 0, ARGV[1])
end
if counts == 1 then
  for i = 3, #ARGV do redis.call('HINCRBY', KEYS[1], ARGV[i], 1) end
end
return {counts, tonumber(redis.call('HGET', KEYS[1], 'played') or 0)}
"""


def start_keys(keys: Keys) -> list[str]:
    """``KEYS`` of :data:`START`."""
    produced = [shard.produced for shard in keys.all_shards]
    return [keys.games, keys.open_games, keys.begun, *produced]


def start_arguments(
    keys: Keys,
    leases: Sequence[str],
    *,
    target: int,
    avoid: Iterable[str] = (),
    seconds: float = LEASE_SECONDS,
) -> list[str | float]:
    """``ARGV`` of :data:`START`: a game for each of ``leases``, on a slot where that is not empty.
    ``target`` holds where Redis has none."""
    asked = (keys.daemons, keys.target, keys.phase)
    return [*asked, keys.leases, seconds, target, len(leases), *leases, *avoid]


def boundary(games: int, *, every: int) -> int:
    """Return the last multiple of ``every`` that ``games`` have reached."""
    return games - games % every
