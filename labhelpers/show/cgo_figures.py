"""The picture of why cgo is in a program: chains of imports from the program to `import "C"`."""

from typing import TYPE_CHECKING

from labhelpers.cgo.findings import Cause
from labhelpers.cgo.report import CgoReport
from labhelpers.show.anatomy_text import clean
from labhelpers.show.figures import COLOURS, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

MOST = 12
"""Causes that are drawn; a picture of more is not read."""
LONGEST = 6
"""Packages of a chain that are drawn; a longer one loses its middle."""
LETTERS = 26
PLAIN, OURS, THEIRS = "#f2f2f2", COLOURS[5], COLOURS[4]
"""A package without C of its own, one of the standard library with it, one of others with it."""

Way = tuple[str, ...]


def cgo_figure(report: CgoReport) -> "Figure":
    """Draw the chain to each cause, the program left and `import "C"` right, with what cuts it.

    Chains that begin alike are drawn as one until they part. A package with C has a thick frame,
    and its colour and corners say whether it belongs to the standard
    library.
    """
    from matplotlib import pyplot as plt

    # Sorted, chains that begin alike lie beside one another, and no arrow crosses another.
    causes = sorted(report.causes[:MOST], key=lambda cause: cause.chain)
    ways = [_shortened(cause.chain) for cause in causes]
    steps = max(map(len, ways), default=1)
    figure, panel = plt.subplots(
        figsize=(1.95 * (steps + 1) + 1.6, 0.62 * max(len(causes), 1) + 0.9), layout="constrained"
    )
    panel.axis("off")
    panel.set(xlim=(-0.5, steps + 1.05), ylim=(max(len(causes), 1) - 0.4, -0.75))
    if not causes:
        _box(panel, 0, 0, report.program, PLAIN, 1)
        panel.text(0.6, 0, 'No package of it holds import "C".', va="center", fontsize=9)
        return figure
    own = dict(zip(ways, causes, strict=True))
    boxes: dict[Way, Text] = {}
    for way, height in _heights(ways).items():
        cause = own.get(way)
        colour = PLAIN if cause is None else OURS if cause.standard else THEIRS
        frame = 1 if cause is None else 2
        boxes[way] = _box(panel, len(way) - 1, height, way[-1], colour, frame)
        if len(way) > 1:
            _arrow(panel, boxes[way[:-1]], boxes[way], GREY)
    for row, (way, cause) in enumerate(zip(ways, causes, strict=True)):
        _arrow(panel, boxes[way], _end(panel, steps, row, cause), COLOURS[1])
    more = len(report.causes) - len(causes)
    left_out = f", {more} more not drawn" if more else ""
    panel.set_title(f"{clean(report.program)}, Go {clean(report.go)}{left_out}", fontsize=10)
    _legend(figure, panel)
    return figure


def _shortened(chain: Way) -> Way:
    if len(chain) <= LONGEST:
        return chain
    gone = len(chain) - LONGEST + 1
    return (*chain[:2], f"({gone} more)", *chain[-(LONGEST - 3) :])


def _heights(ways: list[Way]) -> dict[Way, float]:
    """Return the row of every beginning of a chain: the mean of the rows that it leads to."""
    rows: dict[Way, list[int]] = {}
    for row, way in enumerate(ways):
        for length in range(1, len(way) + 1):
            rows.setdefault(way[:length], []).append(row)
    heights = {way: sum(own) / len(own) for way, own in rows.items()}
    return _apart(heights)


def _apart(heights: dict[Way, float]) -> dict[Way, float]:
    """Move boxes of one column that would lie on one another."""
    placed: dict[int, list[float]] = {}
    moved = {}
    for way, height in sorted(heights.items(), key=lambda item: (len(item[0]), item[1])):
        column = placed.setdefault(len(way), [])
        if column and height - column[-1] < 0.7:
            height = column[-1] + 0.7
        column.append(height)
        moved[way] = height
    return moved


def _arrow(panel: "Axes", start: "Text", end: "Text", colour: str) -> None:
    """Draw an arrow from the right edge of one box to the left edge of another."""
    panel.annotate(
        "",
        xy=(0, 0.5),
        xycoords=end,
        xytext=(1, 0.5),
        textcoords=start,
        arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 1}
        | {"shrinkA": 5, "shrinkB": 5},
    )


def _box(panel: "Axes", x: float, y: float, name: str, colour: str, frame: float) -> "Text":
    return panel.text(
        x,
        y,
        _label(name),
        ha="center",
        va="center",
        fontsize=8,
        bbox={"boxstyle": f"{'square' if colour == THEIRS else 'round'},pad=0.35"}
        | {"facecolor": colour, "edgecolor": "black"}
        | {"linewidth": frame},
    )


def _label(name: str) -> str:
    """Return the end of a package's name, which tells most, in whole elements of its path."""
    name = clean(name)
    parts = name.split("/")
    for start in range(len(parts)):
        shown = "/".join(parts[start:])
        if len(shown) <= LETTERS:
            return f"…/{shown}" if start else shown
    return f"…{name[-LETTERS:]}"


def _end(panel: "Axes", steps: int, row: int, cause: Cause) -> "Text":
    """Draw `import "C"` at the right edge, and name what cuts it."""
    cut = "\n".join(map(clean, cause.removed_by[:3])) or "nothing that\nwas tried"
    panel.text(steps + 0.4, row, cut, ha="left", va="center", fontsize=8)
    return panel.text(
        steps,
        row,
        'import "C"',
        ha="center",
        va="center",
        fontsize=8,
        family="monospace",
        bbox={"boxstyle": "square,pad=0.35", "facecolor": "white", "edgecolor": COLOURS[1]},
    )


def _legend(figure: "Figure", panel: "Axes") -> None:
    for label, colour, shape in (("standard library", OURS, "o"), ("others", THEIRS, "s")):
        panel.scatter([], [], marker=shape, s=60, color=colour, edgecolor="black", label=label)
    figure.legend(
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=8,
        title='packages with import "C", and what takes each out (right)',
        title_fontsize=8,
    )
