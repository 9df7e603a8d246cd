"""How a file was linked: static or dynamic, PIE or not, by Go's linker or by a C linker.

Whether a program is static needs two answers: does it name a loader (PT_INTERP), and does it need
libraries (DT_NEEDED)? A PIE by Go's linker says yes to the first and no to the second. And who
linked is another question than whether there is C inside: Go's linker takes in the C of the
standard library by itself (cmd/link/internal/ld/config.go and lib.go, "loadcgodirectives",
"hostobjs"), and only a C linker adds the C library's own start-up code.
"""

from dataclasses import dataclass

from labhelpers.binary import dynamic as tags
from labhelpers.binary.buildinfo import BuildInfo
from labhelpers.binary.dynamic import Dynamic, count_relocations, read_dynamic
from labhelpers.binary.elf import BinaryError, Elf, Section
from labhelpers.binary.evidence import Evidence
from labhelpers.binary.notes import GO_BUILD_ID, read_notes
from labhelpers.binary.stripping import GO, NOT_GO, UNKNOWN, C, Stripping, read_stripping
from labhelpers.binary.symbols import Symbols, read_symbols
from labhelpers.table import Table

C_SECTIONS = (
    *(".init", ".fini", ".init_array", ".fini_array", ".eh_frame", ".eh_frame_hdr", ".gnu.hash"),
    *(".comment", ".rela.dyn", ".rel.dyn", ".relr.dyn", ".relro_padding", ".note.ABI-tag"),
)
"""Sections that C linkers write or take over from crt1.o and that Go's linker never writes."""
C_SEGMENTS = ("PT_GNU_EH_FRAME", "PT_GNU_PROPERTY")
C_TAGS = {
    tags.GNU_HASH: "DT_GNU_HASH",
    tags.INIT: "DT_INIT",
    tags.FINI: "DT_FINI",
    tags.INIT_ARRAY: "DT_INIT_ARRAY",
    tags.FINI_ARRAY: "DT_FINI_ARRAY",
}
TABLES = (".gopclntab", ".data.rel.ro.gopclntab")
CGO_SYMBOLS = ("x_cgo_init", "crosscall2")
"""What runtime/cgo brings, in C and in assembly; variables like _cgo_init are in every program."""
LIBC_SYMBOLS = {
    "__libc_start_call_main": "glibc",
    "_IO_stdfile_0_lock": "glibc",
    "__init_libc": "musl",
    "__libc_start_main": "a C library",
}
LIBC_SECTIONS = ("__libc_freeres_fn", "__libc_IO_vtables", "__libc_atexit")


@dataclass(frozen=True)
class Linking:
    """How a file was linked.

    `verdict`: "static Go", "static with libc", "static", "dynamic", "PIE without libraries",
    "dynamic PIE", "static PIE", "shared object", "object file", "core dump" or "unknown".
    `mode`: who linked, "internal" (Go's linker), "external" (a C linker), "unknown", or "not Go".
    `stripped` and `sentences`: what the file lacks and how that is known (stripping.py).
    `interp` is the loader's path, `needed` the libraries by name.
    """

    verdict: str
    mode: str
    stripped: str
    interp: str | None
    needed: tuple[str, ...]
    sentences: tuple[str, ...]
    evidence: Table[Evidence]


def read_linking(elf: Elf, buildinfo: BuildInfo | None, symbols: Symbols | None) -> Linking:
    """Return how a file was linked; `symbols` is its .symtab, None where it has none."""
    dynamic = read_dynamic(elf)
    mode, who = _mode(elf, buildinfo, dynamic)
    relocations = count_relocations(elf, dynamic)
    libc = _libc(elf, symbols, dynamic, relocations)
    verdict = _verdict(elf, dynamic, mode, libc)
    stripping = read_stripping(elf, mode, symbols)
    rows = [
        _file_type(elf),
        *_loader_and_libraries(dynamic),
        *_relocation_rows(relocations),
        *who,
        *([] if mode == NOT_GO else [_c_inside(elf, symbols)]),
        Evidence("C library", libc or "none found", _libc_meaning(libc, dynamic)),
        *_switches(buildinfo),
        *stripping.evidence,
    ]
    return Linking(
        verdict=verdict,
        mode=mode,
        stripped=stripping.word,
        interp=dynamic.interp,
        needed=dynamic.needed,
        sentences=(VERDICTS[verdict], MODES[mode], *_said(stripping, buildinfo)),
        evidence=Table(rows),
    )


