"""A network of a package's: trained as it is, published for numpy, refused where the two differ."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from trainingrun_actor.policy import ModelLoader, PolicyLoader
from trainingrun_contracts.environment_spec import EnvironmentSpec, Features, Vocabulary
from trainingrun_contracts.own_network import own_network
from trainingrun_contracts.own_parts import PartFault, UnknownPart
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_trainer.networks.build import may_compile, new_policy
from trainingrun_trainer.networks.packed import pack_rows, packed_log_softmax
from trainingrun_trainer.publish import weights_blob

from testkit.own_package import write_package

SOURCE = """
import numpy as np


def module(spec, width):
    import torch
    from torch import nn

    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(spec.state_width, width)
            self.value = nn.Linear(width, 1)
            self.actions = nn.Parameter(torch.randn(spec.action_inputs, width) * 0.1)

        def forward(self, states, actions, counts):
            hidden = torch.tanh(self.body(states))
            if actions.dtype is torch.int64:
                keys = self.actions[actions]
            else:
                keys = actions @ self.actions
            owner = torch.repeat_interleave(torch.arange(len(counts)), counts)
            return (keys * hidden[owner]).sum(-1), torch.tanh(self.value(hidden))[:, 0]

        def estimate(self, states):
            return torch.tanh(self.value(torch.tanh(self.body(states))))[:, 0]

    return Module()


class Plain:
    scale = 1.0

    def shapes(self, spec, *, width, layers):
        return {
            "body.weight": (width, spec.state_width), "body.bias": (width,),
            "value.weight": (1, width), "value.bias": (1,),
            "actions": (spec.action_inputs, width),
        }

    def module(self, spec, *, width, layers):
        return module(spec, width)

    def forward(self, tensors, states, actions, counts):
        hidden = np.tanh(states @ tensors["body.weight"].T + tensors["body.bias"])
        rows = tensors["actions"]
        keys = rows[actions] if actions.dtype == np.int64 else actions @ rows
        logits = (keys * np.repeat(hidden, counts, axis=0)).sum(-1) * self.scale
        return logits, np.tanh(hidden @ tensors["value.weight"].T + tensors["value.bias"])[:, 0]


class Scaled(Plain):
    scale = 1.1


class Narrow(Plain):
    def shapes(self, spec, *, width, layers):
        return {**super().shapes(spec, width=width, layers=layers), "body.bias": (3,)}


class Endless(Plain):
    def shapes(self, spec, *, width, layers):
        return {"table": (10**6, 10**6)}


class Shapeless(Plain):
    def shapes(self, spec, *, width, layers):
        return {"table": "wide"}


class Buffered(Plain):
    def module(self, spec, *, width, layers):
        import torch
        made = module(spec, width)
        made.register_buffer("seen", torch.zeros(1))
        return made


class Loud(Plain):
    def module(self, spec, *, width, layers):
        made = module(spec, width)
        inner = made.forward
        made.forward = lambda *given: (inner(*given)[0], inner(*given)[1] * 3 + 2)
        return made


class Foreign(Plain):
    def module(self, spec, *, width, layers):
        made = module(spec, width)
        made.estimate = lambda states: made.value.bias.expand(len(states))
        return made


class Broken(Plain):
    def module(self, spec, *, width, layers):
        raise RuntimeError("no such layer")


class Short(Plain):
    def forward(self, tensors, states, actions, counts):
        logits, values = super().forward(tensors, states, actions, counts)
        return logits[:-1], values
"""
NAMES = (
    "plain",
    "scaled",
    "narrow",
    "endless",
    "shapeless",
    "buffered",
    "loud",
    "foreign",
    "broken",
    "short",
)
OF_FEATURES = EnvironmentSpec("rows", "1", (2, 3), Features(4))
OF_VOCABULARY = EnvironmentSpec("numbers", "1", (6,), Vocabulary(9))
POINTER = Pointer(epoch=0, version=1, publish=1, sha256="ab" * 32, at=0.0)


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a network that is right, and others that are not."""
    named = {name: f"own_networks_here:{name.capitalize()}" for name in NAMES}
    parts = {"trainingrun.networks": named | {"mlp": "own_networks_here:Plain"}}
    write_package(tmp_path, parts, {"own_networks_here": SOURCE})
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("spec", [OF_FEATURES, OF_VOCABULARY], ids=lambda spec: spec.name)
def test_actors_play_as_the_module_says(spec: EnvironmentSpec) -> None:
    """From the published bytes, in numpy, with the seed's weights."""
    network = Network("plain", width=64, layers=1)
    policy = new_policy(3, spec, network)
    twin = new_policy(3, spec, network).state_dict()
    assert all(torch.equal(twin[name], tensor) for name, tensor in policy.state_dict().items())
    blob = weights_blob(policy, version=1)
    assert set(load(blob)) == {
        "own.body.weight",
        "own.body.bias",
        "own.value.weight",
        "own.value.bias",
        "own.actions",
    }
    played = PolicyLoader(spec, own_network(network, spec)).load(blob, POINTER)
    counts = [2, 1, 3]
    random = np.random.default_rng(1)
    states = random.standard_normal((3, spec.state_width)).astype(np.float16)
    stored = (
        random.integers(0, 9, (6, 1)) / 256
        if spec is OF_VOCABULARY
        else random.standard_normal((6, spec.action_width))
    ).astype(np.float16)
    log_probs, values = played.evaluate(states, stored, np.array(counts))
    rows = pack_rows(torch.tensor(counts))
    prepared = policy.prepare_actions(torch.from_numpy(stored), torch.float32)
    with torch.no_grad():
        output = policy(torch.from_numpy(states).float(), prepared, rows)
    expected = packed_log_softmax(output.logits, rows).numpy()
    np.testing.assert_allclose(log_probs, expected, atol=1e-5)
    np.testing.assert_allclose(values, output.values.numpy(), atol=1e-5)
    assert not may_compile(policy, torch.device("cuda"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent", "no network is called 'absent': installed are mlp, transformer, broken, "),
        ("mlp", "'mlp' is one of TrainingRun's, and own_networks_here:Plain has the same name"),
        (
            "scaled",
            r"'scaled' \(own_networks_here:Scaled\) differs between forward\(\) in numpy and"
            " its torch module by .* in log-probabilities",
        ),
        ("narrow", r"says by shapes\(\) that body.bias is \(3,\), and its module has \(64,\)"),
        ("endless", "has 1 tensors with 1000000000000 numbers"),
        ("shapeless", "does not say its shapes: ValueError"),
        ("buffered", "has seen, which is no parameter"),
        ("loud", "gives a value of .*: values are outcomes"),
        ("foreign", r"gives other values by estimate\(\)"),
        ("broken", "failed at the learner's start: RuntimeError: no such layer"),
        ("short", r"gives in numpy logits \(15,\) and values \(6,\) for 16 actions of 6 states"),
    ],
)
def test_a_network_that_is_of_no_use_is_refused(name: str, sentence: str) -> None:
    """Before anything is trained, with what is wrong."""
    with pytest.raises(UnknownPart, match=sentence):
        new_policy(1, OF_FEATURES, Network(name, width=64, layers=1))


