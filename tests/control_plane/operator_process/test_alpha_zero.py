"""A run of AlphaZero on a real API server: its children, and what a change of it replaces."""

from __future__ import annotations

from typing import Any, Final

from testkit.operator.operator_process import Trainer

SERVED: Final[dict[str, Any]] = {
    "decks": [],
    "daemon": {},
    "environment": {"builtIn": {"name": "connect_four"}},
    "algorithm": {"alphaZero": {}},
    "actor": {"replicas": 2},
    "selfPlay": {},
    "learner": {"batchTransitions": 1024},
    "evaluation": {"opponents": ["random", "mcts-100"]},
    "stopWhen": {"winRate": 0.99},
    "inference": {"gpus": 1},
}
MADE: Final = "deployments,jobs,services,networkpolicies,poddisruptionbudgets"


def children(trainer: Trainer, name: str) -> dict[str, dict[str, Any]]:
    """Kind and name of each child, and the child."""
    found = trainer.objects(MADE, name)
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


def template_of(deployment: dict[str, Any]) -> dict[str, Any]:
    """The template of its pods."""
    found: dict[str, Any] = deployment["spec"]["template"]
    return found


def test_a_run_has_workers_and_servers_in_the_place_of_daemons(trainer: Trainer) -> None:
    """With their images, their GPUs, and the one way to a server."""
    trainer.start("searched", **SERVED)
    trainer.wait_for("searched", "Ready")
    made = children(trainer, "searched")
    assert set(made) == {
        "Deployment/searched-selfplay",
        "Deployment/searched-inference",
        "Deployment/searched-evaluator",
        "Job/searched-learner",
        "NetworkPolicy/searched-selfplay",
        "NetworkPolicy/searched-inference",
        "NetworkPolicy/searched-evaluator",
        "NetworkPolicy/searched-learner",
    }
    assert made["Deployment/searched-selfplay"]["spec"]["replicas"] == 2
    (worker,) = template_of(made["Deployment/searched-selfplay"])["spec"]["containers"]
    assert worker["command"] == ["trainingrun-actor", "selfplay"]
    assert "trainingrun-search" in worker["image"]
    (server,) = template_of(made["Deployment/searched-inference"])["spec"]["containers"]
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "1"
    (rule,) = made["NetworkPolicy/searched-inference"]["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [17172]


def test_a_change_of_the_search_replaces_who_searches(trainer: Trainer) -> None:
    """And leaves the learner and the servers as they are."""
    trainer.start("tuned", **SERVED)
    trainer.wait_for_members("tuned")
    before = children(trainer, "tuned")
    trainer.patch("tuned", '{"algorithm": {"alphaZero": {"search": {"simulations": 200}}}}')

    def changed() -> set[str]:
        now = children(trainer, "tuned")
        return {
            name
            for name, each in before.items()
            if name.startswith(("Deployment", "Job"))
            and template_of(now[name]) != template_of(each)
        }

    trainer.wait_until(lambda: len(changed()) == 2)
    assert changed() == {"Deployment/tuned-selfplay", "Deployment/tuned-evaluator"}
