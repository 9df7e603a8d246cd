"""A debug section's bytes, decompressed piece by piece and never beyond a bound.

Go compresses DWARF with zlib: under the names .zdebug_* up to Go 1.18, with the flag
SHF_COMPRESSED since 1.19. Format: elf(5), Elf64_Chdr; for .zdebug, "ZLIB" and a size of 8 bytes.
"""

import struct
import zlib
from collections.abc import Iterator

from labhelpers.binary.elf import BinaryError, Elf, Section

SHF_COMPRESSED = 0x800
ZLIB = 1
MOST_EXPANSION = 1032
"""Bytes that deflate can make of one (zlib.net/zlib_tech.html): who claims more, lies."""
LARGEST = 1 << 30
PIECE = 1 << 18


def packing(section: Section) -> str:
    """Return how a section is compressed, in ELF's words: "none" where it is not."""
    if section.flags & SHF_COMPRESSED:
        return "SHF_COMPRESSED"
    return ".zdebug" if section.name.startswith(".zdebug_") else "none"


def full_size(elf: Elf, section: Section) -> int:
    """Return how many bytes a section has when it is decompressed, by its own header.

    Raises:
        BinaryError: it is packed in a way that is not read, or claims what cannot be.
    """
    return _frame(elf, section)[1]


def pieces(elf: Elf, section: Section) -> Iterator[bytes]:
    """Yield a section's bytes, decompressed, in pieces of some hundred kilobytes.

    Raises:
        BinaryError: as full_size; or the compressed data are damaged or shorter than they claim.
    """
    header, full = _frame(elf, section)
    start, size = section.offset + header, section.file_size - header
    if not header:
        for at in range(start, start + size, PIECE):
            yield elf.read(at, min(PIECE, start + size - at))
        return
    inflater = zlib.decompressobj()
    left = full
    for at in range(start, start + size, PIECE):
        packed = elf.read(at, min(PIECE, start + size - at))
        while left > 0 and not inflater.eof:
            try:
                piece = inflater.decompress(packed, min(PIECE, left))
            except zlib.error as error:
                raise BinaryError(f"{section.name} cannot be decompressed ({error})") from error
            packed = inflater.unconsumed_tail
            left -= len(piece)
            if piece:
                yield piece
            if not packed and len(piece) < PIECE:
                break
    if left:
        raise BinaryError(f"{section.name} holds {left:,} bytes less than it claims")


def whole(elf: Elf, section: Section, most: int) -> bytes:
    """Return a section's bytes, decompressed.

    Raises:
        BinaryError: as for pieces, or it is larger than `most`.
    """
    if full_size(elf, section) > most:
        raise BinaryError(f"{section.name} is larger than {most:,} bytes, more than is read of it")
    return b"".join(pieces(elf, section))


def _frame(elf: Elf, section: Section) -> tuple[int, int]:
    """Return the size of the header of what is compressed, and of the bytes it stands for."""
    kind = packing(section)
    if kind == "none":
        return 0, section.file_size
    size = 12 if kind == ".zdebug" or elf.bits == 32 else 24
    if section.file_size < size:
        raise BinaryError(f"{section.name} is too short to be compressed")
    header = elf.read(section.offset, size)
    if kind == ".zdebug":
        if header[:4] != b"ZLIB":
            raise BinaryError(f"{section.name} does not begin like compressed data")
        full = int.from_bytes(header[4:], "big")
    else:
        layout = "III" if elf.bits == 32 else "IIQQ"
        words = struct.unpack(elf.order + layout, header)
        if words[0] != ZLIB:
            raise BinaryError(f"{section.name} is compressed by a method that is not read")
        full = words[-2]
    if full > min(LARGEST, MOST_EXPANSION * section.file_size):
        raise BinaryError(f"{section.name} claims {full:,} bytes, which cannot be or is too much")
    return size, full
