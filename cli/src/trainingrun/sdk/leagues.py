"""The client of a league: what people and programs ask of its services. Blocking.

Errors of gRPC never come through: each becomes the SDK's error that fits its status code, with the
sentence that the service gave. Deadlines are the channel's.
"""

from __future__ import annotations

import getpass
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

import grpc
from trainingrun_contracts.league.channel import ServiceAddress, given, open_blocking
from trainingrun_contracts.league.policies import Download, publish, read_policy
from trainingrun_contracts.league.v1 import elo_pb2, matchmaker_pb2, model_pb2
from trainingrun_contracts.league.v1.elo_pb2_grpc import EloServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.league.v1.replay_pb2 import (
    DropTableRequest,
    GetStatsRequest,
    ListTablesRequest,
    MarkTablesRequest,
)
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_contracts.weights import WeightsError

from trainingrun.local.league_folder import LeagueFolderError, league_folder, league_names
from trainingrun.sdk.errors import ClientError, NotFound, NotReachable, Refused
from trainingrun.sdk.league_messages import (
    STAGES,
    create_request,
    history_of,
    match_of,
    model_of,
    queue_of,
    ratings_of,
    replay_stats_of,
    replay_table_of,
    tournament_of,
)
from trainingrun.sdk.league_values import (
    DroppedTable,
    LeagueAt,
    LeaguePlace,
    LocalLeague,
    Model,
    ModelHistory,
    PlayedMatch,
    Queue,
    Ratings,
    ReplayStats,
    ReplayTable,
    ServiceHealth,
    Stage,
    Tournament,
    TournamentRequest,
)

SERVICES: Final = ("game", "matchmaker", "model", "elo", "replay")
PORTS: Final = {name: 50051 + index for index, name in enumerate(SERVICES)}
CHAMPION: Final = "champion"
_PAGE: Final = 500
_MOST_PAGES: Final = 2000
"""That are read for one question: a league that always has another one is not one of ours."""
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CALL_SECONDS: Final = 20.0
_HEALTH_SECONDS: Final = 5.0
_PUSH_SECONDS: Final = 120.0
_HEALTH_METHOD: Final = "/grpc.health.v1.Health/Check"
_SERVING: Final = b"\x08\x01"
"""``HealthCheckResponse`` with status 1; the package of its messages is the services' alone."""

_NOT_REACHED: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)

Answer = TypeVar("Answer")


def league_of(place: LeaguePlace | None = None) -> League:
    """Return the client of a league; by default the one of this machine.

    Raises:
        NotFound: this machine has no such league.
        NotReachable: it is not up.
    """
    match place:
        case None:
            return League(_local(LocalLeague()))
        case LocalLeague():
            return League(_local(place))
        case LeagueAt():
            return League(place)


