"""Go's own table of functions, .gopclntab: in every Go program, stripped or not.

The runtime needs it for stack traces and garbage collection, so nothing takes it away. It is a
header, five sub-tables, and since Go 1.26 also the tables for the garbage collector (`funcdata`).
Layouts: Go's internal/abi/symtab.go, cmd/link/internal/ld/pcln.go, runtime/symtab.go (moduledata)
and runtime/runtime2.go (_func); what of them differs from release to release is in `LAYOUTS`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labhelpers.binary.elf import LARGEST_ADDRESS, BinaryError, Elf, Section
from labhelpers.binary.moduledata import ModuleData, find_module_data
from labhelpers.binary.relocations import Pointers
from labhelpers.binary.symbols import Ints

SECTIONS = (".gopclntab", ".data.rel.ro.gopclntab")
PARTS = (
    *("header", "funcnametab", "cutab", "filetab", "pctab", "ftab", "funcs"),
    *("findfunctab", "funcdata"),
)
"""The sub-tables; the last two are behind the others since Go 1.26, and in .rodata before."""


@dataclass(frozen=True)
class Layout:
    """How one generation of the table is laid out.

    `record` is the size of the fixed part of a `_func`; the numbers of its pcdata and funcdata
    entries and its unit's offset stand `npcdata`, `nfuncdata` and `unit` bytes into it.
    """

    magic: int
    releases: str
    record: int
    npcdata: int = 28
    unit: int = 32
    nfuncdata: int = 39


LAYOUTS = (
    Layout(0xFFFFFFF1, "1.20 and later", record=44, nfuncdata=43),
    Layout(0xFFFFFFF0, "1.18 and 1.19", record=40, nfuncdata=39),
)
OLDER = {0xFFFFFFFB: "1.2 to 1.15", 0xFFFFFFFA: "1.16 and 1.17"}
NO_TABLE = 0xFFFFFFFF
"""The offset that stands for no funcdata."""


@dataclass(frozen=True)
class Pclntab:
    """The function table. Offsets are bytes from the table's start; arrays have a function each.

    `parts` are the sub-tables: name, first byte, end. `bounds` are the functions' first addresses
    and, last, the end of the last one; `record` and `record_end` enclose each `_func`.
    `pcdata` and `funcdata` are pairs (function, offset), a row a reference.
    """

    section: Section
    start: int
    size: int
    layout: Layout
    order: str
    module: ModuleData | None
    parts: tuple[tuple[str, int, int], ...]
    raw: bytes = field(repr=False)
    bounds: Ints
    name_start: Ints
    record: Ints
    record_end: Ints
    unit: Ints
    pcdata: Ints
    funcdata: Ints

    def __len__(self) -> int:
        """Return the number of functions."""
        return len(self.name_start)

    def part(self, name: str) -> tuple[int, int]:
        """Return first byte and end of a sub-table, (0, 0) where there is none."""
        return next(((start, end) for part, start, end in self.parts if part == name), (0, 0))

    @property
    def entries(self) -> Ints:
        """Each function's address."""
        return self.bounds[:-1]

    @property
    def sizes(self) -> Ints:
        """Each function's bytes, up to the next one: padding behind it included."""
        return np.diff(self.bounds)


def read_pclntab(elf: Elf, pointers: Pointers) -> Pclntab | None:
    """Return the function table, None where there is none or its layout is not known.

    What cannot be read is said in `elf.notes`.
    """
    reasons = []
    for section, start in _candidates(elf):
        try:
            return _read(elf, section, start, pointers)
        except (BinaryError, ValueError, IndexError, struct.error) as error:
            reasons.append(str(error))
    if reasons:
        elf.notes.append(f"Go's function table is not read: {reasons[0]}")
    return None


def _candidates(elf: Elf) -> Iterator[tuple[Section, int]]:
    """Yield where a table may begin: sections of its name, else places that look like a header."""
    named = [section for section in elf.regions if section.name in SECTIONS and section.file_size]
    yield from ((section, 0) for section in named)
    if named:
        return
    tail = bytes([0, 0])
    for section in elf.regions:
        if not section.flags & 2 or section.file_size < 64:
            continue
        try:
            raw = elf.content(section)
        except BinaryError:
            continue
        for layout in LAYOUTS:
            magic = struct.pack(elf.order + "I", layout.magic) + tail
            at = raw.find(magic)
            while at >= 0:
                if at % 8 == 0 and raw[at + 7 : at + 8] == bytes([elf.word]):
                    yield section, at
                at = raw.find(magic, at + 1)


