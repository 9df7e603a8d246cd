"""Where the time of a start goes, as text for a terminal: a row and a bar a phase or step."""

import math
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from labhelpers.show.anatomy_text import clean, clean_text
from labhelpers.show.tables import columns
from labhelpers.show.tables import interval as percent_interval
from labhelpers.show.timeline_bars import (
    SMALL,
    Bar,
    by_group,
    duration,
    phase_bars,
    share,
    spread,
    step_bars,
    total,
)
from labhelpers.startup.estimate import Comparison, Estimate, percent

if TYPE_CHECKING:
    from labhelpers.runtime.init import Init, Whole
    from labhelpers.startup.phases import Phases
    from labhelpers.startup.resident import Resident

WIDTH = 110
BAR_CELLS = 36
"""Characters of the time axis."""


def phases_text(found: Sequence["Phases"]) -> str:
    """Return the phases of some commands, their bars on one scale, and what was found beside."""
    whole = max(total(phase_bars(own)) for own in found)
    rows, ends = [["PHASE", "MEDIAN", "95 % interval", "SHARE", "FAULTS"]], [""]
    for own in found:
        bars = phase_bars(own)
        rows.append([clean(own.command, 40), "", "", "", ""])
        ends.append("")
        for bar, phase in zip(bars, own.phases, strict=True):
            faults = "·" if phase.faults is None else f"{phase.faults:g}"
            rows.append([f"  {bar.label}", *_times(bar, total(bars)), faults])
            ends.append(drawn(bar, whole))
        rows.append(["  sum", duration(total(bars)), "", "100 %", ""])
        ends.append("")
    lines = [f"{line}  {end}".rstrip() for line, end in zip(_lines(rows), ends, strict=True)]
    return "\n".join([*lines, "", *(line for own in found for line in _beside(own, len(found)))])


def init_text(own: "Init") -> str:
    """Return every step of a program's start before main, and what the largest of them do."""
    bars = step_bars(own)
    whole = total(bars)
    rows, ends = [["STEP", "MEDIAN", "95 % interval", "SHARE"]], [""]
    for group, some in by_group(bars):
        length = total(some)
        rows.append([group, duration(length), "", share(length, whole)])
        ends.append("")
        for bar in some:
            rows.append([f"  {bar.label}", *_times(bar, whole)])
            source = clean(own.steps[bar.rows.start].source, 40)
            ends.append(f"{drawn(bar, whole):{BAR_CELLS}}  {source}")
    rows.append(["sum", duration(whole), "", "100 %"])
    ends.append("")
    lines = [f"{line}  {end}".rstrip() for line, end in zip(_lines(rows), ends, strict=True)]
    head = f"{init_title(own)}\n"
    return "\n".join([head, *lines, "", *_largest(own, bars), *init_facts_lines(own)])


def init_title(own: "Init") -> str:
    """Return which start it is: program, release, configuration and Ps."""
    ps = f"{own.gomaxprocs} P{'s' if own.gomaxprocs != 1 else ''}"
    return f"{clean(own.program)}: Go {clean(own.go)}, {clean(own.config)}, {ps}"


def init_facts_lines(own: "Init") -> list[str]:
    """Return what was found of the whole, and the notes."""
    facts = init_facts(own)
    lines = [_hanging(name, text) for name, text in facts]
    return [*lines, *_notes(all_notes(own))]


def all_notes(own: "Init") -> list[str]:
    """Return the notes, and that the run was cut short where it was."""
    cut = f"Cut short by {own.interrupted}; the whole rounds were kept." if own.interrupted else ""
    return [*own.notes, *filter(None, [cut])]


