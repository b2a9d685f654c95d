"""Follows the Model service: which models there are, and their stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from trainingrun_contracts.league.v1.model_pb2 import (
    ListModelsRequest,
    Model,
    PopulationRole,
    WatchPolicyRequest,
)
from trainingrun_contracts.league.v1.model_pb2 import Stage as ProtoStage

from trainingrun_league.errors import Conflict, NotFound
from trainingrun_league.matchmaker.pool import (
    BUILTIN,
    CHAMPION,
    MODEL,
    Entry,
    Role,
    Stage,
    champion_of,
    playable,
)
from trainingrun_league.matchmaker.signals import Signal
from trainingrun_league.peers import Peers

_STAGES: Final = {
    ProtoStage.STAGE_PENDING_VALIDATION: Stage.PENDING,
    ProtoStage.STAGE_VALIDATED: Stage.VALIDATED,
    ProtoStage.STAGE_PROMOTED: Stage.PROMOTED,
    ProtoStage.STAGE_REJECTED: Stage.REJECTED,
    ProtoStage.STAGE_RETIRED: Stage.RETIRED,
}
_ROLES: Final = {
    PopulationRole.POPULATION_ROLE_MAIN_EXPLOITER: Role.MAIN_EXPLOITER,
    PopulationRole.POPULATION_ROLE_LEAGUE_EXPLOITER: Role.LEAGUE_EXPLOITER,
}


class ModelWatch:
    """What is known of models; ``changed`` wakes at each change."""

    def __init__(self, peers: Peers, builtins: Sequence[str]) -> None:
        """``builtins`` are the players without weights that play this environment."""
        self.builtins: Final = tuple(builtins)
        self._peers = peers
        self._entries: dict[str, Entry] = {}
        self.changed = Signal()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every model."""
        return tuple(self._entries.values())

    @property
    def champion(self) -> Entry | None:
        """The one that is promoted."""
        return champion_of(self._entries.values())

    def player(self, name: str) -> str:
        """Return the player that workers play for by this name.

        A model that lost against the champion is played where it is asked for, and nowhere else.

        Raises:
            NotFound: there is no such model, builtin or champion.
            Conflict: the model may not be played.
        """
        if name == CHAMPION:
            champion = self.champion
            if champion is None:
                raise Conflict("the league has no champion yet: name another opponent")
            return champion.player
        if name.startswith(BUILTIN):
            if name not in self.builtins:
                raise NotFound(f"{name[:100]!r} is not there: there are {', '.join(self.builtins)}")
            return name
        entry = self._entries.get(name.removeprefix(MODEL)) if name.startswith(MODEL) else None
        if entry is None:
            raise NotFound(
                f"there is no player {name[:100]!r} that is always there: name champion, model/ID"
                f" of `trainingrun models`, or one of {', '.join(self.builtins)}"
            )
        if not (entry.is_sound or playable([entry])):
            raise Conflict(f"{name[:100]} is {entry.stage.value} and cannot be played")
        return entry.player

    def entry(self, model_id: str) -> Entry | None:
        """Return a model."""
        return self._entries.get(model_id)

    async def follow(self) -> None:
        """Take over what the Model service streams until it ends.

        The champion comes first: in the stream it may stand behind models that it is to judge, and
        the planner would take the first of them for the first one of an empty league.

        Raises:
            grpc.aio.AioRpcError: it cannot be reached.
        """
        promoted = ListModelsRequest(stages=[ProtoStage.STAGE_PROMOTED], page_size=1)
        for model in (await self._peers.model.ListModels(promoted)).models:
            self.take(model)
        async for answer in self._peers.model.WatchPolicy(WatchPolicyRequest()):
            self.take(answer.model)

    def take(self, model: Model) -> None:
        """Take over one model."""
        stage = _STAGES.get(model.stage)
        if not model.id or stage is None:
            return  # of a newer Model service
        self._take_crown(model.id, stage)
        self._entries[model.id] = Entry(
            model.id,
            model.lineage,
            _ROLES.get(model.role, Role.MAIN),
            stage,
            model.published_at.seconds + model.published_at.nanos / 1e9,
            is_sound=model.HasField("validation") and not model.validation.problem,
        )
        self.changed.notify()

    def _take_crown(self, model_id: str, stage: Stage) -> None:
        """There is one champion: the one before may be said later to be retired, or earlier."""
        if stage is not Stage.PROMOTED:
            return
        before = self.champion
        if before is not None and before.id != model_id:
            self._entries[before.id] = replace(before, stage=Stage.RETIRED)
