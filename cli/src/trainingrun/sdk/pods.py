"""Pods as members, and events of the API server as ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from trainingrun_reconciler.kinds import POD
from trainingrun_reconciler.manifests.metadata import ROLE_LABEL, UID_LABEL
from trainingrun_reconciler.views import PodView, view_of

from trainingrun.sdk import Event, Member
from trainingrun.sdk.session import Session

Document = dict[str, Any]
_EARLIEST: Final = datetime.fromtimestamp(0, tz=UTC)


async def pods_of(session: Session, namespace: str, uid: str, role: str | None) -> list[Document]:
    """Return the pods of a run, or of one role of it, by role and name."""
    selector = f"{UID_LABEL}={uid}" + (f",{ROLE_LABEL}={role}" if role else "")
    found = await session.get(POD.path(namespace), labelSelector=selector)
    pods: list[Document] = found["items"]
    return sorted(pods, key=lambda pod: (_role_of(pod), pod["metadata"]["name"]))


def member_from(pod: Document) -> Member:
    """Return the member that a pod is."""
    view = view_of(POD, pod)
    assert isinstance(view, PodView)
    started = view.started_at
    return Member(
        role=view.identity.role,
        name=view.identity.name,
        ready=view.ready and not view.ended,
        restarts=view.restarts,
        started_at=datetime.fromtimestamp(started, tz=UTC) if started is not None else None,
        endpoint=view.address,
        draining=view.identity.deleting,
        node=pod["spec"].get("nodeName"),
        problem=_problem(view, pod),
    )


def event_from(document: Document) -> Event:
    """Return an event as the API server has it."""
    series = document.get("series") or {}
    metadata = document["metadata"]
    at = (
        series.get("lastObservedTime")
        or document.get("eventTime")
        or document.get("deprecatedLastTimestamp")
        or metadata.get("creationTimestamp")
    )
    return Event(
        at=datetime.fromisoformat(at) if at else _EARLIEST,
        reason=document.get("reason", ""),
        message=document.get("note", ""),
        warning=document.get("type") == "Warning",
        count=series.get("count") or document.get("deprecatedCount") or 1,
    )


def _role_of(pod: Document) -> str:
    return str((pod["metadata"].get("labels") or {}).get(ROLE_LABEL, ""))


def _problem(view: PodView, pod: Document) -> str:
    if view.problem is not None and not view.ready:
        return view.problem.message
    return str(pod.get("status", {}).get("phase", "")).lower() if view.ended else ""
