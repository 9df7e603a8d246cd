"""Real binaries, checked against how they were built and against what other tools say about them.

By default a sample (`SAMPLE`) that CI can afford. All of matrix/cases.py, some 350 files of seven
releases, on demand:

    GOLAB_MATRIX=all pytest tests/test_matrix.py

which takes about 20 minutes on 2 cores the first time (releases are fetched, every file is built)
and about 10 from warm caches. Cases that need a C compiler are skipped where there is none.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from matrix import oracles
from matrix.builds import build_cases
from matrix.cases import Case, case, whole, with_full

from labhelpers.binary.anatomy import Anatomy, anatomy
from labhelpers.binary.diff import diff
from labhelpers.binary.elf import open_elf
from labhelpers.build import Binary
from labhelpers.toolchain import ARTICLE, current, toolchain

SAMPLE = [
    case(release, program, config)
    for release, program, config in [
        (current(), "hello", "default"),
        (current(), "hello", "strip"),
        (current(), "hello", "w"),
        (current(), "hello", "s-w0"),
        (current(), "hello", "static"),
        (current(), "empty", "pie"),
        (current(), "netuser", "default"),
        (current(), "netuser", "strip"),
        (current(), "netuser", "trim"),
        (current(), "cgocall", "default"),
        (current(), "cgocall", "strip"),
        (ARTICLE, "hello", "default"),
        (ARTICLE, "hello", "strip"),
        (ARTICLE, "cgocall", "default"),
        (ARTICLE, "empty", "pie"),
        ("1.26.6", "hello", "default"),
        ("1.26.6", "hello", "strip"),
    ]
]
"""Every kind of linking, stripped and not, and each layout of Go's own tables."""

CASES = list(whole()) if os.environ.get("GOLAB_MATRIX") == "all" else SAMPLE


PAGE = 4096
look = lru_cache(maxsize=4)(anatomy)


@dataclass
class Built:
    """One file of the matrix, with its anatomy when it is first asked for."""

    case: Case
    binary: Binary
    files: dict[Case, Binary]

    @property
    def path(self) -> Path:
        """The file."""
        assert self.binary.path is not None
        return self.binary.path

    @property
    def anatomy(self) -> Anatomy:
        """What the package says about it."""
        return look(self.path)

    def other(self, wanted: Case) -> "Built":
        """Return another file."""
        return Built(wanted, self.files[wanted], self.files)


@pytest.fixture(scope="session")
def files() -> dict[Case, Binary]:
    """Build all cases and what they are compared with."""
    return build_cases(with_full(CASES))


@pytest.fixture(scope="module", params=CASES, ids=str)
def built(request: pytest.FixtureRequest, files: dict[Case, Binary]) -> Built:
    """Return one file; pytest runs all tests of one before it goes on to the next."""
    return one_of(files, request.param)


@pytest.fixture(scope="module", params=[c for c in CASES if c.full], ids=str)
def stripped(request: pytest.FixtureRequest, files: dict[Case, Binary]) -> Built:
    """Return one file that something was left out of."""
    return one_of(files, request.param)


def one_of(files: dict[Case, Binary], wanted: Case) -> Built:
    """Return a file, or skip the test where it could not be built here."""
    if wanted not in files:
        pytest.skip("there is no C compiler that this case needs")
    return Built(wanted, files[wanted], files)


def test_every_byte_belongs_to_exactly_one_leaf(built: Built) -> None:
    """The sum is the file's, and so is each section's: a byte counted twice would show in one."""
    leaves = built.anatomy.ledger.leaves
    assert sum(leaf.file_bytes for leaf in leaves) == built.path.stat().st_size
    assert min(leaf.file_bytes for leaf in leaves) >= 0
    in_file, in_memory = Counter[str](), Counter[str]()
    for leaf in leaves:
        in_file[leaf.path[0]] += leaf.file_bytes
        in_memory[leaf.path[0]] += leaf.memory_bytes
    with built.path.open("rb") as stream:
        sections = [s for s in ELFFile(stream).iter_sections() if s["sh_type"] != "SHT_NULL"]
    for section in sections:
        name, size = section.name, section["sh_size"]
        without = section["sh_type"] == "SHT_NOBITS"
        assert in_file[name] == (0 if without else size), name
        loaded = section["sh_flags"] & 0x2 and not (without and section["sh_flags"] & 0x400)
        assert in_memory[name] == (size if loaded else 0), name


def test_nearly_nothing_is_padding(built: Built) -> None:
    """At most 0.4 %, or, where a file is small, a page for the headers and for each segment."""
    ledger, size = built.anatomy.ledger, built.path.stat().st_size
    with open_elf(built.path) as elf:
        segments = sum(segment.type == "PT_LOAD" for segment in elf.segments)
    assert ledger.padding <= max(0.004 * size, PAGE * (1 + segments))
    named = {leaf.path[0] for leaf in ledger.leaves if leaf.package != "(padding)"}
    assert "(claimed by nothing)" not in named


