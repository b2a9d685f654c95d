"""A league on a disk that fills up and is freed again under load, by turns killed while it is full.

What was acknowledged must be there afterwards, once and whole; what was refused was refused with a
sentence about the disk, and the services go on by themselves when there is room. 20 rounds with
``make soak``, a fifth without.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun_contracts.league.channel import CALL_SECONDS
from trainingrun_contracts.league.policies import Download, publish
from trainingrun_contracts.league.v1 import elo_pb2, game_pb2, model_pb2, replay_pb2
from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.league_process import AWAY, LeagueProcess
from testkit.league.replay_writer import ReplayWriter, name_of
from testkit.league.warm_league import WarmLeague
from testkit.servers.small_disk import fill_up, small_file_system, thin_disk
from testkit.soak_share import share_of
from testkit.waiting import until

ROUNDS = 20
PATIENCE_SECONDS = 60.0
SCHEMA = spec_of(config_of("connect_four")).schema_hash
FULL = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})


class Client(ABC):
    """One thread that writes, one thing after the other; what fails it sends again.

    Attributes:
        acknowledged: how many writes were.
        refused: how many answers named the disk.
        failures: what should not have happened.
    """

    service = ""

    def __init__(self, league: LeagueProcess) -> None:
        self.league = league
        self.acknowledged = 0
        self.refused = 0
        self.failures: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @abstractmethod
    def write(self, channel: grpc.Channel, number: int) -> None:
        """Write the thing of this number; the same again is no other one."""

    @abstractmethod
    def require_all(self, channel: grpc.Channel) -> None:
        """See that all is there that was acknowledged, once."""

    def stop(self) -> None:
        """End after the write that is under way."""
        self._over.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        assert not self.failures, self.failures[:3]

    def _run(self) -> None:
        with self.league.blocking(self.service) as channel:
            while not self._over.is_set():
                try:
                    self.write(channel, self.acknowledged + 1)
                except grpc.RpcError as error:
                    self._take(error)
                    self._over.wait(0.05)
                else:
                    self.acknowledged += 1

    def _take(self, error: grpc.RpcError) -> None:
        code, said = error.code(), error.details() or ""
        if code in FULL and ("disk" in said or "room" in said):
            self.refused += 1
        elif code not in AWAY:
            self.failures.append(f"{self.service}: {code.name}: {said}")


class Reporter(Client):
    """Results of matches."""

    service = "elo"

    def write(self, channel: grpc.Channel, number: int) -> None:
        """One match."""
        result = elo_pb2.MatchResult(
            match_id=f"match-{number}",
            first="model/a",
            second="model/b",
            score=Score(wins=1),
            purpose=MATCH_PURPOSE_RATING,
        )
        request = elo_pb2.UpdateEloRatingsRequest(results=[result])
        EloServiceStub(channel).UpdateEloRatings(request, timeout=CALL_SECONDS)

    def require_all(self, channel: grpc.Channel) -> None:
        """See ``Client``."""
        stub, listed, token = EloServiceStub(channel), list[str](), ""
        while True:
            page = stub.ListResults(elo_pb2.ListResultsRequest(page_size=1000, page_token=token))
            listed += [each.match_id for each in page.results]
            if not (token := page.next_page_token):
                break
        wanted = {f"match-{number}" for number in range(1, self.acknowledged + 1)}
        assert wanted <= set(listed) <= wanted | {f"match-{self.acknowledged + 1}"}
        assert len(listed) == len(set(listed))


class Learner(Client):
    """Models of 40 KB; large ones would fill the disk themselves."""

    service = "model"

    def write(self, channel: grpc.Channel, number: int) -> None:
        """One model."""
        header = model_pb2.PublishPolicyRequest.Header(
            lineage="team/a", schema_hash=SCHEMA, algorithm="ppo", version=number
        )
        publish(ModelServiceStub(channel), header, self._blob(number), seconds=CALL_SECONDS)

    def require_all(self, channel: grpc.Channel) -> None:
        """See ``Client``."""
        stub = ModelServiceStub(channel)
        models = stub.ListModels(model_pb2.ListModelsRequest(page_size=1000)).models
        versions = [model.version for model in models]
        assert len(versions) == len(set(versions))
        assert set(range(1, self.acknowledged + 1)) <= set(versions)
        for model in models:
            request = model_pb2.GetPolicyRequest(model_id=model.id)
            assert b"".join(Download(stub, request).chunks()) == self._blob(model.version)

    def _blob(self, number: int) -> bytes:
        metadata = {"schema_hash": SCHEMA}
        return save({"a": np.full(10_000, number, np.float32)}, metadata=metadata)


class Host(Client):
    """Games that are made."""

    service = "game"

    def write(self, channel: grpc.Channel, number: int) -> None:
        """One game."""
        request = game_pb2.CreateGameRequest(
            idempotency_key=f"game-{number}", players=["builtin/a", "builtin/b"]
        )
        made = GameServiceStub(channel).CreateGame(request, timeout=CALL_SECONDS)
        delete = game_pb2.DeleteGameRequest(game_id=made.game_id)
        if number % 2:  # what is deleted was there
            GameServiceStub(channel).GetGameState(
                game_pb2.GetGameStateRequest(game_id=made.game_id), timeout=CALL_SECONDS
            )
            GameServiceStub(channel).DeleteGame(delete, timeout=CALL_SECONDS)

    def require_all(self, channel: grpc.Channel) -> None:
        """See ``Client``."""
        stub = GameServiceStub(channel)
        kept, token = 0, ""
        while True:
            page = stub.ListGames(game_pb2.ListGamesRequest(page_size=500, page_token=token))
            kept += len(page.games)
            if not (token := page.next_page_token):
                break
        # Of the last one an answer may be missing, whether it was made or deleted.
        assert self.acknowledged // 2 <= kept <= self.acknowledged // 2 + 1


class Recorder(Client):
    """Experience."""

    service = "replay"
    writer = ReplayWriter("writer")

    def write(self, channel: grpc.Channel, number: int) -> None:
        """One batch."""
        request = self.writer.request(number)
        ReplayServiceStub(channel).RecordExperience(request, timeout=CALL_SECONDS)

    def require_all(self, channel: grpc.Channel) -> None:
        """See ``Client``."""
        stub = ReplayServiceStub(channel)
        stats = stub.GetStats(replay_pb2.GetStatsRequest())
        assert stats.recorded == stats.experiences + stats.evicted
        batches = stats.recorded / self.writer.experiences
        assert self.acknowledged <= batches <= self.acknowledged + 1


@pytest.fixture
def league(tmp_path: Path) -> Iterator[tuple[WarmLeague, Path]]:
    """A league with all that it keeps on a small disk; its log is elsewhere."""
    with small_file_system(tmp_path / "disk", megabytes=64) as disk:
        arguments = [
            f"--database=sqlite+aiosqlite:///{disk}/league.db",
            f"--artefacts={disk}/artefacts",
            "--set=replay.archive=true",
            "--set=replay.items=2000",
            "--set=replay.file_bytes=262144",
        ]
        (tmp_path / "league").mkdir()
        (disk / "replay").mkdir()
        (tmp_path / "league" / "replay").symlink_to(disk / "replay")
        league = WarmLeague(
            tmp_path / "league", services="elo,game,model,replay", arguments=arguments
        )
        with league:
            yield league, disk


def test_a_full_disk_loses_nothing(league: tuple[WarmLeague, Path]) -> None:
    """Every service refuses while there is no room and goes on when there is; and when the process
    is killed meanwhile, the next one finds all that was acknowledged."""
    process, disk = league
    clients: Sequence[Client] = [kind(process) for kind in (Reporter, Learner, Host, Recorder)]
    try:
        for number in range(share_of(ROUNDS)):
            _more(clients, "acknowledged")
            filler = fill_up(disk)
            _more(clients, "refused")
            if number % 2:
                process.kill()
            filler.unlink()
            if number % 2:
                process.start()
        _more(clients, "acknowledged")
    finally:
        for client in clients:
            client.stop()
    for client in clients:
        print(client.service, client.acknowledged, client.refused)
        with process.blocking(client.service) as channel:
            client.require_all(channel)
    assert not [path for path in disk.rglob("*") if path.name.startswith(".unfinished")]
    log = process.log.read_text()
    assert "Traceback" not in log
    assert "its disk is full" in log


def _more(clients: Sequence[Client], what: str) -> None:
    """Wait until each has had more of it."""
    before = [getattr(client, what) for client in clients]

    def has_more() -> bool:
        assert not any(client.failures for client in clients)
        return all(
            getattr(client, what) > count for client, count in zip(clients, before, strict=True)
        )

    until(has_more, seconds=PATIENCE_SECONDS, what=f"each client is {what} once more")


def test_a_disk_that_does_not_keep_what_it_took(tmp_path: Path) -> None:
    """Writes succeed and fsync fails: the batch is refused, and the next ones go to another file.
    After a kill and with nothing left in memory all that was acknowledged is on the disk, once."""
    league = WarmLeague(tmp_path / "league", services="replay")
    (tmp_path / "league").mkdir()
    writer = ReplayWriter("a", padding=100_000)
    with thin_disk(tmp_path / "thin", megabytes=24) as thin:
        (tmp_path / "league" / "replay").symlink_to(thin.folder)
        league.start()
        number = 0
        for _ in range(share_of(ROUNDS)):
            with league.blocking("replay") as channel:
                stub = ReplayServiceStub(channel)
                filler = fill_up(thin.backing)
                number = _refused_after(stub, writer, number)
                filler.unlink()
                for _ in range(2):
                    number += 1
                    assert not stub.RecordExperience(writer.request(number)).repeated_batch
            league.kill()
            thin.mount_anew()
            league.start()
            with league.blocking("replay") as channel:
                stub = ReplayServiceStub(channel)
                stats = stub.GetStats(replay_pb2.GetStatsRequest())
                assert stats.items == number * writer.items
                found = stub.GetExperienceBatch(
                    replay_pb2.GetExperienceBatchRequest(
                        size=64, sampling=replay_pb2.SAMPLING_UNIFORM
                    )
                )
                assert {name_of(item.data).sequence for item in found.items} <= set(
                    range(1, number + 1)
                )
        league.kill()
        assert "damaged" not in league.log.read_text()


def _refused_after(stub: ReplayServiceStub, writer: ReplayWriter, number: int) -> int:
    """Record until a batch is refused; return the number of the last one that was taken."""
    while True:
        try:
            stub.RecordExperience(writer.request(number + 1))
        except grpc.RpcError as error:
            assert error.code() in FULL  # noqa: PT017 - it ends the loop
            return number
        number += 1
