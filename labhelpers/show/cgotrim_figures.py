"""The figures of lab 07's first half. Each function draws one figure and returns it.

Colours are those of show/figures.py; shape tells the same as colour.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

NEEDS = {"needs no other file": 2, "needs a loader only": 4, "needs libraries": 1}
BOXES = {
    "sources": (0.0, 0.5, "main.go\nwalk.h, walk.c"),
    "cgo": (1.35, 0.5, "cgo"),
    "header": (2.7, 0.85, "_cgo_export.h"),
    "go": (2.7, 0.15, "main.cgo1.go\n_cgo_gotypes.go"),
    "cc": (4.2, 0.85, "C compiler"),
    "compile": (4.2, 0.15, "Go compiler"),
    "link": (5.5, 0.5, "linker"),
}
ARROWS = (
    "sources cgo",
    "cgo header",
    "cgo go",
    "header cc",
    "go compile",
    "cc link",
    "compile link",
)
"""Where each thing stands and what it is called; what goes from where to where."""


def pipeline(rows: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw how a build of exported Go goes, and where -trimpath comes in: rows of `try_switches`.

    What the article's diagram has, an arrow from -trimpath to the header, is drawn crossed out
    where the header was the same in every build.
    """
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(8.5, 2.9), layout="constrained")
    boxes = {}
    for name, (x, y, text) in BOXES.items():
        made = name in ("header", "go")
        boxes[name] = _box(
            panel, x, y, text, COLOURS[0] if made else "black", "--" if made else "-"
        )
    for arrow in ARROWS:
        start, end = (boxes[name] for name in arrow.split())
        _arrow(panel, start, end, "black")
    switch = _box(panel, 4.2, -0.5, "-trimpath", COLOURS[1], "-")
    _arrow(panel, switch, boxes["compile"], COLOURS[1])
    if all(row["header_same"] for row in rows):
        _arrow(panel, switch, boxes["header"], GREY, "dotted")
        panel.plot(3.35, 0.27, "x", color=COLOURS[1], markersize=13, markeredgewidth=2.5)
    said = f"equal to the byte in {sum(r['header_same'] for r in rows)} of {len(rows)} builds"
    panel.text(2.7, 1.13, said, ha="center", fontsize=8, color=COLOURS[0])
    panel.set(xlim=(-0.65, 6.0), ylim=(-0.75, 1.3))
    panel.axis("off")
    return figure


def trim_grid(rows: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw what each program needs, with each switch, and its size: rows of `trimming.trim`."""
    from matplotlib import pyplot as plt

    programs = list(dict.fromkeys(row["program"] for row in rows))
    switches = list(dict.fromkeys(row["switch"] for row in rows))
    figure, panel = plt.subplots(figsize=(8.5, 0.42 * len(programs) + 1.0), layout="constrained")
    for row in rows:
        x, y = switches.index(row["switch"]), programs.index(row["program"])
        look = NEEDS[row["link"]]
        panel.plot(x, y, MARKERS[look], color=COLOURS[look], markersize=9)
        panel.text(x + 0.1, y, f"{row['bytes'] / 1e6:.2f} MB", fontsize=8, va="center")
    for word in dict.fromkeys(row["link"] for row in rows):
        look = NEEDS[word]
        panel.plot([], [], MARKERS[look], color=COLOURS[look], label=word)
    panel.set_xticks(range(len(switches)), switches, ha="left")
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.set_yticks(range(len(programs)), programs)
    panel.set(xlim=(-0.2, len(switches) - 0.2), ylim=(len(programs) - 0.5, -0.5))
    panel.grid(axis="y", alpha=0.25)
    for side in panel.spines.values():
        side.set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def start_bars(starts: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Figure":
    """Draw medians of starts with their 95 % intervals.

    Args:
        starts: for each legend entry (a Go release) rows of `startrows.start_rows`.
    """
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(row["command"] for rows in starts.values() for row in rows))
    figure, panel = plt.subplots(figsize=(8.5, 0.4 * len(names) + 1.1), layout="constrained")
    for index, (label, rows) in enumerate(starts.items()):
        colour, marker = COLOURS[index], MARKERS[index]
        for row in rows:
            y = names.index(row["command"]) + (index - (len(starts) - 1) / 2) * 0.3
            panel.plot([row["low_ms"], row["high_ms"]], [y, y], color=colour, linewidth=2)
            panel.plot(row["median_ms"], y, marker, color=colour, markersize=6)
        panel.plot([], [], marker, color=colour, label=label)
    panel.set_yticks(range(len(names)), names)
    panel.set(ylim=(len(names) - 0.5, -0.5), xlabel="start, ms (median and its 95 % interval)")
    panel.set_xlim(left=0)
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=max(1, len(starts)), frameon=False)
    return figure


def _box(panel: "Axes", x: float, y: float, text: str, colour: str, line: str) -> "Text":
    look = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": colour, "ls": line}
    return panel.text(x, y, text, ha="center", va="center", fontsize=9, bbox=look, zorder=3)


def _arrow(panel: "Axes", start: "Text", end: "Text", colour: str, line: str = "solid") -> None:
    ends = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch()}
    look = {"arrowstyle": "-|>", "color": colour, "ls": line, "shrinkA": 1, "shrinkB": 1}
    begin = start.get_position()
    panel.annotate("", xy=end.get_position(), xytext=begin, arrowprops={**look, **ends}, zorder=1)
