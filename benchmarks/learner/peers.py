"""The peers' sides of ``learner/speed.py``; runs in the environment of ``make benchmarks-setup``.

Each peer trains the same networks on the same rollouts, from filled buffer to changed weights, with
its own advantage estimation, masked distribution, loss and loop. Where a peer leaves a choice to
its user the faster one is taken: no validation of distributions, advantages estimated once and not
every epoch, a fused optimiser.

Imports are inside the functions, because one peer must not need the other.
"""
# ruff: noqa: PLC0415 - see the module's last sentence

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.learner import problem
from benchmarks.measuring import serve

HIDDEN = [problem.HIDDEN, problem.HIDDEN]
MINIBATCHES = problem.SAMPLES // problem.MINIBATCH
MASKED_WIDTH = problem.OBSERVATION + problem.ACTIONS


def serve_maskable_ppo() -> None:
    """sb3-contrib: ``MaskablePPO.train`` on its own rollout buffer."""
    import gymnasium
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.vec_env import DummyVecEnv

    class Nothing(gymnasium.Env):  # type: ignore[misc, type-arg]
        """An environment of the right shape that is never played."""

        observation_space = gymnasium.spaces.Box(-9, 9, (problem.OBSERVATION,), np.float32)
        action_space = gymnasium.spaces.Discrete(problem.ACTIONS)

    model = MaskablePPO(
        "MlpPolicy",
        DummyVecEnv([Nothing] * problem.SEGMENTS),
        n_steps=problem.STEPS,
        batch_size=problem.MINIBATCH,
        n_epochs=problem.EPOCHS,
        learning_rate=problem.RATE,
        gamma=problem.GAMMA,
        gae_lambda=problem.DECAY,
        clip_range=problem.CLIP,
        ent_coef=problem.ENTROPY,
        vf_coef=problem.VALUE_WEIGHT,
        max_grad_norm=problem.GRADIENT_NORM,
        device="cpu",
        seed=0,
        policy_kwargs={
            "net_arch": {"pi": HIDDEN, "vf": HIDDEN},
            "activation_fn": nn.ReLU,
            "optimizer_kwargs": {"fused": True, "eps": 1e-5},
        },
    )
    model.set_logger(Logger(None, []))
    buffer, rollouts = model.rollout_buffer, problem.make_rollouts()

    def fill() -> None:
        buffer.reset()
        buffer.observations[:] = rollouts.observations.swapaxes(0, 1)
        buffer.actions[:] = rollouts.actions.T[..., None]
        buffer.log_probs[:] = rollouts.log_probs.T
        buffer.rewards[:] = rollouts.rewards.T
        buffer.action_masks[:] = rollouts.masks.swapaxes(0, 1)
        buffer.pos, buffer.full = problem.STEPS, True

    def update() -> dict[str, float]:
        last = torch.zeros(problem.SEGMENTS)
        buffer.compute_returns_and_advantage(last, np.ones(problem.SEGMENTS))
        model.train()
        return {"steps": float(problem.EPOCHS * MINIBATCHES)}

    serve(fill, update)


def serve_clip_ppo() -> None:
    """torchrl: ``GAE`` and ``ClipPPOLoss`` in the loop of its tutorial."""
    from tensordict import TensorDict
    from tensordict.nn import TensorDictModule
    from torchrl.modules import MLP, MaskedCategorical, ProbabilisticActor, ValueOperator
    from torchrl.objectives import ClipPPOLoss
    from torchrl.objectives.value import GAE

    def network(outputs: int, gain: float) -> Any:
        made = MLP(
            in_features=problem.OBSERVATION,
            out_features=outputs,
            num_cells=HIDDEN,
            activation_class=nn.ReLU,
        )
        nn.init.orthogonal_(made[-1].weight, gain=gain)
        return made

    actor = ProbabilisticActor(
        TensorDictModule(
            network(problem.ACTIONS, 0.01), in_keys=["observation"], out_keys=["logits"]
        ),
        in_keys={"logits": "logits", "mask": "mask"},
        distribution_class=MaskedCategorical,
        return_log_prob=True,
    )
    critic = ValueOperator(network(1, 1.0), in_keys=["observation"])
    advantages = GAE(gamma=problem.GAMMA, lmbda=problem.DECAY, value_network=critic)
    loss_module = ClipPPOLoss(
        actor,
        critic,
        clip_epsilon=problem.CLIP,
        entropy_coeff=problem.ENTROPY,
        critic_coeff=problem.VALUE_WEIGHT,
        normalize_advantage=True,
        loss_critic_type="l2",
    )
    parameters = list(loss_module.parameters())
    optimiser = torch.optim.Adam(parameters, lr=problem.RATE, eps=1e-5, fused=True)
    rollouts = _tensors(TensorDict)

    def update() -> dict[str, float]:
        with torch.no_grad():
            advantages(rollouts)
        flat = rollouts.reshape(-1)
        for _ in range(problem.EPOCHS):
            for part in torch.randperm(problem.SAMPLES).chunk(MINIBATCHES):
                losses = loss_module(flat[part])
                total = losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]
                total.backward()
                nn.utils.clip_grad_norm_(parameters, problem.GRADIENT_NORM)
                optimiser.step()
                optimiser.zero_grad()
        return {"steps": float(problem.EPOCHS * MINIBATCHES)}

    serve(lambda: None, update)


