"""How the go command links: which packages bring C, what the linker is given, and who it is.

Go's own linker is part of the go command's toolchain (cmd/link) and reads Go's own object format
(cmd/internal/goobj); an ld is called for external linking only.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain

ELF_MAGIC = b"\x7fELF"
GO_OBJECT_MAGIC = b"\x00go120ld"
"""The first bytes of a Go object, the same since Go 1.20 (cmd/internal/goobj/objfile.go)."""


@dataclass(frozen=True)
class GoObject:
    """What the compiler left for Go's linker: bytes, and whether they hold Go's or ELF's format."""

    bytes: int
    is_go: bool
    is_elf: bool


def cgo_packages(
    program: Program, toolchain: Toolchain, cgo: bool, tags: tuple[str, ...] = ()
) -> list[str]:
    """Return which of the packages that a program is made of have files with C in this build.

    Raises:
        LabError: `go list` failed.
    """
    words = ["list", "-deps", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}"]
    words += [f"-tags={','.join(tags)}"] if tags else []
    return _go(program, toolchain, [*words, "."], {"CGO_ENABLED": str(int(cgo))}).split()


def compiled_object(program: Program, toolchain: Toolchain, package: str = "fmt") -> GoObject:
    """Compile one package that a program may import, and look at what the linker would get of it.

    Raises:
        LabError: `go build` failed.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("c"), prefix="go-") as folder:
        file = Path(folder) / "package.a"
        words = ["build", "-buildmode=archive", "-o", str(file), package]
        _go(program, toolchain, words, {"CGO_ENABLED": "0"})
        content = file.read_bytes()
    return GoObject(len(content), GO_OBJECT_MAGIC in content, ELF_MAGIC in content)


def builds_without_tools(program: Program, toolchain: Toolchain) -> bool:
    """Say whether a program builds where PATH names an empty folder: no gcc, no ld, nothing.

    Raises:
        LabError: the cache cannot be written to.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("c"), prefix="go-") as folder:
        nothing = Path(folder) / "nothing"
        nothing.mkdir()
        words = ["build", "-o", str(Path(folder) / program.name), "."]
        variables = {"CGO_ENABLED": "0", "PATH": str(nothing), "CC": "/nothing"}
        try:
            _go(program, toolchain, words, variables)
        except LabError:
            return False
        return (Path(folder) / program.name).is_file()


def _go(program: Program, toolchain: Toolchain, words: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(
        [str(toolchain.go), *words],
        cwd=program.folder,
        env=toolchain.environment() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError(f"go {words[0]} failed for {program.name}: {done.stderr.strip()}")
    return done.stdout