class League:
    """A connected league; use it in a ``with``.

    Attributes:
        place: where it is.
    """

    def __init__(self, place: LeagueAt) -> None:
        self.place = place
        self._channels: dict[str, grpc.Channel] = {}

    def __enter__(self) -> League:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()

    # ---- models

    def models(
        self, *, stages: tuple[Stage, ...] = (), lineage: str = "", most: int | None = None
    ) -> list[Model]:
        """Return models, the newest first."""

        def page(token: str) -> tuple[list[Model], str]:
            request = model_pb2.ListModelsRequest(
                stages=[STAGES[each] for each in stages],
                lineage=lineage,
                page_size=_PAGE,
                page_token=token,
            )
            answer = self._model.ListModels(request)
            return [model_of(each) for each in answer.models], answer.next_page_token

        return _pages(page, most)

    def model(self, model_id: str) -> ModelHistory:
        """Return a model with its history; ``champion`` names the champion.

        Raises:
            NotFound: there is none.
        """
        wanted = self.champion().id if model_id == CHAMPION else model_id
        with _errors():
            return history_of(self._model.GetModel(model_pb2.GetModelRequest(id=wanted)))

    def champion(self) -> Model:
        """Return the champion.

        Raises:
            NotFound: there is none yet.
        """
        found = self.models(stages=(Stage.CHAMPION,), most=1)
        if not found:
            raise NotFound("the league has no champion yet: publish a model to it")
        return found[0]

    def promote(self, model_id: str, *, reason: str = "", by: str | None = None) -> Model:
        """Make a model the champion, whatever the gate says of it.

        Raises:
            Refused: it may not be used, or has not been validated.
        """
        request = model_pb2.PromoteModelRequest(
            idempotency_key=_key(), id=model_id, by=by or _user(), reason=reason
        )
        with _errors():
            return model_of(self._model.PromoteModel(request).champion)

    def rollback(
        self, model_id: str | None = None, *, reason: str = "", by: str | None = None
    ) -> Model:
        """Make the champion before the present one the champion again, or the named one.

        Raises:
            Refused: there was none.
        """
        request = model_pb2.RollbackModelRequest(
            idempotency_key=_key(), id=model_id or "", by=by or _user(), reason=reason
        )
        with _errors():
            return model_of(self._model.RollbackModel(request).champion)

    def pull(self, model_id: str, to: Path) -> tuple[Model, Path]:
        """Copy the weights of a model into a folder, whole or not at all; return where they are.

        A file of the same bytes that is there already is kept.

        Raises:
            NotFound: there is no such model.
            Refused: the folder cannot be written, or the league's bytes are damaged.
        """
        model = self.model(model_id).model
        if not _FILE_NAME.fullmatch(model.id):
            raise Refused(f"the league calls a model {model.id[:80]!r}: no file is given that name")
        path = to / f"{model.id}.safetensors"
        known = _sha256_of(path)
        request = model_pb2.GetPolicyRequest(model_id=model.id, have_sha256=known)
        coming = Download(self._model, request)
        half = path.with_name(f".{path.name}.new")
        try:
            to.mkdir(parents=True, exist_ok=True)
            with _errors(), half.open("wb") as file:
                for chunk in coming.chunks():
                    file.write(chunk)
            if not coming.is_known:
                half.replace(path)
        except WeightsError as error:
            raise Refused(str(error)) from error
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                half.unlink(missing_ok=True)
        return model, path

    def push(
        self, weights: Path, *, lineage: str, version: int = 0, algorithm: str = "ppo"
    ) -> Model:
        """Publish weights that were trained elsewhere; return the model, which waits for a worker.

        The same bytes of the same lineage and version are the model that is already there.

        Args:
            weights: a file of safetensors, as ``pull`` and learners write them.
            lineage: who trains it: NAMESPACE/NAME, or any name.
            version: of the learner.
            algorithm: "ppo" or "alphaZero".

        Raises:
            Refused: the file cannot be read, or the league does not take it: the environment is
                another one, or the bytes are no weights.
        """
        try:
            blob, schema_hash = read_policy(weights)
        except WeightsError as error:
            raise Refused(str(error)) from error
        key = hashlib.sha256(f"{lineage}/{version}/{algorithm}/".encode() + blob).hexdigest()
        header = model_pb2.PublishPolicyRequest.Header(
            idempotency_key=f"push/{key}",
            lineage=lineage,
            version=version,
            schema_hash=schema_hash,
            algorithm=algorithm,
        )
        with _errors():
            return model_of(publish(self._model, header, blob, seconds=_PUSH_SECONDS).model)

    # ---- ratings and matches

    def ratings(self, *, most: int | None = None) -> Ratings:
        """Return the players by rating, the best first."""
        fitted: list[Any] = []

        def page(token: str) -> tuple[list[elo_pb2.Player], str]:
            request = elo_pb2.GetRankedPoliciesRequest(page_size=_PAGE, page_token=token)
            answer = self._elo.GetRankedPolicies(request)
            fitted[:] = [answer.fitted_at] if answer.HasField("fitted_at") else []
            return list(answer.players), answer.next_page_token

        players = _pages(page, most)
        return ratings_of(players, fitted[0] if fitted else None)

    def matches(self, *, player: str = "", most: int | None = None) -> list[PlayedMatch]:
        """Return matches that were rated, the newest first."""

        def page(token: str) -> tuple[list[PlayedMatch], str]:
            request = elo_pb2.ListResultsRequest(
                player_id=player, page_size=min(_PAGE, most or _PAGE), page_token=token
            )
            answer = self._elo.ListResults(request)
            return [match_of(each) for each in answer.results], answer.next_page_token

        return _pages(page, most)

    def queue(self) -> Queue:
        """Return what the Matchmaker has before it."""
        with _errors():
            return queue_of(self._matchmaker.GetQueueStats(matchmaker_pb2.GetQueueStatsRequest()))

    # ---- tournaments

    def create_tournament(self, request: TournamentRequest) -> Tournament:
        """Have a tournament played.

        Raises:
            Refused: an entrant is unknown, or there are fewer than 2 or more than 64.
        """
        with _errors():
            answer = self._matchmaker.CreateTournament(create_request(request, key=_key()))
            return tournament_of(answer.tournament)

    def tournament(self, tournament_id: str) -> Tournament:
        """Return a tournament, as far as it has come.

        Raises:
            NotFound: there is none of this id.
        """
        with _errors():
            request = matchmaker_pb2.GetTournamentRequest(id=tournament_id)
            return tournament_of(self._matchmaker.GetTournament(request).tournament)

    def tournaments(self, *, most: int | None = None) -> list[Tournament]:
        """Return tournaments, the newest first."""

        def page(token: str) -> tuple[list[Tournament], str]:
            request = matchmaker_pb2.ListTournamentsRequest(page_size=100, page_token=token)
            answer = self._matchmaker.ListTournaments(request)
            return [tournament_of(each) for each in answer.tournaments], answer.next_page_token

        return _pages(page, most)

    # ---- replay, health

    def replay_stats(self, table: str = "") -> ReplayStats:
        """Return what a replay table holds; without a name that of the service itself.

        Raises:
            NotFound: there is none of this name.
        """
        with _errors():
            return replay_stats_of(self._replay.GetStats(GetStatsRequest(table=table)))

    def replay_tables(self, *, keeper: str = "") -> list[ReplayTable]:
        """Return the replay tables that have a name; with a keeper, those of its runs."""
        with _errors():
            answer = self._replay.ListTables(ListTablesRequest(keeper=keeper))
            return [replay_table_of(each) for each in answer.tables]

    def drop_replay_table(
        self, table: str, *, force: bool = False, archive: bool = False
    ) -> DroppedTable:
        """Remove a replay table with all that it holds.

        Args:
            table: its name.
            force: remove it though it is in use, or its run is not over.
            archive: keep what it holds among the artefacts.

        Raises:
            NotFound: there is none of this name.
            Refused: it is in use, or its run is not over.
        """
        request = DropTableRequest(
            idempotency_key=_key(), table=table, force=force, archive=archive
        )
        with _errors():
            found = self._replay.DropTable(request)
        return DroppedTable(
            name=table,
            items=found.items,
            experiences=found.experiences,
            journal_bytes=found.journal_bytes,
            archived_at=found.archived_at,
        )

    def mark_tables(
        self, keeper: str, *, ended: Sequence[str] = (), live: Sequence[str] = ()
    ) -> int:
        """Say, as the keeper of runs, whose replay tables are of runs that are over, and whose are
        not; how many it was news for."""
        request = MarkTablesRequest(keeper=keeper, ended=ended, live=live)
        with _errors():
            return self._replay.MarkTables(request).changed

    def health(self) -> list[ServiceHealth]:
        """Return which services serve; of those that are known."""
        return [self._health(name) for name in SERVICES if name in self.place.services]

    def _health(self, name: str) -> ServiceHealth:
        address = self.place.services[name]
        check: Any = self._channel(name).unary_unary(_HEALTH_METHOD)
        try:
            answer = check(b"", timeout=_HEALTH_SECONDS)
        except grpc.RpcError as error:
            return ServiceHealth(name, address, serves=False, problem=_sentence(error))
        serves = answer == _SERVING
        return ServiceHealth(name, address, serves=serves, problem="" if serves else "not serving")

    @property
    def _model(self) -> ModelServiceStub:
        return ModelServiceStub(self._channel("model"))

    @property
    def _elo(self) -> EloServiceStub:
        return EloServiceStub(self._channel("elo"))

    @property
    def _replay(self) -> ReplayServiceStub:
        return ReplayServiceStub(self._channel("replay"))

    @property
    def _matchmaker(self) -> MatchmakerServiceStub:
        return MatchmakerServiceStub(self._channel("matchmaker"))

    def _channel(self, service: str) -> grpc.Channel:
        if service not in self._channels:
            place = self.place
            if service not in place.services:
                raise NotReachable(f"the address of the league's {service} service is not known")
            address = ServiceAddress(
                place.services[service],
                given(place.token),
                authority=place.authority,
                is_encrypted=place.is_encrypted,
            )
            self._channels[service] = open_blocking(address, seconds=_CALL_SECONDS)
        return self._channels[service]


