"""What the roles of a run of AlphaZero must agree on: search, replay window, training.

AlphaZero (Silver et al. 2018) trains a network on games that it plays against itself, each move
searched with the network's own answers; with few simulations the search is Gumbel's (Danihelka et
al. 2022).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class SearchConfig(Struct, frozen=True):
    """How each move of self-play is searched; ``trainingrun_search.settings`` says it in full."""

    simulations: Annotated[int, Meta(ge=1, le=100_000)] = 50
    method: Literal["auto", "puct", "gumbel"] = "auto"
    """``auto``: Gumbel search below 64 simulations, PUCT from there on."""
    leaves: Annotated[int, Meta(ge=1, le=64)] = 1
    exploration: Annotated[float, Meta(gt=0)] = 1.25
    noise_share: Fraction = 0.25
    noise_total: Annotated[float, Meta(gt=0)] = 10.0
    visit_scale: Annotated[float, Meta(gt=0, le=100)] = 0.2
    """Of Gumbel search: how much values count against priors; ``settings`` says why so little."""
    temperature: Annotated[float, Meta(ge=0)] = 1.0
    temperature_moves: Annotated[int, Meta(ge=0)] = 30
    most_moves: Positive = 512
    """After these a game is cut off and counts as a draw."""
    symmetries: bool = True
    """Whether positions are shown to the network in a symmetry drawn by chance."""


class ReplayConfig(Struct, frozen=True):
    """The positions that are trained on: a window of the newest, which grows with the run.

    It holds ``rows`` positions at first, and of all that ever came the share ``growth`` beyond
    those, up to ``most_rows``. Of each new position at most ``samples_per_row`` are drawn.
    """

    rows: Positive = 20_000
    growth: Fraction = 0.5
    most_rows: Positive = 500_000
    least_rows: Positive = 2_000
    """Nothing is trained before as many are there."""
    samples_per_row: Annotated[float, Meta(gt=0, le=64)] = 4.0
    recency: Annotated[float, Meta(ge=1, le=1000)] = 1.0
    """How many times as often the newest position is drawn as the oldest; 1: all alike."""


class AlphaZeroConfig(Struct, frozen=True):
    """Hyper-parameters. The learning rate rises over ``warmup_steps`` and then sinks as a half
    cosine over the games of the run, to the share ``final_rate`` of itself.
    """

    search: SearchConfig = SearchConfig()
    replay: ReplayConfig = ReplayConfig()
    batch: Positive = 512
    """Positions of one step."""
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-3
    final_rate: Fraction = 0.1
    warmup_steps: Annotated[int, Meta(ge=0)] = 100
    weight_decay: Annotated[float, Meta(ge=0)] = 1e-4
    max_gradient_norm: Annotated[float, Meta(gt=0)] = 1.0
    value_weight: Annotated[float, Meta(ge=0)] = 1.0
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Decay of an exponential average of the weights, which is then what is published; 0: none."""
    publish_every_games: Positive = 64
    inference_servers: bool = False
    """Whether searches ask inference servers; without, each process has the network itself."""
