"""The tables of the Replay service over its socket: listed, dropped, and gone by themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration
from trainingrun.local.folder import RunFolder
from trainingrun.local.league_folder import StartedProcess, Up, league_folder
from trainingrun.local.store import document_of
from trainingrun.sdk import LocalLeague, NotFound, Refused, connect_to_league
from trainingrun.sdk.run_tables import keeper_of, mark_run_tables
from trainingrun_api.run import parse
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_league.replay.journal import read_records
from trainingrun_league.replay.records import Batch
from trainingrun_league.server.certificates import authority

from testkit.league.league_process import KEY, NAME, LeagueProcess
from testkit.league.replay_writer import ReplayWriter
from testkit.waiting import until

NOW_UNUSED = "in_use_seconds=0"
GONE_AT_ONCE = Duration()


@contextmanager
def served(tmp_path: Path, *settings: str, **more: Any) -> Iterator[LeagueProcess]:
    """A Replay service."""
    arguments = [f"--set=replay.{each}" for each in settings]
    league = LeagueProcess(tmp_path / "league", services="replay", arguments=arguments, **more)
    with league:
        yield league


@contextmanager
def stub_of(league: LeagueProcess, **caller: str) -> Iterator[ReplayServiceStub]:
    """A client."""
    with league.blocking("replay", **caller) as channel:
        yield ReplayServiceStub(channel)


def opened(stub: ReplayServiceStub, name: str, **more: Any) -> None:
    """A table with a batch in it."""
    stub.OpenTable(pb.OpenTableRequest(table=name, **more))
    record(stub, name, 1)


def record(
    stub: ReplayServiceStub, name: str, sequence: int, *, padding: int = 100
) -> pb.RecordExperienceResponse:
    """Record a batch."""
    request = ReplayWriter("a", padding=padding).request(sequence)
    request.table = name
    return stub.RecordExperience(request)


def names(stub: ReplayServiceStub, keeper: str = "") -> list[str]:
    """Of the tables that are there."""
    return [each.name for each in stub.ListTables(pb.ListTablesRequest(keeper=keeper)).tables]


def drop(stub: ReplayServiceStub, name: str, key: str = "key", **more: Any) -> pb.DropTableResponse:
    """Drop a table."""
    return stub.DropTable(pb.DropTableRequest(idempotency_key=key, table=name, **more))


def refusal(act: Any) -> tuple[grpc.StatusCode, str]:
    """The code and the sentence that a call ends with."""
    with pytest.raises(grpc.RpcError) as refused:
        act()
    return refused.value.code(), refused.value.details()


def folders(league: LeagueProcess) -> list[str]:
    """Whatever is left of named tables on the disk."""
    found = (league.folder / "replay" / each for each in ("tables", "dropped"))
    return sorted(each.name for folder in found if folder.is_dir() for each in folder.iterdir())


def test_a_table_that_is_used_is_dropped_by_force_alone(tmp_path: Path) -> None:
    """Listed with what it holds; refused while somebody uses it; gone with its files when forced,
    over restarts, too; and a name is free again. A player may do nothing of it."""
    with served(tmp_path) as league:
        with stub_of(league) as stub:
            opened(stub, "a")
            opened(stub, "b")
            (table, _) = stub.ListTables(pb.ListTablesRequest()).tables
            assert (table.name, table.items, table.in_use, table.keeper) == ("a", 4, True, "")
            assert not table.HasField("ended_at")
            code, why = refusal(lambda: drop(stub, "a"))
            assert code is grpc.StatusCode.FAILED_PRECONDITION
            assert "in use" in why
            with stub_of(league, subject="person/eve", audience="players") as player:
                for call in (lambda: drop(player, "a", force=True), lambda: names(player)):
                    assert refusal(call)[0] is grpc.StatusCode.PERMISSION_DENIED
            answer = drop(stub, "a", force=True)
            assert (answer.items, answer.experiences, answer.archived_at) == (4, 10, "")
            assert folders(league) == ["b"]
            assert refusal(lambda: record(stub, "a", 2))[0] is grpc.StatusCode.NOT_FOUND
            assert refusal(lambda: drop(stub, "a", "other"))[0] is grpc.StatusCode.NOT_FOUND
            assert refusal(lambda: drop(stub, "", "own"))[0] is grpc.StatusCode.INVALID_ARGUMENT
        league.kill()
        league.start()
        with stub_of(league) as stub:
            assert names(stub) == ["b"]
            opened(stub, "a")
            assert drop(stub, "a", force=True).items == 4, "known by its key, not dropped again"
            assert names(stub) == ["a", "b"]
            reused = refusal(lambda: drop(stub, "b", force=True))
            assert reused[0] is grpc.StatusCode.ALREADY_EXISTS
            page = league.metrics()
            assert "replay_tables 2.0" in page


def test_a_drop_ends_who_waits_and_who_follows(tmp_path: Path) -> None:
    """A writer and a reader that the limiter holds, and a stream of samples, end at once; what was
    dropped still counts in the metrics."""
    strict = pb.TableSettings(samples_per_insert=1.0, tolerance=0.0, least=1)
    empty = pb.GetExperienceBatchRequest(
        table="empty", size=1, sampling=pb.SAMPLING_UNIFORM, wait=Duration(seconds=60)
    )
    with served(tmp_path) as league, stub_of(league) as stub, ThreadPoolExecutor(3) as pool:
        opened(stub, "full", settings=strict)
        stub.OpenTable(pb.OpenTableRequest(table="empty"))
        follow = pb.StreamExperienceBatchesRequest(request=empty)
        calls = [
            lambda: record(stub, "full", 2),
            lambda: stub.GetExperienceBatch(empty, timeout=60),
            lambda: [*stub.StreamExperienceBatches(follow, timeout=60)],
        ]
        waiting = [pool.submit(refusal, each) for each in calls]
        used = {each.name: each for each in stub.ListTables(pb.ListTablesRequest()).tables}
        assert set(used) == {"full", "empty"}
        until(
            lambda: (
                "1 calls" in refusal(lambda: drop(stub, "full"))[1]
                and "2 calls" in refusal(lambda: drop(stub, "empty"))[1]
            ),
            what="all wait",
            seconds=20,
        )
        for name in used:
            drop(stub, name, name, force=True)
        for each in waiting:
            code, why = each.result(timeout=20)
            assert code is grpc.StatusCode.NOT_FOUND
            assert "dropped" in why or "none of this name" in why
        assert "recorded_experiences_total 10.0" in league.metrics()
        assert "replay_tables_dropped_total 2.0" in league.metrics()


def test_what_a_table_holds_may_be_kept_among_the_artefacts(tmp_path: Path) -> None:
    """Every item is in the files that the answer names, which are read as those of an archive; one
    that cannot be archived stays, and serves."""
    with served(tmp_path, NOW_UNUSED, "file_bytes=65536") as league, stub_of(league) as stub:
        opened(stub, "a")
        for sequence in range(2, 20):
            record(stub, "a", sequence, padding=5000)
        artefacts = league.folder / "artefacts"
        artefacts.mkdir(exist_ok=True)
        blocked = artefacts / "replay"
        blocked.write_text("no folder")
        assert refusal(lambda: drop(stub, "a", archive=True))[0] is grpc.StatusCode.UNAVAILABLE
        assert record(stub, "a", 19).repeated_batch
        assert not record(stub, "a", 20).repeated_batch
        blocked.unlink()
        answer = drop(stub, "a", archive=True)
        assert not names(stub)
        files = sorted((artefacts / answer.archived_at).iterdir())
        assert len(files) > 1
        found = [
            each for file in files for each, _ in read_records(file) if isinstance(each, Batch)
        ]
        assert [each.sequence for each in found] == [*range(1, 21)]


def test_a_table_goes_by_itself_once_its_run_is_over(tmp_path: Path) -> None:
    """By its keeper's word and after its time, over a restart as well; not by a stranger's word,
    not while its run goes on, and not when somebody uses it again."""
    with served(tmp_path, NOW_UNUSED) as league:
        with stub_of(league) as stub:
            for name in ("over", "rests", "again"):
                opened(stub, name, keeper="me", keep_ended=GONE_AT_ONCE)
            opened(stub, "later", keeper="me", keep_ended=Duration(seconds=3600))
            opened(stub, "alone")
            assert "rests" in refusal(lambda: drop(stub, "rests"))[1]
            everything = ["over", "later", "alone"]
            stranger = pb.MarkTablesRequest(keeper="you", ended=everything)
            assert stub.MarkTables(stranger).changed == 0
            mine = pb.MarkTablesRequest(keeper="me", ended=everything, live=["rests"])
            assert stub.MarkTables(mine).changed == 2
            until(lambda: "over" not in names(stub), what="it goes", seconds=20)
            assert names(stub) == ["again", "alone", "later", "rests"]
            assert stub.MarkTables(pb.MarkTablesRequest(keeper="me", live=["later"])).changed == 1
            stub.MarkTables(pb.MarkTablesRequest(keeper="me", ended=["later"]))
            stub.OpenTable(pb.OpenTableRequest(table="again", keep_ended=Duration(seconds=3600)))
            stub.MarkTables(pb.MarkTablesRequest(keeper="me", ended=["again"]))
            record(stub, "again", 2)
        league.kill()
        league.start()
        with stub_of(league) as stub:
            tables = {each.name: each for each in stub.ListTables(pb.ListTablesRequest()).tables}
            assert tables["later"].HasField("ended_at")
            assert not tables["again"].HasField("ended_at"), "its use takes the end back"
            assert names(stub, keeper="me") == ["again", "later", "rests"]
            stub.OpenTable(pb.OpenTableRequest(table="later", keep_ended=GONE_AT_ONCE))
            stub.MarkTables(pb.MarkTablesRequest(keeper="me", ended=["later"]))
            until(lambda: "later" not in names(stub), what="it goes", seconds=20)


def test_a_league_that_is_full_says_which_verb_helps(tmp_path: Path) -> None:
    """The bound is a setting; where it is reached the sentence names the verbs."""
    with served(tmp_path, "tables=1") as league, stub_of(league) as stub:
        opened(stub, "a")
        opened(stub, "a")
        code, why = refusal(lambda: opened(stub, "b"))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "trainingrun replay drop" in why
        assert "replay.tables" in why
        drop(stub, "a", force=True)
        opened(stub, "b")


def test_a_kill_while_tables_are_dropped_leaves_each_whole_or_gone(tmp_path: Path) -> None:
    """kill -9 among many drops: those that were answered are gone, every other one is gone or has
    all of its items; and the drops go on with the same keys."""
    count = 6
    with served(tmp_path) as league:
        with stub_of(league) as stub:
            for number in range(count):
                opened(stub, f"t{number}")
            answered: list[str] = []
            first = threading.Event()

            def drop_all() -> None:
                for number in range(count):
                    drop(stub, f"t{number}", f"k{number}", force=True)
                    answered.append(f"t{number}")
                    first.set()

            with ThreadPoolExecutor(1) as pool:
                dropping = pool.submit(drop_all)
                assert first.wait(20)
                league.kill()
                dropping.exception(timeout=20)
        league.start()
        with stub_of(league) as stub:
            left = stub.ListTables(pb.ListTablesRequest()).tables
            assert not {each.name for each in left} & {*answered}
            assert all(each.items == 4 and not each.problem for each in left)
            assert folders(league) == sorted(each.name for each in left)
            for number in range(count):
                drop(stub, f"t{number}", f"k{number}", force=True)
            assert not names(stub)


def test_a_damaged_table_is_dropped_by_force(tmp_path: Path) -> None:
    """It is listed with its problem, refused without force, and gone with it."""
    with served(tmp_path) as league:
        with stub_of(league) as stub:
            opened(stub, "torn")
        league.kill()
        (settings,) = league.folder.rglob("tables/torn/settings.json")
        settings.write_bytes(b"{")
        league.start()
        with stub_of(league) as stub:
            (table,) = stub.ListTables(pb.ListTablesRequest()).tables
            assert "settings.json" in table.problem
            code, why = refusal(lambda: drop(stub, "torn", NOW_UNUSED))
            assert code is grpc.StatusCode.UNAVAILABLE
            assert "replay drop torn --force" in why
            drop(stub, "torn", force=True)
            assert not names(stub)
            opened(stub, "torn")


def write_run(state: Path, name: str, uid: str, *conditions: str) -> None:
    """The folder of a run as a local runtime leaves it."""
    folder = RunFolder(state / name)
    folder.make()
    shown = [
        {
            "type": each,
            "status": "True",
            "reason": "AsExpected",
            "message": "",
            "lastTransitionTime": "2026-11-25T12:00:00Z",
        }
        for each in conditions
    ]
    run = parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": name, "namespace": "local", "uid": uid},
            "spec": {"games": 10, "environment": {"builtIn": {"name": "connect_four"}}},
            "status": {"conditions": shown},
        }
    )
    folder.status.write_bytes(document_of(run))


def test_runs_of_a_machine_say_which_tables_are_of_none(tmp_path: Path) -> None:
    """Complete, failed and deleted runs are over, a suspended one is not; a run that cannot be read
    keeps its table, and so does everything that might be it. By the SDK, whose errors are its own.
    """
    state = tmp_path / "runs"
    folder = league_folder(state, "league")
    keeper = keeper_of(state)
    league = LeagueProcess(folder.root, services="replay", arguments=[f"--set=replay.{NOW_UNUSED}"])
    with league, stub_of(league) as stub:
        folder.up.write_bytes(msgspec.json.encode(Up("connect_four", StartedProcess(2, 0.0))))
        folder.token.write_text(league.token())
        folder.authority.write_bytes(authority(KEY.encode(), NAME))
        write_run(state, "complete", "u-complete", "Complete")
        write_run(state, "failed", "u-failed", "Failed")
        write_run(state, "rests", "u-rests", "Suspended")
        for uid in ("u-complete", "u-failed", "u-rests", "u-deleted"):
            opened(stub, uid, keeper=keeper, keep_ended=Duration(seconds=3600))
        opened(stub, "elsewhere", keeper="operator")
        with connect_to_league(LocalLeague("league", state)) as client:

            def over() -> set[str]:
                return {each.name for each in client.replay_tables() if each.ended_at is not None}

            unreadable = RunFolder(state / "unreadable")
            unreadable.make()
            unreadable.status.write_text("{")
            mark_run_tables(state)
            assert over() == {"u-complete", "u-failed"}
            unreadable.status.unlink()
            mark_run_tables(state)
            assert over() == {"u-complete", "u-failed", "u-deleted"}
            write_run(state, "failed", "u-failed")
            mark_run_tables(state)
            assert over() == {"u-complete", "u-deleted"}
            goes = {each.name: each.goes_at for each in client.replay_tables()}
            assert goes["u-complete"] is not None
            assert goes["u-rests"] is None
            assert client.replay_stats("u-rests").items == 4
            with pytest.raises(Refused, match="has not said that its run is over"):
                client.drop_replay_table("u-rests")
            assert client.drop_replay_table("u-complete").items == 4
            with pytest.raises(NotFound):
                client.replay_stats("u-complete")
