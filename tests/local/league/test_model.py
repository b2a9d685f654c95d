"""The Model service over its socket: what it takes, refuses, keeps, sends and tells of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun_contracts.league.policies import Download, publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.common_pb2 import Score
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.weights import MAX_BYTES
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import spec_of

from testkit.league.league_process import LeagueProcess
from testkit.servers.postgresql_server import PostgresqlServer
from testkit.servers.server_process import BedProcess
from testkit.servers.small_disk import fill_up, small_file_system

SCHEMA = spec_of(config_of("connect_four")).schema_hash
SOUND = pb.Validation(loads=True, is_finite=True, games=4, decisions_per_second=120)
CHUNK = 1024 * 1024


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeagueProcess]:
    """A league with the Model service alone, which the tests of this module share."""
    folder = tmp_path_factory.mktemp("models") / "league"
    with LeagueProcess(folder, services="model") as process:
        yield process


@pytest.fixture
def stub(served: LeagueProcess) -> Iterator[ModelServiceStub]:
    """A client with a token of services."""
    with served.blocking("model") as channel:
        yield ModelServiceStub(channel)


@cache
def weights(number: float = 0.0, *, size: int = 16, schema: str = SCHEMA) -> bytes:
    """Safetensors bytes that differ by their number; saved twice, their metadata's order may."""
    tensors = {"a": np.full(size, number, np.float32)}
    return save(tensors, metadata={"schema_hash": schema, "version": "1"})


def header(
    lineage: str, changed: Mapping[str, Any] = {}, /, **fields: Any
) -> pb.PublishPolicyRequest.Header:
    """The header of a publication that is in order."""
    known: dict[str, Any] = {"lineage": lineage, "schema_hash": SCHEMA, "algorithm": "ppo"}
    known |= {**changed, **fields}
    return pb.PublishPolicyRequest.Header(**known)


def published(stub: ModelServiceStub, lineage: str, number: float = 0.0) -> pb.Model:
    """A model that was taken."""
    return publish(stub, header(lineage), weights(number), seconds=30).model


def usable(stub: ModelServiceStub, lineage: str, number: float = 0.0) -> pb.Model:
    """A model that has passed its validation."""
    model = published(stub, lineage, number)
    request = pb.ReportValidationRequest(
        idempotency_key=f"{lineage}/{number}", id=model.id, validation=SOUND
    )
    return stub.ReportValidation(request).model


def refused(call: Any, *arguments: Any, **named: Any) -> tuple[grpc.StatusCode, str]:
    """The code and the sentence of a call that is refused."""
    with pytest.raises(grpc.RpcError) as found:
        call(*arguments, **named)
    error: Any = found.value
    return error.code(), error.details()


def downloaded(stub: ModelServiceStub, request: pb.GetPolicyRequest) -> bytes:
    """The bytes of a model."""
    return b"".join(Download(stub, request).chunks())


# ---- publishing


def test_a_published_model_waits_for_its_validation(stub: ModelServiceStub) -> None:
    """Expect what the header said, the hash of the bytes, and the stage."""
    blob = weights(1.0)
    answer = publish(
        stub, header("team/one", version=7, simulations=50, training_games=900), blob, seconds=30
    )
    model = answer.model
    assert answer.outcome == pb.PublishPolicyResponse.OUTCOME_PENDING_VALIDATION
    assert (model.lineage, model.version, model.simulations) == ("team/one", 7, 50)
    assert (model.training_games, model.size_bytes) == (900, len(blob))
    assert model.sha256 == hashlib.sha256(blob).hexdigest()
    assert model.stage == pb.STAGE_PENDING_VALIDATION


def test_the_same_bytes_of_a_lineage_are_one_model(stub: ModelServiceStub) -> None:
    """Expect the model that is there, whose outcome is that of its stage by then."""
    first = usable(stub, "team/twice", 2.0)
    again = publish(stub, header("team/twice", version=99), weights(2.0), seconds=30)
    assert (again.model.id, again.model.version) == (first.id, 0)
    assert again.outcome == pb.PublishPolicyResponse.OUTCOME_ACCEPTED


