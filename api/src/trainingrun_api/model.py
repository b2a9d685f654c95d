"""The base of all API models, and the value types that several of them share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import no_info_after_validator_function

from trainingrun_api.rules import Rule

INT_OR_STRING: Final = {"x-kubernetes-int-or-string": True}
ANY_FIELDS: Final[JsonDict] = {"x-kubernetes-preserve-unknown-fields": True}
QUANTITY_FORM: Final = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
DECK_FORM: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
ENDPOINT_FORM: Final = r"^https?://[^\s]+$"
DAEMON_FORM: Final = (
    r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?)"
    r":(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})$"
)
PHASE_FORM: Final = r"^[a-z0-9][-a-z0-9]*$"
JVM_OPTION_FORM: Final = r"^-[A-Za-z][A-Za-z0-9+:=._,/-]*$"
CURRENCY_FORM: Final = r"^[A-Z]{3}$"
BUCKET_FORM: Final = r"^[a-z0-9][a-z0-9.-]+[a-z0-9]$"
CLAIM_FORM: Final = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
RELATIVE_FORM: Final = r"^[^\s/][^\s]*$"
ABSOLUTE_FORM: Final = r"^/[^\s]*$"
ENTRY_POINT_FORM: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
MODULE_FORM: Final = r"^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$"
CLASS_FORM: Final = r"^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"
OPEN_SPIEL_FORM: Final = r"^[a-z][a-z0-9_]*([(][^\s]*[)])?$"
PART_FORM: Final = r"^[a-z][a-z0-9_-]*$"
PLAYER_FORM: Final = (
    r"^(champion|model/[A-Za-z0-9][A-Za-z0-9._-]*|person/[A-Za-z0-9][A-Za-z0-9._@-]*"
    r"|builtin/[a-z][a-z0-9-]*)$"
)
FORMS: Final = {
    PLAYER_FORM: "a player such as model/ID, champion, person/NAME or builtin/random",
    PART_FORM: "a part's name (lower-case letters, digits, '_' and '-')",
    ENTRY_POINT_FORM: "an environment's name (letters, digits, '_', '-' and '.')",
    MODULE_FORM: "a name such as classic.connect_four_v3",
    CLASS_FORM: "a module and a class such as package.module:Game",
    OPEN_SPIEL_FORM: "a game's name such as kuhn_poker or hex(board_size=5), without spaces",
    BUCKET_FORM: "a bucket's name (lower-case letters, digits, '-' and '.')",
    CLAIM_FORM: "a claim's name (lower-case letters, digits, '-' and '.')",
    RELATIVE_FORM: "a path such as runs/mine, without a leading '/' and without spaces",
    ABSOLUTE_FORM: "an absolute path such as /checkpoints, without spaces",
    QUANTITY_FORM: "an amount such as 2, 500m or 4Gi",
    DECK_FORM: "a deck's name (letters, digits, '-' and '_', without .dck)",
    PHASE_FORM: "a phase's name (lower-case letters, digits and '-')",
    JVM_OPTION_FORM: "an option of java such as -Xss512k, without spaces and quotes",
    CURRENCY_FORM: "a currency's three letters, such as EUR",
    ENDPOINT_FORM: "an address such as http://host:9000",
    DAEMON_FORM: "host:port, such as 10.0.0.5:17171 or [fd00::5]:17171",
}
"""Each pattern that a field may have, in words for a sentence that begins with "must be"."""
RULE_ERROR: Final = "rule"


def number_as_text(value: object) -> object:
    """YAML reads ``cpu: 2`` as a number, which a field of integers or text takes. The API server
    refuses ``cpu: 0.5`` of such a field, so it is refused here, too."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    Field(pattern=QUANTITY_FORM, max_length=32, json_schema_extra=INT_OR_STRING),
    BeforeValidator(number_as_text),
]
"""An amount in Kubernetes' spelling: ``500m``, ``2``, ``4Gi``."""

Games = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
"""A number of games."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, or a weight of that size."""
PartName = Annotated[str, Field(pattern=PART_FORM, max_length=64)]
"""A part of the run: one of ours, or the name of an entry point in a package of the user's."""
Potentials = Annotated[dict[str, Share], Field(max_length=16)]
"""Weights of potentials by their names."""


@dataclass(frozen=True)
class ListType:
    """How server-side apply merges a list, and whether an entry may stand in it twice.

    Stands after the bounds of the length in an annotation: behind a function, pydantic takes those
    for the bounds of a text.
    """

    kind: Literal["map", "set", "atomic"]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Refuse duplicates here as the API server does."""
        schema = handler(source)
        if self.kind == "atomic":
            return schema
        return no_info_after_validator_function(_without_duplicates, schema)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say it in the CRD."""
        keys = {"x-kubernetes-list-map-keys": ["name"]} if self.kind == "map" else {}
        return handler(schema) | {"x-kubernetes-list-type": self.kind} | keys


MAP: Final = ListType("map")
"""Objects with a ``name``, which is each one's own: server-side apply owns them one by one."""
SET: Final = ListType("set")
"""Values, each once."""
ATOMIC: Final = ListType("atomic")
"""One value with one owner."""


def _without_duplicates(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    """The entries, when each is there once; else the API server's own sentence at each that is not.

    Raises:
        ValidationError: an entry, or its name, stands twice.
    """
    keys = [_key(each) for each in entries]
    errors = [_duplicate(key, at) for at, key in enumerate(keys) if key in keys[:at]]
    if errors:
        raise ValidationError.from_exception_data("list", errors)
    return entries


def _key(entry: Any) -> object:
    """Return what the API server distinguishes entries by."""
    return entry if isinstance(entry, str) else {"name": entry.name}


def _duplicate(key: object, at: int) -> InitErrorDetails:
    message = f"Duplicate value: {json.dumps(key, separators=(',', ':'))}"
    kind = PydanticCustomError(RULE_ERROR, "{message}", {"message": message})
    return InitErrorDetails(type=kind, loc=(at,), input=None)


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
