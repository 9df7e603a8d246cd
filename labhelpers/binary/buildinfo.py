"""What Go's linker wrote into a program about its build: release, modules, switches.

It is the text that `go version -m` prints. No strip takes it away, since the program itself may ask
for it (runtime/debug.ReadBuildInfo). Format: Go's debug/buildinfo/buildinfo.go, and
runtime/debug/mod.go for the lines. With -trimpath the go command leaves -ldflags out
(cmd/go/internal/load/pkg.go), so a missing line does not mean that a switch was not given.
"""

import ast
import re
from dataclasses import dataclass

from labhelpers.binary.elf import BinaryError, Elf
from labhelpers.table import Table

MAGIC = b"\xff Go buildinf:"
ALIGNMENT = 16
HEADER = 32
INLINE = 0x2
"""Since Go 1.18 the two strings follow the header; before, it held pointers to them."""
BIG_ENDIAN = 0x1
SENTINEL = 16
"""Bytes before and after the module lines (cmd/go/internal/modload/build.go)."""
LONGEST, MOST_LINES = 1 << 20, 1 << 14
"""What is believed: bytes of one string, and lines. The largest programs have some 1,000 lines."""
CHUNK = 1 << 20
ESCAPE = r"\\[abfnrtv\\'\"]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U00[01][0-9a-f]{5}"
QUOTED = re.compile(rf'"(?:[^"\\\n]|{ESCAPE})*"')
"""What Go's strconv.Quote writes."""


@dataclass(frozen=True)
class Module:
    """A module in the program; `sum` is its line of go.sum, `replaced` what stands in for it."""

    path: str
    version: str
    sum: str = ""
    replaced: str = ""


@dataclass(frozen=True)
class BuildInfo:
    """The build in Go's own words. `go` is the release without its prefix: "1.27.3".

    `main` is the main package's module, None where it had none; `modules` are the others.
    `settings` are the `build` lines: switches, CGO_ENABLED, GOARCH, vcs.revision and so on.
    """

    go: str
    path: str
    main: Module | None
    modules: Table[Module]
    settings: dict[str, str]


def read_buildinfo(elf: Elf) -> BuildInfo | None:
    """Return the build information, None where there is none; a note says what is damaged."""
    try:
        offset = _find(elf)
        if offset is None:
            return None
        release, lines = _strings(elf, offset)
    except BinaryError as error:
        elf.notes.append(f"Go's build information is damaged: {error}")
        return None
    if not release:
        elf.notes.append("Go's build information is damaged: it names no release.")
        return None
    return _parse(elf, release, lines)


def _find(elf: Elf) -> int | None:
    """Return the offset of the header: from its own section, else searched for in the segments."""
    section = elf.section(".go.buildinfo")
    if section is not None:
        places = [(section.offset, section.file_size)]
    else:
        loads = [segment for segment in elf.segments if segment.type == "PT_LOAD"]
        # It is among the data; a file without section headers says no more than that.
        loads.sort(key=lambda segment: not segment.flags & 2)
        places = [(segment.offset, segment.file_size) for segment in loads]
    left = elf.size
    for start, size in places:
        end = min(start + size, elf.size, start + left)
        left -= max(end - start, 0)
        # It is aligned in memory, and so in the file, because segments are by whole pages.
        start += -start % ALIGNMENT
        for at in range(start, end, CHUNK):
            piece = elf.read(at, min(CHUNK, end - at))
            found = piece.find(MAGIC)
            while found >= 0 and found % ALIGNMENT:
                found = piece.find(MAGIC, found + 1)
            if found >= 0:
                return at + found
    return None


def _strings(elf: Elf, offset: int) -> tuple[bytes, bytes]:
    """Return the release and the module lines, still in their sentinels."""
    header = elf.read(offset, HEADER)
    word, flags = header[14], header[15]
    if flags & INLINE:
        release, after = _inline(elf, offset + HEADER)
        lines, _ = _inline(elf, after)
        return release, lines
    if word not in (4, 8):
        raise BinaryError(f"its pointers would be {word} bytes long")
    order = ">" if flags & BIG_ENDIAN else "<"
    pointers = [header[16 : 16 + word], header[16 + word : 16 + 2 * word]]
    first, second = (_by_pointer(elf, _number(pointer, order), word, order) for pointer in pointers)
    return first, second


