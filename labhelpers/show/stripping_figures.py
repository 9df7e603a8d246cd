"""The figures of the lab on stripping. Each function draws one figure and returns it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.experiments.stripped import GROUPS, Size
from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {
    "code": (COLOURS[0], ""),
    "data": (COLOURS[5], ".."),
    "line table": (COLOURS[2], "//"),
    "symbols": (COLOURS[4], "xx"),
    "DWARF": (COLOURS[1], "\\\\"),
    "other": (GREY, ""),
}
"""Colour and hatch of each group of sections."""

Row = Mapping[str, Any]


def size_bars(sizes: Sequence[Size]) -> "Figure":
    """Draw each file as a bar made of its groups, a panel for each Go release."""
    from matplotlib import pyplot as plt

    releases = list(dict.fromkeys(size.go for size in sizes))
    ways = list(dict.fromkeys(size.way for size in sizes))
    figure, axes = plt.subplots(
        *(1, len(releases)),
        figsize=(10, 0.42 * len(ways) + 1.4),
        sharey=True,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, go in zip(axes[0], releases, strict=True):
        for size in (own for own in sizes if own.go == go):
            left, y = 0.0, ways.index(size.way)
            for group in GROUPS:
                width = getattr(size, group.lower().replace(" ", "_")) / 1e6
                colour, hatch = LOOKS[group]
                panel.barh(y, width, 0.7, left, color=colour, hatch=hatch, edgecolor="white")
                left += width
            change = f" {size.change:+.1f} %".replace("-", "−") if size.change else ""
            panel.annotate(change, (left, y), va="center", fontsize=8)
        panel.set(title=f"{sizes[0].program}, Go {go}", xlabel="size, MB")
        panel.set_yticks(range(len(ways)), ways)
        panel.margins(x=0.14)
    axes[0][0].invert_yaxis()
    _group_legend(figure)
    return figure


def survival(probes: Sequence[Row]) -> "Figure":
    """Draw what works on which file: a tick or a cross a field, a panel for each Go release."""
    from matplotlib import pyplot as plt

    releases = list(dict.fromkeys(probe["go"] for probe in probes))
    ways = list(dict.fromkeys(probe["way"] for probe in probes))
    names = list(dict.fromkeys(probe["probe"] for probe in probes))
    figure, axes = plt.subplots(
        *(1, len(releases)),
        figsize=(1.6 + 0.46 * len(names) * len(releases), 0.34 * len(ways) + 2.0),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, go in zip(axes[0], releases, strict=True):
        for probe in (own for own in probes if own["go"] == go):
            x, y = names.index(probe["probe"]), ways.index(probe["way"])
            colour, sign = (COLOURS[2], "✓") if probe["works"] else (COLOURS[1], "✗")
            panel.text(x, y, sign, color=colour, ha="center", va="center", fontsize=13)
        panel.set_title(f"Go {go}", fontsize=10)
        panel.set_xticks(range(len(names)), names, rotation=90)
        panel.set_yticks(range(len(ways)), ways)
        panel.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(ways) - 0.5, -0.5))
        panel.grid(visible=True, alpha=0.2)
    return figure


def page_strips(stretches: Sequence[Row]) -> "Figure":
    """Draw files as strips of pages: what they hold, what a start maps, what the kernel read."""
    from matplotlib import pyplot as plt

    files = list(dict.fromkeys((row["go"], row["way"]) for row in stretches))
    figure, axes = plt.subplots(
        *(len(files), 1),
        figsize=(10, 1.05 * len(files) + 0.9),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    panels = axes[:, 0]
    for panel, (go, way) in zip(panels, files, strict=True):
        for row in (own for own in stretches if (own["go"], own["way"]) == (go, way)):
            _draw_stretch(panel, row)
        panel.set_yticks(range(3), ["holds", "mapped by the start", "read by the kernel"])
        panel.set_title(f"Go {go}, {way}", fontsize=10, loc="left")
        panel.invert_yaxis()
        panel.spines[["top", "right", "left"]].set_visible(False)
    panels[-1].set_xlabel("page of the file (4 KiB each)")
    _group_legend(figure)
    return figure


def _draw_stretch(panel: "Axes", row: Row) -> None:
    colour, hatch = LOOKS[row["group"]]
    start, pages = row["start"], row["pages"]
    panel.barh(0, pages, 0.8, start, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
    for y, held in ((1, row["mapped"]), (2, row["read"])):
        shade = "black" if held else "#EEEEEE"
        panel.barh(y, pages, 0.6, start, color=shade)


def start_changes(starts: Sequence[Row]) -> "Figure":
    """Draw the change of each start against the default build, with interval and A/A floor.

    Hollow where it is not resolved. The dashed line is what the article says.
    """
    from matplotlib import pyplot as plt

    found = [row for row in starts if row["verdict"] != "baseline"]
    caches = list(dict.fromkeys(row["cache"] for row in found))
    names = list(dict.fromkeys((row["program"], row["go"]) for row in found))
    figure, axes = plt.subplots(
        *(1, len(caches)),
        figsize=(10, 0.45 * len(names) + 1.3),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for column, (panel, cache) in enumerate(zip(axes[0], caches, strict=True)):
        for row in (own for own in found if own["cache"] == cache):
            y = names.index((row["program"], row["go"]))
            _draw_change(panel, row, y, column)
        panel.axvline(0, color="black", linewidth=0.8)
        panel.axvline((6.9 / 8.2 - 1) * 100, color=GREY, linestyle="--", linewidth=0.9)
        panel.set(title=f"{cache} start, -s -w", xlabel="change against the default build, %")
        panel.set_yticks(range(len(names)), [f"{program}, Go {go}" for program, go in names])
        panel.grid(axis="x", alpha=0.25)
    axes[0][0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def _draw_change(panel: "Axes", row: Row, y: int, look: int) -> None:
    colour = COLOURS[look]
    low, high, middle = ((row[name] - 1) * 100 for name in ("low", "high", "ratio"))
    floor = row["floor"] * 100
    panel.barh(y, 2 * floor, 0.6, -floor, color=colour, alpha=0.12)
    panel.plot([low, high], [y, y], color=colour, linewidth=2)
    hollow = row["verdict"] == "not resolved"
    panel.plot(middle, y, MARKERS[look], color=colour, mfc="white" if hollow else colour)


def _group_legend(figure: "Figure") -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=group)
        for group, (colour, hatch) in LOOKS.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
