"""The documentation site: no link and no page is lost."""

import shutil
from pathlib import Path

import pytest
from trainingrun_api.conditions import ConditionType, EventReason, Reason

from docs.site import assemble, drawing
from docs.site.finish import fetched, finish
from docs.site.site_links import anchors, broken, rewritten, slug
from tools import events_page


def test_every_link_leads_somewhere_and_every_page_is_in_the_navigation() -> None:
    """Links, anchors, orphans and entries without a page, of the real pages."""
    assert assemble.problems() == []


def test_the_readme_leads_nowhere_wrong() -> None:
    """It is no page of the site, but the entry on the forge."""
    pages = assemble.pages() | {"README.md": (assemble.ROOT / "README.md").read_text("utf-8")}
    assert broken(pages, lambda path: (assemble.ROOT / path).exists()) == []


def test_a_link_to_nothing_is_told_with_its_place() -> None:
    """A missing page, and a heading that a page does not have."""
    pages = {"docs/a.md": "# A\n\n[b](b.md)\n[c](#nothing)\n[d](#a)\n", "docs/c.md": "# C"}
    assert broken(pages, lambda _path: False) == [
        "docs/a.md:3: b.md leads to docs/b.md, which is not there",
        "docs/a.md:4: #nothing names a heading that docs/a.md does not have",
    ]


def test_links_in_code_are_no_links() -> None:
    """Neither in blocks nor between backticks."""
    text = "# A\n\n```yaml\n[x](y.md)\n```\n\n    [x](y.md)\n\n`[x](y.md)` [web](https://x.org/y)\n"
    assert broken({"a.md": text}, lambda _path: False) == []


def test_a_page_without_its_entry_is_told(tmp_path: Path) -> None:
    """An orphan, and an entry whose page is gone."""
    for name in ("docs", "mkdocs.yml", "ARCHITECTURE.md", "benchmarks", "tests", "examples"):
        (tmp_path / name).symlink_to(assemble.ROOT / name)
    (tmp_path / "docs").unlink()
    shutil.copytree(assemble.ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs/guides/new.md").write_text("# New\n")
    (tmp_path / "docs/runbooks/no-progress.md").unlink()
    told = "\n".join(assemble.problems(tmp_path))
    assert "guides/new.md is not in the navigation of mkdocs.yml" in told
    assert "mkdocs.yml names runbooks/no-progress.md, which is not there" in told


def test_pages_from_elsewhere_keep_their_links(tmp_path: Path) -> None:
    """A guide's link to the results, and a page's link to a file that is no page."""
    assemble.write(tmp_path / "site")
    throughput = (tmp_path / "site/guides/throughput.md").read_text("utf-8")
    assert "(../results.md)" in throughput
    entries = (assemble.ROOT / "ARCHITECTURE.md").read_text("utf-8").count("\n- **")
    assert (tmp_path / "site/glossary.md").read_text("utf-8").count("\n- **") == entries > 0
    assert (tmp_path / "site/images/architecture-dark.svg").is_file()


def test_only_paths_of_links_are_rewritten() -> None:
    """Anchors, the web, and everything around them stay."""
    text = "see [a](../x.md#one), [b](#two) and [c](https://c.org)\n"
    moved = rewritten("docs/guides/p.md", text, lambda path: f"<{path}>")
    assert moved == "see [a](<docs/x.md>#one), [b](#two) and [c](https://c.org)\n"


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Spot nodes", "spot-nodes"),
        ("3. Engine: the games wait", "3-engine-the-games-wait"),
        ("Waiting for quota: Kueue", "waiting-for-quota-kueue"),
        ("What `-k` does", "what-k-does"),
        ("[A page](x.md) and more", "a-page-and-more"),
    ],
)
def test_anchors_are_made_as_forges_make_them(heading: str, anchor: str) -> None:
    """Lower case, hyphens between words, signs left out."""
    assert slug(heading) == anchor
    assert anchor in anchors(f"## {heading}\n")


def test_the_architecture_is_drawn_for_light_and_dark() -> None:
    """The pictures that are kept are those of the description."""
    for name, palette in drawing.PALETTES.items():
        file = drawing.FOLDER / f"architecture-{name}.svg"
        assert file.read_text("utf-8") == drawing.drawing(palette)


def test_where_events_are_explained_is_told_of_words_that_exist() -> None:
    """The page of events has every word, and none that is gone."""
    words = {word.value for kind in (ConditionType, Reason, EventReason) for word in kind}
    assert events_page.SEE.keys() <= words
    text = events_page.page()
    assert all(f"| `{word}` |" in text for word in words)


def test_the_built_site_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    """The builder's one foreign script is replaced by ours, relative to the page."""
    (tmp_path / "guides").mkdir()
    script = '<script src="https://unpkg.com/iframe-worker/shim" type="text/javascript"></script>'
    for name in ("index.html", "guides/a.html"):
        (tmp_path / name).write_text(f"{script}<a href='https://x.org'>x</a>")
    assert finish(tmp_path) == []
    assert 'src="javascripts/file-worker.js"' in (tmp_path / "index.html").read_text()
    assert 'src="../javascripts/file-worker.js"' in (tmp_path / "guides/a.html").read_text()


@pytest.mark.parametrize(
    "tag",
    [
        '<script async src="https://x.org/a.js"></script>',
        '<link rel="stylesheet" href="https://x.org/a.css">',
        '<link href="https://x.org/a.css" rel="preload">',
        "<img alt='' src='https://x.org/a.png'>",
    ],
)
def test_what_a_page_would_fetch_is_told(tmp_path: Path, tag: str) -> None:
    """Scripts, styles and pictures; links that people follow are none."""
    (tmp_path / "index.html").write_text(tag)
    assert fetched(tag)
    assert len(finish(tmp_path)) == 1
    assert (
        fetched('<a href="https://x.org/a.png">a</a><link rel="canonical" href="https://x.org">')
        == []
    )
