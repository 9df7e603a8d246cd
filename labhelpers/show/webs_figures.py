"""The figures of one service on five frameworks. Each function draws one and returns it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]

PARTS = (
    ("before_ms", "before main, without the inits", "#DDDDDD", ""),
    ("inits_ms", "inits of all packages", COLOURS[1], "//"),
    ("serving_ms", "main to the first answer", COLOURS[5], ".."),
)


def parts(rows: Sequence[Row]) -> "Figure":
    """Draw each service's start as a bar of its parts, with the share that the inits are.

    Where the time to main could not be seen, all that is not inits is one part.
    """
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(10, 0.42 * len(rows) + 1.5), layout="constrained")
    for y, row in enumerate(rows):
        left = 0.0
        whole = row["before_ms"] is not None
        rest = {"before_ms": row["start_ms"] - row["inits_ms"], "serving_ms": 0.0}
        for key, _, colour, hatch in PARTS:
            width = max(0.0, row[key] if whole or key == "inits_ms" else rest[key])
            panel.barh(y, width, 0.7, left, color=colour, hatch=hatch, edgecolor="white")
            left += width
        text = f"  inits {row['share']:.0f} %, {row['packages']} packages with inits"
        panel.annotate(text, (left, y), va="center", fontsize=9)
    panel.set_yticks(range(len(rows)), [row["framework"] for row in rows])
    panel.invert_yaxis()
    panel.margins(x=0.35)
    panel.set_xlabel("ms from the spawn to the first answer (medians)")
    for _, label, colour, hatch in PARTS:
        panel.barh(0, 0, color=colour, hatch=hatch, edgecolor="white", label=label)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    panel.grid(axis="x", alpha=0.25)
    return figure


def against(frameworks: Sequence[Row], trimming: Sequence[Row]) -> "Figure":
    """Draw what a framework changes against net/http beside what trimming cgo changes in each.

    Hollow where it is not resolved; the pale band is the floor, what a program says against itself.

    Args:
        frameworks: rows of `WebStarts.against`.
        trimming: rows of `WebStarts.trimming`.
    """
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(row["framework"] for row in frameworks))
    figure, axes = plt.subplots(
        *(1, 2), figsize=(10, 0.42 * len(names) + 1.5), sharex=True, layout="constrained"
    )
    titles = ("the framework, against net/http", "CGO_ENABLED=0, against the default build")
    for panel, title, rows in zip(axes, titles, (frameworks, trimming), strict=True):
        shown = [row for row in rows if row["verdict"] != "baseline"]
        labels = list(dict.fromkeys(row["framework"] for row in shown))
        for row in shown:
            index = 0 if row["config"] == "default" else 1
            shift = (index - 0.5) * 0.28 if panel is axes[0] else 0
            y, colour = labels.index(row["framework"]) + shift, COLOURS[index]
            low, middle, high = ((row[key] - 1) * 100 for key in ("low", "ratio", "high"))
            face = "white" if row["verdict"] == "not resolved" else colour
            panel.plot([low, high], [y, y], color=colour, linewidth=2)
            panel.plot(middle, y, MARKERS[index], color=colour, markerfacecolor=face)
        floor = max(row["floor"] for row in shown) * 100
        panel.axvspan(-floor, floor, color=GREY, alpha=0.12, linewidth=0)
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_yticks(range(len(labels)), labels)
        panel.set_ylim(len(labels) - 0.4, -0.6)
        panel.set(title=title, xlabel="change of the start, %")
        panel.grid(axis="x", alpha=0.25)
    for index, label in enumerate(("default builds", "CGO_ENABLED=0")):
        axes[0].plot([], [], MARKERS[index], color=COLOURS[index], label=label)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
