"""The CustomResourceDefinition, made from the models.

Pydantic's JSON schema is not what the API server calls structural, so it is rewritten: references
are inlined; ``X or null`` becomes a plain ``X``, because the API server prunes a null where the
field is not nullable and so reads it as "not given", as we do; a constant becomes an enum of one;
exclusive bounds get OpenAPI 3.0's spelling; titles go. The rules of each model are added as CEL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from trainingrun_api.model import FORMS, ApiModel
from trainingrun_api.pod_template import TEMPLATE
from trainingrun_api.resource import Resource, ResourceDefinition
from trainingrun_api.rules import Immutable, Rule, cel_text

Schema = dict[str, Any]

CATEGORY: Final = "trainingrun-dev"
"""``kubectl get`` takes it for all kinds at once. It is no kind's name: kubectl would take that for
the category, too, and ``kubectl get trainingrun NAME`` for several kinds, which it refuses."""
INT_OR_STRING: Final = "x-kubernetes-int-or-string"
VALIDATIONS: Final = "x-kubernetes-validations"

_KEPT: Final = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "multipleOf",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)


def definition(of: ResourceDefinition[Resource]) -> Schema:
    """The whole CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": of.name},
        "spec": {
            "group": of.group,
            "scope": "Namespaced",
            "names": {
                "kind": of.kind,
                "listKind": f"{of.kind}List",
                "plural": of.plural,
                "singular": of.kind.lower(),
                "shortNames": [*of.short_names],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": of.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [*_columns(of)],
                    "schema": {"openAPIV3Schema": _stored(root_schema(of))},
                }
            ],
        },
    }


def root_schema(of: ResourceDefinition[Resource]) -> Schema:
    """The structural schema of a kind."""
    source = of.model.model_json_schema(by_alias=True, mode="validation")
    schema = _structural(source, source["$defs"], of.model)
    properties = schema["properties"]
    for name in ("apiVersion", "kind"):
        properties[name] = {"type": "string", "description": properties[name]["description"]}
    # The API server knows metadata itself and lets a schema name only this of it.
    properties["metadata"] = {"type": "object", "properties": {"name": {"type": "string"}}}
    if of.immutable:
        fixed = properties["spec"].setdefault(VALIDATIONS, [])
        fixed.extend(_transition(rule) for rule in of.immutable)
    properties["status"].pop("default", None)
    schema["required"] = ["spec"]
    return schema


def _stored(schema: Schema) -> Schema:
    """Return the schema as it is stored: defaults in descriptions, and each text of a pod template
    once (ADR 14)."""
    properties = schema["properties"]
    spec = _with_templates_explained_once(properties["spec"]) if "spec" in properties else {}
    return _with_defaults_described(
        {**schema, "properties": {**properties, **({"spec": spec} if spec else {})}}
    )


def _with_templates_explained_once(schema: Schema, *, is_inside: bool = False) -> Schema:
    """Return a part of the spec with the texts inside of its first pod template alone; the
    descriptions of the other templates say that they are as that one."""
    fields = dict(schema.get("properties", {}))
    is_known = is_inside
    for name, field in fields.items():
        if name != TEMPLATE:
            fields[name] = _with_templates_explained_once(field, is_inside=is_known)
        elif is_known:
            fields[name] = {**_without_texts(field), "description": field["description"]}
        is_known = is_known or _has_template(field) or name == TEMPLATE
    return {**schema, "properties": fields} if fields else schema


def _has_template(schema: Schema) -> bool:
    fields = schema.get("properties", {})
    return TEMPLATE in fields or any(_has_template(each) for each in fields.values())


