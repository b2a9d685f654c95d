"""Reports and notices of the roles, and the run's intent for them.

Reports are values that a role overwrites every few seconds in one Redis hash; a reader drops those
that are older than ``STALE_SECONDS``. A rate that is not known yet is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from trainingrun_contracts.decoding import decode_or_none
from trainingrun_contracts.stream.keys import Keys

REPORT_SECONDS: Final = 2.0
STALE_SECONDS: Final = 15.0
NOTICES_KEPT: Final = 200
EVALUATIONS_KEPT: Final = 1000
LARGEST_NUMBER: Final = 2**53
"""No count or version of a report is larger: all readers of JSON agree on integers up to it."""
ACTOR_WAITS: Final = ("engine", "inference", "queue", "slots")
LEARNER_WAITS: Final = ("data", "compute", "publish", "checkpoint")
"""The keys of a report's ``waits``; readers ignore others."""
CHAMPION: Final = "champion"
"""The opponent of the champion gate."""
EVALUATIONS_RECENT: Final = 64
"""The newest ones, which are all that a reader that polls every few seconds needs."""

_Document = TypeVar("_Document")


Moment = Annotated[float, Meta(ge=0, le=2.5e11)]
"""Unix seconds, up to the last year that a date can have."""
Count = Annotated[int, Meta(ge=-1, le=2**53)]
"""What a status can hold; -1 stands for none."""


class Intent(Enum):
    """What the run as a whole should do now; the operator or the local runtime decides.

    Suspend walks RUN, DRAIN, FLUSH; completion walks RUN, DRAIN, FLUSH, EVALUATE.
    """

    RUN = "run"
    DRAIN = "drain"
    """Actors start no more games, finish those that run, send what they hold."""
    FLUSH = "flush"
    """The learner trains what is queued, publishes, checkpoints and exits with 0."""
    EVALUATE = "evaluate"
    """The evaluator evaluates the newest weights once more against every opponent."""


class ActorState(Enum):
    """What an actor does."""

    PLAYING = "playing"
    PAUSED = "paused"
    """Held back by a full queue."""
    WAITING = "waiting"
    """Without weights or slots."""
    DRAINED = "drained"
    """No game runs and nothing is left to send."""


class LearnerState(Enum):
    """What the learner does."""

    STARTING = "starting"
    TRAINING = "training"
    SAVED = "saved"
    """Flushed, with a checkpoint of everything that was trained."""


class EvaluatorState(Enum):
    """What the evaluator does."""

    WAITING = "waiting"
    PLAYING = "playing"
    DONE = "done"
    """The last evaluation of the run has ended."""


class GateVerdict(Enum):
    """Result of the champion gate."""

    CONTINUE = "continue"
    """More games are needed."""
    PROMOTE = "promote"
    KEEP = "keep"


class ActorReport(Struct, frozen=True, tag="actor"):
    """One actor. Counters are since its start; fractions are of the last report interval."""

    member: str
    at: Moment
    state: ActorState
    running: Count
    games: Count
    decisions: Count
    transitions: Count
    paused_seconds: float
    spooled: Count
    weights_version: Count
    weights_publish: Count
    waits: dict[str, float] = field(default_factory=dict)  # engine, inference, queue, slots
    game_seconds_p95: float | None = None
    sync_seconds: float | None = None


class CheckpointReport(Struct, frozen=True):
    """The newest complete checkpoint."""

    uri: Annotated[str, Meta(description="Where it is.")]
    step: Annotated[Count, Meta(description="Version of the weights in it.")]
    games: Annotated[Count, Meta(description="Training games that had been played.")]
    saved_at: Annotated[Moment, Meta(description="When it was complete, in Unix seconds.")]
    sha256: Annotated[
        str, Meta(description="Hash of its manifest, which names the hashes of its files.")
    ]
    size: Annotated[Count | None, Meta(description="Bytes of all its files.")] = None
    seconds: Annotated[
        float | None,
        Meta(description="How long it took to be written; null for one of an earlier learner."),
    ] = None


