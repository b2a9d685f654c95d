"""Each block of commands in the guides is run by a test, or says why not."""

from pathlib import Path

from testkit.pages.guide_blocks import Step, blocks, indented, missing, pages, steps

PAGES = pages()


def test_each_block_has_a_language() -> None:
    """Without one commands cannot be distinguished from what they print."""
    texts = {page.name: page.read_text("utf-8") for page in PAGES}
    without = [
        f"{name}:{block.line}"
        for name, text in texts.items()
        for block in blocks(text)
        if not block.language
    ]
    assert without == []
    bare = [f"{name}:{line}" for name, text in texts.items() for line in indented(text)]
    assert bare == [], "write ``` and a language"


def test_commands_are_run_or_say_why_not() -> None:
    """A comment before the block: run, or not run with a reason."""
    unmarked = [
        f"{page.name}:{block.line}"
        for page in PAGES
        for block in blocks(page.read_text("utf-8"))
        if block.shell and not block.mark.startswith(("run", "not run: "))
    ]
    assert not unmarked, "put <!-- run --> or <!-- not run: REASON --> on the line before"


def test_what_is_shown_follows_what_is_run() -> None:
    """A block marked as shown belongs to a block that is run."""
    assert [page.name for page in PAGES if shows_what_nothing_printed(page)] == []


def shows_what_nothing_printed(page: Path) -> bool:
    """Whether a block of a page is marked as shown, and the one before it is not run."""
    kinds = [block.mark for block in blocks(page.read_text("utf-8")) if block.mark]
    pairs = zip(["", *kinds], kinds, strict=False)
    return any(mark == "shows" and not before.startswith("run") for before, mark in pairs)


def test_a_page_is_read_as_it_is_marked() -> None:
    """Exit code, shown lines and reasons go to the blocks they stand before."""
    text = (
        "<!-- run: exit 2 -->\n```sh\nfalse\n```\n\n<!-- shows -->\n```text\nno\n```\n"
        "<!-- not run: needs a cluster -->\n```sh\nkubectl get pods\n```\n"
    )
    assert steps(text) == [Step(2, "false\n", 2, ("no",))]


def test_an_unknown_mark_is_no_mark() -> None:
    """A misspelt mark is found by the test of marks, as none."""
    assert [block.mark for block in blocks("<!-- runs -->\n```sh\ntrue\n```\n")] == [""]


def test_shown_lines_are_found_in_order_with_other_numbers() -> None:
    """Numbers may differ and spaces may be more; words and order may not."""
    output = "games     100 (7.3/s) in 47 s\nledger  5 produced\n"
    assert missing(("games 12 (8/s) in 9 s", "ledger 7 produced"), output) is None
    assert missing(("ledger 7 produced", "games 12 (8/s) in 9 s"), output) is not None
    assert missing(("games 12 (8/h) in 9 s",), output) == "games 12 (8/h) in 9 s"