def _local(place: LocalLeague) -> LeagueAt:
    folder = league_folder(place.state, place.name)
    try:
        ready, access = folder.read_ready(), folder.read_access()
        is_there = folder.read_up() is not None
    except LeagueFolderError as error:
        raise NotReachable(str(error)) from error
    if ready is not None and access is not None:
        return LeagueAt(
            services=ready.services,
            token=access.token,
            authority=access.authority,
            is_encrypted=ready.encrypted,
        )
    if is_there or folder.root.exists():
        raise NotReachable(
            f"the league {place.name} is not up: start it with `trainingrun league up`"
        )
    others = league_names(place.state)
    known = f"; there are {', '.join(others)}" if others else ""
    raise NotFound(
        f"there is no league {place.name} in {place.state}{known}: start one with `trainingrun"
        " league up`, or name its address with --league"
    )


def _pages(page: Callable[[str], tuple[list[Answer], str]], most: int | None) -> list[Answer]:
    """Return what all pages have, or ``most`` of it."""
    found: list[Answer] = []
    token = ""
    with _errors():
        for _ in range(_MOST_PAGES):
            values, token = page(token)
            found += values
            if not token or (most is not None and len(found) >= most):
                break
    return found if most is None else found[:most]


@contextmanager
def _errors() -> Iterator[None]:
    """Make errors of gRPC the SDK's."""
    try:
        yield
    except grpc.RpcError as error:
        raise _error_of(error) from error


def _error_of(error: grpc.RpcError) -> ClientError:
    code = error.code() if isinstance(error, grpc.Call) else None
    sentence = _sentence(error)
    if code is grpc.StatusCode.NOT_FOUND:
        return NotFound(sentence)
    if code in _NOT_REACHED:
        return NotReachable(sentence)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Refused(f"this league does not offer it: {sentence}")
    return Refused(sentence)


def _sentence(error: grpc.RpcError) -> str:
    details = error.details() if isinstance(error, grpc.Call) else str(error)
    code = error.code() if isinstance(error, grpc.Call) else None
    if code is grpc.StatusCode.UNAVAILABLE and "connect" in (details or "").lower():
        return (
            "the league does not answer at its address: see `trainingrun league status`, and"
            f" whether it is encrypted ({(details or '')[:200]})"
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "the league has not answered in time: try again"
    return details or "the league gave no reason"


def _sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error


def _key() -> str:
    """Return a key for a request of its own."""
    return secrets.token_hex(16)


def _user() -> str:
    try:
        return f"person/{getpass.getuser()}"
    except (OSError, KeyError):
        return "person/unknown"
