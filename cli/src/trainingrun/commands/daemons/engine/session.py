"""One check of an engine from its first connection to the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import spec_of
from trainingrun_protocol.access import Token
from trainingrun_reconciler.roles.environment import environment_config

from trainingrun.commands.daemons.addresses import Address
from trainingrun.commands.daemons.engine.checks import (
    APART,
    CHECKS,
    OF_GAMES,
    SEED,
    Check,
    Finding,
    Findings,
    Level,
)
from trainingrun.commands.daemons.engine.game import Limits
from trainingrun.commands.daemons.engine.judging import Judge
from trainingrun.commands.daemons.engine.probes import (
    AFTER_GAMES,
    BEFORE_GAMES,
    Bench,
    Probe,
    probe_games,
)
from trainingrun.commands.document import read_run
from trainingrun.commands.errors import UserError

_PROBES: Final[dict[Check, Probe]] = {**BEFORE_GAMES, **AFTER_GAMES}


class Checked(Struct, frozen=True):
    """How a check ended."""

    check: str
    title: str
    level: Level


class Rates(Struct, frozen=True):
    """What was played, and how fast; milliseconds from an answer to the next decision."""

    games: int
    decisions: int
    decisions_per_second: float
    p50_ms: float
    p99_ms: float


class Verdict(Struct, frozen=True):
    """All that was found of an engine."""

    checks: tuple[Checked, ...]
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    rates: Rates | None
    environment: EnvironmentSpec | None
    is_observed: bool
    """Whether the environment is what was seen, and not that of a file."""

    @property
    def worst(self) -> Level:
        """WRONG, care or ok; WRONG, too, where no game came to be judged."""
        levels = {each.level for each in self.checks}
        if Level.WRONG in levels or levels <= {Level.NOT_REACHED}:
            return Level.WRONG
        return Level.CARE if Level.CARE in levels else Level.OK


def chosen(only: str | None) -> tuple[Check, ...]:
    """Return the checks that a name stands for; raises UserError where it is no check's."""
    found = tuple(check for check in CHECKS if only is None or check.name == only)
    if not found:
        names = ", ".join(check.name for check in CHECKS)
        raise UserError(f"daemons: --only {only}: no check is called so; they are {names}")
    return found


def spec_of_file(file: Path) -> EnvironmentSpec:
    """Return the shapes of the environment that a file's run plays in.

    Raises:
        UserError: the file is not valid, or the environment is Magic or cannot be found here.
    """
    environment = read_run(file).spec.environment
    if environment.is_magic:
        raise UserError(
            f"{file}: spec.environment is Magic, whose daemons `trainingrun daemons check` checks"
            " without --environment engine: write spec.environment.engine for an engine of yours"
        )
    try:
        return spec_of(environment_config(environment))
    except UnknownEnvironment as error:
        raise UserError(f"{file}: {error}") from error


def check_engine(
    address: Address,
    *,
    token: Token | None = None,
    spec: EnvironmentSpec | None = None,
    checks: tuple[Check, ...] = CHECKS,
    games: int = 10,
    limits: Limits | None = None,
) -> Verdict:
    """Play with the engine; ``checks`` are those that count.

    Raises:
        UserError: the engine takes no connection any longer.
    """
    findings = Findings()
    judge = Judge(findings, spec)
    bench = Bench(address, token, limits or Limits(), findings, judge, games, [])
    try:
        _run(bench, checks)
    except OSError as error:
        if not findings.counts:
            raise UserError(
                f"daemons: {address.host}:{address.port} takes no connection any longer"
                f" ({error.strerror or error})"
            ) from error
    return _verdict(bench, checks, is_observed=spec is None)


def _run(bench: Bench, checks: tuple[Check, ...]) -> None:
    wanted = {*checks, SEED} if APART in checks else set(checks)
    for check, probe in BEFORE_GAMES.items():
        if check in wanted or check.name == "status":
            probe(bench)
    if {check.name for check in checks} & OF_GAMES:
        probe_games(bench)
        if not bench.finished:
            return
    for check, probe in AFTER_GAMES.items():
        if check in wanted:
            probe(bench)


def _verdict(bench: Bench, checks: tuple[Check, ...], *, is_observed: bool) -> Verdict:
    found = bench.findings
    names = {check.name for check in checks}
    return Verdict(
        checks=tuple(Checked(check.name, check.title, found.level(check)) for check in checks),
        findings=tuple(each for each in found.shown if each.check in names),
        counts={name: count for name, count in found.counts.items() if name in names},
        rates=_rates(bench),
        environment=bench.judge.observed,
        is_observed=is_observed,
    )


def _rates(bench: Bench) -> Rates | None:
    taken = sorted(bench.milliseconds)
    if not taken:
        return None
    return Rates(
        games=bench.finished,
        decisions=len(taken),
        decisions_per_second=round(len(taken) / max(bench.seconds, 1e-9), 1),
        p50_ms=round(taken[len(taken) // 2], 3),
        p99_ms=round(taken[int(len(taken) * 0.99)], 3),
    )
