"""Facts beside the causes: what looks like C in a program and needs no cgo, or is not in it."""

from pathlib import Path

from labhelpers.cgo.chains import cgo_packages
from labhelpers.cgo.imports import RUNTIME, Graph, Package
from labhelpers.cgo.sources import imports_c, some
from labhelpers.toolchain import Toolchain

BY_GOS_LINKER = {"net", "os/user", RUNTIME}
"""Those that can be in a program on Linux of the packages whose C Go's own linker takes in: the
list "internalpkg" in cmd/link/internal/ld/lib.go, the same from Go 1.21 to 1.27."""


def notes(graph: Graph, chain: Toolchain) -> list[str]:
    """Return sentences on what people trip over, each only where it is true of this program."""
    found = [
        *_machine(chain),
        *_consequence(graph),
        *_assembly(graph),
        *_objects(graph),
        *_left_out(graph),
    ]
    return found


def _machine(chain: Toolchain) -> list[str]:
    if chain.cc:
        return []
    return [
        "This machine has no C compiler, and so Go turns cgo off by itself: what is built by "
        "default here is already the program without C. The causes are those of a machine with one."
    ]


def _consequence(graph: Graph) -> list[str]:
    causes = cgo_packages(graph)
    if RUNTIME not in graph or RUNTIME in causes or not causes:
        return []
    found = ["runtime/cgo is in it because of these packages, and goes when they go."]
    others = [name for name in causes if name not in BY_GOS_LINKER]
    if others:
        found.append(f"The C of {some(others)} makes Go leave the linking to a C linker.")
    else:
        found.append(
            "Go's own linker takes in the C of net and os/user by itself: to compile them a C "
            "compiler must be there, but Go's linker writes the file."
        )
    return found


def _assembly(graph: Graph) -> list[str]:
    names = [
        name
        for name, own in graph.items()
        if own.assembly and not own.cgo_files and not own.standard
    ]
    if not names:
        return []
    return [
        "Assembly needs no cgo, as Go has an assembler of its own. From outside the standard "
        f"library it is in {some(names)}."
    ]


def _objects(graph: Graph) -> list[str]:
    names = [name for name, own in graph.items() if own.objects and not own.standard]
    if not names:
        return []
    return [f'Object files (.syso) are linked in without `import "C"`: {some(names)}.']


def _left_out(graph: Graph) -> list[str]:
    names = [
        name
        for name, own in graph.items()
        if not own.cgo_files and _any(own, own.ignored_files) and not own.standard
    ]
    if not names:
        return []
    return [
        "Only in files that are left out here, for other systems or until a build tag is given, "
        f'there is `import "C"` in {some(names)}.'
    ]


def _any(package: Package, files: tuple[str, ...]) -> bool:
    return any(imports_c(Path(package.folder) / name) for name in files)
