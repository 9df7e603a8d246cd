"""Why a step takes its time: what happened during it, counted by the stamps of the instrumented
runtime, which note another thing that only grows in place of the clock.

`faults` are the page faults of the process (getrusage(2), ru_minflt and ru_majflt): pages touched
for the first time, each a way into the kernel. `CPUIDs` are the calls of internal/cpu's function of
that name, which executes the instruction of that name once.
"""

import os
import platform
import statistics
from dataclasses import dataclass, replace

from labhelpers.build import BuildConfig, build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.breakrule import start
from labhelpers.experiments.initchain import entry_code
from labhelpers.overlayfiles import Overlay
from labhelpers.programs import Program
from labhelpers.runtime.init import Init
from labhelpers.runtime.instrument import ADDED, instrument
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.runtime.report import VARIABLE, read_reports
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain


@dataclass(frozen=True)
class Moved:
    """A step's page faults as the runtime is, and with an allocation right behind mallocinit.

    None: the step is only there with it.
    """

    go: str
    step: str
    faults: float | None
    with_first_new: float


Counts = dict[tuple[str, str], float]
"""How often, by the function and the name of each step."""

STARTS = 11
ENTRY_TIME = "golabEntryTime[0]*1000000000 + golabEntryTime[1]"
"""The time at entry (golab_stamps.go): counters have none, and so begin at the first stamp."""
ENTRY = ("rt0_go", "g0, m0 and TLS")
CPU, PROC = "internal/cpu/cpu_x86.go", "runtime/proc.go"
COUNTER = "runtime/golab_counter.go"

FAULTS: Overlay = (
    (
        COUNTER,
        """package runtime

var golabUsage [18]uint64 // struct rusage (getrusage(2))

//go:noescape
func golabCounter() int64
""",
    ),
    (
        "runtime/golab_counter_amd64.s",
        """#include "textflag.h"

// getrusage(RUSAGE_SELF, &golabUsage); return ru_minflt + ru_majflt
TEXT runtime·golabCounter(SB),NOSPLIT,$0-8
	MOVQ	$98, AX
	MOVQ	$0, DI
	LEAQ	runtime·golabUsage(SB), SI
	SYSCALL
	MOVQ	runtime·golabUsage+64(SB), AX
	ADDQ	runtime·golabUsage+72(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
""",
    ),
)

CPUIDS: Overlay = (
    (
        COUNTER,
        """package runtime

import "internal/cpu"

//go:nosplit
func golabCounter() int64 { return int64(cpu.GolabCount) }
""",
    ),
)

FIRST_NEW = """
var golabFirst *[64]byte

func golabFirstNew() { golabFirst = new([64]byte) }
"""

COUNTING_CPUID = """

var GolabCount int

func golabCpuid(eaxArg, ecxArg uint32) (eax, ebx, ecx, edx uint32) {
	GolabCount++
	return cpuid(eaxArg, ecxArg)
}
"""


@dataclass(frozen=True)
class Reason:
    """One step with its time, and what happened in it: medians over starts.

    `fault_us` and `cpuid_us` are what these take at the prices that were measured here.
    """

    go: str
    function: str
    step: str
    median_us: float
    faults: float
    cpuids: float
    fault_us: float
    cpuid_us: float


def impossible() -> str | None:
    """Return why nothing can be counted on this machine, in a sentence; None where it can."""
    machine = platform.machine()
    if machine == "x86_64":
        return None
    return f"The counters are written for x86-64, and this machine is {machine}."