def _without_texts(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key != "description"}
    if "properties" in kept:
        kept["properties"] = {
            name: _without_texts(each) for name, each in kept["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = _without_texts(kept[key])
    return kept


def _with_defaults_described(schema: Schema) -> Schema:
    """Return the schema with each default in its description: `kubectl explain` shows no other."""
    described = dict(schema)
    default = schema.get("default")
    if default is not None and not isinstance(default, dict) and "description" in schema:
        described["description"] = f"{schema['description']} Default: {_spelled(default)}."
    if "properties" in schema:
        described["properties"] = {
            name: _with_defaults_described(each) for name, each in schema["properties"].items()
        }
    return described


def _spelled(default: Any) -> str:
    """A default as one would write it in YAML."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list):
        return f"[{', '.join(_spelled(each) for each in default)}]"
    if isinstance(default, dict):
        fields = (f"{name}: {_spelled(each)}" for name, each in default.items())
        return f"{{{', '.join(fields)}}}"
    return str(default)


def _columns(of: ResourceDefinition[Resource]) -> Iterator[Schema]:
    for each in of.columns:
        column = {
            "name": each.name,
            "type": each.type,
            "jsonPath": each.path,
            "description": each.description,
        }
        yield column | ({"priority": 1} if each.wide else {})


def _structural(source: Schema, definitions: Mapping[str, Schema], model: Any) -> Schema:
    """One node of pydantic's schema as a structural one; ``model`` is its type's annotation."""
    source = _resolved(source, definitions)
    owner = model_in(model)
    schema = _leaf(source)
    if source.get("type") == "array":
        schema["items"] = _structural(source["items"], definitions, model)
    if isinstance(source.get("additionalProperties"), dict):
        schema["additionalProperties"] = _structural(
            source["additionalProperties"], definitions, None
        )
    if "properties" in source and owner:
        annotations = {
            field.alias or name: field.annotation for name, field in owner.model_fields.items()
        }
        schema["properties"] = {
            name: _property(each, definitions, annotations[name])
            for name, each in source["properties"].items()
        }
        if source.get("required"):
            schema["required"] = list(source["required"])
        if owner.rules:
            schema[VALIDATIONS] = [_validation(rule) for rule in owner.rules]
    return schema


def _property(source: Schema, definitions: Mapping[str, Schema], annotation: Any) -> Schema:
    """A property; an object with defaults inside gets ``{}`` as its own, so that they apply."""
    schema = _structural(source, definitions, annotation)
    may_be_absent = any(each.get("type") == "null" for each in source.get("anyOf", ()))
    has_defaults = any("default" in each for each in schema.get("properties", {}).values())
    if has_defaults and not may_be_absent and not schema.get("required"):
        schema["default"] = _filled(schema) if VALIDATIONS in schema else {}
    return schema


def _filled(schema: Schema) -> Schema:
    """An object's defaults written out: the API server checks a default before it fills it."""
    return {
        name: _filled(each) if each["default"] == {} else each["default"]
        for name, each in schema["properties"].items()
        if "default" in each
    }


def _resolved(source: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Without reference and without the choice of null; what stands beside them wins."""
    beside = {key: value for key, value in source.items() if key not in ("$ref", "anyOf")}
    if "$ref" in source:
        target = definitions[source["$ref"].removeprefix("#/$defs/")]
        return _resolved(target | beside, definitions)
    if "anyOf" in source:
        (choice,) = [each for each in source["anyOf"] if each.get("type") != "null"]
        return _resolved(choice | beside, definitions)
    return source


def _leaf(source: Schema) -> Schema:
    """The keywords of a node itself, in a fixed order."""
    schema: Schema = {key: source[key] for key in _KEPT if source.get(key) is not None}
    if schema.get("default") == []:
        del schema["default"]
    if "const" in source:
        schema["enum"] = [source["const"]]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in source:
            schema[bound] = source[exclusive]
            schema[exclusive] = True
    if "pattern" in source:
        schema[VALIDATIONS] = [_form(source)]
    if source.get(INT_OR_STRING):
        del schema["type"]
        schema[INT_OR_STRING] = True
    return schema


def model_in(annotation: Any) -> type[ApiModel] | None:
    """The model in an annotation such as ``Redis``, ``Redis | None`` or ``tuple[Deck, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if issubclass(annotation, ApiModel) else None
    return next((model for each in get_args(annotation) if (model := model_in(each))), None)


def _validation(rule: Rule) -> Schema:
    """A rule as the API server reads it."""
    expression = rule.message_expression
    message = {"messageExpression": expression} if expression else {"message": rule.template}
    place = {"fieldPath": f".{rule.field}"} if rule.field else {}
    return {"rule": rule.cel, **message, **place}


def _form(source: Schema) -> Schema:
    """A pattern as a rule: the API server's own message would be the bare regular expression."""
    pattern = source["pattern"]
    matches = f"self.matches({cel_text(pattern)})"
    number = f"type(self) == int ? self >= 0 : {matches}"
    rule = number if source.get(INT_OR_STRING) else matches
    return {"rule": rule, "message": f"must be {FORMS[pattern]}"}


def _transition(rule: Immutable) -> Schema:
    """A rule about the change of a field as the API server reads it."""
    return {"rule": rule.cel, "message": rule.message, "fieldPath": f".{rule.field}"}
