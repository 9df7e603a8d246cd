"""Which package a symbol's name belongs to.

Go names a symbol PACKAGE.NAME; the package is all up to the first dot after the last slash, dots in
its last element being written as %2e (Go: cmd/internal/objabi/path.go). Type arguments stand in
brackets and have packages of their own, which do not count; a method's receiver stands in others.
"""

import re

NO_PACKAGE = ""
GENERATED = ("go:", "type:", "type..", "go.string.", "go.itab.", "go.func.")
"""Beginnings of the names of what belongs to no package; those with dots up to Go 1.19. (There are
packages whose paths begin with "go.", too: go.uber.org/zap.)"""

PACKAGE = re.compile(r"((?:[^/[(]*/)*[^./[(]+)\.")
"""Whole path elements, then one up to its first dot; all before any bracket."""


def package_of(name: str) -> str:
    """Return the import path of the package that a symbol's name begins with, or ""."""
    found = PACKAGE.match(name)
    if found is None or name.startswith(GENERATED):
        return NO_PACKAGE
    package = found[1]
    if package == "_":  # the compiler's name for what it took out of its function
        return NO_PACKAGE
    return package.replace("%2e", ".") if "%" in package else package


def without_abi(name: str) -> str:
    """Return a symbol's name as the function table has it.

    The symbol table marks an assembly function with .abi0, the function table does not.
    """
    return name.removesuffix(".abi0")
