"""The key of a league that runs is rotated: who has the old one is served until that ends."""

from __future__ import annotations

from pathlib import Path

import grpc
from trainingrun_contracts.league.channel import ServiceAddress, TokenFile, given, open_blocking
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_contracts.league_keys import LeagueKeys, with_new_key, without_old_keys
from trainingrun_league.declaration import Audience
from trainingrun_league.server.caller import Caller
from trainingrun_league.server.certificates import authority
from trainingrun_league.server.tokens import TokenKey

from testkit.league.league_process import NAME, LeagueProcess
from testkit.waiting import until

OLD, NEW = b"o" * 64, b"n" * 64
NOW = 1_800_000_000.0


def token(key: bytes) -> str:
    """A token of a service that never ends."""
    caller = Caller("service/test", Audience.SERVICES)
    return TokenKey(NAME, key, lambda: NOW).issue(caller, seconds=1e9)


def test_keys_are_rotated_without_a_restart_and_no_client_notices(tmp_path: Path) -> None:
    """One connection lives through all of it, and reads its token from a file; the certificate is
    the same one. A file with a slip of the pen changes nothing, and the log says so."""
    keys, shown = tmp_path / "keys", tmp_path / "token"
    first = LeagueKeys(OLD)
    keys.write_text(first.text)
    shown.write_text(token(OLD))
    league = LeagueProcess(tmp_path / "league", services="replay", arguments=[f"--key-file={keys}"])

    def channel(of: object) -> grpc.Channel:
        return open_blocking(
            ServiceAddress(
                f"127.0.0.1:{league.ports['replay']}",
                of if callable(of) else given(str(of)),
                authority=authority(OLD, NAME),
            )
        )

    def is_admitted(stub: ReplayServiceStub) -> bool:
        try:
            stub.ListTables(pb.ListTablesRequest())
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            return False
        return True

    with (
        league,
        channel(TokenFile(shown)) as living,
        channel(token(OLD)) as before,
        channel(token(NEW)) as after,
    ):
        lives, old, new = (ReplayServiceStub(each) for each in (living, before, after))
        assert [is_admitted(each) for each in (lives, old, new)] == [True, True, False]
        keys.write_text("n" * 64 + "\nacept " + "o" * 64)
        until(lambda: "line 2: write" in league.log.read_text(), what="the log", seconds=20)
        assert [is_admitted(each) for each in (lives, old, new)] == [True, True, False]
        begun = with_new_key(first, NEW)
        keys.write_text(begun.text)
        until(lambda: is_admitted(new), what="the new key", seconds=20)
        assert is_admitted(old)
        shown.write_text(token(NEW))
        keys.write_text(without_old_keys(begun).text)
        until(lambda: not is_admitted(old), what="the old key ends", seconds=20)
        assert is_admitted(new)
        until(lambda: is_admitted(lives), what="the file is read", seconds=20)
        league.kill()
        league.start()
        assert is_admitted(lives), "the identity is the old one after a restart, too"
        assert "o" * 64 not in league.log.read_text()
