"""Where the time of a start goes, as one HTML page that needs nothing else, no script either.

Every bar is a link to its row of the table below, so that the tab key goes from bar to bar. Names
come from files: Jinja escapes all of them, and the page's security policy allows its one style.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from labhelpers.show.anatomy_text import clean
from labhelpers.show.timeline import all_notes, init_facts, init_title, phase_facts
from labhelpers.show.timeline_bars import (
    SMALL,
    WHAT,
    Bar,
    by_group,
    duration,
    joined,
    number,
    phase_bars,
    share,
    spread,
    step_bars,
    ticks,
    total,
)

if TYPE_CHECKING:
    from labhelpers.runtime.init import Init
    from labhelpers.startup.phases import Phases

LABELS, PLOT, VALUES = 300, 500, 260
"""Widths of the three columns of a timeline: names, bars, numbers."""
ROW, HEAD = 24, 30
"""Heights of a row and of the axis."""
LOOKS = 6
ROOM = 1.2
"""How far an axis may reach beyond the bars to show the interval of the last."""


@dataclass(frozen=True)
class DrawnBar:
    """One row of a drawing: places in its units, its texts, and the row of the table it links to.

    A heading has no bar: its `href` is empty.
    """

    y: float
    label: str
    value: str
    href: str = ""
    spoken: str = ""
    x: float = 0.0
    width: float = 0.0
    low: float | None = None
    high: float | None = None
    look: int = 0


@dataclass(frozen=True)
class Drawing:
    """A timeline as the template draws it."""

    title: str
    width: int
    height: float
    axis: list[tuple[float, str]]
    bars: list[DrawnBar]


@dataclass(frozen=True)
class TableRow:
    """A row of a table, with the id that bars link to."""

    id: str
    cells: list[str]
    heading: bool = False


@dataclass(frozen=True)
class Part:
    """A command's or program's share of the page: drawing, facts, table, notes."""

    name: str
    drawing: Drawing
    facts: list[tuple[str, str]]
    columns: list[str]
    numbers: list[int]
    rows: list[TableRow]
    total: list[str]
    notes: list[str]


def phases_page(found: Sequence["Phases"]) -> str:
    """Return the page of some commands; their timelines have one scale."""
    longest = max(_longest(phase_bars(own)) for own in found)
    names = ", ".join(clean(own.command, 60) for own in found)
    return _page(
        title=f"Where a start's time goes: {names}",
        introduction="Each bar is a phase, as long as its median; it begins where the one before "
        "it ends. The thin line around its end is the 95 % interval. Shares are of the sum.",
        parts=[_phases_part(own, index, longest) for index, own in enumerate(found)],
        machine=_machine(found[0].machine),
    )


def init_page(own: "Init") -> str:
    """Return the page of one program's start before main."""
    bars = step_bars(own)
    whole = total(bars)
    rows = []
    for group, some in by_group(bars):
        length = total(some)
        sums = [number(length), "", share(length, whole)]
        rows.append(TableRow("", [group, *sums, "", ""], heading=True))
        for bar in some:
            step = own.steps[bar.rows.start]
            times = [number(bar.length_us), spread(bar.ci95_us), share(bar.length_us, whole)]
            texts = [clean(step.what, 600), clean(step.source)]
            rows.append(TableRow(f"row-0-{bar.rows.start}", [bar.label, *times, *texts]))
    part = Part(
        name=clean(own.program),
        drawing=_drawing(joined(bars), 0, _longest(joined(bars)), f"Timeline of {init_title(own)}"),
        facts=init_facts(own),
        columns=["step", "median, µs", "95 % interval", "share", "what it does", "source"],
        numbers=[1, 2, 3],
        rows=rows,
        total=["sum", number(whole), "", "100 %", "", ""],
        notes=[clean(note, 1000) for note in all_notes(own)],
    )
    return _page(
        title=f"Before main: {init_title(own)}",
        introduction="Each bar is a step of the Go runtime, as long as its median; it begins "
        "where the one before it ends. The thin line around its end is the 95 % interval. "
        f"Neighbours under {100 * SMALL:g} % of the whole stand together here; the table has all.",
        parts=[part],
        machine=_machine(own.machine),
    )


