"""The base of all API models, and the value types that several of them share."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from trainingrun_contracts.api.rules import Rule

INT_OR_STRING: Final = {"x-kubernetes-int-or-string": True}
ANY_FIELDS: Final = {"x-kubernetes-preserve-unknown-fields": True}
QUANTITY_FORM: Final = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
DECK_FORM: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
ENDPOINT_FORM: Final = r"^https?://[^\s]+$"
DAEMON_FORM: Final = (
    r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?)"
    r":(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})$"
)
PHASE_FORM: Final = r"^[a-z0-9][-a-z0-9]*$"
JVM_OPTION_FORM: Final = r"^-[A-Za-z][A-Za-z0-9+:=._,/-]*$"
LABEL_FORM: Final = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
CURRENCY_FORM: Final = r"^[A-Z]{3}$"
STEP_FORM: Final = r"^[1-9][0-9]*%?$"
SOURCE_FORM: Final = r"^(file:///[^\s]*|s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[^\s]*)?)$"
FORMS: Final = {
    SOURCE_FORM: "s3://bucket/prefix or file:///directory",
    QUANTITY_FORM: "an amount such as 2, 500m or 4Gi",
    STEP_FORM: "a step such as 3 or 50%",
    DECK_FORM: "a deck's name (letters, digits, '-' and '_', without .dck)",
    PHASE_FORM: "a phase's name (lower-case letters, digits and '-')",
    JVM_OPTION_FORM: "an option of java such as -Xss512k, without spaces and quotes",
    LABEL_FORM: "a name of lower-case letters, digits, '-' and '.'",
    CURRENCY_FORM: "a currency's three letters, such as EUR",
    ENDPOINT_FORM: "an address such as http://host:9000",
    DAEMON_FORM: "host:port, such as 10.0.0.5:17171 or [fd00::5]:17171",
}
"""Each pattern that a field may have, in words for a sentence that begins with "must be"."""
RULE_ERROR: Final = "rule"


def _number_as_text(value: object) -> object:
    """YAML reads ``cpu: 2`` as a number, which a field of integers or text takes. The API server
    refuses ``cpu: 0.5`` of such a field, so it is refused here, too."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    Field(pattern=QUANTITY_FORM, max_length=32, json_schema_extra=INT_OR_STRING),
    BeforeValidator(_number_as_text),
]
"""An amount in Kubernetes' spelling: ``500m``, ``2``, ``4Gi``."""

Step = Annotated[
    str,
    Field(pattern=STEP_FORM, max_length=12, json_schema_extra=INT_OR_STRING),
    BeforeValidator(_number_as_text),
]
"""A number of replicas (``3``) or a part of the present ones (``50%``)."""

PodOverride = Annotated[dict[str, Any], Field(json_schema_extra=ANY_FIELDS)]
"""A part of a pod template, as Kubernetes writes it; its fields are Kubernetes' own."""

Games = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
"""A number of games."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, or a weight of that size."""


def step_size(step: Step, *, replicas: int) -> int:
    """How many replicas ``step`` stands for when there are ``replicas``: rounded up, at least 1."""
    if step.endswith("%"):
        return max(1, math.ceil(replicas * int(step[:-1]) / 100))
    return int(step)


class ApiModel(BaseModel):
    """A frozen object of the API. Fields are snake_case here and camelCase in documents.

    ``rules`` are the checks between this object's fields; they are also written into the CRD.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _follow_rules(self) -> Self:
        broken = [rule for rule in self.rules if not rule.holds(self)]
        if broken:
            raise ValidationError.from_exception_data(
                type(self).__name__, [_error(rule, self) for rule in broken]
            )
        return self


def _error(rule: Rule, broken: Any) -> InitErrorDetails:
    """One broken rule as an error at the field that the rule is about."""
    message = rule.message_for(broken)
    kind = PydanticCustomError(RULE_ERROR, "{message}", {"message": message, "rule": rule.name})
    return InitErrorDetails(type=kind, loc=rule.location, input=None)
