"""Several learners as one: what ranks exchange so that together they make one update.

An update of N ranks, each with its own segments, equals one rank's update with all segments: sums
over ranks take the place of sums over steps, and a shuffle of all steps is drawn by every rank from
the same seed. The border: what is summed is decided in ``update``, and
what rank 0 orders the others to do, in ``coordinator``.

torch's ``DistributedDataParallel`` was refused: it averages where we sum over the global count, it
reduces during a backward pass, and it hangs where a rank has no step in a minibatch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import Final, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

SIZE_VARIABLE: Final = "WORLD_SIZE"
RANK_VARIABLE: Final = "RANK"
LOCAL_RANK_VARIABLE: Final = "LOCAL_RANK"
MEETING_VARIABLE: Final = "TRAININGRUN_RANKS_FILE"
"""The file over which ranks of one machine find each other: torch's TCPStore, which torchrun uses,
listens on every address, whatever MASTER_ADDR says."""
_TIMEOUT: Final = timedelta(minutes=10)
_COMMAND_TIMEOUT: Final = timedelta(days=30)
"""Rank 0 may wait for Redis, or for a slow upload, as long as it takes."""


class RankLost(Exception):
    """Another rank has ended, so no update can be made; the message is for the user."""


@dataclass(frozen=True)
class Share:
    """Which of all ranks' steps are this rank's: ``[first, first + own)`` of ``total``."""

    first: int
    own: int
    total: int

    def of(self, steps: Tensor) -> Tensor:
        """Return those among some steps of all that are this rank's, counted from its first."""
        if self.own == self.total:
            return steps
        return steps[(steps >= self.first) & (steps < self.first + self.own)] - self.first


class RankGroup(Protocol):
    """All ranks, as one of them sees them. Every rank must make the same calls in order."""

    rank: int
    size: int

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum over all ranks, the same bits on each."""

    def share(self, own: int) -> Share:
        """Return this rank's part of all steps, where it has ``own``."""


class SingleRank:
    """One rank."""

    rank = 0
    size = 1

    def total(self, tensor: Tensor) -> Tensor:
        """Return the tensor itself."""
        return tensor

    def share(self, own: int) -> Share:
        """Everything."""
        return Share(0, own, own)


class DistributedRanks:
    """Ranks as processes; over gloo, or NCCL where the device is a GPU. Commands and segments
    always go over gloo, from memory to memory.

    All methods raise RankLost when another rank has ended.
    """

    def __init__(self, device: torch.device) -> None:
        kind = "nccl" if device.type == "cuda" else "gloo"
        with _translated("gathering the ranks"):
            _gather(kind)
            cpu_group = dist.new_group(backend="gloo", timeout=_COMMAND_TIMEOUT)
        assert isinstance(cpu_group, dist.ProcessGroup)
        self._cpu_group = cpu_group
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self._device = device

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum over all ranks."""
        result = tensor.detach().clone()
        with _translated("summing over the ranks"):
            dist.all_reduce(result)
        return result

    def share(self, own: int) -> Share:
        """Return this rank's part of all steps, in the order of the ranks."""
        owns = torch.zeros(self.size, dtype=torch.int64, device=self._device)
        owns[self.rank] = own
        return share_of(self.total(owns).tolist(), self.rank)

    def largest(self, numbers: Sequence[int]) -> list[int]:
        """Of each number, the largest that any rank has."""
        largest = torch.tensor(numbers, dtype=torch.int64)
        with _translated("waiting for all ranks"):
            dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=self._cpu_group)
        return [int(number) for number in largest.tolist()]

    def send(self, content: bytes, *, to: int) -> None:
        """Give some bytes to one rank."""
        with _translated(f"sending to rank {to}"):
            dist.send(torch.tensor([len(content)]), to, group=self._cpu_group)
            if content:
                dist.send(
                    torch.frombuffer(bytearray(content), dtype=torch.uint8), to, self._cpu_group
                )

    def receive(self) -> bytes:
        """Return what rank 0 sends."""
        length = torch.zeros(1, dtype=torch.int64)
        with _translated("receiving from rank 0"):
            dist.recv(length, 0, group=self._cpu_group)
            content = torch.empty(int(length), dtype=torch.uint8)
            if len(content):
                dist.recv(content, 0, group=self._cpu_group)
        return content.numpy().tobytes()

    def copy_from_first(self, tensor: Tensor) -> None:
        """Give the tensor the contents that it has on rank 0."""
        with _translated("copying the state of rank 0"):
            copy = tensor.detach().cpu()
            dist.broadcast(copy, 0, group=self._cpu_group)
        tensor.detach().copy_(copy)

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()


def _gather(kind: str) -> None:
    """Wait for all ranks: over a file where our launcher names one, as torchrun says otherwise."""
    meeting = os.environ.get(MEETING_VARIABLE)
    if meeting is None:
        dist.init_process_group(kind, timeout=_TIMEOUT)
        return
    rank, size = int(os.environ[RANK_VARIABLE]), int(os.environ[SIZE_VARIABLE])
    store = dist.FileStore(meeting, size)  # type: ignore[attr-defined]  # torch's stub lacks it
    dist.init_process_group(kind, store=store, rank=rank, world_size=size, timeout=_TIMEOUT)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Translate torch's errors between ranks to RankLost."""
    try:
        yield
    except RuntimeError as error:
        raise RankLost(
            f"{what}: another rank has ended or cannot be reached ({str(error).splitlines()[0]}):"
            " its own log says why; start the learner again"
        ) from error


def share_of(owns: Sequence[int], rank: int) -> Share:
    """Return one rank's part; ``owns`` are the steps of each."""
    firsts = [0, *accumulate(owns)]
    return Share(firsts[rank], owns[rank], firsts[-1])


def is_distributed() -> bool:
    """Return whether this process is one of several that were started as ranks."""
    return int(os.environ.get(SIZE_VARIABLE, "1")) > 1


def local_rank() -> int:
    """Return which of this machine's ranks this is, so that each takes a GPU of its own."""
    return int(os.environ.get(LOCAL_RANK_VARIABLE, "0"))


def is_first() -> bool:
    """Return whether this process is rank 0, or alone."""
    return int(os.environ.get(RANK_VARIABLE, "0")) == 0


def join(device: torch.device) -> SingleRank | DistributedRanks:
    """Return the ranks, once all are there."""
    return DistributedRanks(device) if is_distributed() else SingleRank()
