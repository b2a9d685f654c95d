"""Lines of a watch that are no changes: the informer continues, and what comes after is
reported."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from trainingrun_operator.kube.client import Client, load_configuration
from trainingrun_operator.kube.informer import Informer, Scope
from trainingrun_reconciler.kinds import CONFIG_MAP, Kind

from testkit.control_plane.api_proxy import ApiProxy
from testkit.control_plane.plane import ControlPlane

SECONDS = 20.0
LINES = {
    "error": b'{"type":"ERROR","object":{"code":"x","message":5}}\n',
    "error-of-no-number": b'{"type":"ERROR","object":{"code":true,"message":null}}\n',
    "bookmark": b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"x"}}}\n',
    "bookmark-of-no-text": b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":[]}}}\n',
}


@pytest.mark.parametrize("kind", LINES)
def test_an_informer_outlives_a_line_that_is_no_change(
    kind: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """Expect one informer throughout, which lists anew where its place cannot be used."""
    told: list[str] = []

    def listen(_kind: Kind, document: dict[str, Any], *, gone: bool = False) -> None:
        told.append(document["metadata"]["name"])

    async def follow(proxy: ApiProxy) -> None:
        path = proxy.kubeconfig(control_plane.kubeconfig, tmp_path)
        client = Client(await load_configuration(path))
        informer = Informer(client, Scope(CONFIG_MAP, namespace, "bed=spoilt"), listen)
        task = asyncio.create_task(informer.run())
        try:
            await until(lambda: proxy.has_watch, task)
            await asyncio.to_thread(proxy.inject, LINES[kind])
            await asyncio.to_thread(proxy.cut)
            await asyncio.to_thread(create)
            await until(lambda: "later" in told, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await client.close()

    def create() -> None:
        control_plane.kubectl("-n", namespace, "create", "configmap", "later")
        control_plane.kubectl("-n", namespace, "label", "configmap", "later", "bed=spoilt")

    with ApiProxy(control_plane.url, control_plane.certificate) as proxy:
        asyncio.run(follow(proxy))


async def until(holds: Any, task: asyncio.Task[None]) -> None:
    """Wait until something holds, as long as the informer runs."""
    async with asyncio.timeout(SECONDS):
        while not holds():
            if task.done():
                task.result()
            await asyncio.sleep(0.05)
