"""Go code as an archive for a C program: -buildmode=c-archive, its header, and linking by hand.

The archive holds the whole Go runtime beside the package; it starts before the C program's main, in
a constructor of its own (runtime.rt0_lib_go, cmd/go "Build modes"). The header beside it is a copy
of what cgo wrote for the package, kept under another name.
"""

import re
import shutil
import struct
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import ARCHIVE_MAGIC, Step
from labhelpers.experiments.cgoexport import HEADER, SOURCES, ExportFolder, never_built
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

ARCHIVE, ARCHIVE_HEADER, HOST = "libgo.a", "libgo.h", "host"
DECLARED = "int goCallback(int);\nint walk(int);"
"""What host.c can say for itself in place of the header."""


BESIDE, BY_HAND, ELSEWHERE = "beside the sources", "declared by hand", "in another folder"
"""Where a C program is compiled: with libgo.h, without it, and with it but without walk.h."""


@dataclass(frozen=True)
class Archived:
    """A C program in one place, linked with an archive of `callback` built with some switch.

    `error` is that of the archive, of the C compiler or of the run, empty where all went well and
    the program printed `prints`. `exported` says whether goCallback is in the archive's table of
    symbols, `own_header` whether the build wrote a _cgo_export.h all the same, `copied` whether
    libgo.h declares the same functions.
    """

    go: str
    switch: str
    place: str
    error: str
    prints: str
    exported: bool
    own_header: bool
    copied: bool


@dataclass(frozen=True)
class Placed:
    """One text in one place of a package: does it build, and what can a C program then see?

    `symbol` says whether goCallback is in the table of symbols of the archive, `in_go` whether it
    is an exported Go function there, `header` whether the go command wrote a libgo.h.
    """

    go: str
    text: str
    place: str
    builds: bool
    error: str
    symbol: bool
    in_go: bool
    header: bool


CALLS_GO = rb"_cgoexp_[0-9a-f]+_goCallback\0"
"""In an archive's names: the way from C into an exported Go function (cmd/cgo/out.go)."""

GO_FUNCTION = "func goCallback(x C.int) {}\n"
C_FUNCTION = "void goCallback(int x) {\n    (void)x;\n}\n"
EXPORT = "//export goCallback\n"
REST = "\nfunc main() {}\n"


def go_file(preamble: str = "", below: str = "") -> dict[str, str]:
    """Return a main.go with a text in the comment above `import "C"`, and one below it."""
    comment = f"/*\n{preamble}*/\n" if preamble else ""
    return {"main.go": f'package main\n\n{comment}import "C"\n\n{below}{REST}'}


PLACES: dict[tuple[str, str], dict[str, str]] = {
    ("//export, C function", "Go file"): go_file(below=EXPORT + C_FUNCTION),
    ("//export, C function", 'comment above import "C"'): go_file(EXPORT + C_FUNCTION),
    ("C function alone", 'comment above import "C"'): go_file(C_FUNCTION),
    ("//export, C function", "C file"): {**go_file(), "callback.c": EXPORT + C_FUNCTION},
    ("//export, Go function", "Go file"): go_file(below=EXPORT + GO_FUNCTION),
    ("Go function alone", "Go file"): go_file(below=GO_FUNCTION),
    ("//export with a header's name", "Go file"): go_file(
        below=EXPORT.replace("\n", " callback.h\n") + GO_FUNCTION
    ),
    ("#cgo export C", 'comment above import "C"'): go_file("#cgo export C\n", EXPORT + GO_FUNCTION),
}
"""What the article's code may mean: by the text and the place, the files of a package."""


def try_places(go: Toolchain) -> Table[Placed]:
    """Make an archive of each package of PLACES, and say what came of it."""
    rows: Table[Placed] = Table()
    for (text, place), files in PLACES.items():
        with closing(ExportFolder(go)) as folder:
            replace_sources(folder, files)
            step = make_archive(folder)
            archive, header = folder.path / ARCHIVE, folder.path / ARCHIVE_HEADER
            symbols = archive_symbols(archive) if step.ok else set()
            rows.append(
                Placed(
                    go=go.release,
                    text=text,
                    place=place,
                    builds=step.ok,
                    error="" if step.ok else said_first(step),
                    symbol="goCallback" in symbols,
                    # What C calls is a function of cgo's that calls Go's (_cgo_export.c).
                    in_go=step.ok and re.search(CALLS_GO, archive.read_bytes()) is not None,
                    header=header.is_file(),
                )
            )
    return rows


