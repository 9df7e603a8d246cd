"""The figures of the lab on vm.mmap_min_addr. Each function draws one figure and returns it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.experiments.mmapcalls import WHO, Kernel, size
from labhelpers.experiments.mmapcost import KINDS, Cost
from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS: dict[str, tuple[str, str, str]] = {
    "there": ("o", COLOURS[2], "there"),
    "lifted": (">", COLOURS[0], "lifted to the lowest hint"),
    "elsewhere": ("d", GREY, "anywhere"),
    "error": ("X", COLOURS[1], "refused"),
}
"""Marker, colour and words for what mmap(2) answers."""


def answer_chart(kernels: Sequence[Kernel]) -> "Figure":
    """Draw what mmap(2) answers: a panel a kernel, a row for everybody, a column an address.

    Hints are one row, since they are answered alike to everybody; the others are MAP_FIXED. The
    dashed line is the limit that the file tells: below it lies what lies to its left.
    """
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        1, len(kernels), figsize=(11, 3.6), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, kernel in zip(panels[0], kernels, strict=True):
        _draw_answers(panel, kernel)
        says = size(kernel.limits.file)
        panel.set_title(f"Linux {kernel.release}: the file says {says}", fontsize=10)
    for marker, colour, words in LOOKS.values():
        panels[0][0].plot([], [], marker, color=colour, label=words)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _draw_answers(panel: "Axes", kernel: Kernel) -> None:
    rows = {"nobody, a hint": ("nobody", "hint")}
    rows |= {f"{words}, MAP_FIXED": (who, "fixed") for who, words in WHO.items() if who != "you"}
    columns = sorted({answer.asked for answer in kernel.answers})
    given = {(own.who, own.way, own.asked): own for own in kernel.answers}
    for y, (who, way) in enumerate(rows.values()):
        for x, address in enumerate(columns):
            answer = given.get((who, way, address))
            if answer:
                marker, colour, _ = LOOKS[answer.place or "error"]
                panel.plot(x, y, marker, color=colour, markersize=9)
    edge = sum(address < kernel.limits.file for address in columns) - 0.5
    panel.axvline(edge, color="black", linestyle="--", linewidth=1)
    panel.set_yticks(range(len(rows)), list(rows))
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xticks(range(len(columns)), [size(address) for address in columns], fontsize=9)
    panel.set_xlim(-0.5, len(columns) - 0.5)
    panel.set_xlabel("address asked for")
    panel.grid(alpha=0.25)


def cost_bars(costs: Sequence[Cost]) -> "Figure":
    """Draw what each kind of call takes, with intervals; refusals apart by colour and shape."""
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(10, 0.36 * len(costs) + 1.1), layout="constrained")
    for y, cost in enumerate(costs):
        look = (
            1 if "refused" in KINDS[cost.kind] else 4 if cost.kind in ("reading", "helper") else 0
        )
        panel.barh(y, cost.median_ns, 0.6, color=COLOURS[look], alpha=0.35)
        panel.plot([cost.low_ns, cost.high_ns], [y, y], color=COLOURS[look], linewidth=3)
        panel.plot(cost.median_ns, y, MARKERS[look], color=COLOURS[look])
        panel.annotate(f"  {cost.median_ns / 1e3:.2f} µs", (cost.high_ns, y), va="center")
    panel.set_yticks(range(len(costs)), [KINDS[cost.kind] for cost in costs])
    panel.invert_yaxis()
    panel.margins(x=0.12)
    panel.set_xlabel("ns for each (median and 95 % interval)")
    panel.grid(axis="x", alpha=0.25)
    return figure


def address_line(starts: Sequence[Mapping[str, Any]], limit: int) -> "Figure":
    """Draw the lowest addresses that programs ask for, on a logarithmic axis from one page on.

    Args:
        starts: rows with `program`, `lowest_hint` and `lowest_order`; 0 stands for none.
        limit: the lowest address that everybody is given, in bytes: a dashed line.
    """
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(10, 0.34 * len(starts) + 1.5), layout="constrained")
    panel.axvspan(1 << 12, limit, color=COLOURS[1], alpha=0.15)
    panel.axvline(limit, color=COLOURS[1], linestyle="--")
    for y, row in enumerate(starts):
        for field, (index, words) in {
            "lowest_hint": (0, "lowest hint"),
            "lowest_order": (1, "lowest order (MAP_FIXED)"),
        }.items():
            look: dict[str, Any] = {"color": COLOURS[2 * index], "markersize": 8}
            label = words if y == 0 else None
            address = row[field] or float("nan")
            panel.plot(address, y, MARKERS[2 * index], fillstyle="none", label=label, **look)
    panel.set_yticks(range(len(starts)), [row["program"] for row in starts])
    panel.set_ylim(len(starts) - 0.4, -0.6)
    panel.set_xscale("log", base=2)
    panel.set_xlim(1 << 12, 1 << 48)
    marks = {12: "4 KB", 16: "64 KB", 22: "4 MB", 30: "1 GB", 32: "4 GB", 40: "1 TB", 47: "128 TB"}
    panel.set_xticks([2.0**power for power in marks], list(marks.values()))
    panel.minorticks_off()
    panel.set_xlabel("address; shaded: below the limit")
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
