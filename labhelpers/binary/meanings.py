"""What each section of an executable holds, who puts it there, who reads it, and what removes it.

Sources: cmd/link/internal/ld/{elf,data,dwarf,pcln,symtab,fips140}.go of Go 1.22.10 and 1.27.3;
runtime/symtab.go; the System V ABI, chapter 4; elf(5); the DWARF 5 standard, section 7.
"""

from dataclasses import dataclass

NOTHING = ""
DEBUG = "-w, -s, strip -g, strip"
SYMBOLS = "-s, strip"

GO = "Go's linker"
C = "the C compiler"
ANY = "the linker"
HOST = "the C linker"

PROGRAM = "the program itself"
RUNTIME = "the Go runtime"
LOADER = "the dynamic loader"
KERNEL = "the kernel"
START = "C's start-up code"
NOBODY = "nobody"
DEBUGGER = "nobody; debuggers do"
TOOLS = "nobody; tools do"
LINKING = "nobody; the linker does"
LEAKS = "leak checkers"
GO_BUILD = "nobody; go build does"


@dataclass(frozen=True)
class Meaning:
    """One section explained. `removed_by` names the switches and tools that leave it out.

    `reader` is who looks at it while the program runs.
    """

    holds: str
    writer: str
    reader: str
    removed_by: str = NOTHING

    @property
    def sentence(self) -> str:
        """The whole as one line."""
        removed = f"left out by {self.removed_by}" if self.removed_by else "survives every strip"
        return f"{self.holds}; written by {self.writer}, read by {self.reader}; {removed}"


