"""The pointer policy as tensors: names and shapes that the trainer writes and the actor reads.

Forward, for a state ``s`` [S] and its legal actions ``a`` [n, F] (ReLU between layers):

    h = relu(relu(s @ state.0.weight.T + state.0.bias) @ state.1.weight.T + state.1.bias)   [H]
    k = relu(a @ action.0.weight.T + action.0.bias)                                         [n, K]
    q = h @ query.weight.T + query.bias                                                     [K]
    logits = k @ q / sqrt(K)                                                                [n]
    v = tanh(relu(h @ value.0.weight.T + value.0.bias) @ value.1.weight.T + value.1.bias)   [1]

The action encoder's last linear layer is folded into the query: ``(W k + b) . h'`` equals
``k . (W.T h')`` up to a term that is the same for every action, which a softmax does not see.
The value is the expected outcome in [-1, 1]; the probability of a win is (v + 1) / 2.
The safetensors metadata holds ``schema_hash`` and ``version``.
"""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.observation.schema import ACTION_WIDTH, STATE_WIDTH

HIDDEN: Final = 128
KEY: Final = 64
VALUE_HIDDEN: Final = 64

SHAPES: Final[dict[str, tuple[int, ...]]] = {
    "state.0.weight": (HIDDEN, STATE_WIDTH),
    "state.0.bias": (HIDDEN,),
    "state.1.weight": (HIDDEN, HIDDEN),
    "state.1.bias": (HIDDEN,),
    "action.0.weight": (KEY, ACTION_WIDTH),
    "action.0.bias": (KEY,),
    "query.weight": (KEY, HIDDEN),
    "query.bias": (KEY,),
    "value.0.weight": (VALUE_HIDDEN, HIDDEN),
    "value.0.bias": (VALUE_HIDDEN,),
    "value.1.weight": (1, VALUE_HIDDEN),
    "value.1.bias": (1,),
}
