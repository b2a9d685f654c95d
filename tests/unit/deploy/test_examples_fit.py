"""The example for a GPU can be scheduled on the nodes that our own Terraform makes, and suits their
card."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import hcl2
import pytest
import yaml
from trainingrun_api.quantities import bytes_of

ROOT = Path(__file__).resolve().parents[3]
TERRAFORM = ROOT / "deploy" / "terraform"
EXAMPLE = ROOT / "examples" / "standard-ppo.yaml"
GIB: Final = 2**30


@dataclass(frozen=True)
class Machine:
    """What a type of machine has; ``bf16``: whether its GPU computes in it (Ampere or newer)."""

    cpus: int
    gib: float
    bf16: bool = False


# Of the providers' own lists. A type that a default names and that is missing here fails the tests.
MACHINES: Final = {
    "g4dn.xlarge": Machine(4, 16),
    "n1-standard-4": Machine(4, 15),
    "Standard_NC4as_T4_v3": Machine(4, 28),
    "m7i.large": Machine(2, 8),
    "m6i.large": Machine(2, 8),
    "n2-standard-2": Machine(2, 8),
    "Standard_D2s_v5": Machine(2, 8),
}
LEARNERS: Final = {
    "aws/eks": "learner_instance_types",
    "gcp": "learner_machine_type",
    "azure": "learner_vm_size",
}
SYSTEM: Final = {
    "aws/eks": "system_instance_types",
    "gcp": "system_machine_type",
    "azure": "system_vm_size",
}


def default(folder: str, name: str) -> list[str]:
    """What a variable of Terraform is when no one sets it."""
    with (TERRAFORM / folder / "variables.tf").open() as text:
        variables = hcl2.load(text)["variable"]
    [value] = [each[name]["default"] for each in variables if name in each]
    return list(value) if isinstance(value, list) else [value]


def allocatable(machine: Machine) -> tuple[float, float]:
    """Cores and bytes that are left to our pods on such a node.

    The largest reservations among the three providers (Google publishes its steps: a quarter of the
    first 4 GiB, a fifth of the next 4, a tenth of the next 8, 6 % above; Azure adds 750 MiB for
    evictions), and half a core and half a GiB for what runs on every node: network, device plugin.
    """
    steps = ((4.0, 0.25), (4.0, 0.2), (8.0, 0.1), (112.0, 0.06))
    left, reserved = machine.gib, 0.75 + 0.5
    for size, share in steps:
        reserved += min(left, size) * share
        left = max(0.0, left - size)
    return machine.cpus - 0.2 - 0.5, (machine.gib - reserved) * GIB


def requests_of(role: str) -> Mapping[str, Any]:
    """What the pod of a role asks for and may use, as the operator renders the example."""
    program = Path(sys.executable).with_name("trainingrun")
    done = subprocess.run(
        [program, "render", "-f", EXAMPLE], check=True, capture_output=True, text=True
    )
    pods = [
        each["spec"]["template"]["spec"]
        for each in yaml.safe_load_all(done.stdout)
        if each and "template" in each.get("spec", {})
    ]
    [container] = [
        container for pod in pods for container in pod["containers"] if container["name"] == role
    ]
    found: Mapping[str, Any] = container["resources"]
    return {**found["requests"], **found.get("limits", {})}


def cores_of(quantity: str) -> float:
    """Processors, as Kubernetes writes them."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


@pytest.mark.parametrize("folder", LEARNERS)
def test_the_learner_fits_on_a_node_with_a_gpu(folder: str) -> None:
    """Expect room on each type that may be made: a node gives its pods less than it has."""
    asked = requests_of("learner")
    for name in default(folder, LEARNERS[folder]):
        cores, memory = allocatable(MACHINES[name])
        assert cores_of(asked["cpu"]) <= cores, name
        assert bytes_of(asked["memory"]) <= memory, name
        assert int(asked["nvidia.com/gpu"]) == 1, name


@pytest.mark.parametrize("folder", SYSTEM)
def test_redis_fits_on_a_node_that_is_not_taken_away(folder: str) -> None:
    """Expect room beside two operators."""
    asked = requests_of("redis")
    for name in default(folder, SYSTEM[folder]):
        cores, memory = allocatable(MACHINES[name])
        assert cores_of(asked["cpu"]) <= cores - 0.1, name
        assert bytes_of(asked["memory"]) <= memory - 0.25 * GIB, name


@pytest.mark.parametrize("folder", LEARNERS)
def test_its_precision_is_one_that_the_card_has(folder: str) -> None:
    """Expect no bf16 where a card of before Ampere (the T4) would have to emulate it."""
    precision = yaml.safe_load(EXAMPLE.read_text())["spec"]["learner"]["precision"]
    for name in default(folder, LEARNERS[folder]):
        assert precision != "bf16" or MACHINES[name].bf16, name


def test_google_adds_the_card_that_is_reckoned_with() -> None:
    """Expect the T4, which its machine type does not name."""
    assert default("gcp", "learner_gpu") == ["nvidia-tesla-t4"]
