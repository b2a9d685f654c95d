"""Attacks on the frame: forged tokens, the wrong audience, huge messages, clients that stop."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import digest

import grpc
import pytest
from trainingrun_contracts.league.channel import ServiceAddress, given, open_blocking
from trainingrun_contracts.league.v1.common_pb2 import MATCH_PURPOSE_RATING, Score
from trainingrun_contracts.league.v1.elo_pb2 import (
    GetRankedPoliciesRequest,
    ListResultsRequest,
    MatchResult,
    UpdateEloRatingsRequest,
)
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_league.server.certificates import authority
from trainingrun_league.server.tokens import TokenKey

from testkit.league.league_process import KEY, NAME, LeagueProcess


def part(value: object) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(claims: dict[str, object], *, key: bytes, algorithm: str = "HS256") -> str:
    """A token with a right signature of this key, whatever it says."""
    said = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}"
    mark = base64.urlsafe_b64encode(digest(key, said.encode(), sha256)).rstrip(b"=").decode()
    return f"{said}.{mark}"


def claims(**changes: object) -> dict[str, object]:
    """What a good token says, but for the changes; None leaves a claim out."""
    good: dict[str, object] = {
        "aud": "services",
        "sub": "service/test",
        "iss": NAME,
        "exp": int(time.time()) + 600,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


SIGNING = digest(KEY.encode(), b"league/tokens", sha256)
FORGED: dict[str, Callable[[LeagueProcess], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "abc",
    "alg none": lambda _: f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.",
    "alg None": lambda _: f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(claims())}.",
    "another algorithm": lambda _: signed(claims(), key=SIGNING, algorithm="HS512"),
    "another key": lambda _: signed(claims(), key=b"x" * 32),
    "the secret itself as the key": lambda _: signed(claims(), key=KEY.encode()),
    "another league": lambda _: signed(claims(iss="other"), key=SIGNING),
    "no league": lambda _: signed(claims(iss=None), key=SIGNING),
    "expired": lambda _: signed(claims(exp=int(time.time()) - 3600), key=SIGNING),
    "never expires": lambda _: signed(claims(exp=None), key=SIGNING),
    "expires as text": lambda _: signed(claims(exp="soon"), key=SIGNING),
    "unknown audience": lambda _: signed(claims(aud="admins"), key=SIGNING),
    "two audiences": lambda _: signed(claims(aud=["players", "services"]), key=SIGNING),
    "no subject": lambda _: signed(claims(sub=None), key=SIGNING),
    "empty subject": lambda _: signed(claims(sub=""), key=SIGNING),
    "subject is a number": lambda _: signed(claims(sub=7), key=SIGNING),
    "changed claims": lambda league: _tampered(league.token(audience="players")),
    "very long": lambda _: signed(claims(sub="a" * 5000), key=SIGNING),
}


def _tampered(token: str) -> str:
    head, _, mark = token.split(".")
    return f"{head}.{part(claims())}.{mark}"


def calling(league: LeagueProcess, token: str) -> grpc.StatusCode:
    """The status code of a call with a token."""
    address = ServiceAddress(
        f"127.0.0.1:{league.ports['elo']}", given(token), authority(KEY.encode(), NAME)
    )
    with open_blocking(address) as channel:
        call = EloServiceStub(channel).GetRankedPolicies.future(GetRankedPoliciesRequest())
        code = call.code()
        assert KEY not in (call.details() or "")
        return code


def test_forged_tokens_are_refused(league: LeagueProcess) -> None:
    """Expect UNAUTHENTICATED for each of them, none in the log, and a good one to be taken."""
    good = signed(claims(), key=SIGNING)
    found = {name: calling(league, make(league)) for name, make in FORGED.items()}
    assert {name: code.name for name, code in found.items()} == dict.fromkeys(
        FORGED, "UNAUTHENTICATED"
    )
    assert calling(league, good) is grpc.StatusCode.OK
    assert good not in league.log.read_text()


def test_players_reach_open_methods_alone(league: LeagueProcess) -> None:
    """Expect the ranking for a player, and PERMISSION_DENIED for reports and reflection."""
    with league.blocking("elo", subject="person/anna", audience="players") as channel:
        stub = EloServiceStub(channel)
        stub.GetRankedPolicies(GetRankedPoliciesRequest())
        for call in (
            lambda: stub.ListResults(ListResultsRequest()),
            lambda: stub.UpdateEloRatings(UpdateEloRatingsRequest()),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_oversized_messages_are_refused(league: LeagueProcess) -> None:
    """Expect RESOURCE_EXHAUSTED for 16 MB and INVALID_ARGUMENT for too many results, and the
    service to serve on."""
    one = MatchResult(
        match_id="m",
        first="model/a",
        second="model/b",
        score=Score(wins=1),
        purpose=MATCH_PURPOSE_RATING,
    )
    with league.blocking("elo") as channel:
        stub = EloServiceStub(channel)
        large = UpdateEloRatingsRequest(results=[MatchResult(match_id="x" * (16 << 20))])
        with pytest.raises(grpc.RpcError) as refused:
            stub.UpdateEloRatings(large)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        with pytest.raises(grpc.RpcError) as refused:
            stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[one] * 10_001))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert stub.UpdateEloRatings(UpdateEloRatingsRequest(results=[one])).accepted == 1


def test_clients_that_say_nothing_hold_nobody_up(league: LeagueProcess) -> None:
    """Expect calls to be answered while a hundred connections were opened and left silent, and
    others sent what is no TLS."""
    target = ("127.0.0.1", league.ports["elo"])
    silent = [socket.create_connection(target, timeout=10) for _ in range(100)]
    try:
        for number, connection in enumerate(silent):
            if number % 2:
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        with league.blocking("elo") as channel:
            EloServiceStub(channel).GetRankedPolicies(GetRankedPoliciesRequest(), timeout=20)
    finally:
        for connection in silent:
            connection.close()


def test_clients_without_tls_or_trust_get_nothing(league: LeagueProcess) -> None:
    """Expect a client without TLS, and one that trusts another league, to reach no service."""
    target, token = f"127.0.0.1:{league.ports['elo']}", given(league.token())
    other = authority(b"another key of another league...", NAME)
    for address in (
        ServiceAddress(target, token, is_encrypted=False),
        ServiceAddress(target, token, authority=other),
    ):
        with open_blocking(address, seconds=5) as channel, pytest.raises(grpc.RpcError) as refused:
            EloServiceStub(channel).GetRankedPolicies(GetRankedPoliciesRequest())
        assert refused.value.code() in {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        }


def test_a_key_that_is_short_is_refused() -> None:
    """Expect no league to begin with a key that can be guessed."""
    with pytest.raises(Exception, match="32"):
        TokenKey(NAME, b"short", time.time)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--environment", "magic:"], "no name"),
        (["--services", "elo,chess"], "no such service"),
        (["--database", "mysql://x"], "must be"),
        (["--database", "sqlite+aiosqlite:////proc/no/league.db"], "database"),
        (["--port", "elo=70000"], "no port"),
        (["--port", "elo"], "SERVICE="),
        (["--address", "elo=here"], "HOST:PORT"),
        (["--set", "elo.speed=1"], "no such setting"),
        (["--artefacts", "ftp://x"], "s3://"),
        (["--tls-key", "key.pem"], "belong together"),
        (["--key-file", "/does/not/exist"], "No such file"),
        (["--redis", "nonsense"], "--redis"),
        (["--host", "203.0.113.7"], "cannot listen"),
    ],
)
def test_bad_options_are_a_line(
    tmp_path_factory: pytest.TempPathFactory, arguments: list[str], said: str
) -> None:
    """Expect exit code 2 and one line that says what is wrong, never a traceback."""
    folder = tmp_path_factory.mktemp("league")
    league = LeagueProcess(folder, services="elo", arguments=arguments)
    process = league.launch()
    assert process.end(seconds=120) == 2
    last = league.log.read_text()
    assert said in last
    assert "Traceback" not in last
