"""Says at the end of every run which layers ran, so that one that did not is never overlooked.

And gives Ctrl-C back its meaning: a shell has what it starts in the background ignore SIGINT, which
the programs under test would inherit.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LAYERS = ("unit", "protocol", "local", "control_plane", "e2e")
WHAT_IS_REAL = {
    "unit": "pure code, codecs, protocol, decisions interrupted at every step",
    "protocol": "a daemon process, held against the line protocol over its socket",
    "local": "processes, sockets, Redis, torch",
    "control_plane": "etcd, API server, controllers, scheduler; pods played by kwok",
    "e2e": "a cluster with kubelet and containers, our images, Helm",
}


def pytest_configure() -> None:
    """Before any program is started."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
