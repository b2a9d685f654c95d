"""What every part of a learner's start needs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.keys import Keys

from trainingrun_trainer.distributed import DistributedRanks, SingleRank
from trainingrun_trainer.link import RedisLink
from trainingrun_trainer.status import Status
from trainingrun_trainer.watchdog import Timeouts


@dataclass(frozen=True)
class StartContext:
    """The run, this process (``member`` of the role), and its lines to Redis, to other ranks and to
    the device."""

    config: RunConfig
    member: str
    keys: Keys
    link: RedisLink
    status: Status
    ranks: SingleRank | DistributedRanks
    device: torch.device
    patience: Timeouts
