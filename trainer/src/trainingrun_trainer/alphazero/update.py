"""One update of AlphaZero: new positions go into the window, then steps are made on it.

Positions count as trained once they are in the window, where each is drawn some times before it
leaves; how many steps new positions pay for, the token bucket says. A step whose loss or gradient
is not finite is never taken.

Not here: where segments come from, and what happens to the weights afterwards.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.board_network import NETWORK_METADATA
from trainingrun_contracts.board_weights import SCHEMA_METADATA, VERSION_METADATA
from trainingrun_contracts.checkpoints import POLICY_FILE
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.segment import Segment
from trainingrun_environments.symmetries import Symmetry

from trainingrun_trainer.alphazero.loss import TERMS, Positions, board_loss, explained_variance
from trainingrun_trainer.alphazero.network import BoardNetwork, folded
from trainingrun_trainer.alphazero.schedule import TokenBucket, learning_rate
from trainingrun_trainer.alphazero.window import ReplayWindow, rows_of
from trainingrun_trainer.alphazero.window_file import (
    WINDOW_FILE,
    Counters,
    WindowInvalid,
    read_window,
    window_file,
)
from trainingrun_trainer.optimiser import AdamOptimiser
from trainingrun_trainer.precision import Precision
from trainingrun_trainer.recovery import WeightsNotFinite, all_finite
from trainingrun_trainer.updater import UpdateResult

AVERAGE_FILE: Final = "average.safetensors"
_REPORTED: Final = ("policy", "value", "entropy", "total", "kl", "gradient_norm")


@dataclass
class _Sums:
    """What the steps of one update add up to."""

    terms: dict[str, float]
    taken: int = 0
    skipped: int = 0
    rescaled: int = 0

    def means(self) -> dict[str, float]:
        """Return the mean of each term over the steps taken; nothing without any."""
        if not self.taken:
            return {}
        means = {name: total / self.taken for name, total in self.terms.items()}
        found = {name: means[name] for name in _REPORTED}
        return {**found, "explained_variance": explained_variance(means)}


class AlphaZeroUpdater:
    """Holds the network, its optimiser and the replay window. An ``Updater``."""

    def __init__(
        self,
        network: BoardNetwork,
        config: RunConfig,
        *,
        device: torch.device,
        symmetries: Sequence[Symmetry] = (),
    ) -> None:
        """``config`` is of a run of AlphaZero; positions are trained in the symmetries, too."""
        assert config.alpha_zero is not None
        self.network = network.to(device)
        self.device = device
        self.generator = torch.Generator().manual_seed(config.seed)
        self._config: AlphaZeroConfig = config.alpha_zero
        self._games = config.games
        self._parts = config.learner.gradient_accumulation
        self._symmetries = symmetries
        self.optimiser = AdamOptimiser(
            self.network,
            learning_rate=self._config.learning_rate,
            weight_decay=self._config.weight_decay,
        )
        self._precision = Precision(config.learner.precision, device)
        self._average = copy.deepcopy(self.network) if self._config.average else None
        self._steps = 0
        self._drawn = 0
        self._bucket = TokenBucket()
        self.window = ReplayWindow(self._config.replay, self.spec)

    @property
    def spec(self) -> EnvironmentSpec:
        """See Updater."""
        return self.network.spec

    def train(
        self, segments: Sequence[Segment], *, games: int, weights: Sequence[float] = ()
    ) -> UpdateResult:
        """See Updater; it has a window of its own, so that segments are never sampled ones."""
        del weights
        replay, batch = self._config.replay, self._config.batch
        if segments:
            before = self.window.total
            self.window.add(rows_of(segments))
            new = self.window.total - before
            self._bucket = self._bucket.filled(new, each=replay.samples_per_row)
        steps = self._bucket.steps(batch) if len(self.window) >= replay.least_rows else 0
        sums = _Sums({})
        self.network.train()
        for _ in range(steps):
            self.optimiser.learning_rate = self._rate(games)
            self._step(sums)
        self._bucket = self._bucket.after(steps, batch=batch)
        self._drawn += steps * batch
        return UpdateResult(
            {**sums.means(), **self._window_figures()} if sums.taken else {},
            sums.taken,
            sums.skipped,
            stopped_early=False,
            rescaled=sums.rescaled,
            learning_rate=self._rate(games),
        )

    def weights(self, *, version: int) -> bytes:
        """See Updater; the format is ``board_network``'s."""
        tensors = folded(self.network if self._average is None else self._average)
        if not all_finite(tensors):
            raise WeightsNotFinite(
                f"the weights of update {version} hold numbers that are not finite: lower"
                " the learning rate of AlphaZero, or resume from an older checkpoint"
            )
        metadata = {
            SCHEMA_METADATA: self.spec.schema_hash,
            VERSION_METADATA: str(version),
            NETWORK_METADATA: self.network.network.kind,
        }
        return save(tensors, metadata=metadata)

    def has_finite_state(self) -> bool:
        """See Updater."""
        return all_finite(self.model(), self.moments())

    def model(self) -> dict[str, Tensor]:
        """See Updater; with the statistics of the normalisation."""
        return self.network.state_dict()

    def moments(self) -> dict[str, Tensor]:
        """See Updater."""
        return self.optimiser.tensors()

    def load(self, model: dict[str, Tensor], moments: dict[str, Tensor]) -> None:
        """See Updater."""
        self.network.load_state_dict(model)
        self.optimiser.load(moments)
        self._steps = self.optimiser.steps
        if self._average is not None:
            self._average.load_state_dict(model)

    def memory(self, *, version: int) -> dict[str, bytes]:
        """See Updater: the window, the average of the weights where there is one, and the network
        as it is published, for who plays without torch, which weights that are not finite do not
        have.
        """
        counters = Counters(self.window.total, self._drawn, self._bucket.tokens)
        files = {WINDOW_FILE: window_file(self.window, self.spec, counters)}
        if self._average is not None:
            tensors = self._average.state_dict()
            files[AVERAGE_FILE] = save({name: each.cpu() for name, each in tensors.items()})
        with suppress(WeightsNotFinite):
            files[POLICY_FILE] = self.weights(version=version)
        return files

    def recall(self, files: Mapping[str, bytes]) -> str:
        """See Updater. A window that holds something stays: it is newer than any checkpoint's."""
        wrong = [] if self.window.total else [self._recall_window(files.get(WINDOW_FILE))]
        if self._average is not None:
            wrong.append(self._recall_average(files.get(AVERAGE_FILE)))
        return "; ".join(each for each in wrong if each)

    def _recall_window(self, content: bytes | None) -> str:
        if content is None:
            return "the checkpoint has no replay window: it fills again from new games"
        try:
            rows, counters = read_window(content, self.spec)
        except WindowInvalid as error:
            return f"the replay window is not used, and fills again from new games: {error}"
        self.window.skip(max(0, counters.total - len(rows.counts)))
        if len(rows.counts):
            self.window.add(rows)
        self._drawn, self._bucket = counters.drawn, TokenBucket(counters.tokens)
        return ""

    def _recall_average(self, content: bytes | None) -> str:
        assert self._average is not None
        try:
            average = load(content or b"")
            if all_finite(average):
                self._average.load_state_dict(average)
                return ""
        except (KeyError, RuntimeError, ValueError, SafetensorError):
            pass
        return "the average of the weights is not there: it begins at the weights themselves"

    def _rate(self, games: int) -> float:
        return learning_rate(self._config, steps=self._steps, played=games / self._games)

    def _window_figures(self) -> dict[str, float]:
        return {
            "replay_rows": float(len(self.window)),
            "samples_per_row": self._drawn / max(self.window.total, 1),
        }

    def _step(self, sums: _Sums) -> None:
        """Draw a batch, and step on it unless a number is not finite."""
        scale, total = self._precision.scale, self._config.batch
        terms = torch.zeros(len(TERMS), device=self.device)
        for positions in self._draw():
            share = len(positions.outcomes) / total
            with self._precision.autocast():
                logits, values = self.network(positions.observations)
            weight = self._config.value_weight
            loss, found = board_loss(logits, values, positions, value_weight=weight)
            (loss * (share * scale.value)).backward()  # type: ignore[no-untyped-call]
            terms += found * share
        norm = self.optimiser.gradient_norm() / scale.value
        *means, length = torch.cat([terms, norm[None]]).tolist()
        is_finite = all(math.isfinite(mean) for mean in means)
        if is_finite and math.isfinite(length):
            self._take(norm)
            sums.taken += 1
            for name, mean in zip((*TERMS, "gradient_norm"), (*means, length), strict=True):
                sums.terms[name] = sums.terms.get(name, 0.0) + mean
        elif is_finite and scale.can_back_off:
            scale.back_off()
            sums.rescaled += 1
        else:
            sums.skipped += 1
        self.optimiser.clear_gradients()

    def _draw(self) -> Iterator[Positions]:
        """Yield a batch, in as many parts as gradients are accumulated over."""
        batch = self.window.sample(
            self._config.batch, symmetries=self._symmetries, generator=self.generator
        )
        for part in zip(*(each.chunk(self._parts) for each in batch), strict=True):
            yield Positions(*part).to(self.device)

    def _take(self, norm: Tensor) -> None:
        """Step against the gradients, which are cut to the largest norm that they may have."""
        scale = self._precision.scale
        excess = ((norm + 1e-6) / self._config.max_gradient_norm).clamp(min=1.0)
        self.optimiser.step(divisor=excess * scale.value)
        scale.grow()
        self._steps += 1
        if self._average is not None:
            _follow(self._average, self.network, decay=self._config.average)


@torch.no_grad()
def _follow(average: BoardNetwork, network: BoardNetwork, *, decay: float) -> None:
    """Move an exponential average of the tensors towards the network's; counts are copied."""
    theirs = network.state_dict()
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(theirs[name], 1.0 - decay)
        else:
            tensor.copy_(theirs[name])
