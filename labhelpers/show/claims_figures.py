"""The figures of the verdicts: how many of each, section by section."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.show.claims_text import SIGNS, counted, told
from labhelpers.verdicts import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECTIONS: Mapping[str, str] = {
    "0": "the title",
    "1": "single files, goroutines, GC",
    "2.1": "static linking",
    "2.2": "symbols and debug information",
    "2.3": "external linking and cgo",
    "2.4": "inlining and SSA",
    "2.5": "-s -w: size and start",
    "3.1": "the runtime's start",
    "3.2": "trimming cgo",
    "3.3": "GOMAXPROCS",
    "4.1": "tracing a start",
    "4.2": "PIE, reproducible builds",
    "4.3": "mmap_min_addr",
    "4.4": "strip and objcopy",
    "5": "stories from production",
}
"""What each section of the article is about."""
FILLS: Mapping[str, tuple[str, str]] = {
    "reproduced": ("#009E73", ""),
    "partly": ("#E69F00", "///"),
    "refuted": ("#D55E00", "xx"),
    "not testable here": ("#CCCCCC", ".."),
    "anecdote": ("#56B4E9", "\\\\"),
    "": ("white", ""),
}
"""Colour and hatching of each verdict, either of which tells it from the others."""


BACK: dict[str, Any] = {"boxstyle": "round,pad=0.12", "facecolor": "white", "linewidth": 0}
"""Behind a number, which has to be read on any hatching."""


def label(word: str) -> str:
    """Return a verdict's sign and word."""
    return f"{SIGNS[word]} {word or 'none yet'}"


def section_name(section: str) -> str:
    """Return a section's number and what it is about."""
    about = SECTIONS.get(section, "")
    return about if section == "0" else f"{section} {about}".strip()


def by_section(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each section, in the rows' order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.section, []).append(row)
    return found


def verdicts_figure(rows: Sequence[Row]) -> "Figure":
    """Draw the verdicts of each section as one bar, each part with its number in it."""
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    sections = by_section(rows)
    figure, panel = plt.subplots(figsize=(9.5, 0.36 * len(sections) + 1.3), layout="constrained")
    for y, own in enumerate(sections.values()):
        left = 0
        for word, (colour, hatch) in FILLS.items():
            number = sum(row.verdict == word for row in own)
            if number:
                panel.barh(y, number, 0.8, left, color=colour, hatch=hatch, edgecolor="white")
                x = left + number / 2
                panel.text(x, y, str(number), bbox=BACK, ha="center", va="center", fontsize=8)
            left += number
    panel.set_yticks(range(len(sections)), [section_name(name) for name in sections])
    panel.invert_yaxis()
    panel.set_xlabel("claims")
    panel.spines[["top", "right"]].set_visible(False)
    there = [word for word in FILLS if any(row.verdict == word for row in rows)]
    samples = [
        Patch(facecolor=FILLS[w][0], hatch=FILLS[w][1], edgecolor="grey", label=label(w))
        for w in there
    ]
    figure.legend(handles=samples, loc="outside upper center", ncols=len(there), frameon=False)
    return figure


def verdicts_sentences(rows: Sequence[Row]) -> str:
    """Return in words what the figure shows: all claims in one line, then each section in one."""
    parts = [f"{section_name(name)}: {counted(own)}" for name, own in by_section(rows).items()]
    return "\n".join([f"{told(rows)}.", *parts])
