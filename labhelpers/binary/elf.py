"""An ELF file's headers, checked against the file, and its bytes by offset or by address.

The file is read with pread(2), piece by piece: a file that shrinks while it is read gives an error
(mapped memory would give SIGBUS), and a sparse or huge one costs no more than what is looked at.
Format: elf(5).
"""

import io
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile

from labhelpers.errors import LabError

MAGIC = b"\x7fELF"
LARGEST_TABLE = 1 << 30
"""Bytes that are taken into memory at once: what claims to be larger is refused."""
CHUNK = 1 << 22
LONGEST_NAME = 512
"""Bytes of a section's name; a damaged table of names may have no end."""
LARGEST_ADDRESS = 1 << 62
"""Addresses are below this, in kernels of today by far; sums of two fit into 63 bits."""


class BinaryError(LabError):
    """The file cannot be read as what it claims to be."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section header. Addresses, offsets and sizes in bytes; `size` is what the header says."""

    index: int
    name: str
    type: str
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int

    @property
    def file_size(self) -> int:
        """Bytes in the file: none for SHT_NOBITS, which only claims memory."""
        return 0 if self.type in ("SHT_NOBITS", "SHT_NULL") else self.size

    @property
    def memory_size(self) -> int:
        """Bytes in memory: none unless SHF_ALLOC, and none for a thread's own copy (.tbss)."""
        thread_only = self.flags & 0x400 and self.type == "SHT_NOBITS"
        return self.size if self.flags & 0x2 and not thread_only else 0

    @property
    def executable(self) -> bool:
        """Whether it holds instructions (SHF_EXECINSTR)."""
        return bool(self.flags & 0x4)

    @property
    def writable(self) -> bool:
        """Whether the program may write to it (SHF_WRITE)."""
        return bool(self.flags & 0x1)

    @property
    def compressed(self) -> bool:
        """Whether it is compressed: SHF_COMPRESSED, or the older form named .zdebug_*."""
        return bool(self.flags & 0x800) or self.name.startswith(".zdebug_")


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header. Addresses, offsets and sizes in bytes."""

    type: str
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    alignment: int


@dataclass
class Elf:
    """An open ELF file. Use it in a `with` statement, or call `close`.

    `notes` gather what is missing from a result and why.
    """

    path: Path
    descriptor: int
    size: int
    little_endian: bool
    bits: int
    type: str
    machine: str
    entry: int
    header_size: int
    program_headers: tuple[int, int]
    section_headers: tuple[int, int]
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]
    identity: tuple[int, ...]
    notes: list[str] = field(default_factory=list)

    @property
    def order(self) -> str:
        """Byte order as numpy and struct write it."""
        return "<" if self.little_endian else ">"

    @property
    def word(self) -> int:
        """Bytes of an address."""
        return self.bits // 8

    @cached_property
    def regions(self) -> tuple[Section, ...]:
        """The sections; where there are none, what the segments load, in their place."""
        return self.sections or tuple(_as_sections(self))

    @cached_property
    def by_name(self) -> dict[str, Section]:
        """The first section of each name."""
        return {section.name: section for section in reversed(self.sections)}

    def section(self, *names: str) -> Section | None:
        """Return the first section that has one of these names."""
        return next((self.by_name[name] for name in names if name in self.by_name), None)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the file.

        Raises:
            BinaryError: they lie outside of the file, are too many, or the file has shrunk.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise BinaryError(
                f"{self.path} is truncated or damaged: it has {self.size:,} bytes, and its headers "
                f"speak of bytes {offset:,} to {offset + size:,}. Copy or build it again."
            )
        if size > LARGEST_TABLE:
            raise BinaryError(
                f"{self.path} holds a table of {size:,} bytes; more than {LARGEST_TABLE:,} are not "
                "taken into memory. Is it really a program?"
            )
        pieces = bytearray()
        while len(pieces) < size:
            piece = os.pread(self.descriptor, size - len(pieces), offset + len(pieces))
            if not piece:
                raise self.changed()
            if len(piece) == size:
                return piece
            pieces += piece
        return bytes(pieces)

    def chunks(self, offset: int, size: int) -> Iterator[bytes]:
        """Yield bytes of the file in pieces of at most `CHUNK`."""
        for start in range(offset, offset + size, CHUNK):
            yield self.read(start, min(CHUNK, offset + size - start))

    def content(self, section: Section) -> bytes:
        """Return a section's bytes as they stand in the file."""
        return self.read(section.offset, section.file_size)

    def offset_of(self, address: int) -> int | None:
        """Return where in the file an address is loaded from, None where it is not."""
        for segment in self.segments:
            if segment.type == "PT_LOAD":
                inside = address - segment.address
                if 0 <= inside < segment.file_size:
                    return segment.offset + inside
        return None

    def section_at(self, address: int) -> Section | None:
        """Return the section that an address lies in."""
        for section in self.regions:
            if section.memory_size and 0 <= address - section.address < section.size:
                return section
        return None

    def changed(self) -> BinaryError:
        """Return the error that says that the file was changed."""
        return BinaryError(f"{self.path} changed while it was read: read it again when it is done.")

    def check_unchanged(self) -> None:
        """Raise a BinaryError where the file is no longer what was opened."""
        if _identity(os.fstat(self.descriptor)) != self.identity:
            raise self.changed()

    def close(self) -> None:
        """Close the file; its headers stay."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> "Elf":
        """Return the open file."""
        return self

    def __exit__(
        self,
        kind: object,
        error: object,
        traceback: object,
    ) -> None:
        """Close the file."""
        self.close()


def open_elf(path: str | os.PathLike[str]) -> Elf:
    """Open a file and read its ELF headers.

    Raises:
        BinaryError: it cannot be opened, is no ELF file, or its headers contradict its size.
    """
    path = Path(path)
    try:
        # A named pipe without a writer would block for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BinaryError(f"{path} cannot be opened ({error.strerror}): name a program.") from error
    try:
        return _read_headers(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _read_headers(path: Path, descriptor: int) -> Elf:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise BinaryError(f"{path} is no ordinary file: name a program.")
    start = os.pread(descriptor, 64, 0)
    if start[:4] != MAGIC:
        raise BinaryError(f"{path} is no ELF file ({_kind(start)}): name a Linux program.")
    try:
        stream = io.FileIO(descriptor, closefd=False)
        parser = ELFFile(io.BufferedReader(stream, 1 << 16))
        header = parser.header
        elf = Elf(
            path=path,
            descriptor=descriptor,
            size=status.st_size,
            little_endian=parser.little_endian,
            bits=parser.elfclass,
            type=str(header["e_type"]),
            machine=str(header["e_machine"]),
            entry=header["e_entry"],
            header_size=header["e_ehsize"],
            program_headers=(header["e_phoff"], header["e_phentsize"] * header["e_phnum"]),
            section_headers=(header["e_shoff"], header["e_shentsize"] * header["e_shnum"]),
            sections=(),
            segments=(),
            identity=_identity(status),
        )
        elf.segments = _segments(elf, parser)
        elf.sections = _sections(elf, parser)
    except BinaryError:
        raise
    except (ELFError, ValueError, KeyError, OverflowError, TypeError, OSError) as error:
        raise BinaryError(
            f"{path} is a damaged ELF file ({error or type(error).__name__}): "
            "copy or build it again."
        ) from error
    return elf


def _kind(start: bytes) -> str:
    known = {
        b"": "it is empty",
        b"MZ": "it looks like a Windows program",
        b"\xcf\xfa\xed\xfe": "it looks like a macOS program",
        b"#!": "it is a script",
        b"!<arch>": "it is an archive",
    }
    for magic, words in reversed(known.items()):
        if start.startswith(magic) and (magic or not start):
            return words
    return "its first bytes are others"


def _segments(elf: Elf, parser: ELFFile) -> tuple[Segment, ...]:
    offset, size = elf.program_headers
    each = parser.header["e_phentsize"]
    if not size:
        return ()
    if offset + size > elf.size or each < parser.structs.Elf_Phdr.sizeof():
        elf.notes.append(
            "The program headers lie outside of the file: nothing says what is loaded."
        )
        elf.program_headers = (0, 0)
        return ()
    headers = [
        struct_parse(parser.structs.Elf_Phdr, parser.stream, offset + index * each)
        for index in range(parser.header["e_phnum"])
    ]
    return tuple(
        Segment(
            type=str(h["p_type"]),
            flags=h["p_flags"],
            offset=h["p_offset"],
            address=h["p_vaddr"],
            file_size=h["p_filesz"],
            memory_size=h["p_memsz"],
            alignment=h["p_align"],
        )
        for h in headers
    )


def _sections(elf: Elf, parser: ELFFile) -> tuple[Section, ...]:
    offset, size = elf.section_headers
    each = parser.header["e_shentsize"]
    if not offset or not size:
        elf.section_headers = (0, 0)
        elf.notes.append("There are no section headers: only segments and Go's own tables count.")
        return ()
    if offset + size > elf.size or each < parser.structs.Elf_Shdr.sizeof():
        elf.section_headers = (0, 0)
        elf.notes.append("The section headers lie outside of the file: is it truncated?")
        return ()

    def header(index: int) -> Any:  # noqa: ANN401
        return struct_parse(parser.structs.Elf_Shdr, parser.stream, offset + index * each)

    count = parser.header["e_shnum"]
    index = parser.header["e_shstrndx"]
    names = _section_names(elf, header(index) if index < count else None)
    sections = tuple(
        Section(
            index=index,
            name=_name(names, h["sh_name"]),
            type=str(h["sh_type"]),
            flags=h["sh_flags"],
            address=h["sh_addr"],
            offset=h["sh_offset"],
            size=h["sh_size"],
            link=h["sh_link"],
            info=h["sh_info"],
            alignment=h["sh_addralign"],
            entry_size=h["sh_entsize"],
        )
        for index, h in ((index, header(index)) for index in range(count))
    )
    credible = tuple(map(_credible, sections))
    _note(
        elf, [a for a, b in zip(sections, credible, strict=True) if a != b], "an impossible place."
    )
    cut = [s for s in credible if s.file_size and s.offset + s.file_size > elf.size]
    _note(elf, cut, "bytes that the file does not have: is it truncated?")
    return credible


def _note(elf: Elf, sections: list[Section], claim: str) -> None:
    """Say of some sections what they claim; a damaged file may have thousands of them."""
    if sections:
        more = f" and {len(sections) - 1:,} more claim" if sections[1:] else " claims"
        elf.notes.append(f"Section {sections[0].name}{more} {claim}")


def _credible(section: Section) -> Section:
    """Return a section without what no processor's memory has room for."""
    if max(section.address + section.memory_size, section.size) < LARGEST_ADDRESS:
        return section
    size = section.size if section.size < LARGEST_ADDRESS else 0
    return replace(section, address=0, size=size, flags=section.flags & ~2)


