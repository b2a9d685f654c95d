"""Adam (Kingma and Ba 2015) with its moments as named tensors.

The arithmetic is torch's own fused ``adam`` function. Its class ``torch.optim.Adam`` was refused:
to make one imports torch's compiler, which costs 150 MB and over a second and is not used here.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from trainingrun_trainer.distributed import RankGroup

_EPSILON: Final = 1e-5
_DECAYS: Final = (0.9, 0.999)
_SLOTS: Final = ("mean", "square", "step")


class AdamOptimiser:
    """Steps the parameters of one module; parameters without a gradient stay as they are.

    With ``weight_decay``, weights (no biases, nothing of a normalisation) also sink by that times
    the learning rate in each step, decoupled from the gradient (Loshchilov and Hutter 2019).

    Attributes:
        learning_rate: of the next step.
    """

    def __init__(
        self, module: nn.Module, *, learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        self.learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._parameters = dict(module.named_parameters())
        self._state: dict[str, dict[str, Tensor]] = {
            name: {
                "mean": torch.zeros_like(parameter, requires_grad=False),
                "square": torch.zeros_like(parameter, requires_grad=False),
                "step": torch.zeros((), device=parameter.device),
            }
            for name, parameter in self._parameters.items()
        }

    def clear_gradients(self) -> None:
        """Forget all gradients."""
        for parameter in self._parameters.values():
            parameter.grad = None

    def sum_gradients(self, terms: Tensor, ranks: RankGroup) -> Tensor:
        """Sum gradients and some numbers [n] over all ranks, in one message; gives the numbers.

        Afterwards every parameter has a gradient, also on a rank whose part was empty.
        """
        if ranks.size == 1:
            return terms
        flat = [terms] + [
            torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
            for p in self._parameters.values()
        ]
        summed = torch.split(ranks.total(torch.cat(flat)), [len(part) for part in flat])
        for parameter, gradient in zip(self._parameters.values(), summed[1:], strict=True):
            parameter.grad = gradient.view_as(parameter)
        first: Tensor = summed[0]
        return first

    def gradient_norm(self) -> Tensor:
        """Return the norm of all gradients together."""
        gradients = [p.grad for p in self._parameters.values() if p.grad is not None]
        return torch.nn.utils.get_total_norm(gradients)

    @torch.no_grad()
    def step(self, *, divisor: Tensor | None = None) -> None:
        """Move the parameters against their gradients, which are divided by a number first."""
        names = [name for name, p in self._parameters.items() if p.grad is not None]
        if self._weight_decay:
            weights: list[Tensor] = [p for n in names if (p := self._parameters[n]).dim() > 1]
            torch._foreach_mul_(weights, 1.0 - self.learning_rate * self._weight_decay)
        mean, square, step = ([self._state[name][slot] for name in names] for slot in _SLOTS)
        adam(
            [self._parameters[name] for name in names],
            [gradient for name in names if (gradient := self._parameters[name].grad) is not None],
            mean,
            square,
            [],
            step,
            fused=True,
            amsgrad=False,
            maximize=False,
            weight_decay=0.0,
            beta1=_DECAYS[0],
            beta2=_DECAYS[1],
            lr=self.learning_rate,
            eps=_EPSILON,
            grad_scale=divisor,
        )

    @property
    def steps(self) -> int:
        """Steps taken, those before a resume included; asks the device."""
        return max((int(slots["step"]) for slots in self._state.values()), default=0)

    def tensors(self) -> dict[str, Tensor]:
        """Return the moments, named ``PARAMETER/SLOT``."""
        return {
            f"{name}/{slot}": tensor
            for name, slots in self._state.items()
            for slot, tensor in slots.items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over moments.

        Raises:
            KeyError, ValueError: a tensor is missing, or has another shape.
        """
        for name, own in self.tensors().items():
            if tensors[name].shape != own.shape:
                raise ValueError(f"{name} has shape {tuple(tensors[name].shape)}")
        for name, own in self.tensors().items():
            own.copy_(tensors[name])
