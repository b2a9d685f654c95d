"""Names in Redis: of a queue with one shard, and of one with several."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest
from trainingrun_contracts.stream.keys import Area, Keys


def test_one_shard_has_the_plain_names() -> None:
    """Expect a run with one reader to have no numbers in its names."""
    keys = Keys("r")
    assert keys.shard(0) == keys
    assert keys.all_shards == (keys,)
    assert (keys.rollouts, keys.depth) == ("roll:r", "tr:r:queue:depth")


def test_shards_share_what_is_not_of_the_queue() -> None:
    """Expect a stream, a depth and accounts of its own for each shard, and the rest in common."""
    shards = Keys("r", shards=2).all_shards
    assert [each.rollouts for each in shards] == ["roll:r:0", "roll:r:1"]
    for name in ("depth", "produced", "appended", "accounts", "marks"):
        assert len({getattr(each, name) for each in shards}) == 2
    for name in ("dead_letters", "epoch", "weights", "games", "notices"):
        assert len({getattr(each, name) for each in shards}) == 1


def test_a_shard_must_be_named() -> None:
    """Expect a queue of several shards to have no stream by itself, and none beyond its last."""
    keys = Keys("r", shards=2)
    with pytest.raises(ValueError, match="name one"):
        _ = keys.rollouts
    with pytest.raises(ValueError, match="shard 2 of 2"):
        keys.shard(2)


def test_every_key_is_in_the_area_of_its_writers() -> None:
    """Expect no key outside of the areas, by which Redis gives its rights."""
    keys = Keys("r")
    globs = [glob for area in Area for glob in keys.patterns(area)]
    values = [getattr(keys, name) for name in dir(Keys) if not name.startswith("_")]
    names = [each for each in values if isinstance(each, str) and each.startswith(("tr:", "roll:"))]
    assert len(names) > 20
    assert all(any(fnmatch(name, glob) for glob in globs) for name in (*names, keys.blob("0")))
