"""The figures of the lab on goroutines, threads and pauses: each function draws one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]

PARTS = {
    "resident": "resident, of the process's own",
    "kernel_stacks": "kernel: stacks",
    "page_tables": "kernel: page tables",
    "kernel_records": "kernel: records",
}
HATCHES = ("", "//", "..", "xx")
MB = 1_000_000


def staircase(rows: Sequence[Row]) -> "Figure":
    """Draw the stack of a goroutine: by how deep it calls, and by collections after it came up.

    Args:
        rows: of `stacks.grown_and_shrunk`, of some releases.
    """
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    titles = {"grown": "calls go deeper", "shrunk": "up again, and collections"}
    releases = list(dict.fromkeys(row["go"] for row in rows))
    for panel, (step, title) in zip(panels, titles.items(), strict=True):
        for index, go in enumerate(releases):
            own = [row for row in rows if (row["go"], row["step"]) == (go, step)]
            x = range(len(own))
            panel.step(
                x,
                [row["size"] / 1024 for row in own],
                where="mid",
                color=COLOURS[index],
                marker=MARKERS[index],
                markersize=8 - 3 * index,
                label=f"Go {go}",
            )
            panel.set_xticks(x, [str(row["number"]) for row in own])
        panel.set_yscale("log", base=2)
        panel.set_title(title)
        panel.grid(alpha=0.25)
    panels[0].set(xlabel="calls", ylabel="KiB of stack each")
    panels[1].set_xlabel("collections")
    ticks = [2, 4, 8, 16, 32, 64]
    panels[0].set_yticks(ticks, [str(tick) for tick in ticks])
    panels[0].legend(frameon=False)
    return figure


def memory_of(rows: Sequence[Row], marks: Mapping[str, float]) -> "Figure":
    """Draw what so many tasks take, in parts: a stacked bar each, hatched paler where extrapolated.

    Args:
        rows: of `crowds.Each`, with `name`.
        marks: figures to draw as lines, in bytes, by what to call them.
    """
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(10, 0.55 * len(rows) + 1.5), layout="constrained")
    for y, row in enumerate(rows):
        left = 0.0
        for index, (part, label) in enumerate(PARTS.items()):
            width = row[part] / MB
            panel.barh(
                *(y, width, 0.62, left),
                color=COLOURS[index],
                hatch=HATCHES[index],
                edgecolor="white",
                alpha=0.55 if row["extrapolated"] else 1,
                label=label if y == 0 else None,
            )
            left += width
        word = ", extrapolated" if row["extrapolated"] else ""
        panel.annotate(f" {left:,.0f} MB{word}", (left, y), va="center", fontsize=9)
    for name, size in marks.items():
        panel.axvline(size / MB, color=GREY, linestyle="--", linewidth=1)
        panel.annotate(*(f" {name}", (size / MB, -0.92)), color=GREY, fontsize=8, va="top")
    panel.set_yticks(range(len(rows)), [row["name"] for row in rows])
    panel.set_ylim(len(rows) - 0.4, -0.95)
    panel.margins(x=0.22)
    panel.set_xlabel("MB")
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return figure


def by_count(crowds: Sequence[Row], line_to: int) -> "Figure":
    """Draw memory by the number of tasks: points that were measured, a dotted line beyond them.

    Args:
        crowds: of `crowds.Crowd`, with `kernel`.
        line_to: the count to which the last two points of a kind are drawn on.
    """
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(8, 4), layout="constrained")
    kinds = list(dict.fromkeys((row["kind"], row["go"]) for row in crowds))
    for index, kind in enumerate(kinds):
        own = [row for row in crowds if (row["kind"], row["go"]) == kind and row["tasks"]]
        x = [row["tasks"] for row in own]
        y = [(row["resident"] + row["kernel"]) / MB for row in own]
        label = f"{kind[0]}, Go {kind[1]}" if kind[1] else f"{kind[0]} of C"
        panel.plot(x, y, MARKERS[index], linestyle="-", color=COLOURS[index], label=label)
        if len(x) > 1 and x[-1] < line_to:
            slope = (y[-1] - y[-2]) / (x[-1] - x[-2])
            end = y[-1] + slope * (line_to - x[-1])
            panel.plot([x[-1], line_to], [y[-1], end], ":", color=COLOURS[index])
            style: dict[str, Any] = {"markerfacecolor": "white", "color": COLOURS[index]}
            panel.plot(line_to, end, MARKERS[index], label="extrapolated", **style)
    panel.set(xscale="log", yscale="log", xlabel="how many wait", ylabel="MB, the kernel's too")
    ticks = [10, 100, 1000, 10_000]
    panel.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    counts = [1000, 10_000, 100_000, 1_000_000]
    panel.set_xticks(counts, [f"{count:,}" for count in counts])
    panel.minorticks_off()
    panel.grid(alpha=0.25)
    panel.legend(frameon=False)
    return figure


def turns(rows: Sequence[Row]) -> "Figure":
    """Draw what a hand-over takes, and the kernel's context switches in it: `handover.HandOver`."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 0.45 * len(rows) + 1.3), sharey=True, layout="constrained"
    )
    for y, row in enumerate(rows):
        index = int(row["way"].startswith("threads"))
        colour, marker = COLOURS[index], MARKERS[index]
        left.plot([row["low_ns"], row["high_ns"]], [y, y], color=colour, linewidth=2)
        left.plot(row["median_ns"], y, marker, color=colour, markersize=6)
        switches = (row["voluntary"] + row["involuntary"]) / 1000
        right.barh(y, switches, 0.6, color=colour, hatch=HATCHES[index], edgecolor="white")
        right.annotate(f" {switches:.3f}", (switches, y), va="center", fontsize=9)
    left.set_yticks(range(len(rows)), [row["way"] for row in rows])
    left.set_ylim(len(rows) - 0.5, -0.5)
    left.set(xscale="log", xlabel="ns a hand-over, median and its interval")
    ticks = [100, 1000, 10_000, 100_000]
    left.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    left.set_xlim(
        min(row["low_ns"] for row in rows) / 1.5, max(row["high_ns"] for row in rows) * 1.5
    )
    left.minorticks_off()
    right.set(xlabel="context switches of the kernel a hand-over")
    right.margins(x=0.18)
    for panel in (left, right):
        panel.grid(axis="x", alpha=0.25)
    return figure


