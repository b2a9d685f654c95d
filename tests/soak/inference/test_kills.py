"""Servers and clients that are killed under load, again and again, while weights change.

Whatever is killed, and when: the clients that live have an answer to every round, and each answer
is what the weights of the generation that it names compute, or the local evaluator's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest
from trainingrun_contracts.inference_frames import Hello, encode_hello, encode_request, speaker_of

from testkit.roles import asking_client
from testkit.roles.inference_bed import (
    LOCAL,
    SPEC,
    InferenceBed,
    inference_bed,
    load_of,
    request_of,
)
from testkit.servers.redis_server import start_redis
from testkit.soak_share import share_of
from testkit.waiting import until

KILLS: Final = 100
CLIENTS: Final = 3
SECONDS: Final = 120.0


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[InferenceBed]:
    """A run whose one server answers by publication 1."""
    (tmp_path / "redis").mkdir()
    with start_redis(tmp_path / "redis") as redis, inference_bed(tmp_path, redis) as made:
        made.publish(1)
        made.start_server()
        made.wait_for()
        yield made


def test_servers_are_killed(bed: InferenceBed) -> None:
    """kill -9 between two answers: rounds are valued here until the next server is there."""
    server, random = bed.servers[0], Random(1)
    with load_of(bed, CLIENTS) as seen:
        for number in range(1, share_of(KILLS) + 1):
            rounds = [len(each) + random.randrange(1, 8) for each in seen]
            until(
                lambda at=rounds: all(map(_has_more, seen, at)),  # type: ignore[misc]
                seconds=SECONDS,
                what=f"rounds before kill {number}",
            )
            server.kill()
            bed.publish(number + 1)
            until(lambda: all(each[-1] == LOCAL for each in seen), seconds=SECONDS, what="local")
            server.start()
            until(
                lambda at=number + 1: all(each[-1] == at for each in seen),  # type: ignore[misc]
                seconds=SECONDS,
                what=f"answers of generation {number + 1}",
            )
    for each in seen:
        remote = [generation for generation in each if generation != LOCAL]
        assert remote == sorted(remote)


def test_clients_are_killed(bed: InferenceBed) -> None:
    """kill -9 of processes with requests on their way: the others are answered as before."""
    known = bed.known()
    speaker = speaker_of(bed.config.run_id, SPEC, bed.config.learner.network)
    request = request_of(3, 64)
    frames = (
        encode_hello(Hello(speaker, "killed", known.token)),
        encode_request(7, request.observations, request.legal),
    )
    with load_of(bed, CLIENTS) as seen:
        for number in range(1, share_of(KILLS) + 1):
            client = asking_client.start(known.addresses[0], frames)
            bed.publish(number + 1)
            until(
                lambda at=number + 1: all(each and each[-1] == at for each in seen),  # type: ignore[misc]
                seconds=SECONDS,
                what=f"answers of generation {number + 1}",
            )
            client.kill()
            client.communicate()
    assert LOCAL not in {generation for each in seen for generation in each}
    (report,) = bed.reports()
    assert report.connections <= CLIENTS + 1
    assert "Traceback" not in bed.servers[0].log.read_text()


def _has_more(seen: list[int], rounds: int) -> bool:
    return len(seen) >= rounds
