"""What each step does to one program or to many, as figures. Each function draws one.

Colours are those of Okabe & Ito; the shape tells warm from cold as well, and a hollow marker a
change that is not resolved.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labhelpers.advice.answer import Advice, StepAnswer
from labhelpers.advice.lessons import FAILED
from labhelpers.errors import LabError
from labhelpers.show.advice_text import BASELINE, CACHES, caches, comparison, default_bytes
from labhelpers.show.anatomy_text import clean
from labhelpers.show.figures import COLOURS, GREY
from labhelpers.startup.estimate import Comparison
from labhelpers.startup.rounds import CacheState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS: dict[CacheState, tuple[str, str]] = {"warm": (COLOURS[1], "o"), "cold": (COLOURS[0], "s")}
"""Colour and marker of each state of the page cache."""
FURTHEST = 150.0
"""Per cent beyond which an axis does not reach; what lies there is drawn at its edge."""
SHIFT = 0.17
"""How far warm and cold lie from the middle of their row."""


def advice_figure(advice: Advice) -> "Figure":
    """Draw the change of a program's start by step, with its interval, and the file's size."""
    from matplotlib import pyplot as plt

    steps = list(advice.steps)
    figure, (left, right) = plt.subplots(
        1,
        2,
        figsize=(9.5, 0.42 * (len(steps) + 1) + 1.5),
        sharey=True,
        width_ratios=(5, 2),
        layout="constrained",
    )
    for y, step in enumerate(steps):
        _step(left, y, step, caches(advice), words=True)
    _ground(left)
    left.set_yticks(range(len(steps)), [_marked(step.step, advice) for step in steps])
    left.set_ylim(len(steps) - 0.4, -0.6)
    left.set_xlabel("change of the start, %: left of the line is faster")
    left.set_title(f"{clean(advice.program, 40)}, Go {advice.go}, {advice.until}", fontsize=10)
    _sizes(right, advice)
    _legend(figure, caches(advice))
    return figure


def corpus_figure(found: Sequence[Advice], only: Sequence[str] = ()) -> "Figure":
    """Draw what the steps do to many programs: a panel a step, a row a program.

    Args:
        found: the answers, at least one.
        only: the steps to draw; all if none are named.

    Raises:
        LabError: there is nothing to draw.
    """
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(step.step for advice in found for step in advice.steps))
    names = [name for name in names if name in only or not only]
    if not names:
        raise LabError("There is no answer to draw: record the corpus (golab corpus --record).")
    across = min(4, len(names))
    down = -(-len(names) // across)
    figure, axes = plt.subplots(
        down,
        across,
        figsize=(2.3 * across + 1.6, down * (0.25 * len(found) + 0.9) + 0.5),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    panels = list(axes.flat)
    for panel, name in zip(panels, names, strict=False):
        for y, advice in enumerate(found):
            own = next((step for step in advice.steps if step.step == name), None)
            if own:
                _step(panel, y, own, caches(advice), words=False)
        panel.set_title(name, fontsize=10)
        panel.set_yticks(range(len(found)), [clean(one.program, 24) for one in found])
        panel.set_ylim(len(found) - 0.4, -0.6)
    for panel in panels[: len(names)]:
        _ground(panel)  # after all of it is drawn: the panels share their axes
    for spare in range(len(names), len(panels)):
        panels[spare].set_visible(False)
        panels[spare - across].tick_params(labelbottom=True)
    figure.supxlabel("change of the start against the default build, %", fontsize=10)
    _legend(figure, [c for c in CACHES if any(c in one.estimates for one in found)])
    return figure


def _step(
    panel: "Axes", y: float, step: StepAnswer, states: Sequence[CacheState], words: bool
) -> None:
    """Draw one row; `words` writes what a cross means beside it."""
    if step.answer in FAILED:
        panel.plot(0, y, "x", color=GREY, markersize=7)
        if words:
            panel.annotate(
                step.answer,
                (0, y),
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=GREY,
            )
    for cache in states:
        shift = 0.0 if len(states) == 1 else SHIFT if cache == "cold" else -SHIFT
        if one := comparison(step, cache):
            _point(panel, y + shift, one, cache)


def _point(panel: "Axes", y: float, found: Comparison, cache: CacheState) -> None:
    colour, marker = LOOKS[cache]
    low, high, middle = (_percent(value) for value in (*found.ci95, found.ratio))
    hollow = found.verdict == "not resolved"
    panel.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
    panel.plot(
        middle,
        y,
        marker,
        color=colour,
        markerfacecolor="white" if hollow else colour,
        markersize=6,
        zorder=3,
    )


def _percent(ratio: float) -> float:
    return min((ratio - 1) * 100, FURTHEST)


def _ground(panel: "Axes") -> None:
    panel.axvline(0, color="black", linewidth=0.9)
    panel.grid(axis="x", alpha=0.25)
    low, high = panel.get_xlim()
    panel.set_xlim(min(low, -10), max(high, 10))


def _marked(name: str, advice: Advice) -> str:
    return f"▶ {name}" if name == advice.recommended.config else name


def _sizes(panel: "Axes", advice: Advice) -> None:
    """Draw the files' sizes, and the default build's as a line."""
    default = default_bytes(advice)
    for y, step in enumerate(advice.steps):
        if step.bytes is not None:
            panel.barh(y, step.bytes / 1e6, 0.5, color=COLOURS[5], edgecolor=GREY, linewidth=0.5)
    if default:
        panel.axvline(default / 1e6, color="black", linewidth=0.9)
        panel.annotate(
            BASELINE,
            (default / 1e6, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    panel.set_xlim(left=0)
    panel.set_xlabel("size, MB")
    panel.grid(axis="x", alpha=0.25)


def _legend(figure: "Figure", states: Sequence[CacheState]) -> None:
    from matplotlib.lines import Line2D

    def entry(colour: str, marker: str, label: str, **more: Any) -> Line2D:  # noqa: ANN401
        return Line2D([], [], color=colour, marker=marker, linestyle="", label=label, **more)

    shown = [entry(*LOOKS[cache], f"{cache} start") for cache in states]
    shown.append(entry(GREY, "o", "not resolved", markerfacecolor="white"))
    shown.append(entry(GREY, "x", "does not build or start"))
    figure.legend(
        handles=shown, loc="outside upper center", ncols=len(shown), frameon=False, fontsize=9
    )
