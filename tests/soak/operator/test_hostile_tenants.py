"""An operator whose tenants are hostile: TrainingRuns, labelled objects and Redis servers that are
wrong in every way, a clock of the day that jumps, and watches that break.

The API server is real, and so is the operator's process. It is never restarted, nothing that a
tenant writes is reported as a bug of ours, its memory stays below the chart's limit, and the run of
a neighbour is followed as promptly as before.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

import pytest
import redis
import yaml
from trainingrun_reconciler.desired.redis_config import OPERATOR

from testkit.control_plane.api_connections import Answer, Request
from testkit.control_plane.api_proxy import ApiProxy
from testkit.control_plane.plane import ControlPlane
from testkit.hostile import shifted_clock
from testkit.hostile.hostile_redis import Liar, spoil
from testkit.hostile.hostile_steps import KINDS, RUNS, Known, Step, list_path, step
from testkit.hostile.mutated_specs import mutated_specs
from testkit.hostile.neighbour import ATTEMPTS, Neighbour, percentile
from testkit.hostile.shifted_clock import ShiftedClock
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer, install_chart
from testkit.servers.lying_server import lying_server
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.tree import CHART
from testkit.waiting import BUSY

AT_ONCE: Final = 4
SHARE_OF_WATCHES: Final = 10
SHARE_REPLACED: Final = 0.4
SPECS: Final = 300
CALM_CHANGES: Final = 30
STEPS_PER_CHANGE: Final = 10
STEPS_PER_LINE: Final = 500
MOST_UIDS: Final = 40
STEERING: Final = set("\x00\x07\x1b\r\u202e")
MOST_SECONDS: Final = 2.0
MOST_SLOWER: Final = 4.0
"""On a machine that is slow by itself, the neighbour may wait so many times as long as in peace."""
CLOCKS: Final = (0.0, 1e9, 2**31 - 10.0, 4_102_444_800.0)
"""1970, 2001, the end of 32 bits, 2100; and steps of hours from now."""
JUNK: Final = (
    b"\n",
    b"null\n",
    b"[]\n",
    b'"x"\n',
    b"{}\n",
    b'{"type":"MODIFIED"}\n',
    b"\xff\xfe\n",
    b'{"type":"MODIFIED","object":{"metadata":null}}\n',
    b'{"type":5,"object":[]}\n',
    b'{"type":"ADDED","object":{"kind":"x","metadata":{"uid":[],"name":{},"resourceVersion":-1}}}\n',
    b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"x"}}}\n',
    b"{" * 9000 + b"\n",
    b'{"type":"ERROR","object":{"code":"x","message":5}}\n',
    b"<" * 6_000_000 + b"\n",
)


@dataclass
class Soak:
    """All that a step acts upon."""

    plane: ControlPlane
    operator: OperatorProcess
    proxy: ApiProxy | None
    clock: ShiftedClock
    queue: redis.Redis
    neighbour: Neighbour
    calm: Trainer
    known: Known
    answers: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    """What the steps of each kind took, for those who look for what to make faster."""

    def take(self, chosen: Step) -> None:
        """Take one step."""
        begin = time.monotonic()
        self._take(chosen)
        self.seconds[chosen.kind] += time.monotonic() - begin  # type: ignore[assignment]

    def _take(self, chosen: Step) -> None:
        if chosen.request is not None:
            self._ask(chosen)
            return
        self.answers[chosen.kind] += 1
        match chosen.kind:
            case "redis":
                spoil(self.queue, chosen.dice.choice(self.known.uids[1:] or ["x"]), chosen.dice)
            case "clock":
                self.clock.set(_shift(chosen.dice))
            case _:
                self._spoil_watches(chosen.dice)

    def refresh(self, number: int) -> None:
        """List the objects of another kind and namespace, so that steps find them."""
        for namespace in self.known.namespaces:
            kind = KINDS[number % len(KINDS)]
            names = self.plane.connections.names(list_path(namespace, kind), attempts=ATTEMPTS)
            self.known.children[namespace, kind] = names

    def _send(self, request: Request) -> Answer:
        return self.plane.connections.send(request, attempts=ATTEMPTS)

    def _ask(self, chosen: Step) -> None:
        assert chosen.request is not None
        answer = self._send(chosen.request)
        is_taken = chosen.kind == "create run" and answer.status == 409
        if is_taken and chosen.dice.random() < SHARE_REPLACED:
            self._send(_deletion(chosen.request))
        self.answers[f"{chosen.kind}: {answer.status}"] += 1
        assert answer.status < 500, (answer.status, chosen.request.path, answer.body[:500])
        if chosen.kind == "create run" and answer.status == 201:
            uid = answer.body.partition(b'"uid":"')[2].partition(b'"')[0].decode()
            self.known.uids.append(uid)
            del self.known.uids[1:-MOST_UIDS]

    def _spoil_watches(self, dice: Random) -> None:
        assert self.proxy is not None
        if dice.random() < 0.3:
            self.proxy.cut()
        else:
            self.proxy.inject(dice.choice(JUNK))

    def reasons(self) -> Counter[str]:
        """What the operator has reported of the hostile runs, by the reasons of its events."""
        found: Counter[str] = Counter()
        for namespace in self.known.namespaces:
            events = self.plane.api.list("events.events.k8s.io", namespace)
            ours = [each for each in events if each["regarding"]["kind"] == "TrainingRun"]
            found.update(each["reason"] for each in ours)
        return found


def _deletion(taken: Request) -> Request:
    """Of the run whose name a creation wanted: the next one has it."""
    name = (taken.body or "").partition('"name": "run-')[2].partition('"')[0]
    return Request("DELETE", f"{taken.path}/run-{name}")


def _shift(dice: Random) -> float:
    now = time.time()
    if dice.random() < 0.5:
        return 0.0
    if dice.random() < 0.5:
        return dice.choice(CLOCKS) - now
    return dice.choice((-86_400.0, -3600.0, -60.0, 60.0, 3600.0, 86_400.0))


def memory_limit() -> float:
    """The chart's, in MiB."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    text: str = values["resources"]["limits"]["memory"]
    assert text.endswith("Mi")
    return float(text[:-2])


