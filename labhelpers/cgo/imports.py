"""The packages that a program is made of, as `go list -deps -json` gives them.

The fields and what they mean: `go help list`, cmd/go/internal/list/list.go. Nothing is written
beside the program: -mod stays as it is, which leaves go.mod and go.sum alone, and a go.work is
copied (workspace.py).
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labhelpers.cgo.refusals import refusal
from labhelpers.errors import LabError, Stopped
from labhelpers.modules import run_go
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain
from labhelpers.workspace import workspace

RUNTIME = "runtime/cgo"
"""What goes into every program that holds an `import "C"` anywhere: a consequence, not a cause."""
FOREIGN = ("CFiles", "CXXFiles", "MFiles", "FFiles", "SwigFiles", "SwigCXXFiles")
FIELDS = (
    *("ImportPath", "Name", "Dir", "Standard", "Module", "Imports", "Error", "Incomplete"),
    *("GoFiles", "CgoFiles", "IgnoredGoFiles"),
    *("SFiles", "SysoFiles", "CgoLDFLAGS", "CgoPkgConfig", *FOREIGN),
)


@dataclass(frozen=True)
class Package:
    """One package of a program, as one set of switches builds it.

    `module` is the module's path and version ("" for the standard library), `folder` where its
    files lie, `imports` what its files import. `go_files` are those without `import "C"`,
    `cgo_files` those with it, `ignored_files` the Go files that these switches leave out.
    `foreign_files` are C, C++, Objective-C, Fortran and SWIG sources, `assembly` and `objects`
    (.syso) need no cgo. `libraries` are the C linker's flags and pkg-config names that it asks for.
    `error` and `place` are the go command's words where the package cannot be built.
    """

    path: str
    name: str
    folder: Path
    standard: bool
    module: str
    imports: tuple[str, ...] = ()
    go_files: tuple[str, ...] = ()
    cgo_files: tuple[str, ...] = ()
    ignored_files: tuple[str, ...] = ()
    foreign_files: tuple[str, ...] = ()
    assembly: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    error: str | None = None
    place: str = ""
    main: bool = False


Graph = dict[str, Package]
"""The packages of one program by import path, in the order of `go list -deps`: the program last."""


def dependencies(
    program: Program,
    chain: Toolchain,
    cgo: bool = True,
    tags: tuple[str, ...] = (),
    stop: threading.Event | None = None,
) -> Graph:
    """Return all packages of a program for CGO_ENABLED and build tags.

    A package that these switches leave without any file is in it all the same, with its `error`:
    that is an answer, and `check` tells it from a program that cannot be built at all.

    Args:
        program: bundled, a folder of the user's, or one in the module cache.
        chain: the Go release.
        cgo: CGO_ENABLED; with True no C compiler is needed, as nothing is compiled.
        tags: build tags (`go help buildconstraint`).
        stop: ends the go command as soon as it is set.

    Raises:
        LabError: there is no module around it, one cannot be had, go.mod or go.sum forbid it, or
            the release is too old for it.
        Stopped: `stop` was set.
    """
    if stop and stop.is_set():
        raise Stopped
    words = ["list", "-e", "-deps", f"-json={','.join(FIELDS)}"]
    words += [f"-tags={','.join(tags)}"] if tags else []
    with workspace(program, chain) as variables:
        variables |= {"CGO_ENABLED": str(int(cgo))}
        status, output, log = run_go(chain, [*words, "."], program.folder, variables, stop)
    if status or not output:
        raise refusal(program, log)
    return {package.path: package for package in map(_package, _objects(output))}


def check(program: Program, graph: Graph) -> None:
    """Refuse a program that is no program, or of which a package cannot be had.

    Raises:
        LabError: it is a library, or one of its packages has an error.
    """
    top = main_package(graph)
    for package in (top, *graph.values()):
        if package.error is not None:
            own = "" if package is top else package.path
            raise refusal(program, package.error, package.place, own)
    if top.name != "main":
        raise LabError(
            f"{program.name} is a library (package {top.name}) and there is nothing to start: "
            "name the folder of a main package, often one below cmd."
        )


def main_package(graph: Graph) -> Package:
    """Return the program's own package: the last one that `go list -deps .` names."""
    return next(reversed(graph.values()))


NO_FILES = "build constraints exclude all Go files"
"""The go command's words for a package of which nothing is left.

For packages in the module cache `go list` leaves them away, as its index of a module does not hold
that error, and `go build` says them later (seen with Go 1.21 to 1.27).
"""


def _package(row: dict[str, Any]) -> Package:
    error = row.get("Error") or {}
    if not error and not any(row.get(field) for field in ("GoFiles", "CgoFiles", *FOREIGN)):
        error = {"Err": NO_FILES}
    return Package(
        path=row["ImportPath"],
        name=row.get("Name", ""),
        folder=Path(row.get("Dir", "")),
        standard=row.get("Standard", False),
        module=_module(row.get("Module")),
        imports=tuple(name for name in row.get("Imports", ()) if name != "C"),
        go_files=tuple(row.get("GoFiles", ())),
        cgo_files=tuple(row.get("CgoFiles", ())),
        ignored_files=tuple(row.get("IgnoredGoFiles", ())),
        foreign_files=tuple(name for field in FOREIGN for name in row.get(field, ())),
        assembly=tuple(row.get("SFiles", ())),
        objects=tuple(row.get("SysoFiles", ())),
        libraries=(*row.get("CgoLDFLAGS", ()), *row.get("CgoPkgConfig", ())),
        error=error.get("Err"),
        place=error.get("Pos", ""),
        main=bool((row.get("Module") or {}).get("Main")),
    )


def _module(module: dict[str, Any] | None) -> str:
    if not module:
        return ""
    other = module.get("Replace")
    path, version = (other or module)["Path"], (other or module).get("Version", "")
    named = f"{path}@{version}" if version else str(path)
    # What stands in for a module may be a folder, and its place says nothing to others.
    return f"{module['Path']} (replaced)" if other and not version else named


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects that `go list -json` prints one after another."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        row, at = decoder.raw_decode(text, at)
        yield row
        while at < len(text) and text[at].isspace():
            at += 1
