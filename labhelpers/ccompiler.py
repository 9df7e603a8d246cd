"""Which C compiler the Go command gets: the user's, the machine's, or the wheel `ziglang`."""

import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from labhelpers.errors import LabError

Kind = Literal["gcc", "clang", "zig", "other"]
Source = Literal["$CC", "PATH", "ziglang"]

NEWEST_ZIG_GLIBC = (2, 42)
"""The newest glibc that ziglang 0.15.2 can link against."""

ZIG_FLAGS = (
    # Zig adds UBSan to whatever is compiled without -O; no other C compiler does so by itself.
    "-fno-sanitize=undefined",
    # Zig links with -z now, so that a start would pay for resolving every C function: gcc's default
    # is lazy binding.
    "-Wl,-z,lazy",
    # Zig drops sections that nothing refers to, Go's own .go.fipsinfo among them: gcc keeps them.
    "-Wl,--no-gc-sections",
)


@dataclass(frozen=True)
class CCompiler:
    """A C compiler that answered. `version` is its own first line, `source` where it was found."""

    command: tuple[str, ...]
    version: str
    kind: Kind
    source: Source

    @property
    def static_command(self) -> tuple[str, ...]:
        """The command for a build that ends in `-extldflags=-static`.

        Zig carries no static glibc ("libc of the specified target requires dynamic linking"), but
        a static musl: there the C library is another one, which a reader should be told.
        """
        if self.source != "ziglang":
            return self.command
        return zig_command(self.command[0], f"{platform.machine()}-linux-musl")

    @property
    def identity(self) -> str:
        """What decides about the code it makes: name, flags and version, without its folder."""
        return f"{shlex.join([Path(self.command[0]).name, *self.command[1:]])}: {self.version}"


def find_c_compiler(environ: Mapping[str, str] = os.environ) -> CCompiler | None:
    """Return `$CC`, else the first of cc, gcc and clang in PATH that runs, else ziglang, else None.

    Raises:
        LabError: `$CC` is set to something that does not run.
    """
    path = environ.get("PATH", os.defpath)
    if wanted := environ.get("CC", "").strip():
        return _from_variable(wanted, path)
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name, path=path)
        if found and (compiler := _probe((found,), "PATH")):
            return compiler
    return _ziglang()


def zig_command(zig: str, target: str) -> tuple[str, ...]:
    """Return `zig cc` for a target; without a target zig would compile for this very CPU model."""
    return (zig, "cc", "-target", target, *ZIG_FLAGS)


def zig_glibc_target(machine: str, glibc: str) -> str:
    """Return zig's name for this machine with the glibc it runs, as gcc would link against it.

    With zig's own default, an old glibc, a program asks for libpthread and libresolv beside libc,
    and each library that is loaded makes a start longer.
    """
    version = tuple(int(part) for part in glibc.split(".")[:2])
    return f"{machine}-linux-gnu.{'.'.join(map(str, min(version, NEWEST_ZIG_GLIBC)))}"


def _from_variable(wanted: str, path: str) -> CCompiler:
    try:
        words = shlex.split(wanted)
    except ValueError as error:
        raise LabError(
            f"$CC is {wanted!r}, which is no command ({error}): correct or unset CC."
        ) from error
    found = shutil.which(words[0], path=path)
    compiler = _probe((found, *words[1:]), "$CC") if found else None
    if compiler is None:
        raise LabError(
            f"$CC is {wanted!r}, but that does not run: set CC to a C compiler, "
            "or unset it to use the one in PATH."
        )
    return compiler


def _ziglang() -> CCompiler | None:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        zig = distribution("ziglang").locate_file("ziglang/zig")
    except PackageNotFoundError:
        return None
    library, version = platform.libc_ver()
    if library != "glibc":
        return None
    target = zig_glibc_target(platform.machine(), version)
    return _probe(zig_command(str(zig), target), "ziglang")


@cache
def _probe(command: tuple[str, ...], source: Source) -> CCompiler | None:
    """Ask a compiler for its version; None when it does not run or fails."""
    question = [command[0], "version"] if source == "ziglang" else [*command, "--version"]
    try:
        answer = subprocess.run(
            question, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode or not answer.stdout.strip():
        return None
    version = answer.stdout.splitlines()[0].strip()
    if source == "ziglang":
        version = f"zig {version}"
    return CCompiler(command, version, _kind(command, answer.stdout), source)


def _kind(command: tuple[str, ...], answer: str) -> Kind:
    if Path(command[0]).name.startswith("zig") or "ziglang" in command:
        return "zig"
    if "clang" in answer:
        return "clang"
    return "gcc" if "Free Software Foundation" in answer else "other"
