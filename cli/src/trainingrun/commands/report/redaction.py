"""What a page that is passed on must not show: passwords that a spec holds in plain text."""

from __future__ import annotations

import re
from typing import Any, Final

HIDDEN: Final = "(hidden)"
_USER_PART: Final = re.compile(r"(?<=://)[^\s\"'<>]+(?=@)")
"""Up to the last ``@``: a password may hold slashes, and a piece of it must not stay."""
_SENSITIVE_NAMES: Final = (
    r"passw|passphrase|secret|token|credential|(?:api|access|private|secret|signing)[-_]?key"
    r"|(?<![a-z])(?:pw|pwd|pass|psk|auth)(?![a-z])"
)
_SECRET_NAME: Final = re.compile(rf"{_SENSITIVE_NAMES}|(?<![a-z])key(?![a-z])", re.IGNORECASE)
_SECRET_FIELD: Final = re.compile(r"passw|passphrase|token$|(?:api|access|secret)[-_]?key$", re.I)
"""Fields of a mapping, where ``secretName`` and ``key`` say where a secret is, not what it is."""
_NAMED: Final = rf"-{{0,2}}[\w.-]*(?:{_SENSITIVE_NAMES})[\w.-]*"
_FLAG: Final = re.compile(rf"-{{1,2}}{_NAMED}", re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    rf"(?P<name>(?<![\w/])(?:{_NAMED}=|-{{1,2}}[\w.-]*(?:{_SENSITIVE_NAMES})[\w.-]*[ \t]+))"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"']+)",
    re.IGNORECASE,
)


def without_secrets(value: Any) -> Any:
    """Return the document without passwords: those in addresses, in arguments, and in variables and
    fields that are named like secrets."""
    if isinstance(value, dict):
        secret = _SECRET_NAME.search(str(value.get("name", ""))) is not None
        return {
            key: HIDDEN
            if (secret and key == "value") or _is_secret_field(key, each)
            else without_secrets(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return _without_secret_arguments(value)
    return hidden_in(value) if isinstance(value, str) else value


def hidden_in(text: str) -> str:
    """Return a text whose addresses name no user and no password, and whose arguments name none
    either."""
    hidden = _USER_PART.sub(HIDDEN, text)
    return _ASSIGNED.sub(lambda found: f"{found['name']}{HIDDEN}", hidden)


def _is_secret_field(key: object, value: object) -> bool:
    return isinstance(value, str) and _SECRET_FIELD.search(str(key)) is not None


def _without_secret_arguments(values: list[Any]) -> list[Any]:
    """Return a list in which whatever follows ``--password`` is hidden too."""
    shown: list[Any] = []
    for before, value in zip([None, *values], values, strict=False):
        follows = isinstance(before, str) and _FLAG.fullmatch(before) is not None
        is_value = isinstance(value, str) and not value.startswith("--")
        shown.append(HIDDEN if follows and is_value else without_secrets(value))
    return shown
