"""Logs of many pods as one stream of lines.

What has been written is merged by the kubelets' times; what is still being written comes as it
comes. A pod that appears while its run is followed is followed too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from trainingrun_reconciler.errors import ApiError
from trainingrun_reconciler.kinds import POD

from trainingrun.sdk import LogLine, LogQuery, Refused
from trainingrun.sdk.pods import pods_of
from trainingrun.sdk.session import Session

_POLL_SECONDS: Final = 3.0
_WAITING: Final = 1000
_SECONDS_LENGTH: Final = len("2006-01-02T15:04:05")


async def pod_logs(
    session: Session, namespace: str, uid: str, query: LogQuery
) -> AsyncGenerator[LogLine, None]:
    """Lines of the pods that the query names.

    Raises:
        Refused: there is no such pod, or none whose log can be read.
        ApiError: the API server refused.
    """
    names = await _names(session, namespace, uid, query)
    if not names:
        what = query.member or (f"role {query.role}" if query.role else "the run")
        raise Refused(
            f"{what} has no pod now: trainingrun status shows the roles and what keeps them"
        )
    if query.follow:
        async for line in _followed(session, namespace, uid, query):
            yield line
        return
    found: list[tuple[str, LogLine]] = []
    refusals: list[ApiError] = []
    for name in names:
        try:
            async for text in _read(session, namespace, name, query):
                found.append(_parted(name, text))
        except ApiError as error:
            refusals.append(error)
    if len(refusals) == len(names):
        raise refusals[0]
    for _, line in sorted(found, key=lambda each: each[0]):
        yield line


async def _followed(
    session: Session, namespace: str, uid: str, query: LogQuery
) -> AsyncGenerator[LogLine, None]:
    arrived: asyncio.Queue[LogLine] = asyncio.Queue(maxsize=_WAITING)
    following = asyncio.create_task(_follow_all(session, namespace, uid, query, arrived))
    try:
        while True:
            getting = asyncio.create_task(arrived.get())
            done, _ = await asyncio.wait({getting, following}, return_when=asyncio.FIRST_COMPLETED)
            if getting not in done:
                getting.cancel()
                following.result()  # it never returns, so this raises what ended it
                return
            yield getting.result()
    finally:
        following.cancel()


async def _follow_all(
    session: Session, namespace: str, uid: str, query: LogQuery, arrived: asyncio.Queue[LogLine]
) -> None:
    """Follow every pod, also those that come later; for ever."""
    followed: dict[str, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            names = await _names(session, namespace, uid, query)
            for name in [each for each in followed if each not in names]:
                followed.pop(name).cancel()
            for name in [each for each in names if each not in followed]:
                work = _follow_one(session, namespace, name, query, arrived)
                followed[name] = group.create_task(work)
            await asyncio.sleep(_POLL_SECONDS)


async def _follow_one(
    session: Session, namespace: str, name: str, query: LogQuery, arrived: asyncio.Queue[LogLine]
) -> None:
    """One pod's lines over all the lives of its container; each line once, by its time."""
    last = ""
    while True:
        # A container that has not started has no log; the next poll may find it.
        with contextlib.suppress(ApiError):
            async for line in _read(session, namespace, name, query, since=last):
                time, parted = _parted(name, line)
                if time > last:
                    last = time
                    await arrived.put(parted)
        await asyncio.sleep(_POLL_SECONDS)


async def _names(session: Session, namespace: str, uid: str, query: LogQuery) -> list[str]:
    pods = await pods_of(session, namespace, uid, query.role)
    names = [str(pod["metadata"]["name"]) for pod in pods]
    return [name for name in names if query.member in (None, name)]


def _read(
    session: Session, namespace: str, name: str, query: LogQuery, *, since: str = ""
) -> AsyncIterator[str]:
    options = {"timestamps": "true"}
    if query.tail is not None and not since:
        options["tailLines"] = str(query.tail)
    if query.previous:
        options["previous"] = "true"
    if query.follow:
        options["follow"] = "true"
    if since:
        options["sinceTime"] = f"{since[:_SECONDS_LENGTH]}Z"
    return session.lines(POD.path(namespace, name) + "/log", **options)


def _parted(name: str, line: str) -> tuple[str, LogLine]:
    """Return the kubelet's time of a line, all of one length, and the line."""
    time, _, text = line.partition(" ")
    return time, LogLine(name, text)
