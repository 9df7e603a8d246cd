"""A start as bars laid end to end: what the timelines on the terminal, in figures and pages share.

A bar is as long as the median of its phase or step, and begins where the one before it ends. Times
are in microseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from labhelpers.show.anatomy_text import clean

if TYPE_CHECKING:
    from labhelpers.runtime.init import Init
    from labhelpers.startup.phases import Phases

SMALL = 0.01
"""Share of the whole below which neighbouring bars are drawn as one. Tables have them all."""

WHAT = {
    "spawn to exec": "posix_spawn makes a process, and the kernel puts the program in it.",
    "exec to Go entry": "The kernel maps the file; a dynamic program has its loader find and bind "
    "its libraries, and the C library sets itself up.",
    "Go entry to runtime.main": "runtime.rt0_go and schedinit: processor features, heap, "
    "arguments, garbage collector, one P a core, then the first goroutine.",
    "runtime.main to main.main": "runtime.main starts sysmon and the collector's workers and runs "
    "the init tasks of every package.",
    "main.main to exit": "The program's own main function.",
    "main.main to first answer": "The program's own main function, to the first bytes of a "
    "server's answer.",
    "exit to reaped": "The kernel takes the process down, and wait4 wakes the parent.",
    "exec to main": "The kernel maps the file, its loader binds its libraries, and the C library "
    "sets itself up.",
    "main to exit": "The program's own main function.",
}
"""What happens between two neighbouring marks (labhelpers/startup/stamps.py). Where a mark is
missing, phases are joined and have no sentence."""


@dataclass(frozen=True)
class Bar:
    """One bar. `rows` are the rows of the table that it stands for; `group` is what it is part of.

    `ci95_us` is the interval of its length, None where several rows stand together.
    """

    label: str
    start_us: float
    length_us: float
    ci95_us: tuple[float, float] | None
    rows: range
    group: str = ""

    @property
    def end_us(self) -> float:
        """Where it ends."""
        return self.start_us + self.length_us


def phase_bars(own: "Phases") -> list[Bar]:
    """Return a bar for each phase."""
    rows = [(clean(row.name), row.median_us, row.ci95_us, "") for row in own.phases]
    return _end_to_end(rows)


def step_bars(own: "Init") -> list[Bar]:
    """Return a bar for each step, in groups by function."""
    return _end_to_end(
        [
            (
                clean(row.step),
                row.median_ns / 1e3,
                (row.ci95_ns[0] / 1e3, row.ci95_ns[1] / 1e3),
                clean(row.function),
            )
            for row in own.steps
        ]
    )


def _end_to_end(rows: Sequence[tuple[str, float, tuple[float, float], str]]) -> list[Bar]:
    bars, start = [], 0.0
    for number, (label, length, interval, group) in enumerate(rows):
        bars.append(Bar(label, start, length, interval, range(number, number + 1), group))
        start += length
    return bars


def total(bars: Sequence[Bar]) -> float:
    """Return the sum of all bars in microseconds, above 0 so that shares can be taken of it."""
    return max(sum(bar.length_us for bar in bars), 1e-9)


def joined(bars: Sequence[Bar], least: float = SMALL) -> list[Bar]:
    """Return the bars with neighbours of one group that are small joined into one."""
    limit = least * total(bars)
    found: list[Bar] = []
    for (_, small), run in groupby(bars, key=lambda bar: (bar.group, bar.length_us < limit)):
        own = list(run)
        if small and len(own) > 1:
            length = sum(bar.length_us for bar in own)
            label = f"({len(own)} under {100 * least:g} %)"
            rows = range(own[0].rows.start, own[-1].rows.stop)
            own = [replace(own[0], label=label, length_us=length, ci95_us=None, rows=rows)]
        found += own
    return found


def by_group(bars: Sequence[Bar]) -> list[tuple[str, list[Bar]]]:
    """Return neighbouring bars of one group together, with the group's name."""
    return [(name, list(run)) for name, run in groupby(bars, key=lambda bar: bar.group)]


def duration(us: float) -> str:
    """Return a time with three digits that count: 0.42 µs, 34.2 µs, 1,240 µs, 35.1 ms."""
    if us >= 10_000:
        return f"{us / 1e3:,.1f} ms"
    return f"{number(us)} µs"


def number(us: float) -> str:
    """Return a number of microseconds with up to three digits that count."""
    return f"{us:,.0f}" if us >= 99.95 else f"{us:.1f}" if us >= 9.995 else f"{us:.2f}"


def spread(ci95_us: tuple[float, float] | None) -> str:
    """Return an interval of microseconds; empty for None."""
    return f"[{number(ci95_us[0])}, {number(ci95_us[1])}]" if ci95_us else ""


def share(part: float, whole: float) -> str:
    """Return a share in per cent."""
    return f"{100 * part / whole:.1f} %"


def ticks(longest_us: float, most: int = 8) -> list[float]:
    """Return round numbers from 0 to the longest, at most so many."""
    if longest_us <= 0:
        return [0.0]
    rough = longest_us / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * index for index in range(int(longest_us / step) + 1)]
