"""What is played: Magic, or any other game of two players who take turns.

A union of sections, as the places of checkpoints are. Nothing here knows whether an environment
exists: that is for the roles to find out at their start, in the images that they run.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from trainingrun_api import rules
from trainingrun_api.model import (
    ATOMIC,
    CLASS_FORM,
    ENTRY_POINT_FORM,
    INT_OR_STRING,
    MODULE_FORM,
    OPEN_SPIEL_FORM,
    ApiModel,
    number_as_text,
)
from trainingrun_api.rules import Rule

Parameter = Annotated[
    str,
    Field(max_length=200, json_schema_extra=INT_OR_STRING),
    BeforeValidator(number_as_text),
]
Dimension = Annotated[int, Field(ge=1, le=65_536)]


class MagicEnvironment(ApiModel):
    """Magic: The Gathering; spec.decks says with which decks."""


class BuiltInEnvironment(ApiModel):
    """An environment that the images hold, by its name."""

    rules: ClassVar[tuple[Rule, ...]] = rules.BUILT_IN

    name: Annotated[str, Field(pattern=ENTRY_POINT_FORM, max_length=200)] = Field(
        description="`connect_four`, `tic_tac_toe`, or the name of an entry point of the group"
        " `trainingrun.environments` in a package that is installed in the images."
    )


class OpenSpielEnvironment(ApiModel):
    """A game of OpenSpiel for two players who take turns."""

    rules: ClassVar[tuple[Rule, ...]] = rules.OPEN_SPIEL

    game: Annotated[str, Field(pattern=OPEN_SPIEL_FORM, max_length=200)] = Field(
        description="Its name, as `kuhn_poker`; OpenSpiel's own spelling with parameters in"
        " brackets is understood, too."
    )
    parameters: Annotated[dict[str, Parameter], Field(max_length=16)] = Field(
        {},
        description="Its parameters, as `board_size: 5`. What is no whole number is written as"
        ' text: `"0.5"`, `"true"`. Default: OpenSpiel\'s own.',
    )


class PettingZooEnvironment(ApiModel):
    """An environment of PettingZoo's AEC form, for two agents who take turns."""

    environment: Annotated[str, Field(pattern=MODULE_FORM, max_length=200)] = Field(
        description="Its name, as `classic.connect_four_v3`, or a module with a function `env`."
    )


class PythonEnvironment(ApiModel):
    """A class of the user's."""

    object: Annotated[str, Field(pattern=CLASS_FORM, max_length=200)] = Field(
        description="Where it is, as `package.module:Game`; its package must be in the images of"
        " daemon, actor and learner."
    )


class FeatureActions(ApiModel):
    """Actions that describe themselves."""

    width: Annotated[int, Field(ge=1, le=1024)] = Field(
        description="Numbers that describe one legal action."
    )


class VocabularyActions(ApiModel):
    """Actions with fixed numbers."""

    size: Annotated[int, Field(ge=1, le=2048)] = Field(
        description="How many actions there are, legal or not; they are numbered from 0."
    )


class Actions(ApiModel):
    """How an engine says which actions are legal: exactly one of its sections is set."""

    rules: ClassVar[tuple[Rule, ...]] = rules.ACTIONS

    features: FeatureActions | None = Field(
        None, description="Each legal action is a row of numbers that says what it does."
    )
    vocabulary: VocabularyActions | None = Field(
        None, description="Each legal action is a number out of a fixed vocabulary."
    )


class EngineEnvironment(ApiModel):
    """An engine in any language, whose decisions carry observation and actions as numbers. They
    are checked against what stands here."""

    rules: ClassVar[tuple[Rule, ...]] = rules.ENGINE

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Name of the game, for people."
    )
    version: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        "1",
        description="Version of the meaning of its numbers. Weights of one version are not loaded"
        " into another.",
    )
    observation: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=4), ATOMIC] = (
        Field(
            description="Shape of what a player sees, as `[3, 6, 7]` for three planes of a board."
        )
    )
    actions: Actions = Field(description="How legal actions are described.")
    reward_bound: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        1.0, description="The largest return of a game, either way."
    )


class Environment(ApiModel):
    """What is played: exactly one of its sections is set."""

    rules: ClassVar[tuple[Rule, ...]] = rules.ENVIRONMENT

    magic: MagicEnvironment | None = Field(
        None, description="Magic, with the decks of spec.decks. This is the default."
    )
    built_in: BuiltInEnvironment | None = Field(
        None, description="A game that comes with TrainingRun, or with a package of yours."
    )
    open_spiel: OpenSpielEnvironment | None = Field(None, description="A game of OpenSpiel.")
    petting_zoo: PettingZooEnvironment | None = Field(
        None, description="An environment of PettingZoo."
    )
    python: PythonEnvironment | None = Field(None, description="A class of yours.")
    engine: EngineEnvironment | None = Field(
        None, description="An engine of yours, which speaks the line protocol."
    )

    @property
    def is_magic(self) -> bool:
        """Whether the game is Magic, which alone has decks, shaped rewards and Forge builds."""
        return self.magic is not None

    @property
    def title(self) -> str:
        """What is played, for people."""
        if self.built_in is not None:
            return self.built_in.name
        if self.open_spiel is not None:
            given = ", ".join(
                f"{name}={value}" for name, value in self.open_spiel.parameters.items()
            )
            return f"OpenSpiel {self.open_spiel.game}" + (f"({given})" if given else "")
        if self.petting_zoo is not None:
            return f"PettingZoo {self.petting_zoo.environment}"
        if self.python is not None:
            return self.python.object
        if self.engine is not None:
            return f"{self.engine.name}, version {self.engine.version}, by its own engine"
        return "Magic"


def magic() -> Environment:
    """What a run plays that names nothing."""
    return Environment(magic=MagicEnvironment())
