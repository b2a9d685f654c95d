"""The League: services that models of many runs meet in, and the workers that play for them."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import Final

from trainingrun_api.league import LEAGUE as DEFINITION
from trainingrun_api.league import League, LeagueStatus
from trainingrun_contracts.league_report import LeagueReport

from trainingrun_reconciler.backends import BackendError, ErrorKind
from trainingrun_reconciler.controller.manifest_loop import ManifestReconciler
from trainingrun_reconciler.kinds import (
    CLAIM,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    LEAGUE,
    NETWORK_POLICY,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
)
from trainingrun_reconciler.leagues.decide import Heard, decide
from trainingrun_reconciler.leagues.figures import league_families
from trainingrun_reconciler.leagues.needed_secrets import describe_missing, needed_secrets
from trainingrun_reconciler.leagues.objects import Place
from trainingrun_reconciler.leagues.run_tables import marks_of
from trainingrun_reconciler.leagues.seam import LeagueAddress, LeagueRefused, LeagueSilent
from trainingrun_reconciler.outcome import Decide, Outcome
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.resources.declaration import (
    WATCH,
    Child,
    Host,
    ResourceKind,
    kept,
    owned,
)
from trainingrun_reconciler.views import View

_LOG: Final = logging.getLogger(__name__)
COUNTERS_SECONDS: Final = 10.0


def pause_before_status(present: LeagueStatus, wanted: LeagueStatus, _count: int) -> float:
    """Seconds since the latest write before this status may follow it: counters alone wait."""
    return COUNTERS_SECONDS if present.verdicts == wanted.verdicts else 0.0


class LeagueReconciler(ManifestReconciler[League]):
    """Asks a league how it is before each decision."""

    def __init__(self, host: Host) -> None:
        self._leagues, self._place = host.leagues, host.league_place
        self._runs, self._may_act = host.runs, host.may_act
        super().__init__(
            LEAGUE,
            partial(_decided, Heard(), self._place),
            host.store,
            host.children,
            removed=LEAGUE_KIND.removed,
            ask=self._heard,
            families=league_families,
        )

    async def _heard(self, league: League) -> Decide[League]:
        tls = league.spec.access.tls_secret_ref
        heard, missing = Heard(), ""
        try:
            owner = Owner.of(LEAGUE, league.metadata)
            missing = await self._missing(league)
            await self._leagues.prepare(owner, tls.name if tls is not None else None)
            heard = await self._reported(league)
        except BackendError as error:
            if error.kind is ErrorKind.TRANSIENT:
                raise
            heard = Heard(refusal=error)
        return partial(_decided, replace(heard, missing=missing), self._place)

    async def _missing(self, league: League) -> str:
        """What to do about Secrets that the League names and that are not there."""
        address = LeagueAddress(league.metadata.namespace, league.metadata.name)
        names = {each.name for each in needed_secrets(league.spec)}
        found = {name: await self._leagues.entries(address, name) for name in sorted(names)}
        return describe_missing(league.spec, address.namespace, found)

    async def _reported(self, league: League) -> Heard:
        address = LeagueAddress(league.metadata.namespace, league.metadata.name)
        try:
            report = await self._leagues.report(address)
        except LeagueSilent as error:
            return Heard(silence=str(error))
        await self._mark_tables(address, report)
        return Heard(report=report)

    async def _mark_tables(self, address: LeagueAddress, report: LeagueReport) -> None:
        """Have the tables of runs go that are over; what fails is done with the next report."""
        marks = marks_of(report.tables, self._runs(address.namespace))
        if marks is None:
            return
        self._may_act()
        try:
            await self._leagues.mark_tables(address, marks)
        except (LeagueSilent, LeagueRefused) as error:
            _LOG.warning("League %s: its replay tables: %s", address.name, error)


def _decided(
    heard: Heard, place: Place, league: League, views: tuple[View, ...], _now: float
) -> Outcome:
    return decide(league, views, heard, place)


LEAGUE_KIND: Final = ResourceKind(
    definition=DEFINITION,
    children=(
        Child(POD, WATCH),
        Child(SECRET, ("get", "create")),
        kept(SERVICE_ACCOUNT),
        kept(CLAIM),
        owned(SERVICE),
        owned(DEPLOYMENT),
        kept(STATEFUL_SET),
        owned(JOB),
        owned(DISRUPTION_BUDGET),
        owned(NETWORK_POLICY),
    ),
    reconciler=LeagueReconciler,
    status_pause=pause_before_status,
)
