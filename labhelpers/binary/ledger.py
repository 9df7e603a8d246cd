"""The ledger: every byte of a file in exactly one leaf, and every leaf with a name.

A leaf's path goes from the section to what is in it: a sub-table, a package, a symbol. The sum of
all leaves is the file's size; that is asserted, never made so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labhelpers.binary.cover import Stretches, Words, joined, lay, one, stretches
from labhelpers.binary.elf import CHUNK, Elf, Section
from labhelpers.binary.layers import Read, layers
from labhelpers.binary.owners import ALIGNMENT, HEADERS, OTHER, PADDING, remainder
from labhelpers.binary.symbols import Ints
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

LARGEST_ALIGNMENT = 32
"""Zeros inside a section are there for alignment up to the largest that Go gives to data; more
zeros may be somebody's value."""
MOST_ALIGNMENT = 1 << 16
"""Sections are aligned to pages at most, which are 64 KB on some processors."""
LARGEST_SEARCHED = 1 << 28
"""Bytes of a section that are searched for zeros in its gaps."""
HEADER_NAMES = ("ELF header", "program headers", "section headers")
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


@dataclass(frozen=True)
class Piece:
    """A section, or what lies outside of all, taken apart; `section` is its name's index."""

    section: int
    parts: Stretches
    in_file: bool = True
    in_memory: bool = False


def make_ledger(elf: Elf, read: Read) -> Ledger:
    """Return the ledger of a file from what the readers found in it."""
    words = Words()
    found = layers(elf, read, words)
    pieces: list[Piece] = []
    held, gaps = _claims(elf)
    for start, end, which in zip(
        held.start.tolist(), held.end.tolist(), held.name.tolist(), strict=True
    ):
        if which < len(HEADER_NAMES):
            whole = one(0, end - start, words.of(HEADER_NAMES[which]), words.of(HEADERS))
            pieces.append(Piece(words.of("headers"), whole))
            continue
        section = elf.regions[which - len(HEADER_NAMES)]
        cut = (start, end) != (section.offset, section.offset + section.file_size)
        parts = _section(elf, section, [] if cut else found[section.index], words, end - start)
        loaded = not cut and section.memory_size > 0
        pieces.append(Piece(words.of(section.name), parts, in_memory=loaded))
    for section in elf.regions:
        if section.memory_size and not section.file_size:
            parts = _section(elf, section, found[section.index], words, section.size)
            pieces.append(Piece(words.of(section.name), parts, in_file=False, in_memory=True))
    pieces += _between(elf, gaps, words)
    return _ledger(pieces, words, elf.size)


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


def _between(elf: Elf, gaps: Stretches, words: Words) -> Iterator[Piece]:
    """Yield what lies between headers and sections: zeros are padding, other bytes are not."""
    for start, end in zip(gaps.start.tolist(), gaps.end.tolist(), strict=True):
        zero = all(chunk == ZEROS[: len(chunk)] for chunk in elf.chunks(start, end - start))
        padding = zero and end - start <= MOST_ALIGNMENT
        name = "padding" if padding else "zeros" if zero else NOT_ZERO
        whole = one(0, end - start, package=words.of(PADDING if padding else OTHER))
        yield Piece(words.of(name), whole)


def _section(
    elf: Elf, section: Section, known: list[Stretches], words: Words, size: int
) -> Stretches:
    """Return a section's stretches: what is known of it, and the gaps with a name each."""
    rest = words.of(remainder(section))
    if not known:
        return one(0, size, package=rest)
    held, gaps = lay(known, size)
    if not len(gaps):
        return held
    aligning = np.zeros(len(gaps), bool)
    # Between functions of C there are no zeros, and a stripped file does not tell where they end.
    if section.file_size <= LARGEST_SEARCHED and section.file_size and not section.executable:
        raw = elf.content(section)
        aligning[:] = [
            end - start < LARGEST_ALIGNMENT and raw.count(0, start, end) == end - start
            for start, end in zip(gaps.start.tolist(), gaps.end.tolist(), strict=True)
        ]
    part = np.where(aligning, words.of("alignment"), words.of(NO_SYMBOL))
    package = np.where(aligning, words.of(ALIGNMENT), rest)
    return joined([held, stretches(gaps.start, gaps.end, part, package)])


def _ledger(pieces: list[Piece], words: Words, file_size: int) -> Ledger:
    """Put the pieces together; leaves of the same path become one."""
    everything = joined([piece.parts for piece in pieces])
    counts = [len(piece.parts) for piece in pieces]
    section = np.repeat([piece.section for piece in pieces], counts).astype(np.int64)
    in_file = np.repeat([piece.in_file for piece in pieces], counts).astype(np.int64)
    in_memory = np.repeat([piece.in_memory for piece in pieces], counts).astype(np.int64)
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
