"""SQLite in its own C and translated to Go: how each way of building it links, runs and starts.

The programs `sqlite-cgo` and `sqlite-pure` have the same main.go; driver.go imports the one or the
other SQLite.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from labhelpers.build import BuildConfig, build, build_all
from labhelpers.cgo.chains import cgo_packages, chains
from labhelpers.cgo.imports import dependencies
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.linkfacts import link_facts
from labhelpers.experiments.turns import Talker, say
from labhelpers.experiments.worth import (
    Job,
    not_asked_for,
    not_worth_building,
    not_worth_fetching,
)
from labhelpers.modules import modules_missing, run_go
from labhelpers.programs import Program, find_program
from labhelpers.startup.measure import measure
from labhelpers.startup.spawn import Command
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

C, GO = "sqlite-cgo", "sqlite-pure"
DRIVERS = {C: "github.com/mattn/go-sqlite3", GO: "modernc.org/sqlite"}
"""The package that each program's driver.go imports."""
MINUTES = "some minutes"
SIZE = "some hundred megabytes"
NO_COMPILER = "There is no C compiler here, so SQLite's C cannot be compiled."


@dataclass(frozen=True)
class Way:
    """One way to build one of the programs; `name` is what tables call it."""

    name: str
    program: str
    config: str


WAYS = (
    Way("C", C, "default"),
    Way("C, netgo and osusergo", C, "trim-tags"),
    Way("C, CGO_ENABLED=0", C, "trim"),
    Way("C, stripped", C, "strip"),
    Way("C, static", C, "static"),
    Way("C, PIE", C, "pie"),
    Way("Go", GO, "default"),
    Way("Go, netgo and osusergo", GO, "trim-tags"),
    Way("Go, CGO_ENABLED=0", GO, "trim"),
    Way("Go, stripped", GO, "strip"),
)


@dataclass(frozen=True)
class Linked:
    """A build, what it is tied to, and what it does when it is started.

    `cgo` are the packages with `import "C"` in it, `link` what it needs of other files, `runs`
    whether it ends well, `says` its output, lines joined by a slash.
    """

    way: str
    bytes: int
    cgo: str
    link: str
    runs: bool
    says: str


@dataclass(frozen=True)
class WayStart:
    """The start of one build to its exit: milliseconds, with a 95 % interval.

    `ratio` compares it with the first way, which is "baseline" itself.
    """

    way: str
    start_ms: float
    start_low_ms: float
    start_high_ms: float
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str


@dataclass(frozen=True)
class Brought:
    """A package with `import "C"` in a program, and the shortest chain of imports to it."""

    program: str
    package: str
    chain: str


@dataclass(frozen=True)
class DriverFiles:
    """Which files of a driver's package are compiled, with cgo and without.

    `go` and `cgo` count its Go files without and with `import "C"`, `c` its C files; `names` has
    the Go files' names where they are few.
    """

    package: str
    cgo_enabled: int
    go: int
    cgo: int
    c: int
    names: str


def jobs(chain: Toolchain) -> list[Job]:
    """Return every build of the comparison."""
    return [(find_program(way.program), find_config(way.config), chain) for way in WAYS]


def impossible(chain: Toolchain) -> str | None:
    """Say why the two cannot be compared here, None where they can."""
    if chain.cc is None:
        return NO_COMPILER
    return not_worth_building(jobs(chain), MINUTES)


def no_cold_build(chain: Toolchain) -> str | None:
    """Say why the first builds of the two are not timed here, None where they are."""
    if chain.cc is None:
        return NO_COMPILER
    return not_asked_for(MINUTES) or sources_missing(chain)


def stub_missing(chain: Toolchain) -> str | None:
    """Say why SQLite in C cannot be built without cgo here, None where it can.

    That takes seconds, and its module some megabytes.
    """
    return modules_missing(find_program(C), chain)


def sources_missing(chain: Toolchain) -> str | None:
    """Say why the sources of both cannot be read here, None where they can."""
    return stub_missing(chain) or not_worth_fetching(find_program(GO), chain, SIZE)


def files(chain: Toolchain) -> dict[str, Path]:
    """Return the file of each way by its name, built where it is not in the cache.

    Raises:
        LabError: one of them was not built.
    """
    built = {}
    for way, binary in zip(WAYS, build_all(jobs(chain)), strict=True):
        if binary.path is None:
            raise LabError(f"{way.program} ({way.config}) was not built: {binary.error}.")
        built[way.name] = binary.path
    return built


def linked(chain: Toolchain) -> Table[Linked]:
    """Build every way, look at its file, and start it once."""
    own = files(chain)
    return Table(_linked(way, own[way.name], chain) for way in WAYS)