def test_the_same_bytes_of_another_lineage_are_another_model(stub: ModelServiceStub) -> None:
    """Expect two models that share their bytes."""
    one, other = published(stub, "team/left", 3.0), published(stub, "team/right", 3.0)
    assert one.id != other.id
    assert one.sha256 == other.sha256


def test_a_key_publishes_once(stub: ModelServiceStub) -> None:
    """Expect the same model for the same key, and a refusal for other bytes under it."""
    keyed = header("team/keyed", idempotency_key="key-1")
    first = publish(stub, keyed, weights(4.0), seconds=30).model
    assert publish(stub, keyed, weights(4.0), seconds=30).model.id == first.id
    code, sentence = refused(publish, stub, keyed, weights(5.0), seconds=30)
    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert "key of its own" in sentence


def test_numbers_that_are_not_finite_are_rejected(stub: ModelServiceStub) -> None:
    """Expect a model that is there with the reason, and never plays."""
    answer = publish(stub, header("team/nan"), weights(float("nan")), seconds=30)
    assert answer.outcome == pb.PublishPolicyResponse.OUTCOME_REJECTED
    assert "tensor 'a' holds a number that is not finite" in answer.model.reason
    request = pb.PromoteModelRequest(idempotency_key="nan", id=answer.model.id, by="me")
    code, sentence = refused(stub.PromoteModel, request)
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "failed its validation" in sentence


@pytest.mark.parametrize(
    ("fields", "blob", "code", "sentence"),
    [
        ({}, b"no weights at all, but long enough", "INVALID_ARGUMENT", "not safetensors"),
        ({}, weights(schema="other"), "INVALID_ARGUMENT", "schema 'other'"),
        ({"schema_hash": "x" * 64}, weights(), "INVALID_ARGUMENT", "this league plays"),
        ({"lineage": ""}, weights(), "INVALID_ARGUMENT", "lineage"),
        ({"lineage": "a b"}, weights(), "INVALID_ARGUMENT", "lineage"),
        ({"lineage": "a" * 201}, weights(), "INVALID_ARGUMENT", "lineage"),
        ({"algorithm": ""}, weights(), "INVALID_ARGUMENT", "algorithm"),
        ({"algorithm": "a" * 65}, weights(), "INVALID_ARGUMENT", "algorithm"),
        ({"version": 2**64 - 1}, weights(), "INVALID_ARGUMENT", "2^53"),
        ({"role": 17}, weights(), "INVALID_ARGUMENT", "role"),
        ({"parent": "nobody"}, weights(), "NOT_FOUND", "'nobody'"),
        ({"parent": "m999999"}, weights(), "NOT_FOUND", "m999999"),
        ({"idempotency_key": "k" * 201}, weights(), "INVALID_ARGUMENT", "idempotency_key"),
        ({"idempotency_key": "\x1b[2J"}, weights(), "INVALID_ARGUMENT", "idempotency_key"),
    ],
)
def test_what_is_no_model_of_this_league_is_refused(
    stub: ModelServiceStub, fields: dict[str, Any], blob: bytes, code: str, sentence: str
) -> None:
    """Expect a code and a sentence, and nothing kept."""
    found = refused(publish, stub, header("team/bad", fields), blob, seconds=30)
    assert found[0].name == code
    assert sentence in found[1]
    assert not stub.ListModels(pb.ListModelsRequest(lineage="team/bad")).models


def _parts(
    blob: bytes, *, announced: int | None = None, sha256: str = "", step: int = CHUNK
) -> Iterator[pb.PublishPolicyRequest]:
    first = header("team/parts")
    first.size_bytes = len(blob) if announced is None else announced
    first.sha256 = sha256 or hashlib.sha256(blob).hexdigest()
    yield pb.PublishPolicyRequest(header=first)
    for begin in range(0, len(blob), step):
        yield pb.PublishPolicyRequest(chunk=blob[begin : begin + step])


