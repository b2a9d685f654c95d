"""The benchmarks: no test runs them, so what they take from the product is held here."""

from __future__ import annotations

import json
import subprocess
import sys

from testkit.tree import ROOT

PEERS = {
    "tensordict",
    "torchrl",
    "gymnasium",
    "sb3_contrib",
    "stable_baselines3",
    "ray",
    "jax",
    "flax",
    "optax",
    "orbax",
    "reverb",
    "tensorflow",
}
"""Of benchmarks/requirements.txt: they are in an environment of their own."""
IMPORTER = """
import importlib, json, sys
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = [getattr(error, "name", ""), f"{type(error).__name__}: {error}"]
print(json.dumps(failed))
"""


def test_every_benchmark_can_be_imported() -> None:
    """Names that the product renamed, and defaults that it refuses, are found without a run."""
    files = [each.relative_to(ROOT) for each in sorted((ROOT / "benchmarks").rglob("*.py"))]
    names = [".".join(each.with_suffix("").parts) for each in files]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    failed = json.loads(done.stdout)
    assert names
    assert {name: told for name, (module, told) in failed.items() if module not in PEERS} == {}
