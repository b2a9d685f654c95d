"""The transformer as an encoder of the pointer policy: legal actions see one another.

The formulas are those of ``policy_format``. Lists are padded to the longest of a minibatch here,
because attention is between all tokens of a step; the MLP beside it stays packed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import HEAD, KEY, NORM_EPSILON, Network

from trainingrun_trainer.networks.packed import PackedRows, pack_rows
from trainingrun_trainer.networks.pointer import PointerPolicy, Scorable, over_actions


class TransformerPolicy(PointerPolicy):
    """Blocks over one token for the state and one for each legal action."""

    def __init__(self, network: Network, spec: EnvironmentSpec) -> None:
        super().__init__(network, spec)
        width = network.width
        self.token_state = nn.Linear(spec.state_width, width)
        self.token_action = nn.Linear(spec.action_inputs, width)
        self.block = nn.ModuleList([Block(width) for _ in range(network.layers)])
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.action = nn.ModuleList([nn.Linear(width, KEY)])

    def encode(self, states: Tensor, actions: Tensor, rows: PackedRows) -> Scorable:
        """See PointerPolicy."""
        of_states, of_actions = self.token_state(states), over_actions(self.token_action, actions)
        longest = 1 + (int(rows.counts.max()) if rows.steps else 0)
        first = torch.arange(rows.steps, device=states.device) * longest
        own = torch.arange(len(rows.owner), device=states.device)
        places = own - rows.starts[rows.owner] + first[rows.owner] + 1
        tokens = of_states.new_zeros(rows.steps * longest, of_states.shape[1])
        tokens = tokens.index_copy(0, first, of_states).index_copy(0, places, of_actions)
        tokens = tokens.view(rows.steps, longest, -1)
        mask = _visible(rows.counts, longest)
        for block in self.block:
            tokens = block(tokens, mask)
        found = self.norm(tokens).flatten(0, 1)
        return Scorable(found[first], torch.relu_(self.action[0](found[places])))

    def encode_states(self, states: Tensor) -> Tensor:
        """See PointerPolicy."""
        alone = pack_rows(torch.zeros(len(states), dtype=torch.int64, device=states.device))
        none = states.new_zeros(0, self.spec.action_width)
        return self.encode(states, self.prepare_actions(none, states.dtype), alone).hidden


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and beside a way past it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attend_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attend_in = nn.Linear(width, 3 * width)
        self.attend_out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.feed_in = nn.Linear(width, 2 * width)
        self.feed_out = nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens [T, L, W]; the mask [T, 1, L, L] says who sees whom."""
        steps, length, width = tokens.shape
        parts = self.attend_in(self.attend_norm(tokens)).view(steps, length, 3, -1, HEAD)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind()
        seen = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        tokens = tokens + self.attend_out(seen.transpose(1, 2).reshape(steps, length, width))
        fed: Tensor = self.feed_out(torch.relu_(self.feed_in(self.feed_norm(tokens))))
        return tokens + fed


def _visible(counts: Tensor, longest: int) -> Tensor:
    """Actions see the state and all actions of their step, the state itself alone."""
    token = torch.arange(longest, device=counts.device)
    mask = (token[None, :] <= counts[:, None])[:, None, :].expand(-1, longest, -1).clone()
    mask[:, 0, 1:] = False
    return mask[:, None]
