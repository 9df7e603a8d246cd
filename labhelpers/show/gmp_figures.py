"""The figures of the lab on G, M and P. Each function draws one figure and returns it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.experiments.gmp import Snapshot
from labhelpers.experiments.procresize import CASES, PARTS
from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]

G_LOOK, M_LOOK, P_LOOK = COLOURS[2], COLOURS[0], COLOURS[4]
HATCHES = ("", "//", "..", "xx", "\\\\", "++")


def scheduler(snapshot: Snapshot) -> "Figure":
    """Draw every G, M and P of one start: a box each, a line where one holds another."""
    from matplotlib import pyplot as plt

    held = {thread.p for thread in snapshot.threads}
    run = {thread.g for thread in snapshot.threads}
    rows = max(len(snapshot.threads), len(snapshot.routines), len(snapshot.processors))
    figure, panel = plt.subplots(figsize=(1.75 * rows + 0.6, 3.9), layout="constrained")
    g_at, p_at = {}, {}
    free_g, free_p = len(snapshot.threads), len(snapshot.threads)
    # What an M holds stands above and below it, the rest where there is room.
    for x, thread in enumerate(snapshot.threads):
        _box(panel, x, 1, f"M{thread.id}", thread.begins_in, thread.does, M_LOOK)
        if thread.g is not None:
            g_at[thread.g] = x
        if thread.p is not None:
            p_at[thread.p] = x
    for routine in snapshot.routines:
        if routine.id not in g_at:
            g_at[routine.id], free_g = _next_free(g_at, free_g)
        # gcenable starts two from closures; what they wait for tells them apart.
        closure = routine.begins_in.startswith("gcenable")
        begin = routine.waits_for if closure else routine.begins_in
        state = "running" if routine.id in run else routine.state
        _box(panel, g_at[routine.id], 2, f"G{routine.id}", begin, state, G_LOOK)
    for processor in snapshot.processors:
        if processor.id not in p_at:
            p_at[processor.id], free_p = _next_free(p_at, free_p)
        state = "held" if processor.id in held else processor.state
        _box(panel, p_at[processor.id], 0, f"P{processor.id}", state, "", P_LOOK)
    for x, thread in enumerate(snapshot.threads):
        if thread.g is not None:
            panel.plot([x, x], [1.28, 1.72], color="black", linewidth=2)
        if thread.p is not None:
            panel.plot([x, x], [0.28, 0.72], color="black", linewidth=2)
    panel.set_yticks([0, 1, 2], ["P: right to run Go", "M: thread", "G: goroutine"])
    panel.set_xticks([])
    panel.set(xlim=(-0.55, max([*g_at.values(), *p_at.values(), rows - 1]) + 0.55))
    panel.set(ylim=(-0.45, 2.45), title=f"hello, Go {snapshot.go}, as main.main is called")
    panel.tick_params(length=0)
    for side in panel.spines.values():
        side.set_visible(False)
    return figure


def growth(rows: Sequence[Row], article: Mapping[int, float]) -> "Figure":
    """Draw the time that Ps take by their number, a line a case, a panel a release.

    Args:
        rows: of `procresize.Resize`.
        article: its figures in microseconds by number of Ps.
    """
    from matplotlib import pyplot as plt

    releases = list(dict.fromkeys(row["go"] for row in rows))
    figure, axes = plt.subplots(
        *(1, len(releases)),
        figsize=(10, 4.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, go in zip(axes[0], releases, strict=True):
        for index, case in enumerate(CASES):
            own = [
                row for row in rows if (row["go"], row["case"], row["part"]) == (go, case, "whole")
            ]
            if not own:
                continue
            x = [row["procs"] for row in own]
            y = [row["median_us"] for row in own]
            style = {"color": COLOURS[index], "marker": MARKERS[index], "markersize": 5}
            panel.plot(x, y, label=case, linewidth=1.4, **style)
            low, high = [row["low_us"] for row in own], [row["high_us"] for row in own]
            panel.vlines(x, low, high, color=COLOURS[index], linewidth=3, alpha=0.5)
        panel.plot(*zip(*article.items(), strict=True), "kx", markersize=9, label="the article")
        panel.set(xscale="log", yscale="log", title=f"Go {go}", xlabel="number of Ps")
        ticks = (1, 2, 4, 8, 16, 32, 64, 128)
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
        panel.grid(alpha=0.25)
    axes[0][0].set_ylabel("µs")
    axes[0][0].set_yticks([0.1, 1, 10, 100, 1000], ["0.1", "1", "10", "100", "1000"])
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, frameon=False)
    return figure


def parts(rows: Sequence[Row], procs: int) -> "Figure":
    """Draw what one size's time is made of: a stacked bar for each case and release."""
    from matplotlib import pyplot as plt

    own = [row for row in rows if row["procs"] == procs and row["part"] != "whole"]
    bars = [(go, case) for case in CASES for go in dict.fromkeys(row["go"] for row in own)]
    bars = [bar for bar in bars if any((row["go"], row["case"]) == bar for row in own)]
    figure, panel = plt.subplots(figsize=(10, 0.42 * len(bars) + 1.3), layout="constrained")
    for y, bar in enumerate(bars):
        left = 0.0
        for index, part in enumerate(PARTS):
            found = [row for row in own if (row["go"], row["case"], row["part"]) == (*bar, part)]
            width = found[0]["median_us"] if found else 0.0
            style: dict[str, Any] = {"color": COLOURS[index], "hatch": HATCHES[index]}
            label = part if y == 0 else None
            panel.barh(y, width, 0.7, left, label=label, edgecolor="white", **style)
            left += width
        panel.annotate(f" {left:.0f} µs", (left, y), va="center", fontsize=9)
    panel.set_yticks(range(len(bars)), [f"{case}, Go {go}" for go, case in bars])
    panel.invert_yaxis()
    panel.margins(x=0.1)
    panel.set(xlabel=f"µs until there are {procs} Ps, median of each part")
    panel.grid(axis="x", alpha=0.25)
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, frameon=False)
    return figure