def pauses(buckets: Sequence[Row], java: Sequence[Row]) -> "Figure":
    """Draw how many pauses are no longer than so much: Go's buckets, and Java's below as ranges.

    Args:
        buckets: of `pauses.Bucket`.
        java: of `jvm.JavaPauses`.
    """
    from matplotlib import pyplot as plt

    figure, (panel, below) = plt.subplots(
        *(2, 1),
        figsize=(10, 4.2 + 0.3 * len(java)),
        sharex=True,
        height_ratios=(4, 0.4 * max(len(java), 1)),
        layout="constrained",
    )
    releases = list(dict.fromkeys(row["go"] for row in buckets))
    for index, go in enumerate(releases):
        for processors, line in ((1, "-"), (2, "--")):
            own = [row for row in buckets if (row["go"], row["processors"]) == (go, processors)]
            own.sort(key=lambda row: row["high_us"])
            total, seen = sum(row["pauses"] for row in own), 0
            shares = []
            for row in own:
                seen += row["pauses"]
                shares.append(100 * seen / total)
            label = f"Go {go}, {processors} P{'s' if processors > 1 else ''}"
            x = [row["high_us"] / 1000 for row in own]
            panel.step(x, shares, line, where="post", color=COLOURS[index], label=label)
    panel.set(ylabel="% of the pauses are no longer", ylim=(0, 103))
    panel.legend(frameon=False, loc="lower right")
    for y, row in enumerate(java):
        index = 1 + list(dict.fromkeys(r["collector"] for r in java)).index(row["collector"])
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        below.plot([row["median_ms"], row["longest_ms"]], [y, y], color=colour, linewidth=2)
        below.plot(row["median_ms"], y, marker, color=colour)
    names = [f"Java {row['collector']}, {row['live_mib']} MiB, {row['kind']}" for row in java]
    below.set_yticks(range(len(java)), names, fontsize=8)
    below.set_ylim(len(java) - 0.5, -0.5)
    below.set(xscale="log", xlabel="ms; Java: from the median to the longest")
    for own in (panel, below):
        own.axvline(1, color=GREY, linestyle=":", linewidth=1)
        own.grid(axis="x", alpha=0.25)
    ticks = [0.001, 0.01, 0.1, 1, 10, 100]
    below.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    below.minorticks_off()
    return figure


def empties(rows: Sequence[Row], marks: Mapping[str, float]) -> "Figure":
    """Draw what is resident when an empty program ends: own pages, and pages of files.

    Args:
        rows: of `atexit.AtExit`.
        marks: figures to draw as lines, in bytes, by what to call them.
    """
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(10, 0.42 * len(rows) + 1.5), layout="constrained")
    for y, row in enumerate(rows):
        own, files = (row[name] * 1024 / MB for name in ("own", "files"))
        first = y == 0
        style: dict[str, Any] = {"edgecolor": "white"}
        panel.barh(y, own, 0.65, color=COLOURS[0], label="own" if first else None, **style)
        panel.barh(
            *(y, files, 0.65, own),
            color=COLOURS[5],
            hatch="//",
            label="of files, which processes share" if first else None,
            **style,
        )
        panel.annotate(f" {own + files:.1f} MB", (own + files, y), va="center", fontsize=9)
    for name, size in marks.items():
        panel.axvline(size / MB, color=GREY, linestyle="--", linewidth=1)
        panel.annotate(*(f" {name}", (size / MB, -0.92)), color=GREY, fontsize=8, va="top")
    panel.set_yticks(range(len(rows)), [row["program"] for row in rows])
    panel.set_ylim(len(rows) - 0.4, -0.95)
    panel.margins(x=0.12)
    panel.set_xlabel("MB resident when it ends")
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
