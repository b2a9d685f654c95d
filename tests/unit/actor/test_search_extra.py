"""Compiled searches that an image brings: copied to where they may be written, once."""

from __future__ import annotations

from pathlib import Path

from trainingrun_actor.search_extra import (
    NUMBA_CACHE_VARIABLE,
    SHIPPED_CACHE_VARIABLE,
    use_shipped_cache,
)


def test_a_shipped_cache_is_copied_once(tmp_path: Path) -> None:
    """Expect the files where numba looks, and what a process added there left alone."""
    shipped, wanted = tmp_path / "shipped", tmp_path / "wanted"
    (shipped / "rules").mkdir(parents=True)
    (shipped / "rules" / "one.nbi").write_bytes(b"compiled")
    environ = {SHIPPED_CACHE_VARIABLE: str(shipped), NUMBA_CACHE_VARIABLE: str(wanted)}
    use_shipped_cache(environ)
    assert (wanted / "rules" / "one.nbi").read_bytes() == b"compiled"
    (wanted / "rules" / "one.nbi").write_bytes(b"newer")
    use_shipped_cache(environ)
    assert (wanted / "rules" / "one.nbi").read_bytes() == b"newer"


def test_without_a_shipped_cache_searches_are_compiled(tmp_path: Path) -> None:
    """Expect no folder where none is shipped, where it is gone, and where none is wanted."""
    wanted = tmp_path / "wanted"
    use_shipped_cache({NUMBA_CACHE_VARIABLE: str(wanted)})
    use_shipped_cache(
        {SHIPPED_CACHE_VARIABLE: str(tmp_path / "gone"), NUMBA_CACHE_VARIABLE: str(wanted)}
    )
    use_shipped_cache({SHIPPED_CACHE_VARIABLE: str(tmp_path)})
    assert not wanted.exists()
