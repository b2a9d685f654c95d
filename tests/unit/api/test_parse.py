"""Reading a document: defaults, spelling, and errors in the words of the document."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from trainingrun_api.pod_template import PodTemplate, laid_over
from trainingrun_api.resource import SpecError
from trainingrun_api.run import parse
from trainingrun_api.spec import TrainingRunSpec

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def document(**spec: Any) -> dict[str, Any]:
    """A small valid document with some fields of the spec replaced."""
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "small"},
        "spec": {"games": 100, "decks": [{"name": "red_aggro"}], **spec},
    }


def problems(broken: Any) -> list[str]:
    """What is said about a document that is not valid."""
    with pytest.raises(SpecError) as error:
        parse(broken)
    return str(error.value).splitlines()


MANY = [f"key-{number}" for number in range(4097)]


def with_container(**fields: Any) -> dict[str, Any]:
    """A section with a template that asks something of the daemons' container."""
    return {"template": {"spec": {"containers": [{"name": "daemon", **fields}]}}}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_are_valid(file: Path) -> None:
    """Each example is read without an error and is named like its file."""
    run = parse(yaml.safe_load(file.read_text()))
    assert run.metadata.name == file.stem


def test_there_is_a_default_for_all_but_games_and_decks() -> None:
    """Two fields are enough; the others have the documented defaults."""
    spec = parse(document()).spec
    assert (spec.games, spec.seed, spec.suspend) == (100, 1, False)
    assert (spec.daemon.games_per_daemon, spec.actor.games_per_actor) == (8, 16)
    assert (spec.daemon.autoscaling.min_replicas, spec.daemon.autoscaling.max_replicas) == (1, 10)
    assert spec.daemon.drain_timeout_seconds == 180
    assert spec.checkpoint.storage is None
    assert spec.redis.managed is None
    assert spec.actor.replicas is None
    assert spec.ttl_seconds_after_finished is None


def test_fields_are_camel_case_in_documents_and_snake_case_here() -> None:
    """The YAML spelling is read; the attribute has Python's."""
    spec = parse(
        document(learner={"batchTransitions": 2048}, algorithm={"ppo": {"targetKl": 0.01}})
    ).spec
    assert spec.algorithm.ppo is not None
    assert spec.learner.batch_transitions == 2048
    assert spec.algorithm.ppo.target_kl == 0.01


def test_a_document_may_not_use_python_spelling() -> None:
    """snake_case is an unknown field, as it is for the API server."""
    assert problems(document(daemon={"games_per_daemon": 4})) == [
        "spec.daemon.games_per_daemon: unknown field, did you mean gamesPerDaemon?"
    ]


def test_fields_of_a_later_version_are_skipped_where_the_api_server_has_stored_them() -> None:
    """Only where it is asked, and every other rule still holds."""
    later = document(zzz=1, daemon={"zzz": {"a": 1}, "gamesPerDaemon": 4})
    assert parse(later, ignore_unknown=True).spec.daemon.games_per_daemon == 4
    with pytest.raises(SpecError, match=r"spec\.zzz: unknown field"):
        parse(later)
    with pytest.raises(SpecError, match=r"spec\.games"):
        parse(document(zzz=1, games=0), ignore_unknown=True)


def test_values_are_written_back_in_yaml_spelling() -> None:
    """A spec that is dumped by alias is read again as the same spec."""
    spec = parse(document(selfPlay={"latest": 1.0, "past": 0.0})).spec
    dumped = spec.model_dump(mode="json", by_alias=True)
    assert dumped["selfPlay"]["snapshotEveryPublishes"] == 20
    assert parse(document() | {"spec": dumped}).spec == spec


def test_a_spec_is_a_frozen_value() -> None:
    """No field can be set after the reading."""
    spec = parse(document()).spec
    with pytest.raises(ValidationError):
        spec.games = 5  # type: ignore[misc]


def test_quantities_may_be_numbers() -> None:
    """`cpu: 2` is taken; `cpu: 0.5` is refused, as the API server does for a resource of ours."""
    requests = {"cpu": 2, "memory": "1Gi"}
    spec = parse(document(daemon=with_container(resources={"requests": requests}))).spec
    assert spec.daemon.container.resources.requests == {"cpu": "2", "memory": "1Gi"}
    with pytest.raises(
        SpecError, match=r"containers\[0\]\.resources\.limits\.cpu: must be text, not 0\.5"
    ):
        parse(document(daemon=with_container(resources={"limits": {"cpu": 0.5}})))


