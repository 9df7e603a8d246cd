"""What is in an executable file: `anatomy(path)` is the one entry; each module holds one idea.

    elf ← symbols, relocations, moduledata, pclntab, typedata, units, buildinfo, notes, dynamic
        ← cover, tables, layers, ledger, packages, dwarf, linking, stripping ← anatomy ← diff

Nothing here runs the file, and nothing needs Go but `why`, which asks Go's linker.
"""
