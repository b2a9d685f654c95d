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


def environment(jvm: Jvm) -> tuple[tuple[str, str], ...]:
    """The variables of a Forge daemon's process."""
    return ((OPTIONS_VARIABLE, " ".join(options(jvm))),)


def options(jvm: Jvm) -> tuple[str, ...]:
    """The options of ``java``: a fixed heap, no display, an end where memory is out.

    A heap that may grow was refused: it grows while games wait, and a node that has promised its
    memory twice kills the pod then. A virtual machine out of memory would serve on with broken
    games; its end is seen and repaired.
    """
    size = bytes_of(jvm.heap)
    return (
        f"-Xms{size}",
        f"-Xmx{size}",
        *_collector(jvm),
        "-Djava.awt.headless=true",
        "-XX:+ExitOnOutOfMemoryError",
        *jvm.extra_options,
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
