"""Decks that a run brings itself, before anything is started: the real program on files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

RUN = """\
apiVersion: trainingrun.dev/v1alpha1
kind: TrainingRun
metadata:
  name: small
spec:
  games: 10
  decks:
    - name: burn
      inline: |
        20 Mountain
        40 Lightning Bolt (M11) 149
    - name: lions
      configMapKeyRef:
        name: mine
        key: lions.txt
"""
LISTS = """\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: mine
data:
  lions.txt: |
    24 Plains
    36 Savannah Lions
"""


@pytest.fixture
def write(shell: Any) -> Any:
    """Writes the file of the run."""

    def written(text: str) -> str:
        (shell.folder / "run.yaml").write_text(text)
        return "run.yaml"

    return written


def test_lists_and_config_maps_in_one_file(shell: Any, write: Any) -> None:
    """Expect the manifests to hold both lists, as daemons read them."""
    file = write(RUN + LISTS)
    assert shell.run("validate", "-f", file).code == 0
    documents = list(yaml.safe_load_all(shell.run("render", "-f", file).out))
    [decks] = [each for each in documents if each["metadata"]["name"] == "small-decks"]
    assert decks["data"] == {
        "burn.dck": "[metadata]\nName=burn\n\n[Main]\n20 Mountain\n40 Lightning Bolt\n",
        "lions.dck": "[metadata]\nName=lions\n\n[Main]\n24 Plains\n36 Savannah Lions\n",
    }


def test_a_config_map_that_is_not_in_the_file(shell: Any, write: Any) -> None:
    """Expect it to be valid for a cluster, and to be asked for on this machine."""
    file = write(RUN)
    assert shell.run("validate", "-f", file).code == 0
    answer = shell.run("local", "-f", file, "--plain")
    assert (answer.code, answer.errors) == (
        2,
        [
            "trainingrun: run.yaml: spec.decks[1].configMapKeyRef: there are no ConfigMaps on this"
            " machine: put ConfigMap mine into the file behind a line ---, or the list into inline"
        ],
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            RUN.replace("40 Lightning", "Lightning"),
            "decks[0].inline: deck burn, line 2: 'Lightning",
        ),
        (
            RUN + LISTS.replace("24 Plains", "Plains"),
            "ConfigMap mine/lions.txt: deck lions, line 1",
        ),
        (RUN + LISTS.replace("lions.txt", "x"), "ConfigMap mine has no entry lions.txt of text"),
        (RUN + LISTS.replace("ConfigMap", "Secret"), "holds 2 documents"),
        (RUN + "---\n" + RUN, "holds 2 documents"),
        (LISTS + LISTS, "run.yaml: empty"),
        (RUN + "  daemon: {external: {endpoints: ['a:1']}}", "hold their decks themselves"),
    ],
)
def test_what_is_refused(shell: Any, write: Any, text: str, words: str) -> None:
    """Expect one sentence and exit code 2, here and for a run on this machine."""
    file = write(text)
    for verb in (("validate",), ("local", "--plain")):
        answer = shell.run(*verb, "-f", file)
        assert answer.code == 2
        assert len(answer.errors) == 1
        assert words in answer.errors[0]


def test_a_file_for_kubectl_is_not_submitted(shell: Any, write: Any) -> None:
    """Expect to be sent to what would create the ConfigMap too."""
    answer = shell.run("submit", "-f", write(RUN + LISTS), "--state", ".trainingrun")
    assert answer.code == 2
    assert "holds ConfigMap mine beside the TrainingRun, which kubectl apply" in answer.errors[0]
