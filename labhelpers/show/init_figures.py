"""The figures of the lab on the runtime's start: its chain, what steps are made of, the releases.

Each function draws one figure and returns it; shape or words tell the same as colour.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.experiments.initchain import ARTICLE, Link, merged
from labhelpers.experiments.initcounts import Reason
from labhelpers.experiments.initreleases import WHOLE
from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALE = {"rt0_go": "#DCEBF7", "schedinit": "#FBE3CF", "runtime.main": "#D5F0E5"}
"""The ground of each function's steps; its name stands beside them, too."""
MISSING = COLOURS[1]
LINE = 0.21
"""Inches that one step takes."""
WIDE = 1.3
"""How wide a true chain is, where the article's takes one."""


def chains(found: Sequence[Sequence[Link]]) -> "Figure":
    """Draw the article's chain beside the true one of each release, its steps where they belong."""
    from matplotlib import pyplot as plt

    longest = max(len(links) for links in found)
    figure, panel = plt.subplots(
        figsize=(3.0 + 3.5 * len(found), LINE * longest + 0.7), layout="constrained"
    )
    spread = longest / len(ARTICLE)
    boxes = {step: (index + 0.5) * spread for index, step in enumerate(ARTICLE)}
    for index, (step, y) in enumerate(boxes.items()):
        if index:
            panel.annotate(
                "",
                (0.5, y - 0.9),
                (0.5, y - spread + 0.9),
                arrowprops={"arrowstyle": "->", "color": GREY},
            )
        panel.text(
            *(0.5, y, f"{index + 1}  {step}"),
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": "black"},
        )
    for column, links in enumerate(found):
        left = 1.4 + 1.6 * column
        _true_chain(panel, links, left)
        if column == 0:
            _threads(panel, links, boxes, left)
    panel.text(0.5, -1.2, "the article", ha="center", fontweight="bold")
    panel.set(xlim=(0, 1.35 + 1.6 * len(found)), ylim=(longest + 0.5, -2))
    panel.axis("off")
    return figure


def _true_chain(panel: "Axes", links: Sequence[Link], left: float) -> None:
    from matplotlib.patches import Rectangle

    panel.text(
        left + WIDE / 2, -1.2, f"Go {links[0].go}, its source", ha="center", fontweight="bold"
    )
    begin = 0
    for index, link in enumerate(links):
        panel.add_patch(Rectangle((left, index), WIDE, 1, color=PALE[link.function], linewidth=0))
        own = link.step in ARTICLE or "sysmon" in link.step
        panel.text(
            *(left + 0.05, index + 0.5, f"{index + 1}  {link.step}"),
            va="center",
            fontsize=8,
            fontweight="bold" if own else "normal",
        )
        last = index + 1 == len(links) or links[index + 1].function != link.function
        if last:
            panel.plot(
                [left + WIDE + 0.02] * 2, [begin + 0.1, index + 0.9], color="black", linewidth=1
            )
            panel.text(
                *(left + WIDE + 0.05, (begin + index + 1) / 2, link.function),
                rotation=270,
                va="center",
                fontsize=8,
            )
            begin = index + 1


def _threads(panel: "Axes", links: Sequence[Link], boxes: Mapping[str, float], left: float) -> None:
    """Draw a line from each step of the article to its place, a cross where it has none."""
    for number, (step, y) in enumerate(boxes.items()):
        places = [i for i, link in enumerate(links) if step in (link.function, link.step)]
        places = places or [i for i, link in enumerate(links) if f"({step})" in link.step]
        if not places:
            panel.plot(0.95, y, "X", color=MISSING, markersize=11)
            panel.text(1.0, y, " no such\n function", color=MISSING, va="center", fontsize=8)
            continue
        panel.plot(
            [0.86, left - 0.03],
            [y, places[0] + 0.5],
            color=COLOURS[number % len(COLOURS)],
            linewidth=1.4,
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
        )


