"""The Replay service, killed again and again while it is written to, sampled and archived."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import grpc
import pytest
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_league.replay.journal import read_records
from trainingrun_league.replay.records import Batch

from testkit.league.league_process import LeagueProcess
from testkit.league.replay_writer import ItemName, ReplayWriter, name_of
from testkit.league.warm_league import WarmLeague
from testkit.soak_share import share_of

KILLS = 100
WRITERS = 3
MOST_BATCHES = 60
"""Acknowledged between two kills, at most."""
PATIENCE_SECONDS = 120.0


@dataclass
class Load:
    """Writers on streams and a reader that updates priorities, until the service dies."""

    writers: list[ReplayWriter]
    changed: threading.Condition = field(default_factory=threading.Condition)
    failures: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """Batches of all writers."""
        return sum(len(writer.acknowledged) for writer in self.writers)

    def run(self, channel: grpc.Channel) -> list[threading.Thread]:
        """Start them on one connection."""
        stub = ReplayServiceStub(channel)
        threads = [threading.Thread(target=self._write, args=(stub, each)) for each in self.writers]
        threads.append(threading.Thread(target=self._read, args=(stub,)))
        for thread in threads:
            thread.start()
        return threads

    def wait_for(self, count: int) -> None:
        """Wait until so many batches are acknowledged."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: self.acknowledged >= count or self.failures, PATIENCE_SECONDS
            )
        assert not self.failures

    def _write(self, stub: ReplayServiceStub, writer: ReplayWriter) -> None:
        """Send again what was not acknowledged, then what follows."""
        try:
            for answer in stub.StreamExperience(self._requests(writer)):
                if answer.result.held:
                    self.failures.append("held, although there is no ratio")
                with self.changed:
                    writer.acknowledged.add(answer.sequence)
                    self.changed.notify_all()
        except (grpc.RpcError, ValueError) as error:
            self._expect(error)

    def _requests(self, writer: ReplayWriter) -> Iterator[pb.StreamExperienceRequest]:
        number = max(writer.acknowledged, default=0)
        while True:
            number += 1
            yield pb.StreamExperienceRequest(batch=writer.request(number))

    def _read(self, stub: ReplayServiceStub) -> None:
        random = Random(0)
        request = pb.GetExperienceBatchRequest(size=16, sampling=pb.SAMPLING_PRIORITISED, beta=0.4)
        try:
            while True:
                items = stub.GetExperienceBatch(request).items
                if items:
                    stub.UpdatePriorities(
                        pb.UpdatePrioritiesRequest(
                            ids=[item.id for item in items],
                            priorities=[random.uniform(0.1, 10) for _ in items],
                        )
                    )
        except (grpc.RpcError, ValueError) as error:
            self._expect(error)

    def _expect(self, error: grpc.RpcError | ValueError) -> None:
        """A killed service is not there, the connection to it is closed, and nothing else is
        wrong."""
        ends = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        if isinstance(error, ValueError) and "closed channel" in str(error):
            return
        if isinstance(error, grpc.RpcError) and error.code() in ends:
            return
        with self.changed:
            self.failures.append(str(error))
            self.changed.notify_all()


def kept(*folders: Path) -> dict[int, tuple[ItemName, ...]]:
    """What is in the files, by the first id of each batch; a file that is archived and not yet
    removed says the same twice."""
    found: dict[int, tuple[ItemName, ...]] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*.journal")):
        for record, _ in read_records(path):
            if isinstance(record, Batch):
                names = tuple(name_of(data) for data in record.items.data)
                assert found.setdefault(record.first_id, names) == names
    return found


def require_nothing_lost(load: Load, league: LeagueProcess, artefacts: Path) -> None:
    """All acknowledged batches are in the journal or the archive, each once, ids without gaps."""
    batches = kept(league.folder / "replay", artefacts)
    names = [(batch[0].source, batch[0].sequence) for batch in batches.values()]
    assert len(set(names)) == len(names)
    for writer in load.writers:
        missing = writer.acknowledged - {number for name, number in names if name == writer.source}
        assert not missing
    following = 1
    for first_id in sorted(batches):
        assert first_id == following
        following += len(batches[first_id])


def require_totals_close(stub: ReplayServiceStub, least: int) -> None:
    """The identity of the totals, and no fewer recorded than were acknowledged."""
    stats = stub.GetStats(pb.GetStatsRequest())
    unsampled = stats.stored_unsampled + stats.evicted_unsampled
    assert stats.recorded == stats.first_sampled + unsampled
    assert stats.recorded == stats.experiences + stats.evicted
    assert stats.archived <= stats.evicted
    assert stats.recorded >= least


@pytest.mark.parametrize("seed", [1])
def test_a_hundred_kills_lose_nothing(tmp_path: Path, seed: int) -> None:
    """kill -9 at any moment of recording, sampling, updating, archiving and starting anew: what
    was acknowledged is kept, each once, and the totals close after every start."""
    artefacts, random = tmp_path / "artefacts", Random(seed)
    settings = ("items=400", "file_bytes=65536", "archive=true")
    league = WarmLeague(
        tmp_path / "league",
        services="replay",
        arguments=[*(f"--set=replay.{each}" for each in settings), f"--artefacts={artefacts}"],
    )
    load = Load([ReplayWriter(f"writer-{number}", items=8) for number in range(WRITERS)])
    for number in range(share_of(KILLS)):
        league.start()
        print(f"start {number}: {load.acknowledged} batches acknowledged")
        with league.blocking("replay") as channel:
            before = load.acknowledged
            require_totals_close(ReplayServiceStub(channel), before * load.writers[0].experiences)
            threads = load.run(channel)
            load.wait_for(before + random.randrange(1, MOST_BATCHES))
            league.kill()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        assert not load.failures
        require_nothing_lost(load, league, artefacts)
    assert list(artefacts.rglob("*.journal")), "nothing was archived: the load was too small"
