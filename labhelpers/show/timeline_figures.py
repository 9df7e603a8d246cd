"""Timelines of starts as figures for the labs. Each function draws one figure and returns it.

Colours are those of Okabe & Ito with a hatch to each, and every bar carries its number from the
legend or its name, so that nothing is told by colour alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labhelpers.show.anatomy_text import clean
from labhelpers.show.figures import COLOURS, GREY
from labhelpers.show.timeline import init_title
from labhelpers.show.timeline_bars import (
    SMALL,
    Bar,
    by_group,
    duration,
    joined,
    phase_bars,
    share,
    step_bars,
    total,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labhelpers.runtime.init import Init
    from labhelpers.startup.phases import Phases

PALETTE = (*(COLOURS[index] for index in (5, 4, 2, 3)), "#F0E442", "#BBBBBB")
"""Those of Okabe & Ito on which black text is read easily."""
MOST = 12
"""Steps that are told apart where starts are compared; the others of a function stand together."""
HATCHES = ("", "////", "....", "xxxx")
NARROW = 0.055
"""Share of the axis below which a bar has room for its number only, not for its time."""
TINY = 0.012
"""Share of the axis below which its number stands above it."""


@dataclass(frozen=True)
class Axis:
    """How long the longest bar is, in microseconds; how many a unit of the axis has; its name."""

    longest_us: float
    unit: float
    name: str


@dataclass(frozen=True)
class Piece:
    """A stretch of one stacked bar: what it is, how long, in microseconds."""

    key: str
    length_us: float


def phase_figure(found: Sequence["Phases"]) -> "Figure":
    """Draw a bar a command, made of its phases, all on one scale."""
    rows = [
        (clean(own.command, 40), [Piece(bar.label, bar.length_us) for bar in phase_bars(own)])
        for own in found
    ]
    return _stacked(rows, _order([[piece.key for piece in pieces] for _, pieces in rows]))


def init_figure(found: Sequence["Init"]) -> "Figure":
    """Draw the steps before main: of one start a row a step, of some starts a bar each.

    Steps below 1 % of the whole stand together: neighbours in the timeline of one start, all of a
    function where starts are compared; there no more than the largest `MOST` stand alone.
    """
    return _waterfall(found[0]) if len(found) == 1 else _stacked_steps(found)


def _stacked_steps(found: Sequence["Init"]) -> "Figure":
    every = [step_bars(own) for own in found]
    large = _large(every)
    names = [label for _, label in large]
    rows = []
    for own, bars in zip(found, every, strict=True):
        pieces: dict[str, float] = {}
        for bar in bars:
            key = f"{bar.group}, the smaller"
            if (bar.group, bar.label) in large:
                twice = names.count(bar.label) > 1
                key = f"{bar.group}: {bar.label}" if twice else bar.label
            pieces[key] = pieces.get(key, 0.0) + bar.length_us
        rows.append((_label(own, found), [Piece(key, us) for key, us in pieces.items()]))
    return _stacked(rows, _order([[piece.key for piece in pieces] for _, pieces in rows]))


def _large(every: Sequence[Sequence[Bar]]) -> set[tuple[str, str]]:
    """Return the steps, function and name, that take most: above 1 %, and no more than `MOST`."""
    shares: dict[tuple[str, str], float] = {}
    for bars in every:
        whole = total(bars)
        for bar in bars:
            key = (bar.group, bar.label)
            shares[key] = max(shares.get(key, 0.0), bar.length_us / whole)
    order = sorted(shares, key=lambda key: -shares[key])
    return {key for key in order[:MOST] if shares[key] >= SMALL}


def _label(own: "Init", found: Sequence["Init"]) -> str:
    """Return what tells this start from the others, and its release."""
    words = [f"Go {clean(own.go)}"]
    if len({other.program for other in found}) > 1:
        words.insert(0, clean(own.program, 30))
    if len({other.config for other in found}) > 1:
        words.append(clean(own.config, 30))
    if len({other.gomaxprocs for other in found}) > 1:
        words.append(f"{own.gomaxprocs} P{'s' if own.gomaxprocs != 1 else ''}")
    return ", ".join(words)


def _order(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return all keys, each row's in its own order; a new one stands behind what it follows."""
    found: list[str] = []
    for row in rows:
        at = 0
        for key in row:
            if key not in found:
                found.insert(at, key)
            at = found.index(key) + 1
    return found


