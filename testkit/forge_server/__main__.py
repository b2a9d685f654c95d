"""Start the stand-in: ``python -m testkit.forge_server [daemon] -p N --decks DIR``.

``--decks DIR`` (again for more) are the user's folder of decks and those of the card data;
``--repaired`` is a build without faults, ``--fault NAME`` (again for more) one with these alone;
``--version oldest|older|newer|newest``; ``--parallelism N`` is the size of Java's common pool;
``--start-seconds S`` is how long the card data takes. The original has ``-p`` alone.

Like the original it ends with status 0 when it cannot start; a number that is none ends it with 1.
"""

import sys

from testkit.forge_server.options import parse_options
from testkit.forge_server.server import MAX_CONCURRENT, Server, StartError


def main(arguments: list[str]) -> int:
    """Run the stand-in to its end."""
    try:
        options = parse_options(arguments)
    except ValueError as error:
        print(f"cannot read the options: {error}", file=sys.stderr)
        return 1
    if not 0 <= options.port <= 65535:
        print(f"cannot read the options: no port: {options.port}", file=sys.stderr)
        return 1
    server = Server(options)
    try:
        port = server.open()
    except StartError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 0
    print(f"Daemon listening on port {port}, {MAX_CONCURRENT} connections", flush=True)
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
