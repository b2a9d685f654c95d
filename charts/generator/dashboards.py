"""The dashboards: all runs, one run, the operator, and leagues (``league_board``).

What of the registry no panel here asks for gets one of its own in a last row: a new metric is seen
from its first day on, and may be given a better place later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from league_board import league_board
from panels import (
    Board,
    Json,
    Panel,
    Query,
    Row,
    Variable,
    is_of_run,
    metric,
    newest,
    page,
    plain,
)
from trainingrun_contracts import metrics as m
from trainingrun_contracts.metrics import Kind, Metric, Server, served_by

_NAMESPACE: Final = Variable(
    "namespace", "Namespace", f"label_values({m.RUN_MEMBERS.name}, namespace)"
)
_ANY_RUN: Final = Variable(
    "run", "Run", f'label_values({m.RUN_MEMBERS.name}{{namespace=~"$namespace"}}, run)'
)
_ONE_RUN: Final = Variable("run", "Run", _ANY_RUN.query, multiple=False)
_ONE_NAMESPACE: Final = Variable("namespace", "Namespace", _NAMESPACE.query, multiple=False)
_HOLDS: Final = (("0", "no", "red"), ("1", "yes", "green"))
_TROUBLE: Final = (("0", "no", "green"), ("1", "yes", "red"))
_AGE: Final = f"time() - {newest(metric(m.RUN_CHECKPOINT_AT))}"
_GOOD: Final = (
    "Ready|Progressing|QueueAvailable|LearnerAvailable|DaemonsAvailable|ActorsAvailable"
    "|CheckpointCurrent"
)
_BY_RUN: Final = "{{namespace}}/{{run}}"
_EVERY: Final = "[5m]"
_BAD: Final = "Degraded|ScalingLimited"


def pages() -> Mapping[str, Json]:
    """Each dashboard by its name."""
    fleet, run, operator = _fleet(), _run(), _operator()
    boards = (fleet, run, operator)
    of_runs, own = (
        [each for each in served_by(server) if not any(board.shows(each) for board in boards)]
        for server in (Server.RUN, Server.OPERATOR)
    )
    finished = (fleet, league_board(), _with_others(run, of_runs), _with_others(operator, own))
    return {board.name: page(board) for board in finished}


def _with_others(board: Board, missing: Sequence[Metric]) -> Board:
    panels = tuple(_other(each) for each in missing)
    return replace(board, rows=(*board.rows, Row("Others", panels))) if panels else board


def _other(of: Metric) -> Panel:
    """A plain panel: a counter's rate, a histogram's 99th percentile, a gauge as it is."""
    of_run = is_of_run(of)
    labels = [label for label in of.labels if label not in {"namespace", "run"}]
    selector = metric(of) if of_run else plain(of)
    by = ", ".join((*(("namespace", "run") if of_run else ("pod",)), *labels))
    match of.kind:
        case Kind.COUNTER:
            expression = f"max by ({by}) (rate({selector}{_EVERY}))"
        case Kind.GAUGE:
            expression = f"max by ({by}) ({selector})"
        case Kind.HISTOGRAM:
            expression = _quantile(0.99, of)
    title = of.name.removeprefix("trainingrun_").replace("_", " ").capitalize()
    unit = {"seconds": "s", "bytes": "bytes", "1": "percentunit"}.get(of.unit, "short")
    legend = " ".join(f"{{{{{label}}}}}" for label in labels)
    return Panel(title, of.text, (Query(expression, legend),), unit=unit)


def _fleet() -> Board:
    """All runs on one page."""
    return Board(
        "fleet",
        "TrainingRun / Fleet",
        "All TrainingRuns: how much they play, what holds them up, which need a person.",
        variables=(_NAMESPACE, _ANY_RUN),
        rows=(
            _fleet_now(),
            _fleet_table(),
            _fleet_speed(),
            _fleet_conditions(),
        ),
    )


def _fleet_now() -> Row:
    return Row(
        "Now",
        (
            _stat(
                "Runs",
                "Runs that the operator knows of.",
                f"count({newest(metric(m.RUN_MEMBERS, state='desired'))})",
            ),
            _stat(
                "Games per second",
                "Of all runs together.",
                f"sum({newest(metric(m.RUN_GAMES_PER_SECOND))})",
            ),
            _stat(
                "Daemons ready",
                "Pods of daemons that serve games.",
                f"sum({newest(metric(m.RUN_MEMBERS, role='daemon', state='ready'))})",
            ),
            _stat(
                "Daemons wanted",
                "Pods of daemons that the autoscaler asks for.",
                f"sum({newest(metric(m.RUN_MEMBERS, role='daemon', state='desired'))})",
            ),
            _stat(
                "Runs that need a person",
                "Runs with the condition Degraded.",
                f"sum({newest(metric(m.RUN_CONDITION, type='Degraded'))})",
                red_above=1,
            ),
            _stat(
                "Transitions lost",
                "Lost in the last day; it should be none.",
                f"sum({_grown('lost', '1d')}) or vector(0)",
                red_above=1,
            ),
        ),
    )


def _fleet_table() -> Row:
    return Row(
        "Runs",
        (
            Panel(
                "Runs",
                "One line a run.",
                (
                    Query(newest(metric(m.RUN_GAMES_PER_SECOND)), "Games/s"),
                    Query(newest(metric(m.RUN_MEMBERS, role="daemon", state="ready")), "Daemons"),
                    Query(newest(metric(m.RUN_UTILISATION)), "Daemons busy"),
                    Query(
                        newest(metric(m.RUN_WAIT_FRACTION, role="learner", cause="data")),
                        "Learner waits",
                    ),
                    Query(newest(metric(m.RUN_POLICY_LAG, statistic="mean")), "Policy lag"),
                    Query(newest(metric(m.RUN_WEIGHTS)), "Model"),
                    Query(f"max by (namespace, run) ({metric(m.RUN_WIN_RATE)})", "Best win rate"),
                    Query(_AGE, "Checkpoint age (s)"),
                ),
                kind="table",
                width=24,
                height=9,
            ),
        ),
    )


def _fleet_speed() -> Row:
    return Row(
        "Speed and what holds it up",
        (
            _lines(
                "Games per second",
                "Games that end, of each run.",
                metric(m.RUN_GAMES_PER_SECOND),
                _BY_RUN,
            ),
            _lines(
                "The learner waits for data",
                "Part of the learner's time; high means more daemons or actors are needed.",
                metric(m.RUN_WAIT_FRACTION, role="learner", cause="data"),
                _BY_RUN,
                unit="percentunit",
                highest=1,
            ),
            _lines(
                "Daemons busy",
                "Busy slots as a part of all slots.",
                metric(m.RUN_UTILISATION),
                _BY_RUN,
                unit="percentunit",
                highest=1,
            ),
            Panel(
                "Runs by bottleneck",
                "What the others wait for.",
                (Query(f"sum by (part) ({newest(metric(m.RUN_BOTTLENECK), 'part')})", "{{part}}"),),
                stacked=True,
            ),
            _lines(
                "Daemons ready",
                "Pods of daemons that serve games.",
                metric(m.RUN_MEMBERS, role="daemon", state="ready"),
                _BY_RUN,
                stacked=True,
            ),
            _lines(
                "Age of the newest checkpoint",
                "What a crash would lose.",
                "",
                _BY_RUN,
                unit="s",
                expression=_AGE,
            ),
        ),
    )


def _fleet_conditions() -> Row:
    return Row(
        "Conditions",
        (
            Panel(
                "Degraded",
                "Runs that go on, but need a person: `kubectl describe tr`.",
                (Query(newest(metric(m.RUN_CONDITION, type="Degraded")), _BY_RUN),),
                kind="state-timeline",
                width=12,
                words=_TROUBLE,
            ),
            Panel(
                "Progressing",
                "Runs that play and train.",
                (Query(newest(metric(m.RUN_CONDITION, type="Progressing")), _BY_RUN),),
                kind="state-timeline",
                width=12,
                words=_HOLDS,
            ),
        ),
    )


def _run() -> Board:
    """One run, from the games to the strength."""
    return Board(
        "run",
        "TrainingRun / Run",
        "One TrainingRun: games, queue, learner, autoscaler, strength and conditions.",
        variables=(_ONE_NAMESPACE, _ONE_RUN),
        rows=(
            _run_now(),
            _run_games(),
            _run_waits(),
            _run_daemons(),
            _run_learning(),
            _run_conditions(),
            _run_players(),
            _run_searches(),
            _run_servers(),
            _run_learner(),
        ),
    )


def _run_now() -> Row:
    played = f"sum by (namespace, run) ({metric(m.RUN_GAMES, outcome='~seat1|seat2|draw|timeout')})"
    target = newest(metric(m.RUN_GAMES_TARGET))
    rate = newest(metric(m.RUN_GAMES_PER_SECOND))
    return Row(
        "Now",
        (
            _stat(
                "Progress",
                "Games that ended, of those that are asked for.",
                f"{played} / {target}",
                unit="percentunit",
            ),
            _stat(
                "Time left",
                "At the games per second of the last minute.",
                f"clamp_min({target} - {played}, 0) / ({rate} > 0)",
                unit="s",
            ),
            _stat(
                "Lowest win rate",
                "Against the opponent that is beaten least often.",
                f"min by (namespace, run) ({metric(m.RUN_WIN_RATE)})",
                unit="percentunit",
            ),
            _stat("Phase", "Number of the curriculum's phase.", newest(metric(m.RUN_PHASE))),
            _stat("Cost so far", "In the currency of spec.cost.", newest(metric(m.RUN_COST))),
            _stat(
                "Cost at the end",
                "At the rates of now, in the same currency.",
                newest(metric(m.RUN_COST_PROJECTED)),
            ),
        ),
    )


def _run_games() -> Row:
    return Row(
        "Games and queue",
        (
            _lines(
                "Games per second",
                "Games that end, over the last minute.",
                metric(m.RUN_GAMES_PER_SECOND),
                "games",
            ),
            Panel(
                "Games by outcome",
                "Per second; timeouts and aborted ones are lost work.",
                (Query(_rate(metric(m.RUN_GAMES), "outcome"), "{{outcome}}"),),
                unit="ops",
                stacked=True,
            ),
            _lines(
                "95th percentile of game seconds",
                "Of the slowest actor.",
                metric(m.RUN_GAME_SECONDS),
                "seconds",
                unit="s",
            ),
            Panel(
                "Queue",
                "Actors pause at the capacity and go on at half of it.",
                (
                    Query(newest(metric(m.RUN_QUEUE)), "queued"),
                    Query(newest(metric(m.RUN_QUEUE_CAPACITY)), "capacity"),
                ),
            ),
            Panel(
                "Ledger",
                "Transitions per second by fate.",
                (Query(_rate(metric(m.RUN_TRANSITIONS), "fate"), "{{fate}}"),),
                unit="ops",
            ),
            Panel(
                "Lost and dropped",
                "Transitions in the last hour; lost should be none.",
                tuple(
                    Query(_grown(fate, "1h"), fate)
                    for fate in ("stale", "duplicate", "poison", "spool", "lost")
                ),
            ),
        ),
    )


def _run_waits() -> Row:
    return Row(
        "What waits for what",
        (
            _lines(
                "The learner's time",
                "Data: it waits. The others: it works.",
                metric(m.RUN_WAIT_FRACTION, role="learner"),
                "{{cause}}",
                "cause",
                unit="percentunit",
                stacked=True,
                highest=1,
            ),
            _lines(
                "The actors' time",
                "Mean over the actors; queue is back-pressure.",
                metric(m.RUN_WAIT_FRACTION, role="actor"),
                "{{cause}}",
                "cause",
                unit="percentunit",
                stacked=True,
                highest=1,
            ),
            Panel(
                "Bottleneck",
                "The part that the others wait for.",
                (Query(newest(metric(m.RUN_BOTTLENECK), "part"), "{{part}}"),),
                kind="state-timeline",
                words=(("0", "no", "text"), ("1", "yes", "orange")),
            ),
        ),
    )


def _run_daemons() -> Row:
    return Row(
        "Daemons and the autoscaler",
        (
            Panel(
                "Daemons",
                "What is there, what serves, what the rates want, and what was decided.",
                (
                    Query(newest(metric(m.RUN_MEMBERS, role="daemon", state="desired")), "desired"),
                    Query(newest(metric(m.RUN_MEMBERS, role="daemon", state="ready")), "ready"),
                    Query(newest(metric(m.RUN_SCALE_WANTED)), "wanted"),
                    Query(newest(metric(m.RUN_SCALED_TO)), "decided"),
                ),
            ),
            Panel(
                "Slots",
                "Games that daemons can serve, and do.",
                (
                    Query(newest(metric(m.RUN_SLOTS)), "slots"),
                    Query(newest(metric(m.RUN_BUSY_SLOTS)), "busy"),
                ),
            ),
            _lines(
                "Busy part of each daemon",
                "Uneven lines: a daemon that actors avoid.",
                metric(m.RUN_DAEMON_BUSY),
                "{{endpoint}}",
                "endpoint",
                unit="percentunit",
                highest=1,
            ),
            _lines(
                "What decisions were made from",
                "Transitions per second of the learner and of one daemon.",
                metric(m.RUN_SCALE_INPUT, input="~learnerCapacity|producedPerDaemon"),
                "{{input}}",
                "input",
            ),
            Panel(
                "Latest decision",
                "How long ago the autoscaler changed its mind.",
                (Query(f"time() - {newest(metric(m.RUN_SCALED_AT))}", "ago"),),
                kind="stat",
                unit="s",
            ),
            _lines(
                "Restarts of members",
                "Of those that are there.",
                metric(m.RUN_RESTARTS),
                "{{role}}",
                "role",
            ),
            Panel(
                "What limits the daemons",
                "Gaps: nothing does.",
                (Query(newest(metric(m.RUN_SCALE_LIMITED), "reason"), "{{reason}}"),),
                kind="state-timeline",
                width=16,
                words=(("1", "yes", "orange"),),
            ),
            _lines(
                "Daemons taken away with games on them",
                "None, unless drainTimeoutSeconds are too few.",
                metric(m.RUN_SCALE_FORCED),
                "daemons",
            ),
            _lines(
                "Members that had to leave their node",
                "Spot machines, evictions, drains; so far.",
                metric(m.RUN_INTERRUPTIONS),
                "{{role}}",
                "role",
            ),
        ),
    )


def _run_learning() -> Row:
    return Row(
        "Learning",
        (
            Panel(
                "Policy lag",
                "Publications between acting and training; above 8 is dropped.",
                (Query(newest(metric(m.RUN_POLICY_LAG), "statistic"), "{{statistic}}"),),
            ),
            Panel(
                "Weights",
                "Optimiser step: newest, and oldest that an actor plays with.",
                (
                    Query(newest(metric(m.RUN_WEIGHTS)), "newest"),
                    Query(newest(metric(m.RUN_WEIGHTS_OLDEST)), "oldest in use"),
                ),
            ),
            _lines(
                "Model sync",
                "From publication to use, of the slowest actor.",
                metric(m.RUN_SYNC_SECONDS),
                "seconds",
                unit="s",
            ),
            _lines(
                "Win rate",
                "Newest evaluation against each opponent.",
                metric(m.RUN_WIN_RATE),
                "{{opponent}}",
                "opponent",
                unit="percentunit",
                highest=1,
            ),
            _lines(
                "Elo",
                "Fitted to all results so far.",
                metric(m.RUN_ELO),
                "{{opponent}}",
                "opponent",
            ),
            _lines(
                "Age of the newest checkpoint",
                "What a crash would lose.",
                "",
                "age",
                unit="s",
                expression=_AGE,
            ),
        ),
    )


def _run_conditions() -> Row:
    return Row(
        "Conditions",
        (
            Panel(
                "What should hold",
                "Gaps: not known, or not asked for.",
                (Query(newest(metric(m.RUN_CONDITION, type=f"~{_GOOD}"), "type"), "{{type}}"),),
                kind="state-timeline",
                width=16,
                height=9,
                words=_HOLDS,
            ),
            Panel(
                "What should not",
                "ScalingLimited alone is no harm.",
                (Query(newest(metric(m.RUN_CONDITION, type=f"~{_BAD}"), "type"), "{{type}}"),),
                kind="state-timeline",
                height=9,
                words=_TROUBLE,
            ),
        ),
    )


def _run_players() -> Row:
    """From the pods themselves: what the operator does not tell of each."""
    return Row(
        "Inside the actors",
        (
            Panel(
                "Games running",
                "Of each actor; wanted is spec.actor.gamesPerActor.",
                (
                    Query(metric(m.GAMES_RUNNING), "{{pod}}"),
                    Query(f"max({metric(m.GAMES_WANTED)})", "wanted"),
                ),
            ),
            Panel(
                "Decisions per second",
                "Answered, of each pod.",
                (Query(f"rate({metric(m.DECISIONS)}{_EVERY})", "{{pod}}"),),
                unit="ops",
            ),
            Panel(
                "Forward passes",
                "Median and 99th percentile, over all actors.",
                _quantiles(m.INFERENCE_SECONDS),
                unit="s",
            ),
            Panel(
                "Decisions that shared a pass",
                "More is cheaper; 1 means that games come singly.",
                (Query(_quantile(0.5, m.INFERENCE_BATCH), "median"),),
            ),
            Panel(
                "Failures of daemons",
                "Per second: lost, or refused.",
                (Query(f"sum by (kind) (rate({metric(m.DAEMON_ERRORS)}{_EVERY}))", "{{kind}}"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Held back for Redis",
                "Transitions in the actors' spools; 0 while Redis answers.",
                (Query(metric(m.SPOOLED), "{{pod}}"),),
                stacked=True,
            ),
        ),
    )


def _run_searches() -> Row:
    """Of AlphaZero, from its self-play workers."""
    valued = f"sum by (by) (rate({metric(m.SEARCH_POSITIONS)}{_EVERY}))"
    answered = metric(m.SEARCH_POSITIONS, by="~network|server")
    own = metric(m.SEARCH_POSITIONS, by="network")
    return Row(
        "Inside the searches (AlphaZero)",
        (
            Panel(
                "Simulations per second",
                "Descents into trees, of each worker.",
                (Query(f"rate({metric(m.SIMULATIONS)}{_EVERY})", "{{pod}}"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Positions by what valued them",
                "Per second: a worker's own network, its cache, or an inference server.",
                (Query(valued, "{{by}}"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Valued by the workers themselves",
                "Of the positions that no cache knew; with inference servers it should be none.",
                (
                    Query(
                        f"sum(rate({own}{_EVERY})) / (sum(rate({answered}{_EVERY})) > 0)",
                        "own network",
                    ),
                ),
                unit="percentunit",
                highest=1,
            ),
        ),
    )


def _run_servers() -> Row:
    """Of AlphaZero with ``spec.inference``."""
    return Row(
        "Inference servers (AlphaZero)",
        (
            Panel(
                "Servers",
                "What is asked for, what answers, and the most that there may be.",
                (
                    Query(
                        newest(metric(m.RUN_MEMBERS, role="inference", state="desired")), "desired"
                    ),
                    Query(newest(metric(m.RUN_MEMBERS, role="inference", state="ready")), "ready"),
                    Query(newest(metric(m.RUN_MEMBERS_MOST, role="inference")), "at most"),
                ),
            ),
            _lines(
                "Batches that a request waits for",
                "Of the slowest server, 95th percentile; above 2 one more is wanted.",
                metric(m.RUN_SERVER_WAIT),
                "batches",
            ),
            Panel(
                "Waits and batches",
                "Of requests until their batch begins, and of batches until their answers.",
                (
                    Query(_quantile(0.5, m.SERVER_WAIT_SECONDS), "wait, median"),
                    Query(_quantile(0.95, m.SERVER_WAIT_SECONDS), "wait, 95th percentile"),
                    Query(_quantile(0.5, m.SERVER_BATCH_SECONDS), "batch, median"),
                ),
                unit="s",
            ),
            Panel(
                "Positions per second",
                "Answered, of each server; uneven lines: workers stay with one server.",
                (Query(metric(m.SERVER_POSITIONS_PER_SECOND), "{{pod}}"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Full batches",
                "Mean positions of a batch, as a part of the largest one.",
                (Query(metric(m.SERVER_FILL), "{{pod}}"),),
                unit="percentunit",
                highest=1,
            ),
            Panel(
                "Positions of a batch",
                "Over all servers; few of them leave a GPU idle.",
                _quantiles(m.SERVER_BATCH_ROWS),
            ),
            Panel(
                "Answered by",
                "Positions per second: the network, or the server's cache.",
                (Query(f"sum by (by) (rate({metric(m.SERVER_POSITIONS)}{_EVERY}))", "{{by}}"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Searches connected",
                "To each server.",
                (Query(metric(m.SERVER_CONNECTIONS), "{{pod}}"),),
                stacked=True,
            ),
            Panel(
                "Failures of servers",
                "Per second, by kind; the servers' logs say more.",
                (Query(f"sum by (kind) (rate({metric(m.SERVER_FAILURES)}{_EVERY}))", "{{kind}}"),),
                unit="ops",
                stacked=True,
            ),
        ),
    )


def _run_learner() -> Row:
    return Row(
        "Inside the learner",
        (
            _lines(
                "Loss",
                "Latest value of each term, and of what is told beside it.",
                metric(m.LOSS),
                "{{term}}",
                "term",
            ),
            Panel(
                "Duration of updates",
                "Median and 99th percentile.",
                _quantiles(m.UPDATE_SECONDS),
                unit="s",
            ),
            _lines("Trained", "Transitions per second.", metric(m.TRAINED_PER_SECOND), "trained"),
            Panel(
                "Skipped steps and dead letters",
                "Both should stay where they are.",
                (
                    Query(newest(metric(m.SKIPPED_STEPS)), "skipped steps"),
                    Query(newest(metric(m.DEAD_LETTERS)), "dead letters"),
                ),
            ),
            _lines(
                "Time of the newest checkpoint",
                "How long it took, beside the training.",
                metric(m.CHECKPOINT_SECONDS),
                "seconds",
                unit="s",
            ),
            _lines(
                "Size of the newest checkpoint",
                "In bytes.",
                metric(m.CHECKPOINT_BYTES),
                "bytes",
                unit="bytes",
            ),
        ),
    )


def _operator() -> Board:
    """The operator itself."""
    return Board(
        "operator",
        "TrainingRun / Operator",
        "The operator: how much it has to do, how quickly it does it, and what holds it up.",
        variables=(),
        rows=(
            _operator_now(),
            _operator_work(),
            _operator_api(),
        ),
    )


def _operator_now() -> Row:
    return Row(
        "Now",
        (
            _stat("Runs", "TrainingRuns known.", f"max({plain(m.RUNS)})"),
            _stat("Objects", "Objects of runs in the cache.", f"max({plain(m.OBJECTS)})"),
            _stat("Operators", "Processes that can be scraped.", f"count({plain(m.RUNS)})"),
            _stat(
                "Leaders", "Operators that work; one, but for moments.", f"sum({plain(m.LEADING)})"
            ),
            _stat(
                "Event loop late",
                "Above a second it does too much at once.",
                f"max({plain(m.LOOP_LAG)})",
                unit="s",
                red_above=1,
            ),
        ),
    )


def _operator_work() -> Row:
    return Row(
        "Work",
        (
            Panel(
                "Looks at runs per second",
                "By result.",
                (_rates(m.RECONCILES, "result"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Duration of a look",
                "Median and 99th percentile.",
                _quantiles(m.RECONCILE_SECONDS),
                unit="s",
            ),
            Panel(
                "Runs that wait for a look",
                "Due and not begun; resting ones are looked at rarely.",
                (
                    Query(f"max({plain(m.QUEUE_RUNS)})", "waiting"),
                    Query(f"max({plain(m.RESTING)})", "resting"),
                ),
            ),
            Panel(
                "Oldest look",
                "For how long it has been due, or under way.",
                (Query(f"max({plain(m.QUEUE_OLDEST)})", "oldest"),),
                unit="s",
            ),
            Panel(
                "Actions per second",
                "What decisions had done.",
                (_rates(m.ACTIONS, "action"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Event loop late",
                "Of each process.",
                (Query(plain(m.LOOP_LAG), "{{pod}}"),),
                unit="s",
            ),
        ),
    )


def _operator_api() -> Row:
    return Row(
        "The API server",
        (
            Panel(
                "Requests per second",
                "Without watches; 0 is no answer.",
                (_rates(m.API_REQUESTS, "verb", "code"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Duration of requests",
                "Median and 99th percentile, without the client's own limit.",
                _quantiles(m.API_SECONDS),
                unit="s",
            ),
            Panel(
                "Requests held back",
                "Seconds of waiting per second, by the client's own limit:"
                " raise requests.perSecond where it stays above 0.",
                (Query(f"rate({plain(m.THROTTLED)}{_EVERY})", "{{pod}}"),),
                unit="s",
            ),
            Panel(
                "Statuses per second",
                "Written, stale (tried again), or later (counters alone).",
                (_rates(m.STATUS_WRITES, "result"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Quietest watch",
                "Since it last heard from the API server.",
                (Query(plain(m.WATCH_AGE), "{{pod}}"),),
                unit="s",
            ),
            Panel(
                "Failed parts",
                "Watches and loops that failed and were started again, per second.",
                (_rates(m.PART_FAILURES, "part"),),
                unit="ops",
            ),
        ),
    )


def _stat(
    title: str, text: str, expression: str, *, unit: str = "short", red_above: float | None = None
) -> Panel:
    return Panel(
        title,
        text,
        (Query(expression),),
        kind="stat",
        width=4,
        height=4,
        unit=unit,
        red_above=red_above,
    )


def _lines(
    title: str,
    text: str,
    selector: str,
    legend: str,
    *labels: str,
    unit: str = "short",
    stacked: bool = False,
    highest: float | None = None,
    expression: str = "",
) -> Panel:
    query = Query(expression or newest(selector, *labels), legend)
    return Panel(title, text, (query,), unit=unit, stacked=stacked, highest=highest)


def _quantile(part: float, of: Metric) -> str:
    selector = metric(of, "_bucket") if is_of_run(of) else plain(of, "_bucket")
    return f"histogram_quantile({part}, sum by (le) (rate({selector}{_EVERY})))"


def _quantiles(of: Metric) -> tuple[Query, Query]:
    return Query(_quantile(0.5, of), "median"), Query(_quantile(0.99, of), "99th percentile")


def _rates(of: Metric, *labels: str) -> Query:
    """How often each kind happens, over all processes; not for metrics of runs."""
    legend = " ".join(f"{{{{{label}}}}}" for label in labels)
    return Query(f"sum by ({', '.join(labels)}) (rate({plain(of)}{_EVERY}))", legend)


def _rate(selector: str, label: str) -> str:
    return newest(f"rate({selector}{_EVERY})", label)


def _grown(fate: str, span: str) -> str:
    """By how many transitions this fate has grown within ``span``, whoever counts them."""
    now = metric(m.RUN_TRANSITIONS, fate=fate)
    return f"{newest(now)} - min by (namespace, run) (min_over_time({now}[{span}]))"
