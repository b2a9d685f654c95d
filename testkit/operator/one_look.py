"""One reading of a run's Redis in a process of its own: prints the members and its peak memory
(KiB).

one_look.py URL RUN NOW
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.controller.signals import SignalReader
from trainingrun_reconciler.desired.observed import Signals

PATIENCE_SECONDS = 120.0
"""It is asked for memory: a Redis that writes hundreds of megabytes to its file answers late."""


async def read_once(url: str, run_id: str, now: float) -> Signals:
    """What the operator reads."""
    reader = SignalReader(seconds=PATIENCE_SECONDS)
    try:
        found = await reader.read(url, Keys(run_id), endpoints=(), now=now)
        assert await reader.digests(url, [run_id]) is not None
    finally:
        await reader.close()
    assert isinstance(found, Signals), found
    return found


if __name__ == "__main__":
    seen = asyncio.run(read_once(sys.argv[1], sys.argv[2], float(sys.argv[3])))
    print(",".join(each.member for each in seen.reports))
    status = Path("/proc/self/status").read_text()  # not getrusage: it starts at the parent's peak
    print(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