def _linked(way: Way, path: Path, chain: Toolchain) -> Linked:
    config = find_config(way.config)
    cgo = config.cgo is not False
    graph = dependencies(find_program(way.program), chain, cgo, config.tags)
    said = say(Talker(way.name, (str(path),), {}))
    return Linked(
        way=way.name,
        bytes=path.stat().st_size,
        cgo=", ".join(cgo_packages(graph)) if cgo else "",
        link=link_facts(path).link,
        runs=said.status == 0,
        says=" / ".join((said.out + said.err).split("\n")).strip(" /"),
    )


def starts(chain: Toolchain, rounds: int = 40, seed: int = 7) -> Table[WayStart]:
    """Start every way that runs, to its exit; the first is the baseline.

    Such a start opens a database in memory, creates, inserts and queries.
    """
    runs = {name: path for name, path in files(chain).items() if not _stub(path)}
    done = measure([Command(name, (str(path),)) for name, path in runs.items()], rounds, seed)
    compared = {c.candidate: c for c in done.comparisons}
    rows: Table[WayStart] = Table()
    for own in done.estimates:
        c = compared.get(own.command)
        low, high = c.ci95 if c else (1.0, 1.0)
        rows.append(
            WayStart(
                way=own.command,
                start_ms=round(own.median_ms, 3),
                start_low_ms=round(own.ci95_ms[0], 3),
                start_high_ms=round(own.ci95_ms[1], 3),
                ratio=round(c.ratio, 4) if c else 1.0,
                low=round(low, 4),
                high=round(high, 4),
                floor=round(c.floor, 4) if c else 0.0,
                verdict=c.verdict if c else "baseline",
            )
        )
    return rows


def _stub(path: Path) -> bool:
    return say(Talker(path.name, (str(path),), {})).status != 0


def trimmed(chain: Toolchain, config: BuildConfig | None = None) -> Linked:
    """Build SQLite in C without cgo and start it: the two answers to whether that works.

    Raises:
        LabError: it was not built.
    """
    config = config or find_config("trim")
    binary = build(find_program(C), config, chain)
    if binary.path is None:
        raise LabError(f"{C} was not built: {binary.error}.")
    return _linked(Way(f"{C}, {config.name}", C, config.name), binary.path, chain)


def brought(chain: Toolchain) -> Table[Brought]:
    """Return by which imports C comes into the default build of both programs.

    Raises:
        LabError: `go list` failed.
    """
    rows: Table[Brought] = Table()
    for name in (C, GO):
        graph = dependencies(find_program(name), chain)
        for package in cgo_packages(graph):
            rows.append(Brought(name, package, " → ".join(chains(graph, package, 1)[0])))
    return rows


def driver_files(chain: Toolchain, program: str = C) -> Table[DriverFiles]:
    """Return which of its driver's files go into a program, with cgo and without.

    Raises:
        LabError: `go list` failed.
    """
    rows: Table[DriverFiles] = Table()
    for cgo in (1, 0):
        own = _listed(find_program(program), DRIVERS[program], chain, cgo)
        go, with_c = own.GoFiles, own.CgoFiles
        names = ", ".join(go + with_c) if len(go + with_c) < 5 else "…"
        c = len(own.CFiles)
        rows.append(DriverFiles(DRIVERS[program], cgo, len(go), len(with_c), c, names))
    return rows


def stub_source(chain: Toolchain) -> str:
    """Return the lines of the driver's file for builds without cgo that decide and that complain.

    Raises:
        LabError: `go list` failed, or there is no such file.
    """
    own = _listed(find_program(C), DRIVERS[C], chain, 0)
    for name in own.GoFiles:
        text = (Path(own.Dir) / name).read_text()
        constraint = re.search(r"(?m)^//go:build .*$", text)
        complaint = re.search(r"(?m)^.*errors\.New\(.*$", text)
        if constraint and complaint:
            return f"{name}\n{constraint[0]}\n…\n{complaint[0]}"
    raise LabError(f"{DRIVERS[C]} has no file for builds without cgo that complains.")


def _listed(program: Program, package: str, chain: Toolchain, cgo: int) -> SimpleNamespace:
    words = ["list", "-json=Dir,GoFiles,CgoFiles,CFiles", package]
    status, out, log = run_go(chain, words, program.folder, {"CGO_ENABLED": str(cgo)})
    if status:
        raise LabError(f"go list failed for {package}: {' '.join(log.split())[-300:]}")
    return SimpleNamespace(**{"GoFiles": [], "CgoFiles": [], "CFiles": [], **json.loads(out)})