def _phases_part(own: "Phases", index: int, longest: float) -> Part:
    bars = phase_bars(own)
    whole = total(bars)
    rows = []
    for bar, phase in zip(bars, own.phases, strict=True):
        faults = "not watched" if phase.faults is None else f"{phase.faults:g}"
        times = [number(bar.length_us), spread(bar.ci95_us), share(bar.length_us, whole)]
        what = WHAT.get(phase.name, "")
        rows.append(TableRow(f"row-{index}-{bar.rows.start}", [bar.label, *times, faults, what]))
    name = clean(own.command)
    return Part(
        name=name,
        drawing=_drawing(bars, index, longest, f"Timeline of {name}"),
        facts=phase_facts(own),
        columns=["phase", "median, µs", "95 % interval", "share", "page faults", "what happens"],
        numbers=[1, 2, 3, 4],
        rows=rows,
        total=["sum", number(whole), "", "100 %", "", ""],
        notes=[clean(note, 1000) for note in own.notes],
    )


def _longest(bars: Sequence[Bar]) -> float:
    """Return how long an axis must be for the bars and, but for very long ones, their intervals."""
    ends = [bar.start_us + bar.ci95_us[1] for bar in bars if bar.ci95_us]
    whole = total(bars)
    return max(whole, min(max(ends, default=0.0), ROOM * whole))


def _drawing(bars: Sequence[Bar], index: int, longest_us: float, title: str) -> Drawing:
    """Return a drawing of bars on an axis to `longest_us`; groups with a name have a heading."""
    scale = PLOT / longest_us
    whole = total(bars)
    drawn, y = [], float(HEAD)
    groups = list(dict.fromkeys(bar.group for bar in bars))
    for group, some in by_group(bars):
        if group:
            length = total(some)
            value = f"{duration(length)}, {share(length, whole)}"
            drawn.append(DrawnBar(y, group, value))
            y += ROW
        for bar in some:
            part = share(bar.length_us, whole)
            ends = [(bar.start_us + end) * scale for end in bar.ci95_us or ()]
            interval = spread(bar.ci95_us)
            drawn.append(
                DrawnBar(
                    y=y,
                    label=bar.label if len(bar.label) <= 40 else f"{bar.label[:39]}…",
                    value=f"{duration(bar.length_us)}, {part}  {interval}".strip(),
                    href=f"#row-{index}-{bar.rows.start}",
                    spoken=f"{group} {bar.label}: {duration(bar.length_us)}, {part}".strip(),
                    x=LABELS + bar.start_us * scale,
                    width=max(bar.length_us * scale, 1.5),
                    low=min(LABELS + ends[0], LABELS + PLOT) if ends else None,
                    high=min(LABELS + ends[1], LABELS + PLOT) if ends else None,
                    look=(groups.index(group) if group else bar.rows.start) % LOOKS,
                )
            )
            y += ROW
    axis = [(LABELS + at * scale, f"{at:,.0f}" if at else "0 µs") for at in ticks(longest_us)]
    return Drawing(title, LABELS + PLOT + VALUES, y + 6, axis, drawn)


def _machine(machine: dict[str, Any]) -> str:
    words = [machine.get("cpu"), machine.get("kernel") and f"Linux {machine['kernel']}"]
    if machine.get("virtualised"):
        words.append("a virtual machine")
    return clean(", ".join(filter(None, words)), 200)


def _page(**content: Any) -> str:  # noqa: ANN401
    from jinja2 import Environment
    from markupsafe import Markup

    folder = files("labhelpers.show") / "page"
    html, style = ((folder / f"timeline.{ending}").read_text() for ending in ("html", "css"))
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    template = Environment(autoescape=True, trim_blocks=True).from_string(html)
    return template.render(style=Markup(style), policy=policy, row=ROW, head=HEAD, **content)