def made_of(reasons: Sequence[Reason], least_us: float = 15.0) -> "Figure":
    """Draw the long steps as bars: what CPUIDs and page faults explain, and what is left.

    Args:
        reasons: of some releases; a panel each.
        least_us: steps below it in every release are left out.
    """
    from matplotlib import pyplot as plt

    releases = list(dict.fromkeys(row.go for row in reasons))
    long = {(r.function, r.step) for r in reasons if r.median_us >= least_us}
    own = [[(r.function, r.step) for r in reasons if r.go == go] for go in releases]
    names = [key for key in merged(own) if key in long]
    figure, axes = plt.subplots(
        *(1, len(releases)),
        figsize=(10, 0.27 * len(names) + 1.3),
        sharey=True,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    parts = (("CPUID", COLOURS[1], "//"), ("page faults", COLOURS[0], ""), ("rest", "#DDDDDD", ""))
    for panel, go in zip(axes[0], releases, strict=True):
        for row in (reason for reason in reasons if reason.go == go):
            key = (row.function, row.step)
            if key not in long:
                continue
            left, y = 0.0, names.index(key)
            rest = max(0.0, row.median_us - row.cpuid_us - row.fault_us)
            widths = (row.cpuid_us, row.fault_us, rest)
            for width, (_, colour, hatch) in zip(widths, parts, strict=True):
                panel.barh(y, width, 0.75, left, color=colour, hatch=hatch, edgecolor="white")
                left += width
            panel.plot([row.median_us] * 2, [y - 0.42, y + 0.42], color="black", linewidth=1.6)
        panel.set(title=f"Go {go}", xlabel="µs (black line: the step's median)")
        panel.grid(axis="x", alpha=0.25)
    axes[0][0].set_yticks(range(len(names)), [f"{step}  ({function})" for function, step in names])
    axes[0][0].invert_yaxis()
    for name, colour, hatch in parts:
        axes[0][0].barh(0, 0, color=colour, hatch=hatch, edgecolor="white", label=name)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def releases(rows: Sequence[Mapping[str, Any]], least_us: float = 6.0) -> "Figure":
    """Draw every step that is long somewhere, or is not everywhere, against the releases.

    A disc's area is the time; a number stands in it from 10 µs on. A star marks where a step came
    in, a cross a release whose source has no such step, a dot one that a start without C skips.

    Args:
        rows: of `initreleases.all_releases`.
        least_us: steps that are everywhere and always shorter are left out.
    """
    from matplotlib import pyplot as plt

    gos = list(dict.fromkeys(row["go"] for row in rows))
    times = {(row["go"], row["function"], row["step"]): row["us"] for row in rows}
    order = merged(
        [
            [(r["function"], r["step"]) for r in rows if r["go"] == go and r["step"] != WHOLE]
            for go in gos
        ]
    )
    kept = []
    for key in order:
        own = [times.get((go, *key), 0.0) or 0.0 for go in gos]
        if max(own) >= least_us or (any((go, *key) not in times for go in gos) and max(own) > 0):
            kept.append(key)
    figure, panel = plt.subplots(figsize=(9.5, 0.31 * len(kept) + 1.6), layout="constrained")
    live = {row["go"]: row.get("live", True) for row in rows}
    longest = max(times[go, *key] or 0.0 for go in gos for key in kept if (go, *key) in times)
    for x in range(len(gos)):
        for y, key in enumerate(kept):
            _disc(panel, x, y, [times.get((other, *key), "no") for other in gos[: x + 1]], longest)
    labels = [
        f"{go}\n{times[go, WHOLE, WHOLE] / 1000:.2f} ms\n{'here' if live[go] else 'recorded'}"
        for go in gos
    ]
    panel.set_xticks(range(len(gos)), labels)
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(kept)), [f"{step}  ({function})" for function, step in kept])
    panel.tick_params(length=0)
    panel.set(xlim=(-0.6, len(gos) - 0.4), ylim=(len(kept) - 0.4, -0.6))
    panel.grid(axis="y", alpha=0.25)
    panel.plot([], [], "o", color=COLOURS[5], markersize=9, label="the area is the time, in µs")
    panel.plot([], [], "*", color=MISSING, markersize=9, label="new in this release")
    panel.plot([], [], "x", color=GREY, markersize=6, label="not in its source")
    panel.plot([], [], ".", color=GREY, markersize=4, label="skipped without C")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _disc(panel: "Axes", x: int, y: int, upto: Sequence[Any], longest: float) -> None:
    """Draw one step of a release, given its times up to that release; "no": not in the source."""
    us = upto[-1]
    if us == "no":
        panel.plot(x, y, "x", color=GREY, markersize=5)
        return
    if x and all(before == "no" for before in upto[:-1]):
        panel.plot(x - 0.34, y, "*", color=MISSING, markersize=9)
    if us is None:
        panel.plot(x, y, ".", color=GREY, markersize=4)
        return
    panel.scatter(x, y, max(1.0, 620 * us / longest), color=COLOURS[5], zorder=2)
    if us >= 10:
        panel.text(x, y, f"{us:.0f}", ha="center", va="center", fontsize=7.5, zorder=3)
