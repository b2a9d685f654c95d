"""Make the built site whole without a network: our own script for search, nothing from outside.

    python -m docs.site.finish [build/site]

The site builder lets pages fetch one script from elsewhere, so that search works in pages that are
read as files; docs/javascripts/file-worker.js takes its place. Ends with exit code 1 and a sentence
for each thing that a page would still fetch from elsewhere.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

FOREIGN: Final = "https://unpkg.com/iframe-worker/shim"
OWN: Final = "javascripts/file-worker.js"
_FETCHED: Final = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(https?:[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon))[^>]*\bhref=[\"']?(https?:[^\"'\s>]+)"
)


def finished(page: str, depth: int) -> str:
    """The page's HTML with our script for the foreign one; ``depth`` folders below the site."""
    return page.replace(FOREIGN, "../" * depth + OWN)


def fetched(page: str) -> list[str]:
    """Addresses elsewhere that the page fetches by itself. Links that people follow are none."""
    return [found[1] or found[2] for found in _FETCHED.finditer(page)]


def finish(site: Path) -> list[str]:
    """Mend every page; gives a sentence for each that would still fetch from elsewhere."""
    wrong = []
    for file in sorted(site.rglob("*.html")):
        depth = len(file.relative_to(site).parts) - 1
        page = finished(file.read_text("utf-8"), depth)
        file.write_text(page, "utf-8")
        wrong += [f"{file} fetches {address}" for address in fetched(page)]
    return wrong


def main() -> int:
    """Mend the site; the exit code."""
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "build/site")
    if wrong := finish(site):
        print(*wrong, sep=os.linesep, file=sys.stderr)
        return 1
    print(f"{site}/index.html: the site, which needs no network and no server")
    return 0


if __name__ == "__main__":
    sys.exit(main())
