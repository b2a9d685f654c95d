"""Take the pictures of a league's pages that the documentation shows.

    python -m docs.site.league_pictures [--folder docs/images]

A real league with planted strengths: models of three lineages are published, validated, tested and
rated by a scripted worker that draws results from those strengths, and meet in two tournaments. So
every number in the pictures is one that the services made. Needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from google.protobuf.duration_pb2 import Duration
from safetensors.numpy import save
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import matchmaker_pb2 as pb
from trainingrun_contracts.league.v1 import model_pb2
from trainingrun_contracts.league.v1.elo_pb2 import GetRankedPoliciesRequest
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.league_process import LeagueProcess
from testkit.ports import free_port
from testkit.servers.browser import browser, find_browser
from testkit.waiting import until

FOLDER: Final = Path("docs/images")
WIDE: Final = 1200
PHONE: Final = 390
SEED: Final = 7
_BUILTINS: Final = {"builtin/random": -300.0, "builtin/mcts-100": 120.0}


@dataclass(frozen=True)
class Planted:
    """A model: who trains it, which version, and how strong it is, in Elo."""

    lineage: str
    version: int
    elo: float
    parent: int | None = None
    role: model_pb2.PopulationRole.ValueType = model_pb2.PopulationRole.POPULATION_ROLE_MAIN


MODELS: Final = (
    Planted("team/main", 4_000, 0.0),
    Planted("team/main", 8_000, 160.0, parent=0),
    Planted("lab/alphazero", 2_000, 60.0),
    Planted("team/main", 12_000, 290.0, parent=1),
    Planted(
        "lab/exploiter", 1_500, 230.0, role=model_pb2.PopulationRole.POPULATION_ROLE_MAIN_EXPLOITER
    ),
    Planted("lab/alphazero", 6_000, 350.0, parent=2),
    Planted("team/main", 16_000, 480.0, parent=3),
    Planted("lab/alphazero", 9_000, 430.0, parent=5),
)


@dataclass
class Worker:
    """Validates each model, and draws each game from the planted strengths."""

    league: LeagueProcess
    matchmaker: MatchmakerServiceStub
    models: ModelServiceStub
    elo: dict[str, float] = field(default_factory=lambda: dict(_BUILTINS))
    ids: list[str] = field(default_factory=list)
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))

    def publish(self, planted: Planted) -> None:
        """Publish a model."""
        schema = spec_of(config_of(self.league.environment)).schema_hash
        blob = save({"a": np.full(4, planted.elo, np.float32)}, metadata={"schema_hash": schema})
        header = model_pb2.PublishPolicyRequest.Header(
            idempotency_key=f"{planted.lineage}/{planted.version}",
            lineage=planted.lineage,
            version=planted.version,
            parent="" if planted.parent is None else self.ids[planted.parent],
            role=planted.role,
            schema_hash=schema,
            algorithm="alphaZero",
            simulations=64,
            training_games=planted.version * 3,
        )
        name = str(publish(self.models, header, blob, seconds=30).model.id)
        self.ids.append(name)
        self.elo[f"model/{name}"] = planted.elo

    def step(self) -> bool:
        """Do one piece of work; return whether there was any."""
        wait = Duration(nanos=300_000_000)
        lent = self.matchmaker.LeaseMatch(pb.LeaseMatchRequest(worker="w", wait=wait))
        if lent.validate_model_id:
            name = lent.validate_model_id
            sound = model_pb2.Validation(
                loads=True, is_finite=True, games=4, decisions_per_second=3100
            )
            self.models.ReportValidation(
                model_pb2.ReportValidationRequest(idempotency_key=name, id=name, validation=sound)
            )
        elif lent.HasField("match"):
            self._play(lent.match)
        else:
            return False
        return True

    def work(self, is_done: Callable[[], bool], what: str) -> None:
        """Work until it holds."""
        until(lambda: is_done() or (self.step() and False), seconds=600, what=what, every=0.0)

    def stage(self, name: str) -> model_pb2.Stage.ValueType:
        """Return the stage of a model now."""
        return self.models.GetModel(model_pb2.GetModelRequest(id=name)).model.stage

    def is_idle(self) -> bool:
        """Whether nothing is left to play."""
        stats = self.matchmaker.GetQueueStats(pb.GetQueueStatsRequest())
        return stats.open_matches + stats.leased_matches == 0

    def _play(self, match: Any) -> None:
        difference = self.elo[match.second] - self.elo[match.first]
        wins = self.chance.random(2 * match.pairs) < 1 / (1 + 10 ** (difference / 400))
        games = [pb.GameResult(outcome=1 if won else -1, moves=24) for won in wins.tolist()]
        self.matchmaker.ReportResult(
            pb.ReportResultRequest(
                idempotency_key=match.match_id, match_id=match.match_id, worker="w", games=games
            )
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring a league up, let it play, and take the pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of a league's pages.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"({FOLDER})")
    options = parser.parse_args(arguments)
    program = find_browser()
    if program is None:
        print("no Chromium is installed here: apt-get install chromium", file=sys.stderr)
        return 2
    port = free_port()
    with TemporaryDirectory() as scratch:
        league = LeagueProcess(Path(scratch) / "ladder", arguments=("--web-port", str(port)))
        with league:
            cups, newest = _played(league)
            pages = {
                "ladder": "/",
                "matrix": "/matrix",
                "bracket": f"/tournaments/{cups}",
                "models": "/models",
                "lineage": f"/models/{newest}",
            }
            taken = asyncio.run(_taken(program, Path(scratch), f"http://127.0.0.1:{port}", pages))
    for name, picture in taken.items():
        (options.folder / f"league-{name}.png").write_bytes(picture)
    return 0


def _played(league: LeagueProcess) -> tuple[str, str]:
    """Return the id of a tournament that is over, and of the newest model of the main lineage."""
    with (
        league.blocking("matchmaker") as match_channel,
        league.blocking("model") as model_channel,
        league.blocking("elo") as elo_channel,
    ):
        worker = Worker(
            league, MatchmakerServiceStub(match_channel), ModelServiceStub(model_channel)
        )
        for number, planted in enumerate(MODELS):
            worker.publish(planted)
            waiting = _undecided(planted)
            worker.work(
                lambda: worker.stage(worker.ids[-1]) not in waiting,  # noqa: B023
                f"model {number + 1} is decided on",
            )
        worker.work(worker.is_idle, "nothing is left to play")
        rejected = model_pb2.Stage.STAGE_REJECTED
        entrants = [f"model/{each}" for each in worker.ids if worker.stage(each) != rejected]
        made = worker.matchmaker.CreateTournament(
            pb.CreateTournamentRequest(
                idempotency_key="cup",
                name="Autumn cup",
                format=pb.TournamentFormat.TOURNAMENT_FORMAT_SINGLE_ELIMINATION,
                entrants=sorted([*entrants, *_BUILTINS], key=lambda name: -worker.elo[name]),
                pairs_per_match=4,
            )
        ).tournament
        asked = pb.GetTournamentRequest(id=made.id)
        over = pb.TournamentState.TOURNAMENT_STATE_COMPLETE
        ask = worker.matchmaker.GetTournament
        worker.work(lambda: bool(ask(asked).tournament.state == over), "the cup is over")
        worker.work(worker.is_idle, "nothing is left to play")
        began, elo = time.time(), EloServiceStub(elo_channel)
        ranked = GetRankedPoliciesRequest(page_size=1)
        until(
            lambda: elo.GetRankedPolicies(ranked).fitted_at.ToSeconds() > began,
            seconds=120,
            what="ratings are fitted to all of it",
        )
        return str(made.id), worker.ids[6]


def _undecided(planted: Planted) -> tuple[model_pb2.Stage.ValueType, ...]:
    """Return the stages that a model leaves; exploiters are no candidates of the gate."""
    if planted.role == model_pb2.PopulationRole.POPULATION_ROLE_MAIN:
        return (model_pb2.Stage.STAGE_PENDING_VALIDATION, model_pb2.Stage.STAGE_VALIDATED)
    return (model_pb2.Stage.STAGE_PENDING_VALIDATION,)


async def _taken(program: str, scratch: Path, base: str, pages: dict[str, str]) -> dict[str, bytes]:
    async with browser(program, scratch) as tab:

        async def take(path: str, *, width: int) -> bytes:
            await tab.show(width=width, height=500 if width == WIDE else 800)
            await tab.visit(base + path)
            return await tab.picture()

        found = {name: await take(path, width=WIDE) for name, path in pages.items()}
        return {**found, "phone": await take("/", width=PHONE)}


if __name__ == "__main__":
    sys.exit(main())
