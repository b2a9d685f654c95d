"""Series of points: rates out of counters, and fewer points of the same shape. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from trainingrun.local.samples import Sample

MOST_POINTS = 600
"""Of one line: a picture is no wider on most screens, and a page stays small."""
WINDOW_SECONDS = 30.0
Point = tuple[float, float | None]
"""x, and y; None where nothing is known, so that no line is drawn across."""


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return at most ``most`` points, with the lowest, the highest and a gap of each stretch kept.

    The first and the last point are always there. ``most`` is at least 8.
    """
    if len(points) <= most:
        return list(points)
    stretches = (most - 2) // 3
    kept = [points[0]]
    for index in range(stretches):
        begin = 1 + index * (len(points) - 2) // stretches
        end = 1 + (index + 1) * (len(points) - 2) // stretches
        kept += _marked(points[begin:end])
    return [*kept, points[-1]]


def _marked(points: Sequence[Point]) -> list[Point]:
    """Lowest, highest and one gap of a stretch, in their order."""
    known = [(y, index) for index, (_, y) in enumerate(points) if y is not None]
    chosen = {min(known)[1], max(known)[1]} if known else set()
    gap = next((index for index, (_, y) in enumerate(points) if y is None), None)
    if gap is not None:
        chosen.add(gap)
    return [points[index] for index in sorted(chosen)]


def rates(samples: Sequence[Sample], counter: str, window: float = WINDOW_SECONDS) -> list[Point]:
    """Return a counter's growth per second over the last ``window`` seconds, over elapsed seconds.

    None where nothing can be said: at the start, and where the counter has begun anew.
    """
    found: list[Point] = []
    first = 0
    for sample in samples:
        while sample.elapsed - samples[first].elapsed > window:
            first += 1
        before = samples[first]
        seconds = sample.elapsed - before.elapsed
        risen = getattr(sample, counter) - getattr(before, counter)
        found.append((sample.elapsed, risen / seconds if seconds > 0 and risen >= 0 else None))
    return found


def one_per_update(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples with losses, the first of each version."""
    kept: list[Sample] = []
    for sample in samples:
        if sample.losses and (not kept or sample.updates != kept[-1].updates):
            kept.append(sample)
    return kept


def terms_of(samples: Sequence[Sample]) -> list[str]:
    """Return the terms of the loss, in the order in which they appeared."""
    return list(dict.fromkeys(term for each in samples for term in each.losses))


def elapsed_at(samples: Sequence[Sample], moment: float) -> float | None:
    """Return the elapsed seconds at a moment (Unix seconds); None where no sample is near enough.

    Between two sessions no time elapses: such a moment belongs to the later one's beginning.
    """
    index = bisect_left(samples, moment, key=lambda sample: sample.at)
    if index == len(samples):
        near = bool(samples) and moment - samples[-1].at < WINDOW_SECONDS
        return samples[-1].elapsed if near else None
    before = samples[index - 1].elapsed if index else 0.0
    return max(before, samples[index].elapsed - (samples[index].at - moment))


def column(samples: Sequence[Sample], name: str) -> list[Point]:
    """Return one value of every sample, over elapsed seconds."""
    return [(each.elapsed, getattr(each, name)) for each in samples]


def known(points: Sequence[Point]) -> Iterator[tuple[float, float]]:
    """Return the points that have a value."""
    return ((x, y) for x, y in points if y is not None)
