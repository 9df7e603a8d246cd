"""The figures of static linking: the gaps that a linker fills, files in roots, starts and a limit.

Each function draws one figure and returns it; shape tells the same as colour.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.show.figures import COLOURS, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = 0.30
"""Inches that one byte takes."""
PER_ROW = 27
FAINT = "#f2f2f2"


def gaps(before: bytes, after: bytes, patches: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw the same instructions before and after linking, the relocated fields in colour.

    Args:
        before: the bytes of .text of the object file.
        after: the same bytes in the linked file.
        patches: rows of `experiments.patches`: `offset`, `before` and `symbol` are used.
    """
    from matplotlib import pyplot as plt
    from matplotlib.patches import Rectangle

    owner = {
        patch["offset"] + inside: index
        for index, patch in enumerate(patches)
        for inside in range(len(patch["before"].split()))
    }
    colours = _by_symbol([patch["symbol"] for patch in patches])
    rows = -(-len(before) // PER_ROW)
    figure, panel = plt.subplots(
        figsize=(CELL * PER_ROW + 1.4, rows * 1.15 + 0.2), layout="constrained"
    )
    for line in range(rows):
        for which, content in enumerate((before, after)):
            y = line * 3.6 + which * 1.15
            word = ("main.o", "linked")[which]
            panel.text(-0.3, y + 0.5, word, ha="right", va="center", fontsize=9)
            for column, value in enumerate(content[line * PER_ROW : (line + 1) * PER_ROW]):
                index = owner.get(line * PER_ROW + column)
                colour = FAINT if index is None else colours[patches[index]["symbol"]]
                panel.add_patch(Rectangle((column, y), 0.94, 1, color=colour))
                panel.text(
                    column + 0.47,
                    y + 0.5,
                    f"{value:02x}",
                    ha="center",
                    va="center",
                    family="monospace",
                    fontsize=8,
                    fontweight="normal" if index is None else "bold",
                    color="black" if index is None else "white",
                )
    for patch in patches:
        line, column = divmod(patch["offset"], PER_ROW)
        name = patch["symbol"] if not patch["symbol"].startswith(".") else "the text"
        panel.text(column, line * 3.6 - 0.12, name, fontsize=8, va="bottom")
    panel.set(xlim=(-3, PER_ROW), ylim=(rows * 3.6 - 0.9, -1.1))
    panel.axis("off")
    return figure


def roots(rows: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw which file starts in which root: the rows of `emptyroot.in_growing_roots` as a grid."""
    from matplotlib import pyplot as plt

    files = list(dict.fromkeys(row["file"] for row in rows))
    kinds = list(dict.fromkeys(row["root"] for row in rows))
    figure, panel = plt.subplots(figsize=(8.5, 0.36 * len(files) + 0.9), layout="constrained")
    looks = {"runs": 2, "starts, then fails": 4, "the kernel refuses it": 1}
    for row in rows:
        word = _outcome(row)
        x, y = kinds.index(row["root"]), files.index(row["file"])
        panel.plot(x, y, MARKERS[looks[word]], color=COLOURS[looks[word]], markersize=9)
        panel.text(x + 0.09, y, row["outcome"], fontsize=8, va="center")
    for word, look in looks.items():
        panel.plot([], [], MARKERS[look], color=COLOURS[look], label=word)
    panel.set_xticks(range(len(kinds)), kinds)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.set_yticks(range(len(files)), files)
    panel.set(xlim=(-0.2, len(kinds) - 0.4), ylim=(len(files) - 0.5, -0.5))
    panel.grid(axis="y", alpha=0.25)
    for side in panel.spines.values():
        side.set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def starts_and_limit(rows: Sequence[Mapping[str, Any]], limit_ms: float) -> "Figure":
    """Draw medians of starts with their intervals, and the limit that somebody set.

    Args:
        rows: `command`, `cache`, `median_ms`, `low_ms` and `high_ms`.
        limit_ms: the limit, in milliseconds.
    """
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(row["command"] for row in rows))
    caches = list(dict.fromkeys(row["cache"] for row in rows))
    figure, panel = plt.subplots(figsize=(8.5, 0.42 * len(names) + 1.2), layout="constrained")
    for index, cache in enumerate(caches):
        for row in (row for row in rows if row["cache"] == cache):
            y = names.index(row["command"]) + (index - (len(caches) - 1) / 2) * 0.3
            panel.plot([row["low_ms"], row["high_ms"]], [y, y], color=COLOURS[index], linewidth=2)
            panel.plot(row["median_ms"], y, MARKERS[index], color=COLOURS[index], markersize=6)
        panel.plot([], [], MARKERS[index], color=COLOURS[index], label=f"{cache} file")
    panel.axvline(limit_ms, color=GREY, linestyle="--", linewidth=1, label=f"{limit_ms:g} ms")
    panel.set_yticks(range(len(names)), names)
    panel.set(ylim=(len(names) - 0.5, -0.5), xlabel="from start to first answer, ms")
    panel.set_xlim(left=0)
    panel.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=len(caches) + 1, frameon=False)
    return figure


def _by_symbol(names: Sequence[str]) -> dict[str, str]:
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(dict.fromkeys(names))}


def _outcome(row: Mapping[str, Any]) -> str:
    if row["runs"]:
        return "runs"
    return "the kernel refuses it" if row["outcome"].startswith("execve") else "starts, then fails"
