"""The figures of external linking: what grows, where a start's time goes, a call's cost, memory.

Each function draws one figure and returns it; shape and hatching tell the same as colour.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
MIB = 1 << 20


def growth_bars(rows: Sequence[Row]) -> "Figure":
    """Draw what an external link adds or saves, in KB: `linkmodes.Growth` rows."""
    from matplotlib import pyplot as plt

    kinds = list(dict.fromkeys(row["what"] for row in rows))
    releases = list(dict.fromkeys(row["go"] for row in rows))
    figure, panel = plt.subplots(figsize=(9, 0.42 * len(kinds) + 1.2), layout="constrained")
    for index, go in enumerate(releases):
        own = [row for row in rows if row["go"] == go]
        y = [kinds.index(row["what"]) + (index - (len(releases) - 1) / 2) * 0.38 for row in own]
        total = sum(row["more"] for row in own) / 1e3
        panel.barh(
            y,
            [row["more"] / 1e3 for row in own],
            0.36,
            color=COLOURS[index],
            hatch=HATCHES[index],
            edgecolor="white",
            label=f"Go {go}: together {total:+.0f} KB".replace("-", "−"),
        )
    panel.axvline(0, color="black", linewidth=0.8)
    panel.set_yticks(range(len(kinds)), kinds)
    panel.invert_yaxis()
    panel.set_xlabel("external minus internal, KB")
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=len(releases), frameon=False)
    return figure


def phase_bars(rows: Sequence[Row]) -> "Figure":
    """Draw the phases of each program's starts, a bar a mode: `linkstarts.ModePhase` rows."""
    from matplotlib import pyplot as plt

    bars = list(dict.fromkeys((row["program"], row["mode"]) for row in rows))
    phases = list(dict.fromkeys(row["phase"] for row in rows))
    figure, panel = plt.subplots(figsize=(10, 0.44 * len(bars) + 1.4), layout="constrained")
    for y, bar in enumerate(bars):
        left = 0.0
        for row in (row for row in rows if (row["program"], row["mode"]) == bar):
            index = phases.index(row["phase"])
            width = row["median_us"] / 1e3
            panel.barh(
                y,
                width,
                0.7,
                left,
                color=COLOURS[index % len(COLOURS)],
                hatch=HATCHES[index % len(HATCHES)],
                edgecolor="white",
                label=row["phase"] if y == 0 else None,
            )
            left += width
    panel.set_yticks(range(len(bars)), [f"{program}, {mode}" for program, mode in bars])
    panel.invert_yaxis()
    panel.set_xlabel("ms since the spawn: medians of the phases of watched starts")
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def call_costs(costs: Sequence[Row], ratios: Sequence[Row], article: float) -> "Figure":
    """Draw what each kind of call takes in each mode, and external against internal.

    Args:
        costs: `cgocost.CallCost` rows of one release.
        ratios: `cgocost.CallRatio` rows of the releases to compare.
        article: the ratio that the article gives for a call of C.
    """
    from matplotlib import pyplot as plt

    calls = list(dict.fromkeys(row["call"] for row in ratios))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 0.55 * len(calls) + 1.4), sharey=True, layout="constrained"
    )
    modes = list(dict.fromkeys(row["mode"] for row in costs))
    for row in costs:
        index = modes.index(row["mode"])
        y = calls.index(row["call"]) + (index - 0.5) * 0.3
        left.plot([row["low_ns"], row["high_ns"]], [y, y], color=COLOURS[index], linewidth=2)
        left.plot(row["median_ns"], y, MARKERS[index], color=COLOURS[index], markersize=6)
    for index, mode in enumerate(modes):
        left.plot([], [], MARKERS[index], color=COLOURS[index], label=mode)
    left.set(xlabel=f"ns, Go {costs[0]['go']}", xscale="log")
    left.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    left.minorticks_off()
    left.legend(fontsize=8)
    releases = list(dict.fromkeys(row["go"] for row in ratios))
    for row in ratios:
        index = releases.index(row["go"])
        y = calls.index(row["call"]) + (index - (len(releases) - 1) / 2) * 0.3
        colour, marker = COLOURS[index + 2], MARKERS[index + 2]
        floor = row["floor"]
        right.plot([1 / (1 + floor), 1 + floor], [y, y], color=GREY, alpha=0.25, linewidth=8)
        right.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
        face = "white" if row["verdict"] == "not resolved" else colour
        right.plot(row["ratio"], y, marker, color=colour, markerfacecolor=face, markersize=6)
    for index, go in enumerate(releases):
        right.plot([], [], MARKERS[index + 2], color=COLOURS[index + 2], label=f"Go {go}")
    right.plot(article, calls.index("call of C"), "kx", markersize=9, label="the article")
    right.axvline(1, color="black", linewidth=0.8)
    right.set(xscale="log", xlabel="external / internal; grey: the internal file against itself")
    right.set_xticks([0.5, 1, 2], ["0.5", "1", "2"])
    right.minorticks_off()
    right.legend(fontsize=8)
    left.set_yticks(range(len(calls)), calls)
    left.set_ylim(len(calls) - 0.5, -0.5)
    for panel in (left, right):
        panel.grid(axis="x", alpha=0.25)
    return figure