MEANINGS = {
    # What every program is made of
    "": Meaning("the empty first entry that the format asks for", ANY, NOBODY),
    ".text": Meaning("the instructions", ANY, "the processor"),
    ".rodata": Meaning(
        "constants: strings, tables; before Go 1.27 also Go's type descriptions", ANY, PROGRAM
    ),
    ".data": Meaning("variables with a first value", ANY, PROGRAM),
    ".bss": Meaning("variables that start as zero: no byte in the file", ANY, PROGRAM),
    ".tdata": Meaning("first values of each thread's own variables", C, "C's thread start"),
    ".tbss": Meaning("each thread's own variables that start as zero", ANY, "a thread's start"),
    ".shstrtab": Meaning("the names of the sections", ANY, TOOLS),
    ".symtab": Meaning(
        "symbols: address, size and kind of every function and variable", ANY, TOOLS, SYMBOLS
    ),
    ".strtab": Meaning("the names of the symbols", ANY, TOOLS, SYMBOLS),
    # What is no section, as the ledger names it
    "headers": Meaning("where sections and segments are", ANY, KERNEL),
    "padding": Meaning("zeros up to where the next section may begin", ANY, NOBODY),
    "zeros": Meaning("zeros outside of all sections, too many for padding", "unknown", NOBODY),
    "(claimed by nothing)": Meaning("bytes outside of all sections", "unknown", "unknown"),
    # Go's own
    ".gopclntab": Meaning(
        "Go's function table: from address to function, file, line and stack map",
        GO,
        "the Go runtime, for traces, stack growth and garbage collection",
    ),
    ".gosymtab": Meaning("nothing: Go's symbol table of before 1.3, gone since 1.26", GO, NOBODY),
    ".go.buildinfo": Meaning(
        "Go release, modules and build switches", GO, "debug.ReadBuildInfo; go version -m does"
    ),
    ".go.fipsinfo": Meaning(
        "checksum of the FIPS 140 code and where that code is", GO, "crypto's self-test"
    ),
    ".go.func": Meaning("closures that capture nothing: one pointer to code each", GO, PROGRAM),
    ".go.fuzzcntrs": Meaning("counters that steer fuzzing", GO, "the fuzzing engine"),
    ".go.module": Meaning("moduledata: where all of Go's tables begin and end", GO, RUNTIME),
    ".go.type": Meaning(
        "Go's type descriptions and interface tables",
        GO,
        "the Go runtime, for interfaces, maps, reflection and garbage collection",
    ),
    ".typelink": Meaning("offsets of the types that reflection can look up", GO, "reflect"),
    ".itablink": Meaning(
        "pointers to the interface tables made at build time", GO, "the Go runtime, at start"
    ),
    ".noptrdata": Meaning(
        "variables with a first value and no pointer, which the collector skips",
        GO,
        PROGRAM,
    ),
    ".noptrbss": Meaning(
        "variables that start as zero and hold no pointer: no byte in the file", GO, PROGRAM
    ),
    ".note.go.buildid": Meaning(
        "Go's build id: a hash of inputs and of content", GO, "nobody; the go command does"
    ),
    ".note.go.abihash": Meaning("hash of a shared Go library's interface", GO, RUNTIME),
    ".note.go.deps": Meaning("shared Go libraries that this one needs", GO, GO_BUILD),
    ".note.go.pkg-list": Meaning("packages in a shared Go library", GO, GO_BUILD),
    # What the dynamic loader works with
    ".interp": Meaning(
        "the path of the dynamic loader", ANY, "the kernel, which starts that loader first"
    ),
    ".dynamic": Meaning("libraries needed, and where the loader's tables are", ANY, LOADER),
    ".dynsym": Meaning("symbols that come from libraries, or go to them", ANY, LOADER),
    ".dynstr": Meaning("names of those symbols and of the libraries", ANY, LOADER),
    ".hash": Meaning("hash table over .dynsym", ANY, LOADER),
    ".gnu.hash": Meaning("a faster hash table over .dynsym", HOST, LOADER),
    ".gnu.version": Meaning("the version of each dynamic symbol", ANY, LOADER),
    ".gnu.version_r": Meaning("versions that the libraries must have", ANY, LOADER),
    ".gnu.version_d": Meaning("versions that this library offers", HOST, LOADER),
    ".rela": Meaning("places to be corrected once the load address is known", GO, LOADER),
    ".rela.dyn": Meaning(
        "places to be corrected once the load address is known",
        HOST,
        "the dynamic loader, or C's start-up code",
    ),
    ".rela.plt": Meaning(
        "places where addresses of library functions go",
        ANY,
        "the dynamic loader, or C's start-up code",
    ),
    ".relr.dyn": Meaning("places to be corrected, in compact form", HOST, LOADER),
    ".plt": Meaning("a small jump for every library function called", ANY, "the processor"),
    ".plt.got": Meaning("jumps through .got for functions bound at start", HOST, "the processor"),
    ".plt.sec": Meaning("jumps to library functions, for checked branches", HOST, "the processor"),
    ".iplt": Meaning(
        "jumps to functions chosen for this processor at start", HOST, "the processor"
    ),
    ".got": Meaning("addresses that are known only after loading", ANY, PROGRAM),
    ".got.plt": Meaning("addresses of the library functions called", ANY, PROGRAM),
    ".data.rel.ro": Meaning(
        "data that is corrected at start and then made read-only", ANY, PROGRAM
    ),
    ".relro_padding": Meaning("room up to a page's end: no byte in the file", "lld", NOBODY),
    # What comes with C
    ".init": Meaning("code that runs before main", "C's start files", START),
    ".fini": Meaning("code that runs after main", "C's start files", "C's exit code"),
    ".init_array": Meaning("addresses of functions that run before main", ANY, START),
    ".preinit_array": Meaning("addresses of functions that run before those", HOST, START),
    ".fini_array": Meaning("addresses of functions that run at exit", HOST, "C's exit code"),
    ".ctors": Meaning("an older form of .init_array", C, START),
    ".dtors": Meaning("an older form of .fini_array", C, "C's exit code"),
    ".jcr": Meaning("a list for compiled Java classes, empty today", C, NOBODY),
    ".tm_clone_table": Meaning("functions' twins for transactional memory", C, START),
    ".eh_frame": Meaning("how to unwind the stack of C functions", C, "exceptions and unwinders"),
    ".eh_frame_hdr": Meaning("a sorted index of .eh_frame", HOST, "exceptions and unwinders"),
    ".gcc_except_table": Meaning("what C++ catches and cleans up where", C, "exceptions"),
    ".lbss": Meaning("large variables that start as zero: no byte in the file", HOST, PROGRAM),
    ".ldata": Meaning("large variables with a first value", HOST, PROGRAM),
    ".lrodata": Meaning("large constants", HOST, PROGRAM),
    ".sdata": Meaning("small variables with a first value, near each other", HOST, PROGRAM),
    ".sbss": Meaning("small variables that start as zero: no byte in the file", HOST, PROGRAM),
    ".riscv.attributes": Meaning("the processor's extensions that are used", C, TOOLS),
    ".ARM.attributes": Meaning("the processor's features that are used", C, TOOLS),
    ".ARM.exidx": Meaning("how to unwind the stack of C functions", C, "exceptions and unwinders"),
    ".comment": Meaning("the names of the compilers that had a part in it", C, TOOLS),
    ".note.ABI-tag": Meaning("the oldest kernel that C's library runs on", C, LOADER),
    ".note.gnu.property": Meaning("processor features asked for", HOST, LOADER),
    ".note.gnu.build-id": Meaning(
        "a hash that names this build; from Go's linker since 1.24", ANY, TOOLS
    ),
    ".note.gnu.gold-version": Meaning("the version of the linker gold", HOST, TOOLS),
    ".note.package": Meaning("the distribution's package that it came in", HOST, TOOLS),
    ".note.stapsdt": Meaning("places where tracers may hook in", C, TOOLS),
    ".note.netbsd.ident": Meaning("marks a program for NetBSD", GO, KERNEL),
    ".note.netbsd.pax": Meaning("memory protection that NetBSD should use", GO, KERNEL),
    ".note.openbsd.ident": Meaning("marks a program for OpenBSD", GO, KERNEL),
    ".note.GNU-stack": Meaning("whether the stack must be executable", C, LINKING),
    ".stapsdt.base": Meaning("an anchor for .note.stapsdt", C, TOOLS),
    ".probes": Meaning("counters that tracers switch on", C, PROGRAM),
    ".gnu.build.attributes": Meaning("compiler switches by address range", C, TOOLS),
    ".gnu_debuglink": Meaning("name and checksum of a file with the debug data", "objcopy", TOOLS),
    ".gnu_debugaltlink": Meaning("a debug file shared with other programs", "dwz", TOOLS),
    ".gnu_debugdata": Meaning("a compressed symbol table", "the distribution", TOOLS),
    ".gdb_index": Meaning("an index that lets gdb start faster", HOST, DEBUGGER, DEBUG),
    "__libc_freeres_fn": Meaning("code that frees what C's library holds", "glibc", LEAKS),
    "__libc_freeres_ptrs": Meaning("pointers for that code: no byte in the file", "glibc", LEAKS),
    "__libc_subfreeres": Meaning("addresses of such functions", "glibc", LEAKS),
    "__libc_atexit": Meaning("addresses of functions to run at exit", "glibc", "C's exit code"),
    "__libc_IO_vtables": Meaning("method tables of C's streams", "glibc", "printf and its kin"),
    # DWARF
    ".debug_abbrev": Meaning("the shapes of the entries in .debug_info", ANY, DEBUGGER, DEBUG),
    ".debug_addr": Meaning("addresses that other debug sections refer to", ANY, DEBUGGER, DEBUG),
    ".debug_aranges": Meaning("which unit covers which addresses", C, DEBUGGER, DEBUG),
    ".debug_frame": Meaning("how to unwind the stack", ANY, DEBUGGER, DEBUG),
    ".debug_gdb_scripts": Meaning("path of Go's helper script for gdb", GO, "gdb", DEBUG),
    ".debug_info": Meaning("functions, variables and types by package", ANY, DEBUGGER, DEBUG),
    ".debug_line": Meaning("which instruction comes from which line", ANY, DEBUGGER, DEBUG),
    ".debug_line_str": Meaning("file names for .debug_line", C, DEBUGGER, DEBUG),
    ".debug_loc": Meaning("where a variable lives when (DWARF 4)", ANY, DEBUGGER, DEBUG),
    ".debug_loclists": Meaning("where a variable lives when (DWARF 5)", ANY, DEBUGGER, DEBUG),
    ".debug_macro": Meaning("C macros", C, DEBUGGER, DEBUG),
    ".debug_names": Meaning("an index over names", C, DEBUGGER, DEBUG),
    ".debug_pubnames": Meaning("an older index over names", C, DEBUGGER, DEBUG),
    ".debug_pubtypes": Meaning("an older index over types", C, DEBUGGER, DEBUG),
    ".debug_ranges": Meaning("addresses of split code (DWARF 4)", ANY, DEBUGGER, DEBUG),
    ".debug_rnglists": Meaning("addresses of split code (DWARF 5)", ANY, DEBUGGER, DEBUG),
    ".debug_str": Meaning("strings for .debug_info", C, DEBUGGER, DEBUG),
    ".debug_str_offsets": Meaning("an index into .debug_str", C, DEBUGGER, DEBUG),
    ".debug_types": Meaning("types in units of their own", C, DEBUGGER, DEBUG),
}
"""By name. Names with a prefix that says where they were put are found by `meaning_of`."""

