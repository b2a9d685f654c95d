"""Inference servers and their clients: real processes, a real Redis, TCP."""

from __future__ import annotations

import socket
import struct
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load, save
from trainingrun_actor.selfplay.remote import Servers
from trainingrun_contracts.inference_frames import (
    HEAD,
    Hello,
    Kind,
    encode_hello,
    encode_request,
    speaker_of,
)
from trainingrun_contracts.reports import notices_from

from testkit.ports import free_port
from testkit.roles.inference_bed import (
    LOCAL,
    SPEC,
    Here,
    InferenceBed,
    generations,
    inference_bed,
    load_of,
    policy_of,
    request_of,
    require_right,
    weights_of,
)
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

ROUNDS = 30


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[InferenceBed]:
    """A run of Connect Four without weights and servers."""
    with inference_bed(tmp_path, redis_server) as made:
        yield made


def reasons(bed: InferenceBed) -> list[str]:
    """Of the run's notices."""
    reply: Any = bed.client.lrange(bed.keys.notices, 0, -1)
    return [notice.reason for notice in notices_from(reply)]


def raw_connection(bed: InferenceBed, *, hello: bytes | None = None) -> socket.socket:
    """A connection to the first server, after a hello that it accepts."""
    known = bed.known()
    host, _, port = known.addresses[0].rpartition(":")
    own = socket.create_connection((host, int(port)), timeout=30)
    speaker = speaker_of(bed.config.run_id, SPEC, bed.config.learner.network)
    own.sendall(hello or encode_hello(Hello(speaker, "raw", known.token)))
    return own


def read_all(own: socket.socket) -> bytes:
    """Whatever comes until the other side closes."""
    parts = []
    while True:
        try:
            part = own.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def read_frame(own: socket.socket) -> tuple[int, bytes]:
    """Kind and body of the next frame."""
    head = _exactly(own, HEAD.size)
    length, kind, *_ = HEAD.unpack(head)
    return kind, _exactly(own, length)


