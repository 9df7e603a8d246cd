"""What single things cost on this machine, of which a start has many: CPUID, page faults, calls.

CPUID is the one that surprises. A virtual machine may not answer it by itself: the processor leaves
the guest, the host answers, the guest goes on (Intel SDM volume 3, 26.1.2; AMD APM volume 2,
15.9). On a machine of its own it takes some tens of nanoseconds.
"""

import platform
import statistics
from dataclasses import dataclass

from labhelpers import machine
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.probes import run
from labhelpers.programs import find_program
from labhelpers.startup.estimate import median_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

PROCESSES = 15
SEED = 305
TRAPS_ABOVE_NS = 500.0
"""A CPUID that takes longer left the guest: without that no processor needs half as much."""


@dataclass(frozen=True)
class UnitCost:
    """What one of something takes: the median over processes in ns, and its 95 % interval."""

    what: str
    median_ns: float
    low_ns: float
    high_ns: float


def impossible() -> str | None:
    """Return why this machine cannot time CPUID, in a sentence; None where it can."""
    own = platform.machine()
    if own == "x86_64":
        return None
    return f"CPUID is an instruction of x86-64, and this machine is {own}."


def unit_costs(toolchain: Toolchain, processes: int = PROCESSES) -> Table[UnitCost]:
    """Time each thing in many processes of the program `unitcosts`.

    Raises:
        LabError: the program does not build or run.
    """
    binary = build(find_program("unitcosts"), find_config("default"), toolchain)
    if binary.path is None:
        raise LabError(f"unitcosts does not build ({binary.error}): see its log.")
    medians: dict[str, list[float]] = {}
    for _ in range(processes):
        status, text = run(binary.path)
        if status:
            raise LabError(f"unitcosts ended with status {status}: run it by hand to see why.")
        batches: dict[str, list[float]] = {}
        for line in text.splitlines():
            what, _, value = line.partition("\t")
            batches.setdefault(what, []).append(float(value))
        for what, values in batches.items():
            medians.setdefault(what, []).append(statistics.median(values))
    rows: Table[UnitCost] = Table()
    for what, values in medians.items():
        median, (low, high) = median_interval(values, SEED)
        rows.append(UnitCost(what, round(median, 1), round(low, 1), round(high, 1)))
    return rows


def traps(cpuid_ns: float) -> bool:
    """Return whether a CPUID of this length left the guest for the host."""
    return cpuid_ns > TRAPS_ABOVE_NS


def verdict(cpuid_ns: float) -> str:
    """Say in a sentence what CPUID does on this machine."""
    kind = "a virtual machine" if machine.describe().virtualised else "no virtual machine"
    if traps(cpuid_ns):
        return f"This is {kind}: each CPUID leaves it and asks the host, {cpuid_ns / 1000:.1f} µs."
    return f"This is {kind}, and CPUID stays in it: {cpuid_ns:.0f} ns."