@pytest.mark.parametrize(
    ("parts", "code", "sentence"),
    [
        ((), "INVALID_ARGUMENT", "begins with its header"),
        ((pb.PublishPolicyRequest(chunk=b"x"),), "INVALID_ARGUMENT", "begins with its header"),
        ((pb.PublishPolicyRequest(),), "INVALID_ARGUMENT", "begins with its header"),
        (tuple(_parts(weights(8.0)))[:1], "INVALID_ARGUMENT", "are missing"),
        (tuple(_parts(weights(8.0), step=9))[:-1], "INVALID_ARGUMENT", "are missing"),
        (tuple(_parts(weights(8.0), announced=20)), "INVALID_ARGUMENT", "more than the 20 bytes"),
        (tuple(_parts(weights(8.0), announced=0)), "INVALID_ARGUMENT", "size_bytes 0"),
        (
            tuple(_parts(weights(8.0), announced=MAX_BYTES + 1)),
            "INVALID_ARGUMENT",
            "size_bytes 268435457",
        ),
        (tuple(_parts(weights(8.0), sha256="0" * 64)), "DATA_LOSS", "do not have the hash"),
        (tuple(_parts(weights(8.0), sha256="../../etc")), "INVALID_ARGUMENT", "sha256"),
        (tuple(_parts(weights(8.0))) * 2, "INVALID_ARGUMENT", "one header"),
        (
            (*tuple(_parts(weights(8.0)))[:1], pb.PublishPolicyRequest(chunk=b"")),
            "INVALID_ARGUMENT",
            "a chunk has",
        ),
        (
            tuple(_parts(weights(8.0, size=CHUNK), step=3 * CHUNK)),
            "INVALID_ARGUMENT",
            "a chunk has",
        ),
    ],
)
def test_a_stream_that_is_no_publication_is_refused(
    stub: ModelServiceStub,
    served: LeagueProcess,
    parts: tuple[pb.PublishPolicyRequest, ...],
    code: str,
    sentence: str,
) -> None:
    """Expect a code and a sentence, no model, and no bytes."""
    found = refused(stub.PublishPolicy, iter(parts), timeout=30)
    assert found[0].name == code
    assert sentence in found[1]
    assert not stub.ListModels(pb.ListModelsRequest(lineage="team/parts")).models
    kept = {path.name for path in (served.folder / "artefacts" / "models").glob("*")}
    assert hashlib.sha256(weights(8.0)).hexdigest() not in kept
    assert not any(name.startswith(".") for name in kept)


def test_a_client_that_goes_away_leaves_nothing(
    stub: ModelServiceStub, served: LeagueProcess
) -> None:
    """Expect a publication that is cut off to be as if it had not begun."""
    blob = weights(9.0, size=3 * CHUNK)
    begun = iter(_parts(blob))
    call = stub.PublishPolicy.future(_cut(begun), timeout=30)
    with pytest.raises(grpc.RpcError):
        call.result()
    assert not stub.ListModels(pb.ListModelsRequest(lineage="team/parts")).models
    digest = hashlib.sha256(blob).hexdigest()
    assert not (served.folder / "artefacts" / "models" / digest).exists()


def _cut(parts: Iterator[pb.PublishPolicyRequest]) -> Iterator[pb.PublishPolicyRequest]:
    yield next(parts)
    yield next(parts)
    raise ConnectionError("the client ends here")


# ---- downloading


def test_a_download_has_all_bytes(stub: ModelServiceStub) -> None:
    """Expect the bytes in chunks of at most 1 MiB, after a header."""
    blob = weights(10.0, size=CHUNK)
    model = publish(stub, header("team/get"), blob, seconds=30).model
    first, *rest = stub.GetPolicy(pb.GetPolicyRequest(model_id=model.id))
    assert first.header.model == model
    assert b"".join(part.chunk for part in rest) == blob
    assert max(len(part.chunk) for part in rest) <= CHUNK