def try_archives(go: Toolchain) -> Table[Archived]:
    """Make an archive of `callback` with and without -trimpath, and a C program in each place."""
    rows: Table[Archived] = Table()
    for switch in ("", "-trimpath"):
        with closing(ExportFolder(go)) as folder:
            never_built(folder)
            step = make_archive(folder, "-work", *switch.split())
            made = list(Path(folder.temporary).glob(f"go-build*/b001/{HEADER}"))
            own = exports(made[0]) if made else []
            exported = step.ok and "goCallback" in archive_symbols(folder.path / ARCHIVE)
            copied = step.ok and own == exports(folder.path / ARCHIVE_HEADER) != []
            for place in (BESIDE, BY_HAND, ELSEWHERE):
                ran = run_host(folder, place) if step.ok else step
                error, prints = ("", ran.output.strip()) if ran.ok else (said_first(ran), "")
                facts = (bool(exported), bool(made), bool(copied))
                rows.append(Archived(go.release, switch or "none", place, error, prints, *facts))
    return rows


def run_host(folder: ExportFolder, place: str) -> Step:
    """Compile host.c in one of the places, link it with the archive, and run it."""
    below = folder.path / place.replace(" ", "-")
    below.mkdir()
    for name in ("host.c", ARCHIVE, ARCHIVE_HEADER, *(["walk.h"] if place == BESIDE else [])):
        shutil.copy(folder.path / name, below)
    if place == BY_HAND:
        text = (below / "host.c").read_text()
        (below / "host.c").write_text(text.replace('#include "libgo.h"', DECLARED))
    step = link_host(folder, below.name)
    return folder.run(f"./{below.name}/{HOST}") if step.ok else step


def host_program(go: Toolchain) -> ExportFolder:
    """Return a folder with `host`, a C program around the archive, and `callback`, the Go one.

    Raises:
        LabError: the C compiler cannot link one of the two.
    """
    folder = ExportFolder(go)
    steps = [make_archive(folder, "-trimpath"), link_host(folder)]
    steps.append(folder.build("build", "-trimpath", "-o", "callback", "."))
    for step in steps:
        if not step.ok:
            folder.close()
            raise LabError(f"{step.command} failed: {said_first(step)}")
    return folder


def make_archive(folder: ExportFolder, *switches: str) -> Step:
    """Make libgo.a and libgo.h out of the package in a folder.

    Go's linker calls `ar` for it; where there is none, the one inside zig does the work.
    """
    compiler = folder.go.cc
    own: list[str] = []
    if compiler and compiler.kind == "zig" and shutil.which("ar") is None:
        script = Path(folder.temporary) / "ar"
        script.write_text(f'#!/bin/sh\nexec "{compiler.command[0]}" ar "$@"\n')
        script.chmod(0o755)
        own = [f"-ldflags=-extar={script}"]
    step = folder.build("build", *switches, *own, "-buildmode=c-archive", "-o", ARCHIVE, ".")
    return step


def link_host(folder: ExportFolder, below: str = ".") -> Step:
    """Compile host.c and link it with libgo.a, both in a folder below that of the package."""
    files = (f"{below}/host.c", f"{below}/{ARCHIVE}")
    return folder.cc("-o", f"{below}/{HOST}", *files, "-lpthread")


def archive_symbols(archive: Path) -> set[str]:
    """Return the names in an archive's table of symbols (ar(5)): what a linker may take from it.

    Raises:
        LabError: the file is no archive, or has no such table.
    """
    content = archive.read_bytes()
    start = len(ARCHIVE_MAGIC)
    if not content.startswith(ARCHIVE_MAGIC) or content[start : start + 16].rstrip() != b"/":
        raise LabError(f"{archive.name} is no archive with a table of symbols: run ranlib on it.")
    size = int(content[start + 48 : start + 58])
    table = content[start + 60 : start + 60 + size]
    (count,) = struct.unpack_from(">I", table)
    names = table[4 + 4 * count :].split(b"\0")[:count]
    return {name.decode(errors="replace") for name in names}


def replace_sources(folder: ExportFolder, files: Mapping[str, str]) -> None:
    """Put other sources into a folder in place of the program's own."""
    for file in folder.path.iterdir():
        if file.suffix in (".go", ".c", ".h"):
            file.unlink()
    for name, text in files.items():
        (folder.path / name).write_text(text)


def exports(header: Path) -> list[str]:
    """Return the declarations of exported functions in one of cgo's headers."""
    return re.findall(r"(?m)^extern .*\bgoCallback\(.*$", header.read_text())


def said_first(step: Step) -> str:
    """Return the line of a failed step that says why: the first one that is no heading."""
    lines = [line for line in step.text.splitlines() if not line.startswith(("#", "In file"))]
    return lines[0].removeprefix(f"{SOURCES}/") if lines else f"exit status {step.exit_status}"
