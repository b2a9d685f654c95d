"""spot_fleet.json: the shape that AWS documents, and what makes a fleet outlive interruptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.model import ServiceModel, Shape
from botocore.session import Session
from botocore.validate import ParamValidator


@pytest.fixture(scope="module")
def fleet(aws: Path) -> dict[str, Any]:
    """The request."""
    found: dict[str, Any] = json.loads((aws / "spot_fleet.json").read_text())
    return found


@pytest.fixture(scope="module")
def ec2() -> ServiceModel:
    """EC2 as the pinned SDK describes it."""
    return Session().get_service_model("ec2")


def wrong_values(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Values of closed sets that are not in them, which the SDK itself leaves to the server."""
    if shape.type_name == "structure":
        for key, each in value.items():
            yield from wrong_values(shape.members[key], each, f"{path}.{key}")
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield from wrong_values(shape.member, each, f"{path}[{number}]")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}={value}"


def test_has_the_documented_shape(fleet: dict[str, Any], ec2: ServiceModel) -> None:
    """Expect no unknown field, no wrong type, and no value that EC2 does not know."""
    shape = ec2.operation_model("RequestSpotFleet").input_shape
    request = {"SpotFleetRequestConfig": fleet}
    assert ParamValidator().validate(request, shape).generate_report() == ""
    assert list(wrong_values(shape, request, "")) == []


def test_the_comparison_finds_unknown_fields_and_values(
    fleet: dict[str, Any], ec2: ServiceModel
) -> None:
    """Expect both to be reported."""
    shape = ec2.operation_model("RequestSpotFleet").input_shape
    wrong = {"SpotFleetRequestConfig": {**fleet, "Zone": "a", "AllocationStrategy": "best"}}
    assert "Zone" in ParamValidator().validate(wrong, shape).generate_report()
    del wrong["SpotFleetRequestConfig"]["Zone"]
    assert list(wrong_values(shape, wrong, "")) == [
        ".SpotFleetRequestConfig.AllocationStrategy=best"
    ]


def test_is_spread_and_has_an_on_demand_part(fleet: dict[str, Any]) -> None:
    """Expect every type in every zone, by capacity, and machines that are never taken away."""
    assert fleet["AllocationStrategy"] == "capacityOptimized"
    assert 0 < fleet["OnDemandTargetCapacity"] < fleet["TargetCapacity"]
    (config,) = fleet["LaunchTemplateConfigs"]
    pairs = {(each["InstanceType"], each["SubnetId"]) for each in config["Overrides"]}
    types, subnets = {each for each, _ in pairs}, {each for _, each in pairs}
    assert len(types) >= 3
    assert len(subnets) >= 3
    assert len(pairs) == len(types) * len(subnets)
    assert "SpotPrice" not in json.dumps(fleet)
