"""When running members must be replaced: a hash over what they were started with.

The hash holds the workload itself (image, command, resources, …) and the parts of the run
configuration that the role reads at its start. The number of replicas is not in it, nor is anything
that reaches a running role in another way (the target of games, the autoscaling bounds, suspend).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import msgspec

from trainingrun_operator.desired.workload import Workload


def with_roll_hash(workload: Workload, *read: Any) -> Workload:
    """The workload with its hash; ``read`` is what the role reads of the run configuration."""
    plain = replace(workload, replicas=0, roll_hash="")
    document = msgspec.json.encode([plain, *read])
    return replace(workload, roll_hash=hashlib.sha256(document).hexdigest()[:16])
