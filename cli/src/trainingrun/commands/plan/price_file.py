"""The files that a plan is made from: prices, the shipped ones or the user's, and engine rates."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from trainingrun.commands.document import loaded
from trainingrun.commands.errors import UserError
from trainingrun.estimate.engine_rates import EngineRates, engine_rates
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.prices import PriceList, price_list
from trainingrun.estimate.search_rates import SearchRates, search_rates

SHIPPED: Final = "prices.yaml"
_RATES: Final = "engine_rates.yaml"
_SEARCHES: Final = "search_rates.yaml"


def read_prices(file: Path | None) -> PriceList:
    """Return the prices of a file; without one those that come with the operator.

    Raises:
        UserError: it cannot be read, or is no price list.
    """
    name = where(file)
    try:
        document: Any = next(loaded(_text(file), where=name), None)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" at line {mark.line + 1}"
        raise UserError(f"{name}: not valid YAML{place}: correct it there") from error
    if not isinstance(document, dict):
        raise UserError(
            f"{name}: not a price list: expected asOf and providers"
            " (trainingrun plan --show-prices prints one)"
        )
    try:
        return price_list(_with_text_date(document), where=name)
    except PlanError as error:
        raise UserError(str(error)) from error


@cache
def read_engine_rates() -> EngineRates:
    """Return what games cost the reference engine, as it was measured.

    Raises:
        UserError: the file that comes with the operator is damaged.
    """
    text = (files("trainingrun.estimate") / _RATES).read_text()
    try:
        return engine_rates(_with_text_date(yaml.safe_load(text)))
    except (yaml.YAMLError, PlanError) as error:
        raise UserError(f"{_RATES}: {error}: install the package again") from error


@cache
def read_search_rates() -> SearchRates:
    """Return what games cost who plays them itself, as it was measured.

    Raises:
        UserError: the file that comes with the operator is damaged.
    """
    text = (files("trainingrun.estimate") / _SEARCHES).read_text()
    try:
        return search_rates(_with_text_date(yaml.safe_load(text)))
    except (yaml.YAMLError, PlanError) as error:
        raise UserError(f"{_SEARCHES}: {error}: install the package again") from error


def shipped_text() -> str:
    """Return the price file that comes with the operator, as it stands."""
    return (files("trainingrun.estimate") / SHIPPED).read_text()


def where(file: Path | None) -> str:
    """Return the file's name, for sentences."""
    return SHIPPED if file is None else str(file)


def _text(file: Path | None) -> str:
    if file is None:
        return shipped_text()
    try:
        return file.read_text()
    except FileNotFoundError as error:
        raise UserError(
            f"{file}: no such file: leave --prices out, or write one"
            " (trainingrun plan --show-prices > prices.yaml)"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read as a text: give a YAML file") from error


def _with_text_date(document: dict[str, Any]) -> dict[str, Any]:
    """YAML makes a date of ``2026-11-22`` and leaves ``"2026-11-22"`` a text; both may be."""
    given = document.get("asOf")
    return {**document, "asOf": given.isoformat()} if isinstance(given, date) else document
