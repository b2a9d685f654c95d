"""Several learners as one: what ranks tell each other so that together they make one update.

An update of N ranks, each with its own segments, equals one rank's update with all segments: sums
over ranks take the place of sums over steps, and a shuffle of all steps is drawn by every rank from
the same seed. The border: what is summed is decided in ``update``.

torch's ``DistributedDataParallel`` was refused: it averages where we sum over the global count, it
reduces in the midst of a backward pass, and it hangs where a rank has no step in a minibatch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import Final, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

SIZE_VARIABLE: Final = "WORLD_SIZE"
_PATIENCE: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Share:
    """Which of all ranks' steps are this rank's: ``[first, first + own)`` of ``total``."""

    first: int
    own: int
    total: int

    def of(self, steps: Tensor) -> Tensor:
        """Those among some steps of all that are this rank's, counted from its first."""
        if self.own == self.total:
            return steps
        return steps[(steps >= self.first) & (steps < self.first + self.own)] - self.first


class Ranks(Protocol):
    """All ranks, as one of them sees them. Every rank must make the same calls in order."""

    rank: int
    size: int

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks, the same bits on each."""

    def share(self, own: int) -> Share:
        """This rank's part of all steps, where it has ``own``."""


class Alone:
    """One rank."""

    rank = 0
    size = 1

    def total(self, tensor: Tensor) -> Tensor:
        """The tensor itself."""
        return tensor

    def share(self, own: int) -> Share:
        """Everything."""
        return Share(0, own, own)


class ProcessRanks:
    """Ranks that ``torchrun`` has started; over gloo, or NCCL where the device is a GPU."""

    def __init__(self, device: torch.device) -> None:
        kind = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(kind, timeout=_PATIENCE)
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self._device = device

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks."""
        result = tensor.detach().clone()
        dist.all_reduce(result)
        return result

    def share(self, own: int) -> Share:
        """This rank's part of all steps, in the order of the ranks."""
        owns = torch.zeros(self.size, dtype=torch.int64, device=self._device)
        owns[self.rank] = own
        return share_of(self.total(owns).tolist(), self.rank)

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()


def share_of(owns: Sequence[int], rank: int) -> Share:
    """One rank's part where each has so many steps."""
    firsts = [0, *accumulate(owns)]
    return Share(firsts[rank], owns[rank], firsts[-1])


def is_distributed() -> bool:
    """Whether this process is one of several that ``torchrun`` has started."""
    return int(os.environ.get(SIZE_VARIABLE, "1")) > 1
