"""Gather the pages of the documentation site in one folder, for the site builder.

    python -m docs.site.assemble [build/docs]

The site shows the pages of docs/ as they stand, and some that have their place elsewhere, because
people of the repository look for them there: those in ``ELSEWHERE``. Their links are made to fit.
A link to a file that is no page (an example, a deck) gets a copy of that file. Ends with exit code
1 and a sentence for each link that leads nowhere, each page that the navigation lacks, and each
entry of the navigation without a page.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from docs.site.site_links import broken, links, resolved, rewritten

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = "docs"
# Path in the repository: path in the site.
ELSEWHERE: Final = {
    "ARCHITECTURE.md": "architecture.md",
    "benchmarks/RESULTS.md": "results.md",
    "tests/protocol/README.md": "developing/protocol-tests.md",
    "tests/e2e/README.md": "developing/cluster-tests.md",
}
GLOSSARY: Final = "glossary.md"
FILES: Final = "files"


def pages(root: Path = ROOT) -> dict[str, str]:
    """Every page of the site by its path in the repository, with its text."""
    own = (file for file in sorted((root / DOCS).rglob("*.md")))
    found = {file.relative_to(root).as_posix(): file.read_text("utf-8") for file in own}
    return found | {path: (root / path).read_text("utf-8") for path in ELSEWHERE}


def place(path: str) -> str:
    """Where a page or file of the repository stands in the site."""
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    if path.startswith(f"{DOCS}/"):
        return path.removeprefix(f"{DOCS}/")
    if path == "README.md":
        return "index.md"
    return f"{FILES}/{path}"


def site(root: Path = ROOT) -> dict[str, str]:
    """Each page's path in the site and its text, with links that hold there."""
    made = {place(path): _moved(path, text) for path, text in pages(root).items()}
    return made | {GLOSSARY: glossary((root / "ARCHITECTURE.md").read_text("utf-8"))}


def _moved(path: str, text: str) -> str:
    here = posixpath.dirname(place(path))
    return rewritten(path, text, lambda to: posixpath.relpath(place(to), here or "."))


def glossary(architecture: str) -> str:
    """The glossary as a page of its own: the words have one place, in ARCHITECTURE.md."""
    _, _, words = architecture.partition("\n## Glossary\n")
    return f"# Glossary\n\nThe project has one word for each idea; these are the words.\n{words}"


def navigated(root: Path = ROOT) -> list[str]:
    """The pages that the navigation names, in its order."""
    settings: Mapping[str, Any] = yaml.safe_load((root / "mkdocs.yml").read_text("utf-8"))
    return list(_leaves(settings["nav"]))


def _leaves(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from _leaves(inner)


def problems(root: Path = ROOT) -> list[str]:
    """A sentence for each thing that would make a reader lose the way."""
    named, there = navigated(root), set(site(root))
    return [
        *broken(pages(root), lambda path: (root / path).exists()),
        *(f"mkdocs.yml names {page}, which is not there" for page in named if page not in there),
        *(f"{page} is not in the navigation of mkdocs.yml" for page in there - set(named)),
        *(f"mkdocs.yml names {page} twice" for page in set(named) if named.count(page) > 1),
    ]


def write(folder: Path, root: Path = ROOT) -> int:
    """Write the site's pages and what they show into ``folder``; gives their number."""
    shutil.rmtree(folder, ignore_errors=True)
    made = site(root)
    for path, text in made.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    for folder_of_docs in ("images", "stylesheets", "javascripts"):
        shutil.copytree(root / DOCS / folder_of_docs, folder / folder_of_docs)
    for path in _linked_files(root):
        (folder / place(path)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, folder / place(path))
    return len(made)


def _linked_files(root: Path) -> set[str]:
    found = {
        resolved(page, link.target)[0]
        for page, text in pages(root).items()
        for link in links(page, text)
    }
    return {
        path for path in found if place(path).startswith(f"{FILES}/") and (root / path).is_file()
    }


def main() -> int:
    """Check and gather; the exit code."""
    os.chdir(ROOT)
    if wrong := problems():
        print("\n".join(wrong), file=sys.stderr)
        return 1
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs")
    print(f"{write(folder)} pages in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
