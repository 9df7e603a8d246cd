"""Starts of one program in each link mode: whole ones, paired, and taken apart by phase."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from labhelpers.experiments.linkmodes import MODES, built
from labhelpers.startup import Command, measure
from labhelpers.startup.phases import measure_phases
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SEED = 23


@dataclass(frozen=True)
class ModeStart:
    """The start of one program in one mode, in milliseconds, with the median's 95 % interval.

    `ratio` with `ratio_low` to `ratio_high`, the A/A `floor` and `verdict` ("faster", "slower",
    "not resolved") compare it with the internal file; that one has 1 and "baseline". `faults` is
    the median of its minor page faults.
    """

    go: str
    program: str
    mode: str
    median_ms: float
    low_ms: float
    high_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    floor: float
    verdict: str
    faults: int


@dataclass(frozen=True)
class ModePhase:
    """One phase of a start: microseconds with the median's 95 % interval, and its page faults.

    `method` says how it was watched (labhelpers/startup/watching.py).
    """

    go: str
    program: str
    mode: str
    phase: str
    median_us: float
    low_us: float
    high_us: float
    faults: float | None
    method: str


def mode_starts(
    chain: Toolchain, programs: Sequence[str], rounds: int = 60, seed: int = SEED
) -> Table[ModeStart]:
    """Start each program in all modes, interleaved and paired, from a warm cache.

    Raises:
        LabError: one does not build.
        LaunchFailed: one does not start.
    """
    rows: Table[ModeStart] = Table()
    for program in programs:
        result = measure(_commands(chain, program, tuple(MODES)), rounds=rounds, seed=seed)
        against = {comparison.candidate: comparison for comparison in result.comparisons}
        for own in result.estimates:
            other = against.get(own.command)
            faults = [x.timing.minor_faults for x in result.launches if x.command == own.command]
            row = ModeStart(
                go=chain.release,
                program=program,
                mode=own.command,
                median_ms=round(own.median_ms, 3),
                low_ms=round(own.ci95_ms[0], 3),
                high_ms=round(own.ci95_ms[1], 3),
                ratio=round(other.ratio, 3) if other else 1.0,
                ratio_low=round(other.ci95[0], 3) if other else 1.0,
                ratio_high=round(other.ci95[1], 3) if other else 1.0,
                floor=round(other.floor, 3) if other else 0.0,
                verdict=other.verdict if other else "baseline",
                faults=int(statistics.median(faults)),
            )
            rows.append(row)
    return rows


def mode_phases(
    chain: Toolchain, programs: Sequence[str], rounds: int = 24, seed: int = SEED
) -> Table[ModePhase]:
    """Take the starts of each program in all modes apart: the unmodified files, phase by phase."""
    rows: Table[ModePhase] = Table()
    for program in programs:
        for found in measure_phases(_commands(chain, program, tuple(MODES)), rounds, seed):
            for phase in found.phases:
                row = ModePhase(
                    go=chain.release,
                    program=program,
                    mode=found.command,
                    phase=phase.name,
                    median_us=round(phase.median_us, 1),
                    low_us=round(phase.ci95_us[0], 1),
                    high_us=round(phase.ci95_us[1], 1),
                    faults=phase.faults,
                    method=found.method,
                )
                rows.append(row)
    return rows


def _commands(chain: Toolchain, program: str, modes: Sequence[str]) -> list[Command]:
    made = built(chain, [program], modes)
    return [
        Command(mode, (str(binary.path),), server=program == "httpd")
        for (_, mode), binary in made.items()
    ]
