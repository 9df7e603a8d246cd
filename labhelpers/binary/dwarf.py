"""Debugging information (DWARF) by compile unit: which unit, in which language, how many bytes.

Go writes one unit a package and names it by the import path; C compilers write one a source file.
Only the head of each unit is looked at, and none of what it describes. Format: DWARF 5, sections
7.5 and 7.6 (dwarfstd.org); versions 2 to 5 are read.

Where a unit's bytes begin in .debug_line, .debug_addr and the lists of ranges its head says. Other
sections are shared out: those that grow with the code like .debug_line, the rest like .debug_info.
And as all is compressed, bytes in the file can only be estimated: a unit gets the part of a
section's file bytes that it has of its full bytes.
"""

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labhelpers.binary.elf import BinaryError, Elf, Section
from labhelpers.binary.inflate import full_size, packing, pieces, whole
from labhelpers.binary.units import GO_LANGUAGE, Head, Tables, read_head
from labhelpers.table import Table

PREFIXES = (".debug_", ".zdebug_")
C_PACKAGE = "(C)"
TYPES_PACKAGE = "(types, for debuggers)"
"""Go's linker gathers the types of all packages in the last of the units named runtime
(cmd/link/internal/ld/dwarf.go, runtimeCU), which else holds some assembly functions."""
RUNTIME = "runtime"
MOST_UNITS = 1 << 14
LONGEST_HEAD = 1 << 12
"""Bytes of a unit that are looked at."""
SMALL = 1 << 24
"""Tables of names and abbreviations may have this size, or the file's own where that is more."""


@dataclass(frozen=True)
class DebugSection:
    """A section of debugging information: bytes in the file, and when it is decompressed."""

    name: str
    format: str
    file_bytes: int
    full_bytes: int


@dataclass(frozen=True)
class Unit:
    """A compile unit. `bytes` are its own of .debug_info, decompressed.

    A package has one unit for its Go files, and one for each of its assembly files.

    `file_bytes` is an estimate of what it takes of all debug sections as they stand in the file.
    """

    name: str
    package: str
    language: str
    producer: str
    version: int
    bytes: int
    file_bytes: int


@dataclass(frozen=True)
class Dwarf:
    """Debugging information. `version` is the one that most of Go's units have, else most units.

    `format` tells how .debug_info is compressed: "SHF_COMPRESSED", ".zdebug" or "none".
    """

    version: int
    compressed: bool
    format: str
    file_bytes: int
    full_bytes: int
    sections: Table[DebugSection]
    units: Table[Unit]


def read_dwarf(elf: Elf) -> Dwarf | None:
    """Return the units, None where there are none to be read; notes say what is missing and why."""
    info = elf.section(".debug_info", ".zdebug_info")
    if info is None or not info.file_size:
        return None
    if elf.type == "ET_REL":
        elf.notes.append("The debugging information of an object file is not linked yet.")
        return None
    heads = _heads(elf, info)
    if not heads:
        elf.notes.append(f"No unit of {info.name} could be read.")
        return None
    sections = Table(_debug_section(elf, section) for section in _debug_sections(elf))
    shares = [0] * len(heads)
    lines = _lines(sections, heads)
    for section in sections:
        _share(section, heads, lines, shares)
    types = _types_unit(heads, lines)
    of_go = [head.version for head in heads if head.language == GO_LANGUAGE]
    return Dwarf(
        version=Counter(of_go or [head.version for head in heads]).most_common(1)[0][0],
        compressed=any(section.format != "none" for section in sections),
        format=packing(info),
        file_bytes=sum(section.file_bytes for section in sections),
        full_bytes=sum(section.full_bytes for section in sections),
        sections=sections,
        units=Table(
            _unit(head, share, index == types)
            for index, (head, share) in enumerate(zip(heads, shares, strict=True))
        ),
    )


def dwarf_by_package(elf: Elf, dwarf: Dwarf, total: int | None = None) -> dict[str, int]:
    """Return estimated file bytes by package, the largest first; what C left is under "(C)".

    They sum exactly to `total`, which is all bytes of the debug sections unless another is given.
    """
    sums: Counter[str] = Counter()
    for unit in dwarf.units:
        sums[unit.package] += unit.file_bytes
    if total is not None and total != dwarf.file_bytes:
        scaled = apportion(total, list(sums.values()))
        sums = Counter(dict(zip(sums, scaled, strict=True)))
    return dict(sums.most_common())


def apportion(total: int, weights: list[int]) -> list[int]:
    """Share out a whole number in proportion, by largest remainders, so that the sum is exact."""
    whole_weight = sum(weights)
    if not whole_weight:
        weights, whole_weight = [1] * len(weights), len(weights)
    parts = [divmod(total * weight, whole_weight) for weight in weights]
    shares = [share for share, _ in parts]
    by_rest = sorted(range(len(parts)), key=lambda index: -parts[index][1])
    for index in by_rest[: total - sum(shares)]:
        shares[index] += 1
    return shares


def _unit(head: Head, share: int, holds_types: bool) -> Unit:
    package = (head.name or "?") if head.language == GO_LANGUAGE else C_PACKAGE
    return Unit(
        name=head.name,
        package=TYPES_PACKAGE if holds_types else package,
        language=head.language,
        producer=head.producer,
        version=head.version,
        bytes=head.bytes,
        file_bytes=share,
    )


