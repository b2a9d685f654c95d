"""The dashboard of leagues: whether they serve, what waits, models, calls, and experience."""

from __future__ import annotations

from typing import Final

from panels import Board, Panel, Query, Row, Variable, of_league
from trainingrun_contracts import metrics as m
from trainingrun_contracts.metrics import Metric

_BY_LEAGUE: Final = "{{namespace}}/{{league}}"
_EVERY: Final = "[5m]"
_BROKEN: Final = "~INTERNAL|UNAVAILABLE|UNKNOWN|DATA_LOSS"
"""Answers that are the league's fault, as the alert has them."""
_NAMESPACE: Final = Variable(
    "namespace", "Namespace", f"label_values({m.LEAGUE_CONDITION.name}, namespace)"
)
_LEAGUE: Final = Variable(
    "league",
    "League",
    f'label_values({m.LEAGUE_CONDITION.name}{{namespace=~"$namespace"}}, league)',
)


def league_board() -> Board:
    """All leagues, or those that are chosen."""
    return Board(
        "league",
        "TrainingRun / League",
        "Leagues: what serves, what waits to be played, models and their gate, and experience.",
        variables=(_NAMESPACE, _LEAGUE),
        rows=(_now(), _play(), _models(), _calls(), _replay()),
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            Panel(
                "Ready",
                "Leagues of which all services serve: `kubectl describe league`.",
                (Query(_newest(of_league(m.LEAGUE_CONDITION, type="Ready")), _BY_LEAGUE),),
                kind="state-timeline",
                words=(("0", "no", "red"), ("1", "yes", "green")),
            ),
            Panel(
                "Services",
                "That serve, of five.",
                (Query(_newest(of_league(m.LEAGUE_SERVICES)), _BY_LEAGUE),),
                highest=5,
            ),
            Panel(
                "Workers",
                "Wanted by the Matchmaker, desired within the bounds, ready, and the most.",
                (
                    Query(_newest(of_league(m.LEAGUE_WORKERS), "state"), "{{league}} {{state}}"),
                    Query(_newest(of_league(m.LEAGUE_WORKERS_MOST)), "{{league}} most"),
                ),
            ),
        ),
    )


def _play() -> Row:
    return Row(
        "Matches",
        (
            Panel(
                "Matches that are not over",
                "Open: they wait for a worker. Leased: one plays them.",
                (
                    Query(_newest(of_league(m.LEAGUE_OPEN_MATCHES)), "{{league}} open"),
                    Query(_newest(of_league(m.LEAGUE_LEASED_MATCHES)), "{{league}} leased"),
                ),
            ),
            Panel(
                "Matches a minute",
                "That workers have reported.",
                (Query(f"60 * {_rate(of_league(m.LEAGUE_REPORTED_MATCHES))}", _BY_LEAGUE),),
            ),
            Panel(
                "Players that wait",
                "And for how long the first of them has waited.",
                (
                    Query(_newest(of_league(m.LEAGUE_WAITING_PLAYERS)), "{{league}} players"),
                    Query(_newest(of_league(m.LEAGUE_OLDEST_WAIT)), "{{league}} seconds"),
                ),
            ),
            Panel(
                "Games of people and clients",
                "That are not over, and streams by which they are watched.",
                (
                    Query(_newest(of_league(m.LEAGUE_GAMES_RUNNING)), "{{league}} games"),
                    Query(_newest(of_league(m.LEAGUE_GAMES_WATCHED)), "{{league}} watched"),
                ),
            ),
            Panel(
                "Slots of its daemons",
                "Of a league whose games an engine plays: held by its games, and free.",
                (
                    Query(_newest(of_league(m.LEAGUE_DAEMON_SLOTS), "state"), "{{state}}"),
                    Query(_newest(of_league(m.LEAGUE_DAEMONS_AWAY)), "{{league}} daemons away"),
                ),
            ),
            Panel(
                "Their ends a minute",
                "By how they ended.",
                (Query(f"60 * {_rate(of_league(m.LEAGUE_GAMES_ENDED), 'phase')}", "{{phase}}"),),
            ),
        ),
    )


