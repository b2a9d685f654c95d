"""`trainingrun play` against a network in a bucket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from trainingrun_contracts.checkpoints import POLICY_FILE
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_environments.registry import spec_of

from testkit.roles.board_weights import random_board_weights, write_checkpoint
from testkit.servers.s3_server import S3Server

PROGRAM = Path(sys.executable).with_name("trainingrun")
SPEC = spec_of(BuiltIn("tic_tac_toe"))


def test_a_network_in_a_bucket_is_played(s3: S3Server, tmp_path: Path) -> None:
    """Expect the newest checkpoint to be fetched, and nothing of it to be left here."""
    bucket, client = s3.create_bucket("models"), s3.client()
    config = {"environment": {"kind": "builtIn", "name": "tic_tac_toe"}, "alpha_zero": {}}
    for step in (2, 4):
        blob = random_board_weights(Network("mlp", 32, 1), SPEC, version=step)
        folder = write_checkpoint(
            tmp_path / "made", "three", step, spec=SPEC, config=config, files={POLICY_FILE: blob}
        )
        for path in folder.iterdir():
            client.upload_file(str(path), bucket, f"team/{folder.name}/{path.name}")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [PROGRAM, "play", f"s3://{bucket}/team", "--simulations", "10", "--seed", "1"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(scratch), **s3.environment()},
        input="2 2\nquit\n",
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "tic_tac_toe against three-0000000004, 10 simulations" in done.stdout
    assert "three-0000000004: mark row" in done.stdout
    assert list(scratch.iterdir()) == []