def test_known_bytes_are_not_sent(stub: ModelServiceStub) -> None:
    """Expect the header alone."""
    model = published(stub, "team/known", 11.0)
    request = pb.GetPolicyRequest(model_id=model.id, have_sha256=model.sha256)
    (only,) = stub.GetPolicy(request)
    assert only.header.not_modified
    coming = Download(stub, request)
    assert not list(coming.chunks())
    assert coming.is_known


def test_a_download_continues_where_it_was(stub: ModelServiceStub) -> None:
    """Expect the rest from an offset; at the end nothing; beyond it a refusal."""
    blob = weights(12.0, size=CHUNK)
    model = publish(stub, header("team/resume"), blob, seconds=30).model
    for offset in (1, CHUNK + 17, len(blob)):
        _, *rest = stub.GetPolicy(pb.GetPolicyRequest(model_id=model.id, offset=offset))
        assert b"".join(part.chunk for part in rest) == blob[offset:]
    request = pb.GetPolicyRequest(model_id=model.id, offset=len(blob) + 1)
    assert refused(list, stub.GetPolicy(request))[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.GetPolicyRequest(), "INVALID_ARGUMENT"),
        (pb.GetPolicyRequest(champion=False), "INVALID_ARGUMENT"),
        (pb.GetPolicyRequest(model_id="m424242"), "NOT_FOUND"),
        (pb.GetPolicyRequest(model_id="../m1"), "NOT_FOUND"),
        (pb.GetPolicyRequest(model_id="m" + "9" * 40), "NOT_FOUND"),
        (pb.GetPolicyRequest(model_id=""), "NOT_FOUND"),
    ],
)
def test_unknown_models_are_not_sent(
    stub: ModelServiceStub, request_: pb.GetPolicyRequest, code: str
) -> None:
    """Expect a code that says whether it may come yet."""
    assert refused(list, stub.GetPolicy(request_))[0].name == code


# ---- stages


def test_stages_change_by_reports_and_by_people(tmp_path: Path) -> None:
    """Expect one champion from the first usable model on, and a history that says why."""
    with (
        LeagueProcess(tmp_path / "league", services="model") as process,
        process.blocking("model") as channel,
    ):
        stub = ModelServiceStub(channel)
        no_champion = pb.GetPolicyRequest(champion=True)
        assert refused(list, stub.GetPolicy(no_champion))[0] is grpc.StatusCode.NOT_FOUND
        first = usable(stub, "team/a", 1.0)
        assert first.stage == pb.STAGE_PROMOTED
        second = usable(stub, "team/a", 2.0)
        gate = pb.ReportEvaluationRequest(
            idempotency_key="gate",
            id=second.id,
            champion_id=first.id,
            score=Score(wins=60, losses=40),
            promote=True,
        )
        assert stub.ReportEvaluation(gate).model.stage == pb.STAGE_PROMOTED
        assert downloaded(stub, no_champion) == weights(2.0)
        back = pb.RollbackModelRequest(idempotency_key="back", by="person/anna", reason="odd")
        assert stub.RollbackModel(back).champion.id == first.id
        assert stub.RollbackModel(back).champion.id == first.id  # the same request
        promote = pb.PromoteModelRequest(idempotency_key="p", id=second.id, by="person/anna")
        assert stub.PromoteModel(promote).champion.id == second.id
        found = stub.GetModel(pb.GetModelRequest(id=second.id))
        assert [(each.after, each.by, each.reason) for each in found.changes] == [
            (pb.STAGE_PENDING_VALIDATION, "learner", "published"),
            (pb.STAGE_VALIDATED, "worker", "it loads, is finite and plays legal moves"),
            (pb.STAGE_PROMOTED, "matchmaker", "better than m1: 60 won, 0 drawn, 40 lost"),
            (pb.STAGE_RETIRED, "person/anna", "model m1 follows"),
            (pb.STAGE_PROMOTED, "person/anna", "promoted by person/anna"),
        ]
        promoted = pb.ListModelsRequest(stages=[pb.STAGE_PROMOTED])
        assert [each.id for each in stub.ListModels(promoted).models] == [second.id]


