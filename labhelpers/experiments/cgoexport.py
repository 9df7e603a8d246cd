"""What cgo writes for an exported Go function, and what each kind of trimming does to it.

A build of the program `callback` is watched with `go build -x -work`: the header _cgo_export.h that
cgo leaves in the build's own temporary folder, the words that the compiler gets, and the paths that
end up in the file. The go command always gives the compiler a -trimpath, for that temporary folder
(cmd/go/internal/work/gc.go, `trimPath`); of two, the compiler obeys the last (golang/go#24976).
"""

import re
import secrets
import shlex
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labhelpers.build import language
from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import NO_COMPILER, CFolder, Step
from labhelpers.paths import cache_dir
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SWITCHES = {
    "none": (),
    "-trimpath": ("-trimpath",),
    "-gcflags=-trimpath": ("-gcflags=-trimpath",),
    "-gcflags=-trimpath=": ("-gcflags=-trimpath=",),
    "both": ("-trimpath", "-gcflags=-trimpath="),
}
"""The switches to try, by the name they have in tables: `both` is the second with the fourth."""

Question = Callable[[Toolchain], Table[Any]]
PROGRAM, HEADER = "callback", "_cgo_export.h"
SOURCES, WORK = "$SOURCES", "$WORK"
"""The folder of the sources, and that of one build, whose name the go command draws each time."""


@dataclass(frozen=True)
class Tried:
    """One build of `callback` with one switch.

    `error` is empty where it builds, and `prints` what the program then prints. Of the header:
    which files it includes, how many absolute paths it names, and whether it is equal to the byte
    to that of a build with no switch. `compiler_told` are the values of -trimpath on the compiler's
    command line, in order, of which the last one counts; `cgo_told` says whether -trimpath is on
    that of cgo, and `header_first` whether cgo runs before the compiler. Then: does the file name
    the folder of the sources, and that of the build? And a panic's trace: its functions and files.
    """

    go: str
    switch: str
    error: str
    prints: str
    includes: str
    header_paths: int
    header_same: bool
    compiler_told: str
    cgo_told: bool
    header_first: bool
    names_sources: bool
    names_temporary: bool
    functions: str
    files: str


class ExportFolder(CFolder):
    """A copy of `callback` to build in, with a temporary folder for the go command beside it.

    In all texts the two are $SOURCES and $WORK: their names are drawn, and the second lies outside
    of the first, as it does for everybody.
    """

    def __init__(self, go: Toolchain) -> None:
        """Copy the program; its go.mod is made to ask for this release's Go.

        Raises:
            LabError: the cache cannot be written to.
        """
        super().__init__(PROGRAM, go)
        self._temporary = tempfile.TemporaryDirectory(dir=cache_dir("c"), prefix="go-")
        self.temporary = self._temporary.name
        self.build("mod", "edit", f"-go={language(go.release)}")

    def build(self, *words: str) -> Step:
        """Run `go` with these words, cgo switched on."""
        variables = {"CGO_ENABLED": "1", "TMPDIR": self.temporary}
        step = self.run(str(self.go.go), *words, variables=variables)
        return Step(shlex.join(["go", *words]), step.exit_status, step.output, step.errors)

    def build_watched(self, *switches: str) -> tuple[Step, Path]:
        """Build anew; return the step, with every command in its errors, and where cgo's files are.

        Raises:
            LabError: the go command left no temporary folder behind.
        """
        never_built(self)
        step = self.build("build", "-x", "-work", *switches, "-o", PROGRAM, ".")
        if not (found := re.search(r"(?m)^WORK=.*/(go-build\d+)$", step.errors)):
            raise LabError(f"go build -work named no folder: {step.first_line}")
        return step, Path(self.temporary) / found[1] / "b001"

    def close(self) -> None:
        """Remove both folders."""
        self._temporary.cleanup()
        super().close()

    def _short(self, text: str) -> str:
        text = re.sub(r"/[^\s\"'=;]*/go-build\d+(?=/)", WORK, text)
        return text.replace(str(self.path), SOURCES)


def never_built(folder: ExportFolder) -> None:
    """Make the package one that the build cache has not seen, without changing what it does.

    A comment of fixed length at the end of walk.h, so that no line and no byte of code moves.
    """
    header = folder.path / "walk.h"
    text = re.sub(r"// [0-9a-f]{16}\n\Z", "", header.read_text())
    header.write_text(f"{text}// {secrets.token_hex(8)}\n")


