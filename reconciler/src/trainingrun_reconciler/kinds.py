"""The kinds of objects that the operator deals with, and where they are in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_api.league import LEAGUE as LEAGUE_DEFINITION
from trainingrun_api.resource import Resource, ResourceDefinition
from trainingrun_api.run import DEFINITION
from trainingrun_api.tournament import TOURNAMENT as TOURNAMENT_DEFINITION

FIELD_MANAGER: Final = "trainingrun-operator"
"""The owner of the fields that the operator applies."""


@dataclass(frozen=True)
class Kind:
    """One kind: ``group`` is empty for the core API."""

    group: str
    version: str
    name: str
    plural: str

    @classmethod
    def of(cls, definition: ResourceDefinition[Resource]) -> Kind:
        """The kind of a resource of ours."""
        return cls(definition.group, definition.version, definition.kind, definition.plural)

    @property
    def api_version(self) -> str:
        """As it stands in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The URL path of one object, of a namespace's objects, or of the cluster's."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        middle = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{middle}/{self.plural}" + (f"/{name}" if name else "")


POD: Final = Kind("", "v1", "Pod", "pods")
SERVICE: Final = Kind("", "v1", "Service", "services")
CONFIG_MAP: Final = Kind("", "v1", "ConfigMap", "configmaps")
SECRET: Final = Kind("", "v1", "Secret", "secrets")
SERVICE_ACCOUNT: Final = Kind("", "v1", "ServiceAccount", "serviceaccounts")
CLAIM: Final = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
DEPLOYMENT: Final = Kind("apps", "v1", "Deployment", "deployments")
STATEFUL_SET: Final = Kind("apps", "v1", "StatefulSet", "statefulsets")
JOB: Final = Kind("batch", "v1", "Job", "jobs")
DISRUPTION_BUDGET: Final = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY: Final = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
EVENT: Final = Kind("events.k8s.io", "v1", "Event", "events")
LEASE: Final = Kind("coordination.k8s.io", "v1", "Lease", "leases")
ACCESS_REVIEW: Final = Kind(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"
)
TRAINING_RUN: Final = Kind.of(DEFINITION)
LEAGUE: Final = Kind.of(LEAGUE_DEFINITION)
TOURNAMENT: Final = Kind.of(TOURNAMENT_DEFINITION)

CONTROLLERS: Final = (DEPLOYMENT, STATEFUL_SET, JOB)
"""What owns pods: watched with their status."""
OURS_ALONE: Final = (
    CONFIG_MAP,
    SERVICE_ACCOUNT,
    SERVICE,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    DEPLOYMENT,
    STATEFUL_SET,
    JOB,
)
"""What only we have a reason to change: not claims, which controllers fill in."""
