"""The figures of SQLite in C and in Go: size, start, and the trade between them.

Each function draws one figure and returns it; shape or words tell the same as colour.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]

FAILS = COLOURS[1]
WORDS = {
    "open": "open and create",
    "insert": "insert {times:,} rows",
    "point": "look up {times:,} rows",
    "aggregate": "aggregate the table",
}


def ways(linked: Sequence[Row], starts: Sequence[Row]) -> "Figure":
    """Draw each way of building SQLite: its size, what its file needs, and its start.

    A build that does not run has a cross instead of a start.

    Args:
        linked: rows of `sqlite.linked`.
        starts: rows of `sqlite.starts`.
    """
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(
        *(1, 2), figsize=(10, 0.36 * len(linked) + 1.2), sharey=True, layout="constrained"
    )
    times = {row["way"]: row for row in starts}
    for y, row in enumerate(linked):
        colour = COLOURS[0] if row["way"].startswith("C") else COLOURS[2]
        hatch = "" if row["way"].startswith("C") else "//"
        left.barh(y, row["bytes"] / 1e6, 0.7, color=colour, hatch=hatch, edgecolor="white")
        left.annotate(f" {row['link']}", (row["bytes"] / 1e6, y), va="center", fontsize=8)
        start = times.get(row["way"])
        if start is None:
            right.plot(0, y, "X", color=FAILS, markersize=9, clip_on=False)
            right.annotate("   builds, and fails when it is run", (0, y), va="center", color=FAILS)
            continue
        right.plot(
            [start["start_low_ms"], start["start_high_ms"]], [y, y], color=colour, linewidth=3
        )
        marker = MARKERS[0] if row["way"].startswith("C") else MARKERS[1]
        right.plot(start["start_ms"], y, marker, color=colour)
        right.annotate(
            f"  {start['verdict']}", (start["start_high_ms"], y), va="center", fontsize=8
        )
    left.set_yticks(range(len(linked)), [row["way"] for row in linked])
    left.invert_yaxis()
    left.margins(x=0.45)
    left.set(xlabel="size, MB", title="the file, and what it needs")
    right.set_xlim(0, max(row["start_high_ms"] for row in starts) * 1.3)
    right.set(xlabel="start to exit, ms (median, 95 % interval)", title="against the first row")
    for panel in (left, right):
        panel.grid(axis="x", alpha=0.25)
    return figure


def trade(
    linked: Sequence[Row], starts: Sequence[Row], speeds: Sequence[Row], builds: Sequence[Row]
) -> "Figure":
    """Draw SQLite in Go as a multiple of SQLite in C, for all that one may care about.

    Left of the line Go is the better, right of it C. A ratio that is not resolved is hollow; one
    that was counted and not measured against noise has a diamond and no interval.

    Args:
        linked: rows of `sqlite.linked`.
        starts: rows of `sqlite.starts`.
        speeds: rows of `sqlitespeed.query_speed`.
        builds: rows of `coldbuild.cold_builds`: of the one in C and the one in Go.
    """
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullFormatter

    found = trades(linked, starts, speeds, builds)
    figure, panel = plt.subplots(figsize=(9, 0.42 * len(found) + 1.2), layout="constrained")
    for y, (_, ratio, low, high, verdict) in enumerate(found):
        colour = COLOURS[2] if ratio < 1 else COLOURS[0]
        if verdict == "counted":
            panel.plot(ratio, y, "D", color=colour)
        else:
            face = "white" if verdict == "not resolved" else colour
            panel.plot([low, high], [y, y], color=colour, linewidth=3)
            panel.plot(ratio, y, "o", color=colour, markerfacecolor=face)
        panel.annotate(f"   {ratio:.2f}×", (high, y), va="center", fontsize=9)
    panel.axvline(1, color="black", linewidth=0.8)
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.margins(x=0.15)
    panel.set_yticks(range(len(found)), [row[0] for row in found])
    panel.invert_yaxis()
    panel.set_xlabel("SQLite in Go over SQLite in C: left of the line Go takes less, right of it C")
    panel.plot([], [], "o", color=GREY, label="measured in turns")
    panel.plot([], [], "o", color=GREY, markerfacecolor="white", label="not resolved")
    panel.plot([], [], "D", color=GREY, label="counted, or timed once")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    panel.grid(axis="x", alpha=0.25)
    return figure


def trades(
    linked: Sequence[Row], starts: Sequence[Row], speeds: Sequence[Row], builds: Sequence[Row]
) -> list[tuple[str, float, float, float, str]]:
    """Return name, ratio Go over C, its interval, and verdict ("counted" for what has no noise)."""
    by_way = {row["way"]: row for row in linked}
    size = by_way["Go"]["bytes"] / by_way["C"]["bytes"]
    found = [("size of the file", size, size, size, "counted")]
    c, go = builds
    for name, column in (
        ("first build, processor time", "first_cpu_s"),
        ("build after a change, processor time", "next_cpu_s"),
    ):
        ratio = go[column] / c[column]
        found.append((name, ratio, ratio, ratio, "counted"))
    for row in starts:
        if row["way"] == "Go":
            found.append(("start to exit", row["ratio"], row["low"], row["high"], row["verdict"]))
    for row in speeds:
        name = WORDS[row["work"]].format(times=row["times"])
        found.append((name, row["ratio"], row["low"], row["high"], row["verdict"]))
    return found