def test_a_failed_validation_rejects(stub: ModelServiceStub) -> None:
    """Expect the report's sentence, or one that says what was found."""
    for number, (validation, reason) in enumerate(
        [
            (pb.Validation(loads=True, is_finite=True, problem="move 7 is illegal"), "move 7"),
            (pb.Validation(is_finite=True), "do not load"),
            (pb.Validation(loads=True), "not finite"),
        ]
    ):
        model = published(stub, "team/failed", 20.0 + number)
        request = pb.ReportValidationRequest(
            idempotency_key=f"failed{number}", id=model.id, validation=validation
        )
        answer = stub.ReportValidation(request).model
        assert answer.stage == pb.STAGE_REJECTED
        assert reason in answer.reason


@pytest.mark.parametrize(
    ("name", "request_", "code"),
    [
        ("GetModel", pb.GetModelRequest(id="m77777"), "NOT_FOUND"),
        ("PromoteModel", pb.PromoteModelRequest(id="m1", by="me"), "INVALID_ARGUMENT"),
        ("PromoteModel", pb.PromoteModelRequest(idempotency_key="a", id="m1"), "INVALID_ARGUMENT"),
        (
            "PromoteModel",
            pb.PromoteModelRequest(idempotency_key="b", id="m77777", by="me"),
            "NOT_FOUND",
        ),
        (
            "PromoteModel",
            pb.PromoteModelRequest(idempotency_key="c", id="m1", by="me", reason="x" * 2001),
            "INVALID_ARGUMENT",
        ),
        (
            "ReportEvaluation",
            pb.ReportEvaluationRequest(idempotency_key="d", id="m77777"),
            "NOT_FOUND",
        ),
        ("ListModels", pb.ListModelsRequest(page_size=1001), "INVALID_ARGUMENT"),
        ("ListModels", pb.ListModelsRequest(page_token="x"), "INVALID_ARGUMENT"),
        ("ListModels", pb.ListModelsRequest(page_token="9" * 30), "INVALID_ARGUMENT"),
        ("ListModels", pb.ListModelsRequest(stages=[99]), "INVALID_ARGUMENT"),
    ],
)
def test_wrong_requests_are_refused(
    stub: ModelServiceStub, name: str, request_: Any, code: str
) -> None:
    """Expect a code that tells a wrong request from one about nothing."""
    assert refused(getattr(stub, name), request_)[0].name == code


def test_pages_hold_every_model_once(stub: ModelServiceStub) -> None:
    """Expect the newest first, whatever the page's size, with nothing twice."""
    made = [published(stub, "team/pages", 30.0 + number).id for number in range(5)]
    for size in (1, 2, 5, 100):
        token, found = "", list[str]()
        while True:
            request = pb.ListModelsRequest(lineage="team/pages", page_size=size, page_token=token)
            answer = stub.ListModels(request)
            found += [each.id for each in answer.models]
            token = answer.next_page_token
            if not token:
                break
        assert found == made[::-1]


# ---- watching


