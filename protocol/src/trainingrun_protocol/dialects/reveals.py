"""Which reveals are log lines: the original shows cards and reads no answer (protocol section 8).

A client that answers such a line is a question late from then on, so every DECISION line is checked
before anybody decodes it: of almost all, the first bytes are enough.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_KEY: Final = b'"decision_type"'
_HEAD_BYTES: Final = 64
_VALUE_BYTES: Final = 40
_MOST_LETTERS: Final = 300


class _Reveal(msgspec.Struct, frozen=True):
    decision_type: Any = None
    decision_type_too: Any = msgspec.field(name="decisionType", default=None)
    actions: Any = None
    owner: Any = ""
    zone: Any = ""
    cards: Any = ()

    @property
    def is_unanswered(self) -> bool:
        return "reveal" in (self.decision_type, self.decision_type_too) and self.actions is None

    @property
    def description(self) -> str:
        shown = self.cards if isinstance(self.cards, list) else []
        names = [card.get("name") if isinstance(card, dict) else card for card in shown]
        text = f"{self.owner} shows ({self.zone}): {', '.join(map(str, names[:20]))}"
        return " ".join(text[:_MOST_LETTERS].split())


_DECODER: Final = msgspec.json.Decoder(_Reveal)


def logged_reveal(raw: bytes) -> str | None:
    """Describe a reveal without ``actions``; None where the line is a question, or unreadable."""
    at = raw.find(_KEY, 0, _HEAD_BYTES)
    if at >= 0 and b'"reveal"' not in raw[at : at + _VALUE_BYTES]:
        return None
    try:
        found = _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # who decodes it, says why it cannot be read
    return found.description if found.is_unanswered else None
