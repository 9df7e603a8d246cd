"""The figures of the lab on PIE and reproducible builds. Each function draws one and returns it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labhelpers.experiments.pie import Growth, StartRow
from labhelpers.experiments.placement import Placement
from labhelpers.experiments.reproducible import SurroundingRow
from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAME, OTHER = COLOURS[0], COLOURS[1]
SHOWN = 5


def same_grid(rows: Sequence[SurroundingRow]) -> "Figure":
    """Draw what was changed against how it was built: a dot is the same file, a cross another."""
    from matplotlib import pyplot as plt

    changes = list(dict.fromkeys(row.changed for row in rows))
    builds = list(dict.fromkeys((row.flags, row.go) for row in rows))
    figure, panel = plt.subplots(
        figsize=(3.4 + 1.1 * len(builds), 0.42 * len(changes) + 1.3), layout="constrained"
    )
    for row in rows:
        x, y = builds.index((row.flags, row.go)), changes.index(row.changed)
        if row.same:
            panel.plot(x, y, "o", color=SAME, markersize=11)
        else:
            panel.plot(x, y, "X", color=OTHER, markersize=12)
    panel.set_yticks(range(len(changes)), changes)
    panel.set_xticks(range(len(builds)), [f"{flags}\nGo {go}" for flags, go in builds])
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.set(xlim=(-0.5, len(builds) - 0.5), ylim=(len(changes) - 0.5, -0.5))
    panel.set_yticks([y + 0.5 for y in range(len(changes) - 1)], minor=True)
    panel.grid(axis="y", which="minor", alpha=0.3)
    panel.plot([], [], "o", color=SAME, markersize=9, label="the same file, byte for byte")
    panel.plot([], [], "X", color=OTHER, markersize=9, label="another file")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def placement_chart(rows: Sequence[Placement]) -> "Figure":
    """Draw the address of main.main at each start, a panel a build; each has its own scale."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter

    builds = list(dict.fromkeys(row.build for row in rows))
    figure, axes = plt.subplots(
        1, len(builds), figsize=(3.4 * len(builds), 2.8), squeeze=False, layout="constrained"
    )
    for index, (panel, build) in enumerate(zip(axes[0], builds, strict=True)):
        own = [row for row in rows if row.build == build]
        panel.plot(
            [row.start for row in own],
            [row.code for row in own],
            MARKERS[index],
            color=COLOURS[index],
        )
        lowest, highest = min(row.code for row in own), max(row.code for row in own)
        if lowest == highest:
            panel.set_ylim(lowest - 0x100000, lowest + 0x100000)
            panel.set_yticks([lowest])
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{int(value):#x}"))
        panel.tick_params(axis="y", labelsize=8)
        count = len({row.code for row in own})
        panel.set(title=f"{build}: {count} place{'s' if count > 1 else ''}", xlabel="start")
        panel.grid(alpha=0.25)
    axes[0][0].set_ylabel("address of main.main")
    return figure


def growth_chart(grown: Mapping[str, Sequence[Growth]]) -> "Figure":
    """Draw the sections that change most, in thousands of bytes, a bar a Go release."""
    from matplotlib import pyplot as plt

    names = dict.fromkeys(row.section for rows in grown.values() for row in list(rows)[:SHOWN])
    figure, panel = plt.subplots(figsize=(8, 0.5 * len(names) + 1.4), layout="constrained")
    height = 0.8 / len(grown)
    for index, (go, rows) in enumerate(grown.items()):
        deltas = {row.section: row.delta / 1000 for row in rows}
        values = [deltas.pop(name, 0.0) for name in names] + [sum(deltas.values())]
        panel.barh(
            [y + (index - (len(grown) - 1) / 2) * height for y in range(len(values))],
            values,
            height * 0.9,
            color=COLOURS[index],
            hatch=("", "//")[index % 2],
            edgecolor="white",
            label=f"Go {go}",
        )
    panel.set_yticks(range(len(names) + 1), [*names, "all others"])
    panel.invert_yaxis()
    panel.axvline(0, color="black", linewidth=0.8)
    panel.set_xlabel("PIE against default, thousands of bytes")
    panel.grid(axis="x", alpha=0.25)
    panel.legend()
    return figure


def start_chart(rows: Sequence[StartRow]) -> "Figure":
    """Draw each build's start against the default's: interval, A/A floor, hollow: not resolved."""
    from matplotlib import pyplot as plt

    shown = [row for row in rows if row.ratio is not None]
    figure, panel = plt.subplots(figsize=(8, 0.36 * len(shown) + 1.2), layout="constrained")
    builds = list(dict.fromkeys(row.build for row in shown))
    for y, row in enumerate(shown):
        look = 1 + builds.index(row.build)  # the first one is the default's, as in other figures
        low, high, ratio, floor = (
            100 * (value or 0) for value in (row.low, row.high, row.ratio, row.floor)
        )
        colour = COLOURS[look]
        panel.barh(y, 2 * floor, 0.8, -floor, color=GREY, alpha=0.15)
        panel.plot([low - 100, high - 100], [y, y], color=colour, linewidth=2)
        panel.plot(
            ratio - 100,
            y,
            MARKERS[look],
            color=colour,
            markerfacecolor="white" if row.verdict == "not resolved" else colour,
        )
    panel.set_yticks(range(len(shown)), [f"{r.build}, {r.cache}, Go {r.go}" for r in shown])
    panel.invert_yaxis()
    panel.axvline(0, color="black", linewidth=0.8)
    panel.margins(x=0.03)
    panel.set_xlabel("start against default, % (grey: A/A floor; hollow: not resolved)")
    panel.grid(axis="x", alpha=0.25)
    return figure
