"""Connect Four from end to end: through the line protocol, in the actor's process, and RLlib's.

Ours are real processes, all of them: an actor that plays the newest policy against itself and
records both seats, the learner, Redis, and, through the line protocol, a daemon. Decisions are
counted by the ledger (what was chosen and recorded; moves without a choice are not), over stretches
after the learner's first update. RLlib's PPO plays and learns the same game in one process, with a
network of the same size and the same batches, epochs and minibatches. The sides take turns, each
alone. Rates on the wall need an idle machine; processor seconds for each decision need it less, and
say what two idle cores could make: no more than one core of the busiest part, nor two of all.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import ActorReport, ActorState, Intent
from trainingrun_contracts.run_config import (
    ActorConfig,
    CheckpointConfig,
    DaemonConfig,
    EvaluationConfig,
    LearnerConfig,
    RunConfig,
    SelfPlayConfig,
)
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_protocol.commands import NO_SCENARIO

from benchmarks import measuring
from benchmarks.measuring import (
    ONE_THREAD,
    PEERS_PYTHON,
    Goal,
    SideError,
    process_seconds,
    ratio,
    report,
    started,
    tell,
)
from testkit.roles.actor_bed import Bed, actor_bed, config
from testkit.roles.learner_process import LearnerProcess, read_ledger
from testkit.servers.redis_server import start_redis
from testkit.waiting import until

GAME: Final = "connect_four"
GAMES: Final = {"line protocol": 32, "embedded": 128}
"""Open at once: a daemon is asked by each, and what waits for a pass in a process costs nothing."""
LEARNER: Final = LearnerConfig(network=Network("mlp", 256, 2))
PEER_GAMES: Final = 128
PEER_ITERATIONS: Final = 2
START_SECONDS: Final = 240.0
SETTLE_SECONDS: Final = 240.0
WARM_SECONDS: Final = 4.0
CORES: Final = 2


@dataclass(frozen=True)
class Stretch:
    """What was made in a while: decisions, and processor seconds by part."""

    wall: float
    decisions: int
    trained: int
    seconds: Mapping[str, float]

    @property
    def per_second(self) -> float:
        """Decisions a second."""
        return self.decisions / self.wall

    @property
    def microseconds(self) -> dict[str, float]:
        """Processor time for each decision, by part."""
        return {name: 1e6 * each / self.decisions for name, each in self.seconds.items()}

    @property
    def per_cpu_second(self) -> float:
        """Decisions for each processor second of all parts together."""
        return self.decisions / sum(self.seconds.values())

    @property
    def on_idle_cores(self) -> float:
        """Decisions a second that two idle cores could make; a part is one process of one core."""
        each = self.microseconds
        return 1e6 * min(1 / max(each.values()), CORES / sum(each.values()))


@dataclass
class Run:
    """A run's processes."""

    bed: Bed
    learner: LearnerProcess
    pids: Mapping[str, int]

    def ledger(self) -> Ledger:
        """The ledger as it stands."""
        with self.bed.redis as client:
            return read_ledger(client, self.bed.keys)

    def stretch(self, seconds: float) -> Stretch:
        """Let it run for so long."""
        wall, before = time.monotonic(), self.ledger()
        spent = {name: process_seconds(pid) for name, pid in self.pids.items()}
        time.sleep(seconds)
        after = self.ledger()
        return Stretch(
            wall=time.monotonic() - wall,
            decisions=max(1, after.produced - before.produced),
            trained=after.trained - before.trained,
            seconds={name: process_seconds(pid) - spent[name] for name, pid in self.pids.items()},
        )

    def settle(self) -> Ledger:
        """Let the games end and the queue be trained; gives the ledger of that quiet moment."""
        asked = time.time()
        self.bed.set_intent(Intent.DRAIN)

        def is_drained() -> bool:
            found = self.bed.report(ActorReport)
            return found is not None and found.at > asked and found.state is ActorState.DRAINED

        until(is_drained, seconds=SETTLE_SECONDS, what="the actor is drained")
        self.bed.set_intent(Intent.FLUSH)
        code = self.learner.exit_code(seconds=SETTLE_SECONDS)
        if code != 0:
            raise RuntimeError(f"the learner ended with {code}: {self.learner.log.read_text()}")
        return self.ledger()


def settings_of(folder: Path, *, embedded: bool, games: int) -> RunConfig:
    """A run of self-play with the settings that a run has by itself."""
    found: RunConfig = config(
        environment=BuiltIn(GAME),
        decks=(NO_SCENARIO,),
        games=1_000_000_000,
        daemon=DaemonConfig(embedded=embedded),
        actor=ActorConfig(games_per_actor=games),
        self_play=SelfPlayConfig(latest=1.0, past=0.0, scripted=0.0, scripted_players=("random",)),
        evaluation=EvaluationConfig(opponents=("random",)),
        learner=LEARNER,
        checkpoint=CheckpointConfig(
            storage=f"file://{folder / 'checkpoints'}", interval_games=100_000_000
        ),
    )
    return found


