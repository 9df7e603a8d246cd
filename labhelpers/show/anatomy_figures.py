"""Figures of what files consist of, for the labs. Each function draws one and returns it.

Colours are those of Okabe & Ito; what a strip takes away is hatched, and every number stands in the
figure as text, so that nothing is told by colour alone.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labhelpers.binary.meanings import KINDS, kind_of
from labhelpers.show.anatomy_text import clean, signed
from labhelpers.show.figures import COLOURS, GREY
from labhelpers.show.treemap import Node, Rectangle, anatomy_tree, cut, squarify

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labhelpers.binary.anatomy import Anatomy
    from labhelpers.binary.diff import Delta, Diff

KIND_COLOURS = dict(
    zip(
        KINDS,
        (*(COLOURS[index] for index in (5, 4, 2)), "#F0E442", *(COLOURS[3], "#BBBBBB")),
        strict=False,
    )
)
KIND_COLOURS |= {"loading and linking": COLOURS[1], "rest": "#E8E4D8"}
STRIPPED = ("symbol table", "debug data")
"""Kinds that -s and -w leave out."""
WIDE, HIGH = 160.0, 90.0


def size_bars(files: Sequence[tuple[str, "Anatomy"]]) -> "Figure":
    """Draw a bar a file, made of what the file consists of; what -s -w leaves out is hatched."""
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(10, 0.5 * len(files) + 1.3), layout="constrained")
    unit, name = (1e6, "MB") if max(own.file_bytes for _, own in files) >= 1e6 else (1e3, "KB")
    longest = max(own.file_bytes for _, own in files) / unit
    for y, (_, own) in enumerate(files):
        left = 0.0
        sizes = kinds(own)
        for kind, colour in KIND_COLOURS.items():
            width = sizes[kind] / unit
            hatch = "///" if kind in STRIPPED else None
            label = kind if y == 0 else None
            panel.barh(
                y, width, 0.7, left, color=colour, edgecolor="white", hatch=hatch, label=label
            )
            if width > longest / 18:
                text = f"{width:.2f}"
                spot = {"facecolor": colour, "edgecolor": "none", "pad": 1}
                panel.text(
                    left + width / 2, y, text, ha="center", va="center", fontsize=8, bbox=spot
                )
            left += width
        panel.text(left + longest / 100, y, f"{left:.2f}", va="center", fontsize=9, weight="bold")
    panel.set_yticks(range(len(files)), [label for label, _ in files])
    panel.set(xlabel=f"{name} in the file; hatched: left out by -s -w", xlim=(0, longest * 1.1))
    panel.invert_yaxis()
    figure.legend(
        *panel.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=9
    )
    return figure


def kinds(anatomy: "Anatomy") -> Counter[str]:
    """Return the bytes of a file by kind; they sum to its size."""
    found: Counter[str] = Counter()
    for row in anatomy.sections:
        found[kind_of(row.section)] += row.file_bytes
    return found


def treemap_figure(anatomy: "Anatomy", title: str = "") -> "Figure":
    """Draw a file as rectangles: sections, and in them parts, packages or symbols."""
    from matplotlib import pyplot as plt

    figure, panel = plt.subplots(figsize=(11, 6.2), layout="constrained")
    whole = cut(anatomy_tree(anatomy), anatomy.file_bytes / 1000)
    places = squarify([child.size for child in whole.children], (0, 0, WIDE, HIGH))
    for child, place in zip(whole.children, places, strict=True):
        _draw(panel, child, place, KIND_COLOURS[kind_of(child.name)], 2)
    panel.set(xlim=(0, WIDE), ylim=(HIGH, 0), title=title or None)
    panel.axis("off")
    drawn = {kind_of(child.name) for child in whole.children}
    for kind in (kind for kind in KINDS if kind in drawn):
        panel.bar(0, 0, color=KIND_COLOURS[kind], label=kind)
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _draw(panel: "Axes", node: Node, place: Rectangle, colour: str, depth: int) -> None:
    from matplotlib.patches import Rectangle as Patch

    left, top, width, height = place
    edge = "#333333" if depth == 2 else "white"
    panel.add_patch(
        Patch((left, top), width, height, facecolor=colour, edgecolor=edge, linewidth=0.8)
    )
    if width > 9 and height > 2.6:
        room = int(width / (1.05 if depth == 2 else 0.92))
        words = f"{clean(node.name)} {node.size / 1000:,.0f} KB"
        text = words if len(words) <= room else clean(node.name)
        text = text if len(text) <= room else text[: room - 1] + "…"
        weight = "bold" if depth == 2 else "normal"
        panel.text(left + 0.5, top + 0.4, text, va="top", fontsize=7, weight=weight, clip_on=True)
    inside = (left + 0.4, top + 2.8, width - 0.8, height - 3.2)
    if depth and node.children and inside[2] > 2 and inside[3] > 2:
        places = squarify([child.size for child in node.children], inside)
        for child, own in zip(node.children, places, strict=True):
            _draw(panel, child, own, colour, depth - 1)


def diff_figure(diff: "Diff", top: int = 12) -> "Figure":
    """Draw the largest changes by section and by package, each with its bytes."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 0.32 * top + 1.6), layout="constrained")
    for panel, title, deltas in zip(
        panels, ("sections", "packages"), (diff.sections, diff.packages), strict=True
    ):
        _bars(panel, deltas, top)
        panel.set(title=title, xlabel="KB, after minus before")
    figure.suptitle(f"{signed(diff.bytes)} bytes")
    return figure


def _bars(panel: "Axes", deltas: Sequence["Delta"], top: int) -> None:
    changed = [row for row in deltas if row.delta]
    shown = [(clean(row.name, 34), row.delta) for row in changed[:top]]
    if changed[top:]:
        rest = sum(row.delta for row in changed[top:])
        shown.append((f"({len(changed) - top} smaller changes)", rest))
    reach = max((abs(change) for _, change in shown), default=1) / 1000
    for y, (_, change) in enumerate(shown):
        colour = COLOURS[1] if change > 0 else COLOURS[0]
        panel.barh(y, change / 1000, 0.7, color=colour, hatch=None if change > 0 else "//")
        side = "left" if change >= 0 else "right"
        shift = reach / 50 * (1 if change >= 0 else -1)
        panel.text(
            change / 1000 + shift, y, signed(change), ha=side, va="center", fontsize=7, color=GREY
        )
    panel.set_yticks(range(len(shown)), [name for name, _ in shown], fontsize=8)
    panel.invert_yaxis()
    panel.axvline(0, color="black", linewidth=0.8)
    low = min((change for _, change in shown), default=0) / 1000
    high = max((change for _, change in shown), default=0) / 1000
    room = 0.25 * (max(high, 0) - min(low, 0))
    if low or high:
        panel.set_xlim(min(low, 0) - room * (low < 0), max(high, 0) + room * (high > 0))
    panel.grid(axis="x", alpha=0.25)
