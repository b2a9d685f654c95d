"""The League: services that models of many runs meet in, as a resource.

What is given here is what an installation decides: where truth is kept, how many play, who gets
in. How models are paired, gated and rated is the services' own. Profiles and not a switch for each
part: a set-up that mixes them (three replicas on SQLite) would be one that no test has.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from trainingrun_api import league_rules as rules
from trainingrun_api.environment import Environment
from trainingrun_api.model import (
    ATOMIC,
    CLAIM_FORM,
    DAEMON_FORM,
    DECK_FORM,
    SET,
    ApiModel,
    Quantity,
)
from trainingrun_api.pod_template import HasPods
from trainingrun_api.resource import Column, Resource, ResourceDefinition
from trainingrun_api.rules import Rule
from trainingrun_api.status import ResourceStatus, StatusModel
from trainingrun_api.storage import S3Storage, SecretName

Name = Annotated[str, Field(min_length=1, max_length=253)]
Replicas = Annotated[int, Field(ge=1, le=8)]
Workers = Annotated[int, Field(ge=0, le=1000)]
DeckName = Annotated[str, Field(pattern=DECK_FORM, max_length=64)]
Range = Annotated[str, Field(min_length=1, max_length=43)]


class Profile(StrEnum):
    """How a league is set up."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    HOBBY = "hobby"


class UrlSecret(ApiModel):
    """One entry of a Secret in the league's namespace."""

    name: Name = Field(description="Name of a Secret in the league's namespace.")
    key: Name = Field("url", description="Entry of the Secret that holds the address.")


class Database(ApiModel):
    """Where the services keep what is true."""

    secret_ref: UrlSecret = Field(
        description="Entry of a Secret that holds the address of a PostgreSQL with its password:"
        " `postgresql+asyncpg://user:password@host:5432/league`."
    )


class LiveState(ApiModel):
    """Where several processes share what can be made again: tickets, games in progress."""

    secret_ref: UrlSecret = Field(
        description="Entry of a Secret that holds the address of a Redis with its password:"
        " `redis://:password@host:6379/0`."
    )


class LeagueStorage(ApiModel):
    """Where policies, tapes and experiences are kept."""

    size: Quantity = Field(
        "10Gi",
        description="Size of the claim of each service that keeps files: of the hobby profile's one"
        " pod; of each service without a database; of Replay, for what it has not archived.",
    )
    storage_class_name: Annotated[str, Field(pattern=CLAIM_FORM, max_length=253)] | None = Field(
        None, description="Class of these claims. Default: the cluster's own."
    )
    s3: S3Storage | None = Field(
        None,
        description="A bucket of S3, or of a service that speaks its protocol, for artefacts."
        " Default: the claims.",
    )


class ServiceReplicas(ApiModel):
    """How many of each service that may be several; Game, Matchmaker and Replay hold what they
    serve in their memory, and are one each."""

    model: Replicas = Field(1, description="Model services.")
    elo: Replicas = Field(1, description="Elo services.")


class LeagueWorkers(HasPods):
    """Who plays the league's matches: between minReplicas and maxReplicas, as many as would play
    what is open within a minute."""

    rules: ClassVar[tuple[Rule, ...]] = rules.WORKERS
    container_name: ClassVar[str] = "worker"

    min_replicas: Workers = Field(0, description="Workers that are there with nothing to play.")
    max_replicas: Workers = Field(2, description="The most that there are.")


class Access(ApiModel):
    """How players reach the public services: Game, Matchmaker and the pages."""

    rules: ClassVar[tuple[Rule, ...]] = rules.ACCESS

    type: Literal["ClusterIP", "LoadBalancer"] = Field(
        "ClusterIP",
        description="Type of the public services: `ClusterIP` is reached from within the cluster"
        " and by `kubectl port-forward`.",
    )
    tls_secret_ref: SecretName | None = Field(
        None,
        description="Secret of type kubernetes.io/tls with a certificate for the name that players"
        " know the league by and for its Services' names, as cert-manager makes it; its `ca.crt` is"
        " trusted besides the league's own. Default: the league's own certificate for its names in"
        " the cluster, signed by the `ca.crt` of its Secret of tokens.",
    )
    source_ranges: Annotated[tuple[Range, ...], Field(max_length=32), SET] = Field(
        (), description="Networks that a load balancer lets in, as `203.0.113.0/24`. Default: all."
    )
    annotations: Annotated[dict[str, str], Field(max_length=32)] = Field(
        default_factory=dict,
        description="Annotations of the public Services, by which a cloud makes load balancers.",
    )


class DaemonToken(ApiModel):
    """One entry of a Secret in the league's namespace that holds a token."""

    name: Name = Field(description="Name of a Secret in the league's namespace.")
    key: Name = Field("token", description="Entry of the Secret that holds the token.")


