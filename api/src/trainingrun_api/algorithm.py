"""How a run learns: PPO, or AlphaZero by search.

A union of sections, as the environment is one. Hyper-parameters alone stand here; who plays, and on
what machines, is said in the sections of the roles.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from trainingrun_api import rules
from trainingrun_api.model import ApiModel, Games, PartName, Share
from trainingrun_api.rules import Rule

Rate = Annotated[float, Field(gt=0, le=1)]
Norm = Annotated[float, Field(gt=0, le=1000)]
Weight = Annotated[float, Field(ge=0, le=100)]
Rows = Annotated[int, Field(ge=1, le=100_000_000)]


class Ppo(ApiModel):
    """Hyper-parameters of decoupled clipped PPO with V-trace targets."""

    learning_rate: Rate = Field(3e-4, description="Step size of the Adam optimiser.")
    epochs: Annotated[int, Field(ge=1, le=100)] = Field(
        2, description="Passes over each batch; a pass ends early when targetKl is passed."
    )
    minibatches: Annotated[int, Field(ge=1, le=1024)] = Field(
        rules.MINIBATCHES,
        description="Parts that a batch is cut into; each gives one optimiser step per epoch.",
    )
    clip: Rate = Field(0.2, description="Clip range of the policy ratio (epsilon of PPO).")
    dual_clip: Annotated[float, Field(gt=1, le=100)] = Field(
        3.0, description="Bound of the policy ratio where the advantage is negative."
    )
    entropy: Annotated[float, Field(ge=0, le=1)] = Field(
        0.01, description="Weight of the entropy bonus over the legal actions."
    )
    value_weight: Weight = Field(0.5, description="Weight of the value loss.")
    gamma: Share = Field(
        1.0, description="Discount per decision; 1 counts a late win as much as an early one."
    )
    trace_decay: Share = Field(
        0.95, description="Lambda of the V-trace targets: 0 is one-step, 1 is to the game's end."
    )
    max_gradient_norm: Norm = Field(0.5, description="Gradients are scaled down to this norm.")
    target_kl: Annotated[float, Field(gt=0, le=10)] = Field(
        0.03, description="KL divergence from the batch's policy at which its epochs end early."
    )
    loss: PartName = Field(
        "ppo",
        description="What the policy and the value of each step cost: `ppo`, or an entry point of"
        " the group `trainingrun.losses`.",
    )


class Search(ApiModel):
    """How each move of self-play is searched."""

    simulations: Annotated[int, Field(ge=1, le=100_000)] = Field(
        50, description="Simulations of each move."
    )
    method: Literal["auto", "puct", "gumbel"] = Field(
        "auto",
        description="`puct`, `gumbel`, which learns with few simulations, too, or `auto`: gumbel"
        " below 64 simulations.",
    )
    leaves: Annotated[int, Field(ge=1, le=64)] = Field(
        1,
        description="Leaves of one game that are valued at once; more fill the batches of a GPU.",
    )
    exploration: Annotated[float, Field(gt=0, le=100)] = Field(
        1.25, description="Weight of the prior in PUCT."
    )
    noise_share: Share = Field(
        0.25, description="Share of Dirichlet noise in the prior of the root, in PUCT."
    )
    noise_total: Annotated[float, Field(gt=0, le=10_000)] = Field(
        10.0,
        description="Sum of the noise's concentrations over the legal actions.",
    )
    visit_scale: Annotated[float, Field(gt=0, le=100)] = Field(
        0.2,
        description="How much values count against the prior in Gumbel search; its paper has 1, for"
        " networks that know their game.",
    )
    temperature: Annotated[float, Field(ge=0, le=100)] = Field(
        1.0, description="Moves are drawn by visits to the power of 1/temperature."
    )
    temperature_moves: Annotated[int, Field(ge=0, le=100_000)] = Field(
        30, description="First moves that are drawn so; later ones are the best."
    )
    most_moves: Annotated[int, Field(ge=1, le=100_000)] = Field(
        512, description="Moves after which a game counts as a draw."
    )
    symmetries: bool = Field(
        default=True,
        description="Show the network positions in a symmetry drawn by chance.",
    )


class Replay(ApiModel):
    """The newest positions, which are trained on: a window that grows with the run."""

    rules: ClassVar[tuple[Rule, ...]] = rules.REPLAY

    rows: Rows = Field(20_000, description="Positions that it holds at first.")
    growth: Share = Field(0.5, description="Share of later positions by which it grows.")
    most_rows: Rows = Field(500_000, description="Positions that it holds at most.")
    least_rows: Rows = Field(2000, description="Positions before the first step.")
    samples_per_row: Annotated[float, Field(gt=0, le=64)] = Field(
        4.0, description="How often a position is drawn, at most."
    )
    recency: Annotated[float, Field(ge=1, le=1000)] = Field(
        1.0, description="How many times as often as the oldest position the newest is drawn."
    )


class AlphaZero(ApiModel):
    """Hyper-parameters of AlphaZero: games against itself, each move searched with the network; the
    network learns what the search found, and who won."""

    search: Search = Field(
        default_factory=Search, description="How each move of self-play is searched."
    )
    replay: Replay = Field(
        default_factory=Replay, description="The window of positions that are trained on."
    )
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        512, description="Positions of one step of the optimiser."
    )
    learning_rate: Rate = Field(
        2e-3,
        description="Step size; it rises over warmupSteps and sinks as a half cosine.",
    )
    final_rate: Share = Field(0.1, description="Share of learningRate that is left at the end.")
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        100, description="Steps over which the step size rises."
    )
    weight_decay: Annotated[float, Field(ge=0, le=1)] = Field(
        1e-4, description="Decay of the weights."
    )
    max_gradient_norm: Norm = Field(1.0, description="Gradients are scaled down to this norm.")
    value_weight: Weight = Field(1.0, description="Weight of the value loss.")
    average: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="Decay of an average of weights to publish; 0: none.",
    )
    publish_every_games: Games = Field(64, description="Games between two publishes.")


class Algorithm(ApiModel):
    """How the run learns: exactly one of its sections is set."""

    rules: ClassVar[tuple[Rule, ...]] = rules.ALGORITHM

    ppo: Ppo | None = Field(
        None,
        description="Proximal policy optimisation, for every environment. This is the default.",
    )
    alpha_zero: AlphaZero | None = Field(
        None,
        description="AlphaZero, for games that hide nothing (builtIn, openSpiel, python). Actors"
        " are self-play workers; there are no daemons.",
    )


def ppo() -> Algorithm:
    """How a run learns that asks for nothing else."""
    return Algorithm(ppo=Ppo())


DISCOUNT_OF_SEARCH: Final = 1.0
"""An outcome counts the same however late it comes."""