VERDICTS = {
    "static Go": "It is static, with no C library inside: it runs wherever there is a kernel.",
    "static with libc": "It is static and holds a C library: it needs no loader and no other file "
    "to start.",
    "static": "It is static: it needs no loader and no library.",
    "dynamic": "It is dynamic: it starts only where its loader and its libraries are.",
    "PIE without libraries": "It is position-independent and needs a loader, though no library: "
    "where the loader's file is missing it does not start.",
    "dynamic PIE": "It is position-independent and dynamic: it starts only where its loader and "
    "its libraries are.",
    "static PIE": "It is position-independent and relocates itself: it needs no loader and no "
    "library.",
    "shared object": "It is a library, to be loaded by a program.",
    "object file": "It is an object file that is not linked yet.",
    "core dump": "It is the memory of a program that was ended, not a program.",
    "unknown": "Its program headers cannot be read, so nothing says how it is loaded.",
}
MODES = {
    GO: "Go's own linker wrote it (internal linking).",
    C: "A C linker wrote it, called by Go's (external linking).",
    UNKNOWN: "It is Go, but whether Go's linker or a C linker wrote it cannot be told.",
    NOT_GO: "Nothing of Go's was found in it.",
}


def _verdict(elf: Elf, dynamic: Dynamic, mode: str, libc: str) -> str:
    if elf.type in ("ET_REL", "ET_CORE"):
        return {"ET_REL": "object file", "ET_CORE": "core dump"}[elf.type]
    if not elf.segments or elf.type not in ("ET_EXEC", "ET_DYN"):
        return "unknown"
    if elf.type == "ET_DYN":
        # Some libraries can be run, and so name a loader: libc.so.6 itself, for one.
        if dynamic.soname and not dynamic.marked_pie:
            return "shared object"
        if dynamic.interp:
            return "dynamic PIE" if dynamic.needed else "PIE without libraries"
        return "static PIE" if dynamic.marked_pie or not dynamic.present else "shared object"
    if dynamic.interp or dynamic.needed:
        return "dynamic"
    if mode == GO and not libc:
        return "static Go"
    # Go hands over to a C linker only together with runtime/cgo, which needs a C library.
    return "static with libc" if libc or mode == C else "static"


def _mode(elf: Elf, buildinfo: BuildInfo | None, dynamic: Dynamic) -> tuple[str, list[Evidence]]:
    """Return who linked, with what shows it."""
    is_go = (
        buildinfo is not None
        or elf.section(*TABLES, ".go.buildinfo", ".note.go.buildid") is not None
        or GO_BUILD_ID in read_notes(elf)
    )
    traces = [name for name in C_SECTIONS if elf.section(name)]
    traces += [kind for kind in C_SEGMENTS if any(s.type == kind for s in elf.segments)]
    traces += [name for tag, name in C_TAGS.items() if tag in dynamic.tags]
    first = next((s for s in elf.segments if s.type == "PT_LOAD" and s.offset == 0), None)
    with_code = first is not None and bool(first.flags & 1)
    rows = []
    if traces:
        meaning = "Only a C linker writes these."
        rows.append(Evidence("traces of a C linker", ", ".join(traces), meaning))
    elif is_go:
        rows.append(
            Evidence("traces of a C linker", "none", "A C linker would have left start-up code.")
        )
    if first:
        rows.append(
            Evidence(
                "file's headers in memory",
                "beside the code" if with_code else "apart from the code",
                "As Go's linker lays a file out, and old C linkers."
                if with_code
                else "As C linkers lay a file out.",
            )
        )
    if not is_go:
        return NOT_GO, rows
    if traces:
        return C, rows
    if first is None:
        return UNKNOWN, rows
    return (GO if with_code else C), rows


def _libc(elf: Elf, symbols: Symbols | None, dynamic: Dynamic, relocations: dict[str, int]) -> str:
    """Return which C library a file needs or holds, as far as it shows; "" for none found."""
    names = " ".join((dynamic.interp or "", *dynamic.needed))
    if dynamic.needed:
        if "musl" in names or "libc.so" in dynamic.needed:
            return "musl"
        return "glibc" if "libc.so.6" in dynamic.needed else ""
    if dynamic.interp:
        return ""
    if symbols:
        found = [libc for name, libc in LIBC_SYMBOLS.items() if symbols.has(name)]
        if found:
            return found[0]
    if any(elf.section(name) for name in LIBC_SECTIONS):
        return "glibc"
    # Only glibc picks its functions by the processor when a static program starts.
    return "glibc" if any("IRELATIV" in kind for kind in relocations) else ""


def _libc_meaning(libc: str, dynamic: Dynamic) -> str:
    if libc:
        return "It is needed as a library." if dynamic.needed else "It is part of the file."
    return "Its functions are neither asked for nor part of the file, as far as can be seen."


