"""Where checkpoints are kept: a bucket, a claim or a directory, each a section of its own.

A union of sections and not an address with a scheme: what belongs to one kind (an endpoint,
credentials) stands in its section, and no rule has to keep it from the others.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, ClassVar

from pydantic import Field

from trainingrun_api import rules
from trainingrun_api.model import (
    ABSOLUTE_FORM,
    BUCKET_FORM,
    CLAIM_FORM,
    ENDPOINT_FORM,
    RELATIVE_FORM,
    ApiModel,
)
from trainingrun_api.rules import Rule

Name = Annotated[str, Field(min_length=1, max_length=253)]
RelativePath = Annotated[str, Field(pattern=RELATIVE_FORM, max_length=1024)]


class SecretName(ApiModel):
    """A Secret in the run's namespace."""

    name: Name = Field(description="Name of a Secret in the run's namespace.")


class Bucket(ApiModel):
    """A bucket of S3 or of a service that speaks its protocol, and a prefix in it."""

    bucket: Annotated[str, Field(pattern=BUCKET_FORM, max_length=255)] = Field(
        description="Name of the bucket."
    )
    prefix: RelativePath | None = Field(
        None, description="What the names of all objects begin with: `runs/standard-ppo`."
    )

    @property
    def url(self) -> str:
        """The place as one address."""
        return f"s3://{self.bucket}/{self.prefix or ''}".rstrip("/")


class S3Storage(Bucket):
    """A bucket for checkpoints, and how it is reached."""

    endpoint_url: Annotated[str, Field(pattern=ENDPOINT_FORM, max_length=1024)] | None = Field(
        None,
        description="Address of an S3-compatible service, for example"
        " `http://minio.storage:9000`. Default: AWS.",
    )
    secret_ref: SecretName | None = Field(
        None,
        description="Secret whose entries become environment variables of the learner:"
        " `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`. Default: the node's or"
        " account's own rights.",
    )


class ClaimStorage(ApiModel):
    """A PersistentVolumeClaim that exists in the run's namespace."""

    claim_name: Annotated[str, Field(pattern=CLAIM_FORM, max_length=253)] = Field(
        description="Name of the claim."
    )
    path: RelativePath | None = Field(
        None, description="Path below the claim's root. Default: the root."
    )


class Directory(ApiModel):
    """A directory."""

    path: Annotated[str, Field(pattern=ABSOLUTE_FORM, max_length=1024)] = Field(
        description="Its absolute path; on a cluster in the learner's image or volume."
    )

    @property
    def url(self) -> str:
        """The place as one address."""
        return PurePosixPath(self.path).as_uri()


class Storage(ApiModel):
    """Where checkpoints are kept: exactly one of its sections is set."""

    rules: ClassVar[tuple[Rule, ...]] = rules.STORAGE

    s3: S3Storage | None = Field(
        None, description="A bucket of S3, or of a service that speaks its protocol."
    )
    persistent_volume_claim: ClaimStorage | None = Field(
        None, description="A PersistentVolumeClaim that exists (on a cluster)."
    )
    directory: Directory | None = Field(None, description="A directory.")

    @property
    def url(self) -> str | None:
        """The place as one address; None for a claim, which is a directory where it is mounted."""
        place = self.s3 or self.directory
        return place.url if place is not None else None

    def __str__(self) -> str:
        claim = self.persistent_volume_claim
        return f"claim {claim.claim_name}" if claim is not None else str(self.url)


class Source(ApiModel):
    """Where another run's checkpoints are: exactly one of its sections is set."""

    rules: ClassVar[tuple[Rule, ...]] = rules.SOURCE

    s3: Bucket | None = Field(
        None,
        description="A bucket, reached with endpoint and credentials of checkpoint.storage.s3.",
    )
    directory: Directory | None = Field(None, description="A directory.")

    @property
    def url(self) -> str | None:
        """The place as one address."""
        place = self.s3 or self.directory
        return place.url if place is not None else None
