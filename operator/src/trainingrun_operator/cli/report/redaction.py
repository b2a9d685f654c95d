"""What a page that is passed on must not tell: passwords that a spec holds in plain sight."""

from __future__ import annotations

import re
from typing import Any, Final

HIDDEN: Final = "(hidden)"
_USER_PART: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_SECRET_NAME: Final = re.compile(r"passw|secret|token|credential|api_?key|access_?key", re.I)


def without_secrets(value: Any) -> Any:
    """The document with passwords in addresses, and values of variables that are named like
    secrets, hidden."""
    if isinstance(value, dict):
        secret = _SECRET_NAME.search(str(value.get("name", ""))) is not None
        return {
            key: HIDDEN if secret and key == "value" else without_secrets(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    return hidden_in(value) if isinstance(value, str) else value


def hidden_in(text: str) -> str:
    """A text whose addresses name no user and no password."""
    return _USER_PART.sub(HIDDEN, text)
