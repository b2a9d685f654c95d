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
    """What the operator reads; once more where the answer came later than a connection waits."""
    reader = SignalReader(seconds=PATIENCE_SECONDS)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await reader.read(url, Keys(run_id), endpoints=(), now=now)
            while not isinstance(found, Signals):
                print(found, file=sys.stderr)
                found = await reader.read(url, Keys(run_id), endpoints=(), now=now)
            while await reader.digests(url, [run_id]) is None:
                print("no digest", file=sys.stderr)
    finally:
        await reader.close()
    return found


if __name__ == "__main__":
    seen = asyncio.run(read_once(sys.argv[1], sys.argv[2], float(sys.argv[3])))
    print(",".join(each.member for each in seen.reports))
    status = Path("/proc/self/status").read_text()  # not getrusage: it starts at the parent's peak
    print(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
