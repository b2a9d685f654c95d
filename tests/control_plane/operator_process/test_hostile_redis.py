"""Runs whose Redis lies, floods or says nothing: the operator and its other tenants continue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import OperatorProcess, Trainer
from testkit.servers.lying_server import lying_server
from testkit.servers.redis_server import RedisServer

STUCK = 40
"""More than the operator has workers."""
SECRET = "s3cret"
LIES: dict[str, bytes] = {
    "number": b":1\r\n",
    "announced": b"$1000000000\r\nx",
    "array": b"*1000000000\r\n:1\r\n",
    "other": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "echo": f"-ERR unknown command 'EVAL', with args: '{SECRET}' \x1b[2J\r\n".encode(),
}


@pytest.fixture
def neighbour(
    control_plane: ControlPlane,
    operator: OperatorProcess,
    queue_server: RedisServer,
    namespace: str,
) -> Iterator[Trainer]:
    """Makes honest runs in a namespace of its own."""
    other = f"{namespace}-calm"
    control_plane.create_namespace(other)
    made = Trainer(control_plane, other, queue_server)
    yield made
    made.close()


def told(trainer: Trainer, name: str) -> Callable[[], bool]:
    """Whether the run's status says that its Redis cannot be used."""

    def ask() -> bool:
        status: Any = trainer.run(name).get("status") or {}
        found = [each for each in status.get("conditions", ()) if each["type"] == "QueueAvailable"]
        return bool(found) and found[0]["status"] == "False"

    return ask


@pytest.mark.parametrize("kind", LIES)
def test_a_redis_that_lies_costs_its_own_run_alone(
    kind: str, operator: OperatorProcess, trainer: Trainer
) -> None:
    """Its status says so, in no words of the server's that are not fit to be read."""
    with lying_server(lambda _command: LIES[kind]) as server:
        trainer.apply(kind, redis={"url": server.url})
        trainer.wait_until(told(trainer, kind))
        text = str(trainer.run(kind)["status"]) + str(trainer.events(kind))
    assert SECRET not in text
    assert "\\x1b" not in text
    assert operator.ask("/livez") == "ok"
    assert SECRET not in operator.log()
    assert "Traceback" not in operator.log()


def test_silent_redis_servers_of_one_tenant_hold_up_no_other_one(
    operator: OperatorProcess, trainer: Trainer, neighbour: Trainer
) -> None:
    """More of them than the operator has workers; a new run of another namespace begins."""
    with lying_server(lambda _command: None) as server:
        for number in range(STUCK):
            trainer.apply(f"stuck-{number}", redis={"url": f"{server.url[:-1]}{number}"})
        neighbour.start("calm")
        neighbour.wait_for("calm", "Ready")
        trainer.wait_until(told(trainer, "stuck-0"))
    assert operator.ask("/livez") == "ok"
