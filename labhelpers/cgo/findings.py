"""What was found about one package with C, and about one switch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A package with `import "C"` that is in the program as it is built by default.

    `module` is the module's path and version, empty for the standard library; `chain` a shortest
    way of imports from the program to it, both ends included; `c_files` counts the sources of other
    languages that are compiled with it (C, C++, Objective-C, Fortran, SWIG) and `cgo_files` names
    its Go files with `import "C"`. `why` says what the C is for, `removed_by` names the switches
    that were seen to take it out, `in_its_place` says what is used then. `importers` are packages
    of this program that import it themselves, the nearest dozen.
    """

    package: str
    module: str
    standard: bool
    chain: tuple[str, ...]
    c_files: int
    why: str
    removed_by: tuple[str, ...]
    in_its_place: str
    cgo_files: tuple[str, ...] = ()
    importers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Switch:
    """What one switch, CGO_ENABLED=0 or build tags, does to the packages with `import "C"`.

    `removes` and `left` name those packages; `builds` says whether the program was built with it,
    None where that was not tried; `error` is one sentence where it does not build; `differs` says
    what would then behave differently, nothing where the switch changes nothing. `linking` says how
    the file was linked that was built with it, empty where none was.
    """

    name: str
    removes: tuple[str, ...]
    left: tuple[str, ...]
    builds: bool | None
    error: str | None
    differs: tuple[str, ...]
    linking: str = ""
