"""What Ps cost: made at boot, and by calls of runtime.GOMAXPROCS, step by step.

The steps come from the stamped runtime (`schedstamps`), a process each; all sizes take turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labhelpers.experiments.schedstamps import STAMPS, lines, stamped
from labhelpers.experiments.turns import Said, Talker, in_turns
from labhelpers.programs import find_program
from labhelpers.startup.estimate import Values, median_interval, ratio_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SIZES = (1, 2, 4, 8, 16, 32, 64, 96, 128)

STOP, ROOM, MAKE, HANG, START, WAKE = (
    "stop the world",
    "room in the lists",
    "make the Ps",
    "states, idle list",
    "start the world",
    "wake a thread",
)
PARTS = (STOP, ROOM, MAKE, HANG, START, WAKE)
"""The parts of one call, in order. At boot no world runs: only the middle three are there."""

Case = Literal["boot", "first call", "touched heap", "second call"]
CASES: tuple[Case, ...] = ("boot", "first call", "touched heap", "second call")
"""Ps made by schedinit; by a call; by a call that finds heap pages which the kernel has handed out
already; and by a call after one that had made as many and one that gave them up again."""


@dataclass(frozen=True)
class Resize:
    """How long it took to get `procs` Ps: median of many starts, microseconds, 95 % interval.

    `old` is how many there were; `part` is "whole" or one of PARTS, which sum to the whole in each
    start (their medians need not).
    """

    go: str
    case: str
    old: int
    procs: int
    part: str
    median_us: float
    low_us: float
    high_us: float


@dataclass(frozen=True)
class Growth:
    """How the time grows with the number of Ps, in one release and case.

    `per_p_us` is the slope of a straight line through the medians of all sizes, its interval from
    a line for each round; `at_none_us` where the line meets no P at all; `worst` the largest
    distance of a median from the line, as a fraction of it, from 8 Ps on. `bend` is what a P
    costs in the upper half of the sizes, as a multiple of the lower half: 1 for a straight line.
    """

    go: str
    case: str
    per_p_us: float
    low_us: float
    high_us: float
    at_none_us: float
    worst: float
    bend: float
    bend_low: float
    bend_high: float

    def straight(self, factor: float = 4 / 3) -> bool | None:
        """Say whether the bend lies within this factor of 1; None: not resolved."""
        return within(self.bend_low, self.bend_high, 1 / factor, factor)


@dataclass
class Resizes:
    """All that one measurement gave: rows to show, and the rounds that they come from.

    `micros[go, case, procs, part]` is a value for each round; `stamp_ns` the median cost of one
    stamp, of which there are at most nine in a call.
    """

    rows: Table[Resize]
    micros: dict[tuple[str, str, int, str], Values]
    stamp_ns: float
    seed: int

    def more(self, go: str, case: str, few: int, many: int) -> float:
        """Return how many microseconds longer it takes to get many Ps than few: the median."""
        whole = (self.micros[go, case, procs, "whole"] for procs in (many, few))
        return float(np.median(np.subtract(*whole)))

    def share(self, go: str, case: str, procs: int, part: str) -> float:
        """Return the share of a part in the whole: the median over all starts."""
        values = self.micros[go, case, procs, part] / self.micros[go, case, procs, "whole"]
        return float(np.median(values))

    def growth(self, go: str, case: str) -> Growth:
        """Return how one case grows, from the same rounds as its rows.

        Raises:
            ValueError: fewer than four sizes were measured.
        """
        whole = {
            p: v
            for (g, c, p, part), v in self.micros.items()
            if (g, c, part) == (go, case, "whole")
        }
        return growth(go, case, whole, self.seed)


def at_boot(
    chains: Sequence[Toolchain], sizes: Sequence[int] = SIZES, rounds: int = 30, seed: int = 6
) -> Resizes:
    """Start `hello` with GOMAXPROCS set to each size, and time schedinit's call of procresize.

    Raises:
        LabError: the stamped runtime cannot be built or run.
    """
    talkers = {}
    for chain in chains:
        file = stamped(find_program("hello"), chain)
        for size in sizes:
            environment = {**STAMPS, "GOMAXPROCS": str(size)}
            talkers[chain.release, size] = Talker(f"boot with {size}", (file,), environment)
    said = in_turns(list(talkers.values()), rounds, seed)
    found: dict[tuple[str, str, int, int], list[list[int]]] = {}
    for (go, size), answers in zip(talkers, said, strict=True):
        found[go, "boot", 0, size] = [_calls(answer)[0] for answer in answers]
    return _resizes(found, said, seed)


def by_calls(
    chains: Sequence[Toolchain], sizes: Sequence[int] = SIZES[1:], rounds: int = 30, seed: int = 6
) -> Resizes:
    """Let a program with one P ask for each size, in the three ways of CASES that are calls.

    Raises:
        LabError: the stamped runtime cannot be built or run.
    """
    talkers = {}
    for chain in chains:
        file = stamped(find_program("maxprocs"), chain)
        for size in sizes:
            for touch in (False, True):
                words = ["-touch"] if touch else []
                words += [str(size), "1", str(size)]
                name = f"call of GOMAXPROCS({size})"
                environment = {**STAMPS, "GOMAXPROCS": "1", "GOGC": "off"}
                talker = Talker(name, (file, *words), environment)
                talkers[chain.release, size, touch] = talker
    said = in_turns(list(talkers.values()), rounds, seed)
    found: dict[tuple[str, str, int, int], list[list[int]]] = {}
    for (go, size, touch), answers in zip(talkers, said, strict=True):
        calls = [_calls(answer) for answer in answers]
        # The first entry is schedinit's.
        case = "touched heap" if touch else "first call"
        found[go, case, 1, size] = [own[1] for own in calls]
        if not touch:
            found[go, "second call", 1, size] = [own[3] for own in calls]
    return _resizes(found, said, seed)


def within(low: float, high: float, least: float, most: float) -> bool | None:
    """Say whether an interval lies within limits; None where it lies on both sides of one."""
    if least <= low and high <= most:
        return True
    return False if high < least or low > most else None


def growth(go: str, case: str, whole: dict[int, Values], seed: int) -> Growth:
    """Return how a time grows with the number of Ps.

    Args:
        go: the release, for the row.
        case: the case, for the row.
        whole: by number of Ps, a value in microseconds for each round.
        seed: of the bootstrap.

    Raises:
        ValueError: fewer than four sizes: a line through three is no test.
    """
    sizes = sorted(whole)
    if len(sizes) < 4:
        raise ValueError(f"growth needs at least 4 sizes, not {len(sizes)}")
    x = np.array(sizes, dtype=float)
    medians = np.array([np.median(whole[size]) for size in sizes])
    slope, start = np.polyfit(x, medians, 1)
    slopes = np.polyfit(x, np.array([whole[size] for size in sizes]), 1)[0]
    _, (low, high) = median_interval(slopes, seed)
    line = slope * x + start
    worst = np.max(np.abs(medians / line - 1)[x >= min(8, x[-1])])
    middle = min(sizes[1:-1], key=lambda size: abs(size - sizes[-1] / 2))
    lower = (whole[middle] - whole[sizes[0]]) / (middle - sizes[0])
    upper = (whole[sizes[-1]] - whole[middle]) / (sizes[-1] - middle)
    bend, (bend_low, bend_high) = ratio_interval(upper, lower, seed)
    numbers = (slope, low, high, start, worst, bend, bend_low, bend_high)
    return Growth(go, case, *(round(float(number), 4) for number in numbers))


def fresh_page_us(calls: Resizes, go: str, procs: int, faults: Sequence[int]) -> Resize:
    """Return what one fresh page costs: the first call against that on a touched heap.

    Args:
        calls: of `by_calls`.
        go: the release.
        procs: how many Ps were asked for.
        faults: page faults of the first call, and of that on a touched heap.
    """
    first, touched = (calls.micros[go, case, procs, MAKE] for case in CASES[1:3])
    values = (first - touched) / (faults[0] - faults[1])
    return _row((go, "fresh page", 1, procs), "whole", values, calls.seed)


def _calls(said: Said) -> list[list[int]]:
    """Return the stamps of each call of procresize: nine each, 0 for a stamp that is not there."""
    found = [line for line in lines(said.err) if line.kind == "call"]
    return [[int(word) for word in line.words[2:]] for line in found]


def _parts(stamps: Sequence[int]) -> dict[str, int]:
    """Return nanoseconds by part. Boot has stamps 2 to 5 only: no world is stopped or started."""
    t = stamps
    parts = {ROOM: t[3] - t[2], MAKE: t[4] - t[3], HANG: t[5] - t[4]}
    if t[0]:
        # startTheWorld begins before procresize and wakes a thread (wakep) before it ends.
        start = (t[2] - t[1]) + (t[6] - t[5]) + (t[8] - t[7])
        parts |= {STOP: t[1] - t[0], START: start, WAKE: t[7] - t[6]}
    whole = t[8] - t[0] if t[0] else t[5] - t[2]
    assert sum(parts.values()) == whole
    return {**parts, "whole": whole}


def _resizes(
    found: dict[tuple[str, str, int, int], list[list[int]]], said: list[list[Said]], seed: int
) -> Resizes:
    stamp = [
        int(line.words[0])
        for answers in said
        for answer in answers
        for line in lines(answer.err)
        if line.kind == "stamp"
    ]
    result = Resizes(Table(), {}, float(np.median(stamp)), seed)
    for (go, case, old, procs), rounds in found.items():
        split = [_parts(stamps) for stamps in rounds]
        for part in split[0]:
            values = np.array([own[part] for own in split]) / 1000
            result.micros[go, case, procs, part] = values
            result.rows.append(_row((go, case, old, procs), part, values, seed))
    return result


def _row(key: tuple[str, str, int, int], part: str, values: Values, seed: int) -> Resize:
    median, (low, high) = median_interval(values, seed)
    return Resize(*key, part, round(median, 3), round(low, 3), round(high, 3))
