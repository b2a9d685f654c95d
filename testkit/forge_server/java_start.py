"""The command line ``java <options> -jar forge.jar daemon -p N``, played by the stand-in.

    python -m testkit.forge_server.java_start [SWITCH …] -- <what java would get>

As with Java, the jar must be there (1), a mode other than ``daemon`` ends at once (0), and without
card data beside the working folder the daemon does not start (0). ``user.home`` says where the
user's decks are, and the size of the common pool how many games are played at once.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from testkit.forge_server.__main__ import main as start

POOL_SIZE: Final = "java.util.concurrent.ForkJoinPool.common.parallelism"
USER_DECKS: Final = Path(".forge", "decks", "constructed")
_CARD_DATA: Final = (Path("res"), Path("..", "forge-gui", "res"))
"""Of a release, and of a jar that somebody built."""
_VALUED: Final = frozenset({"--add-opens", "--add-exports", "--add-modules", "-cp", "-classpath"})


@dataclass(slots=True)
class JavaCommand:
    """What a command line of Java says."""

    properties: dict[str, str] = field(default_factory=dict)
    jar: Path | None = None
    arguments: tuple[str, ...] = ()


def parse_java(line: Sequence[str]) -> JavaCommand:
    """Read Java's own options up to the jar; what follows it is the program's."""
    command = JavaCommand()
    words = iter(line)
    for word in words:
        if word == "-jar":
            command.jar = Path(next(words, ""))
            command.arguments = tuple(words)
        elif word in _VALUED:
            next(words, "")
        elif word.startswith("-D"):
            name, _, value = word.removeprefix("-D").partition("=")
            command.properties[name] = value
    return command


def main(line: Sequence[str]) -> int:
    """Play java; gives its exit status."""
    at = line.index("--") if "--" in line else 0
    command = parse_java(line[at + 1 :])
    if command.jar is None or not command.jar.is_file():
        print(f"Error: no access to the jar {command.jar}", file=sys.stderr)
        return 1
    if not command.arguments or command.arguments[0].lower() != "daemon":
        print("Unknown mode")
        return 0
    data = next((each for each in _CARD_DATA if each.is_dir()), None)
    if data is None:
        print("cannot start: there is no card data", file=sys.stderr)
        return 0
    return start([*line[:at], *_switches(command, data), *_ports(command.arguments)])


def _switches(command: JavaCommand, data: Path) -> Iterator[str]:
    home = Path(command.properties.get("user.home") or Path.home())
    user_decks = home / USER_DECKS
    user_decks.mkdir(parents=True, exist_ok=True)
    yield from ("--decks", str(user_decks))
    if (data / "decks" / "constructed").is_dir():
        yield from ("--decks", str(data / "decks" / "constructed"))
    if POOL_SIZE in command.properties:
        yield from ("--parallelism", command.properties[POOL_SIZE])


def _ports(arguments: Sequence[str]) -> Iterator[str]:
    """Give the ports among the daemon's arguments: the rest it does not know."""
    words = iter(arguments[1:])
    for word in words:
        if word == "-p":
            yield from (word, *([port] if (port := next(words, None)) is not None else ()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
