"""Which package's inits take how long: medians over many starts, with intervals."""

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labhelpers.errors import LabError
from labhelpers.runtime.inittrace import InitRow, run_inittrace
from labhelpers.startup.estimate import LEAST_ROUNDS, median_interval
from labhelpers.startup.spawn import Command, launch
from labhelpers.table import Table


@dataclass(frozen=True)
class RankedInit:
    """The inits of one package over several starts of a command.

    `clock_ms` is the median of what inittrace says, `low_ms` to `high_ms` its 95 % interval. It
    cuts to two digits, so 0 means less than a microsecond. `bytes` and `allocs` are medians.
    """

    command: str
    package: str
    clock_ms: float
    low_ms: float
    high_ms: float
    bytes: int
    allocs: int


@dataclass(frozen=True)
class InitSum:
    """All inits of a command together, beside its whole start.

    `inits_ms` is the median over the starts of the sum of all packages, `start_ms` that of starts
    without inittrace, in turn with those with it; both with their intervals. `share` is the part
    of the start that inittrace accounts for, in per cent.
    """

    command: str
    packages: int
    inits_ms: float
    inits_low_ms: float
    inits_high_ms: float
    start_ms: float
    start_low_ms: float
    start_high_ms: float
    share: float
    slowest: str
    slowest_ms: float


@dataclass(frozen=True)
class InitRanking:
    """The inits of some commands: each package, a command's slowest first, and the sums."""

    packages: Table[RankedInit]
    sums: Table[InitSum]

    def slowest(self, most: int) -> Table[RankedInit]:
        """Return each command's slowest packages, so many of each at most."""
        return Table(
            row
            for own in self.sums
            for row in [r for r in self.packages if r.command == own.command][:most]
        )


def rank_inits(
    commands: Sequence[Command], rounds: int = 30, seed: int = 8, timeout: float = 10.0
) -> InitRanking:
    """Start every command once a round with inittrace and once without, in random order.

    Raises:
        LabError: too few rounds, a command that fails or reports no init.
    """
    if rounds < LEAST_ROUNDS:
        raise LabError(f"{rounds} rounds give no interval: take at least {LEAST_ROUNDS}.")
    order = random.Random(seed)
    traced: dict[str, list[Table[InitRow]]] = {command.name: [] for command in commands}
    walls: dict[str, list[float]] = {command.name: [] for command in commands}
    for _ in range(rounds):
        for command, watched in order.sample(
            [(command, watched) for command in commands for watched in (True, False)],
            2 * len(commands),
        ):
            if watched:
                traced[command.name].append(run_inittrace(command, timeout))
            else:
                walls[command.name].append(launch(command, timeout).wall_ns / 1e6)
    packages: Table[RankedInit] = Table()
    sums: Table[InitSum] = Table()
    for name, starts in traced.items():
        own = sorted(_packages(name, starts, seed), key=lambda row: -row.clock_ms)
        packages += own
        sums.append(_sum(name, starts, walls[name], own[0], seed))
    return InitRanking(packages, sums)


def _packages(name: str, starts: Sequence[Table[InitRow]], seed: int) -> list[RankedInit]:
    """Return a row for each package that every start reports."""
    by_package: dict[str, list[InitRow]] = {}
    for start in starts:
        for row in start:
            by_package.setdefault(row.package, []).append(row)
    return [
        RankedInit(
            name,
            package,
            *_rounded(median_interval([row.clock_ms for row in rows], seed)),
            round(statistics.median(row.bytes for row in rows)),
            round(statistics.median(row.allocs for row in rows)),
        )
        for package, rows in by_package.items()
        if len(rows) >= len(starts)
    ]


def _sum(
    name: str,
    starts: Sequence[Table[InitRow]],
    walls: Sequence[float],
    slowest: RankedInit,
    seed: int,
) -> InitSum:
    sums = np.array([sum(row.clock_ms for row in start) for start in starts])
    inits = _rounded(median_interval(sums, seed))
    start = _rounded(median_interval(walls, seed))
    return InitSum(
        name,
        len(starts[0]),
        *inits,
        *start,
        share=round(inits[0] / start[0] * 100, 1),
        slowest=slowest.package,
        slowest_ms=slowest.clock_ms,
    )


def _rounded(found: tuple[float, tuple[float, float]]) -> tuple[float, float, float]:
    median, (low, high) = found
    return round(median, 4), round(low, 4), round(high, 4)


def of_files(files: dict[str, Path]) -> list[Command]:
    """Return a command for each file, by its name."""
    return [Command(name, (str(path),)) for name, path in files.items()]
