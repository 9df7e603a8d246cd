"""What a call of C costs, by Go benchmarks, in files that Go's linker and a C linker wrote.

The benchmarks are those of the program `cgocost`; each process runs all of them, and the modes take
turns. The internal file takes two turns in each round: what it says against itself is the floor.
What a call of C does is in runtime/cgocall.go: it tells the scheduler that this thread is away,
switches to the system stack (asmcgocall, asm_amd64.s), calls, and comes back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labhelpers.binary.elf import open_elf
from labhelpers.binary.names import without_abi
from labhelpers.binary.symbols import FUNCTION, read_symbols
from labhelpers.errors import LabError
from labhelpers.experiments.benchfmt import parse
from labhelpers.experiments.linkmodes import built
from labhelpers.experiments.turns import Talker, in_turns
from labhelpers.startup.estimate import floor_of, median_interval, ratio_interval, verdict
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

PROGRAM = "cgocost"
NAMES = {
    "GoCall": "call of Go",
    "CCall": "call of C",
    "MallocFree": "malloc and free in one call of C",
    "CCallsGo": "call of C that calls Go",
    "EnterExit": "scheduler, there and back",
    "CThousand": "a thousand calls within C",
}
CALLS = ("GoCall", "CCall", "MallocFree", "CCallsGo")
TWIN = "internal (again)"
PROCESSES = 15
SEED = 23
WORSE = {"faster": "cheaper", "slower": "dearer", "not resolved": "not resolved"}

Nanoseconds = Mapping[str, Mapping[str, Sequence[float]]]
"""By benchmark and mode, a value for each process."""


@dataclass(frozen=True)
class CallCost:
    """What one operation takes in one mode: the median over processes in ns, and its interval."""

    go: str
    call: str
    mode: str
    median_ns: float
    low_ns: float
    high_ns: float


@dataclass(frozen=True)
class CallRatio:
    """The external file against the internal one: the median ratio of pairs, and its interval.

    `floor` is the largest deviation from 1 that the internal file has against itself. `verdict` is
    "dearer", "cheaper" or "not resolved".
    """

    go: str
    call: str
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str


@dataclass(frozen=True)
class Part:
    """A part of one call of C: the median over processes in ns, and its 95 % interval."""

    go: str
    mode: str
    part: str
    median_ns: float
    low_ns: float
    high_ns: float


def run_benchmarks(
    chain: Toolchain, processes: int = PROCESSES, benchtime: str = "1ms", seed: int = SEED
) -> Nanoseconds:
    """Run all benchmarks in so many processes of each mode.

    Raises:
        LabError: the program does not build or run, or prints what is no result.
    """
    files = {mode: binary.path for (_, mode), binary in built(chain, [PROGRAM], MODES).items()}
    flags = ("-test.bench=.", "-test.count=5", f"-test.benchtime={benchtime}")
    talkers = [Talker(m, (str(files[m.removesuffix(AGAIN)]), *flags), {}) for m in (*MODES, TWIN)]
    found: dict[str, dict[str, list[float]]] = {}
    for talker, own in zip(talkers, in_turns(talkers, processes, seed), strict=True):
        for said in own:
            for name, value in least_of(said.out).items():
                found.setdefault(name, {}).setdefault(talker.name, []).append(value)
    return found


MODES = ("internal", "external")
AGAIN = " (again)"


def least_of(text: str) -> dict[str, float]:
    """Return the least ns/op of each benchmark in what one process printed.

    Other programs that want the processor can only add to a benchmark this short.

    Raises:
        LabError: a line of results is malformed, or one of the benchmarks is missing.
    """
    read = parse(text)
    if read.flaws:
        first = read.flaws[0]
        raise LabError(f"Line {first.line} of the benchmarks is no result: {first.message}.")
    values = {name: read.values(name) for name in NAMES}
    missing = [name for name, own in values.items() if not own]
    if missing:
        raise LabError(f"{PROGRAM} gave no result for {', '.join(missing)}: run it by hand.")
    return {name: min(own) for name, own in values.items()}


def call_costs(chain: Toolchain, found: Nanoseconds) -> Table[CallCost]:
    """Return what each kind of call takes in each mode."""
    rows: Table[CallCost] = Table()
    for name in CALLS:
        for mode in MODES:
            median, low, high = _rounded(found[name][mode])
            rows.append(CallCost(chain.release, NAMES[name], mode, median, low, high))
    return rows


def call_ratios(chain: Toolchain, found: Nanoseconds) -> Table[CallRatio]:
    """Return what each kind of call takes in the external file, against the internal one."""
    rows: Table[CallRatio] = Table()
    for name in CALLS:
        own = found[name]
        ratio, (low, high) = ratio_interval(own["external"], own["internal"], SEED)
        _, twins = ratio_interval(own[TWIN], own["internal"], SEED)
        floor = floor_of(twins)
        word = WORSE[verdict(ratio, (low, high), floor)]
        ratio, low, high, floor = (round(value, 3) for value in (ratio, low, high, floor))
        rows.append(CallRatio(chain.release, NAMES[name], ratio, low, high, floor, word))
    return rows


def parts(chain: Toolchain, found: Nanoseconds) -> Table[Part]:
    """Divide a call of C into what the scheduler is told, the C function, and the rest.

    The rest is the way to the system stack and back with the arguments: what a call takes beyond
    the other two, process by process.
    """
    rows: Table[Part] = Table()
    for mode in MODES:
        whole, scheduler, thousand = (
            np.asarray(found[name][mode]) for name in ("CCall", "EnterExit", "CThousand")
        )
        function = (thousand - whole) / 999
        pieces = {
            "telling the scheduler": scheduler,
            "the C function": function,
            "stack switch and arguments": whole - scheduler - function,
        }
        for name, values in pieces.items():
            rows.append(Part(chain.release, mode, name, *_rounded(values)))
    return rows


def _rounded(values: Sequence[float]) -> tuple[float, float, float]:
    median, (low, high) = median_interval(values, SEED)
    return round(median, 2), round(low, 2), round(high, 2)


ON_THE_WAY = (
    *("main.cAdd", "main._Cfunc_add", "runtime.cgocall", "runtime.entersyscall"),
    *("runtime.reentersyscall", "runtime.asmcgocall", "Cfunc_add", "add", "runtime.exitsyscall"),
)
"""The functions that a call of C goes through. `Cfunc_add` is cgo's own, in C (its full name has a
hash in it); `add` is the C function that is called. Not every release has all of them."""
FIELD = 4
"""Bytes of an address or a distance in an instruction."""


@dataclass(frozen=True)
class SameCode:
    """One function in both files: its bytes there, and how many of them differ.

    `longest` is the longest run of bytes that differ: an address or a distance has 4 at most, and
    two functions that differ only in such are the same instructions.
    """

    go: str
    function: str
    internal_bytes: int
    external_bytes: int
    differ: int
    longest: int

    @property
    def same(self) -> bool:
        """Whether nothing differs but addresses."""
        return self.internal_bytes == self.external_bytes and self.longest <= FIELD


def same_code(chain: Toolchain) -> Table[SameCode]:
    """Compare the machine code of all that a call of C goes through, in both files.

    Raises:
        LabError: the program does not build.
    """
    made = built(chain, [PROGRAM], MODES)
    first, second = (_code(b.path) for b in made.values() if b.path)
    rows: Table[SameCode] = Table()
    for name in ON_THE_WAY:
        if name not in first or name not in second:
            continue
        a, b = first[name], second[name]
        differ = [x != y for x, y in zip(a, b, strict=False)]
        runs = re.findall("1+", "".join("1" if other else "0" for other in differ))
        longest = max(map(len, runs), default=0)
        rows.append(SameCode(chain.release, name, len(a), len(b), sum(differ), longest))
    return rows


def _code(path: Path) -> dict[str, bytes]:
    """Return the bytes of the functions on the way, by the names in ON_THE_WAY."""
    with open_elf(path) as elf:
        symbols = read_symbols(elf)
        if symbols is None:
            return {}
        found = {}
        for index, own in enumerate(symbols.names):
            name = re.sub(r"^_cgo_[0-9a-f]+_Cfunc_add$", "Cfunc_add", without_abi(own))
            size, address = int(symbols.size[index]), int(symbols.value[index])
            if name not in ON_THE_WAY or symbols.kind[index] != FUNCTION or not size:
                continue
            offset = elf.offset_of(address)
            if offset is not None:
                found[name] = elf.read(offset, size)
        return found