def test_a_watcher_misses_no_change(tmp_path: Path) -> None:
    """Expect what is there now, then every change in order."""
    with (
        LeagueProcess(tmp_path / "league", services="model") as process,
        process.blocking("model") as channel,
    ):
        stub = ModelServiceStub(channel)
        first = published(stub, "team/w", 1.0)
        every = stub.WatchPolicy(pb.WatchPolicyRequest(), timeout=60)
        champions = stub.WatchPolicy(pb.WatchPolicyRequest(champion_only=True), timeout=60)
        assert next(every).model == first
        usable(stub, "team/w", 1.0)
        for number in range(2, 6):
            model = usable(stub, "team/w", float(number))
            request = pb.PromoteModelRequest(idempotency_key=model.id, id=model.id, by="me")
            stub.PromoteModel(request)
        assert [next(champions).model.id for _ in range(5)] == ["m1", "m2", "m3", "m4", "m5"]
        seen = [
            (each.model.id, each.model.stage) for _, each in zip(range(18), every, strict=False)
        ]
        assert seen == [
            ("m1", pb.STAGE_VALIDATED),
            ("m1", pb.STAGE_PROMOTED),
            *(
                change
                for number in range(2, 6)
                for change in [
                    (f"m{number}", pb.STAGE_PENDING_VALIDATION),
                    (f"m{number}", pb.STAGE_VALIDATED),
                    (f"m{number - 1}", pb.STAGE_RETIRED),
                    (f"m{number}", pb.STAGE_PROMOTED),
                ]
            ),
        ]
        every.cancel()
        champions.cancel()


# ---- who may call


def test_players_see_models_and_change_none(served: LeagueProcess, stub: ModelServiceStub) -> None:
    """Expect lists for all, and weights and stages for services alone."""
    model = published(stub, "team/players", 40.0)
    with served.blocking("model", subject="person/eve", audience="players") as channel:
        player = ModelServiceStub(channel)
        assert player.GetModel(pb.GetModelRequest(id=model.id)).model.id == model.id
        request = pb.PromoteModelRequest(idempotency_key="eve", id=model.id, by="person/eve")
        assert refused(player.PromoteModel, request)[0] is grpc.StatusCode.PERMISSION_DENIED
        code, _ = refused(publish, player, header("team/eve"), weights(), seconds=30)
        assert code is grpc.StatusCode.PERMISSION_DENIED
        wanted = pb.GetPolicyRequest(model_id=model.id)
        assert refused(list, player.GetPolicy(wanted))[0] is grpc.StatusCode.PERMISSION_DENIED


# ---- faults


