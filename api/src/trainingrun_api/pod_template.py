"""The template of a role's pods, as the spec has it beside each role that has pods.

Its form is Kubernetes' own (a PodTemplateSpec), and it is laid over the template that the operator
makes. Listed here are the fields that something of ours reads; the others are kept as they stand,
and the API server judges them when pods are made of them. A full schema of pods was refused: it has
a quarter of a megabyte for each role.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar, Final, get_args

from pydantic import ConfigDict, Field

from trainingrun_api.model import ANY_FIELDS, MAP, ApiModel, Quantity

TEMPLATE: Final = "template"
"""The field that a role's template stands in."""

TemplatePaths = tuple[tuple[str, ...], ...]
"""Where the templates of a kind stand below its spec, in YAML spelling."""

Amounts = Annotated[dict[str, Quantity], Field(max_length=32)]
Texts = Annotated[dict[str, str], Field(max_length=4096)]
"""Many more than pods have: the API server reads a megabyte of single letters for a second."""


class OpenModel(ApiModel):
    """An object of Kubernetes' own: what is not listed is kept as it stands."""

    model_config = ConfigDict(extra="allow", json_schema_extra=ANY_FIELDS)


class PodMetadata(ApiModel):
    """What may be set of the pods' metadata."""

    labels: Texts = Field(default_factory=dict, description="Labels beside the operator's.")
    annotations: Texts = Field(
        default_factory=dict, description="Annotations beside the operator's."
    )


class ContainerResources(OpenModel):
    """Amounts of processor, memory and other resources, as of any container."""

    requests: Amounts = Field(
        default_factory=dict,
        description="What the scheduler reserves, such as `cpu: 500m`. Default: the limits, else"
        " the role's own.",
    )
    limits: Amounts = Field(
        default_factory=dict,
        description="The most that may be used. Default: any processor, the memory that is"
        " requested, or the role's own.",
    )


class Container(OpenModel):
    """A container of the pods."""

    name: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="The role's own container is called as the role; others run beside it."
    )
    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        None,
        description="Default of the role's own: the operator's.",
    )
    resources: ContainerResources = Field(
        default_factory=ContainerResources,
        description="Processor, memory and others.",
    )


class PodSpec(OpenModel):
    """The pods' spec."""

    containers: Annotated[tuple[Container, ...], Field(max_length=16), MAP] | None = Field(
        None,
        description="Containers by name, with any field of `kubectl explain pod.spec.containers`.",
    )


class PodTemplate(ApiModel):
    """A pod template that is laid over the operator's own."""

    metadata: PodMetadata = Field(
        default_factory=PodMetadata, description="Labels and annotations of the pods."
    )
    spec: PodSpec = Field(
        default_factory=PodSpec,
        description="Any field of `kubectl explain pod.spec`, such as `nodeSelector`.",
    )


class HasPods(ApiModel):
    """A section of the spec for a role that has pods."""

    container_name: ClassVar[str]
    """Of the role's own container; the role's name."""

    template: PodTemplate | None = Field(None, description="The role's pods.")

    @property
    def container(self) -> Container:
        """What is asked for the role's own container: the one place that image and resources are
        read from. Nothing but a name where nothing is asked."""
        given = self.template.spec.containers if self.template is not None else None
        own = (each for each in given or () if each.name == self.container_name)
        return next(own, Container(name=self.container_name))


def template_paths(model: type[ApiModel]) -> Iterator[tuple[str, ...]]:
    """Where templates stand below a model, in YAML spelling."""
    for name, field in model.model_fields.items():
        for part in (field.annotation, *get_args(field.annotation)):
            if not (isinstance(part, type) and issubclass(part, ApiModel)):
                continue
            inner: Iterable[tuple[str, ...]] = (
                ((),) if part is PodTemplate else template_paths(part)
            )
            yield from ((field.alias or name, *below) for below in inner)


def laid_over(template: PodTemplate | None) -> dict[str, Any]:
    """The template as a document to be merged: only what was given."""
    if template is None:
        return {}
    found: dict[str, Any] = template.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return found
