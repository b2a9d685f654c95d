"""What a page must not show."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun.commands.report.redaction import HIDDEN, hidden_in, without_secrets


@pytest.mark.parametrize(
    "value",
    [
        {"name": "PW", "value": "hunter2"},
        {"name": "DB_PASS", "value": "hunter2"},
        {"name": "SIGNING_KEY", "value": "hunter2"},
        {"password": "hunter2"},
        ["--password=hunter2"],
        ["--db-password", "hunter2"],
        ["sh", "-c", "app --token 'hunter2' --port 1"],
        "PGPASSWORD=hunter2 app",
        "redis://user:pa/ss/hunter2@redis:6379/0",
        "redis://user:p@ss/hunter2@redis:6379/0",
        "https://host/path?token=hunter2",
    ],
    ids=str,
)
def test_a_secret_is_hidden(value: Any) -> None:
    """Expect no piece of it to stay."""
    shown = str(without_secrets(value))
    assert "hunter2" not in shown
    assert "ss/" not in shown.replace(HIDDEN, "")
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "value",
    [
        {"name": "BATCH", "value": "3"},
        {"urlSecretRef": {"name": "redis", "key": "url"}},
        {"secretName": "tls"},
        ["--verbose", "yes"],
        ["--password", "--verbose"],
        "the compass=3, monkey=4",
        "redis://redis:6379/0",
        "policy lag 3.5, tokens trained",
    ],
    ids=str,
)
def test_what_is_no_secret_stays(value: Any) -> None:
    """Expect it as it was."""
    assert without_secrets(value) == value


def test_the_place_of_an_address_stays() -> None:
    """Expect the host, which people need to know."""
    assert hidden_in("redis://u:p/q@h:1/0 ok") == f"redis://{HIDDEN}@h:1/0 ok"
