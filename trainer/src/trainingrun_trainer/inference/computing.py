"""Answers batches on one device, with the newest weights that were given.

``answer`` may be called by as many threads as the device computes batches at once. On a GPU these
are two, each with a stream of its own: while one batch is computed, the next is put together and
copied. On a processor it is one: two batches would take each other's cores, and a request that
comes meanwhile goes into the next batch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Struct
from torch import Tensor
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.inference_frames import (
    Bool,
    Float16,
    Float32,
    Layout,
    Observations,
    Positions,
    UInt8,
    unpacked,
)
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.weights_pointer import Pointer

from trainingrun_trainer.inference.answer_cache import AnswerCache
from trainingrun_trainer.inference.batching import buckets_up_to, padded
from trainingrun_trainer.inference.network import BoardNetwork

THREADS_VARIABLE: Final = "TRAININGRUN_INFERENCE_THREADS"
KINDS: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}
_GPU_STREAMS: Final = 2
_PROCESSOR_FILE: Final = Path("/proc/cpuinfo")
_AMX: Final = "amx_bf16"


class NoWeights(Exception):
    """No weights were published yet."""


class NotFinite(Exception):
    """Weights gave a number that is not finite."""


class Device(Struct, frozen=True):
    """What computes.

    Attributes:
        device: where.
        kind: the type in which the network's body is computed.
        streams: batches that are under way at the same time.
        name: for people.
    """

    device: torch.device
    kind: torch.dtype
    streams: int
    name: str


class BatchAnswer(Struct, frozen=True):
    """What a batch of requests is answered.

    Attributes:
        generation: publish number of the weights; one for the whole batch.
        values: float32 [rows].
        priors: float16, those of the legal actions of all rows, one row after another.
        ends: of each request, where its rows and its priors end.
        computed: rows that the network saw; the others were known.
    """

    generation: int
    values: Float32
    priors: Float16
    ends: tuple[tuple[int, int], ...]
    computed: int


class Weights(Struct, frozen=True):
    """One publication on the device, with what it has answered."""

    pointer: Pointer
    network: BoardNetwork
    cache: AnswerCache | None


def prepare_device(precision: str) -> Device:
    """Return the device to answer with, a GPU where torch sees one; sets torch's threads.

    ``precision`` is one of ``KINDS``, or ``auto``: bf16 where the device multiplies it in hardware,
    four times as many positions on a processor with AMX; else fp32.

    Raises:
        ConfigError: the number of threads is none.
    """
    threads = os.environ.get(THREADS_VARIABLE, "1")
    if not threads.isdigit() or int(threads) < 1:
        raise ConfigError(f"{THREADS_VARIABLE}={threads!r} is not a number of threads")
    torch.set_num_threads(int(threads))
    if torch.cuda.is_available():
        device, name = torch.device("cuda", 0), torch.cuda.get_device_name(0)
        chosen = _chosen(precision, has_bf16=torch.cuda.is_bf16_supported())
        return Device(device, KINDS[chosen], _GPU_STREAMS, f"{name}, {chosen}")
    chosen = _chosen(precision, has_bf16=_has_amx())
    return Device(torch.device("cpu"), KINDS[chosen], 1, f"cpu, {threads} threads, {chosen}")


def _chosen(precision: str, *, has_bf16: bool) -> str:
    if precision != "auto":
        return precision
    return "bf16" if has_bf16 else "fp32"


def _has_amx() -> bool:
    """Return whether this processor multiplies matrices of bf16; False where it does not say."""
    try:
        return _AMX in _PROCESSOR_FILE.read_text()
    except OSError:
        return False


class Computing:
    """See the module's docstring."""

    def __init__(
        self,
        device: Device,
        network: Network,
        spec: EnvironmentSpec,
        *,
        most_rows: int,
        cache_bytes: int,
    ) -> None:
        """``cache_bytes`` bounds the memory of the cache; 0 for none."""
        self.device = device
        self.layout = Layout.of(spec)
        self._network = network
        self._spec = spec
        self._buckets = buckets_up_to(most_rows) if device.device.type == "cuda" else ()
        self._most_rows = most_rows
        self._cache_bytes = cache_bytes
        self._weights: Weights | None = None
        self._streams = threading.local()

    @property
    def pointer(self) -> Pointer | None:
        """The publication that answers; None before the first."""
        weights = self._weights
        return None if weights is None else weights.pointer

    def use(self, tensors: Mapping[str, Tensor], pointer: Pointer) -> None:
        """Answer with these weights from the next batch on; batches under way keep theirs.

        Raises:
            NotFinite: they give no finite numbers even for empty boards.
        """
        network = BoardNetwork(
            tensors, self._network, self._spec, device=self.device.device, kind=self.device.kind
        )
        cache = AnswerCache(self.layout, most_bytes=self._cache_bytes)
        self._try(network)
        self._weights = Weights(pointer, network, cache if cache.entries else None)

    def _try(self, network: BoardNetwork) -> None:
        """Answer an empty board in each size, so that no search waits for preparations."""
        width, actions = self.layout.width, self.layout.actions
        for rows in (*self._buckets[-1:], 1):
            self._compute(
                network, np.zeros((rows, width), np.uint8), np.ones((rows, actions), np.bool_)
            )

    def answer(self, requests: Sequence[Positions]) -> BatchAnswer:
        """Answer requests with one set of weights.

        Raises:
            NoWeights: none were given yet.
            NotFinite: the weights fail on these positions.
        """
        weights = self._weights
        if weights is None:
            raise NoWeights("no weights are published yet")
        observations, packed = _joined(requests)
        if weights.cache is None:
            legal = unpacked(packed, self.layout.actions)
            priors, values = self._compute(weights.network, observations, legal)
            computed = len(values)
        else:
            priors, values, computed = self._ask(weights, weights.cache, observations, packed)
            legal = unpacked(packed, self.layout.actions)
        return BatchAnswer(
            generation=weights.pointer.publish,
            values=values,
            priors=priors[legal],
            ends=_ends(requests, legal),
            computed=computed,
        )

    def _ask(
        self, weights: Weights, cache: AnswerCache, observations: Observations, packed: UInt8
    ) -> tuple[Float16, Float32, int]:
        """Answer from the cache, and compute each position that is not there once."""
        keys = _keys(observations, packed)
        priors = np.empty((len(keys), self.layout.actions), np.float16)
        values = np.empty(len(keys), np.float32)
        missing = cache.read(keys, priors, values)
        if not missing:
            return priors, values, 0
        first: dict[bytes, int] = {}
        for row in missing:
            first.setdefault(keys[row], row)
        rows = list(first.values())
        legal = unpacked(packed[rows], self.layout.actions)
        new_priors, new_values = self._compute(weights.network, observations[rows], legal)
        cache.write(tuple(first), new_priors, new_values)
        place = {key: at for at, key in enumerate(first)}
        at = [place[keys[row]] for row in missing]
        priors[missing], values[missing] = new_priors[at], new_values[at]
        return priors, values, len(rows)

    @torch.inference_mode()
    def _compute(
        self, network: BoardNetwork, observations: Observations, legal: Bool
    ) -> tuple[Float16, Float32]:
        """Return priors [rows, actions], 0 where an action is not legal, and values [rows]."""
        rows = len(observations)
        with self._stream():
            seen, mask = self._on_device(observations), self._on_device(legal)
            logits, values = network(seen)
            logits = logits.masked_fill_(mask.logical_not(), -torch.inf)
            priors = torch.softmax(logits, -1).half()
            found: tuple[npt.NDArray[Any], ...] = tuple(
                each[:rows].cpu().numpy() for each in (priors, values)
            )
        if not np.isfinite(found[0].sum(dtype=np.float32) + found[1].sum()):
            raise NotFinite("these weights give numbers that are not finite")
        return found[0], found[1]

    def _on_device(self, array: npt.NDArray[Any]) -> Tensor:
        """Copy rows to the device, padded there to a size that it knows; added rows are ones, so
        that their masks are no empty ones."""
        whole = torch.from_numpy(array)
        if not self._buckets:
            return whole
        size = (padded(len(array), self._buckets), *array.shape[1:])
        pinned = torch.ones(size, dtype=whole.dtype, pin_memory=True)
        pinned[: len(array)] = whole
        return pinned.to(self.device.device, non_blocking=True)

    def _stream(self) -> AbstractContextManager[Any]:
        if self.device.device.type != "cuda":
            return nullcontext()
        if not hasattr(self._streams, "own"):
            stream: Any = torch.cuda.Stream
            self._streams.own = stream(self.device.device)
        return torch.cuda.stream(self._streams.own)


def _joined(requests: Sequence[Positions]) -> tuple[Observations, UInt8]:
    """Return copies of all observations and masks, which torch may write to."""
    kinds = {each.observations.dtype for each in requests}
    kind = kinds.pop() if len(kinds) == 1 else np.dtype(np.float16)
    seen = [each.observations.astype(kind, copy=False) for each in requests]
    return np.concatenate(seen), np.concatenate([each.legal for each in requests])


def _keys(observations: Observations, packed: UInt8) -> list[bytes]:
    """Return the bytes of each row: all that network and mask see."""
    seen = observations.view(np.uint8).reshape(len(packed), -1)
    data, width = np.concatenate([seen, packed], axis=1).tobytes(), seen.shape[1] + packed.shape[1]
    return [data[start : start + width] for start in range(0, len(data), width)]


def _ends(requests: Sequence[Positions], legal: Bool) -> tuple[tuple[int, int], ...]:
    rows = np.cumsum([len(each.legal) for each in requests])
    counts = np.cumsum(legal.sum(axis=1))
    return tuple(zip(rows.tolist(), counts[rows - 1].tolist(), strict=True))
