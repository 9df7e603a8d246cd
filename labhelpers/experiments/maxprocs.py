"""runtime.GOMAXPROCS called in an init function, as the article has it, on an unmodified runtime.

The program `maxprocs` makes the calls and says of each how long it took by the program's own clock,
and what it left behind: bytes, page faults, pauses.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.schedstamps import built
from labhelpers.experiments.turns import Said, Talker, in_turns
from labhelpers.machine import can_open_perf_event
from labhelpers.perf import PerfRefused, attributes, open_event
from labhelpers.programs import find_program
from labhelpers.startup.estimate import Values, median_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

HARDWARE, LAST_CACHE_MISSES = 0, 3
"""PERF_TYPE_HARDWARE and PERF_COUNT_HW_CACHE_MISSES of linux/perf_event.h."""


@dataclass(frozen=True)
class Calls:
    """Calls of runtime.GOMAXPROCS(asked) in many starts: their time, and what they left behind.

    `before` is how many Ps there were; `time` names which of the program's calls it is. Times are
    in microseconds: the median with its 95 % interval, and the mean. `bytes` and `objects` on the
    heap are the least of all starts: a thread that the runtime makes meanwhile adds some. The other
    columns are medians: bytes of allocation caches (`caches`), page faults, cycles of the collector
    and the sum of its pauses in nanoseconds (MemStats.PauseNs), stops of the world that were not
    the collector's (runtime/metrics; always 0 before Go 1.22).
    """

    go: str
    time: str
    before: int
    asked: int
    median_us: float
    low_us: float
    high_us: float
    mean_us: float
    bytes: int
    objects: int
    caches: int
    faults: int
    cycles: int
    pauses: int
    stops: int


TIMES = ("first", "given up again", "second")


def calls(
    chains: Sequence[Toolchain],
    sizes: Sequence[int],
    before: int = 1,
    touch: bool = False,
    rounds: int = 30,
    seed: int = 6,
) -> Table[Calls]:
    """Ask for each size, give all Ps but `before` up again, and ask for them a second time.

    Where a size is `before`, nothing changes and nothing is given up: all calls are alike.

    Args:
        chains: the Go releases.
        sizes: how many Ps to ask for, each in a process of its own; all take turns.
        before: how many Ps there are at first, set from outside by GOMAXPROCS.
        touch: whether the heap has pages to offer that the kernel has handed out already.
        rounds: how often.
        seed: decides the order.

    Raises:
        LabError: the program cannot be built or run.
    """
    talkers = {}
    for chain in chains:
        file = built(find_program("maxprocs"), find_config("default"), chain)
        for size in sizes:
            words = [*(["-touch"] if touch else []), str(size), str(before), str(size)]
            environment = {"GOMAXPROCS": str(before), "GOGC": "off"}
            talkers[chain.release, size] = Talker("maxprocs", (file, *words), environment)
    said = in_turns(list(talkers.values()), rounds, seed)
    rows: Table[Calls] = Table()
    for (go, _), answers in zip(talkers, said, strict=True):
        table = np.array([_numbers(answer) for answer in answers])
        for index, time in enumerate(TIMES):
            rows.append(_row(go, time, table[:, index, :], seed))
    return rows


@dataclass(frozen=True)
class Memory:
    """What a P takes, in one release: bytes on the heap, and bytes of its cache outside of it.

    `heap` is the size class that the struct is put into, and `straight` says whether each size
    asked for took exactly that much a P, lists of Ps apart.
    """

    go: str
    heap: int
    cache: int
    straight: bool


def memory(rows: Sequence[Calls]) -> Table[Memory]:
    """Return what each P takes, from the first calls of several sizes; exact, since it is counted.

    Raises:
        LabError: fewer than two sizes were asked for.
    """
    found: Table[Memory] = Table()
    for go in dict.fromkeys(row.go for row in rows):
        first = [row for row in rows if (row.go, row.time) == (go, TIMES[0]) and row.asked > 1]
        if len(first) < 2:
            raise LabError(f"One size says nothing about growth: ask Go {go} for two at least.")
        small, large = first[0], first[-1]
        more = large.asked - small.asked
        # Size classes are multiples of 128 here, and what the lists take for a P (a pointer and
        # three bits) is less than that.
        heap = (large.bytes - small.bytes) // more // 128 * 128
        made = [(row.bytes - (row.asked - row.before) * heap) / row.bytes for row in first]
        straight = all(0 <= rest < 0.1 for rest in made)
        found.append(Memory(go, heap, (large.caches - small.caches) // more, straight))
    return found


def no_cache_misses() -> str:
    """Say why the misses of the last cache are not counted here, in a sentence."""
    event = attributes(HARDWARE, LAST_CACHE_MISSES)
    try:
        os.close(open_event(event, -1))
    except PerfRefused as error:
        if not can_open_perf_event():
            return f"Misses of a cache cannot be counted here: {error}."
        return (
            "This machine has no counter of cache misses: virtual machines mostly hide it, and "
            "no software event stands for it."
        )
    return (
        "This machine could count cache misses. The lab does not, since most cannot: "
        "`perf stat -e LLC-loads,LLC-load-misses` does."
    )


def last_cache_bytes() -> int | None:
    """Return the size of processor 0's largest cache, None where sysfs does not tell.

    Source: /sys/devices/system/cpu/cpu0/cache/index*/size, which says "32768K".
    """
    sizes = []
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        if found := re.fullmatch(r"(\d+)([KM]?)", file.read_text().strip()):
            sizes.append(int(found[1]) * {"": 1, "K": 1024, "M": 1024**2}[found[2]])
    return max(sizes, default=None)


def _numbers(said: Said) -> list[list[int]]:
    """Return the numbers of the three calls; the first line has the names of the columns."""
    rows = [[int(word) for word in line.split(" ")] for line in said.out.splitlines()[1:]]
    if [len(row) for row in rows] != [11] * len(TIMES):
        raise LabError(f"maxprocs did not print its table, but {said.out[:200]!r}.")
    return rows


def _row(go: str, time: str, table: Values, seed: int) -> Calls:
    """Return the row of one call: `table` has a line a start, a column as the program prints."""
    middle = np.median(table, axis=0)
    micros = table[:, 3] / 1000
    median, (low, high) = median_interval(micros, seed)
    return Calls(
        go,
        time,
        int(middle[1]),
        int(middle[0]),
        round(median, 3),
        round(low, 3),
        round(high, 3),
        round(float(np.mean(micros)), 3),
        *(int(value) for value in (*np.min(table, axis=0)[4:6], *middle[6:])),
    )