def init_facts(own: "Init") -> list[tuple[str, str]]:
    """Return what was found of the whole: a word for it, and the sentence."""
    rows = [
        ("whole", f"{_nanoseconds(own.whole_ns)} from the first stamp to main.main"),
        ("explained", f"{100 * own.explained:.1f} % of it by the steps"),
        ("of the start", f"{100 * own.share:.1f} % of the wall time, {_estimate(own.wall)}"),
    ]
    if own.entry_ns:
        rows.insert(0, ("to the entry", f"{_nanoseconds(own.entry_ns)} from the spawn to rt0_go"))
    rows += [
        ("overhead", f"{_change(own.overhead)}, of the instrumented program against the plain one"),
        ("rounds", f"{own.rounds}, seed {own.seed}"),
    ]
    return rows


def phase_facts(own: "Phases") -> list[tuple[str, str]]:
    """Return what was found beside the phases: a word for it, and the sentence."""
    from labhelpers.startup.watching import METHODS

    rows = [("method", f"{own.method}: {METHODS[own.method]}")]
    rows.append(("wall time", _estimate(own.wall)))
    if own.time_to_main:
        rows.append(("time to main", _estimate(own.time_to_main)))
    rows.append(("explained", f"{100 * own.explained:.1f} % by phases between neighbouring marks"))
    if own.overhead:
        rows.append(("watching", f"changes the wall time by {_change(own.overhead)}"))
    if own.resident:
        rows.append(("memory", _memory(own.resident)))
    rows.append(("rounds", f"{own.rounds}, seed {own.seed}"))
    return rows


def drawn(bar: Bar, whole_us: float, cells: int = BAR_CELLS) -> str:
    """Return a bar in its place on an axis of so many characters, ▏ for less than half of one."""
    scale = cells / whole_us
    first = min(math.floor(bar.start_us * scale + 1e-9), cells - 1)
    if bar.length_us * scale < 0.5:
        return " " * first + "▏"
    return " " * first + "█" * max(1, round(bar.end_us * scale) - first)


def _times(bar: Bar, whole: float) -> list[str]:
    return [duration(bar.length_us), spread(bar.ci95_us), share(bar.length_us, whole)]


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of one length, so that what follows them lines up."""
    lines = columns(rows).splitlines()
    widest = max(map(len, lines))
    return [line.ljust(widest) for line in lines]


def _beside(own: "Phases", commands: int) -> list[str]:
    head = [clean(own.command)] if commands > 1 else []
    facts = [_hanging(name, text) for name, text in phase_facts(own)]
    return [*head, *facts, *_notes(own.notes), *([""] if commands > 1 else [])]


def _largest(own: "Init", bars: Sequence[Bar]) -> list[str]:
    """Return the sentences of the steps that take more than `SMALL`, the largest first."""
    limit = SMALL * total(bars)
    order = sorted((bar for bar in bars if bar.length_us >= limit), key=lambda b: -b.length_us)
    lines = [
        fill(
            f"{bar.label}: {clean_text(own.steps[bar.rows.start].what)}",
            WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
        )
        for bar in order
    ]
    return [f"WHAT THE LARGEST DO (those above {100 * SMALL:g} %)", *lines, ""]


def _hanging(name: str, text: str) -> str:
    return fill(f"{name:13} {clean_text(text)}", WIDTH, subsequent_indent=" " * 14)


def _notes(notes: Sequence[str]) -> list[str]:
    return [fill(f"note: {clean_text(text)}", WIDTH, subsequent_indent="  ") for text in notes]


def _estimate(own: Estimate) -> str:
    low, high = own.ci95_ms
    return f"{own.median_ms:.3f} ms [{low:.3f}, {high:.3f}]"


def _nanoseconds(own: "Whole") -> str:
    low, high = own.ci95_ns
    return f"{duration(own.median_ns / 1e3)} {spread((low / 1e3, high / 1e3))}"


def _change(own: Comparison) -> str:
    return f"{percent(own.ratio)} {percent_interval(own.ci95)} ({own.verdict})"


def _memory(own: "Resident") -> str:
    most = "at most " if own.upper_bound else ""
    return f"{most}{own.kib:,} KiB resident at its peak. {clean_text(own.note)}".strip()
