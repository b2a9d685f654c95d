"""What Grafana dashboards are made of: panels, rows, variables, and a page that lays them out.

Only what our dashboards use. Expressions name metrics through the registry, so that none can be
misspelt; a metric is written ``metric(NAME, role="learner")`` and gets the page's filter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trainingrun_contracts.metrics import Metric, Server

Json = dict[str, Any]

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
WIDTH: Final = 24
SCHEMA: Final = 39
"""Version of Grafana's dashboard format; newer servers read older ones."""
FILTER: Final = 'namespace=~"$namespace",run=~"$run"'
LEAGUE_FILTER: Final = 'namespace=~"$namespace",league=~"$league"'


@dataclass(frozen=True)
class Query:
    """One expression and how its series are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel: ``kind`` is Grafana's (timeseries, stat, table, state-timeline)."""

    title: str
    text: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 8
    height: int = 8
    stacked: bool = False
    highest: float | None = None
    red_above: float | None = None
    words: tuple[tuple[str, str, str], ...] = ()
    """Values that stand for words: value, word, colour."""


@dataclass(frozen=True)
class Row:
    """A heading and the panels under it."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A choice at the top of the page, from the values that a label has."""

    name: str
    label: str
    query: str
    multiple: bool = True


@dataclass(frozen=True)
class Board:
    """A dashboard: ``name`` is the file's and the end of its address."""

    name: str
    title: str
    text: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]

    def shows(self, of: Metric) -> bool:
        """Whether an expression asks for the metric."""
        pattern = re.compile(rf"\b{of.name}(_bucket)?\b")
        queries = (query for row in self.rows for each in row.panels for query in each.queries)
        return any(pattern.search(query.expression) for query in queries)


def is_of_run(of: Metric) -> bool:
    """Whether it has the labels namespace and run: its own ones, or those of its scraped pod."""
    return not {Server.OPERATOR, Server.LEAGUE, Server.LEAGUES} & set(of.servers)


def of_league(of: Metric, suffix: str = "", **labels: str) -> str:
    """As ``metric``, of leagues: the label is the metric's own, or that of its scraped pod."""
    return f"{of.name}{suffix}{{{','.join((LEAGUE_FILTER, *_matchers(of, labels)))}}}"


def metric(of: Metric, suffix: str = "", **labels: str) -> str:
    """The selector of a metric of runs, within the page's filter; a value may be a ``~regex``."""
    return f"{of.name}{suffix}{{{','.join((FILTER, *_matchers(of, labels)))}}}"


def plain(of: Metric, suffix: str = "", **labels: str) -> str:
    """The selector of a metric that is not of a run (``suffix``: a histogram's ``_bucket``)."""
    matchers = ",".join(_matchers(of, labels))
    return f"{of.name}{suffix}" + (f"{{{matchers}}}" if matchers else "")


def _matchers(of: Metric, labels: Mapping[str, str]) -> Iterator[str]:
    for label, value in labels.items():
        if label not in of.labels:
            raise ValueError(f"{of.name} has no label {label}")
        operator = "=~" if value.startswith("~") else "="
        yield f'{label}{operator}"{value.removeprefix("~")}"'


def newest(expression: str, *labels: str) -> str:
    """One series for each run (and ``labels``), however many operators tell of it."""
    return f"max by ({', '.join(('namespace', 'run', *labels))}) ({expression})"


def page(board: Board) -> Json:
    """The dashboard as Grafana reads it."""
    return {
        "uid": f"trainingrun-{board.name}",
        "title": board.title,
        "description": board.text,
        "tags": ["trainingrun"],
        "editable": True,
        "schemaVersion": SCHEMA,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "",
        "graphTooltip": 1,
        "links": [
            {
                "type": "dashboards",
                "title": "TrainingRun",
                "tags": ["trainingrun"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "annotations": {"list": []},
        "templating": {"list": [_datasource(), *(_variable(each) for each in board.variables)]},
        "panels": list(_laid_out(board.rows)),
    }


def _datasource() -> Json:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }


def _variable(variable: Variable) -> Json:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": variable.query, "refId": variable.name},
        "definition": variable.query,
        "current": {"text": ["All"], "value": ["$__all"]} if variable.multiple else {},
        "includeAll": variable.multiple,
        "allValue": ".*" if variable.multiple else None,
        "multi": variable.multiple,
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "options": [],
        "regex": "",
    }


def _laid_out(rows: Iterable[Row]) -> Iterator[Json]:
    """Panels from left to right, on a new line where one does not fit."""
    number, top = 1, 0
    for row in rows:
        place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        number, top, left, line = number + 1, top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > WIDTH:
                left, top, line = 0, top + line, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            number, left, line = number + 1, left + panel.width, max(line, panel.height)
        top += line


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": DATASOURCE,
        "targets": [
            _target(query, chr(ord("A") + place), table=panel.kind == "table")
            for place, query in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
        **({"transformations": _joined(panel)} if panel.kind == "table" else {}),
    }


def _target(query: Query, reference: str, *, table: bool) -> Json:
    return {
        "refId": reference,
        "datasource": DATASOURCE,
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "instant": table,
        "range": not table,
        "format": "table" if table else "time_series",
    }


def _field(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.red_above is not None:
        steps.append({"color": "red", "value": panel.red_above})
    field: Json = {
        "unit": panel.unit,
        "min": None if panel.kind in {"table", "state-timeline"} else 0,
        "max": panel.highest,
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": [
            {"type": "value", "options": {value: {"text": word, "color": colour}}}
            for value, word, colour in panel.words
        ],
    }
    if panel.kind == "timeseries":
        field["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stacked else 5,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
    return {key: value for key, value in field.items() if value is not None}


def _options(panel: Panel) -> Json:
    match panel.kind:
        case "timeseries":
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        case "stat":
            return {
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value",
                "graphMode": "area",
                "textMode": "auto",
            }
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}
        case _:
            return {"showValue": "never", "mergeValues": True, "rowHeight": 0.9}


def _joined(panel: Panel) -> list[Json]:
    """One line for each run, one column for each query, called by its legend."""
    columns = {
        f"Value #{chr(ord('A') + place)}": query.legend for place, query in enumerate(panel.queries)
    }
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": columns}},
    ]
