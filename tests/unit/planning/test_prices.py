"""The price list: what comes with the operator, what is refused, and when it is old."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun.commands.errors import UserError
from trainingrun.commands.plan.price_file import read_prices, shipped_text
from trainingrun.estimate.band import Band
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.prices import (
    OLD_DAYS,
    PriceList,
    Purchase,
    age_warning,
    chosen,
    machine_of,
    price_of,
)


def spoiled(path: str, value: Any) -> dict[str, Any]:
    """The shipped list with one field changed, or taken out with ``...``."""
    document: dict[str, Any] = copy.deepcopy(yaml.safe_load(shipped_text()))
    *parents, last = path.split("/")
    place = document
    for name in parents:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def written(folder: Path, document: Any) -> Path:
    """A price file."""
    file = folder / "prices.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return file


def test_the_shipped_list_is_sound(prices: PriceList) -> None:
    """Expect three providers, each with all of its machines, and the documents' machine."""
    assert set(prices.providers) == {"aws", "gcp", "azure"}
    machine = machine_of("aws", prices.providers["aws"], "c5.4xlarge")
    assert price_of(machine, Purchase.ON_DEMAND) == Band(0.68, 0.68, 0.68)
    for provider in prices.providers.values():
        for machine in provider.machines.values():
            spot = price_of(machine, Purchase.SPOT)
            assert spot is None or spot.high <= machine.on_demand


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("asOf", ..., "missing required field asOf"),
        ("asOf", "soon", "asOf: Invalid RFC3339 encoded date"),
        ("providers", {}, "providers: none given"),
        ("providers/aws/redis", ..., "providers[...]: Object missing required field redis"),
        ("providers/aws/learner", "h100", "providers.aws.learner: h100 is not among"),
        ("providers/aws/machines/c5.4xlarge/onDemand", -1, "onDemand: Expected float >= 0"),
        ("providers/aws/machines/c5.4xlarge/onDemand", "0.68 $", "onDemand: Expected float"),
        ("providers/aws/machines/c5.4xlarge/vcpus", 0, "vcpus: Expected float > 0"),
        ("providers/aws/machines/c5.4xlarge/price", 1, "unknown field price"),
        (
            "providers/aws/machines/c5.4xlarge/spot",
            {"low": 0.3, "likely": 0.2, "high": 0.4},
            "providers.aws.machines.c5.4xlarge.spot: low, likely and high are not in this order",
        ),
    ],
)
def test_a_spoiled_list_is_refused(tmp_path: Path, path: str, value: Any, said: str) -> None:
    """Expect the file, the field and what is wrong."""
    file = written(tmp_path, spoiled(path, value))
    with pytest.raises(UserError) as caught:
        read_prices(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not valid YAML at line 1"),
        ("- 1", "not a price list"),
        ("", "not a price list"),
        ("kind: TrainingRun", "unknown field kind"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Expect a sentence for any other file."""
    with pytest.raises(UserError, match=said):
        read_prices(written(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Expect the remedy for a file that is missing, a folder and what is no text."""
    with pytest.raises(UserError, match="no such file: leave --prices out"):
        read_prices(tmp_path / "nowhere")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for each in (tmp_path, binary):
        with pytest.raises(UserError, match="cannot be read as a text"):
            read_prices(each)


def test_a_quoted_date_is_a_date_too(tmp_path: Path) -> None:
    """Expect both spellings of a day."""
    assert read_prices(written(tmp_path, spoiled("asOf", "2026-01-02"))).as_of == date(2026, 1, 2)
    plain = spoiled("asOf", date(2026, 1, 2))
    assert read_prices(written(tmp_path, plain)).as_of == date(2026, 1, 2)


def test_old_prices_are_said_with_their_date(prices: PriceList) -> None:
    """Expect silence for ninety days, then the date, its age and the remedy."""
    day = prices.as_of + timedelta(days=OLD_DAYS)
    assert age_warning(prices, today=day, where="p") is None
    warning = age_warning(prices, today=day + timedelta(days=1), where="p")
    assert warning is not None
    assert str(prices.as_of) in warning
    assert "91 days old" in warning
    assert "--prices" in warning
    future = age_warning(prices, today=prices.as_of - timedelta(days=1), where="p")
    assert future is not None
    assert "in the future" in future


def test_names_that_have_no_price(prices: PriceList) -> None:
    """Expect what there is instead."""
    with pytest.raises(PlanError, match="oracle: it has no prices: give aws, azure, gcp or all"):
        chosen(prices, "oracle")
    assert len(chosen(prices, "all")) == 3
    with pytest.raises(PlanError, match=r"m9: no price .* known for aws: give one of c6i\.4xlarge"):
        machine_of("aws", prices.providers["aws"], "m9")
