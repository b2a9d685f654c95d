"""Documents that are too deep or too large are refused in a sentence, before they are copied."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.bounds import OVERRIDE_BYTES, OVERRIDE_LEVELS
from trainingrun_api.run import SpecError, parse


def nested(levels: int) -> Any:
    """An object of so many levels; made without recursion, as it must be read."""
    found: Any = "x"
    for _ in range(levels):
        found = {"a": found}
    return found


def document(**spec: Any) -> dict[str, Any]:
    """A run."""
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "quick"},
        "spec": {"games": 100, "decks": [{"name": "red_aggro"}], **spec},
    }


def refusal(given: dict[str, Any]) -> str:
    """What is told of it."""
    with pytest.raises(SpecError) as caught:
        parse(given)
    return str(caught.value)


def test_an_override_at_the_bound_is_taken() -> None:
    """Both bounds are far above what a pod has."""
    parse(document(podTemplate={"actor": nested(OVERRIDE_LEVELS)}))
    parse(document(podTemplate={"actor": {"a": "x" * (OVERRIDE_BYTES - 100)}}))


@pytest.mark.parametrize("levels", [OVERRIDE_LEVELS + 1, 960, 9_000, 200_000])
def test_a_deep_override_is_refused_with_its_path(levels: int) -> None:
    """However deep: a recursion would end the process that reads it."""
    told = refusal(document(podTemplate={"actor": nested(levels)}))
    assert told.startswith("spec.podTemplate.actor: is nested deeper than 32 levels")


def test_large_overrides_are_refused_together() -> None:
    """Of all roles, because the operator keeps all of them."""
    half = {"metadata": {"annotations": {"a": "x" * (OVERRIDE_BYTES // 2)}}}
    told = refusal(document(podTemplate={"actor": half, "daemon": half}))
    assert told.startswith("spec.podTemplate: has more than 65536 bytes")


def test_depth_elsewhere_is_refused_too() -> None:
    """No valid field is so deep; what is unknown is not looked at, but it is walked through."""
    assert "nested too deep" in refusal({**document(), "more": nested(5_000)})
    assert "nested too deep" in refusal(document(decks=nested(5_000)))


def test_managed_fields_do_not_count() -> None:
    """They are the API server's, and nobody reads them."""
    given = document()
    given["metadata"]["managedFields"] = [nested(5_000)]
    assert parse(given).spec.games == 100


def test_aliases_that_stand_for_very_much_cost_little() -> None:
    """YAML's aliases make one value stand in many places: the walk ends at the bound."""
    bomb: Any = ["x"] * 10
    for _ in range(8):
        bomb = [bomb] * 10
    assert "too large" in refusal(document(decks=bomb))
