"""The folder ``report/``: curves and ``summary.json``, from what the run left in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trainingrun_contracts.api.run import TrainingRun

from trainingrun_operator.backends.local.files import write_atomically
from trainingrun_operator.cli.durations import described
from trainingrun_operator.cli.local.figures import draw_losses, draw_throughput, draw_win_rates
from trainingrun_operator.cli.local.matrix import draw_deck_matrix
from trainingrun_operator.cli.local.samples import Sample, read_entries
from trainingrun_operator.cli.local.summary import End, Summary, encode, summarise

SUMMARY_FILE: Final = "summary.json"


def write_report(
    run: TrainingRun, samples_file: Path, folder: Path, *, end: End | None = None
) -> Summary:
    """Write the report of a run as it stands; ``end`` is why the command ended.

    Raises:
        OSError: the folder cannot be written any more.
    """
    entries = read_entries(samples_file)
    summary = summarise(run, entries, end=end)
    samples = [entry for entry in entries if isinstance(entry, Sample)]
    name = run.metadata.name
    write_atomically(folder / SUMMARY_FILE, encode(summary))
    draw_win_rates(summary.evaluations, folder / "win-rate.png", title=f"{name}: win rate")
    draw_losses(samples, folder / "losses.png", title=f"{name}: losses")
    draw_throughput(samples, folder / "throughput.png", title=f"{name}: throughput")
    draw_deck_matrix(
        summary.evaluations, folder / "deck-matrix.png", title=f"{name}: win rate by decks"
    )
    return summary


def told(summary: Summary, folder: Path) -> list[str]:
    """The summary as lines for people."""
    rate = f" ({summary.games_per_second:.1f}/s)" if summary.games_per_second else ""
    first = summary.first_update_seconds
    begun = f", the first after {described(first)}" if first is not None else ""
    lines = [
        f"games     {summary.games}{rate} in {described(summary.seconds)}",
        f"updates   {summary.updates}{begun}",
    ]
    speed = summary.throughput.decisions_per_second
    if summary.decisions and speed is not None:
        lines.append(f"decisions {summary.decisions} ({speed:.0f}/s)")
    part = summary.bottleneck.part
    if part is not None:
        by = "nothing" if part == "None" else f"the {part.lower()}"
        lines.append(f"held up   by {by} for {summary.bottleneck.shares[part]:.0%} of the time")
    for each in summary.evaluation:
        lines.append(
            f"win rate  {each.rate:.0%} against {each.opponent} ({each.low:.0%} to {each.high:.0%},"
            f" {each.games} games)"
        )
    if summary.elo is not None:
        lines.append(f"elo       {summary.elo}")
    if summary.champion is not None:
        lines.append(f"champion  version {summary.champion}")
    if summary.ledger is not None:
        ledger = summary.ledger
        dropped = ", ".join(f"{n} {cause}" for cause, n in ledger.dropped.items() if n) or "0"
        lines.append(
            f"ledger    {ledger.produced} produced = {ledger.trained} trained + {ledger.queued}"
            f" queued + {dropped} dropped + {ledger.lost} lost"
        )
    return [*lines, f"report    {folder}/"]
