"""The verbs that only read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

LEAGUE_FILES = Path(__file__).resolve().parents[3] / "examples" / "league"
OF_A_LEAGUE = sorted(LEAGUE_FILES.glob("*.yaml"))


def save(shell: Any, status: dict[str, Any]) -> None:
    """Leave a state folder behind, as a runtime does."""
    shell.write(lambda document: document.update(status=status))
    folder = shell.folder / ".trainingrun" / "small"
    folder.mkdir(parents=True)
    (shell.folder / "run.yaml").rename(folder / "status.json")


def transitions(*, lost: int) -> dict[str, Any]:
    """A ledger of ten transitions."""
    dropped = {"stale": 1, "duplicate": 0, "poison": 0, "spool": 0}
    counts = {"produced": 10, "trained": 6, "queued": 2, "dropped": dropped, "lost": lost}
    return {"transitions": counts}


def test_version(shell: Any) -> None:
    """Expect name and version."""
    assert shell.run("--version").out.startswith("trainingrun 0.")


def test_help_has_examples(shell: Any) -> None:
    """Expect an example that can be copied."""
    assert "trainingrun local -f examples/quickstart.yaml" in shell.run("local", "--help").out


def test_valid(shell: Any) -> None:
    """Expect a word of approval."""
    answer = shell.run("validate", "-f", shell.write())
    assert (answer.code, answer.out) == (0, "run.yaml: small is valid\n")


@pytest.mark.parametrize("file", OF_A_LEAGUE, ids=lambda file: file.stem)
def test_the_files_of_a_league_are_valid(shell: Any, file: Path) -> None:
    """Expect resources of three kinds to be read, each by its own definition."""
    answer = shell.run("validate", "-f", str(file))
    assert (answer.code, answer.out) == (0, f"{file}: {file.stem} is valid\n")


@pytest.mark.parametrize(
    ("name", "before", "after", "says"),
    [
        ("league", "profile: hobby", "profile: castle", "spec.profile"),
        ("cup", "pairsPerMatch", "pairPerMatch", "spec.pairPerMatch: unknown field"),
    ],
)
def test_a_wrong_field_of_a_league_or_a_tournament_is_named(
    shell: Any, name: str, before: str, after: str, says: str
) -> None:
    """Expect the words of its own kind, not those of a run."""
    text = (LEAGUE_FILES / f"{name}.yaml").read_text()
    (shell.folder / "wrong.yaml").write_text(text.replace(before, after))
    answer = shell.run("validate", "-f", "wrong.yaml")
    assert (answer.code, len(answer.errors)) == (2, 1)
    assert says in answer.errors[0]


def test_a_change_that_weakens_a_pod_is_not_valid(shell: Any) -> None:
    """Expect one sentence with the field's path from validate and render, and exit code 2."""
    over = {"learner": {"template": {"spec": {"hostPID": True}}}}
    file = shell.write(lambda document: document["spec"].update(over))
    for verb in ("validate", "render"):
        answer = shell.run(verb, "-f", file)
        assert (answer.code, len(answer.errors)) == (2, 1)
        assert "spec.learner.template.spec.hostPID: refused, because" in answer.errors[0]


def test_render(shell: Any) -> None:
    """Expect every object of a run, and no Secret."""
    answer = shell.run("render", "-f", shell.write())
    kinds = [each["kind"] for each in yaml.safe_load_all(answer.out)]
    assert answer.code == 0
    assert {"ConfigMap", "Deployment", "Job", "StatefulSet", "Service"} <= set(kinds)
    assert "Secret" not in kinds


def test_ledger_that_closes(shell: Any) -> None:
    """Expect exit code 0."""
    save(shell, transitions(lost=1))
    answer = shell.run("ledger", "small")
    assert answer.code == 0
    assert "the ledger closes" in answer.out


def test_ledger_that_does_not_close(shell: Any) -> None:
    """Expect exit code 1, for scripts."""
    save(shell, transitions(lost=0))
    answer = shell.run("ledger", "small")
    assert answer.code == 1
    assert "does not close" in answer.out


def test_status(shell: Any) -> None:
    """Expect the state for people, and the whole object for programs."""
    save(shell, {"summary": "Training", "games": {"played": 3, "target": 10}})
    assert "3/10" in shell.run("status", "small").out
    document = json.loads(shell.run("status", "small", "-o", "json").out)
    assert document["status"]["games"]["played"] == 3


def test_unknown_run(shell: Any) -> None:
    """Expect the runs that there are."""
    save(shell, {})
    answer = shell.run("status", "big")
    assert answer.code == 2
    assert answer.errors == ["trainingrun: no local run big in .trainingrun: found: small"]


def test_a_kubeconfig_that_is_not_there_is_one_sentence(shell: Any) -> None:
    """Expect exit code 2, and the file that was searched for."""
    for verb in ("ledger", "status"):
        answer = shell.run(verb, "small", "--namespace", "x", "--kubeconfig", "nothing.yaml")
        assert answer.code == 2
        assert answer.errors == [
            "trainingrun: kubeconfig nothing.yaml: no such file: give the one that kubectl uses"
        ]


def test_a_context_means_a_cluster(shell: Any) -> None:
    """Expect exit code 2 where none is configured, not a local run of that name."""
    save(shell, transitions(lost=1))
    answer = shell.run("ledger", "small", "--context", "prod")
    assert answer.code == 2
    assert answer.errors == [
        "trainingrun: no cluster is configured: give a kubeconfig, or make kubectl work (KUBECONFIG"
        " or ~/.kube/config)"
    ]
