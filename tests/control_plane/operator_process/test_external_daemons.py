"""A run on daemons outside the cluster: none are made, and what answers is in the status."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from trainingrun_contracts.slots import decode_all

from testkit.operator.operator_process import Trainer, condition

STATUS = (
    b"FORGE DAEMON STATUS\nActive games: 0\nQueued games: 0\nTotal games: 9\nMax concurrent: 7\n"
)


class Daemon:
    """Answers STATUS at one port, while it is open."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        """Answer no one any longer."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client, suppress(OSError):  # who asked may be gone
                client.settimeout(20)
                if client.recv(100) == b"STATUS\n":
                    client.sendall(STATUS)


@pytest.fixture
def daemons() -> Iterator[list[Daemon]]:
    """Two; those that a test leaves open are closed."""
    made = [Daemon(), Daemon()]
    yield made
    for each in made:
        if each.port:
            each.close()


def ready(trainer: Trainer, name: str) -> str:
    """Daemons ready and wanted, as the table shows them."""
    roles = trainer.run(name).get("status", {}).get("roles", ())
    daemon = next((each for each in roles if each["name"] == "daemon"), {})
    return f"{daemon.get('ready')}/{daemon.get('desired')}"


def test_no_daemons_are_made_and_those_that_answer_are_published(
    trainer: Trainer, daemons: list[Daemon]
) -> None:
    """Everything else is made; one that is closed leaves the slots and is reported by its
    address."""
    first, second = daemons
    external = {"endpoints": [first.endpoint, second.endpoint]}
    fleet = trainer.start("outside", daemon={"external": external}, games=100_000)
    trainer.wait_for("outside", "Ready")
    kinds = "deployments,services,poddisruptionbudgets,networkpolicies,jobs"
    names = {each["metadata"]["name"] for each in trainer.objects(kinds, "outside")}
    assert names == {"outside-actor", "outside-evaluator", "outside-learner"}
    trainer.wait_until(lambda: ready(trainer, "outside") == "2/2")  # one is enough to be Ready

    def published() -> dict[str, int]:
        with trainer.queue.client() as client:
            found = decode_all(client.hgetall(fleet.keys.daemons))
        return {endpoint: slot.capacity for endpoint, slot in found.items()}

    trainer.wait_until(lambda: published() == {first.endpoint: 7, second.endpoint: 7})
    second.close()
    second.port = 0
    trainer.wait_until(lambda: ready(trainer, "outside") == "1/2")
    trainer.wait_until(lambda: published() == {first.endpoint: 7})
    told = condition(trainer.run("outside"), "DaemonsAvailable")
    assert (told["status"], told["message"]) == ("True", "1 of 2 external daemons serve games")
    trainer.wait_until(
        lambda: any("cannot be reached" in note for _, note in trainer.events("outside"))
    )
    trainer.patch("outside", f'{{"daemon": {{"external": {{"endpoints": ["{first.endpoint}"]}}}}}}')
    trainer.wait_until(lambda: ready(trainer, "outside") == "1/1")


def test_own_daemons_give_way_to_external_ones(trainer: Trainer, daemons: list[Daemon]) -> None:
    """The Deployment and what belongs to it go when the spec names daemons outside."""
    trainer.start("change", games=100_000)
    trainer.wait_for("change", "Ready")
    endpoint = daemons[0].endpoint
    trainer.patch("change", f'{{"daemon": {{"external": {{"endpoints": ["{endpoint}"]}}}}}}')
    kinds = "deployments,services,poddisruptionbudgets"
    trainer.wait_until(
        lambda: (
            {each["metadata"]["name"] for each in trainer.objects(kinds, "change")}
            == {"change-actor", "change-evaluator"}
        )
    )
    trainer.wait_until(lambda: ready(trainer, "change") == "1/1")
