"""The anatomy of an executable file: one call reads it, and all that follows is plain data."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labhelpers.binary.buildinfo import BuildInfo, read_buildinfo
from labhelpers.binary.dwarf import Dwarf, dwarf_by_package, read_dwarf
from labhelpers.binary.elf import BinaryError, Elf, Section, open_elf
from labhelpers.binary.functions import Functions, NameTable, read_functions, read_names
from labhelpers.binary.layers import Read
from labhelpers.binary.ledger import Ledger, make_ledger
from labhelpers.binary.linking import Linking, read_linking
from labhelpers.binary.meanings import meaning_of
from labhelpers.binary.notes import read_build_ids
from labhelpers.binary.owners import DEBUGGING
from labhelpers.binary.packages import PackageRow, package_table
from labhelpers.binary.pclntab import Pclntab, read_pclntab
from labhelpers.binary.relocations import relative_pointers
from labhelpers.binary.symbols import Symbols, read_symbols
from labhelpers.table import Table


@dataclass(frozen=True)
class SectionRow:
    """A section, or what lies outside of all sections, with its bytes in file and in memory."""

    section: str
    file_bytes: int
    memory_bytes: int
    meaning: str


@dataclass(frozen=True)
class Anatomy:
    """What is in a file. Sizes in bytes; None where the file holds no such thing.

    `build_id` is Go's, else the C linker's. `notes` say what is missing and why.
    """

    path: Path
    file_bytes: int
    machine: str
    sections: Table[SectionRow]
    packages: Table[PackageRow]
    ledger: Ledger
    linking: Linking
    functions: Functions | None
    symbols: Symbols | None
    pclntab: Pclntab | None
    buildinfo: BuildInfo | None
    dwarf: Dwarf | None
    build_id: str | None
    notes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the document of schema golab/anatomy/1, without this machine."""
        leaves = [
            {"path": leaf.path, "bytes": leaf.file_bytes, "memory_bytes": leaf.memory_bytes}
            for leaf in self.ledger
        ]
        packages = [{**asdict(row), "bytes": row.bytes} for row in self.packages]
        return {
            "schema": "golab/anatomy/1",
            "file_bytes": self.file_bytes,
            "architecture": self.machine,
            "linking": asdict(self.linking),
            "build_info": asdict(self.buildinfo) if self.buildinfo else None,
            "build_id": self.build_id,
            "dwarf": asdict(self.dwarf) if self.dwarf else None,
            "functions": len(self.functions) if self.functions else 0,
            "sections": self.sections.to_dicts(),
            "packages": packages,
            "ledger": leaves,
            "notes": self.notes,
        }


def anatomy(path: str | os.PathLike[str], dwarf: bool = True) -> Anatomy:
    """Read a file and account for every byte of it.

    Args:
        path: an ELF file; it is not run.
        dwarf: share the debugging information out to packages, which has to read it.

    Raises:
        BinaryError: the file is no ELF file, is damaged beyond reading, or changes meanwhile.
    """
    with open_elf(path) as elf:
        found = _read(elf, dwarf)
        elf.check_unchanged()
    return found


def _read(elf: Elf, with_dwarf: bool) -> Anatomy:
    pointers = relative_pointers(elf)
    symbols = read_symbols(elf)
    table = read_pclntab(elf, pointers)
    names, functions = _functions(elf, table)
    ledger = make_ledger(elf, Read(pointers, symbols, table, names, functions))
    buildinfo = read_buildinfo(elf)
    dwarf = read_dwarf(elf) if with_dwarf else None
    debugging = ledger.bytes_of(DEBUGGING)
    shares = dwarf_by_package(elf, dwarf, debugging) if dwarf and debugging else {}
    ids = read_build_ids(elf)
    return Anatomy(
        path=elf.path,
        file_bytes=elf.size,
        machine=elf.machine,
        sections=_sections(elf, ledger),
        packages=package_table(elf, ledger, shares),
        ledger=ledger,
        linking=read_linking(elf, buildinfo, symbols),
        functions=functions,
        symbols=symbols,
        pclntab=table,
        buildinfo=buildinfo,
        dwarf=dwarf,
        build_id=ids.go or ids.gnu,
        notes=elf.notes,
    )


def _functions(elf: Elf, table: Pclntab | None) -> tuple[NameTable | None, Functions | None]:
    if table is None:
        return None, None
    names = read_names(table)
    try:
        return names, read_functions(table, names)
    except BinaryError as error:
        elf.notes.append(str(error))
        return None, None


def _sections(elf: Elf, ledger: Ledger) -> Table[SectionRow]:
    """Return the sections in the file's order, then headers and what lies between."""
    words = ledger.words
    count = len(words.words)
    file = np.bincount(ledger.section, ledger.file_bytes, count).astype(np.int64)
    memory = np.bincount(ledger.section, ledger.memory_bytes, count).astype(np.int64)
    types = {section.name: section.type for section in elf.regions}
    order = {section.name: index for index, section in enumerate(_in_order(elf))}
    found = sorted(np.unique(ledger.section).tolist(), key=lambda i: order.get(words[i], 1 << 20))
    return Table(
        SectionRow(
            words[i],
            int(file[i]),
            int(memory[i]),
            meaning_of(words[i], types.get(words[i], "")).holds,
        )
        for i in found
    )


def _in_order(elf: Elf) -> list[Section]:
    return sorted(elf.regions, key=lambda section: (section.offset, section.index))
