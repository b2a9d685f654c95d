"""The Tournament: asked of a league once, and followed to its end."""

from __future__ import annotations

from functools import partial
from typing import Final

from trainingrun_api.tournament import TOURNAMENT as DEFINITION
from trainingrun_api.tournament import Tournament
from trainingrun_contracts.league_report import TournamentReport

from trainingrun_reconciler.controller.manifest_loop import ManifestReconciler
from trainingrun_reconciler.kinds import TOURNAMENT
from trainingrun_reconciler.leagues.seam import LeagueAddress, LeagueRefused, LeagueSilent
from trainingrun_reconciler.leagues.tournaments import Answer, decide_tournament, order_of
from trainingrun_reconciler.outcome import Decide, Outcome
from trainingrun_reconciler.resources.declaration import Host, ResourceKind
from trainingrun_reconciler.views import View


class TournamentReconciler(ManifestReconciler[Tournament]):
    """Asks the league for the tournament before each decision, until it has ended."""

    def __init__(self, host: Host) -> None:
        self._leagues, self._may_act = host.leagues, host.may_act
        super().__init__(
            TOURNAMENT,
            partial(_decided, Answer(silence="it was not asked yet")),
            host.store,
            host.children,
            removed=TOURNAMENT_KIND.removed,
            ask=self._asked,
        )

    async def _asked(self, tournament: Tournament) -> Decide[Tournament]:
        if tournament.status.end is not None:
            return partial(_decided, Answer())
        self._may_act()  # a league takes orders of any operator that has its token
        return partial(_decided, await self._answer(tournament))

    async def _answer(self, tournament: Tournament) -> Answer:
        meta = tournament.metadata
        league = LeagueAddress(meta.namespace, tournament.spec.league_ref.name)
        try:
            found = await self._followed(league, tournament)
        except LeagueSilent as error:
            return Answer(silence=str(error))
        except LeagueRefused as error:
            return Answer(refusal=str(error))
        return Answer(report=found)

    async def _followed(self, league: LeagueAddress, tournament: Tournament) -> TournamentReport:
        """By its id, once that is known: a league forgets the keys of old requests."""
        known = tournament.status.tournament_id
        if known is not None:
            return await self._leagues.tournament(league, known)
        uid = tournament.metadata.uid
        return await self._leagues.order(league, uid, order_of(tournament))


def _decided(
    answer: Answer, tournament: Tournament, _views: tuple[View, ...], _now: float
) -> Outcome:
    return decide_tournament(tournament, answer)


TOURNAMENT_KIND: Final = ResourceKind(
    definition=DEFINITION, children=(), reconciler=TournamentReconciler
)
