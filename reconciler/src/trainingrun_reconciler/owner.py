"""Whose objects they are: the resource that makes them, and that they go with."""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun_api.resource import Metadata

from trainingrun_reconciler.kinds import TRAINING_RUN, Kind


@dataclass(frozen=True)
class Owner:
    """A resource as the owner of objects; ``uid`` never repeats."""

    namespace: str
    name: str
    uid: str
    kind: Kind

    @classmethod
    def of(cls, kind: Kind, metadata: Metadata) -> Owner:
        """The resource of this kind that has this metadata."""
        return cls(metadata.namespace, metadata.name, metadata.uid, kind)


@dataclass(frozen=True)
class RunIdentity(Owner):
    """A TrainingRun as the owner of objects; ``namespace`` is "local" on a laptop."""

    kind: Kind = TRAINING_RUN
