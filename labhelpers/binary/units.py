"""The head of a DWARF compile unit: its header, and the attributes of its first entry.

Read by hand, since a whole DWARF reader has no bounds on time and memory for a damaged file: at
most `MOST_ATTRIBUTES` are read of a unit, and `MOST_WORK` bytes of abbreviations in all. Numbers:
DWARF 5, sections 7.5.4 (attributes), 7.5.6 (forms) and 7.12 (languages).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from labhelpers.binary.elf import BinaryError

GO_LANGUAGE = "Go"
NAME, STMT_LIST, LANGUAGE, PRODUCER, RANGES = 0x03, 0x10, 0x13, 0x25, 0x55
STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE, LOCLISTS_BASE = 0x72, 0x73, 0x74, 0x8C
"""Attributes (DW_AT_*)."""

FIXED = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, 0x19: 0, 0x11: 1, 0x12: 2}
FIXED |= {0x13: 4, 0x14: 8, 0x20: 8, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x1C: 4, 0x24: 8}
FIXED |= {0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4}
"""Forms (DW_FORM_*) of so many bytes: data, flag, ref, strx1 to strx4, addrx1 to addrx4."""
OFFSETS = {0x0E, 0x10, 0x17, 0x1D, 0x1F, 0x1F20, 0x1F21}
"""strp, ref_addr, sec_offset, strp_sup, line_strp and GNU's: an offset into another section."""
VARIABLE = {0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02}
"""udata, ref_udata, strx, addrx, loclistx, rnglistx and GNU's indices: a number of any length."""
BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4}
ADDRESS, STRING, BLOCK, EXPRLOC, SDATA = 0x01, 0x08, 0x09, 0x18, 0x0D
INDIRECT, CONSTANT = 0x16, 0x21
STRP, LINE_STRP, SEC_OFFSET = 0x0E, 0x1F, 0x17
INDEXED = {0x1A, 0x25, 0x26, 0x27, 0x28}
"""strx and its kinds: an index into .debug_str_offsets."""

MOST_ATTRIBUTES, MOST_WORK, LONGEST = 40, 1 << 22, 1 << 12
EXTRA_HEADER = {2: 8 + 8, 6: 8 + 8, 4: 8, 5: 8}
"""Bytes that headers have beyond the plain one: type units and split units (DW_UT_*)."""


@dataclass(frozen=True)
class Head:
    """What a unit says of itself. `bytes` are all of the unit, its header included.

    `starts` tells where in other sections its bytes begin, by the name without .debug_.
    """

    bytes: int
    version: int
    name: str = ""
    language: str = ""
    producer: str = ""
    starts: dict[str, int] = field(default_factory=dict)


Declaration = list[tuple[int, int, int]]
"""Attribute, form, and the constant that stands in the declaration itself."""


@dataclass
class Tables:
    """The tables that units share. `read` returns one by its name without .debug_, decompressed."""

    read: Callable[[str], bytes]
    order: str
    work: int = 0
    notes: list[str] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    declarations: dict[tuple[int, int], Declaration | None] = field(default_factory=dict)

    def table(self, name: str) -> bytes:
        """Return a table, read once."""
        if name not in self.kept:
            self.kept[name] = self.read(name)
        return self.kept[name]

    def text(self, name: str, start: int) -> str:
        """Return the string at an offset of a table of strings."""
        return _text(self.table(name), start)[0]

    def declaration(self, offset: int, code: int) -> Declaration | None:
        """Return the attributes that entries of this code have, None where it is not declared."""
        key = (offset, code)
        if key not in self.declarations:
            self.declarations[key] = self._declaration(offset, code)
        return self.declarations[key]

    def _declaration(self, offset: int, code: int) -> Declaration | None:
        raw, at = self.table("abbrev"), offset
        while 0 <= at < len(raw) and self.work < MOST_WORK:
            begin = at
            try:
                found, attributes, at = self._next(raw, at)
            except BinaryError:
                at = len(raw)
                return None
            finally:
                self.work += max(at - begin, 1)
            if not found:
                return None
            if found == code:
                return attributes
        if self.work >= MOST_WORK and not self.notes:
            self.notes.append("Names of units are missing: their abbreviations are too many.")
        return None

    def _next(self, raw: bytes, at: int) -> tuple[int, Declaration, int]:
        """Return code and attributes of the declaration that begins here, and where it ends."""
        found, at = uleb(raw, at)
        if not found:
            return 0, [], at
        _, at = uleb(raw, at)
        at += 1
        attributes: Declaration = []
        while len(attributes) < MOST_ATTRIBUTES:
            attribute, at = uleb(raw, at)
            form, at = uleb(raw, at)
            constant, at = sleb(raw, at) if form == CONSTANT else (0, at)
            if not attribute and not form:
                return found, attributes, at
            attributes.append((attribute, form, constant))
        raise BinaryError("an entry has too many attributes")


def read_head(raw: bytes, order: str, tables: Tables) -> Head:
    """Return the head of the unit that begins here; `raw` may end before the unit does.

    Raises:
        BinaryError: it is no unit, or of a version that is not known.
        struct.error: there are too few bytes for a header.
    """
    (length,) = struct.unpack_from(f"{order}I", raw)
    at, word = 4, 4
    if length == 0xFFFFFFFF:
        (length,) = struct.unpack_from(f"{order}Q", raw, 4)
        at, word = 12, 8
    size = at + length
    (version,) = struct.unpack_from(f"{order}H", raw, at)
    if not 2 <= version <= 5 or length < 7:
        raise BinaryError(f"a unit of DWARF version {version} and {size:,} bytes is not known")
    kind, pointer = 1, f"{order}{'Q' if word == 8 else 'I'}"
    if version == 5:
        kind, address = raw[at + 2], raw[at + 3]
        (abbreviations,) = struct.unpack_from(pointer, raw, at + 4)
        at += 4 + word + EXTRA_HEADER.get(kind, 0)
    else:
        (abbreviations,) = struct.unpack_from(pointer, raw, at + 2)
        address = raw[at + 2 + word]
        at += 3 + word
    found = _attributes(raw[:size], at, abbreviations, Widths(word, address, order), tables)
    return _head(size, version, word, found, tables)


