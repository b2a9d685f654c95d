"""A daemon that is a Forge build: its image, command, Java options and memory."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.conditions import ConditionType, Reason
from trainingrun_api.quantities import bytes_of
from trainingrun_reconciler.desired.actions import Apply
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Settings

from testkit.operator.pod_templates import asked_of
from testkit.operator.simulated_run import UID, SimulatedRun, running, training_run

IMAGE = "registry.example.com/team/forge:1"


def forge_daemon(*, jvm: dict[str, Any] | None = None, **container: Any) -> Workload:
    """The workload of a run whose daemons are Forge builds."""
    template = asked_of("daemon", image=IMAGE, **container)
    run = training_run(daemon={"template": template, "jvm": jvm or {}})
    return workloads(run, Settings(), scaled=1)[Role.DAEMON]


def java_options(workload: Workload) -> list[str]:
    """What java is given by its variable."""
    return dict(workload.environment)["JDK_JAVA_OPTIONS"].split(" ")


def test_the_named_image_starts_forge() -> None:
    """The command is the image's own; the reference engine's options are not for Forge."""
    made = forge_daemon()
    assert made.image == IMAGE
    assert made.command == ("forge-daemon", "-p", "{port}")
    assert made.port == 17171


def test_without_jvm_the_daemon_is_the_reference_engine() -> None:
    """An image alone does not make a Forge build of it."""
    run = training_run(daemon={"template": asked_of("daemon", image=IMAGE)})
    made = workloads(run, Settings(), scaled=1)[Role.DAEMON]
    assert made.command[0] == "trainingrun-daemon"
    assert made.environment == ()


def test_the_heap_is_fixed_and_there_is_no_display() -> None:
    """The defaults of the reference: 4Gi, G1, pauses of 50 ms, strings shared."""
    size = 4 * 2**30
    assert java_options(forge_daemon()) == [
        f"-Xms{size}",
        f"-Xmx{size}",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=50",
        "-XX:+ParallelRefProcEnabled",
        "-XX:+UseStringDeduplication",
        "-Djava.util.concurrent.ForkJoinPool.common.parallelism=8",
        "-Djava.awt.headless=true",
        "-Dsentry.dsn=",
        "-Dfile.encoding=UTF-8",
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        "--add-opens=java.base/java.util=ALL-UNNAMED",
        "--add-opens=java.base/java.text=ALL-UNNAMED",
        "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
        "--add-opens=java.desktop/java.beans=ALL-UNNAMED",
        "-XX:+ExitOnOutOfMemoryError",
    ]


@pytest.mark.parametrize(
    ("gc", "option"),
    [("Parallel", "-XX:+UseParallelGC"), ("Serial", "-XX:+UseSerialGC"), ("Z", "-XX:+UseZGC")],
)
def test_other_collectors_get_no_option_of_g1(gc: str, option: str) -> None:
    """Java 17 refuses some of them, and warns of others."""
    options = java_options(forge_daemon(jvm={"gc": gc}))
    assert option in options
    assert not [each for each in options if "G1" in each or "Pause" in each or "String" in each]


def test_further_options_come_last_and_win() -> None:
    """Java takes the last of two options that contradict each other."""
    options = java_options(forge_daemon(jvm={"extraOptions": ["-Xss512k", "-XX:+UseZGC"]}))
    assert options[-2:] == ["-Xss512k", "-XX:+UseZGC"]


def test_strings_are_not_shared_when_told_so() -> None:
    """The option is left out."""
    options = java_options(forge_daemon(jvm={"stringDeduplication": False}))
    assert "-XX:+UseStringDeduplication" not in options


@pytest.mark.parametrize(
    ("heap", "amount"), [("4Gi", "5120Mi"), ("1Gi", "1536Mi"), ("2G", "2420Mi")]
)
def test_the_pod_has_room_beside_the_heap(heap: str, amount: str) -> None:
    """A quarter more, at least 512Mi: a pod above its limit is killed with all its games."""
    made = forge_daemon(jvm={"heap": heap}).resources
    assert (made.memory, made.memory_limit) == (amount, amount)
    assert bytes_of(made.memory_limit) > bytes_of(heap)


def test_memory_that_the_user_names_is_taken() -> None:
    """A measured number counts more."""
    made = forge_daemon(resources={"limits": {"memory": "6Gi", "cpu": "3"}}).resources
    assert (made.memory_limit, made.cpu_limit) == ("6Gi", "3")


def test_new_options_replace_the_daemons() -> None:
    """Java reads them at its start only."""
    assert forge_daemon().template_hash != forge_daemon(jvm={"heap": "5Gi"}).template_hash


@pytest.mark.parametrize(("image", "is_refused"), [(None, True), (IMAGE, False)])
def test_decks_of_an_image_of_the_user_s_own_are_not_known_here(
    image: str | None, is_refused: bool
) -> None:
    """Expect an unknown deck to be refused where the daemons are ours alone."""
    daemon = {"template": asked_of("daemon", image=image)} if image else {}
    settings = Settings(decks=frozenset({"other"}))
    decision = SimulatedRun(training_run(daemon=daemon), settings).look()
    ready = decision.status.condition(ConditionType.READY)
    assert ready is not None
    assert (ready.reason == Reason.UNKNOWN_DECK) is is_refused


TWO = {"autoscaling": {"minReplicas": 2, "maxReplicas": 2}}


def with_image(daemon: dict[str, Any], image: str) -> dict[str, Any]:
    """The daemons of a spec, made from another image."""
    return {**daemon, "template": asked_of("daemon", image=image)}


def changed(world: SimulatedRun, daemon: dict[str, Any]) -> str:
    """Give the run other daemons; return what their members must now be made of."""
    world.change(daemon=training_run(daemon=daemon).spec.daemon)
    return workloads(world.run, Settings(), scaled=2)[Role.DAEMON].template_hash


def test_a_changed_build_is_replaced_when_no_daemon_has_a_game() -> None:
    """A Forge build that is terminated drops its games: first none of them gets new ones."""
    forge = {**TWO, "jvm": {}}
    world = running(games=100_000, daemon=with_image(forge, IMAGE))
    world.stuck_games = True
    made = changed(world, with_image(forge, "registry.example.com/team/forge:2"))
    for _ in range(5):
        world.step()
        assert world.backend.roles(UID)[Role.DAEMON].template_hash != made
    assert {each.draining for each in world.slots.values()} == {True}
    world.stuck_games = False
    world.until(lambda it: it.ready(Role.DAEMON) == 2 and _hash(it) == made)
    assert world.lost == 0


def test_a_changed_reference_engine_is_replaced_at_once() -> None:
    """It ends its games itself when it is terminated, so nothing is drained before."""
    world = running(games=100_000, daemon=TWO)
    made = changed(world, with_image(TWO, "registry.example.com/team/daemon:2"))
    hashes = [
        each.workload.template_hash
        for each in world.look().actions
        if isinstance(each, Apply) and each.workload.role == Role.DAEMON
    ]
    assert hashes == [made]


def _hash(world: SimulatedRun) -> str:
    there = world.backend.roles(UID).get(Role.DAEMON)
    return there.template_hash if there is not None else ""
