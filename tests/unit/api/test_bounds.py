"""Documents that are too deep or too large are refused in a sentence, before they are copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from trainingrun_api.bounds import TEMPLATE_BYTES, TEMPLATE_LEVELS
from trainingrun_api.resource import SpecError
from trainingrun_api.run import parse
from trainingrun_api.spec import TEMPLATE_PATHS
from trainingrun_reconciler.roles import ROLES


def nested(levels: int) -> Any:
    """An object of this many levels; made without recursion, as it must be read."""
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
    """What is reported of it."""
    with pytest.raises(SpecError) as caught:
        parse(given)
    return str(caught.value)


def test_a_template_at_the_bound_is_taken() -> None:
    """Both bounds are far above what a pod has."""
    parse(document(actor={"template": {"spec": nested(TEMPLATE_LEVELS - 1)}}))
    parse(document(actor={"template": {"spec": {"a": "x" * (TEMPLATE_BYTES - 100)}}}))


@pytest.mark.parametrize("levels", [TEMPLATE_LEVELS + 1, 960, 9_000, 200_000])
@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("spec.actor.template", lambda deep: {"actor": {"template": deep}}),
        ("spec.evaluator.template", lambda deep: {"evaluator": {"template": deep}}),
        ("spec.redis.managed.template", lambda deep: {"redis": {"managed": {"template": deep}}}),
    ],
)
def test_a_deep_template_is_refused_with_its_path(
    levels: int, path: str, section: Callable[[Any], dict[str, Any]]
) -> None:
    """However deep: a recursion would end the process that reads it."""
    told = refusal(document(**section(nested(levels))))
    assert told.startswith(f"{path}: is nested deeper than 32 levels")


def test_large_templates_are_refused_together() -> None:
    """Of all roles, because the operator keeps all of them; one that is too large has its path."""
    half = {"metadata": {"annotations": {"a": "x" * (TEMPLATE_BYTES // 2)}}}
    told = refusal(document(actor={"template": half}, daemon={"template": half}))
    assert told.startswith("spec: its templates have more than 65536 bytes")
    whole = {"metadata": {"annotations": {"a": "x" * TEMPLATE_BYTES}}}
    told = refusal(document(learner={"template": whole}))
    assert told.startswith("spec.learner.template: has more than 65536 bytes")


def test_every_template_is_bounded() -> None:
    """Expect each role that has pods, found in the models themselves."""
    assert TEMPLATE_PATHS == (
        ("daemon", "template"),
        ("actor", "template"),
        ("learner", "template"),
        ("inference", "template"),
        ("evaluator", "template"),
        ("redis", "managed", "template"),
    )
    assert {f"spec.{'.'.join(path)}" for path in TEMPLATE_PATHS} == {
        each.template_path for each in ROLES
    }


def test_depth_elsewhere_is_refused_too() -> None:
    """No valid field is so deep; what is unknown is not read, but it is walked through."""
    assert "nested too deep" in refusal({**document(), "more": nested(5_000)})
    assert "nested too deep" in refusal(document(decks=nested(5_000)))


def test_managed_fields_do_not_count() -> None:
    """They are the API server's, and no one reads them."""
    given = document()
    given["metadata"]["managedFields"] = [nested(5_000)]
    assert parse(given).spec.games == 100


def test_aliases_that_stand_for_very_much_cost_little() -> None:
    """YAML's aliases make one value stand in many places: the walk ends at the bound."""
    bomb: Any = ["x"] * 10
    for _ in range(8):
        bomb = [bomb] * 10
    assert "too large" in refusal(document(decks=bomb))
