"""What the files of a package tell: what its C is for, and what stands in for it without cgo."""

import re
from collections.abc import Iterable
from pathlib import Path

from labhelpers.cgo.imports import Package

IMPORT_C = re.compile(rb'^[ \t]*(?:import[ \t]+)?"C"[ \t;]*(?://.*)?\r?$', re.MULTILINE)
INCLUDE = re.compile(r'#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]')
SAYS = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
ABOUT_CGO = re.compile(r"\bcgo\b|CGO_ENABLED|\bstub\b", re.IGNORECASE)
REFUSES = re.compile(r"not (?:supported|implemented|available)|unsupported|unavailable", re.I)
SMALL = 3000
"""Characters up to which a file that says "not supported" is taken for a stub, and not for a whole
implementation with limits."""
EVERYWHERE = {
    *("stdlib.h", "string.h", "stdio.h", "stdint.h", "stddef.h", "errno.h", "stdbool.h"),
    *("inttypes.h", "limits.h", "assert.h", "windows.h"),
}
"""Headers that say nothing about what C is for: nearly all C includes them, or none on Linux."""
LONGEST = 160
"""Characters of a package's own words that are repeated."""


def imports_c(file: Path) -> bool:
    """Say whether a Go file has `import "C"`; a file that cannot be read has not."""
    try:
        content = file.read_bytes()
    except OSError:
        return False
    # Most files have no such letters at all, and to look for them is ten times as fast.
    return b'"C"' in content and IMPORT_C.search(content) is not None


def purpose(package: Package) -> str:
    """Return in a sentence what the C of a package is, from its files and its linker's flags."""
    texts = [_text(package.folder / name) for name in package.cgo_files]
    headers = list(dict.fromkeys(name for text in texts for name in INCLUDE.findall(text)))
    own = [name for name in headers if name.endswith((".c", ".cc", ".cpp"))]
    own = [*own, *package.foreign_files]
    libraries = [flag.removeprefix("-l") for flag in package.libraries if flag[:2] == "-l"]
    libraries += [flag for flag in package.libraries if not flag.startswith("-")]
    telling = [name for name in headers if name not in EVERYWHERE and name not in own]
    parts = []
    if own:
        parts.append(f"It compiles sources of its own, of C or the like ({some(own)}).")
    if libraries:
        parts.append(f"It asks the C linker for {some(dict.fromkeys(libraries))}.")
    if telling and not own:
        parts.append(f"It uses what {some(telling)} declare{'s' if len(telling) == 1 else ''}.")
    return " ".join(parts) or "It calls C that stands in its own Go files, or in the C library."


def stub_words(package: Package, files: Iterable[str]) -> str:
    """Return what some files of a package say where something cannot be had, "" for nothing."""
    for name in files:
        whole = _text(package.folder / name)
        for text in SAYS.findall(whole):
            refuses = len(whole) <= SMALL and REFUSES.search(text)
            if " " in text and (refuses or ABOUT_CGO.search(text)):
                return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return ""


def named_stub(files: Iterable[str]) -> bool:
    """Say whether one of these files is called a stub by its name."""
    return any("stub" in name or "mock" in name for name in files)


def some(names: Iterable[str], most: int = 3) -> str:
    """Return the first of some names, and how many more there are."""
    every = list(names)
    shown = every if len(every) <= most + 1 else every[:most]
    more = len(every) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
