"""The models of a league on this machine: fetched once, kept by their hash, loaded when needed.

A file that does not have its hash is fetched again, so a cut-off download or a full disk cannot
play a game. Downloads continue where they broke off.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc.aio
from msgspec import Struct
from trainingrun_contracts.board_weights import are_board_weights
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.league.v1.model_pb2 import GetPolicyRequest, GetPolicyResponse, Model
from trainingrun_contracts.weights import MAX_BYTES, WeightsError
from trainingrun_contracts.weights_pointer import Pointer

from trainingrun_actor.board_policies import BoardPolicyLoader
from trainingrun_actor.policy import ModelLoader, Policy, UnknownNetwork

if TYPE_CHECKING:  # asynchronous clients have a type in the stubs alone
    from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceAsyncStub

LOADED: Final = 16
"""Models in memory."""
MOST_FILES, MOST_FOLDER_BYTES = 128, 4 << 30
_ATTEMPTS: Final = 5
_CHUNK_SECONDS: Final = 60.0
"""Within which a chunk of a download comes, or it is begun again."""
_HALF_SECONDS: Final = 3600.0
"""After which a file that is not whole is a killed worker's."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")

_WHERE: Final = (
    "The league's workers must have that package: install it where `trainingrun league up` runs, or"
    " name an image with it in the League's spec.workers.template (container worker)"
)

_Download: TypeAlias = "grpc.aio.UnaryStreamCall[GetPolicyRequest, GetPolicyResponse]"

_log = logging.getLogger(__name__)


class LoadedModel(Struct, frozen=True):
    """A model that can be played with.

    Attributes:
        simulations: a move; 0 plays the policy alone.
    """

    model_id: str
    policy: Policy
    simulations: int


class Unusable(Exception):
    """The model cannot be played with by anybody; the message says why."""


class Weights:
    """See above."""

    def __init__(self, stub: ModelServiceAsyncStub, folder: Path, spec: EnvironmentSpec) -> None:
        self._stub = stub
        self._folder = folder
        self._spec = spec
        self._loaded: OrderedDict[str, LoadedModel] = OrderedDict()
        self._lock = asyncio.Lock()

    async def load(self, model_id: str) -> LoadedModel:
        """Return a model by its id.

        Raises:
            Unusable: its weights are not sound, or not of this environment.
            grpc.aio.AioRpcError: it cannot be had now, or there is none.
            OSError: the folder cannot be written.
        """
        async with self._lock:
            found = self._loaded.get(model_id)
            if found is None:
                found = self._loaded[model_id] = await self._fetch(model_id)
                while len(self._loaded) > LOADED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(model_id)
            return found

    async def _fetch(self, model_id: str) -> LoadedModel:
        model, blob = await self._blob(model_id)
        return await asyncio.to_thread(self._read, model, blob)

    def _read(self, model: Model, blob: bytes) -> LoadedModel:
        spec = self._spec
        if model.simulations and not spec.is_forkable:
            raise Unusable(
                f"the model is searched with {model.simulations} simulations a move, and"
                f" {spec.name} cannot be searched: publish it with simulations 0"
            )
        loader = BoardPolicyLoader(spec) if are_board_weights(blob) else ModelLoader(spec)
        pointer = Pointer(0, model.version, 0, model.sha256, 0.0)
        try:
            policy = loader.load(blob, pointer)
        except UnknownNetwork as error:
            raise Unusable(f"{error}. {_WHERE}") from error
        except WeightsError as error:
            raise Unusable(str(error)) from error
        return LoadedModel(model.id, policy, model.simulations)

    async def _blob(self, model_id: str) -> tuple[Model, bytes]:
        """Return a model with its bytes, from the folder where they are there."""
        blob, failures = b"", 0
        while True:
            try:
                model, blob = await self._download(model_id, blob)
                return model, blob
            except _Broken as broken:
                failures += 1
                blob = broken.blob
                if failures >= _ATTEMPTS:
                    raise broken.error from broken

    async def _download(self, model_id: str, had: bytes) -> tuple[Model, bytes]:
        call = self._stub.GetPolicy(GetPolicyRequest(model_id=model_id, offset=len(had)))
        parts, size = [had], len(had)
        try:
            model = await self._header(call)
            kept = await asyncio.to_thread(self._kept, model.sha256)
            if kept is not None:
                call.cancel()
                return model, kept
            while size < model.size_bytes:
                part = await _next(call)
                parts.append(part.chunk)
                size += len(part.chunk)
                if size > min(MAX_BYTES, model.size_bytes):
                    raise Unusable(f"its bytes are more than the {model.size_bytes} it names")
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            call.cancel()
            raise _Broken(b"".join(parts), error) from error
        blob = b"".join(parts)
        if hashlib.sha256(blob).hexdigest() != model.sha256:
            # Perhaps damaged on its way: a model is judged by what it is, so all comes again.
            damaged = Unusable("its bytes do not have the SHA-256 that the model names")
            raise _Broken(b"", damaged)
        await asyncio.to_thread(self._keep, model.sha256, blob)
        return model, blob

    async def _header(self, call: _Download) -> Model:
        first = await _next(call)
        model = first.header.model
        if _HASH.fullmatch(model.sha256) is None or not 0 < model.size_bytes <= MAX_BYTES:
            raise Unusable(
                f"the model names {model.size_bytes} bytes of SHA-256 {model.sha256[:80]!r}: at"
                f" most {MAX_BYTES} are played with"
            )
        return model

    def _kept(self, sha256: str) -> bytes | None:
        file = self._folder / sha256
        try:
            with file.open("rb") as opened:
                blob = opened.read(MAX_BYTES + 1)
        except OSError:
            return None
        if hashlib.sha256(blob).hexdigest() != sha256:
            return None
        os.utime(file)  # the oldest are removed first
        return blob

    def _keep(self, sha256: str, blob: bytes) -> None:
        """Write a file whole, and remove the oldest beyond the bounds; a full disk costs the next
        start a download, and nothing else.
        """
        half = self._folder / f".{sha256}.{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            half.write_bytes(blob)
            half.replace(self._folder / sha256)
            _remove_oldest(self._folder)
        except OSError as error:
            with suppress(OSError):
                half.unlink()
            _log.warning("weights cannot be kept in %s: %s", self._folder, error.strerror)


class _Broken(Exception):
    """A download broke off; ``blob`` is what had come."""

    def __init__(self, blob: bytes, error: Exception) -> None:
        super().__init__(str(error))
        self.blob = blob
        self.error = error


async def _next(call: _Download) -> GetPolicyResponse:
    async with asyncio.timeout(_CHUNK_SECONDS):
        part = await call.read()
    if not isinstance(part, GetPolicyResponse):  # the end
        raise Unusable("its bytes are fewer than it names")
    return part


def _remove_oldest(folder: Path) -> None:
    for half in folder.glob(".*"):  # of workers that were killed
        if half.stat().st_mtime < time() - _HALF_SECONDS:
            half.unlink(missing_ok=True)
    files = [file for file in folder.iterdir() if _HASH.fullmatch(file.name)]
    newest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    size = 0
    for count, file in enumerate(newest):
        size += file.stat().st_size
        if count and (count >= MOST_FILES or size > MOST_FOLDER_BYTES):
            file.unlink(missing_ok=True)
