"""Pod templates as users write them."""

from __future__ import annotations

from typing import Any, TypeVar

from trainingrun_api.pod_template import HasPods, PodTemplate


def asked_of(role: str, **fields: Any) -> dict[str, Any]:
    """The template that asks something of a role's own container: an image, resources."""
    return {"spec": {"containers": [{"name": role, **fields}]}}


Section = TypeVar("Section", bound=HasPods)


def asking(section: Section, **fields: Any) -> Section:
    """A section that asks this of its container."""
    template = PodTemplate.model_validate(asked_of(section.container_name, **fields), strict=False)
    return section.model_copy(update={"template": template})