def test_kill_9_loses_no_acknowledged_model(tmp_path: Path) -> None:
    """Expect each model that was answered, with its bytes, and none that was not half there."""
    process = LeagueProcess(tmp_path / "league", services="model")
    blobs = {number: weights(float(number), size=CHUNK // 4) for number in range(1, 7)}
    answered: dict[str, bytes] = {}
    process.start()
    try:
        for number, blob in blobs.items():
            with process.blocking("model") as channel:
                stub = ModelServiceStub(channel)
                if number % 2:
                    model = publish(stub, header("team/kill"), blob, seconds=30).model
                    answered[model.id] = blob
                    continue
                with pytest.raises(grpc.RpcError):
                    stub.PublishPolicy(_killing(process.process, blob), timeout=30)
                process.kill()
                process.start()
        with process.blocking("model") as channel:
            stub = ModelServiceStub(channel)
            listed = stub.ListModels(pb.ListModelsRequest()).models
            assert {each.id for each in listed} == set(answered)
            for model_id, blob in answered.items():
                assert downloaded(stub, pb.GetPolicyRequest(model_id=model_id)) == blob
            for blob in blobs.values():  # what was cut off can be sent again
                publish(stub, header("team/kill"), blob, seconds=30)
            assert len(stub.ListModels(pb.ListModelsRequest()).models) == len(blobs)
    finally:
        process.kill()


def _killing(process: BedProcess, blob: bytes) -> Iterator[pb.PublishPolicyRequest]:
    first = header("team/kill")
    first.size_bytes, first.sha256 = len(blob), hashlib.sha256(blob).hexdigest()
    yield pb.PublishPolicyRequest(header=first)
    yield pb.PublishPolicyRequest(chunk=blob[: len(blob) // 2])
    process.kill()
    yield pb.PublishPolicyRequest(chunk=blob[len(blob) // 2 :])


def test_bytes_that_are_gone_are_said_to_be(served: LeagueProcess, stub: ModelServiceStub) -> None:
    """Expect DATA_LOSS for an artefact that somebody deleted or cut, not half a model."""
    model = published(stub, "team/gone", 50.0)
    artefact = served.folder / "artefacts" / "models" / model.sha256
    whole = artefact.read_bytes()
    request = pb.GetPolicyRequest(model_id=model.id)
    artefact.write_bytes(whole[:-4])
    assert refused(list, stub.GetPolicy(request))[0] is grpc.StatusCode.DATA_LOSS
    artefact.unlink()
    assert refused(list, stub.GetPolicy(request))[0] is grpc.StatusCode.DATA_LOSS


def test_a_bucket_that_is_away_is_unavailable(tmp_path: Path) -> None:
    """Expect a code that learners try again at, and a service that continues."""
    process = LeagueProcess(
        tmp_path / "league",
        services="model",
        arguments=("--artefacts", "s3://models/league"),
        variables={
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        },
    )
    with process, process.blocking("model") as channel:
        stub = ModelServiceStub(channel)
        parts = _parts(weights(60.0))
        code, _ = refused(stub.PublishPolicy, parts, timeout=60)
        assert code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
        assert not stub.ListModels(pb.ListModelsRequest()).models


@pytest.mark.needs("postgresql")
def test_two_processes_share_a_league(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Expect one champion in PostgreSQL whichever of two processes is asked, and both to tell."""
    url = postgresql.create_database("models")
    shared = ("--database", url, "--migrate", "--artefacts", str(tmp_path / "artefacts"))
    one = LeagueProcess(tmp_path / "one", services="model", arguments=shared)
    two = LeagueProcess(tmp_path / "two", services="model", arguments=shared)
    with one, two, one.blocking("model") as left, two.blocking("model") as right:
        stubs = ModelServiceStub(left), ModelServiceStub(right)
        watching = stubs[1].WatchPolicy(pb.WatchPolicyRequest(champion_only=True), timeout=60)
        models = [usable(stubs[number % 2], "team/pg", float(number)) for number in range(1, 7)]
        calls = [
            stubs[number % 2].PromoteModel.future(
                pb.PromoteModelRequest(idempotency_key=f"{turn}/{model.id}", id=model.id, by="me")
            )
            for turn in range(3)
            for number, model in enumerate(models)
        ]
        for call in calls:
            call.result()
        promoted = pb.ListModelsRequest(stages=[pb.STAGE_PROMOTED])
        (champion,) = stubs[0].ListModels(promoted).models
        assert list(stubs[1].ListModels(promoted).models) == [champion]
        for each in watching:
            if each.model.id == champion.id and each.model.reason == champion.reason:
                break
        watching.cancel()


def test_a_full_disk_keeps_nothing_half_and_recovers(tmp_path: Path) -> None:
    """Expect UNAVAILABLE, at which learners try again, no model and no part of one while the disk
    of artefacts is full; downloads continue, and with room again it is published."""
    (tmp_path / "league").mkdir()
    with (
        small_file_system(tmp_path / "league" / "artefacts", megabytes=16) as disk,
        LeagueProcess(tmp_path / "league", services="model") as process,
        process.blocking("model") as channel,
    ):
        stub = ModelServiceStub(channel)
        kept = published(stub, "team/full", 1.0)
        filler = fill_up(disk)
        blob = weights(2.0, size=CHUNK)
        code, sentence = refused(publish, stub, header("team/full"), blob, seconds=60)
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "free space" in sentence
        assert downloaded(stub, pb.GetPolicyRequest(model_id=kept.id)) == weights(1.0)
        assert [each.name for each in (disk / "models").iterdir()] == [kept.sha256]
        filler.unlink()
        model = publish(stub, header("team/full"), blob, seconds=60).model
        assert downloaded(stub, pb.GetPolicyRequest(model_id=model.id)) == blob
