"""What the loader adds to the file: pointers of position-independent code.

In a PIE every stored address is a relocation R_*_RELATIVE: base + addend, the addend standing in
the relocation and not in the data. Go's tables can only be read with them applied (base 0).
Format: elf(5), Elf32_Rela and Elf64_Rela; numbers from the processors' ABI supplements.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from labhelpers.binary.dynamic import read_dynamic, relocation_tables
from labhelpers.binary.elf import BinaryError, Elf, Section
from labhelpers.binary.symbols import Ints

RELATIVE = {"EM_X86_64": 8, "EM_AARCH64": 1027, "EM_386": 8, "EM_ARM": 23, "EM_RISCV": 3}
RELATIVE |= {"EM_S390": 12, "EM_PPC64": 22, "EM_LOONGARCH": 3}


@dataclass(frozen=True)
class Pointers:
    """Addresses (sorted) of words that the loader fills in, and what it puts there at base 0."""

    address: Ints
    value: Ints


def relative_pointers(elf: Elf) -> Pointers:
    """Return all R_*_RELATIVE relocations with addends of a file."""
    word = "i8" if elf.bits == 64 else "i4"
    layout = np.dtype([("address", elf.order + word), ("info", elf.order + "u" + word[1:])])
    layout = np.dtype([*layout.descr, ("addend", elf.order + word)])
    wanted = RELATIVE.get(elf.machine, -1)
    found = []
    for kind, offset, size in relocation_tables(elf, read_dynamic(elf)):
        if kind == "SHT_RELA":
            try:
                raw = elf.read(offset, size)
            except BinaryError as error:
                elf.notes.append(f"Relocations are not read: {error}")
                continue
            table = np.frombuffer(raw, layout, size // layout.itemsize)
            which = table["info"] & (0xFFFFFFFF if elf.bits == 64 else 0xFF)
            found.append(table[which == wanted])
    rows = np.concatenate(found) if found else np.empty(0, layout)
    order = np.argsort(rows["address"], kind="stable")
    return Pointers(rows["address"][order].astype(np.int64), rows["addend"][order].astype(np.int64))


def loaded(elf: Elf, section: Section, pointers: Pointers) -> bytes:
    """Return a section's bytes as they are in memory at base 0."""
    raw = elf.content(section)
    first, last = np.searchsorted(
        pointers.address, [section.address, section.address + len(raw) - elf.word + 1]
    )
    if first == last:
        return raw
    content = np.frombuffer(raw, np.uint8).copy()
    at = pointers.address[first:last] - section.address
    words = pointers.value[first:last].astype(elf.order + ("i8" if elf.bits == 64 else "i4"))
    pieces: Any = words.view(np.uint8).reshape(-1, elf.word)
    content[at[:, None] + np.arange(elf.word)] = pieces
    return content.tobytes()
