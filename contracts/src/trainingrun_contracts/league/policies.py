"""Publishing and downloading a policy: the two calls of the Model service that carry bytes.

For code without an event loop: the learner and the command line. Bytes are checked against their
hash, and a download is never whole in memory unless its caller joins it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grpc
import msgspec

from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.weights import MAX_BYTES, WeightsError

CHUNK_BYTES: Final = 1024 * 1024
_RESUMES: Final = 5
_PREFIX_BYTES: Final = 8
_BROKEN: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
)
"""Of a stream that ended in the middle: the rest is asked for."""


def publish(
    stub: ModelServiceStub,
    header: pb.PublishPolicyRequest.Header,
    blob: bytes,
    *,
    seconds: float,
) -> pb.PublishPolicyResponse:
    """Publish a policy; its hash and size are filled in.

    Raises:
        grpc.RpcError: it was not answered, or refused; the same call may be made again.
    """
    filled = pb.PublishPolicyRequest.Header()
    filled.CopyFrom(header)
    filled.sha256, filled.size_bytes = hashlib.sha256(blob).hexdigest(), len(blob)
    answer: pb.PublishPolicyResponse = stub.PublishPolicy(_parts(filled, blob), timeout=seconds)
    return answer


def read_policy(path: Path) -> tuple[bytes, str]:
    """Return the bytes of a file of safetensors, and the schema that they were made for.

    The Model service checks the rest; the schema has to be said beside the bytes.

    Raises:
        WeightsError: it cannot be read, or says no schema.
    """
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}") from error
    if len(blob) > MAX_BYTES:
        raise WeightsError(f"{path}: larger than {MAX_BYTES} bytes, the most that a model has")
    end = _PREFIX_BYTES + int.from_bytes(blob[:_PREFIX_BYTES], "little")
    try:
        header = msgspec.json.decode(blob[_PREFIX_BYTES : min(end, MAX_BYTES)], type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WeightsError(
            f"{path}: no safetensors with the metadata schema_hash: give weights as a learner or"
            " `trainingrun models pull` writes them"
        ) from error
    return blob, header.metadata.schema_hash


class _Metadata(msgspec.Struct):
    schema_hash: str


class _Header(msgspec.Struct):
    metadata: _Metadata = msgspec.field(name="__metadata__")


def _parts(
    header: pb.PublishPolicyRequest.Header, blob: bytes
) -> Iterator[pb.PublishPolicyRequest]:
    yield pb.PublishPolicyRequest(header=header)
    for begin in range(0, len(blob), CHUNK_BYTES):
        yield pb.PublishPolicyRequest(chunk=blob[begin : begin + CHUNK_BYTES])


class Download:
    """A policy as it comes; one that breaks off continues where it was.

    Attributes:
        model: whose bytes they are; None before the header.
        is_known: whether the caller has these bytes: none come.
    """

    def __init__(self, stub: ModelServiceStub, request: pb.GetPolicyRequest) -> None:
        self.model: pb.Model | None = None
        self.is_known = False
        self._stub = stub
        self._request = request
        self._digest = hashlib.sha256()
        self._received = 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes; nothing where they are known.

        Raises:
            WeightsError: too many or too few bytes, or a wrong hash.
            grpc.RpcError: it was refused, or broke off again and again.
        """
        resumes = 0
        while True:
            before = self._received
            try:
                yield from self._stream()
                break
            except grpc.RpcError as error:
                resumes = 1 if self._received > before else resumes + 1
                if _code_of(error) not in _BROKEN or resumes > _RESUMES:
                    raise
        self._require_whole()

    def _stream(self) -> Iterator[bytes]:
        for part in self._stub.GetPolicy(self._next_request()):
            if part.WhichOneof("part") == "header":
                self._take_header(part.header)
            else:
                self._take(part.chunk)
                yield part.chunk

    def _next_request(self) -> pb.GetPolicyRequest:
        if self.model is None:
            return self._request
        # By its id from now on: the champion may be another one meanwhile.
        return pb.GetPolicyRequest(model_id=self.model.id, offset=self._received)

    def _take_header(self, header: pb.GetPolicyResponse.Header) -> None:
        if header.model.size_bytes > MAX_BYTES:
            raise WeightsError(
                f"model {header.model.id}: {header.model.size_bytes} bytes, at most {MAX_BYTES}"
            )
        self.model, self.is_known = header.model, header.not_modified

    def _take(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self.model is None or self._received > self.model.size_bytes:
            raise WeightsError("the league sent more bytes than the model has")
        self._digest.update(chunk)

    def _require_whole(self) -> None:
        if self.model is None:
            raise WeightsError("the league sent no model")
        if self.is_known:
            return
        if self._received != self.model.size_bytes or (
            self._digest.hexdigest() != self.model.sha256
        ):
            raise WeightsError(f"model {self.model.id}: its bytes do not have its hash")


def _code_of(error: grpc.RpcError) -> grpc.StatusCode | None:
    code = getattr(error, "code", None)  # of a call's error; other RpcErrors have none
    return code() if callable(code) else None