@pytest.mark.parametrize("stored", [False, True])
def test_what_is_not_listed_of_a_template_is_kept(stored: bool) -> None:
    """Kubernetes' own fields stay, also where fields of a later version are skipped."""
    container = {"name": "daemon", "env": [{"name": "TRACE", "value": "1"}], "image": "a:1"}
    template = {
        "metadata": {"labels": {"team": "blue"}},
        "spec": {"nodeSelector": {"disk": "fast"}, "containers": [container]},
    }
    later = {"zzz": 1, "zz": {"z": 1}} if stored else {}
    given = document(daemon={"template": {**template, **later}, **later})
    spec = parse(given, ignore_unknown=stored).spec
    assert laid_over(spec.daemon.template) == template
    assert spec.daemon.container.image == "a:1"
    dumped = spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    assert dumped["daemon"] == {"template": template}


def test_a_section_without_a_template_asks_nothing_of_its_container() -> None:
    """Its container has its name alone, and nothing is laid over the pod."""
    actor = parse(document()).spec.actor
    assert (actor.container.name, actor.container.image) == ("actor", None)
    assert laid_over(actor.template) == laid_over(PodTemplate()) == {}


def test_containers_beside_the_role_s_own_are_told_apart_by_their_names() -> None:
    """Expect image and resources of the role's own alone, wherever it stands in the list."""
    beside, own = {"name": "logs", "image": "logs:1"}, {"name": "daemon", "image": "a:1"}
    spec = parse(document(daemon={"template": {"spec": {"containers": [beside, own]}}})).spec
    assert spec.daemon.container.image == "a:1"
    alone = parse(document(daemon={"template": {"spec": {"containers": [beside]}}})).spec
    assert alone.daemon.container.image is None


@pytest.mark.parametrize(
    ("section", "path", "now"),
    [
        ({"daemon": {"image": "a:1"}}, "spec.daemon.image", "spec.daemon.template.spec.containers"),
        (
            {"learner": {"resources": {}}},
            "spec.learner.resources",
            "spec.learner.template.spec.containers, in the entry with name learner",
        ),
        (
            {"redis": {"managed": {"image": "a:1"}}},
            "spec.redis.managed.image",
            "spec.redis.managed.template.spec.containers",
        ),
        ({"podTemplate": {"actor": {}}}, "spec.podTemplate", "spec.daemon.template, spec.actor"),
    ],
)
def test_a_field_that_moved_is_refused_with_its_new_place(
    section: dict[str, Any], path: str, now: str
) -> None:
    """A document of the first form is answered with what to write."""
    [told] = problems(document(**section))
    assert told.startswith(f"{path}: unknown field, it is now a part of {now}")


def test_null_means_not_given() -> None:
    """A field that is null has its default, at any depth."""
    given = parse(document(seed=None, redis=None, daemon={"template": None, "autoscaling": None}))
    assert given.spec == parse(document()).spec


def test_times_of_yaml_and_of_the_api_server_are_read_alike() -> None:
    """PyYAML makes times of unquoted timestamps; the API server sends text."""
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for spelling in (moment, "2026-01-31T12:00:00Z"):
        small = document()
        small["metadata"]["creationTimestamp"] = spelling
        assert parse(small).metadata.creation_timestamp == moment


def test_metadata_that_is_not_used_is_ignored() -> None:
    """managedFields and the like are of no interest."""
    small = document()
    small["metadata"] |= {"managedFields": [{}], "uid": "u-1", "generation": 3}
    assert (parse(small).metadata.uid, parse(small).metadata.generation) == ("u-1", 3)


