"""The figures of the experiment. Each function draws one figure and returns it.

Colours are those of Okabe & Ito, which stay apart for all kinds of colour vision; shape tells the
same as colour wherever colour tells something.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labhelpers.effects import cell_comparisons, main_comparisons
from labhelpers.readings import LESS, Reading
from labhelpers.startup.analysis import by_command
from labhelpers.startup.estimate import Comparison
from labhelpers.startup.rounds import Launch
from labhelpers.study import BASELINE, TWIN, Cell, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "D", "^", "v", "P")
GREY = "#666666"
LABELS = {"trim-tags": "trim by tags", "strip+external+trim-tags": "all three (tags)"}


def effects(study: Study, to_main: bool = False) -> "Figure":
    """Draw the change of every configuration against the default, with interval and A/A floor.

    One panel a program and cache state; a marker a Go release; hollow where it is not resolved.
    With `to_main` it is the time to main that changes.
    """
    compare = main_comparisons if to_main else cell_comparisons
    caches = list(dict.fromkeys(cell.cache for cell in study.launches))
    figure, axes = _grid(len(caches), len(study.programs), height=3.4)
    names = [config for config in study.configs if config != BASELINE]
    names = [n for n in names if any(n in study.measured_configs(cell) for cell in study.launches)]
    for row, cache in enumerate(caches):
        for column, program in enumerate(study.programs):
            panel = axes[row][column]
            for index, go in enumerate(study.releases):
                cell = Cell(program, go, cache)
                if cell in study.launches:
                    _draw_cell(panel, study, compare(study, cell), cell.go, names, index)
            panel.axvline(0, color="black", linewidth=0.8)
            panel.axvline((LESS - 1) * 100, color=GREY, linestyle="--", linewidth=0.9)
            panel.set_yticks(range(len(names)), [LABELS.get(name, name) for name in names])
            panel.set_ylim(len(names) - 0.4, -0.6)
            panel.set_title(f"{program}, {cache}", fontsize=10)
            panel.grid(axis="x", alpha=0.25)
    axes[0][0].annotate(
        "−63 %",
        ((LESS - 1) * 100, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(2, -9),
        textcoords="offset points",
        fontsize=7,
        color=GREY,
    )
    for panel in axes[-1]:
        panel.set_xlabel(f"change of the {'time to main' if to_main else 'start'}, %")
    _legend(figure, axes[0][0])
    return figure


def _draw_cell(
    panel: "Axes",
    study: Study,
    compared: Sequence[Comparison],
    go: str,
    names: Sequence[str],
    index: int,
) -> None:
    count = len(study.releases)
    shift = (index - (count - 1) / 2) * 0.7 / max(count, 2)
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    for order, c in enumerate(compared):
        low, high = ((end - 1) * 100 for end in c.ci95)
        y = names.index(c.candidate) + shift
        panel.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
        panel.plot(
            (c.ratio - 1) * 100,
            y,
            marker=marker,
            markersize=5,
            color=colour,
            markerfacecolor="white" if c.verdict == "not resolved" else colour,
            linestyle="",
            label=f"Go {go}" if order == 0 else None,
        )
        if order == 0:
            floor = c.floor * 100
            panel.axvspan(-floor, floor, color=colour, alpha=0.10, linewidth=0)


def run_order(launches: Sequence[Launch], title: str = "", shown: Sequence[str] = ()) -> "Figure":
    """Draw every start of one block in the order it came, beside the distribution of each command.

    A horizontal band of points is a machine that kept still; a slope or a step is drift.
    """
    from matplotlib import pyplot as plt

    names = list(shown) or sorted({launch.command for launch in launches})
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 3.6), sharey=True, width_ratios=(3, 1), layout="constrained"
    )
    per_round = max(launch.position for launch in launches) + 1
    for index, name in enumerate(names):
        own = [launch for launch in launches if launch.command == name]
        times = np.array([launch.start_ns / 1e6 for launch in own])
        order = [launch.round + launch.position / per_round for launch in own]
        style: dict[str, Any] = {"color": COLOURS[index % len(COLOURS)]}
        marker = MARKERS[index % len(MARKERS)]
        left.plot(order, times, marker, markersize=3.5, alpha=0.7, label=name, **style)
        right.plot(np.linspace(0, 100, len(times)), np.sort(times), linewidth=1.6, **style)
        right.plot(50, np.median(times), marker, markersize=5, **style)
    ceiling = float(np.quantile([launch.start_ns / 1e6 for launch in launches], 0.98)) * 1.15
    left.set_ylim(0, ceiling)
    left.set(xlabel="round", ylabel="start, ms", title=title)
    right.set(xlabel="% of starts that were faster", title="sorted, median marked")
    left.legend(fontsize=8, ncols=3, loc="lower left")
    for panel in (left, right):
        panel.grid(alpha=0.25)
    return figure


def sizes(study: Study) -> "Figure":
    """Draw the size of every file that was built; a cross where none was."""
    figure, axes = _grid(1, len(study.programs), height=3.6)
    for column, program in enumerate(study.programs):
        panel = axes[0][column]
        for index, go in enumerate(study.releases):
            shift = (index - (len(study.releases) - 1) / 2) * 0.36
            for y, config in enumerate(study.configs):
                size = study.size(program, go, config)
                label = f"Go {go}" if y == 0 else None
                colour = COLOURS[index % len(COLOURS)]
                if size is None:
                    panel.plot(0, y + shift, "x", color=colour, clip_on=False)
                else:
                    panel.barh(y + shift, size / 1e6, 0.34, color=colour, label=label)
        panel.set_yticks(range(len(study.configs)), [LABELS.get(n, n) for n in study.configs])
        panel.invert_yaxis()
        panel.set(title=program, xlabel="size, MB")
        panel.grid(axis="x", alpha=0.25)
    _legend(figure, axes[0][0])
    return figure


def reading_chart(found: Sequence[Reading]) -> "Figure":
    """Draw, for every reading, how near the best measured value comes to what it asks for."""
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(9, 0.36 * len(found) + 1.2), layout="constrained")
    looks = {"yes": COLOURS[2], "no": COLOURS[1], "not resolved": GREY}
    for y, reading in enumerate(found):
        low, high = ((end - 1) * 100 for end in reading.ci95)
        colour = looks[reading.answer]
        asked = (reading.threshold - 1) * 100
        panel.plot([asked, asked], [y - 0.35, y + 0.35], color="black", linewidth=2)
        panel.plot([low, high], [y, y], color=colour, linewidth=3)
        panel.plot(
            (reading.best - 1) * 100, y, MARKERS[list(looks).index(reading.answer)], color=colour
        )
    panel.set_yticks(
        range(len(found)), [f"{r.reading} ({r.cache})" if r.cache else r.reading for r in found]
    )
    panel.invert_yaxis()
    panel.axvline(0, color="black", linewidth=0.8)
    panel.set_xlabel("change against the baseline, %: black bar = asked for, point = best measured")
    for answer, colour in looks.items():
        marker = MARKERS[list(looks).index(answer)]
        panel.plot([], [], marker, color=colour, label=f"holds: {answer}")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    panel.grid(axis="x", alpha=0.25)
    return figure


def twin_chart(study: Study, cells: Sequence[Cell]) -> "Figure":
    """Draw the pair ratios of the default build and its own copy: what noise alone looks like."""
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(8, 0.28 * len(cells) + 1.0), layout="constrained")
    for y, cell in enumerate(cells):
        values = by_command(study.launches[cell])
        ratios = (values[TWIN] / values[BASELINE] - 1) * 100
        panel.plot(ratios, np.full(len(ratios), y), "|", color=COLOURS[0], alpha=0.5, markersize=9)
        panel.plot(np.median(ratios), y, "D", color=COLOURS[1])
    panel.set_yticks(range(len(cells)), [f"{c.program}, Go {c.go}, {c.cache}" for c in cells])
    panel.axvline(0, color="black", linewidth=0.8)
    panel.set_xlabel("copy against original, %: a bar a pair, the diamond their median")
    panel.set_xlim(-60, 60)
    panel.set_ylim(len(cells) - 0.5, -0.5)
    return figure


def _grid(rows: int, columns: int, height: float) -> "tuple[Figure, Any]":
    from matplotlib import pyplot as plt

    return plt.subplots(
        rows,
        columns,
        figsize=(max(2.1 * columns + 1.6, 6), height * rows + 0.4),
        sharey=True,
        sharex="row" if rows > 1 else False,
        squeeze=False,
        layout="constrained",
    )


def _legend(figure: "Figure", panel: "Axes") -> None:
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
