"""The page about own parts shows the files of the example, which a test trains with."""

import re

from testkit.tree import ROOT

PAGE = ROOT / "docs/guides/own-parts.md"
EXAMPLE = ROOT / "examples/own-parts"
SHOWN = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.M | re.S)


def test_the_page_shows_the_example_as_it_is() -> None:
    """Every file of it that has code, word for word."""
    shown = dict(SHOWN.findall(PAGE.read_text("utf-8")))
    files = [path for path in EXAMPLE.rglob("*.*") if path.suffix in {".py", ".toml", ".yaml"}]
    held = {path.relative_to(EXAMPLE).as_posix(): path.read_text("utf-8") for path in files}
    assert shown == {name: text for name, text in held.items() if text}
