"""Speed of the product's packed, factored scoring against dense scoring of padded lists.

Dense: every step's list of legal actions is padded to the longest of the minibatch, an encoder of
two layers makes a vector of each action, and that is compared with the state's vector. Factored:
the encoder's second layer is folded into the state's query; packed: only the actions that are there
are computed. Both compute the same numbers, which is checked to 1e-5 before anything is timed.

The lengths of the lists are an assumption (log-normal, median 6, one of 64): the more uneven they
are, the more packing gains, so the ratio holds for these lengths and no others.

Timed is the scoring of a minibatch (log-probabilities of all legal actions), forwards alone and
with gradients, without the layers that encode the state, which are the same in both. One thread.
Not measured here: the update around it (``learner/speed.py``).
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from trainingrun_contracts.policy_format import HIDDEN, KEY
from trainingrun_environments.magic.spec import ACTION_WIDTH, SPEC
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.networks.packed import PackedRows, pack_rows, packed_log_softmax
from trainingrun_trainer.networks.pointer import MlpPolicy

from benchmarks import measuring
from benchmarks.measuring import Goal, Sample, medians, ratio, report, tell, timed

STEPS = 1024
MEDIAN_OPTIONS, SPREAD, LONGEST = 6.0, 0.8, 64
SAME = 1e-5


@dataclass(frozen=True)
class Problem:
    """A minibatch, in both layouts."""

    hidden: Tensor
    actions: Tensor
    rows: PackedRows
    padded: Tensor
    mask: Tensor


def make_problem(seed: int) -> Problem:
    """Lists with log-normal lengths, from 2 to ``LONGEST``, and at least one of that length."""
    random = np.random.default_rng(seed)
    lengths = np.exp(random.normal(math.log(MEDIAN_OPTIONS), SPREAD, STEPS)).round()
    counts = torch.from_numpy(np.clip(lengths, 2, LONGEST).astype(np.int64))
    counts[0] = LONGEST
    rows = pack_rows(counts)
    generator = torch.Generator().manual_seed(seed)
    actions = torch.randn(len(rows.owner), ACTION_WIDTH, generator=generator)
    mask = torch.arange(LONGEST) < counts[:, None]
    padded = torch.zeros(STEPS, LONGEST, ACTION_WIDTH)
    padded[mask] = actions
    hidden = torch.relu(torch.randn(STEPS, HIDDEN, generator=generator))
    return Problem(hidden, actions, rows, padded, mask)


class Dense(nn.Module):
    """The peer: the same function without folding and packing.

    The second layer of its encoder is the product's query layer, turned over: ``(W k) . h`` is
    ``k . (W.T h)``. The query's bias is a part of the first product.
    """

    def __init__(self, policy: MlpPolicy) -> None:
        super().__init__()
        first = policy.action[0]
        assert isinstance(first, nn.Linear)
        self.first = nn.Linear(ACTION_WIDTH, KEY)
        self.second = nn.Linear(KEY, HIDDEN + 1, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(first.weight)
            self.first.bias.copy_(first.bias)
            folded = torch.cat([policy.query.weight, policy.query.bias[:, None]], 1)
            self.second.weight.copy_(folded.T)

    def forward(self, hidden: Tensor, padded: Tensor, mask: Tensor) -> Tensor:
        """Log-probabilities [T, N]; those of padding are of no meaning."""
        encoded = self.second(torch.relu(self.first(padded)))
        state = torch.cat([hidden, torch.ones(len(hidden), 1)], 1)
        scores = torch.bmm(encoded, state[:, :, None]).squeeze(-1) / math.sqrt(KEY)
        return torch.log_softmax(scores.masked_fill(~mask, -torch.inf), -1)


def sides(problem: Problem) -> dict[str, Callable[[], Tensor]]:
    """Both scorings, each giving the log-probabilities [A] of the legal actions."""
    policy = new_policy(1, SPEC)
    assert isinstance(policy, MlpPolicy)
    with torch.no_grad():
        policy.query.weight.mul_(100)  # scores that differ: a fresh policy's are nearly equal
        policy.query.bias.normal_(generator=torch.Generator().manual_seed(2))
    dense = Dense(policy)

    def packed() -> Tensor:
        keys = policy.encode_actions(problem.actions)
        scores = policy.compare(problem.hidden, keys, problem.rows)
        return packed_log_softmax(scores, problem.rows)

    def padded() -> Tensor:
        return dense(problem.hidden, problem.padded, problem.mask)[problem.mask]

    return {"packed": packed, "dense": padded}


def forwards(score: Callable[[], Tensor]) -> None:
    """Score without gradients."""
    with torch.no_grad():
        score()


def with_gradients(score: Callable[[], Tensor]) -> None:
    """Score and go back to all weights."""
    score().mean().backward()  # type: ignore[no-untyped-call]


def measure(problem: Problem, repetitions: int) -> dict[str, list[Sample]]:
    """Samples of both scorings, forwards and with gradients, in turns."""
    scorings = sides(problem)
    ways = {"forwards": forwards, "with gradients": with_gradients}
    samples: dict[str, list[Sample]] = {}
    for number in range(repetitions + 3):
        for way, do in ways.items():
            for name, score in scorings.items():
                sample = timed(lambda do=do, score=score: do(score))  # type: ignore[misc]
                if number >= 3:
                    samples.setdefault(f"{name} {way}", []).append(sample)
    return samples


def main() -> int:
    """Compare, and print one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            ".venv/bin/python -m benchmarks.learner.pointer",
            ".venv/bin/python -m benchmarks.learner.pointer --repetitions 200",
        ],
    )
    parser.add_argument("--repetitions", type=measuring.positive, default=60, metavar="N")
    repetitions = parser.parse_args().repetitions
    torch.set_num_threads(1)
    problem = make_problem(0)
    with torch.no_grad():
        packed, dense = (score() for score in sides(problem).values())
    difference = float((packed - dense).abs().max())
    if difference > SAME:
        tell(f"the outputs differ by {difference:.1e}, at most {SAME:g} is allowed")
        return 1
    figures = {name: medians(found) for name, found in measure(problem, repetitions).items()}
    ratios = {
        f"{way}{suffix}": ratio(figures[f"dense {way}"][clock], figures[f"packed {way}"][clock])
        for way in ("forwards", "with gradients")
        for clock, suffix in (("cpu_seconds", ""), ("wall_seconds", ", wall"))
    }
    counts = problem.rows.counts.tolist()
    lists = {
        "mean": round(statistics.mean(counts), 2),
        "median": statistics.median(counts),
        "longest": max(counts),
    }
    goals = [
        Goal("forwards", ratios["forwards"], least=6.0),
        Goal("with gradients", ratios["with gradients"], least=6.0),
        Goal("largest difference", difference, most=SAME),
    ]
    return report(
        "pointer", figures={"legal actions": lists, **figures}, ratios=ratios, goals=goals
    )


if __name__ == "__main__":
    sys.exit(main())