def numbers(steps: int) -> Iterator[int]:
    """The numbers of the steps to take: all, or those of ``SOAK_ONLY`` (``12,1200-1300``)."""
    for part in os.environ.get("SOAK_ONLY", f"0-{steps - 1}").split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


@pytest.fixture(scope="module")
def plane(programs_folder: Path) -> Iterator[ControlPlane]:
    """A control plane with what the chart installs."""
    with ControlPlane() as made:
        install_chart(made, programs_folder / "helm")
        yield made


@contextmanager
def soak_on(plane: ControlPlane, folder: Path, name: str, *, proxied: bool) -> Iterator[Soak]:
    """An operator, behind a proxy or not, a healthy run, and Redis servers that lie."""
    with ExitStack() as stack:
        enter = stack.enter_context
        kubeconfig = plane.kubeconfig_for(SYSTEM, "trainingrun-operator")
        proxy = enter(ApiProxy(plane.url, plane.certificate)) if proxied else None
        if proxy is not None:
            kubeconfig = proxy.kubeconfig(kubeconfig, folder)
        clock = ShiftedClock(folder / "clock")
        program = str(Path(shifted_clock.__file__)), str(clock.path), "trainingrun_operator"
        operator = OperatorProcess(kubeconfig, folder, program=program)
        honest, spoilt = (enter(_redis(folder / each)) for each in ("honest", "spoilt"))
        liar, silent = enter(lying_server(Liar(1))), enter(lying_server(lambda _command: None))
        calm, *hostile = f"{name}-calm", f"{name}-hostile-a", f"{name}-hostile-b"
        for namespace in (calm, *hostile):
            plane.create_namespace(namespace)
        for namespace in hostile:
            plane.kubectl("-n", namespace, "create", "quota", "few", "--hard=pods=8")
        operator.start()
        stack.callback(operator.stop)
        trainer = Trainer(plane, calm, honest)
        stack.callback(trainer.close)
        trainer.start("calm")
        trainer.wait_for("calm", "Ready", seconds=300)
        spoilable = spoilt.url_of(OPERATOR)
        urls = liar.url, silent.url, spoilable, spoilable, "redis://127.0.0.1:1/0"
        uid = trainer.run("calm")["metadata"]["uid"]
        known = Known(hostile, mutated_specs(SPECS), urls, [uid])
        neighbour = Neighbour(plane, RUNS.format(calm), "calm")
        queue = enter(spoilt.client())
        yield Soak(plane, operator, proxy, clock, queue, neighbour, trainer, known)


