"""The rules between fields: each is checked here, and by the API server in tests/control_plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from trainingrun_api.environment import magic
from trainingrun_api.resource import SpecError
from trainingrun_api.rules import ALL, IMMUTABLE, PLACEHOLDER, Rule
from trainingrun_api.run import check_update, parse
from trainingrun_api.spec import Network, TrainingRunSpec

ROOT = Path(__file__).resolve().parents[3]
INVALID = ROOT / "tests" / "control_plane" / "invalid"
EVERY_FILE = sorted(INVALID.glob("*.yaml"))


def refusal_of(file: Path) -> str:
    """What the reader says about an invalid document."""
    with pytest.raises(SpecError) as error:
        parse(yaml.safe_load(file.read_text()))
    return str(error.value)


def spec(**fields: Any) -> TrainingRunSpec:
    """A small spec."""
    document = {"games": 100, "decks": [{"name": "red_aggro"}], **fields}
    metadata = {"name": "small"}
    head = {"apiVersion": "trainingrun.dev/v1alpha1", "kind": "TrainingRun", "metadata": metadata}
    return parse(head | {"spec": document}).spec


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_a_rule_says_the_same_here_and_on_the_api_server(rule: Rule) -> None:
    """The file that breaks the rule expects of the API server the sentence that is given here."""
    file = INVALID / f"{rule.name}.yaml"
    expected = file.read_text().splitlines()[0].removeprefix("# expect: ")
    place, _, sentence = expected.partition(": Invalid value: ")
    assert refusal_of(file) == f"{place}: {sentence}"


@pytest.mark.parametrize("file", EVERY_FILE, ids=lambda file: file.stem)
def test_what_the_api_server_refuses_is_refused_here(file: Path) -> None:
    """Every invalid document is also invalid for `trainingrun local`, at the same field."""
    expected = file.read_text().splitlines()[0].removeprefix("# expect: ")
    field = expected.removeprefix('unknown field "').split('"')[0].split(":")[0]
    assert refusal_of(file).startswith(f"{field}: ")


@pytest.mark.parametrize("name", ["decks", "phases", "phase-decks", "endpoints", "opponents"])
def test_a_duplicate_is_refused_with_the_sentence_of_the_api_server(name: str) -> None:
    """No rule of ours says it: the type of the list does, and a run on a laptop has no server."""
    file = INVALID / f"{name}-unique.yaml"
    assert refusal_of(file) == file.read_text().splitlines()[0].removeprefix("# expect: ")


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_every_placeholder_has_a_value(rule: Rule) -> None:
    """A message's placeholders and its values are the same set."""
    assert set(PLACEHOLDER.findall(rule.template)) == {value.name for value in rule.values}


def test_names_of_rules_are_unique() -> None:
    """A rule is found by its name."""
    names = [rule.name for rule in (*ALL, *IMMUTABLE)]
    assert len(set(names)) == len(names)


def test_a_message_becomes_a_cel_format() -> None:
    """Numbers are formatted by %d, and the values stand in the order of the sentence."""
    rule = next(rule for rule in ALL if rule.name == "replicas-ordered")
    assert rule.message_expression == (
        "'%d is above maxReplicas %d: lower minReplicas or raise maxReplicas'"
        ".format([self.minReplicas, self.maxReplicas])"
    )


@pytest.mark.parametrize(
    ("storage", "url"),
    [
        ({"directory": {"path": "/var/checkpoints"}}, "file:///var/checkpoints"),
        ({"s3": {"bucket": "bucket"}}, "s3://bucket"),
        ({"s3": {"bucket": "bucket", "prefix": "a/prefix"}}, "s3://bucket/a/prefix"),
        ({"persistentVolumeClaim": {"claimName": "claim"}}, None),
        ({"persistentVolumeClaim": {"claimName": "claim", "path": "a/path"}}, None),
    ],
)
def test_every_form_of_storage_is_accepted(storage: dict[str, Any], url: str | None) -> None:
    """Directories, buckets and claims; a claim has an address only where it is mounted."""
    found = spec(checkpoint={"storage": storage}).checkpoint.storage
    assert found is not None
    assert found.url == url


@pytest.mark.parametrize(
    "storage",
    [
        {"directory": {"path": "relative"}},
        {"s3": {"bucket": "B"}},
        {"s3": {"bucket": "bucket", "prefix": "/slash"}},
        {"persistentVolumeClaim": {"claimName": "A"}},
    ],
)
def test_other_storage_is_refused(storage: dict[str, Any]) -> None:
    """The sentence shows what was given and what is possible."""
    with pytest.raises(SpecError, match="must be a"):
        spec(checkpoint={"storage": storage})


def test_how_a_bucket_is_reached_may_change() -> None:
    """Expect endpoint and credentials of a run that exists to be free, and the bucket not."""
    bucket = {"bucket": "bucket", "prefix": "runs"}
    reached = {**bucket, "endpointUrl": "http://minio:9000", "secretRef": {"name": "keys"}}
    before, after = (spec(checkpoint={"storage": {"s3": s3}}) for s3 in (bucket, reached))
    check_update(before, after)
    with pytest.raises(SpecError, match=r"storage\.s3\.prefix: cannot be changed"):
        check_update(before, spec(checkpoint={"storage": {"s3": {"bucket": "bucket"}}}))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("seed", {"seed": 2}),
        ("redis.url", {"redis": {"url": "redis://other:6379"}}),
        ("redis.managed.tls", {"redis": {"managed": {"tls": True}}}),
        ("checkpoint.storage.s3.bucket", {"checkpoint": {"storage": {"s3": {"bucket": "other"}}}}),
    ],
)
def test_a_fixed_field_cannot_change(field: str, change: dict[str, Any]) -> None:
    """An update that changes it is refused at the field."""
    with pytest.raises(SpecError, match=f"^spec.{field}: cannot be changed"):
        check_update(spec(), spec(**change))


def test_other_fields_may_change() -> None:
    """Games, suspend and the learner's settings are no one's promise."""
    check_update(spec(), spec(games=500, suspend=True, learner={"batchTransitions": 64}))


@pytest.mark.parametrize("managed", [{}, {"tls": False}, {"memory": "2Gi"}])
def test_what_was_the_default_may_be_written_down(managed: dict[str, Any]) -> None:
    """Expect a flag that was left out to be the same as one that says no."""
    check_update(spec(), spec(redis={"managed": managed}))
    check_update(spec(redis={"managed": managed}), spec())


def test_every_fixed_field_exists() -> None:
    """The paths of the fixed fields are paths of the spec."""
    assert {rule.field: rule.value(spec()) for rule in IMMUTABLE} == {
        "seed": 1,
        "redis.url": None,
        "redis.urlSecretRef": None,
        "redis.managed.tls": False,
        "checkpoint.storage.s3.bucket": None,
        "checkpoint.storage.s3.prefix": None,
        "checkpoint.storage.persistentVolumeClaim": None,
        "checkpoint.storage.directory": None,
        "algorithm.alphaZero": False,
        "replay.alpha": None,
        "replay.segments": None,
        "environment": magic(),
        "learner.network": Network(),
    }
