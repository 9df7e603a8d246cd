"""Instructions before main: how many, whose they are, and what inlining has to do with them."""

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labhelpers.binary.names import package_of
from labhelpers.build import BuildConfig, build_all
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.codemap import Code, read_code
from labhelpers.experiments.icache import cache_misses
from labhelpers.experiments.opcodes import kinds
from labhelpers.experiments.traces import (
    FAST,
    Addresses,
    step,
    step_seconds,
    stepping_impossible,
    translate,
    valgrind_missing,
)
from labhelpers.machine import usable_cores
from labhelpers.programs import Program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

DEFAULT = find_config("default")
WAYS = (
    DEFAULT,
    replace(DEFAULT, name="-l", gcflags="all=-l"),
    replace(DEFAULT, name="-N -l", gcflags="all=-N -l"),
)
"""As it comes; nothing inlined; nothing inlined nor optimised. `all` means the standard library,
too. The runtime is optimised whatever one says (cmd/compile/internal/base/flag.go)."""

INIT = re.compile(r"\.init(\.\d+)?$|\.map\.init\.\d+$")


@dataclass(frozen=True)
class InitCost:
    """What the inits of one package ran, in instructions; `runtime`: one of the runtime's own."""

    package: str
    instructions: int
    runtime: bool


@dataclass(frozen=True)
class StartCount:
    """The instructions of one start's first thread, up to the first one of main.main.

    `boot` up to runtime.main, `runtime_inits` in the inits of the runtime's own packages, `inits`
    in those of all others, `between` the rest of runtime.main. `packages` have inits that ran.
    `branches` are conditional ones, `misses` those of a simulated 32 KiB instruction cache.
    """

    program: str
    go: str
    way: str
    method: str
    bytes: int
    instructions: int
    boot: int
    runtime_inits: int
    between: int
    inits: int
    packages: int
    calls: int
    branches: int
    misses: int


RUNTIME, OTHERS = "the runtime", "all others"


@dataclass(frozen=True)
class Gain:
    """What one function ran before main.main in two builds, in instructions, and the difference.

    `whose` it is, the runtime's or another package's; `more` is what the second build ran more.
    """

    function: str
    whose: str
    default: int
    other: int
    more: int


def impossible(path: Path) -> str | None:
    """Say why whole starts cannot be counted here, None where they can: by Valgrind or by steps."""
    why = valgrind_missing()
    if why is None:
        return None
    if refused := stepping_impossible():
        return f"{why[:-1]}, and no program can be traced."
    if step_seconds(path) > FAST:
        return f"{why[:-1]}, and single-stepping is too slow here for whole starts."
    return refused


def start_of(path: Path) -> tuple[str, Addresses]:
    """Return how a start was followed, and its addresses up to the first one of main.main.

    Raises:
        LabError: neither way works here, or main.main was not reached.
    """
    main = read_code(path).start("main.main")
    if valgrind_missing() is not None:
        return "single steps", step(path, until=main)[:-1]
    addresses = translate(path)
    reached = np.flatnonzero(addresses == main)
    if not len(reached):
        raise LabError(f"{path.name} did not come to main.main under Valgrind.")
    return "Valgrind", addresses[: reached[0]]


def without_repeats(addresses: Addresses) -> Addresses:
    """Return each repetition of a string instruction (rep movsb) as the one instruction it is."""
    kept = np.ones(len(addresses), bool)
    kept[1:] = addresses[1:] != addresses[:-1]
    return addresses[kept]


