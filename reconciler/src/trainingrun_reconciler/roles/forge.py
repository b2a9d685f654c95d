"""A daemon that is a Forge build: its Java options and its memory.

Options travel in the variable that the ``java`` launcher itself reads, so that any image with
Java 9 or newer obeys them, whatever script starts it.
"""

from __future__ import annotations

from typing import Final

from trainingrun_api.quantities import bytes_of
from trainingrun_api.spec import Jvm

from trainingrun_reconciler.roles.workload import Resources

OPTIONS_VARIABLE: Final = "JDK_JAVA_OPTIONS"
_BESIDE_HEAP_AT_LEAST: Final = 512 * 2**20
"""Classes, compiled code, stacks and the collector's own tables."""
_CPU: Final = "1"
_OPENED: Final = (
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.text",
    "java.base/java.lang.reflect",
    "java.desktop/java.beans",
)


def environment(jvm: Jvm, games: int) -> tuple[tuple[str, str], ...]:
    """The variables of a Forge daemon's process that plays ``games`` at once."""
    return ((OPTIONS_VARIABLE, " ".join(options(jvm, games))),)


def options(jvm: Jvm, games: int) -> tuple[str, ...]:
    """The options of ``java``: a fixed heap, what Forge itself needs, an end where memory is out.

    A heap that may grow was refused: it grows while games wait, and a node that has promised its
    memory twice kills the pod then. A virtual machine out of memory would serve on with broken
    games; its end is seen and repaired.
    """
    size = bytes_of(jvm.heap)
    return (
        f"-Xms{size}",
        f"-Xmx{size}",
        *_collector(jvm),
        *needed_options(games),
        "-XX:+ExitOnOutOfMemoryError",
        *jvm.extra_options,
    )


def needed_options(games: int) -> tuple[str, ...]:
    """What a Forge daemon needs whatever its heap is: a thread of Java's common pool for each game,
    no display, no reports of crashes to anybody, UTF-8 on the wire, and packages of Java that it
    reads.
    """
    return (
        f"-Djava.util.concurrent.ForkJoinPool.common.parallelism={games}",
        "-Djava.awt.headless=true",
        "-Dsentry.dsn=",
        "-Dfile.encoding=UTF-8",
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
    )


def memory(jvm: Jvm) -> Resources:
    """What a pod asks for where the user names nothing: the heap and a quarter more."""
    heap = bytes_of(jvm.heap)
    amount = f"{-(-(heap + max(heap // 4, _BESIDE_HEAP_AT_LEAST)) // 2**20)}Mi"
    return Resources(cpu=_CPU, memory=amount, memory_limit=amount)


def _collector(jvm: Jvm) -> tuple[str, ...]:
    if jvm.gc == "Z":
        return ("-XX:+UseZGC",)
    if jvm.gc != "G1":
        return (f"-XX:+Use{jvm.gc}GC",)
    return (
        "-XX:+UseG1GC",
        f"-XX:MaxGCPauseMillis={jvm.max_gc_pause_millis}",
        "-XX:+ParallelRefProcEnabled",
        *(("-XX:+UseStringDeduplication",) if jvm.string_deduplication else ()),
    )