def _read(elf: Elf, section: Section, start: int, pointers: Pointers) -> Pclntab:
    raw = elf.content(section)[start:]
    magic, zeros, word = struct.unpack_from(elf.order + "IHxB", raw)
    layout = next((layout for layout in LAYOUTS if layout.magic == magic), None)
    if layout is None:
        known = OLDER.get(magic)
        raise BinaryError(
            f"its layout is that of Go {known}, and this reader begins with 1.18."
            if known
            else f"its first bytes ({magic:#x}) are of no known layout."
        )
    if zeros or word != elf.word:
        raise BinaryError("its header contradicts the file's.")
    header = 8 + 8 * word
    count, _, text, *offsets = struct.unpack_from(elf.order + "8" + "QI"[word == 4], raw, 8)
    if offsets != sorted(offsets) or offsets[0] < header or offsets[-1] > len(raw):
        raise BinaryError("its sub-tables lie outside of it.")
    table, functions = offsets[-1], offsets[-1] + 8 * count + 4
    if not count or functions > len(raw):
        raise BinaryError(f"it claims {count:,} functions and has no room for them.")
    u4 = np.dtype(elf.order + "u4")
    pairs = np.frombuffer(raw, u4, 2 * count + 1, table).astype(np.int64)
    entries, records = pairs[0::2], table + pairs[1::2]
    if np.any(np.diff(entries) <= 0) or records.min() < functions or np.any(records % 4):
        raise BinaryError("its functions are out of order.")
    fields = _fields(raw, records, layout, u4)
    npcdata, nfuncdata = fields["npcdata"], fields["nfuncdata"]
    if offsets[0] + fields["name"].max() >= offsets[1]:
        raise BinaryError("the names of its functions lie outside of their table.")
    ends = records + layout.record + 4 * (npcdata + nfuncdata)
    # No overlaps means that all records together are no longer than the table.
    if ends.max() > len(raw) or np.any(records[1:] < ends[:-1]):
        raise BinaryError("its records overlap or lie outside of it.")
    module = find_module_data(elf, section.address + start, pointers)
    base = module.text if module else text
    if not base:
        base = _text_start(elf)
    if base >= LARGEST_ADDRESS:
        raise BinaryError("its text begins at an impossible address.")
    own_end = _end(module, section.address + start, int(ends.max()), len(raw), start)
    parts = _parts(offsets, header, functions, int(ends.max()), own_end, module, section, start)
    return Pclntab(
        section=section,
        start=start,
        size=own_end,
        layout=layout,
        order=elf.order,
        module=module,
        parts=parts,
        raw=raw,
        bounds=entries + base,
        name_start=offsets[0] + fields["name"],
        record=records,
        record_end=ends,
        unit=fields["unit"],
        pcdata=_pcdata(raw, records, layout, fields, npcdata, offsets[3], u4),
        funcdata=_ragged(raw, records + layout.record + 4 * npcdata, nfuncdata, u4),
    )


def _text_start(elf: Elf) -> int:
    section = elf.section(".text")
    if section is None:
        raise BinaryError("neither it nor the module data say where the text begins.")
    elf.notes.append("The module data were not found: Go's text is taken to begin with .text.")
    return section.address


def _fields(raw: bytes, records: Ints, layout: Layout, u4: np.dtype[Any]) -> dict[str, Ints]:
    """Return the fixed fields of every `_func` that are of use here."""
    if records.max() + layout.record > len(raw):
        raise BinaryError("its records lie outside of it.")

    def field_at(offset: int) -> Ints:
        return _words(raw, records + offset, u4)

    return {
        "name": field_at(4),
        "pcsp": field_at(16),
        "pcfile": field_at(20),
        "pcln": field_at(24),
        "npcdata": field_at(layout.npcdata),
        "unit": field_at(layout.unit),
        "nfuncdata": np.frombuffer(raw, np.uint8)[records + layout.nfuncdata].astype(np.int64),
    }


def _words(raw: bytes, at: Ints, u4: np.dtype[Any]) -> Ints:
    """Return the u32 at offsets that are multiples of 4."""
    numbers: Ints = np.frombuffer(raw, u4, len(raw) // 4)[at >> 2].astype(np.int64)
    return numbers


def _ragged(raw: bytes, starts: Ints, counts: Ints, u4: np.dtype[Any]) -> Ints:
    """Return rows (function, value) of runs of u32: counts[i] of them at starts[i]."""
    function = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(function)) - np.repeat(np.cumsum(counts) - counts, counts)
    values = _words(raw, np.repeat(starts, counts) + 4 * within, u4)
    return np.stack([function, values], axis=1)


def _pcdata(
    raw: bytes,
    records: Ints,
    layout: Layout,
    fields: dict[str, Ints],
    npcdata: Ints,
    pctab: int,
    u4: np.dtype[Any],
) -> Ints:
    """Return rows (function, offset) of every reference into pctab; offset 0 means none."""
    every = np.arange(len(records))
    own = [np.stack([every, fields[name]], axis=1) for name in ("pcsp", "pcfile", "pcln")]
    rows = np.concatenate([*own, _ragged(raw, records + layout.record, npcdata, u4)])
    rows = rows[rows[:, 1] > 0]
    rows[:, 1] += pctab
    return rows


def _end(module: ModuleData | None, address: int, records: int, size: int, start: int) -> int:
    """Return the table's size: what the module data say, else the section's or the records'."""
    if module and module.table_end and records <= module.table_end - address <= size:
        return module.table_end - address
    return records if start else size


def _parts(
    offsets: list[int],
    header: int,
    functions: int,
    records: int,
    end: int,
    module: ModuleData | None,
    section: Section,
    start: int,
) -> tuple[tuple[str, int, int], ...]:
    """Return the sub-tables in their order; Go 1.26 put funcdata and findfunctab behind them."""
    names, units, files, pctab, table = offsets
    parts = [
        ("header", 0, header),
        ("funcnametab", names, units),
        ("cutab", units, files),
        ("filetab", files, pctab),
        ("pctab", pctab, table),
        ("ftab", table, functions),
        ("funcs", functions, records),
    ]
    if module:
        base = section.address + start
        behind = {"findfunctab": module.findfunctab - base, "funcdata": module.gofunc - base}
        inside = sorted((at, name) for name, at in behind.items() if records <= at < end)
        stops = [at for at, _ in inside[1:]] + [end] * bool(inside)
        parts += [(name, at, stop) for (at, name), stop in zip(inside, stops, strict=True)]
    return tuple(parts)