@dataclass(frozen=True)
class Widths:
    """Bytes of an offset and of an address, and the byte order."""

    word: int
    address: int
    order: str


def _attributes(
    raw: bytes, at: int, abbreviations: int, widths: Widths, tables: Tables
) -> dict[int, tuple[int, int | str]]:
    """Return form and value of each attribute of the first entry, as far as they can be read."""
    found: dict[int, tuple[int, int | str]] = {}
    try:
        code, at = uleb(raw, at)
        for attribute, form, constant in tables.declaration(abbreviations, code) or []:
            value, at = (constant, at) if form == CONSTANT else _value(raw, at, form, widths)
            found[attribute] = (form, value)
    except BinaryError:
        pass  # an unknown form, or more bytes than are looked at: what was found is kept
    return found


def _head(
    size: int,
    version: int,
    word: int,
    found: dict[int, tuple[int, int | str]],
    tables: Tables,
) -> Head:
    def number(attribute: int) -> int | None:
        value = found.get(attribute, (0, None))[1]
        return value if isinstance(value, int) else None

    def text(attribute: int) -> str:
        form, value = found.get(attribute, (0, ""))
        if isinstance(value, str):
            return value
        if form == STRP:
            return tables.text("str", value)
        if form == LINE_STRP:
            return tables.text("line_str", value)
        if form in INDEXED:
            at = (number(STR_OFFSETS_BASE) or 2 * word) + word * value
            entry = tables.table("str_offsets")[at : at + word]
            return tables.text("str", int.from_bytes(entry, _endian(tables.order)))
        return ""

    ranges = number(RANGES) if found.get(RANGES, (0, 0))[0] in (SEC_OFFSET, 0x06, 0x07) else None
    starts = {
        "line": number(STMT_LIST),
        "ranges" if version < 5 else "rnglists": ranges,
        "addr": _before(number(ADDR_BASE), 2 * word),
        "str_offsets": _before(number(STR_OFFSETS_BASE), 2 * word),
        "loclists": _before(number(LOCLISTS_BASE), 3 * word),
    }
    if (base := _before(number(RNGLISTS_BASE), 3 * word)) is not None:
        starts["rnglists"] = base
    return Head(
        bytes=size,
        version=version,
        name=text(NAME),
        language=_language(number(LANGUAGE)),
        producer=text(PRODUCER),
        starts={kind: start for kind, start in starts.items() if start is not None},
    )


def _before(base: int | None, header: int) -> int | None:
    return None if base is None else max(base - header, 0)


def _language(number: int | None) -> str:
    return "" if number is None else _languages().get(number, f"{number:#x}")


@cache
def _languages() -> dict[int, str]:
    from elftools.dwarf import constants

    prefix = "DW_LANG_"
    names = {name: value for name, value in vars(constants).items() if name.startswith(prefix)}
    return {value: name.removeprefix(prefix) for name, value in names.items()}


def _value(raw: bytes, at: int, form: int, widths: Widths) -> tuple[int | str, int]:
    """Return an attribute's value and where it ends."""
    endian = _endian(widths.order)
    if form == INDIRECT:
        form, at = uleb(raw, at)
    if form == STRING:
        return _text(raw, at)
    if form in VARIABLE:
        return uleb(raw, at)
    if form == SDATA:
        return sleb(raw, at)
    if form in (BLOCK, EXPRLOC):
        size, at = uleb(raw, at)
        return 0, _within(raw, at + size)
    if form in BLOCKS:
        width = BLOCKS[form]
        return 0, _within(raw, at + width + int.from_bytes(raw[at : at + width], endian))
    if form == ADDRESS:
        size = widths.address
    elif form in OFFSETS:
        size = widths.word
    elif form in FIXED:
        size = FIXED[form]
    else:
        raise BinaryError(f"the form {form:#x} is not known")
    end = _within(raw, at + size)
    return int.from_bytes(raw[at:end], endian) if size else 1, end


def _endian(order: str) -> Literal["little", "big"]:
    return "little" if order == "<" else "big"


def _within(raw: bytes, end: int) -> int:
    if end > len(raw):
        raise BinaryError("an attribute goes beyond what is looked at")
    return end


def _text(raw: bytes, start: int) -> tuple[str, int]:
    """Return the string that begins here, cut where it is too long, and where it ends."""
    end = raw.find(b"\0", start, start + LONGEST)
    end = end if end >= 0 else min(start + LONGEST, len(raw))
    return raw[start:end].decode("utf-8", "replace"), end + 1


def uleb(raw: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and where it ends."""
    value = shift = 0
    for index in range(at, min(at + 10, len(raw))):
        value |= (raw[index] & 0x7F) << shift
        shift += 7
        if raw[index] < 0x80:
            return value, index + 1
    raise BinaryError("a number has no end")


def sleb(raw: bytes, at: int) -> tuple[int, int]:
    """Return a signed LEB128 number and where it ends."""
    value, end = uleb(raw, at)
    bits = 7 * (end - at)
    return (value - (1 << bits) if value >> (bits - 1) & 1 else value), end