def _inline(elf: Elf, offset: int) -> tuple[bytes, int]:
    """Return a string that its length precedes as a varint, and where it ends."""
    head = elf.read(offset, min(10, max(elf.size - offset, 0)))
    length = shift = 0
    for index, byte in enumerate(head):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return _text(elf, offset + index + 1, length), offset + index + 1 + length
    raise BinaryError("the length of a string in it has no end")


def _by_pointer(elf: Elf, address: int, word: int, order: str) -> bytes:
    """Return a Go string by the address of its header (pointer, length)."""
    if not address:
        return b""
    header = elf.read(_offset(elf, address), 2 * word)
    start, length = _number(header[:word], order), _number(header[word:], order)
    return _text(elf, _offset(elf, start), length) if length else b""


def _offset(elf: Elf, address: int) -> int:
    offset = elf.offset_of(address)
    if offset is None:
        raise BinaryError(f"it points to {address:#x}, which is not in the file")
    return offset


def _number(raw: bytes, order: str) -> int:
    return int.from_bytes(raw, "little" if order == "<" else "big")


def _text(elf: Elf, offset: int, length: int) -> bytes:
    if length > LONGEST:
        raise BinaryError(f"a string in it claims {length:,} bytes")
    return elf.read(offset, length)


def _parse(elf: Elf, release: bytes, framed: bytes) -> BuildInfo:
    lines: list[str] = []
    # As in Go itself: without the newline before the second sentinel there are no modules.
    if len(framed) > 2 * SENTINEL and framed[-SENTINEL - 1 : -SENTINEL] == b"\n":
        lines = framed[SENTINEL:-SENTINEL].decode("utf-8", "replace").split("\n")
    if len(lines) > MOST_LINES:
        elf.notes.append(f"Of Go's build information only {MOST_LINES:,} lines are read.")
    path, main, settings = "", None, dict[str, str]()
    modules: Table[Module] = Table()
    odd = 0
    replaces_main = False
    for line in filter(None, lines[:MOST_LINES]):
        kind, _, rest = line.partition("\t")
        columns = [*rest.split("\t"), "", ""]
        if kind == "path":
            path = rest
        elif kind == "mod":
            main, replaces_main = Module(*columns[:3]), True
        elif kind == "dep":
            modules.append(Module(*columns[:3]))
            replaces_main = False
        elif kind == "=>" and (main if replaces_main else modules):
            stand_in = f"{columns[0]} {columns[1]}".strip()
            if replaces_main and main:
                main = Module(main.path, main.version, main.sum, stand_in)
            else:
                last = modules.pop()
                modules.append(Module(last.path, last.version, last.sum, stand_in))
        elif kind == "build" and (setting := _setting(rest)):
            settings[setting[0]] = setting[1]
        else:
            odd += 1
    if odd:
        elf.notes.append(f"{odd} lines of Go's build information are not understood.")
    go = release.decode("utf-8", "replace").removeprefix("go")
    return BuildInfo(go, path, main, modules, settings)


def _setting(text: str) -> tuple[str, str] | None:
    """Return name and value of NAME=VALUE, each quoted as Go quotes where it holds blanks."""
    if text.startswith('"'):
        quoted = QUOTED.match(text)
        if not quoted or text[quoted.end() : quoted.end() + 1] != "=":
            return None
        return _unquoted(quoted[0]), _unquoted(text[quoted.end() + 1 :])
    name, equals, value = text.partition("=")
    return (name, _unquoted(value)) if equals and name else None


def _unquoted(text: str) -> str:
    """Return what a Go string in double quotes stands for; Python knows the same escapes."""
    if QUOTED.fullmatch(text):
        try:
            value = str(ast.literal_eval(text))
        except (ValueError, SyntaxError):
            return text
        return value.encode("utf-8", "replace").decode()
    raw = re.fullmatch("`([^`]*)`", text)
    return raw[1] if raw else text
