"""The ledger and the packages: every byte once, stripped or not."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from labhelpers.binary.elf import Elf, open_elf
from labhelpers.binary.functions import read_functions, read_names
from labhelpers.binary.layers import Read
from labhelpers.binary.ledger import Ledger, make_ledger
from labhelpers.binary.packages import PackageRow, package_table
from labhelpers.binary.pclntab import read_pclntab
from labhelpers.binary.relocations import relative_pointers
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import toolchain

CASES = [
    *(("current", "default"), ("current", "strip"), ("current", "pie"), ("current", "external")),
    *(("article", "default"), ("article", "strip"), ("article", "pie")),
]


def built(release: str, config: str, program: str = "netuser") -> Path:
    binary = build(find_program(program), find_config(config), toolchain(release))
    assert binary.path, binary.log
    return binary.path


def read(path: Path) -> tuple[Elf, Ledger, dict[str, PackageRow]]:
    with open_elf(path) as elf:
        pointers, symbols = relative_pointers(elf), read_symbols(elf)
        table = read_pclntab(elf, pointers)
        names = read_names(table) if table else None
        functions = read_functions(table, names) if table and names else None
        ledger = make_ledger(elf, Read(pointers, symbols, table, names, functions))
        packages = package_table(elf, ledger, {})
    return elf, ledger, {row.package: row for row in packages}


@pytest.mark.parametrize(("release", "config"), CASES)
def test_every_byte_is_in_one_leaf(release: str, config: str) -> None:
    path = built(release, config)
    elf, ledger, packages = read(path)
    assert not elf.notes
    assert ledger.total == path.stat().st_size
    assert sum(row.bytes for row in packages.values()) == path.stat().st_size
    # Segments begin on pages: in a file of a megabyte these few gaps are more than 0.4 %.
    assert ledger.padding < max(0.004 * ledger.total, 4 * 4096)
    assert int(ledger.file_bytes.min()) >= 0


@pytest.mark.parametrize(("release", "config"), CASES)
def test_sections_have_the_sizes_that_their_headers_say(release: str, config: str) -> None:
    elf, ledger, _ = read(built(release, config))
    in_file, in_memory = Counter[str](), Counter[str]()
    for leaf in ledger:
        in_file[leaf.path[0]] += leaf.file_bytes
        in_memory[leaf.path[0]] += leaf.memory_bytes
    for section in elf.sections:
        assert in_file[section.name] == section.file_size, section.name
        assert in_memory[section.name] == section.memory_size, section.name


@pytest.mark.parametrize("release", ["current", "article"])
def test_stripped_and_whole_have_the_same_text_and_tables(release: str) -> None:
    _, _, whole = read(built(release, "default"))
    _, _, stripped = read(built(release, "strip"))
    for package in {*whole, *stripped}:
        nothing = PackageRow(package)
        a, b = whole.get(package, nothing), stripped.get(package, nothing)
        assert (a.text, a.tables) == (b.text, b.tables), package


def test_leaves_have_paths_from_the_section_to_the_symbol() -> None:
    _, ledger, _ = read(built("current", "default"))
    paths = {leaf.path for leaf in ledger}
    assert len(paths) == len(ledger)
    assert (".text", "runtime", "runtime.mallocgc") in paths
    assert (".gopclntab", "pctab", "runtime") in paths
    assert (".symtab", "entries", "main") in paths
    assert ("headers", "ELF header") in paths


def test_memory_that_is_not_in_the_file_is_shown_as_such() -> None:
    """The 32 MiB of Go 1.27's random generator, which `nm -size` counts like bytes of the file."""
    _, ledger, _ = read(built("current", "default", "httpd"))
    frame = ledger.to_frame()
    row = frame[frame["name"] == "crypto/internal/fips140/drbg.memory"].iloc[0]
    assert row.file_bytes == 0
    assert row.memory_bytes == 32 << 20
    assert frame.memory_bytes.sum() > 3 * frame.file_bytes.sum()


def test_c_is_not_taken_for_go_nor_go_for_c() -> None:
    _, ledger, packages = read(built("current", "external"))
    frame = ledger.to_frame()
    c = set(frame[(frame.section == ".text") & (frame.package == "(C)")].name)
    assert {"_cgo_wait_runtime_init_done", "x_cgo_init", "_start"} <= c
    assert not [name for name in c if name.startswith(("runtime.", "main.", "net."))]
    assert not {"crtstuff", "completed", "x_cgo_munmap", "runtime/cgo(.text)"} & set(packages)


def test_types_belong_to_the_package_that_declares_them() -> None:
    for release in ("current", "article"):
        _, _, packages = read(built(release, "default", "httpd"))
        types = {name: row.types for name, row in packages.items() if row.types}
        assert types["net/http"] > types["os"] > 0, release
        assert types["runtime"] > 10_000, release
        assert sum(types.values()) < 0.1 * sum(row.bytes for row in packages.values())


def test_types_are_the_same_in_a_pie() -> None:
    for release in ("current", "article"):
        _, _, plain = read(built(release, "default"))
        _, _, pie = read(built(release, "pie"))
        for package in ("net", "os/user", "fmt", "reflect"):
            assert plain[package].types == pie[package].types > 0


def test_frames_hold_what_iteration_yields() -> None:
    _, ledger, _ = read(built("article", "strip"))
    frame = ledger.to_frame()
    assert len(frame) == len(ledger) == len(ledger.leaves)
    assert frame.file_bytes.sum() == sum(leaf.file_bytes for leaf in ledger)


def test_the_system_s_own_programs_have_a_ledger_too() -> None:
    """A C program: no Go table, and still every byte counted."""
    for path in map(Path, ("/bin/sh", "/bin/ls")):
        _, ledger, packages = read(path.resolve())
        assert ledger.total == path.stat().st_size
        assert "runtime" not in packages
        assert np.all(ledger.memory_bytes >= 0)
