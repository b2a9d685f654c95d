"""What a network of a user's must be able to do, and how a run's is found.

One object describes the network to both sides: the learner trains its torch module, actors compute
the same in numpy from the module's tensors. The learner compares the two at its start.

Both see the same of T states with A legal actions in all, one state's actions after another's:

    states   float32 [T, S], observations, flattened
    actions  float32 [A, F], rows of features; or int64 [A], numbers of a vocabulary
    counts   int64 [T], legal actions of each state, at least 1

and both return logits [A] and values [T] in [-1, 1], the expected outcome of the game. Published
tensors bear the names of the module's ``state_dict`` behind the prefix ``own.``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from trainingrun_contracts.environment_spec import VOCABULARY_SCALE, EnvironmentSpec, Features
from trainingrun_contracts.own_parts import NETWORKS, UnknownPart, described
from trainingrun_contracts.policy_format import Network, Shapes

Float32 = npt.NDArray[np.float32]

PREFIX: Final = "own."
METADATA: Final = "own_network"
"""Of published tensors: the network in JSON, for those who know the run as a model alone."""
MOST_TENSORS: Final = 1024
MOST_NUMBERS: Final = 64_000_000
"""Of all tensors together: 256 MB."""
_METHODS: Final = ("shapes", "module", "forward")


class OwnNetwork(Protocol):
    """A network of a user's; made without arguments, without torch."""

    def shapes(
        self, spec: EnvironmentSpec, *, width: int, layers: int
    ) -> Mapping[str, tuple[int, ...]]:
        """Return names and shapes of the tensors, as the module's ``state_dict`` has them."""

    def module(self, spec: EnvironmentSpec, *, width: int, layers: int) -> Any:
        """Return a new ``torch.nn.Module`` with float32 parameters and no buffers; torch is
        imported in here.

        Its ``forward(states, actions, counts)`` returns logits and values, its
        ``estimate(states)`` the same values without actions.
        """

    def forward(
        self,
        tensors: Mapping[str, Float32],
        states: Float32,
        actions: npt.NDArray[Any],
        counts: npt.NDArray[np.int64],
    ) -> tuple[Float32, Float32]:
        """Return logits and values, from arrays."""


@dataclass(frozen=True)
class NamedNetwork:
    """A user's network with its name and the shapes of its tensors."""

    name: str
    network: OwnNetwork
    shapes: Shapes


def own_network(network: Network, spec: EnvironmentSpec) -> NamedNetwork | None:
    """Return the user's network that a run names; None where it names ours.

    Raises:
        UnknownPart: it cannot be had here.
    """
    if NETWORKS.is_ours(network.kind):
        return None
    had_torch = "torch" in sys.modules
    found: OwnNetwork = NETWORKS.make(network.kind, *_METHODS)
    point = NETWORKS.find(network.kind)
    if not had_torch and "torch" in sys.modules:
        raise NETWORKS.refused(
            point, "imports torch, which actors do not have: import it inside of its method module"
        )
    try:
        given = dict(found.shapes(spec, width=network.width, layers=network.layers))
        shapes = {str(name): tuple(int(size) for size in shape) for name, shape in given.items()}
    except Exception as error:
        raise NETWORKS.refused(point, f"does not say its shapes: {described(error)}") from error
    _check_size(shapes, network)
    return NamedNetwork(network.kind, found, shapes)


def stated_network(metadata: Mapping[str, str]) -> Network | None:
    """Return the network of a user's that the metadata of tensors names; None where they name none.

    Raises:
        ValueError: what they name is no network.
    """
    text = metadata.get(METADATA)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Network)
    except msgspec.MsgspecError as error:
        raise ValueError(f"metadata {METADATA} is no network: {error}") from error


def statement_of(network: Network) -> dict[str, str]:
    """Return what ``stated_network`` reads."""
    return {METADATA: msgspec.json.encode(network).decode()}


def _check_size(shapes: Shapes, network: Network) -> None:
    numbers = sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes.values())
    sizes = [size for shape in shapes.values() for size in shape]
    if (
        not shapes
        or len(shapes) > MOST_TENSORS
        or numbers > MOST_NUMBERS
        or min(sizes, default=1) < 1
    ):
        raise UnknownPart(
            f"the network {network.kind!r} has {len(shapes)} tensors with {numbers} numbers: at"
            f" least one of each is needed, and {MOST_TENSORS} and {MOST_NUMBERS} are possible"
        )


def own_actions(actions: npt.NDArray[np.float16], spec: EnvironmentSpec) -> npt.NDArray[Any]:
    """Return stored actions [A, action_width] as a network of a user's sees them."""
    if isinstance(spec.actions, Features):
        return actions.astype(np.float32)
    scaled = actions[:, 0].astype(np.float32) * np.float32(VOCABULARY_SCALE)
    return scaled.astype(np.int64)