class LearnerReport(Struct, frozen=True, tag="learner"):
    """The learner. ``busy`` is the fraction of the time that it did not wait for data; rates and
    fractions are of the last half minute, as one update may outlast one report."""

    member: str
    at: Moment
    state: LearnerState
    epoch: Count
    version: Count
    publish: Count
    trained: Count
    transitions_per_second: float | None = None
    busy: float | None = None
    waits: dict[str, float] = field(default_factory=dict)  # data, compute, publish, checkpoint
    losses: dict[str, float] = field(default_factory=dict)
    policy_lag: float | None = None
    policy_lag_p95: float | None = None
    first_update_at: Moment | None = None
    checkpoint: CheckpointReport | None = None
    adopted_from: str | None = None
    league: dict[str, str] = field(default_factory=dict)
    """What keeps each service that was called from answering; empty for one that answers."""


class EvaluatorReport(Struct, frozen=True, tag="evaluator"):
    """The evaluator."""

    member: str
    at: Moment
    state: EvaluatorState
    running: Count
    games: Count
    weights_version: Count


class InferenceReport(Struct, frozen=True):
    """One inference server; searches find its address here. Counters are since its start, rates
    and times of the last half minute."""

    member: Annotated[str, Meta(max_length=300)]
    at: Moment
    address: Annotated[str, Meta(max_length=300)]
    """``host:port``, where searches reach it."""
    publish: Count
    """Of the weights that answer; -1 before the first."""
    version: Count
    positions: Count
    connections: Count
    device: str
    machine: str
    positions_per_second: float | None = None
    wait_seconds_p50: float | None = None
    """From a request's arrival to the start of its batch."""
    wait_seconds_p95: float | None = None
    batch_seconds: float | None = None
    """Mean duration of a batch."""
    fill: float | None = None
    """Mean positions of a batch, as a part of the largest batch."""
    cache_hits: float | None = None
    """Part of the positions that the cache answered."""


Report = ActorReport | LearnerReport | EvaluatorReport


class DeckResult(Struct, frozen=True, array_like=True):
    """Raw results: games of one player with one deck against one opponent with one deck."""

    opponent: str
    """``random``, ``aggressive``, ``engine``, or ``v120`` for the policy's version 120."""
    deck: str
    opponent_deck: str
    games: Count
    wins: Count
    draws: Count


class GateResult(Struct, frozen=True):
    """What the sequential test against the champion found."""

    verdict: Annotated[GateVerdict, Meta(description="`promote` or `keep`.")]
    champion: Annotated[Count, Meta(description="Version that was played against.")]
    ratio: Annotated[
        float,
        Meta(description="Log-likelihood ratio of `stronger by the gate's Elo` to `not stronger`."),
    ]
    pairs: Annotated[Count, Meta(description="Pairs of games up to the decision.")]


class Evaluation(Struct, frozen=True):
    """Result of one evaluation: games of frozen weights against one opponent, in swapped pairs.

    ``rate`` counts a draw as half a win; ``low`` and ``high`` are the Wilson 95 % interval. ``elo``
    is above the anchor, fitted to all raw results so far; ``results`` are this evaluation's own.
    """

    at: Annotated[Moment, Meta(description="When it ended, in Unix seconds.")]
    version: Annotated[
        int, Meta(ge=0, le=LARGEST_NUMBER, description="Version of the weights that played.")
    ]
    training_games: Annotated[
        int,
        Meta(
            ge=0,
            le=LARGEST_NUMBER,
            description="Training games that had been played when it began.",
        ),
    ]
    opponent: Annotated[str, Meta(description="The opponent.")]
    games: Annotated[Count, Meta(description="Games played.")]
    wins: Annotated[Count, Meta(description="Games won.")]
    draws: Annotated[Count, Meta(description="Games drawn.")]
    rate: Annotated[float, Meta(ge=0, le=1, description="Win rate; a draw is half a win.")]
    low: Annotated[float, Meta(description="Lower bound of its 95 % Wilson interval.")]
    high: Annotated[float, Meta(description="Upper bound of it.")]
    elo: Annotated[
        float | None, Meta(description="Elo above the anchor, fitted to all results so far.")
    ] = None
    elo_error: Annotated[float | None, Meta(description="Standard error of elo.")] = None
    anchor: Annotated[str, Meta(description="The opponent whose Elo is 0.")] = ""
    results: Annotated[
        tuple[DeckResult, ...],
        Meta(
            description="Raw results: opponent, own deck, its deck, games, wins, draws; a deck is"
            " `-` where the game has none."
        ),
    ] = ()
    gate: GateResult | None = None


class Champion(Struct, frozen=True):
    """The strongest weights so far, by the gate; kept in Redis beside these words."""

    version: Count
    sha256: str
    at: Moment