@contextmanager
def _redis(folder: Path) -> Iterator[RedisServer]:
    folder.mkdir()
    with start_redis(folder) as server:
        yield server


def _rounded(seconds: Counter[str]) -> dict[str, int]:
    return {kind: round(each) for kind, each in seconds.most_common()}


def _behind_the_api_server(soak: Soak) -> list[float]:
    """The part of the neighbour's seconds that is the operator's, while the API server, which four
    tenants hit at once, already had the change."""
    there = soak.neighbour
    asked = there.asked[-len(there.seconds) :]
    return [whole - part for whole, part in zip(there.seconds, asked, strict=True)]


def _followed(soak: Soak, peace: list[float]) -> tuple[tuple[str, list[float]], ...]:
    there = soak.neighbour
    return (
        ("in peace", peace),
        ("meanwhile", there.seconds),
        ("meanwhile, of which the API server alone", there.asked[len(peace) :]),
        ("meanwhile, behind the API server", _behind_the_api_server(soak)),
    )


def report(soak: Soak, steps: int, seconds: float, peace: list[float]) -> None:
    """Print the figures."""
    memory, processor = soak.operator.peak_megabytes(), soak.operator.cpu_seconds()
    print(
        f"\n{steps} steps in {seconds:.0f} s; memory at most {memory:.0f} MiB, processor", end=" "
    )
    print(f"{processor:.0f} s; seconds of steps by kind:", _rounded(soak.seconds))
    for what, values in _followed(soak, peace):
        middle, high = percentile(values, 0.5), percentile(values, 0.99)
        print(
            f"neighbour {what}: {len(values)} changes, p50 {middle:.2f} s, p99 {high:.2f} s,",
            end=" ",
        )
        print(f"at most {max(values):.2f} s")
    print("answers of the API server:", dict(sorted(soak.answers.items())))
    print("told of hostile runs:", dict(soak.reasons().most_common()))


def soaked(soak: Soak, steps: int, *, watches: int = 0) -> float:
    """Take all steps; expect one process throughout and a neighbour that is followed each time.

    Returns:
        The seconds that the neighbour may have waited.
    """
    seed = int(os.environ.get("SOAK_SEED", "1"))
    peace = [soak.neighbour.follow() for _ in range(CALM_CHANGES)]
    soak.neighbour.start()
    begin, left, taken = time.monotonic(), numbers(steps), 0

    def take(number: int) -> None:
        soak.take(step(seed, number, soak.known, watches=watches))

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while part := list(islice(left, STEPS_PER_CHANGE)):
                soak.refresh(taken // STEPS_PER_CHANGE)
                soak.neighbour.change()
                list(pool.map(take, part))
                taken += len(part)
                if taken % STEPS_PER_LINE == 0:
                    print(
                        f"\n{taken} steps in {time.monotonic() - begin:.0f} s", end="", flush=True
                    )
                assert soak.operator.is_running(), (taken, soak.operator.log()[-4000:])
                assert soak.neighbour.errors == [], taken
    finally:
        soak.clock.set(0.0)
        soak.neighbour.stop()
        report(soak, taken, time.monotonic() - begin, peace)
    soak.calm.wait_for("calm", "Ready", seconds=300)
    log = soak.operator.log()
    assert soak.operator.ask("/livez") == "ok"
    assert " is given up" not in log
    assert not STEERING & set(log), "text of a tenant steers the reader's terminal"
    assert "\nTraceback (most recent call last):\n" not in log
    assert soak.operator.peak_megabytes() < memory_limit()
    return max(BUSY * MOST_SECONDS, MOST_SLOWER * percentile(peace, 0.99))


def test_hostile_tenants_cost_the_neighbour_nothing(
    plane: ControlPlane, tmp_path: Path, soak_steps: int
) -> None:
    """Expect changes of the neighbour to be followed within seconds, 99 in 100 of them."""
    with soak_on(plane, tmp_path, "one", proxied=False) as soak:
        most = soaked(soak, soak_steps)
        assert percentile(_behind_the_api_server(soak), 0.99) < most


def test_watches_that_break_end_nothing(
    plane: ControlPlane, tmp_path: Path, soak_steps: int
) -> None:
    """Expect the same where watches are cut and spoilt, save that following them takes longer."""
    with soak_on(plane, tmp_path, "two", proxied=True) as soak:
        soaked(soak, soak_steps // SHARE_OF_WATCHES, watches=5)
