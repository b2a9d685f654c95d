"""The journal: what was appended is read again, a torn end is cut, a full disk takes nothing."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from trainingrun_league.errors import Conflict, Exhausted
from trainingrun_league.replay.journal import Journal, read_records
from trainingrun_league.replay.records import (
    LARGEST_RECORD,
    MAGIC,
    PREFIX_SIZE,
    Batch,
    Counters,
    Head,
    Record,
    RecordError,
    Sampled,
    Update,
    framed,
    opened,
    prefix,
)
from trainingrun_league.replay.sources import SourceMark
from trainingrun_league.replay.table import NewItems

HEAD = Head(Counters(), 1, 1.0)


def batch(number: int, *, size: int = 20) -> Batch:
    """Three items of one source."""
    data = [bytes([number % 256]) * (size + each) for each in range(3)]
    items = NewItems(data, np.array([1, 2, 64]), np.array([0.0, 0.5, number]))
    return Batch("source", number, 3 * number - 2, items)


def same(one: Record, other: Record) -> bool:
    """Whether two records say the same, but for the size of the file before, which the journal puts
    into a head; their arrays may have other types."""
    return framed(_without_size(one)) == framed(_without_size(other))


def _without_size(record: Record) -> Record:
    return structs.replace(record, bytes_before=0) if isinstance(record, Head) else record


def read_again(record: Record) -> Record:
    """A record through its bytes."""
    found = bytes(framed(record))
    _, crc = prefix(found[:PREFIX_SIZE])
    return opened(found[PREFIX_SIZE:], crc)


RECORDS: list[Record] = [
    Head(Counters(1, 2, 3, 4, 5, 6, 7), 8, 9.0, (SourceMark("a", 3, (5, 7)),)),
    batch(1),
    Update(np.array([1, 2]), np.array([0.1, 7.0])),
    Sampled(Counters(recorded=9), np.array([4, 4, 5])),
    Sampled(Counters(), np.zeros(0, np.int64)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda each: type(each).__name__)
def test_a_record_is_what_it_was(record: Record) -> None:
    """Every kind, through its bytes."""
    again = read_again(record)
    assert type(again) is type(record)
    assert same(again, record)


@given(st.binary(min_size=5, max_size=200))
def test_any_bytes_are_a_record_or_an_error_of_ours(content: bytes) -> None:
    """With the right sum, too: what a disk gives is never a traceback."""
    with contextlib.suppress(RecordError):
        opened(content, zlib.crc32(content))


@given(st.sampled_from(RECORDS), st.data())
def test_a_changed_byte_is_found(tmp_path_factory, record: Record, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    """Anywhere: by the length or by the sum."""
    found = framed(record)
    place = data.draw(st.integers(0, len(found) - 1))
    found[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("record") / "file"
    path.write_bytes(MAGIC + found)
    assert list(read_records(path)) == []


def test_a_length_is_bounded_before_memory_is_taken() -> None:
    """A prefix that claims gigabytes is refused as it stands."""
    with pytest.raises(RecordError, match="no record has"):
        prefix((LARGEST_RECORD + 1).to_bytes(4, "little") + bytes(4))


def filled(folder: Path, *, groups: int, file_bytes: int = 400) -> list[Record]:
    """A journal of some groups in several files; returns its records, heads included."""
    journal = Journal.open(folder, file_bytes=file_bytes)
    written: list[Record] = []
    for number in range(1, groups + 1):
        head = Head(Counters(), 3 * number - 2, 1.0) if journal.is_full else None
        written += [] if head is None else [head]
        journal.append([batch(number)], head=head)
        written.append(batch(number))
    journal.close()
    return written


def contents(folder: Path) -> list[Record]:
    """All that a start finds."""
    journal = Journal.open(folder)
    found = list(journal.read())
    journal.close()
    return found


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    """In order, over several files."""
    written = filled(tmp_path, groups=12)
    assert len(list(tmp_path.glob("*.journal"))) > 2
    found = contents(tmp_path)
    assert len(found) == len(written)
    assert all(same(one, other) for one, other in zip(found, written, strict=True))


def test_an_end_torn_anywhere_is_cut_to_its_last_whole_record(tmp_path: Path) -> None:
    """At every byte of the last file: what is found is a beginning of what was written, and what
    is appended then is found, too."""
    written = filled(tmp_path / "whole", groups=7)
    files = sorted((tmp_path / "whole").glob("*.journal"))
    last = files[-1].read_bytes()
    for cut in range(len(last) + 1):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        for file in files[:-1]:
            os.link(file, folder / file.name)
        (folder / files[-1].name).write_bytes(last[:cut])
        journal = Journal.open(folder, file_bytes=10**6)
        found = list(journal.read())
        assert all(same(a, b) for a, b in zip(found, written, strict=False))
        assert len(found) >= len(written) - 1 - sum(map(_is_in(last), written))
        journal.append([batch(100)], head=HEAD)
        journal.close()
        again = contents(folder)
        assert len(again) == len(found) + 2
        assert same(again[-1], batch(100))


def _is_in(content: bytes):  # type: ignore[no-untyped-def]
    return lambda record: bytes(framed(record)) in content


def test_a_damaged_record_costs_the_rest_of_its_file(tmp_path: Path, caplog) -> None:  # type: ignore[no-untyped-def]
    """Not of the files behind it; and it is said how much."""
    written = filled(tmp_path, groups=12)
    first = min(tmp_path.glob("*.journal"))
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(content)
    found = contents(tmp_path)
    assert len(found) == len(written) - 1
    assert "damaged" in caplog.text


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may become larger, as on a full disk: EFBIG in the middle of a write."""
    before, handler = (
        resource.getrlimit(resource.RLIMIT_FSIZE),
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_takes_nothing_of_a_group_and_the_next_one_whole(tmp_path: Path) -> None:
    """A write that stops in the middle is refused and cut off, and makes no files again and again;
    with room again, it goes on."""
    journal = Journal.open(tmp_path)
    journal.append([batch(1)], head=HEAD)
    size = journal.size
    with largest_file(size + 50), pytest.raises(Exhausted, match="make room"):
        journal.append([batch(2)], head=None)
    assert journal.files[-1].path.stat().st_size == size
    for room in (10, size - 50):  # not enough for a head, and for a head alone
        with largest_file(room), pytest.raises(Exhausted):
            journal.append([batch(2)], head=HEAD)
        assert len(list(tmp_path.glob("*.journal"))) == len(journal.files) == 1
    assert journal.is_full
    journal.append([batch(2)], head=HEAD)
    journal.append([batch(3)], head=None)
    journal.close()
    found = contents(tmp_path)
    assert [type(each).__name__ for each in found] == ["Head", "Batch", "Head", "Batch", "Batch"]
    assert same(found[-1], batch(3))


def test_what_was_refused_is_not_found_whatever_the_disk_has_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After a failed fsync the group may be on the disk, whole: the next file says that it does
    not count."""
    journal = Journal.open(tmp_path)
    journal.append([batch(1)], head=HEAD)
    size = journal.size
    with largest_file(size + 50), pytest.raises(Exhausted):
        journal.append([batch(2)], head=None)
    journal.append([batch(2, size=30)], head=HEAD)
    with journal.files[0].path.open("ab") as doubtful:
        doubtful.write(framed(batch(2)))
    journal.close()
    found = contents(tmp_path)
    assert [type(each).__name__ for each in found] == ["Head", "Batch", "Head", "Batch"]
    assert same(found[1], batch(1))
    assert same(found[3], batch(2, size=30))
    assert "were refused" in caplog.text


def test_a_head_of_before_says_nothing_of_the_file_before_it(tmp_path: Path) -> None:
    """Journals of versions without that number are read whole."""
    filled(tmp_path, groups=12)
    for path in sorted(tmp_path.glob("*.journal")):
        records = [_without_size(record) for record, _ in read_records(path)]
        path.write_bytes(MAGIC + b"".join(map(bytes, map(framed, records))))
    assert sum(isinstance(each, Batch) for each in contents(tmp_path)) == 12


def test_a_folder_has_one_user(tmp_path: Path) -> None:
    """A second process would write over the first: it is refused, until the first has ended."""
    journal = Journal.open(tmp_path)
    with pytest.raises(Conflict, match="another Replay service"):
        Journal.open(tmp_path)
    journal.close()
    Journal.open(tmp_path).close()


def test_files_whose_items_are_gone_are_named_and_removed(tmp_path: Path) -> None:
    """Those alone that have nothing newer; never the one that is written."""
    filled(tmp_path, groups=12)
    journal = Journal.open(tmp_path)
    list(journal.read())
    firsts = [file.first_id for file in journal.files]
    assert journal.evicted(firsts[1] - 1) == []
    (gone,) = journal.evicted(firsts[1])
    assert gone == (journal.files[0], firsts[1] - 1)
    assert gone[0].experiences == 67 * (firsts[1] - firsts[0]) // 3
    journal.remove(gone[0])
    assert journal.evicted(10**9)[0][0].first_id == firsts[1]
    assert len(journal.evicted(10**9)) == len(firsts) - 2
    journal.close()
