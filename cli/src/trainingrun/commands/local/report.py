"""``summary.json`` of the folder ``report/``, from what the run left in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trainingrun_api.run import TrainingRun

from trainingrun.commands.durations import described
from trainingrun.local.files import write_atomically
from trainingrun.local.samples import read_entries
from trainingrun.local.summary import RunEnd, Summary, encode, summarise

SUMMARY_FILE: Final = "summary.json"


def write_summary(
    run: TrainingRun, samples_file: Path, folder: Path, *, end: RunEnd | None = None
) -> Summary:
    """Write the summary of a run as it stands; ``end`` is why the command ended.

    Raises:
        OSError: the folder cannot be written.
    """
    summary = summarise(run, read_entries(samples_file), end=end)
    write_atomically(folder / SUMMARY_FILE, encode(summary))
    return summary


def summary_lines(summary: Summary, folder: Path) -> list[str]:
    """Return the summary as lines for people."""
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
