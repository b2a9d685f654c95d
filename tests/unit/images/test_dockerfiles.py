"""The Dockerfiles as files: what every image of ours has, and has not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
from trainingrun_reconciler.manifests.probes import ALIVE_SECONDS, HEALTH_FILE

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(path.name for path in ROOT.glob("Dockerfile.*"))
IMAGES = [*FILES, "Dockerfile.actor:search", "images/Dockerfile.redis"]
ALL = [*FILES, "images/Dockerfile.redis"]
LABELS = ("title", "description", "licenses", "version", "revision", "created", "source")


@dataclass(frozen=True)
class Step:
    """One instruction with its words."""

    name: str
    words: str


def stages(file: str) -> list[list[Step]]:
    """The stages of a Dockerfile, each with its FROM first."""
    text = (ROOT / file).read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found: list[list[Step]] = []
    for line in joined.splitlines():
        name, _, words = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        if found and name:
            found[-1].append(Step(name, words.strip()))
    return found


def image(file: str) -> list[Step]:
    """The steps of an image; after a colon the stage of the file that it is, else the last one."""
    name, _, target = file.partition(":")
    found = stages(name)
    named = {words[2]: each for each in found if len(words := each[0].words.split()) == 3}
    steps = named[target] if target else found[-1]
    while (base := steps[0].words.split()[0]) in named:
        steps = [*named[base], *steps[1:]]
    return steps


def said(stage: list[Step], name: str) -> list[str]:
    """What a stage says with one instruction."""
    return [step.words for step in stage if step.name == name]


def test_there_is_one_for_each_part_that_runs() -> None:
    """Expect the five of our code, and the queue from the distribution's package."""
    parts = ["actor", "daemon", "league", "operator", "trainer"]
    assert [each.partition(".")[2] for each in FILES] == parts
    assert all((ROOT / each).is_file() for each in ALL)


@pytest.mark.parametrize("file", IMAGES)
def test_an_image_begins_from_the_base_and_installs_no_builder(file: str) -> None:
    """Expect the base by argument, and no pip, venv or compiler among what is installed."""
    name = file.partition(":")[0]
    first, last = (ROOT / name).read_text(), image(file)
    assert len(stages(name)) > 1 or name not in FILES
    assert re.search(r"^ARG BASE=docker\.io/library/debian:bookworm-slim$", first, re.MULTILINE)
    assert last[0].words.split()[0] == "${BASE}"
    for command in said(last, "RUN"):
        for word in ("pip", "venv", "gcc", "build-essential", "setuptools"):
            assert word not in command, f"{word} in {command}"
        assert "rm -rf /var/lib/apt/lists/*" in command


@pytest.mark.parametrize("file", IMAGES)
def test_an_image_runs_as_nobody_and_says_how_it_is(file: str) -> None:
    """Expect a number as user (a pod's runAsNonRoot asks for one), checks and commands as lists."""
    last = image(file)
    assert said(last, "USER") == ["10001:10001"]
    assert said(last, "STOPSIGNAL") == ["SIGTERM"]
    [command] = said(last, "CMD")
    assert all(isinstance(word, str) for word in json.loads(command))
    [check] = said(last, "HEALTHCHECK")
    assert json.loads(check.partition(" CMD ")[2])
    labels = " ".join(said(last, "LABEL"))
    for label in LABELS:
        assert f"org.opencontainers.image.{label}=" in labels


@pytest.mark.parametrize(
    "file", ["Dockerfile.actor", "Dockerfile.actor:search", "Dockerfile.trainer"]
)
def test_the_check_of_a_role_is_its_pods_liveness(file: str) -> None:
    """Expect the same file and the same age as in the probe."""
    [check] = said(image(file), "HEALTHCHECK")
    assert f"stat -c %Y {HEALTH_FILE})" in check
    assert f"-lt {ALIVE_SECONDS}" in check


@pytest.mark.parametrize("file", FILES)
def test_what_is_copied_is_there_and_not_ignored(file: str) -> None:
    """Expect every source of a COPY in the repository, and let in by .dockerignore."""
    let_in = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for stage in stages(file):
        for words in said(stage, "COPY"):
            parts = [word for word in words.split() if not word.startswith("--")]
            if "--from=" in words:
                continue
            for source in parts[:-1]:
                top = source.split("/")[0].rstrip("*")
                assert any(fnmatch(top, each) for each in let_in), source
                assert source == "forge*" or (ROOT / source).exists(), source


@pytest.mark.parametrize(
    "verbs", ["daemon/src/trainingrun_daemon_commands", "actor/src/trainingrun_actor_commands"]
)
def test_the_images_of_roles_have_no_verbs(verbs: str) -> None:
    """Expect the verbs beside the engine and the actor to be left out of what images are built
    from: they need the command, which those images do not have."""
    assert (ROOT / verbs).is_dir()
    assert verbs in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_cpu_variant_needs_no_other_index() -> None:
    """Expect PyPI's torch without NVIDIA's libraries, and a step of it tried in the build."""
    [torch] = [each for each in stages("Dockerfile.trainer") if each[0].words.endswith("AS torch")]
    assert "TORCH_INDEX=" in said(torch, "ARG")
    [install] = said(torch, "RUN")
    before, _, after = install.partition("/opt/without-cuda.sh /opt/trainingrun")
    assert "install -c constraints.txt torch" in before
    assert ".backward()" in after


def test_the_trainer_has_two_variants_pinned_alike() -> None:
    """Expect both in one stage, the larger one by default, and what is installed pinned in each;
    older builders do not find a stage whose name is made of an argument."""
    text = (ROOT / "Dockerfile.trainer").read_text()
    assert re.search(r"^ARG VARIANT=cuda$", text, re.MULTILINE)
    [torch] = [each for each in stages("Dockerfile.trainer") if each[0].words.endswith("AS torch")]
    [install] = said(torch, "RUN")
    assert "cuda) install -c constraints.txt torch " in install
    assert "else install -c /tmp/others.txt " in install
    assert '"torch==${version}+cpu"' in install
    assert "version=$(sed -n 's/^torch==//p' constraints.txt)" in install
    bases = [each[0].words.split()[0] for each in stages("Dockerfile.trainer")]
    assert bases == ["${BASE}", "tools", "torch", "${BASE}"]