def _models() -> Row:
    return Row(
        "Models and ratings",
        (
            Panel(
                "Models by stage",
                "Pending ones wait for a worker to try them.",
                (Query(_newest(of_league(m.LEAGUE_MODELS), "stage"), "{{league}} {{stage}}"),),
                stacked=True,
            ),
            Panel(
                "Publications an hour",
                "By what was answered.",
                (
                    Query(
                        f"3600 * {_rate(of_league(m.LEAGUE_PUBLICATIONS), 'outcome')}",
                        "{{league}} {{outcome}}",
                    ),
                ),
            ),
            Panel(
                "Policies downloaded",
                "Bytes per second.",
                (Query(_rate(of_league(m.LEAGUE_SERVED_BYTES)), _BY_LEAGUE),),
                unit="Bps",
            ),
            Panel(
                "What ratings rest on",
                "Players that are known, and games between them.",
                (
                    Query(_newest(of_league(m.LEAGUE_PLAYERS)), "{{league}} players"),
                    Query(_newest(of_league(m.LEAGUE_RATED_GAMES)), "{{league}} games"),
                ),
            ),
            Panel(
                "A fit of all ratings",
                "99th percentile of its duration.",
                (Query(_quantile(m.LEAGUE_FIT_SECONDS), _BY_LEAGUE),),
                unit="s",
            ),
        ),
    )


def _calls() -> Row:
    broken = _rate(of_league(m.LEAGUE_CALLS, code=_BROKEN), "service")
    return Row(
        "Calls",
        (
            Panel(
                "Calls per second",
                "By service.",
                (Query(_rate(of_league(m.LEAGUE_CALLS), "service"), "{{league}} {{service}}"),),
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Calls that fail",
                "By the league's fault, per second; refusals are not among them.",
                (Query(broken, "{{league}} {{service}}"),),
                unit="ops",
                red_above=1,
            ),
            Panel(
                "Duration of calls",
                "99th percentile by method; FindMatch and streams wait by rights.",
                (Query(_quantile(m.LEAGUE_CALL_SECONDS, "method"), "{{league}} {{method}}"),),
                unit="s",
            ),
        ),
    )


def _replay() -> Row:
    return Row(
        "Experience",
        (
            Panel(
                "Experiences per second",
                "Recorded by actors, and sampled by learners.",
                (
                    Query(_rate(of_league(m.LEAGUE_REPLAY_RECORDED)), "{{league}} recorded"),
                    Query(_rate(of_league(m.LEAGUE_REPLAY_SAMPLED)), "{{league}} sampled"),
                ),
                unit="ops",
            ),
            Panel(
                "Held by the limiter",
                "Seconds of waiting per second, of writers and of readers.",
                (
                    Query(
                        _rate(of_league(m.LEAGUE_REPLAY_HELD_SECONDS), "side"),
                        "{{league}} {{side}}",
                    ),
                ),
                unit="s",
            ),
            Panel(
                "Kept",
                "Experiences that may be sampled.",
                (Query(_newest(of_league(m.LEAGUE_REPLAY_EXPERIENCES)), _BY_LEAGUE),),
            ),
            Panel(
                "Journal",
                "Its size on the disk.",
                (Query(_newest(of_league(m.LEAGUE_REPLAY_JOURNAL_BYTES)), _BY_LEAGUE),),
                unit="bytes",
            ),
            Panel(
                "Journal cannot be written",
                "Nothing is recorded meanwhile; mostly a full disk.",
                (Query(_newest(of_league(m.LEAGUE_REPLAY_JOURNAL_FAILING)), _BY_LEAGUE),),
                kind="state-timeline",
                words=(("0", "no", "green"), ("1", "yes", "red")),
            ),
            Panel(
                "Files that wait for the archive",
                "They stay on the disk until it takes them.",
                (Query(_newest(of_league(m.LEAGUE_REPLAY_FILES_UNARCHIVED)), _BY_LEAGUE),),
            ),
        ),
    )


def _newest(expression: str, *labels: str) -> str:
    """One series for each league (and ``labels``), however many pods or operators tell of it."""
    return f"max by ({_by(*labels)}) ({expression})"


def _rate(selector: str, *labels: str) -> str:
    """How often it happens, over all pods of a league."""
    return f"sum by ({_by(*labels)}) (rate({selector}{_EVERY}))"


def _quantile(of: Metric, *labels: str) -> str:
    buckets = f"sum by ({_by('le', *labels)}) (rate({of_league(of, '_bucket')}{_EVERY}))"
    return f"histogram_quantile(0.99, {buckets})"


def _by(*labels: str) -> str:
    return ", ".join(("namespace", "league", *labels))
