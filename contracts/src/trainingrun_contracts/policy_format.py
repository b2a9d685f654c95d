"""The pointer policy as tensors: names and shapes that the trainer writes and the actor reads.

Two encoders; both give a vector ``h`` [W] of a state ``s`` [S] and keys ``k`` [n, K] of its legal
actions ``a`` [n, F] (ReLU where it says relu; ``linear(x)`` is ``x @ weight.T + bias``). S and F
are ``state_width`` and ``action_inputs`` of the environment's spec; an action that is a number of a
vocabulary stands for the row of F numbers that is 1 at its place and 0 elsewhere:

``mlp``, with L layers; the keys know nothing of one another:

    h = relu(state.L-1(… relu(state.0(s))))
    k = relu(action.0(a))

``transformer``, with L blocks over one token for the state and one for each legal action, so that
an action is seen beside the others. The state's token attends to itself alone: a value is needed
where no legal actions are known, after a segment was cut off. Norms are layer norms with epsilon
1e-5, heads are 32 wide, attention is softmax(q . k / sqrt(32)) v:

    x = [token_state(s), token_action(a)]                                          [1 + n, W]
    x = x + block.i.attend_out(attention(block.i.attend_in(block.i.attend_norm(x))))
    x = x + block.i.feed_out(relu(block.i.feed_in(block.i.feed_norm(x))))          for each i
    x = norm(x),  h = x[0],  k = relu(action.0(x[1:]))

Then, in both:

    q = query(h)                                                                   [K]
    logits = k @ q / sqrt(K)                                                       [n]
    v = tanh(value.1(relu(value.0(h))))                                            [1]

The action encoder's last linear layer is folded into the query: ``(W k + b) . h'`` equals
``k . (W.T h')`` up to a term that is the same for every action, which a softmax does not see.
The value is the expected outcome in [-1, 1]; the probability of a win is (v + 1) / 2.
The safetensors metadata holds ``schema_hash`` and ``version``. Which encoder it is, the
tensors say. A network of a user's has tensors of its own (``own_network``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct

from trainingrun_contracts.environment_spec import EnvironmentSpec

HIDDEN: Final = 128
KEY: Final = 64
VALUE_HIDDEN: Final = 64
HEAD: Final = 32
WIDEST: Final = 1024
MOST_LAYERS: Final = 12
NORM_EPSILON: Final = 1e-5
PART_FORM: Final = r"^[a-z][a-z0-9_-]*$"
"""Names of parts of a run, those of users among them (``own_parts``)."""

Shapes = dict[str, tuple[int, ...]]


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    """Which encoder, how wide its hidden layers are, and how many layers or blocks it has.

    ``kind`` is ``mlp``, ``transformer``, or the name of a network that a package adds.
    """

    kind: Annotated[str, Meta(pattern=PART_FORM, max_length=64)] = "mlp"
    width: Annotated[int, Meta(ge=HEAD, le=WIDEST, multiple_of=HEAD)] = HIDDEN
    layers: Annotated[int, Meta(ge=1, le=MOST_LAYERS)] = 2


def shapes_of(network: Network, spec: EnvironmentSpec) -> Shapes:
    """Return names and shapes of the tensors of a policy for an environment.

    ``network`` is one of ours.
    """
    width, inputs = network.width, spec.action_inputs
    if network.kind == "mlp":
        shapes = _linear("state.0", width, spec.state_width) | _linear("action.0", KEY, inputs)
        for number in range(1, network.layers):
            shapes |= _linear(f"state.{number}", width, width)
    else:
        shapes = _linear("token_state", width, spec.state_width)
        shapes |= _linear("token_action", width, inputs)
        for number in range(network.layers):
            shapes |= _block(f"block.{number}", width)
        shapes |= _norm("norm", width) | _linear("action.0", KEY, width)
    shapes |= _linear("query", KEY, width)
    return shapes | _linear("value.0", VALUE_HIDDEN, width) | _linear("value.1", 1, VALUE_HIDDEN)


def network_of(shapes: Mapping[str, tuple[int, ...]]) -> Network:
    """Return the network that tensors of such names and shapes seem to be of.

    Compare the tensors with :func:`shapes_of` before they are loaded.

    Raises:
        ValueError: they are of none.
    """
    is_mlp = "state.0.weight" in shapes
    first, counted = ("state.0", r"state\.\d+") if is_mlp else ("token_state", r"block\.\d+")
    shape = shapes.get(f"{first}.weight", ())
    found = [re.fullmatch(rf"({counted})\..*", name) for name in shapes]
    layers = len({match[1] for match in found if match})
    width = shape[0] if len(shape) == 2 else 0
    if width % HEAD or not HEAD <= width <= WIDEST or not 1 <= layers <= MOST_LAYERS:
        raise ValueError(f"{layers} layers of width {width} are no policy's")
    return Network("mlp" if is_mlp else "transformer", width, layers)


def _linear(name: str, outputs: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _block(name: str, width: int) -> Shapes:
    return {
        **_norm(f"{name}.attend_norm", width),
        **_linear(f"{name}.attend_in", 3 * width, width),
        **_linear(f"{name}.attend_out", width, width),
        **_norm(f"{name}.feed_norm", width),
        **_linear(f"{name}.feed_in", 2 * width, width),
        **_linear(f"{name}.feed_out", width, 2 * width),
    }