def _as_sections(elf: Elf) -> Iterator[Section]:
    """Yield each loaded segment as a section, without the headers in front, and its zeros."""
    headers = max(elf.header_size, sum(elf.program_headers))
    loaded = [segment for segment in elf.segments if segment.type == "PT_LOAD"]
    index = 0
    for number, segment in enumerate(loaded):
        rights = "".join(
            letter for bit, letter in ((4, "r"), (2, "w"), (1, "x")) if segment.flags & bit
        )
        skip = max(0, headers - segment.offset)
        size = segment.file_size - skip
        for kind, start, length in (
            ("SHT_PROGBITS", skip, size),
            ("SHT_NOBITS", segment.file_size, segment.memory_size - segment.file_size),
        ):
            if length > 0:
                whole = Section(
                    index=index,
                    name=f"segment {number} ({rights})",
                    type=kind,
                    flags=2 | (segment.flags & 1) << 2 | (segment.flags & 2) >> 1,
                    address=segment.address + start,
                    offset=segment.offset + start,
                    size=length,
                    link=0,
                    info=0,
                    alignment=segment.alignment,
                    entry_size=0,
                )
                yield _credible(whole)
                index += 1


def _section_names(elf: Elf, header: Mapping[str, int] | None) -> bytes:
    if header is None:
        elf.notes.append("The sections have no names: the index of their name table is wrong.")
        return b""
    offset, size = header["sh_offset"], header["sh_size"]
    if offset + size > elf.size:
        elf.notes.append("The sections have no names: their name table lies outside of the file.")
        return b""
    return elf.read(offset, size)


def _name(names: bytes, start: int) -> str:
    end = names.find(b"\0", start, start + LONGEST_NAME)
    return names[start : end if end >= 0 else start + LONGEST_NAME].decode("utf-8", "replace")
