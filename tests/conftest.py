"""Says at the end of every run which layers ran, and what did not for want of a program.

A test that needs a program beyond those that the project brings along says so with the mark
``needs``. Where it is missing the test is left out, and the last lines name what installs it. With
``TESTS_LEAVE_OUT=nothing``, as in CI, a test that was left out fails the run.

Where several processes share a run, the files of a layer that took longest are begun first, so that
none is left alone with one at the end. ``TESTS_RECORD_SECONDS=1`` writes anew how long they take.

No example of hypothesis has a deadline: on a machine with a load of 30, arithmetic takes a second.

And gives Ctrl-C back its meaning: a shell has what it starts in the background ignore SIGINT, which
the programs under test would inherit.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples at every commit, so that a change is judged by what it changed; `make soak`,
# which sets SOAK_SHARE, looks for new ones.
settings.register_profile("any-machine", deadline=None, derandomize="SOAK_SHARE" not in os.environ)
settings.load_profile("any-machine")

TESTS = Path(__file__).parent
LAYERS = ("unit", "protocol", "local", "control_plane", "soak", "e2e")
WHAT_IS_REAL = {
    "unit": "pure code, codecs, protocol, decisions interrupted at every step",
    "protocol": "a daemon process, held against the line protocol over its socket",
    "local": "processes, sockets, Redis, torch",
    "control_plane": "etcd, API server, controllers, scheduler; pods played by kwok",
    "soak": "hostile input over thousands of steps, against real processes and servers",
    "e2e": "a cluster with kubelet and containers, our images, Helm",
}
LEAVE_OUT = "TESTS_LEAVE_OUT"
RECORD = "TESTS_RECORD_SECONDS"
SECONDS_BY_FILE = TESTS / "seconds_by_file.json"
NOTED_SECONDS = 5
POSTGRESQL = os.pathsep.join(str(each) for each in Path("/usr/lib/postgresql").glob("*/bin"))
"""Debian keeps the server's programs off PATH, a folder for each version."""
SITE = TESTS.parent / "build" / "site" / "index.html"


@dataclass(frozen=True)
class Need:
    """What a test needs: any one of ``programs``, or the file ``made``; and how to get it."""

    programs: tuple[str, ...] = ()
    made: Path | None = None
    package: str = ""
    """Of Debian, which has it."""
    command: str = ""
    """Where it is no package."""
    path: str | None = None
    """Where programs are looked for; None: on PATH."""

    @property
    def is_met(self) -> bool:
        """Whether it is there."""
        if self.made is not None:
            return self.made.exists()
        return any(shutil.which(name, path=self.path) for name in self.programs)


NEEDS = {
    "browser": Need(("chromium", "chromium-browser", "google-chrome"), package="chromium"),
    "curl": Need(("curl",), package="curl"),
    "flock": Need(("flock",), package="util-linux"),
    "postgresql": Need(("postgres",), package="postgresql", path=POSTGRESQL),
    "prometheus": Need(("prometheus",), package="prometheus"),
    "redis-server with TLS": Need(("redis-server", "valkey-server"), package="redis-server"),
    "second Python 3.11": Need(("python3.11",), package="python3.11", path="/usr/bin"),
    "setpriv": Need(("setpriv",), package="util-linux"),
    "setsid": Need(("setsid",), package="util-linux"),
    "site": Need(made=SITE, command="make docs"),
    "systemd-analyze": Need(("systemd-analyze",), package="systemd"),
    "tofu": Need(
        ("tofu", "terraform"),
        command='PATH="$PATH:$(python3 tests/control_plane/tools/build.py tofu)"',
    ),
    "useradd": Need(("useradd",), package="passwd"),
    "wget": Need(("wget",), package="wget"),
}
UNPRIVILEGED = "a user who may mount"
_REASON = "needs "


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test whose needs are not met, before its fixtures are made."""
    wanted = [str(name) for mark in item.iter_markers("needs") for name in mark.args]
    missing = [name for name in wanted if not NEEDS[name].is_met]
    if missing:
        pytest.skip(_REASON + ", ".join(missing))


def pytest_configure(config: pytest.Config) -> None:
    """Before any program is started."""
    config.addinivalue_line("markers", "needs(name, …): programs that the test cannot do without")
    config.addinivalue_line("markers", "soak: as large as SOAK_SHARE says (make soak: the whole)")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files of each layer first; layers stay in the order that was asked for."""
    if not hasattr(config, "workerinput"):
        return
    seconds: dict[str, int] = json.loads(SECONDS_BY_FILE.read_text())
    layers = list(dict.fromkeys(layer_of(item.nodeid) for item in items))
    items.sort(
        key=lambda item: (
            layers.index(layer_of(item.nodeid)),
            -seconds.get(item.nodeid.split("::", 1)[0], 0),
        )
    )


