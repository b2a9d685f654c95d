"""Which environment a run plays in, as its configuration says it; what each is like, the
environments know.

JSON of each is tagged by ``kind``, as ``{"kind": "openSpiel", "game": "kuhn_poker"}``.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from trainingrun_contracts.environment_spec import Features, Shape, Vocabulary

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Parameter: TypeAlias = bool | int | float | str


class Magic(Struct, frozen=True, tag="magic", tag_field="kind"):
    """Magic by a Forge daemon."""


class BuiltIn(Struct, frozen=True, tag="builtIn", tag_field="kind"):
    """An environment by the name of its entry point in the group ``trainingrun.environments``."""

    name: Name


class OpenSpiel(Struct, frozen=True, tag="openSpiel", tag_field="kind"):
    """A game of OpenSpiel for two players who take turns."""

    game: Name
    parameters: dict[str, Parameter] = {}


class PettingZoo(Struct, frozen=True, tag="pettingZoo", tag_field="kind"):
    """An environment of PettingZoo's AEC form, as ``classic.connect_four_v3``."""

    environment: Name


class Python(Struct, frozen=True, tag="python", tag_field="kind"):
    """A class of the user's, as ``package.module:Game``."""

    object: Name


class Engine(Struct, frozen=True, tag="engine", tag_field="kind"):
    """An engine in any language that sends its own numbers; they are checked against this."""

    name: Name
    observation: Shape
    actions: Features | Vocabulary
    version: str = "1"
    reward_bound: Annotated[float, Meta(gt=0, le=1e6)] = 1.0


EnvironmentConfig: TypeAlias = Magic | BuiltIn | OpenSpiel | PettingZoo | Python | Engine
