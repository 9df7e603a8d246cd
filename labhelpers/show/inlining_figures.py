"""The figures of the lab on inlining and SSA. Each function draws one figure and returns it."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from labhelpers.experiments.ssadump import Stage
from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]

PARTS = {
    "calls and returns": (COLOURS[1], "//"),
    "branches": (COLOURS[4], "xx"),
    "pushes and pops": (COLOURS[3], ".."),
    "all others": (COLOURS[0], ""),
}
"""Colour and hatch of each kind of instruction."""
STRETCHES = {
    "boot": ("before runtime.main", COLOURS[0], ""),
    "runtime_inits": ("inits of the runtime", COLOURS[5], "//"),
    "between": ("runtime.main itself", COLOURS[4], ".."),
    "inits": ("inits of all other packages", COLOURS[1], "xx"),
}
"""Name, colour and hatch of each stretch of a start."""


def path_bars(paths: Sequence[Row]) -> "Figure":
    """Draw each start path as a bar of the program's own instructions, a panel each program."""
    from matplotlib import pyplot as plt

    programs = list(dict.fromkeys((row["language"], row["program"]) for row in paths))
    own = {key: [r for r in paths if (r["language"], r["program"]) == key] for key in programs}
    widest = max(len(rows) for rows in own.values())
    figure, axes = plt.subplots(
        *(1, len(programs)),
        figsize=(11.5, 0.34 * widest + 1.7),
        squeeze=False,
        layout="constrained",
    )
    for panel, key in zip(axes[0], programs, strict=True):
        rows = own[key]
        for y, row in enumerate(rows):
            left = 0
            for part, width in _parts(row).items():
                colour, hatch = PARTS[part]
                panel.barh(y, width, 0.7, left, color=colour, hatch=hatch, edgecolor="white")
                left += width
            panel.annotate(f" {left}", (left, y), va="center", fontsize=8)
        labels = [f"{row['compiler'].removeprefix('Go ')} {row['way']}" for row in rows]
        panel.set_yticks(range(len(rows)), labels, fontsize=8)
        panel.set(title=" ".join(key), ylim=(widest - 0.4, -0.6), xlabel="instructions")
        panel.margins(x=0.16)
    _legend(figure, [(name, *look) for name, look in PARTS.items()])
    return figure


def _parts(row: Row) -> dict[str, int]:
    calls = row["calls"] + row["indirect"] + row["returns"]
    counted = {
        "calls and returns": calls,
        "branches": row["branches"],
        "pushes and pops": row["saves"],
    }
    return {**counted, "all others": row["own"] - sum(counted.values())}


def _legend(figure: "Figure", looks: Sequence[tuple[str, str, str]]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name)
        for name, colour, hatch in looks
    ]
    figure.legend(handles=handles, ncols=len(handles), loc="outside lower center", fontsize=8)


def passes(stages: Mapping[str, Sequence[Stage]]) -> "Figure":
    """Draw values and blocks of one function over the compiler's passes, a panel each release."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        *(len(stages), 1), figsize=(11, 2.6 * len(stages)), squeeze=False, layout="constrained"
    )
    lines = {"values": "values in use", "dead": "values of no use", "blocks": "blocks"}
    for panel, (go, own) in zip(axes[:, 0], stages.items(), strict=True):
        changed = [
            stage
            for before, stage in zip([None, *own], own, strict=False)
            if before is None or _counts(before) != _counts(stage)
        ]
        for (name, label), colour, marker in zip(lines.items(), COLOURS, MARKERS, strict=False):
            numbers = [getattr(stage, name) for stage in changed]
            places = range(len(changed))
            panel.step(places, numbers, where="post", color=colour, linewidth=1)
            panel.plot(places, numbers, marker, color=colour, label=label, ms=5)
        names = [f"{stage.number} {stage.name}" for stage in changed]
        panel.set_xticks(range(len(changed)), names, rotation=25, ha="right", fontsize=8)
        panel.set_title(f"Go {go}: {len(own) - 1} passes", fontsize=10)
        panel.grid(axis="x", alpha=0.25)
    axes[0][0].legend(fontsize=8)
    return figure


def _counts(stage: Stage) -> tuple[int, int, int]:
    return stage.values, stage.dead, stage.blocks


def ticks(rows: Sequence[Row], label: str, columns: Sequence[str], group: str) -> "Figure":
    """Draw yes and no as ticks and crosses: a line for each label, a panel for each group.

    Args:
        rows: what was tried; each of `columns` is a yes or no.
        label: the field that names a line.
        columns: the fields that are drawn.
        group: the field that names a panel.
    """
    from matplotlib import pyplot as plt

    groups = list(dict.fromkeys(row[group] for row in rows))
    longest = max(sum(row[group] == name for row in rows) for name in groups)
    figure, axes = plt.subplots(
        *(1, len(groups)),
        figsize=(2.2 + 0.85 * len(columns) * len(groups), 0.32 * longest + 1.2),
        squeeze=False,
        layout="constrained",
    )
    for panel, name in zip(axes[0], groups, strict=True):
        own = [row for row in rows if row[group] == name]
        for y, row in enumerate(own):
            for x, column in enumerate(columns):
                colour, sign = (COLOURS[2], "✓") if row[column] else (COLOURS[1], "✗")
                panel.text(x, y, sign, color=colour, ha="center", va="center", fontsize=13)
        panel.set_title(name, fontsize=10)
        panel.set_xticks(range(len(columns)), columns, fontsize=8)
        panel.set_yticks(range(len(own)), [row[label] for row in own], fontsize=8)
        panel.set(xlim=(-0.5, len(columns) - 0.5), ylim=(longest - 0.5, -0.5))
        panel.grid(visible=True, alpha=0.2)
    return figure


def start_bars(starts: Sequence[Row]) -> "Figure":
    """Draw the instructions before main: a bar a build, the median of its starts; dots are starts.

    A panel each program, a group of bars each Go release.
    """
    from matplotlib import pyplot as plt

    programs = list(dict.fromkeys(row["program"] for row in starts))
    figure, axes = plt.subplots(
        *(1, len(programs)),
        figsize=(5.2 * len(programs), 3.9),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for panel, program in zip(axes[0], programs, strict=True):
        own = [row for row in starts if row["program"] == program]
        builds = list(dict.fromkeys((row["go"], row["way"]) for row in own))
        for y, build in enumerate(builds):
            rows = [row for row in own if (row["go"], row["way"]) == build]
            left = 0.0
            for stretch, (_, colour, hatch) in STRETCHES.items():
                width = median(row[stretch] for row in rows) / 1000
                panel.barh(y, width, 0.7, left, color=colour, hatch=hatch, edgecolor="white")
                left += width
            totals = [row["instructions"] / 1000 for row in rows]
            panel.plot(totals, [y] * len(totals), "D", color=GREY, ms=3)
            panel.annotate(f"  {median(totals):.0f}", (max(totals), y), va="center", fontsize=8)
        panel.set_yticks(range(len(builds)), [f"{go} {way}" for go, way in builds], fontsize=8)
        panel.set(title=program, xlabel="thousand instructions before main.main")
        panel.invert_yaxis()
        panel.margins(x=0.12)
    _legend(figure, list(STRETCHES.values()))
    return figure
