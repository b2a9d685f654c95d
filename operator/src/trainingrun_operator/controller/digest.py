"""What Redis says about a run, in twenty bytes: equal digests mean that nothing has moved.

Computed by a script on the server, so that a thousand runs at rest cost one short answer and not a
thousand long ones. A look takes the digest in the same transaction as its signals; later digests
are held against that one, and so no change falls between the two. Leases count as they are now: one
that runs out moves the digest. What is read here is what ``signals`` reads.
"""

from __future__ import annotations

from typing import Any, Final

from trainingrun_contracts import reports
from trainingrun_contracts.stream.keys import Keys

_RUN: Final = "{run}"
_NAMES: Final = Keys(_RUN)
_READS: Final = (
    ("HVALS", _NAMES.produced),
    ("GET", _NAMES.depth),
    ("HGETALL", _NAMES.accounts),
    ("HGETALL", _NAMES.daemons),
    ("GET", _NAMES.intent),
    ("GET", _NAMES.target),
    ("GET", _NAMES.phase),
    ("GET", _NAMES.checkpoint_request),
    ("HGETALL", _NAMES.games),
    ("HGETALL", _NAMES.reports),
    ("HGETALL", _NAMES.weights),
    ("LRANGE", _NAMES.evaluations, f"-{reports.EVALUATIONS_RECENT}", "-1"),
    ("LRANGE", _NAMES.notices, "0", "-1"),
    ("HGET", _NAMES.champion, "champion"),
)


def _key(name: str) -> str:
    """The Lua expression for a key of the run at hand."""
    begin, end = name.split(_RUN)
    return f"'{begin}' .. run .. '{end}'"


def _call(command: str, name: str, *rest: str) -> str:
    """A Lua call that reads a key of the run at hand."""
    words = "".join(f", '{each}'" for each in rest)
    return f"redis.call('{command}', {_key(name)}{words})"


_ADDED: Final = "\n".join(f"  add({_call(*read)})" for read in _READS)
SCRIPT: Final = f"""
local now = redis.call('TIME')[1]
local found = {{}}
for at, run in ipairs(ARGV) do
  local parts = {{}}
  local function add(reply)
    local values = type(reply) == 'table' and reply or {{tostring(reply)}}
    for _, value in ipairs(values) do parts[#parts + 1] = #value .. ':' .. value end
    parts[#parts + 1] = ';'
  end
{_ADDED}
  for _, daemon in ipairs({_call("HKEYS", _NAMES.daemons)}) do
    add(redis.call('ZCOUNT', {_key(_NAMES.leases)} .. daemon, now, '+inf'))
  end
  found[at] = redis.sha1hex(table.concat(parts))
end
return found
"""
"""``ARGV``: identities of runs; returns the digest of each."""


def queue_digest(pipe: Any, run_id: str) -> None:
    """Queue the digest of one run on a pipeline; its reply is a list of one."""
    pipe.eval(SCRIPT, 0, run_id)


async def read_digests(client: Any, run_ids: list[str]) -> list[bytes]:
    """The digests of many runs of one Redis, in one round trip."""
    found: list[bytes] = await client.eval(SCRIPT, 0, *run_ids)
    return found