class LeagueDaemons(ApiModel):
    """Daemons that play the league's games; somebody else starts and stops them."""

    address: Annotated[str, Field(pattern=DAEMON_FORM, max_length=260)] = Field(
        description="Their Service, as `forge.games:17171`. A headless one shows the Game service"
        " each pod, so that no pod gets more games than it has slots."
    )
    decks: Annotated[tuple[DeckName, ...], Field(max_length=32), ATOMIC] = Field(
        (), description="Decks of Magic that the daemons have; each game's seed draws two."
    )
    token_secret_ref: DaemonToken | None = Field(
        None, description="The token that they were started with, if they ask for one."
    )


class LeagueSpec(ApiModel):
    """What models meet in, where it keeps what it knows, and who gets in."""

    rules: ClassVar[tuple[Rule, ...]] = rules.SPEC

    environment: Environment = Field(
        description="What its models play. All of them were trained in it."
    )
    profile: Profile = Field(
        Profile.HOBBY,
        description="`hobby`: one pod with all services, SQLite and files on a claim."
        " `development`: a small pod for each service, with PostgreSQL and Redis where they are"
        " given and else a claim for each. `production`: several replicas where a service may have"
        " them; PostgreSQL, Redis and a bucket are needed.",
    )
    daemons: LeagueDaemons | None = Field(
        None,
        description="Daemons that play the games of Magic, or of an engine of yours. Games of other"
        " environments are played by the Game service and the workers themselves.",
    )
    database: Database | None = Field(None, description="A PostgreSQL. Default: SQLite on a claim.")
    redis: LiveState | None = Field(
        None, description="A Redis that services share. Default: the memory of each."
    )
    storage: LeagueStorage = Field(
        default_factory=LeagueStorage,
        description="Where policies, tapes and experiences are kept.",
    )
    replicas: ServiceReplicas = Field(
        default_factory=ServiceReplicas, description="How many of each service."
    )
    workers: LeagueWorkers = Field(
        default_factory=LeagueWorkers, description="Who plays the league's matches."
    )
    access: Access = Field(
        default_factory=Access, description="How players reach the public services."
    )


class WorkersStatus(StatusModel):
    """The league's workers."""

    wanted: int | None = Field(
        None, description="Workers that would play what is open within a minute."
    )
    desired: int | None = Field(None, description="Workers that are asked for, within the bounds.")
    ready: int | None = Field(None, description="Workers that run.")


class QueueStatus(StatusModel):
    """What waits in the Matchmaker."""

    players: int | None = Field(None, description="Players that wait for an opponent.")
    matches: int | None = Field(None, description="Matches that wait for a worker.")


class LeagueStatus(ResourceStatus):
    """What was seen of a league."""

    services: int | None = Field(None, description="Services that serve, of five.")
    models: int | None = Field(None, description="Models that were published, of any stage.")
    champion: str | None = Field(None, description="Id of the model that is the champion.")
    matches: int | None = Field(None, description="Matches that were reported.")
    games: int | None = Field(None, description="Games that were played in them.")
    queue: QueueStatus | None = Field(None, description="What waits in the Matchmaker.")
    workers: WorkersStatus | None = Field(None, description="The league's workers.")


class League(Resource):
    """Five services that models of many runs meet in: Game, Matchmaker, Model, Elo and Replay."""

    rules: ClassVar[tuple[Rule, ...]] = rules.LEAGUE

    api_version: Literal["trainingrun.dev/v1alpha1"] = Field(description="Version of the API.")
    kind: Literal["League"] = Field(description="Kind of the object.")
    spec: LeagueSpec = Field(
        description="What models meet in, where it keeps what it knows, and who gets in."
    )
    status: LeagueStatus = Field(
        default_factory=LeagueStatus,
        description="What was seen of the league; written by the operator, never by people.",
    )


LEAGUE: Final = ResourceDefinition(
    model=League,
    plural="leagues",
    columns=(
        Column("Status", "string", ".status.summary", "What the league does now."),
        Column("Profile", "string", ".spec.profile", "How it is set up."),
        Column("Models", "integer", ".status.models", "Models that were published."),
        Column("Champion", "string", ".status.champion", "The model that others must beat."),
        Column("Matches", "integer", ".status.matches", "Matches that were reported."),
        Column("Workers", "integer", ".status.workers.ready", "Workers that run."),
        Column("Age", "date", ".metadata.creationTimestamp", "Age of the league."),
        Column("Games", "integer", ".status.games", "Games that were played.", wide=True),
        Column(
            "Open", "integer", ".status.queue.matches", "Matches that wait for a worker.", wide=True
        ),
    ),
    short_names=("lg",),
    immutable=rules.LEAGUE_IMMUTABLE,
    conditions=("Ready", "Degraded"),
)