def counts(
    program: Program,
    toolchain: Toolchain,
    what: str,
    starts: int = STARTS,
    base: Overlay = (),
) -> Counts:
    """Return how often something happened in each step: medians over starts.

    Args:
        program: what to start; it must end by itself.
        toolchain: what to build it with.
        what: "faults" or "CPUIDs".
        starts: how often.
        base: files of the runtime that are already changed, as BuildConfig.overlay.

    Raises:
        LabError: the program cannot be built, or does not get to its main function.
    """
    own = instrument(toolchain, base=base)
    texts = {**dict(own.overlay), **dict(FAULTS if what == "faults" else CPUIDS)}
    for old, new in (("nanotime()", "golabCounter()"), (ENTRY_TIME, "int64(0)")):
        if old not in texts[ADDED]:
            raise MissingAnchor(toolchain.release, ADDED, "", old)
        texts[ADDED] = texts[ADDED].replace(old, new)
    if what != "faults":
        text = source(toolchain, CPU)
        texts[CPU] = text.replace("= cpuid(", "= golabCpuid(") + COUNTING_CPUID
    config: BuildConfig = replace(
        find_config("default"), name=f"counting {what}", cgo=False, overlay=tuple(texts.items())
    )
    binary = build(program, config, toolchain)
    if binary.path is None:
        raise LabError(f"{program.name} cannot be built counting {what}: {binary.error}.")
    found: dict[tuple[str, str], list[int]] = {}
    for _ in range(starts):
        report = read_reports(said(str(binary.path)), own.stamps)[0]
        for name, count in zip(report.names, report.steps_ns, strict=True):
            found.setdefault(name, []).append(count)
    medians = {name: float(statistics.median(values)) for name, values in found.items()}
    if what != "faults":
        medians[ENTRY] = float(cpuids_in_rt0_go(toolchain))
    return medians


def cpuids_in_rt0_go(toolchain: Toolchain) -> int:
    """Return how many CPUIDs rt0_go itself executes on the way to its first call.

    That is without those between `#ifdef` and `#endif`: they are for GOAMD64=v2 and above.
    """
    code = entry_code(toolchain)
    return code[: code.index("CALL runtime·check(SB)")].count("CPUID")


def first_allocation(toolchain: Toolchain) -> Overlay:
    """Return a runtime that allocates right behind mallocinit, as a step of its own.

    Raises:
        MissingAnchor: this release has no call of mallocinit at that place.
    """
    text = source(toolchain, PROC)
    anchor = "\tmallocinit()\n"
    if anchor not in text:
        raise MissingAnchor(toolchain.release, PROC, "schedinit", "mallocinit()")
    return ((PROC, text.replace(anchor, f"{anchor}\tgolabFirstNew()\n") + FIRST_NEW),)


def first_new(program: Program, toolchain: Toolchain) -> Table[Moved]:
    """Count the faults of the steps around mallocinit, without and with an allocation behind it."""
    plain = counts(program, toolchain, "faults")
    moved = counts(program, toolchain, "faults", base=first_allocation(toolchain))
    steps = [("schedinit", step) for step in ("mallocinit", "golabFirstNew", "cpuinit")]
    return Table(Moved(toolchain.release, key[1], plain.get(key), moved[key]) for key in steps)


def said(path: str) -> str:
    """Start a program that reports its stamps, and return the report.

    Raises:
        LabError: it fails.
    """
    file = os.memfd_create("golab-counts", 0)
    try:
        status, text = start(path, {VARIABLE: str(file)}, (file,))
        if status:
            raise LabError(f"The program that counts ended with {status}: {text[:200]!r}.")
        return os.pread(file, os.fstat(file).st_size, 0).decode()
    finally:
        os.close(file)


def reasons(
    init: Init,
    faults: Counts,
    cpuids: Counts,
    fault_ns: float,
    cpuid_ns: float,
) -> Table[Reason]:
    """Return each step with what happened in it, and what that costs here.

    Args:
        init: the times of the same program and release.
        faults: page faults by step.
        cpuids: CPUIDs by step.
        fault_ns: what one page fault takes here.
        cpuid_ns: what one CPUID takes here.
    """
    rows: Table[Reason] = Table()
    for step in init.steps:
        key = (step.function, step.step)
        touched, asked = faults.get(key, 0.0), cpuids.get(key, 0.0)
        times = (step.median_ns, touched * fault_ns, asked * cpuid_ns)
        us, fault_us, cpuid_us = (round(ns / 1000, 1) for ns in times)
        rows.append(Reason(init.go, *key, us, touched, asked, fault_us, cpuid_us))
    return rows
