"""The Replay service over its socket: recorded, sampled, held, killed, full, without its bucket."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_league.replay.journal import read_records
from trainingrun_league.replay.records import Batch

from testkit.league.league_process import LeagueProcess
from testkit.league.replay_writer import ReplayWriter, name_of
from testkit.servers.s3_server import S3Server
from testkit.servers.server_process import BedError
from testkit.servers.small_disk import fill_up, small_file_system
from testkit.waiting import until

MIB = 1024**2


def service(tmp_path: Path, *settings: str, **more: Any) -> LeagueProcess:
    """A league of the Replay service alone, with settings of its own."""
    arguments = [f"--set=replay.{each}" for each in settings]
    return LeagueProcess(tmp_path / "league", services="replay", arguments=arguments, **more)


@contextmanager
def stub_of(league: LeagueProcess, **caller: str) -> Iterator[ReplayServiceStub]:
    """A client."""
    with league.blocking("replay", **caller) as channel:
        yield ReplayServiceStub(channel)


def sample(size: int, *, seconds: float = 10, **more: Any) -> pb.GetExperienceBatchRequest:
    """A prioritised sample."""
    wait = Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))
    given = {"sampling": pb.SAMPLING_PRIORITISED, "beta": 0.4} | more
    return pb.GetExperienceBatchRequest(size=size, wait=wait, **given)


def everything(stub: ReplayServiceStub) -> list[Any]:
    """Names of all items that can be sampled, by drawing until none is missing."""
    count = stub.GetStats(pb.GetStatsRequest()).items
    found: dict[int, bytes] = {}
    for _ in range(200):
        request = sample(4096, sampling=pb.SAMPLING_UNIFORM)
        for item in stub.GetExperienceBatch(request).items:
            found[item.id] = item.data
        if len(found) == count:
            return [name_of(data) for data in found.values()]
    raise AssertionError(f"{len(found)} of {count} items in 200 batches")


def test_what_was_recorded_is_sampled_with_its_weights(tmp_path: Path) -> None:
    """Items as they were, probabilities and importance weights by the formula, and the totals."""
    with service(tmp_path, "alpha=0.5") as league, stub_of(league) as stub:
        priorities = [1.0, 4.0, 9.0, 16.0]
        items = [
            pb.Item(data=b"%d" % place, experiences=64, priority=priority)
            for place, priority in enumerate(priorities)
        ]
        request = pb.RecordExperienceRequest(source="a", sequence=1, items=items)
        assert not stub.RecordExperience(request).repeated_batch
        answer = stub.GetExperienceBatch(sample(4096, reader="learner"))
        exact = np.sqrt(priorities) / np.sqrt(priorities).sum()
        for item in answer.items:
            place = int(item.data)
            assert item.id == place + 1
            assert item.probability == pytest.approx(exact[place])
            assert item.weight == pytest.approx((exact.min() / exact[place]) ** 0.4)
            assert item.experiences == 64
        counts = np.bincount([int(item.data) for item in answer.items], minlength=4)
        assert np.abs(counts / 4096 - exact).max() < 0.05
        stats = stub.GetStats(pb.GetStatsRequest())
        assert (stats.items, stats.experiences, stats.recorded) == (4, 256, 256)
        assert (stats.sampled, stats.first_sampled) == (4096 * 64, 256)
        assert 'read_experiences_total{reader="learner"} 262144.0' in league.metrics()


def test_a_repeated_batch_is_recorded_once(tmp_path: Path) -> None:
    """Unary, on a stream, at once with itself, and after a kill."""
    writer = ReplayWriter("a")
    with service(tmp_path) as league:
        with stub_of(league) as stub:
            calls = [stub.RecordExperience.future(writer.request(1)) for _ in range(8)]
            assert sorted(call.result().repeated_batch for call in calls) == [False] + [True] * 7
            streamed = stub.StreamExperience(
                iter([pb.StreamExperienceRequest(batch=writer.request(n)) for n in (1, 2, 2, 3)])
            )
            assert [each.result.repeated_batch for each in streamed] == [True, False, True, False]
        league.kill()
        league.start()
        with stub_of(league) as stub:
            assert stub.RecordExperience(writer.request(3)).repeated_batch
            assert stub.GetStats(pb.GetStatsRequest()).items == 3 * writer.items


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """kill -9 in the middle of a stream: all acknowledged items are there, each once; the totals
    close; and the sender, which sends again what was not acknowledged, goes on."""
    writer = ReplayWriter("a", padding=5000)
    with service(tmp_path, "file_bytes=300000") as league:
        with stub_of(league) as stub:
            requests = (pb.StreamExperienceRequest(batch=writer.request(n)) for n in _from(1))
            answers = stub.StreamExperience(requests)
            for answer in itertools.islice(answers, 100):
                writer.acknowledged.add(answer.sequence)
            league.kill()
        league.start()
        with stub_of(league) as stub:
            names = everything(stub)
            assert len(set(names)) == len(names)
            assert {name.sequence for name in names} >= writer.acknowledged
            for number in range(1, 201):
                stub.RecordExperience(writer.request(number))
            stats = stub.GetStats(pb.GetStatsRequest())
            assert stats.items >= 200 * writer.items
            assert stats.recorded == stats.first_sampled + stats.stored_unsampled


def _from(first: int) -> Iterator[int]:
    return itertools.count(first)


def test_the_limiter_holds_both_sides(tmp_path: Path) -> None:
    """One sample for each insert: readers wait for writers, writers for readers, and each is told
    so when its wait is over; nothing was recorded or sampled then."""
    settings = ("samples_per_insert=1", "tolerance=0", "least=10")
    with service(tmp_path, *settings) as league, stub_of(league) as stub:
        writer = ReplayWriter("a")
        assert not stub.GetExperienceBatch(sample(1, seconds=0.1)).items
        reading = stub.GetExperienceBatch.future(sample(8))
        stub.RecordExperience(writer.request(1))
        assert len(reading.result().items) == 8
        held = _first_that_is_held(stub, writer)
        stats = stub.GetStats(pb.GetStatsRequest())
        assert stats.recorded == (held - 1) * writer.experiences
        assert stats.writers_held_seconds > 0.05
        writing = stub.RecordExperience.future(writer.request(held))
        while not writing.done():
            stub.GetExperienceBatch(sample(8, seconds=0.1))
        assert not writing.result().held
        assert not writing.result().repeated_batch


def _first_that_is_held(stub: Any, writer: ReplayWriter) -> int:
    """Return the number of the first batch after the first that is held: how many experiences the
    eight sampled items have is chance, at most 32, and a batch has 10."""
    for number in range(2, 8):
        request = writer.request(number)
        request.wait.CopyFrom(Duration(nanos=100_000_000))
        if stub.RecordExperience(request).held:
            return number
    raise AssertionError("no batch was held")


def test_a_stream_of_batches_waits_for_its_reader(tmp_path: Path) -> None:
    """A reader that takes three batches and then none: the service stops sampling for it after
    what the connection holds."""
    with service(tmp_path) as league, stub_of(league) as stub:
        writer = ReplayWriter("a", items=64, padding=16_000)
        for number in range(1, 5):
            stub.RecordExperience(writer.request(number))
        stream = stub.StreamExperienceBatches(
            pb.StreamExperienceBatchesRequest(request=sample(256))
        )
        for _ in range(3):
            assert len(next(stream).items) == 256
        seen = -1

        def has_stopped() -> bool:
            nonlocal seen
            before, seen = seen, stub.GetStats(pb.GetStatsRequest()).sampled
            return seen == before

        until(has_stopped, what="the stream waits", seconds=20, every=0.5)
        batch = 256 * 65 / 2  # experiences, in the mean
        assert seen < 40 * batch
        stream.cancel()


BAD: list[tuple[str, Callable[[ReplayServiceStub], Any], grpc.StatusCode, str]] = [
    (
        "no source",
        lambda s: s.RecordExperience(ReplayWriter("").request(1)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "source",
    ),
    (
        "sequence 0",
        lambda s: s.RecordExperience(ReplayWriter("a").request(0)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "from 1",
    ),
    (
        "far ahead",
        lambda s: s.RecordExperience(ReplayWriter("a").request(5000)),
        grpc.StatusCode.FAILED_PRECONDITION,
        "take another name",
    ),
    (
        "no items",
        lambda s: s.RecordExperience(ReplayWriter("a", items=0).request(1)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "1 to 4096",
    ),
    (
        "too many items",
        lambda s: s.RecordExperience(_with([pb.Item(data=b"x", experiences=1)] * 4097)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "1 to 4096",
    ),
    (
        "an empty item",
        lambda s: s.RecordExperience(_with([pb.Item(experiences=1)])),
        grpc.StatusCode.INVALID_ARGUMENT,
        "the least 0",
    ),
    (
        "an item of nothing",
        lambda s: s.RecordExperience(_with([pb.Item(data=b"x")])),
        grpc.StatusCode.INVALID_ARGUMENT,
        "experiences",
    ),
    (
        "a large item",
        lambda s: s.RecordExperience(_with([pb.Item(data=bytes(9 * MIB), experiences=1)])),
        grpc.StatusCode.INVALID_ARGUMENT,
        "an item takes",
    ),
    (
        "a large message",
        lambda s: s.RecordExperience(_with([pb.Item(data=bytes(40 * MIB), experiences=1)])),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "larger than max",
    ),
    *(
        (
            f"priority {priority}",
            lambda s, p=priority: s.RecordExperience(  # type: ignore[misc]
                _with([pb.Item(data=b"x", experiences=1, priority=p)])
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            "priorities",
        )
        for priority in (-1.0, float("nan"), float("inf"), 1e-12, 1e12)
    ),
    (
        "a long wait",
        lambda s: s.GetExperienceBatch(sample(1, seconds=61)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "wait",
    ),
    (
        "size 0",
        lambda s: s.GetExperienceBatch(sample(0)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "size",
    ),
    (
        "size 5000",
        lambda s: s.GetExperienceBatch(sample(5000)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "size",
    ),
    (
        "no sampling",
        lambda s: s.GetExperienceBatch(sample(1, sampling=0)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "sampling",
    ),
    (
        "beta",
        lambda s: s.GetExperienceBatch(sample(1, beta=float("nan"))),
        grpc.StatusCode.INVALID_ARGUMENT,
        "beta",
    ),
    (
        "a long name",
        lambda s: s.GetExperienceBatch(sample(1, reader="r" * 300)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "reader",
    ),
    (
        "a priority too few",
        lambda s: s.UpdatePriorities(pb.UpdatePrioritiesRequest(ids=[1, 2], priorities=[1])),
        grpc.StatusCode.INVALID_ARGUMENT,
        "as many of both",
    ),
]


def _with(items: list[pb.Item]) -> pb.RecordExperienceRequest:
    return pb.RecordExperienceRequest(source="a", sequence=1, items=items)


def test_bad_input_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Each with its code and what to do; nothing is recorded, no number is used up, and the service
    goes on."""
    with service(tmp_path) as league, stub_of(league) as stub:
        for name, call, code, words in BAD:
            with pytest.raises(grpc.RpcError) as caught:
                call(stub)
            assert caught.value.code() is code, name
            assert words in caught.value.details(), name
        assert stub.GetStats(pb.GetStatsRequest()).items == 0
        assert not stub.RecordExperience(ReplayWriter("a").request(1)).repeated_batch
        assert "Traceback" not in league.log.read_text()


