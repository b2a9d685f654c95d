"""The second key dialect of game_state, put into the words of the first (protocol section 5).

Purpose: a server that writes ``summoningSickness``, ``activePlayer: 0`` or ``mana: {"R": 1}`` and
not their snake_case counterparts is read as if it had. Border: keys only; what they mean is typed
in ``decisions``. Two fields per thing in those types were refused: every reader would have to ask
twice.
"""

import re
from typing import Any, Final

_SINGLE: Final = frozenset({"attachedTo", "controllerIsSelf", "ownerIsSelf"})
"""Keys that both dialects write in this one way."""
_RENAMED: Final = {"summoningSickness": "summoning_sick", "mana": "mana_pool"}
_COLOURS: Final = {
    "W": "white",
    "U": "blue",
    "B": "black",
    "R": "red",
    "G": "green",
    "C": "colorless",
}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MAX_DEPTH: Final = 64


def needs_translation(raw: bytes) -> bool:
    """Say whether a DECISION's JSON has a key of the second dialect without its counterpart.

    Each search begins where the key is nearer: the last card holds a card's keys, the mana follows
    all cards.
    """
    return (
        (raw.rfind(b'"summoning_sick"') < 0 and b'"summoningSickness"' in raw)
        or (raw.rfind(b'"mana_pool"') < 0 and b'"mana"' in raw)
        or (b'"active_player"' not in raw and b'"activePlayer"' in raw)
        or (b'"priority_player"' not in raw and b'"priorityPlayer"' in raw)
        or (b'"hand_size"' not in raw and b'"handSize"' in raw)
    )


def translate(decision: object) -> object:
    """Give a parsed DECISION in the first dialect; a key that is there already is not replaced."""
    translated = _translate(decision, depth=0)
    if isinstance(translated, dict) and isinstance(state := translated.get("game_state"), dict):
        _name_players(state)
    return translated


def _translate(value: object, *, depth: int) -> object:
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [_translate(entry, depth=depth + 1) for entry in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, entry in value.items():
        name = _first_dialect(key)
        if name == key or name not in value:
            found[name] = _translate(entry, depth=depth + 1)
    if isinstance(pool := value.get("mana"), dict) and "mana_pool" not in value:
        found["mana_pool"] = _pool(pool)
    return found


def _first_dialect(key: str) -> str:
    return _RENAMED.get(key) or (key if key in _SINGLE else _HUMP.sub("_", key).lower())


def _pool(mana: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: mana.get(letter, 0) for letter, name in _COLOURS.items()}
    whole = [amount for amount in amounts.values() if isinstance(amount, int)]
    return {"total": sum(whole), **amounts}


def _name_players(state: dict[str, Any]) -> None:
    """Numbers of players become their names, which is what the first dialect holds."""
    listed = state.get("players")
    players = (
        [player for player in listed if isinstance(player, dict)]
        if isinstance(listed, list)
        else []
    )
    for key in ("active_player", "priority_player"):
        number = state.get(key)
        if not isinstance(number, int):
            continue
        by_id = [player for player in players if player.get("id") == number]
        at_position = players[number : number + 1] if number >= 0 else []
        named = (by_id or at_position or [{}])[0]
        state[key] = str(named.get("name", ""))
