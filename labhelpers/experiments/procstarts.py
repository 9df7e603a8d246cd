"""Whole starts with few and with many Ps: what is left of procresize in what a user waits for."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labhelpers.configs import find_config
from labhelpers.experiments.schedstamps import built
from labhelpers.programs import SERVERS, find_program
from labhelpers.startup import Command, measure
from labhelpers.startup.estimate import LEAST_ROUNDS, median_interval
from labhelpers.startup.phases import measure_phases
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

ONE = 1


@dataclass(frozen=True)
class ProcStart:
    """The starts of one program with so many Ps, against its starts with one.

    A server's start ends at its first answer. `ratio` with `low` to `high` and the A/A floor are
    those of paired starts, and so is `more_us`: the median of the differences, in microseconds.
    `faults` is the median of minor page faults.
    """

    go: str
    program: str
    procs: int
    median_ms: float
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str
    more_us: float
    more_low_us: float
    more_high_us: float
    faults: int


@dataclass(frozen=True)
class ProcPhase:
    """One phase of a start with so many Ps: microseconds, 95 % interval, and page faults in it."""

    go: str
    phase: str
    procs: int
    median_us: float
    low_us: float
    high_us: float
    faults: float | None
    method: str


def phases(
    chain: Toolchain,
    program: str,
    sizes: Sequence[int] = (ONE, 2, 64),
    rounds: int = 30,
    seed: int = 6,
) -> Table[ProcPhase]:
    """Take whole starts apart: the phases of the unmodified program, with each GOMAXPROCS.

    Raises:
        LabError: it cannot be built or started.
    """
    found = measure_phases(_commands(chain, program, sizes), rounds, seed)
    return Table(
        ProcPhase(
            chain.release,
            phase.name,
            size,
            round(phase.median_us, 1),
            round(phase.ci95_us[0], 1),
            round(phase.ci95_us[1], 1),
            phase.faults,
            own.method,
        )
        for size, own in zip(sizes, found, strict=True)
        for phase in own.phases
    )


def no_breakpoints(chain: Toolchain) -> str | None:
    """Return why the phases before main cannot be told apart here; None where they can."""
    found = phases(chain, "hello", (ONE,), rounds=LEAST_ROUNDS)
    if {row.method for row in found} == {"breakpoints"}:
        return None
    return "This machine gives no breakpoints, so the phases before main cannot be told apart."


def starts(
    chains: Sequence[Toolchain],
    programs: Sequence[str],
    sizes: Sequence[int] = (ONE, 64, 128),
    rounds: int = 40,
    seed: int = 6,
) -> Table[ProcStart]:
    """Start programs with each GOMAXPROCS in the environment; the first size is the baseline.

    Raises:
        LabError: one cannot be built or started.
    """
    return Table(
        row
        for program in programs
        for chain in chains
        for row in _starts(chain, program, sizes, rounds, seed)
    )


def _starts(
    chain: Toolchain, program: str, sizes: Sequence[int], rounds: int, seed: int
) -> Table[ProcStart]:
    done = measure(_commands(chain, program, sizes), rounds, seed)
    compared = {c.candidate: c for c in done.comparisons}
    by_round = {(own.round, own.command): own for own in done.launches}
    rows: Table[ProcStart] = Table()
    for size, own in zip(sizes, done.estimates, strict=True):
        pairs = [(by_round[n, str(size)], by_round[n, str(sizes[0])]) for n in range(done.rounds)]
        more = np.array([(a.start_ns - b.start_ns) / 1000 for a, b in pairs])
        median, (low, high) = median_interval(more, done.seed)
        c = compared.get(str(size))
        ratio, ends, floor = (c.ratio, c.ci95, c.floor) if c else (1.0, (1.0, 1.0), 0.0)
        rows.append(
            ProcStart(
                go=chain.release,
                program=program,
                procs=size,
                median_ms=round(own.median_ms, 3),
                ratio=round(ratio, 4),
                low=round(ends[0], 4),
                high=round(ends[1], 4),
                floor=round(floor, 4),
                verdict=c.verdict if c else "baseline",
                more_us=round(median, 1),
                more_low_us=round(low, 1),
                more_high_us=round(high, 1),
                faults=int(np.median([a.timing.minor_faults for a, _ in pairs])),
            )
        )
    return rows


def _commands(chain: Toolchain, program: str, sizes: Sequence[int]) -> list[Command]:
    file = built(find_program(program), find_config("default"), chain)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GO")}
    return [
        Command(str(size), (file,), program in SERVERS, {**inherited, "GOMAXPROCS": str(size)})
        for size in sizes
    ]
