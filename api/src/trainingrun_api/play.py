"""What games are played with: decks, opponents, and the curriculum that changes them on the way.

The part of the spec that actors play by. Who the evaluations are against is not here: they are the
yardstick, and a curriculum leaves it alone.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trainingrun_api import rules
from trainingrun_api.model import (
    DECK_FORM,
    MAP,
    PHASE_FORM,
    SET,
    ApiModel,
    Games,
    PartName,
    Potentials,
    Share,
)
from trainingrun_api.rules import INLINE_LENGTH, Rule


class DeckName(ApiModel):
    """One of the run's decks by its name."""

    name: Annotated[str, Field(pattern=DECK_FORM, max_length=64)] = Field(
        description="Name of the deck, for example `red_aggro`."
    )


class ConfigMapKey(ApiModel):
    """One entry of a ConfigMap in the run's namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Name of a ConfigMap in the run's namespace."
    )
    key: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Entry of the ConfigMap that holds the list of cards."
    )


class Deck(DeckName):
    """One deck of the run: its list stands in it, in a ConfigMap, or in the daemon's image."""

    rules: ClassVar[tuple[Rule, ...]] = rules.DECK

    name: Annotated[str, Field(pattern=DECK_FORM, max_length=64)] = Field(
        description="Name of the deck. Without inline and configMapKeyRef, of one that the daemon's"
        " image holds: the file name without `.dck`, for example `red_aggro`."
    )
    inline: Annotated[str, Field(min_length=1, max_length=INLINE_LENGTH)] | None = Field(
        None,
        description="The list of cards, as MTG Arena, MTGO or Forge export it. It goes before a"
        " deck of the name in the image.",
    )
    config_map_key_ref: ConfigMapKey | None = Field(
        None,
        description="Entry of a ConfigMap with such a list. The run plays a copy, which follows the"
        " ConfigMap while that is there. `trainingrun local` takes ConfigMaps from the run's file.",
    )

    @property
    def is_own(self) -> bool:
        """Whether the run brings it itself."""
        return self.inline is not None or self.config_map_key_ref is not None


ScriptedPlayers = Annotated[tuple[PartName, ...], Field(min_length=1, max_length=8), SET]
PastCurve = Literal["hard", "variance", "even"]


class SelfPlay(ApiModel):
    """Against whom the learning seat plays. Shares are relative to their sum."""

    rules: ClassVar[tuple[Rule, ...]] = rules.SELF_PLAY

    latest: Share = Field(
        0.5,
        description="Share of games against the newest policy itself; both seats learn from them.",
    )
    past: Share = Field(
        0.4, description="Share of games against a snapshot of an earlier policy, drawn by pfsp."
    )
    scripted: Share = Field(
        0.1, description="Share of games against scripted players, drawn evenly from those named."
    )
    scripted_players: ScriptedPlayers | None = Field(
        None,
        description="Who these are: `random` plays any legal action, `aggressive` (Magic alone)"
        " always casts and attacks, `engine` is the daemon's own player (Magic, or environment"
        " engine), other names are entry points of the group `trainingrun.opponents`. Default:"
        " random, for Magic aggressive too.",
    )
    snapshot_every_publishes: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        20, description="Publishes of weights between two snapshots that `past` draws from."
    )
    pfsp: PastCurve = Field(
        "hard",
        description="How `past` prefers snapshots, by the win rate x against each: `hard` by"
        " (1-x)², those who still win; `variance` by x(1-x), those of the same strength; `even`."
        " Named after the weightings of prioritized fictitious self-play.",
    )


class PhaseOpponents(ApiModel):
    """The opponents of one phase, in place of spec.selfPlay's. Shares are relative to their sum;
    one that is left out is 0."""

    rules: ClassVar[tuple[Rule, ...]] = rules.SELF_PLAY

    latest: Share = Field(0.0, description="Share of games against the newest policy.")
    past: Share = Field(0.0, description="Share of games against snapshots of earlier ones.")
    scripted: Share = Field(0.0, description="Share of games against scripted players.")
    scripted_players: ScriptedPlayers | None = Field(
        None, description="Who these are, with the same default as in spec.selfPlay."
    )
    pfsp: PastCurve = Field(
        "hard", description="How `past` prefers snapshots, as in spec.selfPlay."
    )


class WinRateGoal(ApiModel):
    """A win rate that ends a phase."""

    opponent: PartName = Field(description="Against whom; one of evaluation.opponents.")
    low: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="What the lower bound of the 95 % Wilson interval must reach."
    )
    evaluations: Annotated[int, Field(ge=1, le=10)] = Field(
        1,
        description="Number of newest evaluations of the phase that are counted together.",
    )


class Until(ApiModel):
    """What ends a phase: games or a win rate, whichever comes first."""

    rules: ClassVar[tuple[Rule, ...]] = rules.UNTIL

    games: Games | None = Field(
        None, description="Training games of the phase after which it ends at the latest."
    )
    win_rate: WinRateGoal | None = Field(
        None, description="A win rate in the evaluations at which it ends."
    )


class CurriculumPhase(ApiModel):
    """One phase of the curriculum."""

    rules: ClassVar[tuple[Rule, ...]] = rules.POTENTIALS

    name: Annotated[str, Field(pattern=PHASE_FORM, max_length=40)] = Field(
        description="Name of the phase, by which a run keeps its place when the curriculum changes."
    )
    decks: Annotated[tuple[DeckName, ...], Field(min_length=1, max_length=64), MAP] | None = Field(
        None, description="Decks of the phase's games, some of spec.decks. Default: all of them."
    )
    opponents: PhaseOpponents | None = Field(
        None, description="Opponents of the phase. Default: those of spec.selfPlay."
    )
    reward_shaping: Potentials | None = Field(
        None,
        description="Weights of potentials in the phase, by name. Default: those of"
        " spec.rewardShaping.",
    )
    until: Until | None = Field(
        None, description="What ends the phase. Every phase but the last has it."
    )
