"""Specs that are slightly wrong, or rightly strange, made from the CRD's own schema.

Each is a small valid spec of which one or two fields were replaced: by values at and beyond their
bounds, of another type, of another form, or by null; sometimes a field is there that no one knows.
The schema is walked, so a new field is mutated without a word here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from trainingrun_api.crd import INT_OR_STRING, VALIDATIONS, root_schema
from trainingrun_api.run import DEFINITION

Schema = dict[str, Any]
SEED: Final = 1
ANY_FIELDS: Final = "x-kubernetes-preserve-unknown-fields"
BASE: Final[Schema] = {"games": 100, "decks": [{"name": "red_aggro"}]}
_LONG: Final = "x" * 2000
_WORDS: Final = (
    "",
    "red_aggro",
    "white_weenie",
    "daemon",
    "learner",
    "random",
    "aggressive",
    "USD",
    "one",
    "team-a",
    "two",
    "10.0.0.5:17171",
    "redis://127.0.0.1:1/0",
    "bucket",
    "runs/mine",
    "/tmp/checkpoints",
    "http://storage:9000",
    "-Xss512k",
    "A B",
    "ünï",
    "../..",
    "{{ .Values }}",
    "$(reboot)",
    _LONG,
)
_SEARCHED: Final[Schema] = {
    "games": 1000,
    "environment": {"builtIn": {"name": "tic_tac_toe"}},
    "algorithm": {"alphaZero": {}},
}
"""A run of AlphaZero: in BASE, which is one of Magic, each of its fields would be refused."""
_QUANTITIES: Final = ("1", "512Mi", "2Gi", "250m", 2, 0, -1, "1Zi", "many", "0.5", "9999999P", "")
_KEYS: Final = ("cpu", "memory", "team", "example.com/x")
_UNLISTED: Final = {"nodeSelector": {"disk": "fast"}}
"""Where the definition lets any field stand; right in the spec of a pod alone."""
_STRANGERS: Final[tuple[object, ...]] = (None, "text", 1.5, -1, True, [], {}, [None], {"a": "b"})


def mutated_specs(count: int) -> list[Schema]:
    """This many specs, the same ones every time.

    From a seed and not by hypothesis, whose derandomized examples depend on the modules that a
    process has imported.
    """
    random, found = Random(SEED), dict[str, Schema]()
    while len(found) < count:
        spec = _mutated(random)
        found.setdefault(json.dumps(spec, sort_keys=True), spec)
    return list(found.values())


def _mutated(random: Random) -> Schema:
    fields = [random.choice(_FIELDS) for _ in range(random.randint(1, 2))]
    of_search = any(path[:2] == ("algorithm", "alphaZero") for path, _ in fields)
    spec = copy.deepcopy(_SEARCHED if of_search else BASE)
    spec["redis"] = {"url": "redis://127.0.0.1:1/0"}
    for path, schema in fields:
        place = spec
        for step in path[:-1]:
            below = place.get(step)
            place[step] = below if isinstance(below, dict) else {}
            place = place[step]
        strange = path[-1] == "surprise"  # an unknown field that is null says nothing
        place[path[-1]] = "!" if strange else copy.deepcopy(_value(schema, random))
    return spec


def _fields(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Schema]]:
    for name, each in schema["properties"].items():
        yield (*path, name), each
        if "properties" in each:
            yield from _fields(each, (*path, name))
    if len(path) < 2:
        yield (*path, "surprise"), {"type": "string"}


def _value(schema: Schema, random: Random) -> Any:
    """Mostly a value of the right type; sometimes a stranger."""
    return random.choice(_STRANGERS) if random.randrange(8) == 0 else _of_type(schema, random)


def _of_type(schema: Schema, random: Random) -> Any:
    if "enum" in schema:
        return random.choice([*schema["enum"] * 4, "Nonsense"])
    if schema.get(INT_OR_STRING):
        return random.choice(_QUANTITIES)
    match schema.get("type"):
        case "boolean":
            return random.choice((True, False))
        case "integer":
            return random.choice(_around(schema, 1))
        case "number":
            return random.choice(_around(schema, 0.001))
        case "array":
            return [_value(schema["items"], random) for _ in range(random.randrange(4))]
        case "object" if "properties" in schema:
            return _object(schema, random)
        case "object":
            value = schema["additionalProperties"]
            return {key: _value(value, random) for key in random.sample(_KEYS, random.randrange(3))}
    return random.choice(_WORDS)


def _object(schema: Schema, random: Random) -> Schema:
    """An object with its required fields and some others."""
    required = schema.get("required", ())
    fields = schema["properties"].items()
    others = _UNLISTED if schema.get(ANY_FIELDS) and random.randrange(4) == 0 else {}
    return {
        name: _of_type(each, random)
        for name, each in fields
        if name in required or random.randrange(2)
    } | others


def _around(schema: Schema, step: float) -> list[float]:
    """Both bounds, what is beyond them, and something between."""
    low, high = schema.get("minimum", 0), schema.get("maximum", 1_000_000)
    between = min(high, low + 3 * step)
    return [low, low, between, between, between, high, low - step, high + step]


_FIELDS: Final = [
    (path, schema)
    for path, schema in _fields(root_schema(DEFINITION)["properties"]["spec"])
    if VALIDATIONS in schema or schema.get("type") or schema.get(INT_OR_STRING)
]
