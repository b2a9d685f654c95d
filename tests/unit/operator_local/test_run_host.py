"""The host of one run: what is the same for processes of its own and for those of others."""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from trainingrun.local.folder import RunFolder
from trainingrun.local.host import Outcome, RunEnding, RunHost, Timer, host_settings
from trainingrun.local.redis import free_port
from trainingrun.local.store import LocalStore, adopted
from trainingrun_api.run import parse
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import ObservedRole
from trainingrun_reconciler.memory import MemoryBackend
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role

WAIT_SECONDS = 20
DONE = RunEnding(Outcome.COMPLETE, "done")
STOPPED = RunEnding(Outcome.STOPPED, "a signal")
DOCUMENT = {
    "apiVersion": "trainingrun.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "small"},
    "spec": {"games": 100, "decks": [{"name": "red_aggro"}]},
}


class Scripted:
    """A strategy that ends when a test says so, and notes what happened to it."""

    signals = (signal.SIGUSR1,)

    def __init__(self, host: RunHost, ends: Callable[[Scripted], RunEnding | None]) -> None:
        self.host = host
        self.reconciled = 0
        self.asked = 0
        self.is_signalled = False
        self.is_closed = False
        self.is_attending = asyncio.Event()
        self.fault: Exception | None = None
        self._ends = ends

    def on_signal(self) -> None:
        """See HostStrategy."""
        self.is_signalled = True
        self.host.end_now()

    async def attend(self) -> None:
        """See HostStrategy."""
        self.is_attending.set()
        if self.fault is not None:
            raise self.fault
        await asyncio.Event().wait()

    def on_reconciled(self, view: RunView) -> None:
        """See HostStrategy."""
        assert view.run.metadata.name == "small"
        self.reconciled += 1

    def ending(self, _view: RunView | None) -> RunEnding | None:
        """See HostStrategy."""
        self.asked += 1
        return STOPPED if self.is_signalled else self._ends(self)

    async def close(self) -> None:
        """See HostStrategy."""
        self.is_closed = True


class Stuck(MemoryBackend):
    """A backend whose answer never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = asyncio.Event()

    async def observe(self, _run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """See Backend."""
        self.is_asked.set()
        await asyncio.Event().wait()
        return {}


class Refusing(MemoryBackend):
    """A backend that refuses the first question and answers the next ones."""

    has_refused = False

    async def observe(self, run: RunIdentity) -> Mapping[Role, ObservedRole]:
        """See Backend."""
        if not self.has_refused:
            self.has_refused = True
            raise BackendError("Away", "nothing is known now")
        return await super().observe(run)


def store_in(folder: Path) -> LocalStore:
    """A run that is new, in a folder of its own."""
    state = RunFolder(folder / "small")
    state.make()
    return LocalStore(adopted(parse(DOCUMENT), None, now=datetime.now(UTC)), state)


def host_in(folder: Path, backend: MemoryBackend | None = None) -> RunHost:
    """A host of a new run."""
    settings = host_settings("file:///nowhere")
    changed = asyncio.Event()
    return RunHost(store_in(folder), backend or MemoryBackend(), settings, changed=changed)


def never(_strategy: Scripted) -> None:
    """A run that does not end by itself."""


def test_a_run_ends_when_its_strategy_says_so(tmp_path: Path) -> None:
    """Expect a reconcile before the first question, and the roles let go of."""

    async def scenario() -> None:
        host = host_in(tmp_path)
        strategy = Scripted(host, lambda it: DONE if it.reconciled >= 2 else None)
        assert await asyncio.wait_for(host.run(strategy), WAIT_SECONDS) == DONE
        assert strategy.asked == 2
        assert strategy.is_closed
        assert host.view is not None

    asyncio.run(scenario())


def test_a_change_is_reconciled_before_the_next_is_due(tmp_path: Path) -> None:
    """Expect a hundred changes in far less than a hundred intervals of a second."""

    async def scenario() -> None:
        host = host_in(tmp_path)

        def ends(strategy: Scripted) -> RunEnding | None:
            host.wake()
            return DONE if strategy.reconciled >= 100 else None

        strategy = Scripted(host, ends)
        assert await asyncio.wait_for(host.run(strategy), WAIT_SECONDS) == DONE

    asyncio.run(scenario())


def test_a_signal_does_not_wait_for_a_reconcile(tmp_path: Path) -> None:
    """Expect the end although the backend never answers, and the signal to mean nothing after."""

    async def scenario() -> None:
        backend = Stuck()
        host = host_in(tmp_path, backend)
        strategy = Scripted(host, never)
        running = asyncio.create_task(host.run(strategy))
        await asyncio.wait_for(backend.is_asked.wait(), WAIT_SECONDS)
        signal.raise_signal(signal.SIGUSR1)
        assert await asyncio.wait_for(running, WAIT_SECONDS) == STOPPED
        assert strategy.reconciled == 0
        assert strategy.is_closed
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL

    asyncio.run(scenario())


def test_a_refused_reconcile_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expect the refusal in the log, the strategy asked all the same, and a second try."""

    async def scenario() -> None:
        host = host_in(tmp_path, Refusing())

        def ends(strategy: Scripted) -> RunEnding | None:
            host.wake()
            return DONE if strategy.reconciled else None

        strategy = Scripted(host, ends)
        assert await asyncio.wait_for(host.run(strategy), WAIT_SECONDS) == DONE
        assert strategy.asked == 2

    asyncio.run(scenario())
    assert "nothing is known now" in caplog.text


def test_a_bug_beside_the_loop_ends_the_host(tmp_path: Path) -> None:
    """Expect it raised, and the roles let go of first."""

    async def scenario() -> None:
        host = host_in(tmp_path)
        strategy = Scripted(host, never)
        strategy.fault = ZeroDivisionError("a bug")
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(host.run(strategy), WAIT_SECONDS)
        assert strategy.is_closed

    asyncio.run(scenario())


def test_what_is_beside_the_loop_ends_with_it(tmp_path: Path) -> None:
    """Expect it cancelled only once the roles are let go of."""

    async def scenario() -> None:
        host = host_in(tmp_path)
        strategy = Scripted(host, lambda it: DONE if it.is_attending.is_set() else None)
        await asyncio.wait_for(host.run(strategy), WAIT_SECONDS)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_metrics_of_the_run(tmp_path: Path) -> None:
    """Expect those of the operator, once a reconcile knows them; a taken port is an OSError."""

    async def scenario() -> str:
        host, port = host_in(tmp_path), free_port()
        host.serve_metrics(port, "127.0.0.1")
        with pytest.raises(OSError, match="in use"):
            host.serve_metrics(port, "127.0.0.1")
        await host.run(Scripted(host, lambda _: DONE))
        return await asyncio.to_thread(_read, f"http://127.0.0.1:{port}/metrics")

    assert "trainingrun_" in asyncio.run(scenario())


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as answer:
        return str(answer.read().decode())


def test_a_timer_is_due_at_once_and_then_after_its_time() -> None:
    """Expect one that is never over to be due once, and one of no length always."""
    long, none = Timer(3600.0), Timer(0.0)
    assert [long.is_due(), long.is_due()] == [True, False]
    assert [none.is_due(), none.is_due()] == [True, True]
