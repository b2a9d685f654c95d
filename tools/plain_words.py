"""Check that the product is written in the field's words.

    python -m tools.plain_words [--update] [--words FILE] [MEMBER …]

Scan the names that product code defines (modules, classes, functions, arguments, variables), its
docstrings, comments and messages for the words of ``tools/words.toml``. Print each finding as
``file:line: 'word': write …`` for a member that has more of them than the file allows, and exit
with 1. ``--update`` writes the lower counts into the file. With MEMBERs, print all findings of
those.

Only definitions count, not uses: one rename removes one finding. Not ruff: it has no rule for parts
of names, and none for prose.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

WORDS: Final = Path("tools/words.toml")
_CAPITALS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CODE: Final = re.compile(r"``.*?``|`[^`]*`", re.DOTALL)
_LEFT: Final = re.compile(r"^\[left\]\n(?:.*\n)*?(?=\[|\Z)", re.MULTILINE)


class Source(Enum):
    """Where a text comes from."""

    NAMES = "names"
    PROSE = "prose"


@dataclass(frozen=True)
class Text:
    """A name, split into words, or a stretch of prose, with the line where it begins."""

    line: int
    source: Source
    words: str


@dataclass(frozen=True)
class Rule:
    """A word that is not used, in all its forms, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str
    sources: frozenset[Source]


@dataclass(frozen=True)
class Exemption:
    """Files (a glob) in which a word has a meaning of its own."""

    files: str
    words: frozenset[str]


@dataclass(frozen=True)
class Vocabulary:
    """The content of ``words.toml``."""

    rules: tuple[Rule, ...]
    exemptions: tuple[Exemption, ...]
    left: Mapping[str, int]


@dataclass(frozen=True)
class Finding:
    """A word that should be another one."""

    file: Path
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word!r}: write {self.instead}"


def parse(document: str) -> Vocabulary:
    """Read the list of words.

    Raises:
        ValueError: an entry has an unknown key, or an exemption has no reason.
    """
    content = tomllib.loads(document)
    rules = tuple(_rule(word, entry) for word, entry in content["words"].items())
    exemptions = tuple(_exemption(entry) for entry in content.get("except", ()))
    return Vocabulary(rules, exemptions, content.get("left", {}))


def _rule(word: str, entry: Mapping[str, Any]) -> Rule:
    if unknown := entry.keys() - {"forms", "instead", "but", "only"}:
        raise ValueError(f"{word}: unknown key {', '.join(sorted(unknown))}")
    sources = frozenset({Source(entry["only"])}) if "only" in entry else frozenset(Source)
    wanted = "|".join(map(_spaced, [word, *entry.get("forms", ())]))
    pattern = rf"\b({wanted})\b"
    if but := "|".join(map(_spaced, entry.get("but", ()))):
        pattern = rf"\b(?:{but})\b|{pattern}"
    return Rule(re.compile(pattern, re.IGNORECASE), entry["instead"], sources)


def _spaced(phrase: str) -> str:
    """A pattern of the phrase that also matches across a line break."""
    return r"\s+".join(map(re.escape, phrase.split()))


def _exemption(entry: Mapping[str, Any]) -> Exemption:
    if not entry.get("reason"):
        raise ValueError(f"{entry['files']}: an exemption needs a reason")
    return Exemption(entry["files"], frozenset(entry["words"]))


def findings(file: Path, code: str, vocabulary: Vocabulary) -> list[Finding]:
    """Return the findings in a file of Python, in order of their lines.

    Raises:
        SyntaxError: the code cannot be parsed.
    """
    exempt = {
        word
        for exemption in vocabulary.exemptions
        if file.match(exemption.files)
        for word in exemption.words
    }
    found = [
        Finding(file, text.line + text.words.count("\n", 0, match.start()), word, rule.instead)
        for text in (*_names(file, code), *_prose(code))
        for rule in vocabulary.rules
        if text.source in rule.sources
        for match in rule.pattern.finditer(text.words)
        if (word := match[1]) and word.lower() not in exempt
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.word))


def split_name(name: str) -> str:
    """Return a name as words: ``told_phase`` and ``ToldPhase`` are ``told phase``."""
    return _CAPITALS.sub(" ", name).replace("_", " ").strip().lower()


def _names(file: Path, code: str) -> Iterator[Text]:
    """Yield the names that a module defines, its own first."""
    yield Text(1, Source.NAMES, split_name(file.stem))
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield Text(node.lineno, Source.NAMES, split_name(name))
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield Text(node.lineno, Source.NAMES, split_name(name))
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield Text(node.lineno, Source.NAMES, split_name(name))


def _prose(code: str) -> Iterator[Text]:
    """Yield comments (those of consecutive lines as one) and strings that hold a space.

    Strings without one are keys and formats. What stands between back-quotes is code.
    """
    comment: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            comment.append(token)
            continue
        if comment and token.type != tokenize.NL:
            yield _comment(comment)
            comment = []
        if token.type == tokenize.STRING and " " in token.string:
            yield Text(token.start[0], Source.PROSE, _CODE.sub(_blank, token.string))


def _comment(tokens: Sequence[tokenize.TokenInfo]) -> Text:
    lines: list[str] = []
    for token in tokens:
        lines += [""] * (token.start[0] - tokens[0].start[0] - len(lines))
        lines.append(token.string.lstrip("# "))
    return Text(tokens[0].start[0], Source.PROSE, _CODE.sub(_blank, "\n".join(lines)))


def _blank(code: re.Match[str]) -> str:
    return "`" + "\n" * code[0].count("\n")


def members() -> list[str]:
    """Return the folders whose code is a product."""
    return sorted(str(path.parent) for path in Path().glob("*/src"))


def findings_of(member: str, vocabulary: Vocabulary) -> list[Finding]:
    """Return the findings in all modules of a member."""
    files = sorted(Path(member, "src").rglob("*.py"))
    return [each for file in files for each in findings(file, file.read_text(), vocabulary)]


def with_lower_counts(document: str, counts: Mapping[str, int]) -> str:
    """Return the list of words with the counts lowered to these; none is raised."""
    left = parse(document).left
    lowered = {name: min(count, left.get(name, count)) for name, count in counts.items()}
    table = "[left]\n" + "".join(f"{name} = {count}\n" for name, count in sorted(lowered.items()))
    if _LEFT.search(document):
        return _LEFT.sub(table, document)
    return f"{document.rstrip()}\n\n{table}"


def excess(found: Mapping[str, Sequence[Finding]], left: Mapping[str, int]) -> list[str]:
    """Return lines about the members that have more findings than they may have."""
    lines: list[str] = []
    for member, each in found.items():
        allowed = left.get(member, 0)
        if len(each) > allowed:
            lines += [*map(str, each), f"{member}: {len(each)} house words, {allowed} are allowed"]
    return lines


def main(arguments: Iterable[str]) -> int:
    """Print findings; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.plain_words")
    parser.add_argument("--update", action="store_true", help="write the lower counts")
    parser.add_argument("--words", type=Path, default=WORDS, help="the list of words")
    parser.add_argument("members", nargs="*", help="print all findings of these")
    options = parser.parse_args([*arguments])
    document = options.words.read_text()
    vocabulary = parse(document)
    found = {name: findings_of(name, vocabulary) for name in options.members or members()}
    if options.members:
        print(*(finding for each in found.values() for finding in each), sep="\n")
        return 0
    if options.update:
        counts = {name: len(each) for name, each in found.items()}
        options.words.write_text(with_lower_counts(document, counts))
        vocabulary = parse(options.words.read_text())
    if lines := excess(found, vocabulary.left):
        print(*lines, sep="\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
