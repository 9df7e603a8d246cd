"""Go's `moduledata`: where the linker tells the runtime the bounds of everything.

It is the one record that every Go program has and that says where text, types and the tables for
the garbage collector begin. Layout: `type moduledata` in Go's runtime/symtab.go of each release.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from labhelpers.binary.elf import BinaryError, Elf, Section
from labhelpers.binary.relocations import Pointers, loaded

HEAD = (
    *("header", "funcnametab", "1", "2", "cutab", "3", "4", "filetab", "5", "6", "pctab", "7", "8"),
    *("pclntable", "9", "10", "ftab", "functions", "11", "findfunctab", "minpc", "maxpc", "text"),
    *("etext", "noptrdata", "enoptrdata", "data", "edata", "bss", "ebss", "noptrbss", "enoptrbss"),
    *("covctrs", "ecovctrs", "end", "gcdata", "gcbss"),
)
"""The words that all releases since 1.20 begin with; those named by numbers are lengths."""
TEXTSECTS = ("textsects", "12", "13")
LINKS = ("typelinks", "typelink_count", "14", "itablinks", "itablink_count", "15")

TAILS = {
    "1.27": (
        *("types", "descriptors", "etypes", "itabs", "itab_bytes", "rodata", "gofunc", "table_end"),
        *TEXTSECTS,
    ),
    "1.26": ("types", "etypes", "rodata", "gofunc", "table_end", *TEXTSECTS, *LINKS),
    "1.20": ("types", "etypes", "rodata", "gofunc", *TEXTSECTS, *LINKS),
}
"""What follows, by the first release that has it, newest first."""
WITHOUT_COVERAGE = tuple(name for name in HEAD if name not in ("covctrs", "ecovctrs"))
LAYOUTS = {
    **{release: HEAD + tail for release, tail in TAILS.items()},
    "1.18": WITHOUT_COVERAGE + TAILS["1.20"],
}

MOST_TEXT_SECTIONS = 1 << 16


@dataclass(frozen=True)
class ModuleData:
    """The fields that matter here, as addresses at base 0, except counts and byte sizes.

    `since` is the first release with this layout. `table_end` is where .gopclntab ends,
    `descriptors` the bytes of type descriptors that Go 1.27 lists: 0 in older layouts, which have
    `typelinks` and `itablinks` (0 in newer ones).
    """

    since: str
    address: int
    text: int
    etext: int
    data: tuple[tuple[int, int], ...]
    findfunctab: int
    types: int
    etypes: int
    rodata: int
    gofunc: int
    table_end: int
    descriptors: int
    itabs: int
    itab_bytes: int
    typelinks: int
    typelink_count: int
    itablinks: int
    itablink_count: int


def find_module_data(elf: Elf, table: int, pointers: Pointers) -> ModuleData | None:
    """Return the module data that point to the function table at this address.

    Every layout is tried, and one is taken only if what it says agrees with the file's sections
    and with itself. Where none does, a note says so.
    """
    seen = False
    for section, content, at in _places(elf, table, pointers):
        seen = True
        for since, names in LAYOUTS.items():
            size = len(names) * elf.word
            if at + size > len(content):
                continue
            words = struct.unpack_from(f"{elf.order}{len(names)}{'QI'[elf.word == 4]}", content, at)
            found = dict(zip(names, words, strict=True))
            if _agrees(elf, found, table):
                return _module_data(since, section.address + at, found)
    elf.notes.append(
        "Go's module data have a layout that is not known."
        if seen
        else "Go's module data were not found."
    )
    return None


def _places(elf: Elf, table: int, pointers: Pointers) -> Iterator[tuple[Section, bytes, int]]:
    """Yield where a pointer to the function table stands: section, its content, offset in it."""
    wanted = struct.pack(elf.order + "QI"[elf.word == 4], table)
    relocated = pointers.address[pointers.value == table]
    for section in elf.regions:
        if section.flags & 2 and section.file_size and not section.executable:
            inside = (relocated >= section.address) & (relocated < section.address + section.size)
            if not section.writable and not np.any(inside):
                continue
            try:
                content = loaded(elf, section, pointers)
            except BinaryError:
                continue
            at = content.find(wanted)
            while at >= 0:
                if at % elf.word == 0:
                    yield section, content, at
                at = content.find(wanted, at + 1)


def _agrees(elf: Elf, found: dict[str, int], table: int) -> bool:
    """Say whether the bounds are in order and lie where they must."""
    bounds = [("text", "etext"), ("noptrdata", "enoptrdata"), ("data", "edata"), ("bss", "ebss")]
    bounds += [("noptrbss", "enoptrbss"), ("types", "etypes"), ("minpc", "maxpc")]
    # A slice that the linker made is as long as its capacity.
    slices = [("1", "2"), ("3", "4"), ("5", "6"), ("7", "8"), ("9", "10"), ("functions", "11")]
    slices += [("12", "13"), ("typelink_count", "14"), ("itablink_count", "15")]
    named = ("types", "gofunc", "rodata", "findfunctab", "text", "textsects")
    types = found["etypes"] - found["types"]
    return (
        all(found[low] <= found[high] for low, high in bounds)
        and all(found.get(length) == found.get(room) for length, room in slices)
        and table < found["funcnametab"]
        and found["text"] <= found["minpc"] < found["maxpc"] <= found["etext"]
        and 1 <= found["12"] < MOST_TEXT_SECTIONS
        and found.get("descriptors", 0) <= types
        and found.get("itabs", 0) + found.get("itab_bytes", 0) <= types
        # Since the table's end is told, the tables for the garbage collector are inside it.
        and ("table_end" in found) == (table < found["gofunc"] < found.get("table_end", 0))
        and all(_inside(elf, found[name]) for name in named)
    )


def _inside(elf: Elf, address: int) -> bool:
    return any(
        section.flags & 2 and section.address <= address <= section.address + section.size
        for section in elf.regions
    )


def _module_data(since: str, address: int, found: dict[str, int]) -> ModuleData:
    names = [("noptrdata", "enoptrdata"), ("data", "edata"), ("bss", "ebss")]
    names.append(("noptrbss", "enoptrbss"))
    own = ("text", "etext", "findfunctab", "types", "etypes", "rodata", "gofunc")
    newer = ("table_end", "descriptors", "itabs", "itab_bytes")
    older = ("typelinks", "typelink_count", "itablinks", "itablink_count")
    return ModuleData(
        since=since,
        address=address,
        data=tuple((found[low], found[high]) for low, high in names),
        **{name: found[name] for name in own},
        **{name: found.get(name, 0) for name in (*newer, *older)},
    )
