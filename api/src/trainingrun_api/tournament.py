"""The Tournament: players of a league that meet by a plan, once.

Its spec never changes: matches are played by it. The plan itself (rounds, byes, standings) is the
Matchmaker's, which any client may ask; this resource is how a cluster asks, and keeps the answer.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from trainingrun_api import league_rules as rules
from trainingrun_api.model import PLAYER_FORM, SET, ApiModel
from trainingrun_api.resource import Column, Resource, ResourceDefinition
from trainingrun_api.rules import Rule
from trainingrun_api.status import ResourceStatus, StatusModel
from trainingrun_api.storage import Name

Player = Annotated[str, Field(pattern=PLAYER_FORM, max_length=200)]
Format = Literal["RoundRobin", "SingleElimination", "Swiss"]
MOST_ENTRANTS: Final = 64


class LeagueRef(ApiModel):
    """A League in the same namespace."""

    name: Name = Field(description="Name of the League.")


class TournamentSpec(ApiModel):
    """Who meets, and by which plan."""

    rules: ClassVar[tuple[Rule, ...]] = rules.TOURNAMENT

    league_ref: LeagueRef = Field(description="The league whose players meet.")
    entrants: Annotated[tuple[Player, ...], Field(min_length=2, max_length=MOST_ENTRANTS), SET] = (
        Field(
            description="Players, the strongest first: `model/ID`, `champion`, `person/NAME`,"
            " `builtin/random`, `builtin/mcts-100`."
        )
    )
    format: Format = Field(
        "RoundRobin",
        description="`RoundRobin`: each meets each. `SingleElimination`: who loses is out; byes"
        " go to the first entrants. `Swiss`: a few rounds between players of like standing.",
    )
    pairs_per_match: Annotated[int, Field(ge=1, le=50)] = Field(
        1, description="Pairs of games a match; in a pair each player begins once."
    )
    rounds: Annotated[int, Field(ge=1, le=63)] | None = Field(
        None,
        description="Rounds of a Swiss tournament. Default: enough to find one winner.",
    )
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(1, description="Seed of the games.")


class StandingStatus(StatusModel):
    """A player's place."""

    rank: int = Field(description="Place, from 1; players of the same standing share it.")
    player: str = Field(description="The player.")
    points: float = Field(description="1 a match won, a half a match drawn; a bye is won.")
    tie_break: float = Field(0.0, description="Sum of the opponents' points (Buchholz).")
    wins: int = Field(0, description="Games won.")
    draws: int = Field(0, description="Games drawn.")
    losses: int = Field(0, description="Games lost.")


class TournamentStatus(ResourceStatus):
    """What was seen of a tournament."""

    tournament_id: str | None = Field(None, description="Its id in the league.")
    round: int | None = Field(None, description="The round that is played, from 1.")
    rounds: int | None = Field(None, description="Rounds that it has.")
    winner: str | None = Field(None, description="Who won it.")
    standings: Annotated[tuple[StandingStatus, ...], Field(max_length=MOST_ENTRANTS)] = Field(
        (), description="The players by their places."
    )


class Tournament(Resource):
    """Players of a league that meet by a plan, once."""

    api_version: Literal["trainingrun.dev/v1alpha1"] = Field(description="Version of the API.")
    kind: Literal["Tournament"] = Field(description="Kind of the object.")
    spec: TournamentSpec = Field(description="Who meets, and by which plan.")
    status: TournamentStatus = Field(
        default_factory=TournamentStatus,
        description="What was seen of the tournament; written by the operator, never by people.",
    )


TOURNAMENT: Final = ResourceDefinition(
    model=Tournament,
    plural="tournaments",
    columns=(
        Column("Status", "string", ".status.summary", "What the tournament does now."),
        Column("League", "string", ".spec.leagueRef.name", "The league whose players meet."),
        Column("Format", "string", ".spec.format", "By which plan they meet."),
        Column("Round", "integer", ".status.round", "The round that is played."),
        Column("Rounds", "integer", ".status.rounds", "Rounds that it has."),
        Column("Winner", "string", ".status.winner", "Who won it."),
        Column("Age", "date", ".metadata.creationTimestamp", "Age of the tournament."),
    ),
    short_names=("tour",),
    immutable=rules.TOURNAMENT_IMMUTABLE,
    conditions=("Complete", "Failed", "Degraded"),
)