def _stacked(rows: Sequence[tuple[str, Sequence[Piece]]], keys: Sequence[str]) -> "Figure":
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    ncols = 3 if len(keys) > 4 else 2
    legend_lines = -(-len(keys) // ncols)
    height = 0.62 * len(rows) + 0.22 * legend_lines + 1.1
    figure, panel = plt.subplots(figsize=(10, height), layout="constrained")
    longest = max(sum(piece.length_us for piece in pieces) for _, pieces in rows)
    axis = Axis(longest, *((1e3, "ms") if longest >= 10_000 else (1.0, "µs")))
    for y, (_, pieces) in enumerate(rows):
        left, above = 0.0, []
        for piece in sorted(pieces, key=lambda piece: keys.index(piece.key)):
            index, width = keys.index(piece.key), piece.length_us
            _draw_piece(panel, index, (left, y), width, axis)
            if width < TINY * longest:
                above.append((left + width / 2, index))
            left += width
        _numbers_above(panel, above, y, axis)
        text = duration(left)
        panel.text(
            (left + longest / 100) / axis.unit, y, text, va="center", fontsize=9, weight="bold"
        )
    panel.set_yticks(range(len(rows)), [label for label, _ in rows])
    panel.set(xlabel=f"{axis.name} (medians, laid end to end)")
    panel.set_xlim(0, 1.12 * longest / axis.unit)
    panel.set_ylim(len(rows) - 0.45, -0.6)
    panel.spines[["top", "right"]].set_visible(False)
    handles = [
        Patch(**_look(index), edgecolor="#444444", label=f"{index + 1}  {key}")
        for index, key in enumerate(keys)
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=ncols, fontsize=8, frameon=False
    )
    return figure


def _look(index: int) -> dict[str, Any]:
    colour = PALETTE[index % len(PALETTE)]
    return {"facecolor": colour, "hatch": HATCHES[index // len(PALETTE) % len(HATCHES)]}


def _draw_piece(
    panel: "Axes", index: int, place: tuple[float, int], length_us: float, axis: Axis
) -> None:
    """Draw one piece from `place` on; its share of the axis decides what text it has room for."""
    left, y = place[0] / axis.unit, place[1]
    width = length_us / axis.unit
    panel.barh(y, width, 0.62, left, edgecolor="#444444", lw=0.5, **_look(index))
    if length_us < TINY * axis.longest_us:
        return
    text = str(index + 1)
    if length_us >= NARROW * axis.longest_us:
        text += f"\n{duration(length_us)}"
    spot = {"facecolor": PALETTE[index % len(PALETTE)], "edgecolor": "none", "pad": 0.6}
    panel.text(left + width / 2, y, text, ha="center", va="center", fontsize=7.5, bbox=spot)


def _numbers_above(panel: "Axes", found: Sequence[tuple[float, int]], y: int, axis: Axis) -> None:
    """Write the numbers of pieces that are too narrow for them, those side by side in a row."""
    runs: list[list[tuple[float, int]]] = []
    for at, index in found:
        if runs and at - runs[-1][-1][0] < 2 * TINY * axis.longest_us:
            runs[-1].append((at, index))
        else:
            runs.append([(at, index)])
    for run in runs:
        middle = sum(at for at, _ in run) / len(run) / axis.unit
        text = ", ".join(str(index + 1) for _, index in run)
        panel.text(middle, y - 0.34, text, ha="center", va="bottom", fontsize=7)


def _waterfall(own: "Init") -> "Figure":
    """Draw a row a step, each where it begins, with its interval, in groups by function."""
    from matplotlib import pyplot as plt

    bars = step_bars(own)
    whole = total(bars)
    rows = list(_rows(joined(bars)))
    figure, panel = plt.subplots(figsize=(10, 0.24 * len(rows) + 1.0), layout="constrained")
    for y, (_, bar, order) in enumerate(rows):
        if bar is None:
            continue
        colour = PALETTE[order % len(PALETTE)]
        panel.barh(y, bar.length_us, 0.72, bar.start_us, color=colour, edgecolor="#444444", lw=0.5)
        end = bar.end_us
        if bar.ci95_us:
            low, high = (bar.start_us + own_end for own_end in bar.ci95_us)
            panel.plot([low, high], [y, y], color="black", linewidth=1.2)
            end = max(end, high)
        text = f"{duration(bar.length_us)}, {share(bar.length_us, whole)}"
        left = bar.start_us > 0.72 * whole
        spot = min(bar.start_us, bar.start_us + (bar.ci95_us or (0.0,))[0]) if left else end
        panel.text(
            *(spot + (-1 if left else 1) * whole / 120, y, text),
            ha="right" if left else "left",
            va="center",
            fontsize=7.5,
            color="black",
        )
    ticks = panel.set_yticks(range(len(rows)), [label for label, _, _ in rows], fontsize=8)
    for tick, (_, bar, _) in zip(ticks, rows, strict=True):
        tick.label1.set_fontweight("bold" if bar is None else "normal")
        tick.tick1line.set_visible(False)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set(xlim=(0, whole * 1.08), xlabel="µs since the first stamp (medians, laid end to end)")
    panel.set_title(init_title(own), fontsize=10, loc="left", color=GREY)
    panel.grid(axis="x", alpha=0.25)
    panel.set_axisbelow(True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    return figure


def _rows(bars: Sequence[Bar]) -> Iterator[tuple[str, Bar | None, int]]:
    """Yield a heading for each function, then its bars: label, bar, the function's number."""
    functions = list(dict.fromkeys(bar.group for bar in bars))
    for group, some in by_group(bars):
        order = functions.index(group)
        length = sum(bar.length_us for bar in some)
        yield f"{group}  {duration(length)}", None, order
        for bar in some:
            yield clean(bar.label, 48), bar, order
