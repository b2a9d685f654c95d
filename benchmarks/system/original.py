"""The quickstart through servers that behave as the original Forge daemon, beside the reference
engine: the same strength, and nothing that the actor could not read or answer.

Whole `trainingrun local` runs of examples/quickstart.yaml, one after the other, by their servers:

- ``repaired``: the stand-in of the original (``testkit.forge_server``), in games by the rules:
  its dialect alone is between it and the reference engine, so the same strength is to be reached;
- ``faithful``: the stand-in with the faults of the original, in which removal spells vanish and
  nothing triggers: another game, of which only the lines and the ledger are held to anything;
- ``reference``: the reference engine.

Faults of daemons are those that the actor counts (``trainingrun_daemon_errors_total``), read every
few seconds until the run ends.

Progress goes to stderr; the last line of stdout is one JSON object.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import ROOT, Goal, parser, positive, report, tell
from testkit.local.local_run import PROGRAM, closes
from testkit.roles.forge_process import forge_daemon

QUICKSTART: Final = ROOT / "examples" / "quickstart.yaml"
LOOK_SECONDS: Final = 5.0
REPAIRED: Final = "repaired"
REFERENCE: Final = "reference"
SIDES: Final = (REPAIRED, "faithful", REFERENCE)
_ERRORS: Final = re.compile(
    r'trainingrun_daemon_errors_total\{.*kind="(?P<kind>\w+)".*\} (?P<n>\S+)'
)


@dataclass(frozen=True)
class Result:
    """How a run ended: its summary, and what the actor counted against the daemons by kind."""

    summary: Mapping[str, Any]
    errors: Mapping[str, float]

    @property
    def interval(self) -> tuple[float, float]:
        """The last win rate against random play: 95 % Wilson."""
        against = [e for e in self.summary["evaluations"] if e["opponent"] == "random"]
        return against[-1]["low"], against[-1]["high"]

    @property
    def is_closed(self) -> bool:
        """Whether the ledger closes with nothing lost."""
        ledger = self.summary["ledger"]
        return closes(ledger) and ledger["lost"] == 0


def played(folder: Path, games: int, *options: str) -> Result:
    """Run to the end."""
    changes = ("--set", f"games={games}")
    command = [str(PROGRAM), "local", "-f", str(QUICKSTART), "--plain", *changes, *options]
    errors: dict[str, float] = {}
    with (
        (folder / "output.txt").open("wb") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as run,
    ):
        while True:
            try:
                code = run.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                errors |= counted(folder)
                tell(last_line(folder / "output.txt"))
    if code != 0:
        raise SystemExit(f"the run ended with {code}: {last_line(folder / 'output.txt')}")
    return Result(json.loads((folder / "report" / "summary.json").read_bytes()), errors)


def last_line(file: Path) -> str:
    """The end of a run's output."""
    return (file.read_text().strip().splitlines() or [""])[-1]


def counted(folder: Path) -> dict[str, float]:
    """What the actors and the evaluator have counted against the daemons so far, by kind."""
    found: dict[str, float] = {}
    for targets in folder.rglob("*targets*.json"):
        for group in json.loads(targets.read_bytes()):
            for address in group["targets"]:
                for kind, count in _scraped(address):
                    found[kind] = found.get(kind, 0.0) + count
    return found


def _scraped(address: str) -> list[tuple[str, float]]:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return []
    return [(each["kind"], float(each["n"])) for each in _ERRORS.finditer(text)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all, and compare."""
    options = parser(
        __doc__ or "",
        examples=["python -m benchmarks.system.original --games 2000 --only repaired reference"],
    )
    options.add_argument("--games", type=positive, default=10_000, help="games of each run")
    options.add_argument("--servers", type=positive, default=2, help="servers of the stand-in")
    options.add_argument("--only", nargs="+", choices=SIDES, default=SIDES, help="which runs [all]")
    given = options.parse_args(arguments)
    results = {side: _result(side, given.games, given.servers) for side in given.only}
    return _report(results)


def _result(side: str, games: int, servers: int) -> Result:
    """Play the run of one side."""
    switches = ("--parallelism", "10", *(["--repaired"] if side == REPAIRED else []))
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        if side == REFERENCE:
            return played(Path(scratch), games)
        endpoints = [stack.enter_context(forge_daemon(*switches)) for _ in range(servers)]
        return played(Path(scratch), games, "--daemons", ",".join(endpoints))


def _report(results: Mapping[str, Result]) -> int:
    return report(
        "original",
        figures={side: _figures(result) for side, result in results.items()},
        ratios={},
        goals=tuple(_goals(results)),
    )


def _goals(results: Mapping[str, Result]) -> Iterator[Goal]:
    if REPAIRED in results and REFERENCE in results:
        (low, high), (own_low, own_high) = (
            results[side].interval for side in (REPAIRED, REFERENCE)
        )
        common = min(high, own_high) - max(low, own_low)
        yield Goal("common part of both win rates", common, least=0)
    for side, result in results.items():
        if side != REFERENCE:
            unread = result.errors.get("lost", 0.0) + result.errors.get("answer", 0.0)
            yield Goal(f"{side}: connections lost or answers refused", unread, most=0)
        yield Goal(f"{side}: the ledger closes", float(result.is_closed), least=1)


def _figures(result: Result) -> dict[str, Any]:
    return {
        "interval": result.interval,
        "errors": dict(result.errors),
        "seconds": result.summary["seconds"],
        "games": result.summary["games"],
        "ledger": result.summary["ledger"],
    }


if __name__ == "__main__":
    sys.exit(main())
