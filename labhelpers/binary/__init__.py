"""What is in an executable file: `anatomy(path)` is the one entry; each module holds one idea.

    elf, names ← symbols, pclntab, dwarf, buildinfo ← ledger, packages, linking ← anatomy ← diff

Nothing here runs the file, and nothing needs Go.
"""
