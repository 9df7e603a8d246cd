"""The figures of the lab on tracing a start. Each function draws one figure and returns it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.experiments.initranking import InitSum
from labhelpers.experiments.instruments import PLAIN, View
from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]

PALE = "#E4E4E4"
HATCHES = ("", "//", "..", "\\\\", "xx", "")
SHARE: dict[str, Any] = {"va": "center", "fontsize": 9, "fontweight": "bold"}
LEAST_SEEN = 0.004
"""A stretch narrower than this part of the axis is marked by a triangle, too."""


def seen_bars(
    views: Sequence[View],
    phases: Sequence[tuple[str, float]] = (),
    explained: float | None = None,
) -> "Figure":
    """Draw what each instrument sees of a start, on one axis that begins at the spawn.

    Args:
        views: a row each; a pale bar for the whole start, the stretch that is seen upon it.
        phases: name and microseconds of each phase of the start that nothing watches: a row above
            the others, where there are any.
        explained: what part of that start these phases explain, as a fraction.
    """
    from matplotlib import pyplot as plt

    shown = [view for view in views if view.instrument != PLAIN.name]
    figure, panel = plt.subplots(figsize=(10, 0.42 * len(shown) + 2.3), layout="constrained")
    labels = ["phases of the start"] if phases else []
    _draw_phases(panel, phases)
    if phases and explained is not None:
        whole = sum(width for _, width in phases) / 1e3
        panel.annotate(f" {explained:.0%}".replace("%", " %"), (whole, 0), **SHARE)
    end = max([view.wall_us for view in shown] + [sum(width for _, width in phases)]) / 1e3
    for y, view in enumerate(shown, start=len(labels)):
        _draw_view(panel, view, y, end)
        labels.append(view.instrument)
    panel.set_yticks(range(len(labels)), labels)
    panel.set_ylim(len(labels) - 0.4, -0.6)
    panel.set_xlim(0, end * 1.13)
    panel.set_xlabel("ms since the spawn; pale: the whole start under that instrument")
    panel.grid(axis="x", alpha=0.25)
    panel.spines[["top", "right"]].set_visible(False)
    if phases:
        figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure


def _draw_phases(panel: "Axes", phases: Sequence[tuple[str, float]]) -> None:
    left = 0.0
    for index, (name, width) in enumerate(phases):
        colour, hatch = COLOURS[index % len(COLOURS)], HATCHES[index % len(HATCHES)]
        panel.barh(
            *(0, width / 1e3, 0.7, left / 1e3),
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0,
            label=name,
        )
        left += width


def _draw_view(panel: "Axes", view: View, y: int, end: float) -> None:
    panel.barh(y, view.wall_us / 1e3, 0.7, color=PALE)
    if view.from_us is not None and view.to_us is not None:
        begin, width = view.from_us / 1e3, (view.to_us - view.from_us) / 1e3
        panel.barh(y, width, 0.7, begin, color=COLOURS[0])
        if width < LEAST_SEEN * end:
            panel.plot(begin, y - 0.42, "v", color=COLOURS[0], markersize=6, clip_on=False)
    share = "0" if view.share < 0.005 else f"{view.share:.2g}"
    panel.annotate(f" {share} %", (view.wall_us / 1e3, y), **SHARE)


def init_bars(
    packages: Sequence[Row], commands: Sequence[str], most: int = 3, slow_ms: float = 10.0
) -> "Figure":
    """Draw the slowest package inits of each command, with intervals, on a logarithmic axis.

    The dashed line is what counts as slow. Inits of less than a microsecond are left out.
    """
    from matplotlib import pyplot as plt

    shown: list[Row] = []
    for command in commands:
        own = [row for row in packages if row["command"] == command and row["clock_ms"] > 0]
        shown += sorted(own, key=lambda row: -row["clock_ms"])[:most]
    figure, panel = plt.subplots(figsize=(10, 0.24 * len(shown) + 1.3), layout="constrained")
    for y, row in enumerate(shown):
        index = list(commands).index(row["command"])
        low, high = max(row["low_ms"], 1e-3), max(row["high_ms"], 1e-3)
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        panel.plot([low, high], [y, y], color=colour, linewidth=2)
        panel.plot(row["clock_ms"], y, marker, color=colour, markersize=5)
    panel.axvline(slow_ms, color=GREY, linestyle="--", linewidth=0.9)
    panel.annotate(f"{slow_ms:g} ms ", (slow_ms, 0), color=GREY, fontsize=8, ha="right")
    panel.set_yticks(
        range(len(shown)), [f"{row['command']}: {row['package']}" for row in shown], fontsize=8
    )
    panel.set_ylim(len(shown) - 0.4, -0.8)
    panel.set_xscale("log")
    panel.set_xlabel("inits of one package, ms (median and 95 % interval)")
    panel.grid(axis="x", alpha=0.25)
    return figure


def init_sums(sums: Sequence[InitSum]) -> "Figure":
    """Draw each command's whole start, and the part of it that its inits are."""
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(10, 0.36 * len(sums) + 1.2), layout="constrained")
    for y, own in enumerate(sums):
        panel.barh(y, own.start_ms, 0.7, color=PALE)
        panel.barh(y, own.inits_ms, 0.7, color=COLOURS[1], hatch="//", edgecolor="white")
        panel.plot([own.start_low_ms, own.start_high_ms], [y, y], color="black", linewidth=1.2)
        text = f" {own.packages} packages, {own.share:.0f} %"
        panel.annotate(text, (own.start_high_ms, y), va="center", fontsize=8)
    panel.set_yticks(range(len(sums)), [own.command for own in sums])
    panel.invert_yaxis()
    panel.margins(x=0.2)
    panel.set_xlabel("ms; pale: the whole start, hatched: all package inits together")
    panel.grid(axis="x", alpha=0.25)
    return figure
