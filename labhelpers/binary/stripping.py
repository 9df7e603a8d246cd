"""What was left out of a file or taken out of it, and how that can still be told.

Go's linker leaves out DWARF for -w, and for -s the symbol table and DWARF too (the latter stays
with -w=0 from Go 1.22 on; cmd/link/internal/ld/main.go, dwarf.go). strip(1) and objcopy(1) take the
same out of the finished file, but write it anew: section headers, which Go's linker puts right
behind the program headers, then stand at the end, where C linkers have them from the start.
"""

from dataclasses import dataclass

import numpy as np

from labhelpers.binary.elf import Elf
from labhelpers.binary.evidence import Evidence
from labhelpers.binary.symbols import FILE, Symbols
from labhelpers.table import Table

GO, C, UNKNOWN, NOT_GO = "internal", "external", "unknown", "not Go"
"""Who linked the file: Go's own linker, a C linker for Go, either, or a C linker without Go."""


@dataclass(frozen=True)
class Stripping:
    """What a file lacks. `word` names what would have done it: "no", "-w", "-s -w", "strip" …

    It speaks of the file and not of the command: `-s` alone and `-s -w` give the same.
    """

    word: str
    sentences: tuple[str, ...]
    evidence: Table[Evidence]


@dataclass(frozen=True)
class Facts:
    """What the inference rests on. `rewritten` is None where it cannot be told.

    In a Go program `dwarf` is that of Go's code, and `dwarf_of_c` says that there is only that of
    the C code which was linked in: C linkers do not all drop it when Go leaves out its own.
    """

    headers: bool
    symbol_table: bool
    file_symbols: bool
    dwarf: bool
    dwarf_of_c: bool
    rewritten: bool | None
    elsewhere: bool
    hollow: bool


def read_stripping(elf: Elf, mode: str, symbols: Symbols | None) -> Stripping:
    """Return what was left out. `mode` is who linked it (linking.py), `symbols` its .symtab."""
    facts = find_facts(elf, mode, symbols)
    word = _word(facts, mode)
    return Stripping(word, tuple(_sentences(facts, word, mode, elf)), _evidence(facts))


def find_facts(elf: Elf, mode: str, symbols: Symbols | None) -> Facts:
    """Return what the file itself shows."""
    start, size = elf.section_headers
    program_headers = sum(elf.program_headers)
    table = elf.section(".symtab")
    text = elf.section(".text")
    dwarf = has_dwarf(elf)
    # Go's linker writes its line for gdb together with its DWARF, and only then (ld/dwarf.go).
    of_go = dwarf and (mode != C or elf.section(".debug_gdb_scripts") is not None)
    return Facts(
        headers=bool(elf.sections),
        symbol_table=table is not None and table.file_size > 0,
        file_symbols=symbols is not None and bool(np.any(symbols.kind == FILE)),
        dwarf=of_go,
        dwarf_of_c=dwarf and not of_go,
        rewritten=start != program_headers if mode == GO and size else None,
        elsewhere=elf.section(".gnu_debuglink") is not None,
        hollow=text is not None and text.type == "SHT_NOBITS",
    )


def has_dwarf(elf: Elf) -> bool:
    """Say whether there is DWARF that a debugger can begin with."""
    info = elf.section(".debug_info", ".zdebug_info")
    return info is not None and info.file_size > 0


def _word(facts: Facts, mode: str) -> str:
    if not facts.headers:
        return "section headers removed"
    if facts.hollow:
        return "all but symbols and DWARF"
    if facts.symbol_table and facts.dwarf:
        return "no"
    if mode == NOT_GO:
        # gcc writes DWARF only when asked to, so that it is missing says nothing.
        return "no" if facts.symbol_table else "-s or strip"
    if facts.symbol_table:
        # Both strip and objcopy drop the symbols that only name source files; no linker does.
        by_tool = facts.rewritten or (facts.rewritten is None and not facts.file_symbols)
        return "strip -g" if by_tool else "-w"
    if facts.dwarf:
        return "-s -w=0"
    if facts.rewritten is None:
        return "-s -w or strip"
    return "strip" if facts.rewritten else "-s -w"