def test_actors_refuse_a_network_that_brings_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would cost each of them 200 MB, and their image has none."""
    source = "import sys\nsys.modules['torch'] = sys\n" + SOURCE
    parts = {"trainingrun.networks": {"heavy": "own_heavy_network:Plain"}}
    write_package(tmp_path / "heavy", parts, {"own_heavy_network": source}, name="heavy")
    monkeypatch.syspath_prepend(tmp_path / "heavy")
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(UnknownPart, match="imports torch, which actors do not have"):
        own_network(Network("heavy"), OF_FEATURES)


def test_weights_of_another_network_are_not_loaded() -> None:
    """Neither ours by the user's nor the other way round."""
    ours, own = Network("transformer", 64, 1), Network("plain", width=64, layers=1)
    loader = PolicyLoader(OF_FEATURES, own_network(own, OF_FEATURES))
    with pytest.raises(WeightsError, match=r"tensor own\.body\.weight is missing"):
        loader.load(weights_blob(new_policy(1, OF_FEATURES, ours), version=1), POINTER)
    with pytest.raises(WeightsError, match="are no policy's"):
        PolicyLoader(OF_FEATURES).load(
            weights_blob(new_policy(1, OF_FEATURES, own), version=1), POINTER
        )


def test_a_network_that_fails_in_play_costs_its_games() -> None:
    """The sentence says what it gave, and nothing of it is played."""
    own = own_network(Network("short", width=64, layers=1), OF_FEATURES)
    blob = weights_blob(new_policy(1, OF_FEATURES, Network("plain", width=64, layers=1)), version=1)
    played = PolicyLoader(OF_FEATURES, own).load(blob, POINTER)
    states, actions = np.zeros((1, 6), np.float16), np.zeros((2, 4), np.float16)
    with pytest.raises(PartFault, match=r"'short' gives logits \(1,\) and values \(1,\) for 2"):
        played.evaluate(states, actions, np.array([2]))


@pytest.mark.parametrize("kind", ["plain", "transformer"])
def test_a_model_that_is_known_by_its_bytes_alone_is_played(kind: str) -> None:
    """A league's workers, and runs that train against its models, know no run's configuration."""
    network = Network(kind, width=64, layers=1)
    blob = weights_blob(new_policy(1, OF_FEATURES, network), version=1)
    played = ModelLoader(OF_FEATURES).load(blob, POINTER)
    same = PolicyLoader(OF_FEATURES, own_network(network, OF_FEATURES)).load(blob, POINTER)
    asked = np.ones((1, 6), np.float16), np.ones((2, 4), np.float16), np.array([2])
    np.testing.assert_array_equal(played.evaluate(*asked)[0], same.evaluate(*asked)[0])


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({}, "are of a network of a package, and do not say of which"),
        ({"own_network": "{"}, "metadata own_network is no network"),
        ({"own_network": '{"kind": "../x"}'}, "metadata own_network is no network"),
        ({"own_network": '{"kind": "absent"}'}, "no network is called 'absent'"),
        ({"own_network": '{"kind": "plain", "width": 32}'}, "is missing or not of shape"),
    ],
)
def test_a_model_whose_network_cannot_be_had_says_which(
    metadata: dict[str, str], sentence: str
) -> None:
    """Weights come from anybody with a token, and name nothing but parts that are installed."""
    blob = weights_blob(new_policy(1, OF_FEATURES, Network("plain", width=64)), version=1)
    known = {"schema_hash": OF_FEATURES.schema_hash, "version": "1"}
    forged = save(load(blob), metadata=known | metadata)
    with pytest.raises(WeightsError, match=sentence):
        ModelLoader(OF_FEATURES).load(forged, POINTER)
