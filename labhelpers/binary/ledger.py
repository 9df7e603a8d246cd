"""The ledger: every byte of a file in exactly one leaf, and every leaf with a name.

A leaf's path goes from the section to what is in it: a sub-table, a package, a symbol. The sum of
all leaves is the file's size; that is asserted, never made so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labhelpers.binary.cover import Stretches, Words, joined, lay, stretches
from labhelpers.binary.elf import CHUNK, BinaryError, Elf, Section
from labhelpers.binary.functions import Functions, NameTable
from labhelpers.binary.owners import ALIGNMENT, HEADERS, OTHER, PADDING, C, owner, remainder
from labhelpers.binary.pclntab import Pclntab
from labhelpers.binary.relocations import Pointers
from labhelpers.binary.symbols import FILE, SECTION, Ints, Symbols
from labhelpers.binary.tables import funcdata_stretches, table_stretches
from labhelpers.binary.typedata import type_stretches
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

LARGEST_ALIGNMENT = 32
"""Zeros inside a section are there for alignment up to the largest that Go gives to data; more
zeros may be somebody's value."""
LARGEST_TAKEN_APART = 1 << 28
ZEROS = bytes(CHUNK)
NO_SYMBOL = "(no symbol)"
SAID_BY_THE_PATH = {HEADERS, PADDING, ALIGNMENT}
NOT_ZERO = "(claimed by nothing)"


@dataclass(frozen=True)
class Leaf:
    """Bytes that belong together: in the file, and in memory once it is loaded."""

    path: tuple[str, ...]
    package: str
    file_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class Read:
    """What the readers found in a file; None where there is no such thing."""

    pointers: Pointers
    symbols: Symbols | None
    table: Pclntab | None
    names: NameTable | None
    functions: Functions | None


@dataclass(frozen=True)
class Ledger:
    """Leaves as columns, one array entry each; labels are indices into `words`."""

    words: Words
    section: Ints
    part: Ints
    package: Ints
    name: Ints
    file_bytes: Ints
    memory_bytes: Ints

    def __len__(self) -> int:
        """Return the number of leaves."""
        return len(self.section)

    @property
    def total(self) -> int:
        """Bytes of all leaves in the file: its size."""
        return int(self.file_bytes.sum())

    @property
    def padding(self) -> int:
        """Bytes of the file that only fill up the room between sections."""
        return self.bytes_of(PADDING)

    def bytes_of(self, package: str) -> int:
        """Return a package's bytes of the file, or those of a named remainder (owners.py)."""
        return int(self.file_bytes[self.package == self.words.of(package)].sum())

    def __iter__(self) -> Iterator[Leaf]:
        """Yield every leaf, those of one section together."""
        words = self.words
        columns = (self.section, self.part, self.package, self.name)
        labels = zip(*(column.tolist() for column in columns), strict=True)
        sizes = zip(self.file_bytes.tolist(), self.memory_bytes.tolist(), strict=True)
        for (section, part, package, name), (file, memory) in zip(labels, sizes, strict=True):
            said = words[package] in SAID_BY_THE_PATH or not (part or name)
            whose = "" if said else words[package]
            path = (words[section], words[part], whose, words[name])
            yield Leaf(tuple(filter(None, path)), words[package], file, memory)

    @property
    def leaves(self) -> Table[Leaf]:
        """Every leaf as a row."""
        return Table(self)

    def to_frame(self) -> "pd.DataFrame":
        """Return a row a leaf: section, part, package, name, bytes in the file and in memory."""
        import pandas as pd

        words = np.array(self.words.words, dtype=object)
        labels = ("section", "part", "package", "name")
        columns = {label: words[getattr(self, label)] for label in labels}
        sizes = {"file_bytes": self.file_bytes, "memory_bytes": self.memory_bytes}
        return pd.DataFrame({**columns, **sizes})


def make_ledger(elf: Elf, read: Read) -> Ledger:
    """Return the ledger of a file from what the readers found in it."""
    words = Words()
    found = _inside(elf, read, words)
    rows: list[tuple[int, Stretches, bool, bool]] = []
    held, gaps = _claims(elf)
    for start, end, which in zip(
        held.start.tolist(), held.end.tolist(), held.name.tolist(), strict=True
    ):
        if which < len(HEADER_NAMES):
            whole = stretches(np.array([0]), np.array([end - start]), words.of(HEADER_NAMES[which]))
            rows.append((words.of("headers"), _owned(whole, words.of(HEADERS)), True, False))
            continue
        section = elf.regions[which - len(HEADER_NAMES)]
        cut = (start, end) != (section.offset, section.offset + section.file_size)
        parts = _section(elf, section, [] if cut else found[section.index], words, end - start)
        rows.append((words.of(section.name), parts, True, not cut and section.memory_size > 0))
    for section in elf.regions:
        if section.memory_size and not section.file_size:
            parts = _section(elf, section, found[section.index], words, section.size)
            rows.append((words.of(section.name), parts, False, True))
    rows += _between(elf, gaps, words)
    return _ledger(rows, words, elf.size)