def _exactly(own: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = own.recv(size - len(data))
        assert part, "the connection ended"
        data += part
    return data


def test_answers_are_those_of_the_numpy_network(bed: InferenceBed) -> None:
    """Requests of many sizes, larger than a batch too, are answered as numpy answers them."""
    bed.publish(3)
    bed.start_server("inference-0", "--max-batch", "128")
    bed.wait_for()
    evaluator = bed.evaluator()
    for seed, rows in enumerate((1, 2, 32, 100, 128, 129, 1500)):
        request = request_of(seed, rows)
        answer = evaluator.evaluate(request)
        assert answer.generation == 3
        require_right(answer, request)


def test_two_groups_of_games_have_a_request_each_on_its_way(bed: InferenceBed) -> None:
    """Tickets are collected in any order, and each gets its own answer; more than there are
    credits wait for one another."""
    bed.publish(3)
    bed.start_server()
    bed.wait_for()
    evaluator = bed.evaluator()
    requests = [request_of(seed, 8) for seed in range(20)]
    tickets = [evaluator.submit(request) for request in requests]
    for at in (1, 0, *range(19, 1, -1)):
        require_right(evaluator.collect(tickets[at]), requests[at])


def test_weights_are_swapped_between_batches(bed: InferenceBed) -> None:
    """Under load of three clients every answer is right for its one generation, and generations
    of one server only rise."""
    bed.publish(1)
    bed.start_server()
    bed.wait_for()
    with load_of(bed, 3) as seen:
        for number in range(2, 9):
            bed.publish(number)
            until(
                lambda at=number: all(each and each[-1] >= at for each in seen),  # type: ignore[misc]
                seconds=60,
                what=f"answers of generation {number}",
            )
    for each in seen:
        assert each == sorted(each)
        assert LOCAL not in each


def test_searches_go_on_without_their_server_and_come_back(bed: InferenceBed) -> None:
    """kill -9 under load: positions are valued locally, and by the next server once it is there."""
    bed.publish(1)
    server = bed.start_server()
    bed.wait_for()
    with load_of(bed, 2) as seen:
        for turn in range(2):
            until(lambda: all(each and each[-1] == 1 for each in seen), seconds=60, what="answers")
            server.kill()
            until(
                lambda: all(each[-1] == LOCAL for each in seen),
                seconds=60,
                what=f"local answers after kill {turn}",
            )
            server.start()
        until(lambda: all(each[-1] == 1 for each in seen), seconds=60, what="answers again")
    assert {number for each in seen for number in each} == {1, LOCAL}


def test_another_server_takes_over(bed: InferenceBed) -> None:
    """Each client stays with one server, and goes to the other when that one is killed."""
    bed.publish(1)
    servers = [bed.start_server(f"inference-{number}") for number in range(2)]
    bed.wait_for(2)
    members = [f"selfplay-{number}" for number in range(12)]
    evaluators = [bed.evaluator(Here(), member=member) for member in members]
    for evaluator in evaluators:
        assert generations(evaluator, 2) == [1, 1]
    servers[0].kill()
    found = [generations(evaluator, 2) for evaluator in evaluators]
    assert all(each[-1] == 1 for each in found)
    moved = sum(each[0] == LOCAL for each in found)
    assert 0 < moved < len(members)


def test_a_client_that_dies_costs_nobody_else(bed: InferenceBed) -> None:
    """Connections that end in the middle of a request, or before their answers, under load."""
    bed.publish(1)
    server = bed.start_server()
    bed.wait_for()
    request = request_of(0)
    frame = encode_request(5, request.observations, request.legal)
    with load_of(bed, 2) as seen:
        for number in range(20):
            own = raw_connection(bed)
            own.sendall(frame * 3 + frame[: number * 40])
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            own.close()
        rounds = [len(each) for each in seen]
        until(
            lambda: all(len(each) > at for each, at in zip(seen, rounds, strict=True)),
            seconds=60,
            what="answers to the others",
        )
    assert {number for each in seen for number in each} == {1}
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("kind", ["not finite", "another network", "torn", "huge"])
def test_weights_that_cannot_answer_are_refused(bed: InferenceBed, kind: str) -> None:
    """The old ones answer on, the run is told, and the next good ones are taken."""
    bed.publish(1)
    bed.start_server()
    bed.wait_for()
    tensors = load(weights_of(2))
    metadata = {"schema_hash": SPEC.schema_hash, "version": "2", "network": "resnet"}
    if kind == "not finite":
        tensors["stem.weight"][0, 0, 0, 0] = np.nan
    if kind == "another network":
        del tensors["policy.bias"]
    if kind == "huge":  # finite numbers whose products are not
        tensors = {name: np.full_like(each, 3e38) for name, each in tensors.items()}
    blob = save(tensors, metadata)
    bed.publish(2, blob[:-40] if kind == "torn" else blob)
    until(lambda: "WeightsRefused" in reasons(bed), seconds=60, what="a notice")
    evaluator = bed.evaluator()
    assert set(generations(evaluator, 5)) == {1}
    bed.publish(3)
    bed.wait_for(publish=3)
    assert set(generations(evaluator, 5)) == {3}
    assert reasons(bed) == ["WeightsRefused"]


def test_a_server_that_is_asked_to_end_answers_what_it_has(bed: InferenceBed) -> None:
    """SIGTERM: outstanding requests are answered, the report is gone, the exit code is 0; and the
    client goes on by itself."""
    bed.publish(1)
    server = bed.start_server()
    bed.wait_for()
    evaluator = bed.evaluator(Here())
    requests = [request_of(seed, 256) for seed in range(8)]
    tickets = [evaluator.submit(request) for request in requests]
    server.terminate()
    for ticket, request in zip(tickets, requests, strict=True):
        answer = evaluator.collect(ticket)
        assert answer.generation == 1
        require_right(answer, request)
    assert server.exit_code() == 0
    assert bed.known().addresses == ()
    assert generations(evaluator, 2) == [LOCAL, LOCAL]


def test_strangers_are_refused_by_a_sentence(bed: InferenceBed) -> None:
    """Another run, another network or a wrong token: the client hears why, and is not dropped in
    silence; nobody asks without the token."""
    bed.publish(1)
    bed.start_server()
    known = bed.wait_for()
    heard: list[str] = []

    def note(_reason: str, message: str) -> None:
        heard.append(message)

    run_id = bed.config.run_id
    bed.config = msgspec.structs.replace(bed.config, run_id="board-2")
    stranger = bed.evaluator(Here(), notify=note)
    stranger.use(known)
    assert generations(stranger, 2) == [LOCAL, LOCAL]
    bed.config = msgspec.structs.replace(bed.config, run_id=run_id)
    guest = bed.evaluator(Here(), notify=note)
    guest.use(Servers(known.addresses, "guess"))
    assert generations(guest, 2) == [LOCAL, LOCAL]
    assert len(heard) == 2
    assert "belongs to run board-2, and this side to board-1" in heard[0]
    assert "does not know the run's token" in heard[1]
    assert generations(bed.evaluator(), 2) == [1, 1]


def test_whoever_speaks_something_else_is_dropped(bed: InferenceBed) -> None:
    """Oversized, truncated and random bytes, requests beyond the credits or of a wrong size: a
    line in the log for each, and others are answered."""
    bed.publish(1)
    server = bed.start_server()
    bed.wait_for()
    request = request_of(0)
    good = encode_request(5, request.observations, request.legal)
    random = np.random.default_rng(0)
    begun = [
        HEAD.pack(2**31, Kind.REQUEST, 0, 32, 1, 0),
        HEAD.pack(len(good) - HEAD.size, Kind.REQUEST, 0, 31, 1, 0) + good[HEAD.size :],
        HEAD.pack(0, Kind.HELLO, 0, 0, 0, 0),
        good[: HEAD.size] + bytes(len(good) - HEAD.size),
        random.bytes(5000),
        encode_request(1, *_largest()) * 100,
    ]
    for data in begun:
        own = raw_connection(bed)
        assert read_frame(own)[0] == Kind.WELCOME
        with own:
            with suppress(ConnectionError):
                own.sendall(data)
            read_all(own)
    for data in (b"GET / HTTP/1.1\r\n\r\n", random.bytes(100), bytes(100)):
        with raw_connection(bed, hello=data) as own:
            assert read_all(own) == b""
    with raw_connection(bed, hello=good[:10]) as own:
        own.shutdown(socket.SHUT_WR)
        assert read_all(own) == b""
    assert generations(bed.evaluator(), 3) == [1, 1, 1]
    said = server.log.read_text()
    assert said.count(" is dropped: ") == len(begun) + 3
    assert "Traceback" not in said


def _largest() -> tuple[Any, Any]:
    request = request_of(1, 256)
    return request.observations, request.legal


def test_a_client_that_does_not_read_holds_nobody_up(bed: InferenceBed) -> None:
    """It has its credits and no more; the others are answered meanwhile."""
    bed.publish(1)
    bed.start_server()
    bed.wait_for()
    with raw_connection(bed) as own:
        own.sendall(encode_request(1, *_largest()) * 8)
        assert set(generations(bed.evaluator(), ROUNDS)) == {1}


def test_an_outage_of_redis_is_none_of_the_servers(bed: InferenceBed) -> None:
    """It answers on with what it has, and follows the pointer again afterwards."""
    bed.publish(1)
    bed.start_server()
    bed.wait_for()
    evaluator = bed.evaluator()
    bed.server.kill()
    assert set(generations(evaluator, ROUNDS)) == {1}
    bed.server.start()
    bed.publish(2)
    bed.wait_for(publish=2)
    assert set(generations(evaluator, 3)) == {2}


def test_a_server_says_how_it_is(bed: InferenceBed) -> None:
    """Its report, its metrics and its health file."""
    port = free_port()
    bed.start_server(TRAININGRUN_METRICS_PORT=str(port))
    until((bed.folder / "inference-0.health").exists, seconds=60, what="health")
    early = bed.evaluator(Here())
    assert bed.known().addresses == (), "servers without weights are not asked"
    assert generations(early, 1) == [LOCAL]
    bed.publish(4)
    bed.wait_for(publish=4)
    assert generations(bed.evaluator(), 3) == [4, 4, 4]
    report = until_report(bed, positions=96)
    assert (report.publish, report.version, report.connections) == (4, 4, 1)
    assert report.address.startswith("127.0.0.1:")
    assert report.positions_per_second is not None
    assert report.fill == pytest.approx(32 / 256)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
        text = page.read().decode()
    assert 'trainingrun_inference_server_positions_total{by="network"} 96.0' in text
    assert "trainingrun_inference_server_connections 1.0" in text
    assert "trainingrun_weights_publish 4.0" in text


def until_report(bed: InferenceBed, *, positions: int) -> Any:
    """The server's report once it has answered so many positions."""
    found: list[Any] = []

    def is_there() -> bool:
        found[:] = bed.reports()
        return bool(found) and found[0].positions >= positions

    until(is_there, seconds=60, what=f"a report of {positions} positions")
    return found[0]


def test_the_numpy_network_of_a_generation_is_its_own(bed: InferenceBed) -> None:
    """What these tests compare with can tell generations apart."""
    request = request_of(0)
    answer = msgspec.structs.replace(policy_of(1).evaluate(request), generation=2)
    with pytest.raises(AssertionError):
        require_right(answer, request)
