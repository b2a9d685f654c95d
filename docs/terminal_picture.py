"""A picture of what a command really prints: ``terminal_picture.py NAME.svg -- COMMAND…``.

The command runs in a terminal of its own (a pseudo-terminal of ``--width`` columns), so that it
shows itself as it does to people; the picture holds that and nothing else. A command that never
ends, as a live table, is shown as it stands after ``--seconds``.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import sys
import termios
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

_LINES = 200
_CLEAR = (b"\x1b[H", b"\x1b[2J", b"\x1b[2K")
_FONT_FACE = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)
"""Fonts from elsewhere: a picture fetches nothing, and the reader's own monospace font will do."""


def printed(command: list[str], *, width: int, seconds: float) -> str:
    """What the command has written until it ended, or until the time was over."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(width), LINES=str(_LINES))
        os.execvp(command[0], command)  # noqa: S606 - the caller's own command
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, width, 0, 0))
    until, found = time.monotonic() + seconds, bytearray()
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            found += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    return _last_screen(bytes(found)).decode(errors="replace").replace("\r\n", "\n")


def _last_screen(found: bytes) -> bytes:
    """Of a live table only what stands last."""
    start = max(found.rfind(each) for each in _CLEAR)
    return found if start < 0 else found[start:].split(b"\x1b[?25h")[0]


def main() -> int:
    """Run the command and write its picture."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        epilog="example: python docs/terminal_picture.py docs/images/top.svg -- trainingrun top",
    )
    parser.add_argument("picture", type=Path, help="the file to write")
    parser.add_argument("--width", type=int, default=110, help="columns [%(default)s]")
    parser.add_argument("--seconds", type=float, default=20.0, help="at most so long [%(default)s]")
    parser.add_argument("--title", help="the window's title [the command]")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    text = printed(asked.command, width=asked.width, seconds=asked.seconds).rstrip()
    if not text:
        print(f"{shlex.join(asked.command)} printed nothing: no picture", file=sys.stderr)
        return 1
    with Path(os.devnull).open("w") as nowhere:
        console = Console(width=asked.width, record=True, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(text))
    asked.picture.parent.mkdir(parents=True, exist_ok=True)
    drawn = console.export_svg(title=asked.title or shlex.join(asked.command))
    asked.picture.write_text(_FONT_FACE.sub("", drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main())