HEADER_NAMES = ("ELF header", "program headers", "section headers")


def _claims(elf: Elf) -> tuple[Stretches, Stretches]:
    """Return which header or section (by `name`) has which bytes of the file, and the gaps."""
    fixed = [(0, min(elf.header_size, elf.size)), elf.program_headers, elf.section_headers]
    own = [(s.offset, s.file_size) for s in elf.regions]
    first = len(fixed)
    layers = []
    for base, claims in ((0, fixed), (first, own)):
        # In Python's own numbers: a damaged header may claim more than 63 bits hold.
        bounds = [(min(at, elf.size), min(at + size, elf.size)) for at, size in claims]
        start = np.array([low for low, _ in bounds], np.int64)
        end = np.array([high for _, high in bounds], np.int64)
        layers.append(stretches(start, end, name=base + np.arange(len(bounds))))
    return lay(layers, elf.size)


def _between(
    elf: Elf, gaps: Stretches, words: Words
) -> Iterator[tuple[int, Stretches, bool, bool]]:
    """Yield what lies between headers and sections: zeros are padding, other bytes are not."""
    for start, end in zip(gaps.start.tolist(), gaps.end.tolist(), strict=True):
        zero = all(chunk == ZEROS[: len(chunk)] for chunk in elf.chunks(start, end - start))
        padding = zero and end - start <= MOST_ALIGNMENT
        name = "padding" if padding else "zeros" if zero else NOT_ZERO
        label = words.of(PADDING if padding else OTHER)
        whole = stretches(np.array([0]), np.array([end - start]))
        yield words.of(name), _owned(whole, label), True, False


MOST_ALIGNMENT = 1 << 16
"""Sections are aligned to pages at most, which are 64 KB on some processors."""


def _owned(rows: Stretches, package: int) -> Stretches:
    return stretches(rows.start, rows.end, rows.part, package, rows.name)


def _inside(elf: Elf, read: Read, words: Words) -> dict[int, list[Stretches]]:
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


def _packages(names: list[str], go: Ints, known: NameTable | None, words: Words) -> Ints:
    """Return each symbol's package as an index."""
    by_name = dict(zip(known.names, known.packages, strict=True)) if known else {}
    packages = set(known.packages) if known else set()
    found = list(map(by_name.get, names))
    for index, package in enumerate(found):
        if package is None:
            found[index] = owner(names[index], packages, bool(go[index]))
    return words.of_all([package or C for package in found])


def _section(
    elf: Elf, section: Section, layers: list[Stretches], words: Words, size: int
) -> Stretches:
    """Return a section's stretches: what is known of it, and the gaps with a name each."""
    rest = words.of(remainder(section))
    if not layers or size > LARGEST_TAKEN_APART:
        return stretches(np.array([0]), np.array([size]), package=rest)
    held, gaps = lay(layers, size)
    if not len(gaps):
        return held
    aligning = np.zeros(len(gaps), bool)
    # Between functions of C there are no zeros, and a stripped file does not tell where they end.
    if section.file_size and not section.executable:
        raw = elf.content(section)
        aligning[:] = [
            end - start < LARGEST_ALIGNMENT and raw.count(0, start, end) == end - start
            for start, end in zip(gaps.start.tolist(), gaps.end.tolist(), strict=True)
        ]
    part = np.where(aligning, words.of("alignment"), words.of(NO_SYMBOL))
    package = np.where(aligning, words.of(ALIGNMENT), rest)
    return joined([held, stretches(gaps.start, gaps.end, part, package)])


def _ledger(rows: list[tuple[int, Stretches, bool, bool]], words: Words, file_size: int) -> Ledger:
    """Put the rows of all sections together; leaves of the same path become one."""
    everything = joined([part for _, part, _, _ in rows])
    counts = [len(part) for _, part, _, _ in rows]
    section = np.repeat([name for name, *_ in rows], counts).astype(np.int64)
    in_file = np.repeat([file for *_, file, _ in rows], counts).astype(np.int64)
    in_memory = np.repeat([memory for *_, memory in rows], counts).astype(np.int64)
    first, place = _same(section, everything)
    size = everything.size
    file_bytes = np.bincount(place, size * in_file, len(first)).astype(np.int64)
    memory_bytes = np.bincount(place, size * in_memory, len(first)).astype(np.int64)
    part, package, name = (column[first] for column in everything.columns()[2:])
    ledger = Ledger(words, section[first], part, package, name, file_bytes, memory_bytes)
    assert ledger.total == file_size, (ledger.total, file_size)
    return ledger


def _same(section: Ints, rows: Stretches) -> tuple[Ints, Ints]:
    """Return the first row of each path, in order, and for every row which of these it is."""
    own = np.zeros(len(rows), np.int64)
    for column in (section, rows.part, rows.package, rows.name):
        # The ranks of the labels that are there are small enough for all four to fit into 63 bits.
        rank = np.cumsum(np.bincount(column) > 0)
        own = own * (int(rank[-1]) + 1) + rank[column] if len(rank) else own
    _, first, which = np.unique(own, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[which]
