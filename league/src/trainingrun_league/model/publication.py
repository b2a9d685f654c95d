"""Taking a publication: bytes go to the artefacts as they come, and are kept if they are weights.

Order: the bytes first, whole or not at all, then the row. Who dies between leaves bytes that no
model refers to, and the same publication, which its learner sends again, takes them up. Refused:
the row first, which could name bytes that never came.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Final

from trainingrun_contracts.league.v1 import model_pb2 as pb

from trainingrun_league.artefacts.place import ArtefactPlace
from trainingrun_league.errors import Damaged, InvalidRequest
from trainingrun_league.model.messages import publication_of
from trainingrun_league.model.records import ModelRecords, Publication
from trainingrun_league.model.tables import ModelRow
from trainingrun_league.model.weights_check import NotWeights, WeightsCheck

MOST_CHUNK_BYTES: Final = 2 * 1024 * 1024


def artefact_of(sha256: str) -> str:
    """Return the name of a model's bytes."""
    return f"models/{sha256}"


async def take_publication(
    parts: AsyncIterator[pb.PublishPolicyRequest],
    *,
    records: ModelRecords,
    artefacts: ArtefactPlace,
    schema_hash: str,
) -> ModelRow:
    """Take a publication to its end; return its model, or the one that is there already.

    Raises:
        InvalidRequest: what comes is no publication, or no weights of this environment.
        Damaged: the bytes do not have their hash.
        Unavailable: the artefacts or the database cannot be reached.
    """
    first = await anext(aiter(parts), None)
    if first is None or first.WhichOneof("part") != "header":
        raise InvalidRequest("a publication begins with its header")
    publication = publication_of(first.header, schema_hash=schema_hash)
    there = await records.found(publication)
    if there is not None:
        return there
    check = WeightsCheck(size=publication.size_bytes, schema_hash=schema_hash)
    await artefacts.write(
        artefact_of(publication.sha256), _checked(parts, publication=publication, check=check)
    )
    return await records.add(publication, problem=check.problem)


async def _checked(
    parts: AsyncIterator[pb.PublishPolicyRequest],
    *,
    publication: Publication,
    check: WeightsCheck,
) -> AsyncIterator[bytes]:
    """Yield the chunks while they may be what the header says."""
    digest, left = hashlib.sha256(), publication.size_bytes
    async for part in parts:
        chunk = _chunk_of(part)
        left -= len(chunk)
        if left < 0:
            raise InvalidRequest(
                f"more than the {publication.size_bytes} bytes came that the header announces"
            )
        digest.update(chunk)
        try:
            check.feed(chunk)
        except NotWeights as error:
            raise InvalidRequest(str(error)) from error
        yield chunk
    if left:
        raise InvalidRequest(
            f"{left} of {publication.size_bytes} bytes are missing: publish the model again"
        )
    if digest.hexdigest() != publication.sha256:
        raise Damaged("the bytes do not have the hash that the header says: publish them again")
    try:
        check.finish()
    except NotWeights as error:
        raise InvalidRequest(str(error)) from error


def _chunk_of(part: pb.PublishPolicyRequest) -> bytes:
    if part.WhichOneof("part") != "chunk":
        raise InvalidRequest("a publication has one header, then chunks")
    if not 1 <= len(part.chunk) <= MOST_CHUNK_BYTES:
        raise InvalidRequest(f"a chunk has 1 to {MOST_CHUNK_BYTES} bytes, not {len(part.chunk)}")
    return part.chunk
