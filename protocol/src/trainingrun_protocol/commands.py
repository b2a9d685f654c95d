"""The two commands of a client, parsed and formatted.

Border: syntax, and whether who asks for a game has the daemon's token (``access``): a command that
was parsed may be obeyed, and holds no secret. Whether a deck exists, or whether a daemon plays with
some flag, is decided by the daemon. Parsing is lenient where the protocol says so (unknown flags
are ignored) and strict elsewhere, because a mistyped number silently replaced by a default costs
somebody an afternoon.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeAlias

import msgspec

from trainingrun_protocol.access import TOKEN_FLAG, TOKEN_VARIABLE, Token
from trainingrun_protocol.errors import CommandError

DEFAULT_LIMIT_SECONDS: Final = 120
_USAGE: Final = (
    "NEWGAME <deck1> <deck2> [-i|-o] [-q] [-c seconds] [-s seed] [-k] [-n games] [-a seat]"
    " [--token word]"
)
_DECK_SUFFIX: Final = ".dck"
NO_SCENARIO: Final = "-"
"""In the place of a deck: the game has nothing of that kind to choose."""
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")


class Status(msgspec.Struct, frozen=True):
    """Ask the daemon for its counters."""


class NewGame(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the daemon for a game between two decks (protocol section 2).

    Games without decks take ``NO_SCENARIO`` for each.
    """

    deck1: str
    deck2: str
    interactive: bool = False
    """``-i``: the client decides, for both seats unless ``ai_seat`` is given."""
    observe: bool = False
    """``-o``: the engine's AI decides and the client watches."""
    quiet: bool = False
    """``-q``: no log lines."""
    limit_seconds: int = DEFAULT_LIMIT_SECONDS
    """``-c``: wall-clock limit of the game."""
    seed: int | None = None
    """``-s``: makes the game repeatable."""
    keep_open: bool = False
    """``-k``: do not close the connection after the terminal line."""
    games: int = 1
    """``-n``: number of games played one after another."""
    ai_seat: int | None = None
    """``-a``: the seat (1 or 2) that the engine's AI plays in an interactive game."""


Command: TypeAlias = Status | NewGame


def parse_command(line: str, *, token: Token | None = None) -> Command:
    """Read a command line; raises CommandError with a sentence for the client.

    Args:
        line: of the client.
        token: that a game needs; None: any client may play.
    """
    parts = line.split()
    match parts:
        case ["STATUS"]:
            return Status()
        case ["NEWGAME", deck1, deck2, *flags] if not _is_flag(deck1):
            _check_token(flags, token)
            return _parse_new_game(deck1, deck2, flags)
        case ["NEWGAME", *_]:
            raise CommandError(f"NEWGAME needs two decks: {_USAGE}")
        case []:
            raise CommandError("the command is empty; say STATUS or NEWGAME")
        case [word, *_]:
            raise CommandError(f"unknown command {word[:40]!r}; say STATUS or NEWGAME")
        case _:
            raise AssertionError("a list matches one of the cases above")


def format_command(command: Command, *, token: Token | None = None) -> bytes:
    """Give the line, with its line end, that asks for this command; a game with the token."""
    if isinstance(command, Status):
        return b"STATUS\n"
    parts = ["NEWGAME", _deck_file(command.deck1), _deck_file(command.deck2)]
    switches = (("-i", command.interactive), ("-o", command.observe), ("-q", command.quiet))
    parts += [flag for flag, is_on in switches if is_on]
    if command.limit_seconds != DEFAULT_LIMIT_SECONDS:
        parts += ["-c", str(command.limit_seconds)]
    if command.seed is not None:
        parts += ["-s", str(command.seed)]
    if command.keep_open:
        parts.append("-k")
    if command.games != 1:
        parts += ["-n", str(command.games)]
    if command.ai_seat is not None:
        parts += ["-a", str(command.ai_seat)]
    if token is not None:
        parts += [TOKEN_FLAG, token.text]
    return " ".join(parts).encode() + b"\n"


def _deck_file(deck: str) -> str:
    """Return the deck's name with ``.dck``: without it the original finds no file."""
    if deck == NO_SCENARIO:
        return deck
    if not deck or deck.startswith("-") or deck.split() != [deck]:
        raise CommandError(f"the deck name {deck!r} cannot be sent: spaces break the command")
    is_file = deck.casefold().endswith(_DECK_SUFFIX) or "/" in deck
    return deck if is_file else deck + _DECK_SUFFIX


def _is_flag(word: str) -> bool:
    return word.startswith("-") and word != NO_SCENARIO


def _check_token(flags: list[str], token: Token | None) -> None:
    """Raise CommandError unless the flags have the token; of several, the last counts."""
    if token is None:
        return
    given = [word for flag, word in pairwise(flags) if flag == TOKEN_FLAG]
    if not given:
        raise CommandError(
            f"this daemon plays for those who have its token: add {TOKEN_FLAG} WORD to NEWGAME"
            f" (members of a run take it from {TOKEN_VARIABLE})"
        )
    if not token.is_same(given[-1]):
        raise CommandError(
            f"the token is not that of this daemon: give the one that it was started with"
            f" ({TOKEN_VARIABLE}, or its --token-file)"
        )


def _parse_new_game(deck1: str, deck2: str, flags: list[str]) -> NewGame:
    if _is_flag(deck2):
        raise CommandError(f"NEWGAME needs two decks: {_USAGE}")
    switches: set[str] = set()
    numbers: dict[str, int] = {}
    remaining = iter(flags)
    for word in remaining:
        if word in _NUMBER_FLAGS:
            numbers[word] = _parse_number(word, remaining)
        elif word == TOKEN_FLAG:
            next(remaining, None)
        else:
            switches.add(word)
    if {"-i", "-o"} <= switches:
        raise CommandError("-i and -o exclude each other: either the client decides or it watches")
    return NewGame(
        deck1=deck1,
        deck2=deck2,
        interactive="-i" in switches,
        observe="-o" in switches,
        quiet="-q" in switches,
        limit_seconds=numbers.get("-c", DEFAULT_LIMIT_SECONDS),
        seed=numbers.get("-s"),
        keep_open="-k" in switches,
        games=numbers.get("-n", 1),
        ai_seat=numbers.get("-a"),
    )


_NUMBER_FLAGS: Final[dict[str, tuple[int, int]]] = {
    "-c": (1, 1_000_000),
    "-s": (-(2**63), 2**64 - 1),
    "-n": (1, 1_000_000),
    "-a": (1, 2),
}
"""Flags that take a whole number, with the smallest and the greatest."""


def _parse_number(flag: str, remaining: Iterator[str]) -> int:
    low, high = _NUMBER_FLAGS[flag]
    word = next(remaining, "")
    number = int(word) if _WHOLE.fullmatch(word) else low - 1
    if not low <= number <= high:
        shown = repr(word[:40]) if word else "nothing"
        raise CommandError(f"{flag} needs a whole number from {low} to {high}, not {shown}")
    return number
