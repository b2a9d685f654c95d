"""AlphaZero's network: what is trained, what is published and what is played with are one."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from trainingrun_contracts.board_network import board_network_of, board_shapes
from trainingrun_contracts.board_weights import read_board_weights
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.environment_spec import EnvironmentSpec, Features
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights import WeightsError
from trainingrun_environments.registry import spec_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_trainer.alphazero.network import BoardNetwork, folded, new_board_network
from trainingrun_trainer.alphazero.update import AlphaZeroUpdater
from trainingrun_trainer.recovery import WeightsNotFinite

from testkit.roles.searched_run import searched_config

NETWORKS = (Network("resnet", 32, 2), Network("resnet", 64, 1), Network("mlp", 96, 3))
GAMES = ("connect_four", "tic_tac_toe", "breakthrough")


def trained_network(network: Network, spec: EnvironmentSpec) -> BoardNetwork:
    """A network whose normalisation has seen something, and whose outputs are no zeros."""
    made = new_board_network(3, network, spec)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in (made.policy, made.value[1]):
            layer.weight.normal_(0.0, 0.3, generator=generator)
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 2.0, generator=generator)
                module.bias.normal_(0.0, 0.5, generator=generator)
        for _ in range(4):
            made(boards(spec, 64, generator))
    return made.eval()


def boards(spec: EnvironmentSpec, count: int, generator: torch.Generator) -> torch.Tensor:
    """Observations of zeros and ones."""
    return torch.randint(2, (count, spec.state_width), generator=generator).float()


def blob_of(network: BoardNetwork, *, version: int = 7) -> bytes:
    """Its weights as they are published."""
    config = searched_config("file:///nowhere")
    return AlphaZeroUpdater(network, config, device=torch.device("cpu")).weights(version=version)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_published_is_the_format(network: Network, game: str) -> None:
    """Expect exactly the names and shapes of the format, from which the network follows."""
    spec = spec_of(BuiltIn(game))
    tensors = folded(new_board_network(1, network, spec))
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert shapes == board_shapes(network, spec)
    assert board_network_of(network.kind, shapes) == network
    weights = read_board_weights(blob_of(new_board_network(1, network, spec)), spec)
    assert (weights.network, weights.version) == (network, 7)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("network", NETWORKS)
def test_who_plays_computes_what_was_trained(network: Network, game: str) -> None:
    """Expect numpy's logits and values of the folded weights to be torch's of the network with its
    normalisation, whatever number of positions is asked for at once."""
    spec = spec_of(BuiltIn(game))
    made = trained_network(network, spec)
    policy = BoardPolicy.from_bytes(blob_of(made), spec, generation=4)
    assert (policy.version, policy.generation) == (7, 4)
    seen = boards(spec, 97, torch.Generator().manual_seed(5))
    with torch.no_grad():
        expected = made(seen)
    assert float(expected.logits.std()) > 0.1
    assert float(expected.values.std()) > 0.01
    for count in (1, 2, 97):
        logits, values = policy.forward(seen[:count].numpy())
        np.testing.assert_allclose(logits, expected.logits[:count], atol=2e-4)
        np.testing.assert_allclose(values, expected.values[:count], atol=2e-5)


def test_the_first_play_is_near_uniform_and_seeded() -> None:
    """Expect near equal logits and values near 0 at the start, and equal weights for equal seeds
    only."""
    spec = spec_of(BuiltIn("connect_four"))
    made = new_board_network(5, NETWORKS[0], spec)
    with torch.no_grad():
        output = made(boards(spec, 64, torch.Generator().manual_seed(1)))
    assert float(output.logits.abs().max()) < 0.2
    assert float(output.values.abs().max()) < 0.2
    twin, other = (new_board_network(seed, NETWORKS[0], spec).state_dict() for seed in (5, 6))
    name = "policy.weight"
    assert torch.equal(made.state_dict()[name], twin[name])
    assert not torch.equal(made.state_dict()[name], other[name])


def test_weights_that_are_not_finite_are_not_published() -> None:
    """Expect a sentence, of weights and of what the normalisation has seen alike."""
    spec = spec_of(BuiltIn("connect_four"))
    for part in ("body.stem.convolution.weight", "body.block.0.first.norm.running_var"):
        made = new_board_network(1, NETWORKS[0], spec)
        made.state_dict()[part].view(-1)[0] = torch.nan
        with pytest.raises(WeightsNotFinite, match="not finite"):
            blob_of(made)


def test_a_network_that_does_not_fit_is_refused() -> None:
    """Expect a sentence where observations are no boards, or actions no vocabulary."""
    spec = spec_of(BuiltIn("connect_four"))
    flat = msgspec.structs.replace(spec, observation=(84,))
    with pytest.raises(ValueError, match="planes, rows and columns"):
        new_board_network(1, Network("resnet", 32, 1), flat)
    described = msgspec.structs.replace(spec, actions=Features(4))
    with pytest.raises(ValueError, match="vocabulary"):
        new_board_network(1, Network("mlp", 32, 1), described)


def test_weights_of_another_game_are_refused() -> None:
    """Expect a sentence that names both schemas."""
    made = new_board_network(1, NETWORKS[0], spec_of(BuiltIn("connect_four")))
    with pytest.raises(WeightsError, match="schema"):
        BoardPolicy.from_bytes(blob_of(made), spec_of(BuiltIn("tic_tac_toe")))