def _tensors(tensor_dict: Any) -> Any:
    """The rollouts as a TensorDict of [segments, steps]."""
    rollouts = problem.make_rollouts()
    observations = torch.from_numpy(rollouts.observations)
    done = torch.zeros(problem.SEGMENTS, problem.STEPS, 1, dtype=torch.bool)
    done[:, -1] = True
    following = torch.cat([observations[:, 1:], torch.zeros_like(observations[:, :1])], 1)
    return tensor_dict(
        {
            "observation": observations,
            "mask": torch.from_numpy(rollouts.masks),
            "action": torch.from_numpy(rollouts.actions),
            "action_log_prob": torch.from_numpy(rollouts.log_probs),
            "next": {
                "observation": following,
                "reward": torch.from_numpy(rollouts.rewards)[..., None],
                "done": done,
                "terminated": done.clone(),
            },
        },
        [problem.SEGMENTS, problem.STEPS],
    )


def serve_rllib() -> None:
    """RLlib: ``PPOTorchLearner.update`` on a batch, after RLlib's own value targets.

    Its learner alone, in this process: no Ray cluster, no connectors that turn episodes into
    batches, and no penalty on the divergence, which would cost it a second distribution's terms.
    """
    from ray.rllib.core import DEFAULT_MODULE_ID
    from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
    from ray.rllib.utils.postprocessing.value_predictions import compute_value_targets

    learner = _rllib_learner()
    rollouts = problem.make_rollouts()
    mask = np.where(rollouts.masks, 0.0, -1e9).astype(np.float32)
    observations = np.concatenate([rollouts.observations, mask], -1).reshape(-1, MASKED_WIDTH)
    ends = np.zeros((problem.SEGMENTS, problem.STEPS), np.bool_)
    ends[:, -1] = True
    ends, never = ends.ravel(), np.zeros(problem.SAMPLES, np.bool_)

    def update() -> dict[str, float]:
        whole = {"obs": torch.from_numpy(observations)}
        with torch.no_grad():
            values = learner.module[DEFAULT_MODULE_ID].compute_values(whole).numpy()
        targets = compute_value_targets(
            values, rollouts.rewards.ravel(), ends, never, problem.GAMMA, problem.DECAY
        )
        advantages = targets - values
        advantages = (advantages - advantages.mean()) / max(1e-4, advantages.std())
        batch = SampleBatch(
            {
                "obs": observations,
                "actions": rollouts.actions.ravel(),
                "action_logp": rollouts.log_probs.ravel(),
                "action_dist_inputs": mask.reshape(-1, problem.ACTIONS),
                "advantages": advantages.astype(np.float32),
                "value_targets": targets.astype(np.float32),
            }
        )
        learner.update(
            batch=MultiAgentBatch({DEFAULT_MODULE_ID: batch}, problem.SAMPLES),
            num_epochs=problem.EPOCHS,
            minibatch_size=problem.MINIBATCH,
            shuffle_batch_per_epoch=True,
        )
        return {"steps": float(problem.EPOCHS * MINIBATCHES)}

    serve(lambda: None, update)


def _rllib_learner() -> Any:
    """Its learner, with two networks; an observation is followed by what masks its actions."""
    import gymnasium
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.core import DEFAULT_MODULE_ID
    from ray.rllib.core.rl_module.apis import ValueFunctionAPI
    from ray.rllib.core.rl_module.rl_module import RLModuleSpec
    from ray.rllib.core.rl_module.torch import TorchRLModule

    class Masked(TorchRLModule, ValueFunctionAPI):  # type: ignore[misc]
        """Two networks; an observation is followed by what masks its actions, 0 or very low."""

        def setup(self) -> None:
            self.policy = _mlp(problem.ACTIONS, 0.01)
            self.value = _mlp(1, 1.0)

        def _forward_train(self, batch: Any, **_: Any) -> Any:
            observation, mask = batch["obs"].split([problem.OBSERVATION, problem.ACTIONS], -1)
            return {"action_dist_inputs": self.policy(observation) + mask}

        def compute_values(self, batch: Any, embeddings: Any = None) -> Any:  # noqa: ARG002 (RLlib names it)
            return self.value(batch["obs"][:, : problem.OBSERVATION]).squeeze(-1)

    spaces = (
        gymnasium.spaces.Box(-1e9, 9, (MASKED_WIDTH,), np.float32),
        gymnasium.spaces.Discrete(problem.ACTIONS),
    )
    config = (
        PPOConfig()
        .environment(observation_space=spaces[0], action_space=spaces[1])
        .training(
            lr=problem.RATE,
            gamma=problem.GAMMA,
            lambda_=problem.DECAY,
            use_kl_loss=False,
            clip_param=problem.CLIP,
            entropy_coeff=problem.ENTROPY,
            vf_clip_param=float("inf"),
            vf_loss_coeff=problem.VALUE_WEIGHT,
            grad_clip=problem.GRADIENT_NORM,
            grad_clip_by="global_norm",
        )
        .rl_module(rl_module_spec=RLModuleSpec(module_class=Masked))
    )
    return config.build_learner(spaces={DEFAULT_MODULE_ID: spaces})


def _mlp(outputs: int, gain: float) -> nn.Module:
    layers: list[nn.Module] = []
    width = problem.OBSERVATION
    for hidden in HIDDEN:
        layers += [nn.Linear(width, hidden), nn.ReLU()]
        width = hidden
    last = nn.Linear(width, outputs)
    nn.init.orthogonal_(last.weight, gain=gain)
    return nn.Sequential(*layers, last)


PEERS: dict[str, Callable[[], None]] = {
    "sb3-contrib": serve_maskable_ppo,
    "torchrl": serve_clip_ppo,
    "rllib": serve_rllib,
}


def main() -> None:
    """Serve updates of the peer that the first argument names."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.distributions.Distribution.set_default_validate_args(False)
    PEERS[sys.argv[1]]()


if __name__ == "__main__":
    main()
