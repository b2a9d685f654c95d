"""One DECISION line of any server, as JSON values of the one form."""

from __future__ import annotations

import msgspec

from trainingrun_protocol.dialects import key_names
from trainingrun_protocol.dialects.game_state import complete_state, hide_hands
from trainingrun_protocol.dialects.own_fields import complete_own_fields
from trainingrun_protocol.dialects.table import Table


def is_own_form(raw: bytes) -> bool:
    """Say whether a DECISION is in the one form: our daemon alone writes both key dialects."""
    return b'"active_player"' in raw and b'"activePlayer"' in raw


def translate(raw: bytes) -> object:
    """Read a DECISION's JSON and complete it.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: it is no JSON that can be read.
    """
    decision = msgspec.json.decode(raw)
    if key_names.needs_translation(raw):
        decision = key_names.translate(decision)
    if isinstance(decision, dict):
        table = Table(decision)
        complete_state(decision, table)
        complete_own_fields(decision, table)
        hide_hands(table)
    return decision
