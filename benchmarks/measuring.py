"""What the speed benchmarks share: sides that take turns, medians, and the last line of JSON.

Each side of a comparison is a process of its own with one thread, which prepares its work and then
does it once whenever it is told to: so every side is measured in the same way, in its own
environment, and all sides meet the same noise of the machine, because they take turns. Ratios are
those of processor seconds, which a busy machine disturbs less than the time on the wall.

Standard library only: the peers' environment has nothing of ours. What is compared is not here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = ROOT / ".venv-benchmarks" / "bin" / "python"
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_MAX_THREADS",
    )
}
_GO = "go\n"


class SideError(Exception):
    """A side cannot be measured; the message is its last word."""


@dataclass(frozen=True)
class Sample:
    """One turn: seconds of processor and of the wall, and what else the side tells."""

    cpu: float
    wall: float
    more: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Goal:
    """What a ratio or figure should reach: at least, or at most, so much."""

    name: str
    value: float | None
    least: float | None = None
    most: float | None = None

    @property
    def words(self) -> str:
        """The goal as people write it."""
        return f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"

    @property
    def verdict(self) -> str:
        """``met``, ``short``, or ``not measured``."""
        if self.value is None:
            return "not measured"
        is_low = self.least is not None and self.value < self.least
        is_high = self.most is not None and self.value > self.most
        return "short" if is_low or is_high else "met"


def timed(work: Callable[[], Mapping[str, float] | None]) -> Sample:
    """Do it once and look at both clocks."""
    wall, cpu = time.perf_counter(), time.process_time()
    more = work()
    return Sample(time.process_time() - cpu, time.perf_counter() - wall, more or {})


def serve(prepare: Callable[[], object], work: Callable[[], Mapping[str, float] | None]) -> None:
    """The side's end: prepare, wait to be told, work, tell; until nobody asks any more."""
    prepare()
    _say({"ready": True})
    for _ in sys.stdin:
        sample = timed(work)
        _say({"cpu": sample.cpu, "wall": sample.wall, "more": dict(sample.more)})
        prepare()


class Side:
    """A process that does one side's work; made by :func:`started`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def hear(self) -> dict[str, Any]:
        """The next message. Raises SideError when the process has ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            last = self._process.stderr.read().strip().splitlines()[-1:]
            raise SideError(last[0] if last else f"ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def turn(self) -> Sample:
        """Let it work once."""
        assert self._process.stdin is not None
        self._process.stdin.write(_GO)
        self._process.stdin.flush()
        return Sample(**self.hear())


@contextmanager
def started(command: Sequence[str]) -> Iterator[Side]:
    """A side that is ready. Raises SideError when it cannot be."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD, "PYTHONWARNINGS": "ignore"},
    )
    try:
        side = Side(process)
        side.hear()
        yield side
    finally:
        process.kill()
        process.communicate()


def take_turns(
    commands: Mapping[str, Sequence[str]], *, repetitions: int
) -> tuple[dict[str, list[Sample]], dict[str, str]]:
    """Samples of each side, in turns after one turn for warming up; and why sides are missing."""
    samples: dict[str, list[Sample]] = {}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        for name, command in commands.items():
            try:
                sides[name] = stack.enter_context(started(command))
                sides[name].turn()
            except (SideError, OSError) as error:
                sides.pop(name, None)
                missing[name] = str(error)
                tell(f"{name}: not measured: {error}")
        for number in range(repetitions):
            for name, side in sides.items():
                samples.setdefault(name, []).append(side.turn())
            tell(
                f"{number + 1:3d} " + "  ".join(f"{n} {s[-1].cpu:.3f}" for n, s in samples.items())
            )
    return samples, missing


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """Medians of both clocks and of what else the side told."""
    found = {
        "cpu_seconds": statistics.median(each.cpu for each in samples),
        "wall_seconds": statistics.median(each.wall for each in samples),
        "cpu_seconds_least": min(each.cpu for each in samples),
    }
    for name in samples[0].more:
        found[name] = statistics.median(each.more[name] for each in samples)
    return {name: round(value, 6) for name, value in found.items()}


def ratio(slow: float | None, fast: float | None) -> float | None:
    """How many times as long the first takes; None when one of them is missing."""
    return None if slow is None or not fast else round(slow / fast, 3)


def report(
    name: str,
    *,
    figures: Mapping[str, Any],
    ratios: Mapping[str, float | None],
    goals: Sequence[Goal],
    missing: Mapping[str, str] | None = None,
) -> int:
    """Print a table of the goals to stderr and the JSON object to stdout; gives the exit code."""
    for goal in goals:
        tell(f"{goal.name}: {goal.value} (goal {goal.words}): {goal.verdict}")
    result = {
        "benchmark": name,
        "figures": figures,
        "ratios": ratios,
        "goals": {goal.name: goal.words for goal in goals},
        "met": {goal.name: goal.verdict for goal in goals},
        "missing": dict(missing or {}),
        "machine": machine(),
    }
    print(json.dumps(result))
    return 0


def machine() -> str:
    """Processor, cores, and how busy it is: the ratios of a busy machine are rough."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    amx = ", AMX" if any("amx_bf16" in line for line in lines) else ""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{os.cpu_count()} cores ({names[0] if names else 'unknown'}{amx}), load {load}"


def process_seconds(pid: int) -> float:
    """Processor seconds that the running threads of a process have used so far."""
    return _of_threads(pid, 0)


def waited_seconds(pid: int) -> float:
    """Seconds that they were ready to run while others had the processors."""
    return _of_threads(pid, 1)


def _of_threads(pid: int, column: int) -> float:
    found = 0
    for each in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has ended meanwhile
            found += int((each / "schedstat").read_text().split()[column])
    return found / 1e9


def tell(words: str) -> None:
    """Progress, for people."""
    print(words, file=sys.stderr, flush=True)


def parser(module_doc: str, *, examples: Sequence[str]) -> argparse.ArgumentParser:
    """A parser with the program's purpose and examples of its use."""
    return argparse.ArgumentParser(
        description=module_doc.partition("\n\n")[0],
        epilog="examples:\n"
        + "\n".join(f"  {each}" for each in examples)
        + "\n\nProgress goes to stderr; the last line of stdout is one JSON object.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def positive(text: str) -> int:
    """A whole number above 0, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _say(message: Mapping[str, Any]) -> None:
    print(json.dumps(message), flush=True)
