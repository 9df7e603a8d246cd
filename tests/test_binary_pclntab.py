"""Go's function table against Go's own tools, on real builds."""

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from labhelpers.binary.anatomy import anatomy
from labhelpers.binary.elf import Elf, open_elf
from labhelpers.binary.functions import Functions, read_functions, read_names
from labhelpers.binary.pclntab import Pclntab, read_pclntab
from labhelpers.binary.relocations import relative_pointers
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain

CASES = [("current", "default"), ("current", "pie"), ("article", "default"), ("article", "pie")]


def built(release: str, config: str, program: str = "hello") -> Path:
    binary = build(find_program(program), find_config(config), toolchain(release))
    assert binary.path, binary.log
    return binary.path


def read(path: Path) -> tuple[Elf, Pclntab, Functions]:
    with open_elf(path) as elf:
        table = read_pclntab(elf, relative_pointers(elf))
    assert table, elf.notes
    return elf, table, read_functions(table, read_names(table))


def nm(path: Path, go: Toolchain) -> set[tuple[int, str]]:
    """Return what `go tool nm` says of functions, without those of C and the text's marks."""
    command = [go.go, "tool", "nm", "-size", path]
    out = subprocess.run(command, check=True, capture_output=True, env=go.environment()).stdout
    rows = [line.split(None, 3) for line in out.decode().splitlines()]
    marks = {"runtime.text", "runtime.etext"}
    return {
        (int(address, 16), name.removesuffix(".abi0"))
        for address, _, kind, name in (row for row in rows if len(row) == 4)
        if kind in "Tt" and name not in marks
    }


@pytest.mark.parametrize(("release", "config"), CASES)
def test_functions_are_those_of_go_tool_nm(
    release: str, config: str, current_go: Toolchain
) -> None:
    path = built(release, config)
    _, _, functions = read(path)
    entries = functions.entries.tolist()
    assert set(zip(entries, functions.names, strict=True)) == nm(path, current_go)


@pytest.mark.parametrize(("release", "config"), CASES)
def test_sub_tables_follow_one_another(release: str, config: str) -> None:
    _, table, _ = read(built(release, config))
    assert [name for name, _, _ in table.parts][:7] == [
        *("header", "funcnametab", "cutab", "filetab", "pctab", "ftab", "funcs")
    ]
    ends = [0, *(end for _, _, end in table.parts)]
    gaps = [start - end for (_, start, _), end in zip(table.parts, ends, strict=False)]
    assert all(0 <= gap < 32 for gap in gaps)
    assert table.parts[-1][2] <= table.size <= table.section.size


@pytest.mark.parametrize("release", ["current", "article"])
def test_stripping_changes_no_function(release: str) -> None:
    _, whole, functions = read(built(release, "default"))
    _, stripped, same = read(built(release, "strip"))
    assert functions.names == same.names
    assert np.array_equal(functions.sizes, same.sizes)
    assert [p[0] for p in whole.parts] == [p[0] for p in stripped.parts]


@pytest.mark.parametrize("release", ["current", "article"])
def test_module_data_agree_with_the_symbols(release: str) -> None:
    from labhelpers.binary.symbols import read_symbols

    with open_elf(built(release, "default")) as elf:
        table = read_pclntab(elf, relative_pointers(elf))
        symbols = read_symbols(elf)
    assert table
    assert table.module
    assert symbols
    assert table.module.address == symbols.find("runtime.firstmoduledata")
    for name in ("text", "etext", "types", "etypes", "findfunctab"):
        found = symbols.find(f"runtime.{name}")
        assert found in (None, getattr(table.module, name)), name
    assert table.module.text == symbols.find("runtime.text")


def changed(path: Path, copy: Path, at: int, value: bytes) -> Path:
    raw = bytearray(path.read_bytes())
    raw[at : at + len(value)] = value
    copy.write_bytes(raw)
    return copy


def table_offset(path: Path) -> int:
    with open_elf(path) as elf:
        section = elf.section(".gopclntab")
    assert section
    return section.offset


@pytest.mark.parametrize(
    ("magic", "words"),
    [(0xFFFFFFFB, "Go 1.2 to 1.15"), (0xFFFFFFFA, "1.16 and 1.17"), (0xFFFFFFE0, "no known")],
)
def test_an_unknown_layout_is_said_and_is_no_error(tmp_path: Path, magic: int, words: str) -> None:
    path = built("current", "default")
    copy = changed(path, tmp_path / "x", table_offset(path), struct.pack("<I", magic))
    with open_elf(copy) as elf:
        assert read_pclntab(elf, relative_pointers(elf)) is None
    assert words in elf.notes[0]


@pytest.mark.parametrize("word", range(8))
def test_a_damaged_header_is_said_and_is_no_error(tmp_path: Path, word: int) -> None:
    path = built("current", "default")
    at = table_offset(path) + 8 + 8 * word
    copy = changed(path, tmp_path / "x", at, struct.pack("<Q", 1 << 40))
    with open_elf(copy) as elf:
        table = read_pclntab(elf, relative_pointers(elf))
    if word in (1, 2):  # the number of files, and the text's start, which the module data tell
        assert table
    else:
        assert table is None
        assert elf.notes


@pytest.mark.parametrize(("release", "config"), CASES)
def test_without_section_headers_the_table_is_found_all_the_same(
    tmp_path: Path, release: str, config: str
) -> None:
    path = built(release, config)
    _, _, functions = read(path)
    copy = changed(path, tmp_path / "x", 40, bytes(8))  # e_shoff
    copy.write_bytes(copy.read_bytes()[:60] + bytes(4) + copy.read_bytes()[64:])  # e_shnum
    _, table, same = read(copy)
    assert functions.names == same.names
    assert np.array_equal(functions.entries, same.entries)
    assert table.module


@pytest.mark.parametrize("config", ["default", "pie"])
def test_a_record_behind_the_collector_s_tables(tmp_path: Path, config: str) -> None:
    """Kept from fuzzing: the last function's record moved to where other tables are."""
    path = built("current", config)
    _, table, _ = read(path)
    first, _ = table.part("ftab")
    at = table.section.offset + first + 8 * (len(table) - 1) + 4
    moved = (table.size - 400 - first) & ~3
    record = table.raw[int(table.record[-1]) : int(table.record_end[-1])]
    copy = changed(path, tmp_path / "x", at, struct.pack("<I", moved))
    copy = changed(copy, copy, table.section.offset + first + moved, record)
    found = anatomy(copy)
    assert found.pclntab
    assert found.pclntab.part("funcdata") == (0, 0)
    assert found.ledger.total == path.stat().st_size
