"""``trainingrun daemons``: what concerns game daemons rather than runs.

``check`` replays the conformance vectors of the line protocol against a daemon of the card game
(``vectors``), or plays with an engine that sends its own numbers (``engine``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import asdict
from trainingrun_protocol.access import Token
from trainingrun_protocol.conformance.library import shipped_vectors
from trainingrun_protocol.conformance.replay import Outcome
from trainingrun_protocol.conformance.script import Vector
from trainingrun_protocol.conformance.suitability import Suitability

from trainingrun.commands.addresses import token_from
from trainingrun.commands.daemons.addresses import Address, parse_address, require_listening
from trainingrun.commands.daemons.suitability import (
    Form,
    form_of,
    print_report,
    watch_games,
)
from trainingrun.commands.daemons.vectors import hold_against
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Verbs
from trainingrun.commands.options import Output, OutputOption, TokenFileOption
from trainingrun.commands.output import write
from trainingrun.commands.terminal import echo

daemons = Verbs(
    name="daemons",
    help="Game daemons: start them on other machines, measure them, check their protocol.",
)


class CheckedAs(StrEnum):
    """What kind of daemon is checked."""

    MAGIC = "magic"
    ENGINE = "engine"


@dataclass(frozen=True)
class EngineOptions:
    """Options of ``check --environment engine``."""

    games: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Random games to play, with an engine or in the original's dialect.",
        ),
    ] = 10
    decisions: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Engine: decisions after which a game has no end."),
    ] = 5000
    file: Annotated[
        Path | None,
        typer.Option(
            "-f",
            "--filename",
            metavar="FILE",
            help="Engine: a TrainingRun whose environment the lines must fit; - reads standard"
            " input. Default: what the first decision has.",
        ),
    ] = None
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Engine: longest wait for a line.")
    ] = 30.0


class Checked(Struct, frozen=True):
    """What became of one vector, for programs."""

    vector: str
    outcome: Outcome
    seconds: float
    line: int
    text: str


@daemons.callback()
def daemons_group() -> None:
    """Game daemons: start them on other machines, measure them, check their protocol."""


@daemons.verb(
    examples=(
        "trainingrun daemons check localhost:17171",
        "trainingrun daemons check 10.0.0.5:17171 --only garbage",
        "trainingrun daemons check localhost:17171 --environment engine",
    )
)
def check(
    address: Annotated[
        str, typer.Argument(metavar="HOST:PORT", help="A daemon that serves test_red, test_blue.")
    ],
    *,
    environment: Annotated[
        CheckedAs,
        typer.Option(help="What it plays: engine is one of your own that sends its own numbers."),
    ] = CheckedAs.MAGIC,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="VECTOR|CHECK",
            help="Only the vector or check of this name, or vectors whose names contain it.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Count what is not supported as failed.")
    ] = False,
    engine: EngineOptions,
    token_file: TokenFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a daemon against the protocol, or an engine of your own.

    Replay the conformance vectors. Use a daemon without other clients: some take all its slots.
    An extension that the daemon lacks is "not supported" and no fault.
    Of a daemon in the original's dialect, play games and print what a training can rely on.
    With --environment engine, play random games and print each fault with its line.
    Exit code 1: a vector or a check failed, or a daemon cannot be trained on.
    """
    place, token = parse_address(address), token_from(token_file)
    if environment is CheckedAs.ENGINE:
        failed = _check_engine(place, engine, only, output, strict=strict, token=token)
    elif only is None and _is_original(place, token):
        failed = _check_original(place, engine.games, output, strict=strict, token=token)
    else:
        failed = _check_vectors(place, _chosen(only), output, strict=strict, token=token)
    raise typer.Exit(1 if failed else 0)


