"""What the time of actors and learner went into, as bars whose parts have numbers beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from trainingrun.commands.report.charts import COLOURS
from trainingrun.commands.report.formatting import percent
from trainingrun.commands.report.markup import Markup, tag
from trainingrun.commands.report.material import Material
from trainingrun.local.samples import mean_parts

_NAMES = {
    "engine": "waiting for the engine",
    "inference": "choosing actions",
    "queue": "held back by the queue",
    "slots": "waiting for slots",
    "data": "waiting for data",
    "compute": "computing",
    "publish": "publishing weights",
    "checkpoint": "writing checkpoints",
}


def waits_of(material: Material) -> Iterator[Markup]:
    """Means over the time in which games were played; nothing where nothing is known."""
    played = [each for each in material.samples if each.playing]
    whose = {
        "What the actors' time went into": mean_parts(
            [each.actor_waits for each in played if each.actor_waits]
        ),
        "What the learner's time went into": mean_parts(
            [each.learner_waits for each in played if each.learner_waits]
        ),
    }
    bars = [_bar(title, parts) for title, parts in whose.items() if parts]
    if bars:
        yield tag("div", *bars, class_="bars")
    named = Counter(each.bottleneck for each in played if each.bottleneck is not None)
    if named:
        shares = (f"{part} {percent(n / named.total())}" for part, n in named.most_common())
        said = "Bottleneck, as a part of the time in which games were played: " + ", ".join(shares)
        yield tag("p", f"{said}.", class_="note")


def _bar(title: str, parts: Mapping[str, float]) -> Markup:
    shown = {name: part for name, part in parts.items() if part > 0}
    labels = [f"{_NAMES.get(name, name)} {percent(round(part, 3))}" for name, part in shown.items()]
    keys = [_key(f"c{index % COLOURS}", each) for index, each in enumerate(labels)]
    rest = 1 - sum(shown.values())
    if rest > 0.005:
        labels.append(f"other {percent(round(rest, 3))}")
        keys.append(_key("rest", labels[-1]))
    drawing = tag(
        "svg",
        *_rects(shown.values()),
        role="img",
        width="100%",
        height="18",
        aria_label=f"{title}: {', '.join(labels)}",
    )
    head = tag("figcaption", tag("strong", title))
    return tag("figure", head, drawing, tag("p", *keys, class_="legend"))


def _rects(parts: Iterable[float]) -> Iterator[Markup]:
    """Yield one after another, never wider than the bar."""
    begin = 0.0
    for index, part in enumerate(parts):
        width = max(0.0, min(part, 1 - begin))
        yield tag(
            "rect",
            class_=f"c{index % COLOURS}",
            x=f"{begin * 100:.4g}%",
            y="0",
            width=f"{width * 100:.4g}%",
            height="100%",
        )
        begin += width


def _key(kind: str, labels: str) -> Markup:
    return tag("span", tag("i", class_=f"key {kind}"), labels)