def try_switches(go: Toolchain) -> Table[Tried]:
    """Build `callback` with each of SWITCHES, look at what cgo wrote, and run the program."""
    rows: Table[Tried] = Table()
    plain = b""
    with closing(ExportFolder(go)) as folder:
        for name, switches in SWITCHES.items():
            step, work = folder.build_watched(*switches)
            header = (work / HEADER).read_bytes()
            plain = plain or header
            rows.append(_tried(folder, name, step, header, plain))
    return rows


def header_of(go: Toolchain, *switches: str) -> str:
    """Return the text of the _cgo_export.h of a build of `callback`."""
    with closing(ExportFolder(go)) as folder:
        _, work = folder.build_watched(*switches)
        return (work / HEADER).read_text()


def repeats(go: Toolchain, *switches: str) -> bool:
    """Say whether two builds in one folder give the same bytes, the build cache left aside.

    The build ID is left out (-ldflags=-buildid=): it names what went into a build, and here that is
    a comment that differs.
    """
    files = []
    with closing(ExportFolder(go)) as folder:
        for _ in range(2):
            step, _ = folder.build_watched(*switches, "-ldflags=-buildid=")
            files.append(folder.file(PROGRAM).read_bytes() if step.ok else b"")
    return files[0] == files[1] != b""


def trace(folder: ExportFolder) -> list[tuple[str, str]]:
    """Let `callback` panic; return function and file of each frame of the main goroutine."""
    text = folder.run(f"./{PROGRAM}", "panic").errors
    return re.findall(r"(?m)^([\w./]+)\(.*\)\n\t(\S+?):\d+", text)


def _tried(folder: ExportFolder, name: str, step: Step, header: bytes, plain: bytes) -> Tried:
    lines = step.errors.splitlines()
    cgo = next((at for at, line in enumerate(lines) if "/cgo " in line and "-objdir" in line), 0)
    own = (at for at, line in enumerate(lines) if "/compile " in line and " -p main " in line)
    compiled = next(own, 0)
    file = folder.file(PROGRAM).read_bytes() if step.ok else b""
    frames = trace(folder) if step.ok else []
    text = header.decode()
    return Tried(
        go=folder.go.release,
        switch=name,
        error="" if step.ok else step.text.splitlines()[-1],
        prints=folder.run(f"./{PROGRAM}").output.strip() if step.ok else "",
        includes=" ".join(sorted(set(re.findall(r"(?m)^\s*#include (\S+)", text)))),
        header_paths=len(re.findall(r'["<]/', text)),
        header_same=header == plain,
        compiler_told=" then ".join(trimpath_values(lines[compiled])),
        cgo_told="trimpath" in lines[cgo],
        header_first=cgo < compiled,
        names_sources=f"{folder.path}/main.go".encode() in file,
        names_temporary=re.search(rb"/go-build\d+/", file) is not None,
        functions=" ".join(function for function, _ in frames),
        files=" ".join(file for _, file in frames),
    )


def trimpath_values(line: str) -> list[str]:
    """Return the values of -trimpath on a line of `go build -x`, as Go's package flag reads them.

    A -trimpath with no value takes the next word for one, whatever that is.
    """
    words = shlex.split(line)
    values: list[str] = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "-trimpath":
            values.append(following)
        elif word.startswith("-trimpath="):
            values.append(word.removeprefix("-trimpath=") or "(empty)")
    return values


def impossible(go: Toolchain) -> str | None:
    """Return why no C can be built into a Go program here, in a sentence; None: it can."""
    if go.cc is None:
        return NO_COMPILER
    with closing(ExportFolder(go)) as folder:
        step = folder.cc("-c", "-o", "walk.o", "-include", "walk.h", "-xc", "/dev/null")
        return None if step.ok else f"The C compiler of this machine fails ({step.first_line})."


def in_releases(question: Question, releases: Sequence[Toolchain]) -> list[dict[str, Any]]:
    """Put a question to several releases at once; return all rows, flat, in their order."""
    with ThreadPoolExecutor(len(releases)) as pool:
        return [row for rows in pool.map(question, releases) for row in rows.to_dicts()]