def _check_engine(
    place: Address,
    options: EngineOptions,
    only: str | None,
    output: Output,
    *,
    strict: bool,
    token: Token | None,
) -> bool:
    """Check an engine and print the verdict; return whether something is wrong."""
    if find_spec("trainingrun_environments") is None:
        raise UserError("daemons: numpy not installed: install trainingrun[local]")
    # Imported here because numpy is, which the help must not wait for and an SDK may lack.
    from trainingrun.commands.daemons.engine.checks import Level  # noqa: PLC0415
    from trainingrun.commands.daemons.engine.game import Limits  # noqa: PLC0415
    from trainingrun.commands.daemons.engine.report import report  # noqa: PLC0415
    from trainingrun.commands.daemons.engine.session import (  # noqa: PLC0415
        check_engine,
        chosen,
        spec_of_file,
    )

    checks = chosen(only)
    spec = None if options.file is None else spec_of_file(options.file)
    require_listening(place)
    limits = Limits(decisions=options.decisions, line_seconds=options.timeout)
    verdict = check_engine(
        place, token=token, spec=spec, checks=checks, games=options.games, limits=limits
    )
    report(verdict, f"{place.host}:{place.port}", output)
    return verdict.worst is Level.WRONG or (strict and verdict.worst is Level.CARE)


def _is_original(place: Address, token: Token | None) -> bool:
    require_listening(place)
    form = form_of(place, token)
    if form is Form.NUMBERS:
        raise UserError(
            f"daemons: {place.host}:{place.port} sends its own numbers and no card game:"
            " add --environment engine"
        )
    return form is Form.ORIGINAL


def _check_original(
    place: Address, games: int, output: Output, *, strict: bool, token: Token | None
) -> bool:
    """Watch games of a daemon in the original's dialect; return whether it cannot be trained on."""
    if not output.is_for_programs:
        echo(
            "The decisions are in the original's dialect, which actors translate: playing to see"
            " what a training can rely on.\nThe vectors of the reference engine's form are left"
            " out; --only NAME replays one.\n"
        )
    report = watch_games(place, token=token, games=games)
    if output.is_for_programs:
        write(
            {"daemon": f"{place.host}:{place.port}", "result": report.worst, **asdict(report)},
            output,
        )
    else:
        print_report(report)
    bad = {Suitability.UNUSABLE, *([Suitability.CARE] if strict else [])}
    return report.worst in bad


def _check_vectors(
    place: Address, vectors: list[Vector], output: Output, *, strict: bool, token: Token | None
) -> bool:
    """Replay vectors and print the results; return whether one failed."""
    require_listening(place)
    checked = [_check_one(place, vector, output, token=token) for vector in vectors]
    outcomes = [each.outcome for each in checked]
    counts = {outcome: outcomes.count(outcome) for outcome in Outcome}
    if output.is_for_programs:
        write({"daemon": f"{place.host}:{place.port}", "vectors": checked}, output)
    else:
        echo(
            f"{counts[Outcome.OK]} ok, {counts[Outcome.DIFFERS]} failed,"
            f" {counts[Outcome.NOT_SUPPORTED]} not supported"
        )
    missing = counts[Outcome.NOT_SUPPORTED] if strict else 0
    return bool(counts[Outcome.DIFFERS] + missing)


def _chosen(only: str | None) -> list[Vector]:
    shipped = shipped_vectors()
    exact = [vector for vector in shipped if vector.name == only]
    vectors = exact or [vector for vector in shipped if only is None or only in vector.name]
    if not vectors:
        names = ", ".join(vector.name for vector in shipped)
        raise UserError(f"daemons: --only {only}: no vector has this in its name; they are {names}")
    return vectors


def _check_one(address: Address, vector: Vector, output: Output, *, token: Token | None) -> Checked:
    """Check one vector; for people, print its line as soon as it is known."""
    began = time.monotonic()
    verdict = hold_against(address, vector, token=token)
    seconds = time.monotonic() - began
    if not output.is_for_programs:
        ours = " [ours]" if vector.is_ours else ""
        word = f"{verdict.outcome.value:<13}"
        echo(f"{word}  {vector.name}  (section {vector.sections}{ours}, {seconds:.1f} s)")
        if verdict.outcome is not Outcome.OK or output is Output.WIDE:
            echo(f"{'':15}{vector.purpose}")
        if verdict.outcome is not Outcome.OK:
            echo(f"{'':15}{vector.source}, line {verdict.line}: {verdict.text}")
    return Checked(vector.name, verdict.outcome, round(seconds, 2), verdict.line, verdict.text)
