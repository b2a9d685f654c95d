"""The rules between the fields of leagues and tournaments, as ``rules`` has those of TrainingRuns.

A module of its own because the rules of a TrainingRun bound what its CRD costs the API server, and
a league's are no part of it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from trainingrun_api.rules import NAME_FORM, Immutable, Rule, Value, cel_text

NAME_LIMIT: Final = 40
_IS: Final = "self.profile == '{}'"


def _needs(name: str, field: str, what: str) -> Rule:
    """What a production league cannot be without."""
    path = field.split(".")
    steps = [".".join(path[: at + 1]) for at in range(len(path))]
    has = " && ".join(f"has(self.{step})" for step in steps)

    def holds(spec: Any) -> bool:
        value = spec
        for step in path:
            value = getattr(value, step, None)
        return spec.profile != "production" or value is not None

    return Rule(
        name=name,
        field=field,
        cel=f"self.profile != 'production' || ({has})",
        holds=holds,
        template=f"a production league keeps {what}: give spec.{field}, or choose the profile"
        " development",
    )


def _hobby_without(name: str, field: str, what: str) -> Rule:
    return Rule(
        name=name,
        field=field,
        cel=f"self.profile != 'hobby' || !has(self.{field})",
        holds=lambda spec: spec.profile != "hobby" or getattr(spec, field) is None,
        template=f"a hobby league is one pod with {what}: leave {field} out, or choose the profile"
        " development",
    )


def _is_engines(spec: Any) -> bool:
    """Whether its games are played by an engine behind the line protocol."""
    return (spec.environment.magic, spec.environment.engine) != (None, None)


LEAGUE: Final = (
    Rule(
        name="league-name-length",
        field="metadata.name",
        cel=f"self.metadata.name.size() <= {NAME_LIMIT}",
        holds=lambda league: len(league.metadata.name) <= NAME_LIMIT,
        template=f"the name has more than {NAME_LIMIT} characters, and those of its Services are"
        " made of it: choose a shorter one",
    ),
    Rule(
        name="league-name-form",
        field="metadata.name",
        cel=f"self.metadata.name.matches({cel_text(NAME_FORM)})",
        holds=lambda league: re.search(NAME_FORM, league.metadata.name) is not None,
        template="Services are named after it: begin with a lower-case letter, continue with those,"
        " digits and '-', and do not end with '-'",
    ),
)
SPEC: Final = (
    _needs("production-database", "database", "its truth in PostgreSQL"),
    _needs("production-redis", "redis", "what its services share live in Redis"),
    _needs("production-storage", "storage.s3", "its artefacts in a bucket"),
    _hobby_without("hobby-database", "database", "SQLite"),
    _hobby_without("hobby-redis", "redis", "its live state in memory"),
    Rule(
        name="replicas-of-production",
        field="replicas",
        cel="self.profile == 'production' || (self.replicas.model == 1 && self.replicas.elo == 1)",
        holds=lambda spec: (
            spec.profile == "production" or (spec.replicas.model, spec.replicas.elo) == (1, 1)
        ),
        template="several replicas share PostgreSQL, Redis and a bucket: choose the profile"
        " production, or 1 of each",
    ),
    Rule(
        name="engine-has-daemons",
        field="daemons",
        cel="has(self.daemons) || (!has(self.environment.magic) && !has(self.environment.engine))",
        holds=lambda spec: spec.daemons is not None or not _is_engines(spec),
        template="the games of Magic, and of an engine of yours, are played by daemons: give"
        " daemons.address, where their Service is",
    ),
    Rule(
        name="no-daemons-in-process",
        field="daemons",
        cel="!has(self.daemons) || has(self.environment.magic) || has(self.environment.engine)",
        holds=lambda spec: spec.daemons is None or _is_engines(spec),
        template="only the games of Magic, and of an engine of yours, are played by daemons: leave"
        " daemons out",
    ),
    Rule(
        name="decks-of-magic",
        field="daemons.decks",
        cel="!has(self.daemons) || has(self.environment.magic) == (has(self.daemons.decks) &&"
        " self.daemons.decks.size() > 0)",
        holds=lambda spec: (
            spec.daemons is None or (spec.environment.magic is not None) == bool(spec.daemons.decks)
        ),
        template="games of Magic, and no others, are played with decks: name those that the daemons"
        " have, or leave decks out",
    ),
)
WORKERS: Final = (
    Rule(
        name="workers-ordered",
        field="minReplicas",
        cel="self.minReplicas <= self.maxReplicas",
        holds=lambda workers: workers.min_replicas <= workers.max_replicas,
        template="{least} is above maxReplicas {most}: lower minReplicas or raise maxReplicas",
        values=(
            Value("least", lambda workers: workers.min_replicas, "self.minReplicas"),
            Value("most", lambda workers: workers.max_replicas, "self.maxReplicas"),
        ),
    ),
    Rule(
        name="worker-container-named",
        field="template",
        cel="!has(self.template) || !has(self.template.spec)"
        " || !has(self.template.spec.containers)"
        " || self.template.spec.containers.all(c, c.name == 'worker' || has(c.image))",
        holds=lambda workers: all(
            each.name == "worker" or each.image is not None
            for each in (
                (workers.template.spec.containers or ()) if workers.template is not None else ()
            )
        ),
        template="the workers' own container is called worker, and any other needs an image:"
        " correct its name",
    ),
)
ACCESS: Final = (
    Rule(
        name="ranges-of-load-balancer",
        field="sourceRanges",
        cel="self.type == 'LoadBalancer' || !has(self.sourceRanges)"
        " || self.sourceRanges.size() == 0",
        holds=lambda access: access.type == "LoadBalancer" or not access.source_ranges,
        template="only a load balancer has addresses that it lets in: choose the type"
        " LoadBalancer, or leave sourceRanges out",
    ),
)
TOURNAMENT: Final = (
    Rule(
        name="rounds-of-swiss",
        field="rounds",
        cel="self.format == 'Swiss' || !has(self.rounds)",
        holds=lambda spec: spec.format == "Swiss" or spec.rounds is None,
        template="only a Swiss tournament has a number of rounds of its own: choose the format"
        " Swiss, or leave rounds out",
    ),
)

_HISTORY: Final = "its models and its history are there"
LEAGUE_IMMUTABLE: Final = (
    Immutable("league-profile-fixed", ("profile",), "its files are where the profile keeps them"),
    Immutable("league-environment-fixed", ("environment",), "its models fit no other environment"),
    Immutable("league-database-fixed", ("database",), _HISTORY),
    Immutable("league-bucket-fixed", ("storage", "s3", "bucket"), _HISTORY),
    Immutable("league-prefix-fixed", ("storage", "s3", "prefix"), _HISTORY),
    Immutable(
        "league-certificate-fixed",
        ("access", "tls_secret_ref"),
        "its clients trust who has signed the certificate that it began with",
    ),
    Immutable(
        "league-size-fixed",
        ("storage", "size"),
        "a claim keeps the size that it was made with",
    ),
)
TOURNAMENT_IMMUTABLE: Final = tuple(
    Immutable(f"tournament-{path}-fixed".replace("_", "-"), (path,), "its matches are played")
    for path in ("league_ref", "entrants", "format", "pairs_per_match", "rounds", "seed")
)

ALL: Final = (*LEAGUE, *SPEC, *WORKERS, *ACCESS, *TOURNAMENT)
