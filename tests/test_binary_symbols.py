"""The symbol table and relocations against GNU readelf, and a table against pandas."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from labhelpers.binary.elf import open_elf
from labhelpers.binary.relocations import loaded, relative_pointers
from labhelpers.binary.symbols import FUNCTION, read_symbols
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import toolchain

needs_readelf = pytest.mark.skipif(not shutil.which("readelf"), reason="GNU readelf is not here")


def built(config: str, program: str = "netuser", release: str = "current") -> Path:
    binary = build(find_program(program), find_config(config), toolchain(release))
    assert binary.path, binary.log
    return binary.path


def readelf(*arguments: str | Path) -> list[list[str]]:
    out = subprocess.run(["readelf", "-W", *arguments], check=True, capture_output=True, text=True)
    return [line.split() for line in out.stdout.splitlines()]


@needs_readelf
@pytest.mark.parametrize("config", ["default", "external", "pie"])
@pytest.mark.parametrize("table", [".symtab", ".dynsym"])
def test_symbols_are_those_of_readelf(config: str, table: str) -> None:
    path = built(config)
    with open_elf(path) as elf:
        symbols = read_symbols(elf, table)
    assert symbols
    option = "--dyn-syms" if table == ".dynsym" else "-s"
    rows = [row for row in readelf(option, path) if row and row[0].rstrip(":").isdigit()]
    # `readelf -s` lists .dynsym first.
    rows = rows[-len(symbols) :]
    assert [int(row[1], 16) for row in rows] == symbols.value.tolist()
    assert [int(row[2], 0) for row in rows] == symbols.size.tolist()
    assert [row[3] == "FUNC" for row in rows] == (symbols.kind == FUNCTION).tolist()
    # It shows the version of a dynamic symbol behind its name, and cuts nothing with -W.
    names = ["".join(row[7:8]).partition("@")[0] for row in rows]
    ours = ["".join(name.split()[:1]).partition("@")[0] for name in symbols.names]
    differ = [(a, b) for a, b in zip(names, ours, strict=True) if a != b and b]
    assert not differ


@needs_readelf
def test_relative_relocations_are_those_of_readelf() -> None:
    path = built("pie", "hello")
    with open_elf(path) as elf:
        pointers = relative_pointers(elf)
    rows = [row for row in readelf("-r", path) if len(row) == 4 and row[2].endswith("_RELATIVE")]
    theirs = sorted((int(row[0], 16), int(row[3], 16)) for row in rows)
    ours = list(zip(pointers.address.tolist(), pointers.value.tolist(), strict=True))
    assert ours == theirs
    assert len(ours) > 1000


def test_a_pie_s_pointers_are_filled_in() -> None:
    with open_elf(built("pie", "hello")) as elf:
        pointers = relative_pointers(elf)
        section = elf.section(".data")
        assert section
        before, after = elf.content(section), loaded(elf, section, pointers)
    inside = (pointers.address >= section.address) & (
        pointers.address < section.address + section.size
    )
    at = (pointers.address[inside] - section.address).tolist()
    assert at
    for place, value in zip(at, pointers.value[inside].tolist(), strict=True):
        assert int.from_bytes(after[place : place + 8], "little") == value
    changed = np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))
    assert {index - index % 8 for index in changed.tolist()} <= set(at)


def test_find_and_has() -> None:
    with open_elf(built("default")) as elf:
        symbols = read_symbols(elf)
    assert symbols
    at = symbols.find("runtime.main")
    assert at == dict(zip(symbols.names, symbols.value.tolist(), strict=True))["runtime.main"]
    assert symbols.has("main.main")
    assert not symbols.has("main.mai")
    assert symbols.find("no.such") is None
    assert len(symbols.to_frame()) == len(symbols)


def test_a_stripped_file_has_no_symbols() -> None:
    with open_elf(built("strip")) as elf:
        assert read_symbols(elf) is None
        assert read_symbols(elf, ".dynsym")


def test_tables_become_frames() -> None:
    @dataclass(frozen=True)
    class Row:
        name: str
        size: int

    table = Table([Row("a", 1), Row("b", 2)])
    assert table.to_dicts() == [{"name": "a", "size": 1}, {"name": "b", "size": 2}]
    assert table.to_frame()["size"].sum() == 3
