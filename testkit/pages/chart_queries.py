"""What the chart's dashboards and alerts ask Prometheus for: each metric with its labels.

They are searched for in what real processes serve, so that a label that no one gives is found out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from testkit.tree import CHART

_SELECTOR = re.compile(r"(?<![:\w])(trainingrun_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
_OF_THE_PAGE = {"namespace", "run"}


@dataclass(frozen=True)
class Selector:
    """A metric and what its labels must match, as regular expressions."""

    name: str
    labels: tuple[tuple[str, str], ...]

    def matches(self, name: str, labels: dict[str, str]) -> bool:
        """Whether a sample is one that is asked for."""
        return name == self.name and all(
            re.fullmatch(pattern, labels.get(label, "")) for label, pattern in self.labels
        )


def selectors() -> set[Selector]:
    """Those of all expressions, without the choice of a page's user."""
    return {
        Selector(name, tuple(_labels(matchers)))
        for expression in _expressions()
        for name, matchers in _SELECTOR.findall(expression)
    }


def _labels(matchers: str) -> Iterator[tuple[str, str]]:
    for label, operator, value in _MATCHER.findall(matchers):
        if label not in _OF_THE_PAGE:
            yield label, value if operator == "=~" else re.escape(value)


def _expressions() -> Iterator[str]:
    for file in sorted(CHART.glob("dashboards/*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            yield from (target["expr"] for target in panel.get("targets", ()))
    for group in yaml.safe_load((CHART / "rules" / "trainingrun.yaml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def unanswered(samples: Iterable[Any], asked: Iterable[Selector]) -> list[Selector]:
    """The selectors that no sample (of ``prometheus_client``) matches."""
    served = [(each.name, each.labels) for each in samples]
    return sorted((one for one in asked if not any(one.matches(*each) for each in served)), key=str)
