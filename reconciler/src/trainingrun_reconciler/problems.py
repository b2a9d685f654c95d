"""Why a pod does not run, in one sentence that names the cause and what to do.

The sentence stands in conditions, so it must stay the same while the cause does: the kubelet's
alternation between trying and backing off, and its growing delays, are left out.
"""

from __future__ import annotations

import re
from typing import Any, Final

from trainingrun_contracts.exit_codes import NO_FAILURE, ExitCode

from trainingrun_reconciler.desired.observed import Problem

_IMAGE: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
_CREATION: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
_BACK_OFF: Final = re.compile(r'^Back-off pulling image "[^"]*"(: [A-Za-z]+)?:?\s*')
_NO_NEWS: Final = re.compile(r"\s*(no new claims to deallocate,|preemption:.*)", re.DOTALL)
"""What the scheduler adds to every refusal: that it found no pod to preempt."""
DISRUPTED: Final = "DisruptionTarget"
"""The condition of a pod that the cluster takes off its node."""
WAITING: Final = "WaitingForQuota"
"""The reason of what waits for Kueue."""
_KUEUE_GATES: Final = "kueue.x-k8s.io/"
_LONGEST: Final = 400


def pod_problem(pod: dict[str, Any]) -> Problem | None:
    """What keeps this pod from being ready; None when it is only starting."""
    status = pod.get("status", {})
    name = pod["metadata"]["name"]
    interrupted = _interrupted(pod)
    if interrupted is not None:
        return interrupted
    for container in status.get("containerStatuses") or ():
        found = _waiting(container) or _ended(name, container)
        if found is not None:
            return found
    return _gated(pod) or _unschedulable(status) or _evicted(status)


def has_stopped_as_asked(pod: dict[str, Any]) -> bool:
    """Whether a container saved and ended because it was asked to, and not because it failed."""
    states = (each.get("state", {}) for each in pod.get("status", {}).get("containerStatuses", ()))
    return any(each.get("terminated", {}).get("exitCode") in NO_FAILURE for each in states)


def last_line(text: str) -> str:
    """The last line that says something: of a traceback the error, of a refusal its sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][-_LONGEST:] if lines else ""


def _waiting(container: dict[str, Any]) -> Problem | None:
    waiting = container.get("state", {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _IMAGE:
        cause = last_line(_BACK_OFF.sub("", message))
        detail = f" ({cause})" if cause else ""
        return Problem(
            "ImageUnavailable",
            f"image {container['image']} cannot be pulled{detail}: check its name and"
            " that the nodes can reach its registry",
        )
    if reason in _CREATION:
        return Problem("CreationFailed", f"its container cannot be made: {last_line(message)}")
    return None


def _ended(pod: str, container: dict[str, Any]) -> Problem | None:
    """The container ended, or had ended before its present try (which is not ready yet)."""
    state = container.get("state", {})
    ended = state.get("terminated") or container.get("lastState", {}).get("terminated")
    if not ended or ended.get("exitCode", 0) == 0:
        return None
    if ended.get("reason") == "OOMKilled":
        what = "used more memory than its limit and was killed: raise the memory limit of its role"
        return Problem("Crashing", f"it {what}")
    message = last_line(ended.get("message") or "")
    if ended["exitCode"] == ExitCode.WRONG and message:
        return Problem("Configuration", message)
    said = f": {message}" if message else f": read `kubectl logs {pod} --previous`"
    return Problem("Crashing", f"it ended with exit code {ended['exitCode']}{said}")


def _gated(pod: dict[str, Any]) -> Problem | None:
    """Gates are taken away by those who put them, and until then no node is searched for."""
    gates = [gate["name"] for gate in pod.get("spec", {}).get("schedulingGates") or ()]
    if not gates:
        return None
    if all(gate.startswith(_KUEUE_GATES) for gate in gates):
        return Problem(WAITING, "Kueue has not admitted it: its queue has no room for it yet")
    names = ", ".join(gates)
    return Problem("Unschedulable", f"held back by {names}: what put this gate must take it away")


def _unschedulable(status: dict[str, Any]) -> Problem | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            message = _NO_NEWS.sub("", condition.get("message", "")).rstrip(".")
            return Problem("Unschedulable", f"no node has room for it: {message}")
    return None


def disruption_of(pod: dict[str, Any]) -> dict[str, Any] | None:
    """The condition by which the cluster takes the pod off its node; None while it does not."""
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == DISRUPTED and condition.get("status") == "True":
            return dict(condition)
    return None


def _interrupted(pod: dict[str, Any]) -> Problem | None:
    """It had to leave its node: no failure, whatever its containers ended with."""
    disruption = disruption_of(pod)
    if disruption is not None:
        why = last_line(disruption.get("message") or "") or disruption.get("reason", "")
        return Problem("Evicted", f"it had to leave its node ({why}) and starts elsewhere")
    if has_stopped_as_asked(pod):
        return Problem("Evicted", "it saved and ended because it was asked to, and starts again")
    return None


def _evicted(status: dict[str, Any]) -> Problem | None:
    if status.get("phase") != "Failed":
        return None
    return Problem("Evicted", status.get("message") or "it was evicted")