def count_start(path: Path, program: str, go: str, way: str) -> StartCount:
    """Follow one start of a Go program and count.

    Raises:
        LabError: as `start_of`.
    """
    method, addresses = start_of(path)
    addresses = without_repeats(addresses)
    code = read_code(path)
    (boot,) = np.flatnonzero(addresses == code.start("runtime.main"))[:1].tolist() or [0]
    inits = init_costs(code, addresses)
    of_runtime = sum(own.instructions for own in inits if own.runtime)
    of_others = sum(own.instructions for own in inits if not own.runtime)
    counted = kinds(path, addresses)
    return StartCount(
        program=program,
        go=go,
        way=way,
        method=method,
        bytes=path.stat().st_size,
        instructions=len(addresses),
        boot=boot,
        runtime_inits=of_runtime,
        between=len(addresses) - boot - of_runtime - of_others,
        inits=of_others,
        packages=len(inits),
        calls=counted["call"] + counted["indirect call"],
        branches=counted["conditional branch"],
        misses=cache_misses(addresses),
    )


def init_costs(code: Code, addresses: Addresses) -> Table[InitCost]:
    """Return what the inits of each package ran, in their order.

    runtime.main calls runtime.doInit1 for each package, directly or by way of runtime.doInit; the
    packages of the runtime come first, and then gcenable (runtime/proc.go).
    """
    whose = code.whose(addresses)
    callers = [code.names.index(n) for n in ("runtime.main", "runtime.doInit") if n in code.names]
    back = np.flatnonzero(np.isin(whose, callers))
    begun = np.flatnonzero(addresses == code.start("runtime.doInit1"))
    ended = np.searchsorted(back, begun)
    collector = np.flatnonzero(addresses == code.start("runtime.gcenable"))
    rows: Table[InitCost] = Table()
    for first, place in zip(begun.tolist(), ended.tolist(), strict=True):
        last = int(back[place]) if place < len(back) else len(addresses)
        passed = [code.names[i] for i in dict.fromkeys(whose[first:last].tolist()) if i >= 0]
        named = next((name for name in passed if INIT.search(name)), None)
        if named:  # else its inits have run before: the runtime's packages come up twice
            rows.append(InitCost(package_of(named), last - first, last <= collector[:1].sum()))
    return rows


def gains(default: Path, other: Path, most: int = 30) -> Table[Gain]:
    """Return what functions ran before main.main in two builds, the largest difference first.

    A function that was inlined everywhere in one of them ran nothing of its own there. The last
    two rows are sums over all functions that have none, so that nothing is left out.

    Raises:
        LabError: as `start_of`.
    """
    ran = []
    for path in (default, other):
        code, addresses = read_code(path), without_repeats(start_of(path)[1])
        found = Counter(code.whose(addresses).tolist())
        ran.append(Counter({code.names[i] if i >= 0 else "?": n for i, n in found.items()}))
    before, after = ran
    names = sorted(before | after, key=lambda name: before[name] - after[name])
    rows = [_gain(name, _whose(name), before[name], after[name]) for name in names[:most]]
    for whose in (RUNTIME, OTHERS):
        rest = [name for name in names[most:] if _whose(name) == whose]
        sums = (sum(run[name] for name in rest) for run in ran)
        rows.append(_gain(f"{len(rest)} more functions", whose, *sums))
    return Table(rows)


def _gain(function: str, whose: str, default: int, other: int) -> Gain:
    return Gain(function, whose, default, other, other - default)


def _whose(function: str) -> str:
    package = package_of(function)
    of_runtime = package == "runtime" or package.startswith(("runtime/", "internal/runtime/"))
    return RUNTIME if of_runtime else OTHERS


def count_starts(
    programs: Sequence[Program],
    releases: Sequence[Toolchain],
    runs: int = 3,
    ways: Sequence[BuildConfig] = WAYS,
) -> Table[StartCount]:
    """Build every program in every way and follow some starts of each, two at a time.

    Raises:
        LabError: a build fails, or as `start_of`.
    """
    jobs = [(program, way, go) for go in releases for program in programs for way in ways]
    made = build_all(jobs)
    for own in made:
        if own.error:
            raise LabError(f"{own.program} could not be built with {own.config}: {own.error}")
    files = [own for own in made for _ in range(runs)]
    with ThreadPoolExecutor(min(2, usable_cores())) as pool:
        return Table(
            pool.map(lambda own: count_start(own.path, own.program, own.go, own.config), files)
        )
