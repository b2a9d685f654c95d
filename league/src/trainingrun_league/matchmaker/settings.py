"""What ``--set matchmaker.NAME=VALUE`` sets."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from trainingrun_contracts.ratings.gate import GateTest

from trainingrun_league.matchmaker.evaluation import Wanted
from trainingrun_league.matchmaker.pairing import Window

Seconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]


class MatchmakerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one league's Matchmaker.

    Attributes:
        window: Elo on both sides that the queue takes at first.
        window_growth: Elo a second that a wait adds.
        window_open_after: seconds after which the queue takes every rating.
        pairs: of games in a match that a worker leases.
        gate_elo: by how much a candidate should be stronger than the champion.
        gate_pairs: the longest test of the gate.
        gate_matches: of one test that are open at once.
        rating_games: that a model's rating should rest on.
        move_seconds: that a player of the queue has for a move.
        seat_seconds: after which a seat of a model is offered again whose worker says nothing.
        show_up_seconds: for which a person of a tournament may be away before losing what was to be
            played.
    """

    window: Annotated[float, Meta(gt=0.0, le=10_000.0)] = 100.0
    window_growth: Annotated[float, Meta(ge=0.0, le=10_000.0)] = 10.0
    window_open_after: Seconds = 60.0
    pairs: Annotated[int, Meta(ge=1, le=50)] = 8
    gate_elo: Annotated[float, Meta(gt=0.0, le=1000.0)] = 35.0
    gate_pairs: Annotated[int, Meta(ge=24, le=10_000)] = 500
    gate_matches: Annotated[int, Meta(ge=1, le=1000)] = 8
    rating_games: Annotated[int, Meta(ge=0, le=1_000_000)] = 128
    move_seconds: Annotated[float, Meta(ge=1.0, le=3600.0)] = 60.0
    seat_seconds: Annotated[float, Meta(ge=1.0, le=3600.0)] = 30.0
    show_up_seconds: Annotated[float, Meta(ge=1.0, le=2_592_000.0)] = 86_400.0

    @property
    def of_queue(self) -> Window:
        """The window of the queue."""
        return Window(self.window, self.window_growth, self.window_open_after)

    @property
    def of_evaluation(self) -> Wanted:
        """How thoroughly models are evaluated."""
        return Wanted(
            GateTest(elo=self.gate_elo, most_pairs=self.gate_pairs),
            self.pairs,
            self.gate_matches,
            self.rating_games,
        )
