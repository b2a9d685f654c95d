"""The page docs/reference/metrics.md, made from the registry of metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trainingrun_contracts.metrics import Metric, Server, served_by

INTRODUCTION: Final = """# Metrics

This page is generated from the registry of metrics (`make generate`).

Every role serves Prometheus' text format at `/metrics`: on a cluster each pod on port 9090, named
`metrics`, and the operator on its `--metrics-port`. On one machine, `trainingrun local --metrics`
does the same on free ports and lists them in `.trainingrun/NAME/metrics.json` while the run lasts,
in the form that Prometheus reads:

```yaml
scrape_configs:
  - job_name: trainingrun
    file_sd_configs: [{files: [/path/to/.trainingrun/quickstart/metrics.json]}]
```

Where the Prometheus operator is, the chart brings PodMonitors, which give what pods serve the
labels `namespace`, `run` and `role` ([installing](../guides/installing.md)); those of leagues get
`namespace`, `league` and `role`. The metrics of runs
below have the first two by themselves: scrape the operator with `honor_labels: true`.

A metric is there from the start of a process on. A value that is not known yet has no sample:
absent is not zero. Counters begin anew with each start of a process, but for those that are read
from Redis, which count the whole run.

Often asked: the 95th percentile of game durations is
`histogram_quantile(0.95, sum by (le) (rate(trainingrun_game_seconds_bucket[5m])))`, the utilisation
of daemons `trainingrun_run_daemon_utilisation`, the age of the newest checkpoint
`time() - trainingrun_checkpoint_timestamp_seconds`, and whether the ledger closes
`trainingrun_run_transitions_total{fate="produced"} - ignoring(fate) group_left()
(sum without (fate) (trainingrun_run_transitions_total{fate!="produced"}) +
trainingrun_run_queue_transitions)`, which is 0.
"""

_HEADINGS: Final = {
    Server.ACTOR: "Actor",
    Server.EVALUATOR: "Evaluator",
    Server.SELFPLAY: "Self-play",
    Server.LEARNER: "Learner",
    Server.INFERENCE: "Inference server",
    Server.RUN: "Runs, from the operator or `trainingrun local --metrics`",
    Server.OPERATOR: "Operator",
    Server.LEAGUE: "Services of a league",
    Server.LEAGUES: "Leagues, from the operator",
}
_COLUMNS: Final = ("Name", "Kind", "Labels", "Unit", "Meaning", "Source")


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for server, heading in _HEADINGS.items():
        yield f"## {heading}\n"
        yield f"| {' | '.join(_COLUMNS)} |"
        yield "|---" * len(_COLUMNS) + "|"
        for metric in served_by(server):
            yield f"| {' | '.join(_row(metric))} |"
        yield ""


def _row(metric: Metric) -> tuple[str, ...]:
    kind = metric.kind.value
    if metric.buckets:
        kind += f" ({metric.buckets[0]:g} to {metric.buckets[-1]:g})"
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"`{metric.name}`", kind, labels, metric.unit, metric.text, metric.source