def address_space(rows: Sequence[Row]) -> "Figure":
    """Draw what lies where, a column a mode: `cgomemory.Place` rows of one release.

    A box is a region of the process with what may be done there; the things in it are written in.
    """
    from matplotlib import pyplot as plt
    from matplotlib.patches import FancyBboxPatch

    modes = list(dict.fromkeys(row["mode"] for row in rows))
    regions = list(dict.fromkeys((row["behind"], row["permissions"]) for row in rows))
    figure, panel = plt.subplots(
        figsize=(3.3 * len(modes), 0.95 * len(regions) + 0.6), layout="constrained"
    )
    for x, mode in enumerate(modes):
        for y, region in enumerate(regions):
            things = [
                row["thing"]
                for row in rows
                if row["mode"] == mode and (row["behind"], row["permissions"]) == region
            ]
            if not things:
                continue
            executable = "x" in region[1]
            colour = COLOURS[4] if executable else COLOURS[0]
            panel.add_patch(
                FancyBboxPatch(
                    (x - 0.44, y - 0.36),
                    *(0.88, 0.72),
                    boxstyle="round,pad=0.02",
                    facecolor=colour,
                    edgecolor=colour,
                    hatch="//" if executable else "",
                    alpha=0.18,
                )
            )
            panel.text(x, y - 0.2, f"{region[0]}   {region[1]}", ha="center", fontsize=8)
            panel.text(x, y + 0.1, "\n".join(things), ha="center", va="center", fontsize=9)
    panel.set_xticks(range(len(modes)), modes)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.set_yticks([])
    panel.set(xlim=(-0.55, len(modes) - 0.45), ylim=(len(regions) - 0.5, -0.55))
    for side in panel.spines.values():
        side.set_visible(False)
    return figure


def leak_bars(rows: Sequence[Row]) -> "Figure":
    """Draw what stays resident of what malloc gave, by way and mode: `cgomemory.Leak` rows."""
    from matplotlib import pyplot as plt

    ways = list(dict.fromkeys(row["way"] for row in rows))
    modes = list(dict.fromkeys(row["mode"] for row in rows))
    figure, panel = plt.subplots(figsize=(9, 0.6 * len(ways) + 1.3), layout="constrained")
    for row in rows:
        index = modes.index(row["mode"])
        y = ways.index(row["way"]) + (index - (len(modes) - 1) / 2) * 0.26
        first = row["way"] == ways[0]
        panel.barh(
            y,
            row["resident_bytes"] / MIB,
            0.24,
            color=COLOURS[index],
            hatch=HATCHES[index],
            edgecolor="white",
            label=row["mode"] if first else None,
        )
    asked = rows[0]["asked_bytes"] / MIB
    panel.axvline(asked, color=GREY, linestyle="--", linewidth=1, label="taken from malloc")
    words = {"keep": "forgotten", "free": "C.free", "finalizer": "a Go finalizer frees"}
    panel.set_yticks(range(len(ways)), [words.get(way, way) for way in ways])
    panel.invert_yaxis()
    panel.set_xlabel("growth of the resident set, MiB")
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=len(modes) + 1, frameon=False)
    return figure
