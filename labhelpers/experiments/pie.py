"""What a position-independent executable costs: bytes by section, relocations, a slower start.

In such a file (ET_DYN, elf(5)) every stored address is one of the loader's tasks: a relocation of
24 bytes in the file on 64-bit machines, and at each start a word to write, which turns a page that
all processes could share into a private copy.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labhelpers.binary.elf import Elf, open_elf
from labhelpers.binary.relocations import relative_pointers
from labhelpers.build import BuildConfig
from labhelpers.experiments.emptyroot import loader_and_libraries, run_in_empty_root
from labhelpers.startup.measure import Measurement
from labhelpers.table import Table

BUILDS = (
    BuildConfig("default", cgo=False),
    BuildConfig("pie", cgo=False, buildmode="pie"),
    BuildConfig(
        "static-pie",
        cgo=True,
        buildmode="pie",
        linkmode="external",
        ldflags="-extldflags=-static-pie",
    ),
)
"""The default, what the article recommends, and a PIE that brings its own loader: the C library's
start-up code, which only an external link can give it."""

RELRO = ".data.rel.ro"
"""Where a linker puts constants that hold addresses: writable until the loader is done."""
REST = "(headers and padding)"


@dataclass(frozen=True)
class PieFacts:
    """What the headers of one build say. `pages` are those that the relocations write to."""

    go: str
    build: str
    type: str
    loader: str
    libraries: int
    file_bytes: int
    relocations: int
    pages: int


@dataclass(frozen=True)
class Growth:
    """File bytes of one section in two builds; all rows together give the files' difference."""

    section: str
    before: int
    after: int
    delta: int


@dataclass(frozen=True)
class StartRow:
    """One build's starts against the first build's: ratio of pairs, 95 % interval, A/A floor."""

    go: str
    cache: str
    build: str
    median_ms: float
    ratio: float | None
    low: float | None
    high: float | None
    floor: float | None
    verdict: str
    minor_faults: float


def pie_facts(go: str, build: str, path: Path) -> PieFacts:
    """Read what one build needs from its loader; `go` and `build` are kept as they are.

    Raises:
        BinaryError: the file cannot be read.
    """
    with open_elf(path) as elf:
        where = relative_pointers(elf).address
        return PieFacts(
            go=go,
            build=build,
            type=elf.type,
            loader=_interpreter(elf),
            libraries=_needed(path),
            file_bytes=elf.size,
            relocations=len(where),
            pages=len({int(address) >> 12 for address in where}),
        )


def growth(before: Path, after: Path) -> Table[Growth]:
    """Return what each section weighs in two builds, the largest change first.

    A section of constants that holds addresses is named `.data.rel.ro.NAME` in one file and
    `.NAME` in the other; they count as one.

    Raises:
        BinaryError: a file cannot be read.
    """
    a, b = _file_bytes(before), _file_bytes(after)
    names = [name for name in dict.fromkeys([*b, *a]) if a.get(name, 0) != b.get(name, 0)]
    pairs = ((name, a.get(name, 0), b.get(name, 0)) for name in names)
    rows = [Growth(name, old, new, new - old) for name, old, new in pairs]
    assert sum(row.delta for row in rows) == after.stat().st_size - before.stat().st_size
    return Table(sorted(rows, key=lambda row: -abs(row.delta)))


def start_rows(go: str, measured: Mapping[str, Measurement]) -> Table[StartRow]:
    """Return the comparisons of some measurements, by the state of the page cache."""
    rows: Table[StartRow] = Table()
    for cache, result in measured.items():
        compared = {c.candidate: c for c in result.comparisons}
        for own in result.estimates:
            c = compared.get(own.command)
            faults = [x.timing.minor_faults for x in result.launches if x.command == own.command]
            rows.append(
                StartRow(
                    go=go,
                    cache=cache,
                    build=own.command,
                    median_ms=own.median_ms,
                    ratio=c.ratio if c else None,
                    low=c.ci95[0] if c else None,
                    high=c.ci95[1] if c else None,
                    floor=c.floor if c else None,
                    verdict=c.verdict if c else "",
                    minor_faults=statistics.median(faults),
                )
            )
    return rows


@dataclass(frozen=True)
class EmptyRootRow:
    """What became of a build in a root with no other file, and with its loader beside it."""

    build: str
    type: str
    loader: str
    alone: str
    with_loader: str


def in_empty_roots(builds: Mapping[str, Path]) -> Table[EmptyRootRow]:
    """Start each build in an empty root, then in one that holds its loader and libraries.

    Raises:
        LabError: no such root can be made here.
    """
    rows: Table[EmptyRootRow] = Table()
    for name, path in builds.items():
        facts = pie_facts("", name, path)
        files = loader_and_libraries(path)
        alone = run_in_empty_root(path).outcome
        helped = run_in_empty_root(path, files=files).outcome if files else ""
        rows.append(EmptyRootRow(name, facts.type, facts.loader, alone, helped))
    return rows


def _interpreter(elf: Elf) -> str:
    asked = next((s for s in elf.segments if s.type == "PT_INTERP"), None)
    return elf.read(asked.offset, asked.file_size).rstrip(b"\0").decode() if asked else ""


def _needed(path: Path) -> int:
    """Return how many libraries a file asks for (DT_NEEDED)."""
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as stream:
        found = (s for s in ELFFile(stream).iter_sections() if isinstance(s, DynamicSection))
        return sum(1 for section in found for _ in section.iter_tags("DT_NEEDED"))


def _file_bytes(path: Path) -> dict[str, int]:
    """Return file bytes by section, relocatable constants under their plain name."""
    found: dict[str, int] = {}
    with open_elf(path) as elf:
        for section in elf.sections:
            if section.file_size:
                name = section.name.removeprefix(RELRO) or RELRO
                found[name] = found.get(name, 0) + section.file_size
        found[REST] = elf.size - sum(found.values())
    return found
