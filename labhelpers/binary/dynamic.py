"""What a file asks of the loader: the loader itself, libraries, relocations.

All of it is found through the program headers, as the kernel and the loader find it; section
headers are asked for relocations only, since a static program's own have no other list. Format:
elf(5); names of relocations from pyelftools, numbers from the processors' ABI supplements.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from labhelpers.binary.elf import BinaryError, Elf

NEEDED, PLTRELSZ, HASH, STRTAB, RELA, RELASZ, SONAME = 1, 2, 4, 5, 7, 8, 14
REL, RELSZ, PLTREL, JMPREL, RELRSZ, RELR = 17, 18, 20, 23, 35, 36
INIT, FINI, INIT_ARRAY, FINI_ARRAY, GNU_HASH, FLAGS_1 = 12, 13, 25, 26, 0x6FFFFEF5, 0x6FFFFFFB
"""Tags of dynamic entries (DT_*)."""
PIE_FLAG = 0x08000000
"""DF_1_PIE: this shared object is a program."""
MOST_ENTRIES, LONGEST_NAME = 1 << 13, 1 << 12


@dataclass(frozen=True)
class Dynamic:
    """What the dynamic loader reads first. `interp` is the loader's own path."""

    interp: str | None
    present: bool
    needed: tuple[str, ...]
    soname: str | None
    tags: dict[int, int] = field(repr=False)

    @property
    def marked_pie(self) -> bool:
        """Whether the linker marked it as a program, not a library."""
        return bool(self.tags.get(FLAGS_1, 0) & PIE_FLAG)


def read_dynamic(elf: Elf) -> Dynamic:
    """Return the loader and the dynamic entries; notes say what could not be read."""
    interp = None
    tags: dict[int, int] = {}
    names: list[tuple[int, int]] = []
    present = False
    for segment in elf.segments:
        try:
            if segment.type == "PT_INTERP" and interp is None:
                raw = elf.read(segment.offset, min(segment.file_size, LONGEST_NAME))
                interp = raw.partition(b"\0")[0].decode("utf-8", "replace")
            elif segment.type == "PT_DYNAMIC" and not present:
                present = True
                for tag, value in _entries(elf, segment.offset, segment.file_size):
                    tags.setdefault(tag, value)
                    if tag in (NEEDED, SONAME):
                        names.append((tag, value))
        except BinaryError as error:
            elf.notes.append(f"{segment.type} is not read: {error}")
    texts = [(tag, _name(elf, tags, value)) for tag, value in names]
    return Dynamic(
        interp=interp,
        present=present,
        needed=tuple(text for tag, text in texts if tag == NEEDED),
        soname=next((text for tag, text in texts if tag == SONAME), None),
        tags=tags,
    )


def _entries(elf: Elf, offset: int, size: int) -> list[tuple[int, int]]:
    """Return tag and value of each entry up to the one that ends them."""
    pair = 2 * elf.word
    raw = elf.read(offset, min(size - size % pair, MOST_ENTRIES * pair))
    words = np.frombuffer(raw, f"{elf.order}u{elf.word}").reshape(-1, 2).tolist()
    end = next((index for index, (tag, _) in enumerate(words) if not tag), len(words))
    return [(int(tag), int(value)) for tag, value in words[:end]]


def _name(elf: Elf, tags: dict[int, int], start: int) -> str:
    offset = elf.offset_of(tags[STRTAB] + start) if STRTAB in tags else None
    if offset is None:
        elf.notes.append("A library's name lies outside of the file.")
        return "?"
    raw = elf.read(offset, min(LONGEST_NAME, elf.size - offset))
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def count_relocations(elf: Elf, dynamic: Dynamic) -> dict[str, int]:
    """Return how many relocations of each kind are done when the program starts, most first."""
    found: Counter[int] = Counter()
    packed = 0
    for kind, offset, size in relocation_tables(elf, dynamic):
        try:
            if kind == "SHT_RELR":
                packed += _count_packed(elf, offset, size)
            else:
                found.update(_kinds(elf, offset, size, has_addend=kind == "SHT_RELA"))
        except BinaryError as error:
            elf.notes.append(f"Relocations are not read: {error}")
    names = _relocation_names(elf.machine)
    counts = Counter({names.get(kind, f"kind {kind}"): count for kind, count in found.items()})
    if packed:
        counts["RELATIVE, packed"] = packed
    return dict(counts.most_common())


def relocation_tables(elf: Elf, dynamic: Dynamic) -> list[tuple[str, int, int]]:
    """Return type, offset and size of each table of relocations that are in memory."""
    kinds = {"SHT_RELA", "SHT_REL", "SHT_RELR"}
    if elf.sections:
        own = [s for s in elf.sections if s.type in kinds and s.flags & 2]
        return _within(elf, [(s.type, s.offset, s.size) for s in own])
    tables = []
    tags = dynamic.tags
    plt = "SHT_REL" if tags.get(PLTREL) == REL else "SHT_RELA"
    by_tag = [("SHT_RELA", RELA, RELASZ), ("SHT_REL", REL, RELSZ), ("SHT_RELR", RELR, RELRSZ)]
    for kind, address, size in [*by_tag, (plt, JMPREL, PLTRELSZ)]:
        offset = elf.offset_of(tags.get(address, -1))
        if offset is not None:
            tables.append((kind, offset, tags.get(size, 0)))
    return _within(elf, tables)


def _within(elf: Elf, tables: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Return the tables up to where they claim more than the file's size together."""
    kept, left = [], elf.size
    for table in dict.fromkeys(tables):
        left -= table[2]
        if left < 0:
            elf.notes.append("The tables of relocations claim more bytes than the file has.")
            break
        kept.append(table)
    return kept


def _kinds(elf: Elf, offset: int, size: int, has_addend: bool) -> Counter[int]:
    entry = elf.word * (3 if has_addend else 2)
    found: Counter[int] = Counter()
    step = entry << 16
    for start in range(0, size - size % entry, step):
        raw = elf.read(offset + start, min(step, size - size % entry - start))
        info = np.frombuffer(raw, f"{elf.order}u{elf.word}").reshape(-1, entry // elf.word)[:, 1]
        kinds, counts = np.unique(
            info & (0xFFFFFFFF if elf.bits == 64 else 0xFF), return_counts=True
        )
        found.update(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))
    return found


def _count_packed(elf: Elf, offset: int, size: int) -> int:
    """Count the relocations of a table whose words are addresses or bitmaps of what follows."""
    total = 0
    step = elf.word << 16
    for start in range(0, size - size % elf.word, step):
        raw = elf.read(offset + start, min(step, size - size % elf.word - start))
        words = np.frombuffer(raw, f"{elf.order}u{elf.word}")
        bits = np.bitwise_count(words).astype(np.int64)
        total += int(np.where(words & 1, bits - 1, 1).sum())
    return total


@cache
def _relocation_names(machine: str) -> dict[int, str]:
    from elftools.elf import enums

    tables = {
        "EM_X86_64": "x64",
        "EM_386": "i386",
        "EM_AARCH64": "AARCH64",
        "EM_ARM": "ARM",
        "EM_S390": "S390X",
        "EM_PPC64": "PPC64",
        "EM_LOONGARCH": "LOONGARCH",
    }
    names = getattr(enums, f"ENUM_RELOC_TYPE_{tables.get(machine)}", {})
    return {number: name for name, number in names.items() if isinstance(number, int)}