BY_TYPE = {
    "SHT_NOTE": Meaning("a note of its tool", ANY, TOOLS),
    "SHT_NOBITS": Meaning("memory that starts as zero: no byte in the file", ANY, PROGRAM),
    "SHT_REL": Meaning("places to be corrected", ANY, "the linker or the loader"),
    "SHT_RELA": Meaning("places to be corrected", ANY, "the linker or the loader"),
    "SHT_STRTAB": Meaning("names", ANY, TOOLS),
    "SHT_SYMTAB": Meaning("symbols", ANY, TOOLS, SYMBOLS),
}
UNKNOWN = Meaning("what a program or its compiler has named so", "its compiler", PROGRAM)
COMPRESSED = "compressed: "


def meaning_of(name: str, type: str = "") -> Meaning:
    """Return what a section is for, by its name, else by its type.

    A position-independent program keeps what must be corrected at start together, under names
    that begin with .data.rel.ro: those sections mean what they mean elsewhere. So do compressed
    debug sections of the older form (.zdebug_*), and the pieces of .text and others that a C
    compiler names by function (.text.startup).
    """
    if name in MEANINGS:
        return MEANINGS[name]
    if name.startswith(".zdebug_"):
        return meaning_of(".debug_" + name.removeprefix(".zdebug_"), type)
    if name.startswith(".data.rel.ro."):
        return meaning_of("." + name.rpartition(".data.rel.ro.")[2], type)
    if name.startswith((".rela.", ".rel.")) and type in ("SHT_RELA", "SHT_REL"):
        return Meaning("places in another section that the linker will fill in", C, LINKING)
    if name.startswith(".gnu.warning."):
        return Meaning("a warning for users of this function", "glibc", LINKING)
    if name.startswith(".debug_"):
        return Meaning("debug data", ANY, DEBUGGER, DEBUG)
    _, first, *pieces = [*name.split("."), ""]
    if first and any(pieces) and name.startswith("."):
        return meaning_of(f".{first}", type)
    return BY_TYPE.get(type, UNKNOWN)


