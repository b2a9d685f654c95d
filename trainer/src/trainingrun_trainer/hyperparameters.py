"""A run's hyper-parameters for TensorBoard's table of them (its HPARAMS tab).

Those that every PPO has bear the names that Stable-Baselines3 gives them, so that runs of both
stand in the same columns; the others have our own. Not here: the whole configuration, which stands
beside it as a text.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import msgspec
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.run_config import RunConfig

_KNOWN_NAMES: Final = {
    "learning_rate": "learning_rate",
    "batch": "batch_size",
    "epochs": "n_epochs",
    "clip": "clip_range",
    "entropy": "ent_coef",
    "value_weight": "vf_coef",
    "gamma": "gamma",
    "trace_decay": "gae_lambda",
    "max_gradient_norm": "max_grad_norm",
    "target_kl": "target_kl",
}
"""Fields of an algorithm's section; ``trace_decay`` is V-trace's, which takes GAE's place."""
_OF_LEARNER: Final = ("batch_transitions", "precision", "ranks", "max_policy_lag")


def hyperparameters(config: RunConfig) -> dict[str, float | str]:
    """Return names and values."""
    learner = msgspec.to_builtins(config.learner)
    own: Mapping[str, float | str] = (
        learner["ppo"] if config.alpha_zero is None else _of_alpha_zero(config.alpha_zero)
    )
    return {
        **{_KNOWN_NAMES.get(name, name): number for name, number in own.items()},
        **{f"network.{name}": part for name, part in learner["network"].items()},
        **{name: learner[name] for name in _OF_LEARNER},
        "seed": config.seed,
    }


def _of_alpha_zero(config: AlphaZeroConfig) -> dict[str, float | str]:
    """Return its fields, those of a section behind the section's name."""
    found: dict[str, float | str] = {}
    for name, part in msgspec.to_builtins(config).items():
        found |= (
            {f"{name}.{each}": of for each, of in part.items()}
            if isinstance(part, dict)
            else {name: part}
        )
    return found


def session_event(config: RunConfig) -> Event:
    """Return what the tab reads of a run."""
    start = SessionStartInfo(start_time_secs=time.time())
    for name, part in hyperparameters(config).items():
        if isinstance(part, str):
            start.hparams[name].string_value = part
        else:
            start.hparams[name].number_value = part
    content = HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, session_start_info=start)
    plugin = SummaryMetadata.PluginData(
        plugin_name=metadata.PLUGIN_NAME, content=content.SerializeToString()
    )
    value = Summary.Value(
        tag=metadata.SESSION_START_INFO_TAG,
        metadata=SummaryMetadata(plugin_data=plugin),
        tensor=metadata.NULL_TENSOR,
    )
    return Event(wall_time=time.time(), summary=Summary(value=[value]))
