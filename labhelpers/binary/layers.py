"""What is known about the inside of each section: who has which bytes, and how sure that is.

Go's own tables are in every Go file and say most; the symbol table adds what it knows where there
is one. A layer is a reader's answer for one section, and the surest stands first.
"""

from dataclasses import dataclass

import numpy as np

from labhelpers.binary.cover import Stretches, Words, stretches
from labhelpers.binary.elf import BinaryError, Elf, Section
from labhelpers.binary.functions import Functions, NameTable
from labhelpers.binary.owners import C, owner
from labhelpers.binary.pclntab import Pclntab
from labhelpers.binary.relocations import Pointers
from labhelpers.binary.symbols import FILE, SECTION, Flags, Ints, Symbols
from labhelpers.binary.tables import funcdata_stretches, table_stretches
from labhelpers.binary.typedata import type_stretches


@dataclass(frozen=True)
class Read:
    """What the readers found in a file; None where there is no such thing."""

    pointers: Pointers
    symbols: Symbols | None
    table: Pclntab | None
    names: NameTable | None
    functions: Functions | None


def layers(elf: Elf, read: Read, words: Words) -> dict[int, list[Stretches]]:
    """Return, for each section's index, what the readers know about its inside, surest first."""
    found: dict[int, list[Stretches]] = {section.index: [] for section in elf.regions}
    table, functions, names = read.table, read.functions, read.names
    if table and functions and names:
        package = words.of_all(functions.packages)
        own = table_stretches(table, functions, names, package, words).moved(table.start)
        found[table.section.index].append(own)
        section, rows = funcdata_stretches(elf, table, package, words)
        if section:
            found[section.index].append(rows)
        if table.module:
            try:
                section, rows = type_stretches(elf, table.module, read.pointers, words)
            except BinaryError as error:
                elf.notes.append(str(error))
            else:
                if section:
                    found[section.index].append(rows)
        text = stretches(
            table.entries,
            table.bounds[1:],
            package=package,
            name=words.of_all(functions.names),
        )
        for section in elf.regions:
            if section.executable and len(text):
                own, text = _within(text, section)
                found[section.index].append(own)
    if read.symbols:
        _add_symbols(elf, read, found, words)
    return found


def _within(rows: Stretches, section: Section) -> tuple[Stretches, Stretches]:
    """Divide rows by address into those that begin in a section, as offsets in it, and the rest."""
    inside = (rows.start >= section.address) & (rows.start < section.address + section.size)
    own = rows.take(np.flatnonzero(inside)).moved(-section.address)
    return own, rows.take(np.flatnonzero(~inside))


def _add_symbols(elf: Elf, read: Read, found: dict[int, list[Stretches]], words: Words) -> None:
    """Add what the symbol table says about sections, and whose its own entries and names are."""
    symbols, module = read.symbols, read.table.module if read.table else None
    assert symbols
    names = symbols.names
    go = np.zeros(len(symbols), bool)
    for low, high in module.data if module else ():
        go |= (symbols.value >= low) & (symbols.value < high)
    package = _packages(names, go, read.names, words)
    package[np.isin(symbols.kind, (SECTION, FILE))] = words.of(C)
    label = words.of_all(names)
    base = 0 if elf.type == "ET_REL" else 1
    sized = (symbols.size > 0) & ~np.isin(symbols.kind, (SECTION, FILE))
    for section in elf.regions:
        own = np.flatnonzero(sized & (symbols.section == section.index))
        if len(own) and (section.memory_size or section.type == "SHT_NOBITS"):
            start = symbols.value[own] - base * section.address
            end = start + symbols.size[own]
            found[section.index].append(
                stretches(start, end, package=package[own], name=label[own])
            )
    entry = symbols.entry_size * np.arange(len(symbols))
    rows = stretches(entry, entry + symbols.entry_size, words.of("entries"), package)
    found[symbols.table.index].append(rows)
    names_of = stretches(symbols.name_start, symbols.name_end, words.of("names"), package)
    found[symbols.name_table.index].append(names_of.take(np.flatnonzero(names_of.size > 1)))


def _packages(names: list[str], go: Flags, known: NameTable | None, words: Words) -> Ints:
    """Return each symbol's package as an index."""
    by_name = dict(zip(known.names, known.packages, strict=True)) if known else {}
    packages = set(known.packages) if known else set()
    found = list(map(by_name.get, names))
    for index, package in enumerate(found):
        if package is None:
            found[index] = owner(names[index], packages, bool(go[index]))
    return words.of_all([package or C for package in found])