def test_a_player_may_do_nothing_here(tmp_path: Path) -> None:
    """Who writes experience decides what is learnt: services alone."""
    with (
        service(tmp_path) as league,
        stub_of(league, subject="person/anna", audience="players") as stub,
    ):
        for call in (
            lambda: stub.RecordExperience(ReplayWriter("a").request(1)),
            lambda: stub.GetStats(pb.GetStatsRequest()),
            lambda: list(stub.StreamExperience(iter([]))),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call()
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_priorities_are_set_once_for_each_key(tmp_path: Path) -> None:
    """A repetition is answered as the first time, another request under the same key is refused,
    items that are gone are counted; a kill keeps what was set."""
    with service(tmp_path, "alpha=1") as league:
        with stub_of(league) as stub:
            stub.RecordExperience(ReplayWriter("a").request(1))
            first = pb.UpdatePrioritiesRequest(
                idempotency_key="k", ids=[1, 2**63, 999], priorities=[7, 1, 1]
            )
            assert stub.UpdatePriorities(first) == pb.UpdatePrioritiesResponse(updated=1, unknown=2)
            second = pb.UpdatePrioritiesRequest(ids=[1], priorities=[50])
            stub.UpdatePriorities(second)
            assert stub.UpdatePriorities(first).updated == 1
            other = pb.UpdatePrioritiesRequest(idempotency_key="k", ids=[2], priorities=[1])
            with pytest.raises(grpc.RpcError) as caught:
                stub.UpdatePriorities(other)
            assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
            assert stub.GetStats(pb.GetStatsRequest()).sum_of_priorities == 53
        league.kill()
        league.start()
        with stub_of(league) as stub:
            assert stub.GetStats(pb.GetStatsRequest()).sum_of_priorities == 53


def test_memory_is_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    """Twice what the table may hold: the newest are there, and files of the others are removed."""
    settings = ("bytes=67108864", "file_bytes=8388608")
    with service(tmp_path, *settings) as league, stub_of(league) as stub:
        writer = ReplayWriter("a", items=4, padding=MIB)
        for number in range(1, 33):
            stub.RecordExperience(writer.request(number))
        stats = stub.GetStats(pb.GetStatsRequest())
        assert stats.bytes <= 64 * MIB
        assert stats.items < 64
        assert {name.sequence for name in everything(stub)} == set(range(17, 33))
        assert stats.recorded == stats.experiences + stats.evicted
        assert stats.evicted == stats.evicted_unsampled
        until(
            lambda: stub.GetStats(pb.GetStatsRequest()).journal_bytes < 80 * MIB,
            what="files of evicted items go",
            seconds=20,
        )


def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED while it is full; sampling goes on; with room again all goes on, and what
    was acknowledged is there after a kill."""
    (tmp_path / "league").mkdir()
    with (
        small_file_system(tmp_path / "league" / "replay", megabytes=32) as disk,
        service(tmp_path) as league,
    ):
        writer = ReplayWriter("a", padding=200_000)
        with stub_of(league) as stub:
            stub.RecordExperience(writer.request(1))
            filler = fill_up(disk)
            with pytest.raises(grpc.RpcError) as caught:
                stub.RecordExperience(writer.request(2))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "make room" in caught.value.details()
            assert len(stub.GetExperienceBatch(sample(10)).items) == 10
            assert "journal_failing 1.0" in league.metrics()
            filler.unlink()
            assert not stub.RecordExperience(writer.request(2)).repeated_batch
            assert "journal_failing 0.0" in league.metrics()
        league.kill()
        league.start()
        with stub_of(league) as stub:
            assert {name.sequence for name in everything(stub)} == {1, 2}


def test_the_archive_waits_for_its_bucket(tmp_path: Path) -> None:
    """Evicted files go to the bucket, whole. While it is down they wait, and the service goes on;
    then they go, each once, and hold every item that was evicted."""
    with S3Server(tmp_path / "s3") as s3:
        bucket = s3.create_bucket("experiences")
        league = service(
            tmp_path,
            "bytes=67108864",
            "file_bytes=8388608",
            "archive=true",
            variables=s3.environment(),
        )
        league.arguments = [*league.arguments, "--artefacts", f"s3://{bucket}/league"]
        with league, stub_of(league) as stub:
            writer = ReplayWriter("a", items=4, padding=MIB)
            s3.stop()
            for number in range(1, 41):
                stub.RecordExperience(writer.request(number))
            until(
                lambda: "archive_failures 0.0" not in league.metrics(),
                what="the archive has failed",
                seconds=60,
            )
            assert stub.GetStats(pb.GetStatsRequest()).archived == 0
            assert len(stub.GetExperienceBatch(sample(16)).items) == 16
            s3.start()
            until(
                lambda: stub.GetStats(pb.GetStatsRequest()).journal_bytes < 80 * MIB,
                what="the files are archived",
                seconds=90,
            )
            archived = stub.GetStats(pb.GetStatsRequest()).archived
        names = []
        client = s3.client()
        for each in client.list_objects_v2(Bucket=bucket)["Contents"]:
            path = tmp_path / "archived"
            path.write_bytes(client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
            for record, _ in read_records(path):
                if isinstance(record, Batch):
                    names += [name_of(data) for data in record.items.data]
        assert len(set(names)) == len(names)
        assert sorted({name.sequence for name in names}) == list(range(1, len(names) // 4 + 1))
        assert archived == len(names) // 4 * writer.experiences


def test_a_folder_has_one_service(tmp_path: Path) -> None:
    """A second process on the same folder ends with a sentence; the first goes on."""
    with service(tmp_path) as league, stub_of(league) as stub:
        second = LeagueProcess(league.folder, services="replay")
        process = second.launch()
        with pytest.raises(BedError, match="another Replay service"):
            process.wait_until(lambda: False, "it is refused", seconds=60)
        stub.RecordExperience(ReplayWriter("a").request(1))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("items=0", "items"),
        ("alpha=steep", "alpha"),
        ("bytes=5", "bytes"),
        ("colour=red", "colour"),
    ],
)
def test_a_setting_out_of_its_bounds_ends_the_start(
    tmp_path: Path, setting: str, words: str
) -> None:
    """With the name of the setting, and no traceback."""
    league = service(tmp_path, setting)
    process = league.launch()
    assert process.end(seconds=60) == 2
    assert words in league.log.read_text()
    assert "Traceback" not in league.log.read_text()


def recorded(stub: ReplayServiceStub, table: str, **more: Any) -> pb.RecordExperienceResponse:
    """Record an item of 10 experiences in a table."""
    given = {"source": "a", "sequence": 1, "wait": Duration(seconds=0)} | more
    items = [pb.Item(data=table.encode(), experiences=10, priority=1.0)]
    return stub.RecordExperience(pb.RecordExperienceRequest(table=table, items=items, **given))


def stats_of(stub: ReplayServiceStub, table: str) -> pb.GetStatsResponse:
    """The figures of a table."""
    return stub.GetStats(pb.GetStatsRequest(table=table))


def test_tables_have_their_own_items_limiters_and_senders_through_a_kill(tmp_path: Path) -> None:
    """Two runs: one is held by its limiter, the other is not; a kill changes nothing of it."""
    strict = pb.TableSettings(samples_per_insert=1.0, tolerance=0.0, least=1)
    with service(tmp_path) as league:
        with stub_of(league) as stub:
            assert stub.OpenTable(pb.OpenTableRequest(table="held", settings=strict)).created
            assert stub.OpenTable(pb.OpenTableRequest(table="free")).created
            assert not stub.OpenTable(pb.OpenTableRequest(table="held", settings=strict)).created
            assert not recorded(stub, "held").held
            assert recorded(stub, "held", sequence=2).held
            assert not recorded(stub, "free").repeated_batch
            assert not recorded(stub, "free", sequence=2).held
        league.kill()
        league.start()
        with stub_of(league) as stub:
            assert stats_of(stub, "held").recorded == 10
            assert stats_of(stub, "free").recorded == 20
            assert stats_of(stub, "").recorded == 0
            assert recorded(stub, "held").repeated_batch
            assert recorded(stub, "held", sequence=2).held
            found = stub.GetExperienceBatch(sample(4, table="free")).items
            assert {item.data for item in found} == {b"free"}


def test_a_table_whose_settings_cannot_be_read_stops_no_other_one(tmp_path: Path) -> None:
    """The service starts and serves the other tables; calls for this one say what to do."""
    with service(tmp_path) as league:
        with stub_of(league) as stub:
            for name in ("torn", "whole"):
                stub.OpenTable(pb.OpenTableRequest(table=name))
                recorded(stub, name)
        league.kill()
        (settings,) = league.folder.rglob("tables/torn/settings.json")
        settings.write_bytes(settings.read_bytes()[:7])
        league.start()
        with stub_of(league) as stub:
            assert stats_of(stub, "whole").recorded == 10
            for call in (
                lambda: stub.OpenTable(pb.OpenTableRequest(table="torn")),
                lambda: stats_of(stub, "torn"),
            ):
                with pytest.raises(grpc.RpcError) as refused:
                    call()
                assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
                assert "repair the folder" in str(refused.value.details())


def test_numbers_that_were_passed_over_are_known(tmp_path: Path) -> None:
    """A source with a gap larger than the window goes on, and nothing in the gap is taken."""
    with service(tmp_path) as league:
        with stub_of(league) as stub:
            stub.OpenTable(pb.OpenTableRequest(table="run"))
            recorded(stub, "run")
            with pytest.raises(grpc.RpcError) as refused:
                recorded(stub, "run", sequence=5000)
            assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert not recorded(stub, "run", sequence=5000, passed_over=4999).repeated_batch
        league.kill()
        league.start()
        with stub_of(league) as stub:
            assert recorded(stub, "run", sequence=4000).repeated_batch
            assert not recorded(stub, "run", sequence=5001).repeated_batch
            assert stats_of(stub, "run").recorded == 30


@pytest.mark.parametrize(
    ("request_of", "code", "why"),
    [
        (pb.OpenTableRequest(table="../x"), grpc.StatusCode.INVALID_ARGUMENT, "letters"),
        (
            pb.OpenTableRequest(table="a", settings=pb.TableSettings(alpha=9)),
            grpc.StatusCode.INVALID_ARGUMENT,
            "alpha",
        ),
        (
            pb.OpenTableRequest(table="there", settings=pb.TableSettings(items=7)),
            grpc.StatusCode.FAILED_PRECONDITION,
            "other settings: items is 9, not 7",
        ),
    ],
)
def test_a_table_is_refused_with_a_sentence(
    tmp_path: Path, request_of: pb.OpenTableRequest, code: grpc.StatusCode, why: str
) -> None:
    """What no table can be, or is not."""
    with service(tmp_path) as league, stub_of(league) as stub:
        there = pb.TableSettings(items=9)
        stub.OpenTable(pb.OpenTableRequest(table="there", settings=there))
        with pytest.raises(grpc.RpcError) as refused:
            stub.OpenTable(request_of)
        assert refused.value.code() is code
        assert why in refused.value.details()
        with pytest.raises(grpc.RpcError) as unknown:
            stats_of(stub, "nowhere")
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
