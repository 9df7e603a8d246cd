"""The notes of an ELF file, of which two are ids of the build: Go's and the C linker's.

Go's has four parts that name what went into the build and what came out of it
(cmd/go/internal/work/buildid.go). GNU's is the C linker's hash of its output, or since Go 1.24, for
internal links too, a hash of Go's id (cmd/link/internal/ld/elf.go, addbuildinfo). Format: elf(5).
"""

import struct
from dataclasses import dataclass

from labhelpers.binary.elf import BinaryError, Elf

GO_BUILD_ID = ("Go", 4)
GNU_BUILD_ID = ("GNU", 3)
LARGEST, MOST = 1 << 16, 256
"""Bytes of notes that are read from one place, and notes."""


@dataclass(frozen=True)
class BuildIds:
    """Go's id as text, GNU's as hexadecimal digits; None where there is none."""

    go: str | None
    gnu: str | None


def read_build_ids(elf: Elf) -> BuildIds:
    """Return both ids; a note says what could not be read."""
    notes = read_notes(elf)
    go, gnu = notes.get(GO_BUILD_ID), notes.get(GNU_BUILD_ID)
    return BuildIds(
        go=None if go is None else go.rstrip(b"\0").decode("utf-8", "replace"),
        gnu=None if gnu is None else gnu.hex(),
    )


def read_notes(elf: Elf) -> dict[tuple[str, int], bytes]:
    """Return the content of each note by its name and type, the first one of each."""
    # Neither list is whole: Go's PT_NOTE covers its own id only, and sections may be gone.
    parts = [s for s in elf.sections if s.type == "SHT_NOTE"]
    places = [(part.offset, part.file_size, part.alignment) for part in parts]
    places += [(s.offset, s.file_size, s.alignment) for s in elf.segments if s.type == "PT_NOTE"]
    found: dict[tuple[str, int], bytes] = {}
    for offset, size, alignment in dict.fromkeys(places[:MOST]):
        try:
            raw = elf.read(offset, min(size, LARGEST))
        except BinaryError as error:
            elf.notes.append(f"Notes are not read: {error}")
            continue
        for key, content in _split(raw, elf.order, 8 if alignment == 8 else 4):
            found.setdefault(key, content)
    return found


def _split(raw: bytes, order: str, alignment: int) -> list[tuple[tuple[str, int], bytes]]:
    """Return the notes of one place; what does not fit into it ends them."""
    notes: list[tuple[tuple[str, int], bytes]] = []
    at = 0
    while at + 12 <= len(raw) and len(notes) < MOST:
        name_size, size, kind = struct.unpack_from(f"{order}3I", raw, at)
        content = at + 12 + name_size
        content += -content % alignment
        if content + size > len(raw):
            break
        name = raw[at + 12 : at + 12 + name_size].rstrip(b"\0").decode("utf-8", "replace")
        notes.append(((name, kind), raw[content : content + size]))
        at = content + size
        at += -at % alignment
    return notes