@contextmanager
def running(side: str) -> Iterator[Run]:
    """A run whose learner has made an update."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="embedded-")))
        server = stack.enter_context(start_redis(folder))
        bed = stack.enter_context(actor_bed(folder, server))
        is_embedded, games = side == "embedded", GAMES[side]
        settings = settings_of(folder, embedded=is_embedded, games=games)
        pids = {"Redis": server.pid}
        if not is_embedded:
            daemon, endpoint = bed.start_daemon(slots_served=games, environment=GAME)
            bed.publish_daemons(endpoint, capacity=games)
            pids["daemon"] = daemon.popen.pid
        learner = LearnerProcess(settings, server.url_of("learner"), folder)
        stack.callback(learner.kill)
        learner.start()
        pids["learner"] = learner.pid
        pids["actor"] = bed.start_role("play", settings).popen.pid
        run = Run(bed, learner, pids)
        until(
            lambda: run.ledger().trained > 2 * LEARNER.batch_transitions,
            seconds=START_SECONDS,
            what="two updates",
        )
        time.sleep(WARM_SECONDS)
        yield run


def measure(side: str, *, seconds: float) -> tuple[Stretch, Ledger]:
    """Start ours, let it run, and let it end."""
    with running(side) as run:
        found = run.stretch(seconds)
        return found, run.settle()


def peer_command() -> list[str]:
    """RLlib with our sizes."""
    sizes = (
        PEER_GAMES,
        LEARNER.batch_transitions,
        LEARNER.ppo.minibatches,
        LEARNER.ppo.epochs,
        LEARNER.network.width,
        LEARNER.network.layers,
        PEER_ITERATIONS,
    )
    program = ("-W", "ignore", "-m", "benchmarks.environments.rllib_self_play")
    return [str(PEERS_PYTHON), *program, *map(str, sizes)]


def measure_peer() -> Stretch:
    """One turn of RLlib after one that warms it up; raises SideError where it is not there."""
    with started(peer_command()) as side:
        side.turn()
        sample = side.turn()
    seconds = {"RLlib": sample.cpu, "Ray": sample.more["others"]}
    steps = int(sample.more["steps"])
    return Stretch(wall=sample.wall, decisions=steps, trained=steps, seconds=seconds)


def figures_of(stretches: Sequence[Stretch]) -> dict[str, Any]:
    """Medians over the turns."""

    def median(values: Iterator[float], digits: int = 0) -> float:
        return round(statistics.median(values), digits)

    return {
        "turns": len(stretches),
        "decisions_per_second": median(each.per_second for each in stretches),
        "trained_per_second": median(each.trained / each.wall for each in stretches),
        "decisions_per_cpu_second": median(each.per_cpu_second for each in stretches),
        "on_two_idle_cores": median(each.on_idle_cores for each in stretches),
        "microseconds_per_decision": {
            name: median((each.microseconds[name] for each in stretches), 1)
            for name in stretches[0].seconds
        },
        "cores": {
            name: median((each.seconds[name] / each.wall for each in stretches), 2)
            for name in stretches[0].seconds
        },
    }


def missing_of(ledger: Ledger) -> int:
    """What the ledger does not account for, and what was lost."""
    known = ledger.trained + ledger.queued + sum(ledger.dropped.values()) + ledger.lost
    return abs(ledger.produced - known) + ledger.lost


def main() -> int:
    """Measure all sides in turns, and print one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            ".venv/bin/python -m benchmarks.environments.speed",
            ".venv/bin/python -m benchmarks.environments.speed --quick",
        ],
    )
    parser.add_argument("--seconds", type=measuring.positive, default=20, metavar="S")
    parser.add_argument("--turns", type=measuring.positive, default=2, metavar="N")
    parser.add_argument("--quick", action="store_true", help="one turn of eight seconds each")
    options = parser.parse_args()
    turns, seconds = (1, 8) if options.quick else (options.turns, options.seconds)
    os.environ.update(ONE_THREAD)  # two cores for all: nobody gains by threads of their own
    found: dict[str, list[Stretch]] = {}
    missing, unaccounted, dropped = {}, 0, 0
    for _ in range(turns):
        for side in GAMES:
            stretch, ledger = measure(side, seconds=seconds)
            found.setdefault(side, []).append(stretch)
            unaccounted += missing_of(ledger)
            dropped += sum(ledger.dropped.values())
            tell(f"{side}: {figures_of([stretch])}")
        try:
            found.setdefault("RLlib", []).append(measure_peer())
            tell(f"RLlib: {figures_of(found['RLlib'][-1:])}")
        except (SideError, OSError) as error:
            missing["RLlib"] = str(error)
            tell(f"RLlib: not measured: {error}")
    figures: dict[str, Any] = {
        side: figures_of(stretches) for side, stretches in found.items() if stretches
    }
    figures["transitions dropped"] = dropped
    peer = figures.get("RLlib", {}).get("decisions_per_cpu_second")
    ratios = {
        f"{side} against RLlib, decisions a processor second": ratio(
            figures[side]["decisions_per_cpu_second"], peer
        )
        for side in GAMES
    }
    goals = [
        Goal("line protocol", figures["line protocol"]["decisions_per_second"], least=10_000),
        Goal("embedded", figures["embedded"]["decisions_per_second"], least=30_000),
        Goal("transitions that the ledgers miss", unaccounted, most=0),
        *(Goal(name, value, least=1.0) for name, value in ratios.items()),
    ]
    return report(
        "environments/speed", figures=figures, ratios=ratios, goals=goals, missing=missing
    )


if __name__ == "__main__":
    sys.exit(main())
