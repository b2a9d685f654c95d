"""What is shipped for clouds, read as files: no cloud and no tool of a cloud is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def terraform() -> Path:
    """The folder with all Terraform."""
    return ROOT / "deploy" / "terraform"


@pytest.fixture(scope="session")
def aws() -> Path:
    """The folder with the scripts for AWS."""
    return ROOT / "deploy" / "aws"