def test_functions_are_those_of_go_tool_nm(built: Built) -> None:
    unstripped = built.other(built.case.full) if built.case.full else built
    if not unstripped.case.expected.symbol_table:
        pytest.skip("no symbol table to compare with")
    functions = built.anatomy.functions
    assert functions is not None
    ours = sorted(zip(functions.entries.tolist(), functions.names, strict=True))
    if unstripped.case == built.case:
        assert ours == oracles.go_functions(unstripped.path)
        return
    # Stripping may move the text (fewer program headers before it), never what is in it.
    theirs = oracles.go_functions(unstripped.path)
    moved = ours[0][0] - theirs[0][0]
    assert ours == [(address + moved, name) for address, name in theirs]


def test_linking_is_what_the_switches_ask_for(built: Built) -> None:
    found, expected = built.anatomy.linking, built.case.expected
    assert found.verdict == expected.verdict
    assert found.mode == ("internal" if expected.internal else "external")
    assert (found.interp is not None) == expected.loader
    assert any(name.startswith("libc.so") for name in found.needed) == expected.libraries
    assert len(found.evidence) > 0


def test_stripping_is_what_the_switches_ask_for(built: Built) -> None:
    expected = built.case.expected
    compiler = toolchain(built.case.release).cc
    if compiler and compiler.kind == "zig" and not expected.internal and not expected.dwarf:
        pytest.skip("zig takes -s and -w in a meaning of its own, and the file shows what it did")
    # What a C linker wrote with -s does not differ from what strip leaves.
    neither = "-s -w" if expected.internal else "-s -w or strip"
    words = {(True, True): "no", (True, False): "-w", (False, True): "-s -w=0"}
    wanted = words.get((expected.symbol_table, expected.dwarf), neither)
    assert built.anatomy.linking.stripped == wanted
    assert (built.anatomy.symbols is not None) == expected.symbol_table
    assert (built.anatomy.dwarf is not None) == expected.dwarf


def test_build_info_is_that_of_go_version(built: Built) -> None:
    ours, theirs = built.anatomy.buildinfo, oracles.go_version(built.path)
    assert ours is not None
    assert ours.go == theirs.go == built.case.release
    assert ours.main is not None
    assert (ours.path, ours.main.path, ours.main.version) == (theirs.path, *theirs.main)
    assert [(module.path, module.version) for module in ours.modules] == theirs.modules
    assert ours.settings == theirs.settings


@pytest.mark.parametrize("oracle", [oracles.readelf, oracles.lief], ids=["readelf", "LIEF"])
def test_headers_are_those_of_another_reader(
    built: Built, oracle: Callable[[Path], oracles.Headers | None]
) -> None:
    theirs = oracle(built.path)
    if theirs is None:
        pytest.skip(f"{oracle.__name__} is not here")
    with open_elf(built.path) as elf:
        assert [(s.name, s.address, s.offset, s.size) for s in elf.sections] == theirs.sections
        segments = [
            (s.type.removeprefix("PT_"), s.offset, s.address, s.file_size, s.memory_size)
            for s in elf.segments
        ]
        assert segments == theirs.segments
    linking = built.anatomy.linking
    assert list(linking.needed) == theirs.needed
    assert linking.interp == theirs.interp
    rows = [row for row in linking.evidence if row.fact.startswith("relocations R_")]
    counts = {row.fact.split("_", 3)[3]: int(row.value.replace(",", "")) for row in rows}
    assert counts == theirs.relocations


def text_and_tables(found: Anatomy) -> dict[str, tuple[int, int]]:
    """Return these two columns of every package that has either."""
    rows = {row.package: (row.text, row.tables) for row in found.packages}
    return {package: sizes for package, sizes in rows.items() if any(sizes)}


def test_stripping_leaves_each_packages_text_and_tables_as_they_are(stripped: Built) -> None:
    assert stripped.case.full
    full = stripped.other(stripped.case.full).anatomy
    assert text_and_tables(stripped.anatomy) == text_and_tables(full)


def test_differences_sum_to_the_difference_in_size(built: Built) -> None:
    others = dict.fromkeys(other for other in (built.case.full, built.case.plain) if other)
    for other in others:
        found = diff(built.anatomy, built.other(other).anatomy)
        expected = built.other(other).path.stat().st_size - built.path.stat().st_size
        assert found.bytes == expected
        for table in (found.sections, found.packages, found.symbols):
            assert sum(row.delta for row in table) == expected