def life(events: Sequence[Row]) -> "Figure":
    """Draw when the scheduler's first things happen: a point each on the axis of time."""
    from matplotlib import pyplot as plt

    releases = list(dict.fromkeys(row["go"] for row in events))
    names = [row["event"] for row in events if row["go"] == releases[-1]]
    figure, panel = plt.subplots(figsize=(10, 0.36 * len(names) + 1.2), layout="constrained")
    for index, go in enumerate(releases):
        for row in (row for row in events if row["go"] == go):
            y = names.index(row["event"]) + (index - (len(releases) - 1) / 2) * 0.32
            colour = COLOURS[index]
            panel.plot([row["low_us"], row["high_us"]], [y, y], color=colour, linewidth=2)
            panel.plot(row["median_us"], y, MARKERS[index], color=colour, markersize=6)
        panel.plot([], [], MARKERS[index], color=COLOURS[index], label=f"Go {go}")
    panel.set_yticks(range(len(names)), names)
    panel.set(ylim=(len(names) - 0.5, -0.5), xlabel="µs after schedinit began")
    panel.set_xlim(left=-10)
    panel.grid(alpha=0.25)
    figure.legend(loc="outside upper center", ncols=len(releases), frameon=False)
    return figure


def quotas(rows: Sequence[Row], cores: int) -> "Figure":
    """Draw how many Ps each release has under a quota: `Limited` rows of one setting."""
    from matplotlib import pyplot as plt

    releases = list(dict.fromkeys(row["go"] for row in rows))
    given = sorted({row["quota"] for row in rows if row["quota"]})
    figure, panel = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for index, go in enumerate(releases):
        own = {row["quota"]: row["processors"] for row in rows if row["go"] == go}
        x = range(len(given))
        style: dict[str, Any] = {"color": COLOURS[index], "marker": MARKERS[index]}
        panel.plot(x, [own[quota] for quota in given], label=f"Go {go}", **style)
    panel.plot(range(len(given)), given, ":", color=GREY, label="the quota itself")
    panel.set_xticks(range(len(given)), [f"{quota:g}" for quota in given])
    panel.set_yscale("log", base=2)
    ticks = [1, 2, 4, 8, 16, 32, 64, 128]
    panel.set_yticks(ticks, [str(tick) for tick in ticks])
    panel.set(xlabel="CPU quota, in cores", ylabel="GOMAXPROCS", title=f"{cores} supposed cores")
    panel.grid(alpha=0.25)
    panel.legend(frameon=False)
    return figure


def _box(
    panel: "Axes", x: float, y: float, name: str, first: str, second: str, colour: str
) -> None:
    from matplotlib.patches import FancyBboxPatch

    idle = "idle" in (first, second) or second in ("waiting", "sleeps", "runnable")
    panel.add_patch(
        FancyBboxPatch(
            (x - 0.42, y - 0.22),
            *(0.84, 0.44),
            boxstyle="round,pad=0.04",
            facecolor="white" if idle else colour,
            edgecolor=colour,
            alpha=0.9 if idle else 0.35,
            linewidth=1.5,
        )
    )
    panel.text(x, y + 0.12, name, ha="center", va="center", fontsize=11, weight="bold")
    lines = "\n".join(filter(None, [_short(first), _short(second)]))
    panel.text(x, y - 0.09, lines, ha="center", va="center", fontsize=7.5)


def _short(text: str) -> str:
    return text if len(text) < 24 else f"{text[:22]}…"


def _next_free(taken: Mapping[int, int], after: int) -> tuple[int, int]:
    """Return the leftmost column that is free, and where to look next time."""
    column = 0
    while column in taken.values():
        column += 1
    return column, max(after, column + 1)