def record_seconds(stats: Mapping[str, list[pytest.TestReport]]) -> None:
    """Write how long each file of this run took, short ones left out; keep what is known of others
    that are still there."""
    took: Counter[str] = Counter()
    for report in (each for reports in stats.values() for each in reports):
        if isinstance(report, pytest.TestReport):
            took[report.nodeid.split("::", 1)[0]] += report.duration
    known = json.loads(SECONDS_BY_FILE.read_text()) | {file: round(took[file]) for file in took}
    kept = {
        file: known[file]
        for file in sorted(known)
        if known[file] >= NOTED_SECONDS and (TESTS.parent / file).exists()
    }
    SECONDS_BY_FILE.write_text(json.dumps(kept, indent=2) + "\n")


def layer_of(node_id: str) -> str:
    """The layer that a test belongs to: its folder below tests/."""
    parts = Path(node_id.split("::", 1)[0]).parts
    return next((part for part in parts if part in LAYERS), "other")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line per layer with its counts."""
    counts: dict[str, Counter[str]] = {layer: Counter() for layer in LAYERS}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            counts.setdefault(layer_of(report.nodeid), Counter())[outcome] += 1
    terminalreporter.section("layers")
    for layer in LAYERS:
        found = ", ".join(f"{number} {outcome}" for outcome, number in counts[layer].items())
        terminalreporter.line(f"{layer:<14} {found or 'did not run':<28} {WHAT_IS_REAL[layer]}")
    if os.environ.get(RECORD):
        record_seconds(terminalreporter.stats)
    left_out = left_out_for(terminalreporter.stats.get("skipped", []))
    if left_out:
        terminalreporter.section("left out")
        for name, number in sorted(left_out.items()):
            verb = "test needs" if number == 1 else "tests need"
            terminalreporter.line(f"{number} {verb} {name}")
        terminalreporter.line(f"to run them: {installing(left_out)}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that had to leave nothing out."""
    if hasattr(session.config, "workerinput"):
        return  # the controller knows of all
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get(LEAVE_OUT) == "nothing" and reporter and reporter.stats.get("skipped"):
        print(f"\n{LEAVE_OUT}=nothing, and tests were left out", file=sys.stderr)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def left_out_for(reports: list[pytest.TestReport]) -> Counter[str]:
    """How many tests were left out for want of what."""
    found: Counter[str] = Counter()
    for report in reports:
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        if _REASON in reason:
            found.update(reason.partition(_REASON)[2].split(", "))
    return found


def installing(left_out: Mapping[str, int]) -> str:
    """The line after which they run; what this user lacks is a comment at its end."""
    needs = [NEEDS[name] for name in sorted(left_out) if name in NEEDS]
    packages = sorted({need.package for need in needs if need.package})
    commands = [f"apt-get install -y {' '.join(packages)}"] if packages else []
    commands += [need.command for need in needs if need.command]
    line = " && ".join([*commands, "make test"])
    return f"{line}  # as root" if UNPRIVILEGED in left_out or packages else line
