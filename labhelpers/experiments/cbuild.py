"""C by hand: a scratch folder with C sources, and the compiler and other tools run in it.

Commands are kept as one would type them in that folder, so that they name no path of this machine.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.programs import labs_folder
from labhelpers.toolchain import Toolchain, toolchain

NO_COMPILER = (
    "This machine has no C compiler: install gcc, or `pip install ziglang==0.15.2`, and run again."
)
ARCHIVE_MAGIC = b"!<arch>\n"


@dataclass(frozen=True)
class Step:
    """One command and what it gave; the folder's own path is left out of command and texts."""

    command: str
    exit_status: int
    output: str
    errors: str

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.exit_status == 0

    @property
    def text(self) -> str:
        """All that it printed, errors first: they come first on a terminal, too."""
        return (self.errors + self.output).strip()

    @property
    def first_line(self) -> str:
        """The first line of all that it printed, empty where it printed nothing."""
        return self.text.partition("\n")[0].strip()


class CFolder:
    """A folder of `labs/programs` with C sources, copied to where things may be made.

    Use it in a `with` statement, or call `close`; it also goes when the object does.
    """

    def __init__(self, name: str = "relocations", go: Toolchain | None = None) -> None:
        """Copy the sources; the C compiler is the toolchain's.

        Raises:
            LabError: there is no such folder, or the cache cannot be written to.
        """
        sources = labs_folder() / "programs" / name
        if not any(sources.glob("*.c")):
            raise LabError(f"There is no folder with C programs named {name!r} in labs/programs.")
        self.go = go or toolchain("current")
        self._scratch = tempfile.TemporaryDirectory(dir=cache_dir("c"), prefix=f"{name}-")
        self.path = Path(self._scratch.name)
        for file in sorted(sources.iterdir()):
            shutil.copy(file, self.path)

    def cc(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Step:
        """Run the C compiler. Zig links statically against musl, which is another C library.

        Raises:
            LabError: there is no C compiler, or it took more than ten minutes.
        """
        if self.go.cc is None:
            raise LabError(NO_COMPILER)
        static = {"-static", "-static-pie"}.intersection(arguments)
        command = self.go.cc.static_command if static else self.go.cc.command
        return self.run(*command, *arguments, variables=variables)

    def lines(self, *lines: str) -> list[Step]:
        """Run the C compiler with the words of each line; do nothing where it is `impossible`."""
        return [] if self.impossible else [self.cc(*shlex.split(line)) for line in lines]

    def run(
        self, *command: str, variables: Mapping[str, str] | None = None, timeout: float = 600
    ) -> Step:
        """Run any command in the folder, with `LC_ALL=C` and nothing of the user's CFLAGS.

        Raises:
            LabError: it cannot be started, or did not end in time.
        """
        environment = self.go.environment() | dict(variables or {})
        try:
            done = subprocess.run(
                command,
                cwd=self.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"{shlex.join(command)} could not be run: {error}.") from error
        words = [f"{name}={value}" for name, value in (variables or {}).items()]
        words += [Path(command[0]).name, *command[1:]]
        return Step(
            self._short(shlex.join(words)),
            done.returncode,
            self._short(done.stdout.decode(errors="replace")),
            self._short(done.stderr.decode(errors="replace")),
        )

    def file(self, name: str) -> Path:
        """Return a file of the folder.

        Raises:
            LabError: no command has made it.
        """
        path = self.path / name
        if not path.is_file():
            raise LabError(f"{name} was not made: run the commands above first.")
        return path

    def size(self, name: str) -> int:
        """Return a file's size in bytes."""
        return self.file(name).stat().st_size

    @cached_property
    def libc_archive(self) -> Path | None:
        """The static C library that the compiler would link, None where it has none on disk.

        Zig makes its own when it needs one.
        """
        if self.go.cc is None or self.go.cc.kind not in ("gcc", "clang"):
            return None
        said = self.cc("-print-file-name=libc.a").output.strip()
        return Path(said).resolve() if os.path.isabs(said) else None  # noqa: PTH117

    @cached_property
    def impossible(self) -> str | None:
        """Why no C program can be linked here, neither dynamically nor statically; None: it can."""
        if self.go.cc is None:
            return NO_COMPILER
        (self.path / "try.c").write_text("int main(void) { return 0; }\n")
        for arguments in (["-o", "try"], ["-static", "-o", "try"]):
            step = self.cc(*arguments, "try.c")
            if not step.ok:
                return (
                    f"The C compiler of this machine cannot link ({step.first_line}): "
                    "install the C library's files for development, the static ones as well."
                )
        return None

    def no_ld(self) -> str | None:
        """Return why the commands of GNU ld cannot be tried here, in a sentence; None: they can."""
        if self.impossible:
            return self.impossible
        if not self.gnu():
            return "GNU ld and gcc are not both on this machine, and these lines are theirs."
        return None

    def gnu(self) -> bool:
        """Say whether this machine has gcc, GNU ld, and a static C library to give to them."""
        compiler = self.go.cc
        return bool(
            compiler
            and compiler.kind == "gcc"
            and shutil.which("ld")
            and self.libc_archive
            and "GNU ld" in self.run("ld", "--version").output
        )

    def close(self) -> None:
        """Remove the folder."""
        self._scratch.cleanup()

    def __enter__(self) -> "CFolder":
        """Return the folder."""
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        """Remove the folder."""
        self.close()

    def _short(self, text: str) -> str:
        return text.replace(f"{self.path.resolve()}/", "").replace(f"{self.path}/", "")


def archive_members(archive: Path) -> int:
    """Return how many object files an archive (ar(5)) holds; its tables of names do not count.

    Raises:
        LabError: the file is no archive.
    """
    content = archive.read_bytes()
    if not content.startswith(ARCHIVE_MAGIC):
        raise LabError(f"{archive} is no archive: name a file like libc.a.")
    count, at = 0, len(ARCHIVE_MAGIC)
    while at + 60 <= len(content):
        name, size = content[at : at + 16].rstrip(), int(content[at + 48 : at + 58])
        count += name not in (b"/", b"//", b"/SYM64/")
        at += 60 + size + size % 2
    return count
