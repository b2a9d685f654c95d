"""The verdict on an engine, for people and for programs."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml
from trainingrun_contracts.environment_spec import Vocabulary

from trainingrun.commands.daemons.engine.checks import Finding
from trainingrun.commands.daemons.engine.judging import block_of
from trainingrun.commands.daemons.engine.session import Rates, Verdict
from trainingrun.commands.output import Output, plain_table, write
from trainingrun.commands.terminal import console_for_tables, echo, printable_line


def report(verdict: Verdict, address: str, output: Output) -> None:
    """Print findings, the table of checks, rates and the block for a TrainingRun."""
    if output.is_for_programs:
        write(_document(verdict, address), output)
        return
    for finding in verdict.findings:
        _print_finding(finding)
    shown = {finding.check for finding in verdict.findings}
    for name in sorted(shown):
        hidden = verdict.counts[name] - sum(each.check == name for each in verdict.findings)
        if hidden:
            echo(f"{name}: {hidden} more of this kind")
    _print_checks(verdict)
    if verdict.rates is not None:
        echo(f"\n{_sentence(verdict.rates)}")
    if verdict.environment is not None:
        echo("\nThe environment of a run that plays with this engine:")
        if verdict.is_observed and isinstance(verdict.environment.actions, Vocabulary):
            echo(
                "(size is 1 above the largest index that was seen: write the size of all actions"
                " where it is larger)"
            )
        echo()
        echo(
            yaml.safe_dump(
                block_of(verdict.environment), sort_keys=False, default_flow_style=None
            ).rstrip()
        )


def _print_finding(finding: Finding) -> None:
    where = f"{finding.place}, line {finding.line}" if finding.line else finding.place
    echo(f"{finding.level.value}: {finding.check} ({where})")
    if finding.line:
        echo(f"  line {finding.line}: {printable_line(finding.raw)}")
    echo(f"  is:     {finding.problem}")
    echo(f"  should: {finding.expected}")
    echo(f"  page:   {finding.page}\n")


def _print_checks(verdict: Verdict) -> None:
    table = plain_table("check", "result", "the engine …")
    for each in verdict.checks:
        table.add_row(each.check, each.level.value, each.title)
    console_for_tables().print(table)


def _sentence(rates: Rates) -> str:
    return (
        f"{rates.games} games, {rates.decisions} decisions,"
        f" {rates.decisions_per_second:g} decisions/s on one connection;"
        f" {rates.p50_ms:.2f} ms a decision at the median, {rates.p99_ms:.2f} ms at the 99th"
        " percentile"
    )


def _document(verdict: Verdict, address: str) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(verdict)
    spec = verdict.environment
    block = None if spec is None else block_of(spec)["spec"]["environment"]
    return {
        "daemon": address,
        "result": verdict.worst.value,
        **plain,
        "environment": block,
    }