def _types_unit(heads: list[Head], lines: dict[int, int]) -> int | None:
    """Return the index of the unit that holds the types of all packages, None where none does."""
    units = [index for index, head in enumerate(heads) if head.name == RUNTIME]
    own = max(units, key=lambda index: lines.get(index, 0), default=None)
    others = [index for index in units if index != own and heads[index].language == GO_LANGUAGE]
    largest = max(others, key=lambda index: heads[index].bytes, default=None)
    # An assembly file alone has more to say about its lines than about its functions.
    if largest is None or heads[largest].bytes <= lines.get(largest, 0):
        return None
    return largest


def _debug_sections(elf: Elf) -> Iterator[Section]:
    return (section for section in elf.sections if section.name.startswith(PREFIXES))


def _debug_section(elf: Elf, section: Section) -> DebugSection:
    try:
        full = full_size(elf, section)
    except BinaryError as error:
        elf.notes.append(f"{error}: its size in the file is taken.")
        full = section.file_size
    return DebugSection(section.name, packing(section), section.file_size, full)


def _heads(elf: Elf, info: Section) -> list[Head]:
    """Return the head of each unit, from one pass over .debug_info."""
    tables = Tables(lambda name: _table(elf, name), elf.order)
    heads: list[Head] = []
    stream = _Stream(pieces(elf, info))
    try:
        while len(start := stream.peek(LONGEST_HEAD)) > 11:
            if len(heads) == MOST_UNITS:
                elf.notes.append(f"Only the first {MOST_UNITS:,} units of {info.name} are read.")
                break
            head = read_head(start, elf.order, tables)
            heads.append(head)
            stream.skip(head.bytes)
    except (BinaryError, struct.error) as error:
        elf.notes.append(f"Units of {info.name} are missing: {str(error).rstrip('.')}.")
    elf.notes += tables.notes
    return heads


def _table(elf: Elf, name: str) -> bytes:
    """Return a table that heads of units refer to, empty where there is none."""
    section = elf.section(f".debug_{name}", f".zdebug_{name}")
    if section is None or not section.file_size:
        return b""
    try:
        return whole(elf, section, max(SMALL, elf.size))
    except BinaryError as error:
        elf.notes.append(f"Names of units are missing: {str(error).rstrip('.')}.")
        return b""


class _Stream:
    """Bytes that can be looked at and skipped, held no longer than needed."""

    def __init__(self, source: Iterator[bytes]) -> None:
        """Take the pieces that the stream consists of."""
        self.source = source
        self.held = b""
        self.at = 0

    def peek(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        while len(self.held) - self.at < size:
            piece = next(self.source, None)
            if piece is None:
                break
            self.held = self.held[self.at :] + piece
            self.at = 0
        return self.held[self.at : self.at + size]

    def skip(self, size: int) -> None:
        """Pass over bytes."""
        while len(self.held) - self.at < size:
            size -= len(self.held) - self.at
            self.at = 0
            self.held = next(self.source, b"")
            if not self.held:
                raise BinaryError("the last unit claims more bytes than there are")
        self.at += size


def _kind(name: str) -> str:
    return name.partition("_")[2]


SINCE_5 = {"loclists", "rnglists", "addr", "str_offsets", "line_str", "names"}
UP_TO_4 = {"loc", "ranges", "types", "pubnames", "pubtypes"}
NEVER_BY_GO = {"str", "line_str", "aranges", "str_offsets", "macro", "macinfo", "names"}
NEVER_BY_GO |= {"types", "pubnames", "pubtypes"}
"""Sections that Go does not write: Go's units hold their strings themselves."""
LIKE_CODE = {"frame", "loc", "loclists", "aranges"}


def _lines(sections: Table[DebugSection], heads: list[Head]) -> dict[int, int]:
    """Return each unit's bytes of .debug_line, by its index."""
    full = next((section.full_bytes for section in sections if _kind(section.name) == "line"), 0)
    starts = {
        index: head.starts["line"] for index, head in enumerate(heads) if "line" in head.starts
    }
    return _between(starts, full) if full else {}


def _share(
    section: DebugSection, heads: list[Head], lines: dict[int, int], shares: list[int]
) -> None:
    """Add to each unit's share what it has of one section."""
    kind = _kind(section.name)
    users: Sequence[int] = range(len(heads))
    starts: dict[int, int] = {}
    if kind != "info":
        fitting = [
            index
            for index, head in enumerate(heads)
            if not (kind in SINCE_5 and head.version < 5)
            and not (kind in UP_TO_4 and head.version > 4)
            and not (kind in NEVER_BY_GO and head.language == GO_LANGUAGE)
        ]
        users = fitting or users
        starts = {
            index: heads[index].starts[kind] for index in users if kind in heads[index].starts
        }
    if starts:
        weights = _between(starts, section.full_bytes)
    elif kind in LIKE_CODE and any(lines.get(index) for index in users):
        weights = {index: lines.get(index, 0) for index in users}
    else:
        weights = {index: heads[index].bytes for index in users}
    parts = apportion(section.file_bytes, list(weights.values()))
    for index, part in zip(weights, parts, strict=True):
        shares[index] += part


def _between(starts: dict[int, int], end: int) -> dict[int, int]:
    """Return each unit's bytes: up to where the next one begins, shared where they begin alike.

    What precedes the first one is a header, and counts to it.
    """
    order = sorted({start for start in starts.values() if 0 <= start < end})
    if not order:
        return dict.fromkeys(starts, 1)
    bounds = [0, *order[1:], end]
    sizes = {start: bounds[i + 1] - bounds[i] for i, start in enumerate(order)}
    users = Counter(starts.values())
    return {index: sizes.get(start, 0) // users[start] for index, start in starts.items()}