def _c_inside(elf: Elf, symbols: Symbols | None) -> Evidence:
    """Say whether runtime/cgo is inside: by the symbol table, else by Go's table of functions."""
    if symbols:
        found = next((name for name in CGO_SYMBOLS if symbols.has(name)), None)
    else:
        table = elf.section(*TABLES)
        exported = read_symbols(elf, ".dynsym")
        by_table = table is not None and _holds(elf, table, b"\0crosscall2\0")
        by_loader = exported is not None and any(exported.has(name) for name in CGO_SYMBOLS)
        if table is None and not by_loader:
            return Evidence("C inside", "unknown", "No table of functions was found to look in.")
        found = "crosscall2" if by_table or by_loader else None
    if found:
        meaning = "Go calls C through these functions of runtime/cgo."
        return Evidence("C inside", f"yes ({found})", meaning)
    return Evidence("C inside", "no", "Nothing of runtime/cgo, through which Go calls C.")


def _holds(elf: Elf, section: Section, wanted: bytes) -> bool:
    """Say whether a section holds these bytes, reading it piece by piece."""
    tail = b""
    try:
        for piece in elf.chunks(section.offset, section.file_size):
            if wanted in tail + piece[: len(wanted)] or wanted in piece:
                return True
            tail = piece[-len(wanted) :]
    except BinaryError as error:
        elf.notes.append(f"{section.name} is not read: {error}")
    return False


FILE_TYPES = {
    "ET_EXEC": "It is loaded at the addresses that it was linked for.",
    "ET_DYN": "It can be loaded at any address: a library or a PIE.",
    "ET_REL": "It has no addresses yet: a linker's input.",
    "ET_CORE": "It is a picture of memory.",
}


def _file_type(elf: Elf) -> Evidence:
    meaning = FILE_TYPES.get(elf.type, "It is of no type that can be run.")
    return Evidence("type of file", elf.type, meaning)


def _loader_and_libraries(dynamic: Dynamic) -> list[Evidence]:
    return [
        Evidence(
            "loader (PT_INTERP)",
            dynamic.interp or "none",
            "The kernel starts this program instead, which then loads the file's libraries."
            if dynamic.interp
            else "The kernel jumps straight to the program's own first instruction.",
        ),
        Evidence(
            "libraries (DT_NEEDED)",
            ", ".join(dynamic.needed) or "none",
            "The loader must find each of them." if dynamic.needed else "No other file is loaded.",
        ),
    ]


RELOCATIONS = {
    "RELATIVE": "an address in the file that the load address is added to",
    "GLOB_DAT": "an address of a library's variable or function",
    "JUMP_SLOT": "a function of a library, looked up at its first call",
    "JMP_SLOT": "a function of a library, looked up at its first call",
    "COPY": "a library's variable that is copied into the program",
    "IRELATIV": "a function picked by the processor's features",
    "TPOFF": "a variable that each thread has of its own",
    "DTPMOD": "a variable that each thread has of its own",
    "_64": "an address of a library's variable or function",
}


def _relocation_rows(relocations: dict[str, int]) -> list[Evidence]:
    if not relocations:
        return [Evidence("relocations", "none", "Nothing is to be filled in when it starts.")]
    return [
        Evidence(
            f"relocations {kind}",
            f"{count:,}",
            f"Done when it starts, for each: {_relocation(kind)}.",
        )
        for kind, count in relocations.items()
    ]


def _relocation(kind: str) -> str:
    # R_X86_64_64 ends in the architecture's own name plus the width, and so "_64" comes last.
    ordered = sorted(RELOCATIONS, key=lambda part: part == "_64")
    # IRELATIVE contains RELATIVE; the longer name must win.
    ordered.sort(key=lambda part: part != "IRELATIV")
    return next((RELOCATIONS[part] for part in ordered if part in kind), "of a rarer kind")


def _switches(buildinfo: BuildInfo | None) -> list[Evidence]:
    """Return what the build says of itself; it is a claim, and not what was found in the file."""
    if buildinfo is None:
        return []
    meanings = {
        "CGO_ENABLED": "1 lets C in where a package asks for it; 0 keeps it out.",
        "-buildmode": "pie asks for a position-independent program.",
        "-tags": "netgo and osusergo choose the Go halves of net and os/user.",
        "-ldflags": "-s, -w and -linkmode stand here, unless -trimpath kept them out.",
    }
    return [
        Evidence(f"build info: {name}", buildinfo.settings[name], meaning)
        for name, meaning in meanings.items()
        if name in buildinfo.settings
    ]


def _said(stripping: Stripping, buildinfo: BuildInfo | None) -> tuple[str, ...]:
    """Return the sentences on stripping, with what the build itself asked for."""
    asked = buildinfo.settings.get("-ldflags", "").split() if buildinfo else []
    flags = [flag for flag in asked if flag.lstrip("-") in ("s", "w", "s=true", "w=0", "w=false")]
    if not flags:
        return stripping.sentences
    return (*stripping.sentences, f"Its build information says {' '.join(flags)}.")
