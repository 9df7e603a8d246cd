"""Whose the bytes of the function table are: each goes to one package, or to "shared".

The linker keeps a table that several functions need only once. Bytes that functions of more than
one package refer to are therefore nobody's own; adding them to each would count them many times.
"""

import numpy as np

from labhelpers.binary.cover import Stretches, Words, joined, one, stretches
from labhelpers.binary.elf import Elf, Section
from labhelpers.binary.functions import Functions, NameTable
from labhelpers.binary.owners import SHARED, WHOLE
from labhelpers.binary.pclntab import NO_TABLE, Pclntab
from labhelpers.binary.symbols import Ints


def table_stretches(
    table: Pclntab, functions: Functions, names: NameTable, package: Ints, words: Words
) -> Stretches:
    """Return who owns what inside the function table; bytes count from its start.

    `package` has each function's package as an index into `words`.
    """
    of = words.of
    first, _ = table.part("ftab")
    entry = first + 8 * np.arange(len(table))
    behind = first + 8 * len(table)
    header, search = table.part("header"), table.part("findfunctab")
    # In the order of their places, so that nothing has to be sorted.
    parts = [
        one(*header, of("header"), of(WHOLE)),
        stretches(names.start, names.end, of("funcnametab"), words.of_all(names.packages)),
        *_units(table, functions, words),
        _blobs(table.pcdata, package, table.part("pctab"), of("pctab"), of(SHARED)),
        stretches(entry, entry + 8, of("ftab"), package),
        one(behind, behind + 4, of("ftab"), of(WHOLE)),
        stretches(table.record, table.record_end, of("funcs"), package),
        one(*search, of("findfunctab"), of(WHOLE)),
    ]
    return joined(parts)


def funcdata_stretches(
    elf: Elf, table: Pclntab, package: Ints, words: Words
) -> tuple[Section | None, Stretches]:
    """Return the tables for the garbage collector: their section, and who owns what in it.

    They are in .gopclntab since Go 1.26 and in .rodata before. The last one's end is told by
    nothing in .rodata: there it is left out.
    """
    nothing = np.empty(0, np.int64)
    module = table.module
    section = elf.section_at(module.gofunc) if module else None
    if module is None or section is None:
        return None, stretches(nothing, nothing)
    rows = table.funcdata[table.funcdata[:, 1] != NO_TABLE]
    start = module.gofunc - section.address
    inside = rows[:, 1] < section.size - start
    rows = np.stack([rows[inside, 0], rows[inside, 1] + start], axis=1)
    end = int(rows[:, 1].max()) if len(rows) else start
    if section is table.section:
        end = table.start + table.part("funcdata")[1]
    return section, _blobs(rows, package, (start, end), words.of("funcdata"), words.of(SHARED))


def _blobs(
    references: Ints, package: Ints, bounds: tuple[int, int], part: int, shared: int
) -> Stretches:
    """Return stretches from one referred-to offset to the next, each with its users' package.

    An offset has one user's package noted, and is shared if some other user's differs: this needs
    no sorting of the references, of which there are ten for each function.
    """
    first, last = bounds[0], max(bounds)
    rows = references[(references[:, 1] >= first) & (references[:, 1] < last)]
    offsets, users = rows[:, 1] - first, package[rows[:, 0]].astype(np.int32)
    owner = np.full(last - first, -1, np.int32)
    owner[offsets] = users
    owner[offsets[owner[offsets] != users]] = shared
    start = np.flatnonzero(owner >= 0)
    end = np.append(start[1:], last - first)[: len(start)]
    return stretches(start + first, end + first, part, owner[start].astype(np.int64))


def _units(table: Pclntab, functions: Functions, words: Words) -> list[Stretches]:
    """Return whose the lists of files (cutab) and the names of files (filetab) are."""
    first, last = table.part("cutab")
    units = sorted(unit for unit in functions.units if first + 4 * unit < last)
    if not units:
        return []
    start = first + 4 * np.array(units)
    owner = words.of_all([functions.units[unit] for unit in units])
    lists = stretches(start, np.append(start[1:], last), words.of("cutab"), owner)
    return [lists, *_files(table, lists, words)]


def _files(table: Pclntab, lists: Stretches, words: Words) -> list[Stretches]:
    first, last = table.part("filetab")
    begin, stop = int(lists.start[0]), int(lists.end[-1])
    stop -= (stop - begin) % 4
    offsets = np.frombuffer(table.raw[begin:stop], table.order + "u4").astype(np.int64)
    owner = np.repeat(lists.package, (np.minimum(lists.end, stop) - lists.start) // 4)
    known = (offsets != NO_TABLE)[: len(owner)]
    rows = np.stack([np.arange(len(owner))[known], first + offsets[: len(owner)][known]], axis=1)
    return [_blobs(rows, owner, (first, last), words.of("filetab"), words.of(SHARED))]