EXPLANATIONS = {
    "no": "Symbol table and debugging information are both there: nothing was left out.",
    "-w": "Debugging information (DWARF) is missing and the symbol table is there, as after -w.",
    "strip -g": "Debugging information (DWARF) is missing and the symbol table was written anew, "
    "as by strip -g or objcopy --strip-debug.",
    "-s -w=0": "The symbol table is missing and DWARF is there: only -s -w=0 (since Go 1.22) or a "
    "tool told to do just that leaves a file like this.",
    "-s -w": "Symbol table and DWARF are missing, and Go's linker wrote the file as it is: -s, "
    "which leaves out both, or -s -w, which gives the same.",
    "strip": "Symbol table and DWARF are missing, and a tool wrote the file anew after Go's linker "
    "was done: strip, strip --strip-unneeded and objcopy --strip-all do just this. What the linker "
    "itself had left out before cannot be told any more.",
    "-s -w or strip": "Symbol table and DWARF are missing. Whether by -s when it was linked or by "
    "strip afterwards cannot be told: of a file that a C linker wrote the two leave the same.",
    "-s or strip": "The symbol table is missing, by -s when it was linked or by strip afterwards: "
    "the two leave the same.",
    "section headers removed": "There are no section headers, which a program does not need to "
    "run: whether a symbol table or DWARF lies somewhere in the file cannot be told.",
    "all but symbols and DWARF": "The code itself is missing: this file was made to hold symbols "
    "and DWARF beside a stripped program (objcopy --only-keep-debug).",
}


def _sentences(facts: Facts, word: str, mode: str, elf: Elf) -> list[str]:
    """Explain the word, and what remains and why."""
    sentences = [EXPLANATIONS[word]]
    if facts.rewritten and word == "no":
        sentences.append(
            "All the same a tool, such as objcopy, wrote the file anew after Go's linker was done."
        )
    if facts.dwarf_of_c:
        sentences.append("What DWARF there is belongs to the C code that was linked in.")
    if facts.elsewhere:
        sentences.append("Its debugging information is in a file of its own (.gnu_debuglink).")
    if word in ("no", "all but symbols and DWARF"):
        return sentences
    if mode != NOT_GO:
        sentences.append(
            "Names and lines of Go functions remain: the runtime needs .gopclntab to grow stacks "
            "and to collect garbage, and stack traces, runtime.FuncForPC and pprof read it, too."
        )
        if not facts.symbol_table:
            sentences.append("Lost is what nm lists, and with it the names of C functions.")
        if not facts.dwarf:
            sentences.append("Lost are variables, types and C lines, which debuggers read.")
    if elf.section(".dynsym"):
        sentences.append("The table .dynsym remains: the loader finds libraries' functions by it.")
    return sentences


def _evidence(facts: Facts) -> Table[Evidence]:
    """Return the facts as rows."""
    rows = Table[Evidence]()
    if facts.headers:
        there = {True: "there", False: "missing"}
        rows.append(
            Evidence(
                "symbol table",
                there[facts.symbol_table],
                "nm and gdb find functions by name."
                if facts.symbol_table
                else "Left out by -s, or taken out by strip.",
            )
        )
        rows.append(
            Evidence(
                "DWARF",
                "only that of C" if facts.dwarf_of_c else there[facts.dwarf],
                "Debuggers find variables, types and lines."
                if facts.dwarf
                else "Left out by -w or -s, taken out by strip, or never asked for.",
            )
        )
    if facts.symbol_table:
        rows.append(
            Evidence(
                "names of source files",
                "there" if facts.file_symbols else "missing",
                "Linkers write them into the symbol table, strip and objcopy take them out.",
            )
        )
    if facts.rewritten is not None:
        rows.append(
            Evidence(
                "section headers",
                "elsewhere" if facts.rewritten else "right behind the program headers",
                "Another tool wrote the file anew."
                if facts.rewritten
                else "The file is as Go's linker wrote it.",
            )
        )
    return rows