KINDS = {
    "instructions": (".text", ".init", ".fini", ".plt", ".plt.got", ".plt.sec", ".iplt"),
    "Go's function table": (".gopclntab", ".gosymtab"),
    "constants and types": (".rodata", ".go.type", ".go.func", ".typelink", ".itablink"),
    "variables": (
        *(".data", ".noptrdata", ".go.module", ".bss", ".noptrbss", ".tdata", ".tbss"),
        *(".sdata", ".sbss", ".ldata", ".lbss"),
    ),
    "symbol table": (".symtab", ".strtab"),
    "debug data": (".debug_", ".zdebug_"),
    "loading and linking": (".dyn", ".rel", ".got", ".interp", ".hash", ".gnu.", ".data.rel.ro"),
    "rest": (),
}
"""What a file is made of, in the order in which figures show it; names, or how they begin."""


def kind_of(name: str) -> str:
    """Return which of the `KINDS` a section belongs to; "rest" for notes, headers and padding."""
    bare = name.removeprefix(".data.rel.ro") or name
    for kind, names in KINDS.items():
        if bare in names:
            return kind
    starts = [(kind, s) for kind in ("debug data", "loading and linking") for s in KINDS[kind]]
    return next((kind for kind, start in starts if bare.startswith(start)), "rest")