def test_all_wrong_fields_are_told_at_once_with_their_paths() -> None:
    """One line per wrong field, in YAML spelling."""
    broken = document(
        games=-1,
        sed=3,
        suspend="yes",
        decks=[{"name": "red_aggro.dck"}, {}],
        actor={"spot": "Sometimes"},
        learner={"gpus": "1"},
        algorithm={"ppo": {"clip": float("nan"), "learningRate": 0}},
        evaluation={"opponents": ["Me"]},
        checkpoint={"storage": {"s3": 3}, "keep": 1.5, "size": "ten"},
    )
    assert set(problems(broken)) == {
        "spec.games: -1 is below the minimum of 1",
        "spec.sed: unknown field, did you mean seed?",
        'spec.suspend: must be true or false, not "yes"',
        "spec.decks[0].name: must be a deck's name (letters, digits, '-' and '_', without .dck),"
        ' not "red_aggro.dck"',
        "spec.decks[1].name: is required",
        'spec.actor.spot: "Sometimes" is not one of Never, Prefer or Require',
        'spec.learner.gpus: must be a whole number, not "1"',
        "spec.algorithm.ppo.clip: must be a finite number, not NaN",
        "spec.algorithm.ppo.learningRate: 0 must be more than 0",
        "spec.evaluation.opponents[0]: must be a part's name (lower-case letters, digits, '_' and"
        " '-'), not \"Me\"",
        "spec.checkpoint.storage.s3: must be a mapping of fields, not 3",
        "spec.checkpoint.keep: must be a whole number, not 1.5",
        'spec.checkpoint.size: must be an amount such as 2, 500m or 4Gi, not "ten"',
    }


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ([], "is no TrainingRun: expected a mapping with apiVersion, kind, metadata and spec"),
        ({}, "apiVersion: is required"),
        (document() | {"kind": "Deployment"}, 'kind: "Deployment" is not one of TrainingRun'),
        (document() | {"spec": None}, "spec: is required"),
        (document() | {"spec": [1]}, "spec: must be a mapping of fields, not [1]"),
        (document() | {"metadata": {}}, "metadata.name: is required"),
        (document() | {"specs": {}}, "specs: unknown field, did you mean spec?"),
        (document(decks=[]), "spec.decks: Magic is played with decks: name at least one"),
        (document(decks="red"), 'spec.decks: must be a list, not "red"'),
        (document(seed=date(2026, 1, 31)), 'spec.seed: must be a whole number, not "2026-01-31"'),
        (document(games=10**15), f"spec.games: {10**15} is above the maximum of {10**12}"),
        (document(zzz=1), "spec.zzz: unknown field, possible here are games, seed, suspend"),
        (
            document(checkpoint={"storage": {"s3": {"bucket": "bucket", "endpointUrl": "minio"}}}),
            "spec.checkpoint.storage.s3.endpointUrl: must be an address such as http://host:9000",
        ),
        (
            document(daemon=with_container(image="x" * 600)),
            "spec.daemon.template.spec.containers[0].image: is longer than 512 characters",
        ),
        (
            document(daemon={"template": {"status": {}}}),
            "spec.daemon.template.status: unknown field, possible here are metadata, spec",
        ),
        (
            document(actor={"template": {"metadata": {"name": "mine"}}}),
            "spec.actor.template.metadata.name: unknown field, possible here are labels",
        ),
        (
            document(actor={"template": {"metadata": {"labels": dict.fromkeys(MANY, "x")}}}),
            "spec.actor.template.metadata.labels: has more than 4096 entries",
        ),
        (
            document(actor={"template": {"spec": "big"}}),
            'spec.actor.template.spec: must be a mapping of fields, not "big"',
        ),
        (
            document(actor={"template": {"spec": {"containers": [{"image": "x"}]}}}),
            "spec.actor.template.spec.containers[0].name: is required",
        ),
    ],
)
def test_each_kind_of_mistake_has_a_plain_sentence(broken: Any, told: str) -> None:
    """No word of Python or pydantic reaches the user."""
    assert any(line.startswith(told) for line in problems(broken)), problems(broken)


def test_a_long_value_is_cut_in_the_message() -> None:
    """A wrong value of a thousand characters does not fill the screen."""
    (line,) = problems(document(seed="x" * 1000))
    assert len(line) < 120


def test_models_can_also_be_made_in_python_spelling() -> None:
    """Code writes snake_case keywords."""
    spec = TrainingRunSpec(games=5, decks=parse(document()).spec.decks, image_pull_policy="Never")
    assert spec.image_pull_policy == "Never"