class Notice(Struct, frozen=True):
    """A message of a role to the person who runs it; becomes an event."""

    at: Moment
    role: str
    member: str
    reason: str  # CamelCase
    message: str
    warning: bool = True


def queue_report(pipe: Any, keys: Keys, report: Report) -> None:
    """Queue the write of a report; the learner's are where players cannot write."""
    key = keys.learner_reports if isinstance(report, LearnerReport) else keys.reports
    pipe.hset(key, _field_of(report), msgspec.json.encode(report))


def _field_of(report: Report) -> str:
    return f"{report.__struct_config__.tag}/{report.member}"


def combined_reports(
    players: dict[bytes, bytes], learner: dict[bytes, bytes]
) -> dict[bytes, bytes]:
    """Return the reports of all roles, from ``HGETALL`` of ``keys.reports`` and
    ``keys.learner_reports``.

    What players wrote in a learner's name is left out.
    """
    others = {name: value for name, value in players.items() if not name.startswith(b"learner/")}
    return others | learner


def reports_from(reply: dict[bytes, bytes], *, now: float) -> tuple[Report, ...]:
    """Fresh reports from :func:`combined_reports`, in order of member; others are left out."""
    found: list[Report] = []
    for name, value in sorted(reply.items()):
        report: Report | None = decode_or_none(value, Report)  # type: ignore[arg-type]
        if report is None or name != _field_of(report).encode():
            continue
        if now - report.at <= STALE_SECONDS:
            found.append(report)
    return tuple(found)


def queue_inference_report(pipe: Any, keys: Keys, report: InferenceReport) -> None:
    """Queue the write of an inference server's report."""
    pipe.hset(keys.inference_reports, report.member, msgspec.json.encode(report))


def inference_reports_from(reply: dict[bytes, bytes], *, now: float) -> tuple[InferenceReport, ...]:
    """Return fresh reports of inference servers from ``HGETALL keys.inference_reports``, in order
    of member; others are left out."""
    found = (
        (name, decode_or_none(value, InferenceReport)) for name, value in sorted(reply.items())
    )
    return tuple(
        report
        for name, report in found
        if report is not None
        and name == report.member.encode()
        and now - report.at <= STALE_SECONDS
    )


def actor_reports_from(reply: dict[bytes, bytes]) -> tuple[ActorReport, ...]:
    """Return the actors' reports from ``HGETALL keys.reports``, however old they are."""
    every = reports_from(reply, now=float("-inf"))
    return tuple(report for report in every if isinstance(report, ActorReport))


def queue_evaluation(pipe: Any, key: str, evaluation: Evaluation) -> None:
    """Queue an evaluation result at the end of the bounded list."""
    pipe.rpush(key, msgspec.json.encode(evaluation))
    pipe.ltrim(key, -EVALUATIONS_KEPT, -1)


def evaluations_from(reply: list[bytes]) -> tuple[Evaluation, ...]:
    """Evaluations, oldest first, from ``LRANGE keys.evaluations 0 -1``; others are left out."""
    return tuple(_readable(reply, Evaluation))


def queue_champion(pipe: Any, key: str, champion: Champion, weights: bytes) -> None:
    """Queue the crowning of a champion."""
    pipe.hset(key, mapping={"champion": msgspec.json.encode(champion), "weights": weights})


def champion_from(reply: bytes | None) -> Champion | None:
    """Return the champion, from ``HGET keys.champion champion``; None before the first."""
    return decode_or_none(reply, Champion) if reply is not None else None


def queue_notice(pipe: Any, key: str, notice: Notice) -> None:
    """Queue a notice at the end of the bounded list."""
    pipe.rpush(key, msgspec.json.encode(notice))
    pipe.ltrim(key, -NOTICES_KEPT, -1)


def notices_from(reply: list[bytes]) -> tuple[Notice, ...]:
    """Notices, oldest first, from ``LRANGE keys.notices 0 -1``; others are left out."""
    return tuple(_readable(reply, Notice))


def intent_from(reply: bytes | None) -> Intent:
    """Return the intent; RUN when nothing was said (a Redis that lost its data must not stop a
    run)."""
    try:
        return Intent((reply or b"run").decode())
    except ValueError:
        return Intent.RUN


def _readable(reply: Iterable[bytes], kind: type[_Document]) -> Iterator[_Document]:
    """Yield those that decode: one bad document of one role costs that document alone."""
    for value in reply:
        document = decode_or_none(value, kind)
        if document is not None:
            yield document
