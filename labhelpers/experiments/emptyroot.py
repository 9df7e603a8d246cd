"""A program started where there is no other file: the proof of what it needs.

The new root is made by chroot(2) in a user namespace of its own (user_namespaces(7)), which anybody
may do where the kernel allows it; else by chroot(2) alone, which needs CAP_SYS_CHROOT. A chroot is
no jail: it takes away files, and neither the network nor other processes.
"""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from labhelpers.binary.elf import open_elf
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.table import Table

Method = Literal["user namespace", "chroot"]

EMPTY, WITH_LOADER, WITH_LIBRARIES = "empty", "with its loader", "with loader and libraries"
"""The roots of `in_growing_roots`."""

# Runs in a process of its own: after unshare(2) or chroot(2) there is no way back. It says through
# the pipe how far it came; execve(2) closes the pipe, so that silence after "exec" means success.
ENTER = """
import ctypes, json, os, sys
order = json.loads(sys.argv[1])
report = order["report"]
os.set_inheritable(report, False)
libc = ctypes.CDLL(None, use_errno=True)
def tell(step, number):
    os.write(report, json.dumps([step, number]).encode() + b"\\n")
step = "unshare"
try:
    if order["method"] == "user namespace":
        user, group = os.geteuid(), os.getegid()
        if libc.unshare(0x10000000):  # CLONE_NEWUSER
            raise OSError(ctypes.get_errno(), "unshare")
        step = "map"
        maps = [("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")]
        for name, text in [("setgroups", "deny"), *maps]:
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(descriptor, text.encode())
            os.close(descriptor)
    step = "chroot"
    os.chroot(order["root"])
    os.chdir("/")
    step = "exec"
    os.execve(order["argv"][0], order["argv"], order["environment"])
except OSError as error:
    tell(step, error.errno)
    os._exit(127)
"""


@dataclass(frozen=True)
class RootRun:
    """One start in a root that held nothing but `files`.

    `refused` is the name of the errno(3) with which execve(2) refused, None where the program began
    to run. `exit_status` is None where it did not, negative where a signal ended it (128 is not
    added). `method` says how the root was made.
    """

    program: str
    files: tuple[str, ...]
    refused: str | None
    exit_status: int | None
    output: str
    errors: str
    method: Method

    @property
    def started(self) -> bool:
        """Whether the kernel took the file; a loader that then finds no library counts, too."""
        return self.refused is None

    @property
    def ok(self) -> bool:
        """Whether the program ran to its end and exited with 0."""
        return self.exit_status == 0

    @property
    def outcome(self) -> str:
        """What happened, in a few words: "execve: ENOENT", "exit 0", "signal SIGSEGV"."""
        if self.refused:
            return f"execve: {self.refused}"
        if self.exit_status is not None and self.exit_status < 0:
            return f"signal {signal.Signals(-self.exit_status).name}"
        return f"exit {self.exit_status}"


def run_in_empty_root(
    program: Path,
    *arguments: str,
    files: Mapping[str, Path | bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    method: Method | None = None,
) -> RootRun:
    """Start a program in a root that holds its own file and `files`, and nothing else.

    Args:
        program: the file; in the new root it lies at `/` with its own name.
        arguments: for the program.
        files: what else is to be there: an absolute path in the new root, and a file or its bytes.
        environment: all variables that the program gets; none by default.
        timeout: seconds after which it is killed.
        method: how to make the root; None takes the first that this machine allows.

    Raises:
        LabError: no root can be made here, the program cannot be copied, or it did not end in time.
    """
    method = method or _method()
    with tempfile.TemporaryDirectory(dir=cache_dir("roots"), prefix="root-") as folder:
        root = Path(folder)
        inside = f"/{program.name}"
        placed = {inside: program, **(files or {})}
        for name, content in placed.items():
            _place(root, name, content)
        step, number, status, output, errors = _enter(
            root, [inside, *arguments], environment or {}, timeout, method
        )
    if step not in ("", "exec"):
        raise LabError(
            f"This machine allows no empty root by {method} ({step}: {os.strerror(number)}): "
            "run the lab as root, or where user namespaces are allowed."
        )
    return RootRun(
        program=program.name,
        files=tuple(sorted(placed)),
        refused=errno.errorcode.get(number, str(number)) if step else None,
        exit_status=None if step else status,
        output=output,
        errors=errors,
        method=method,
    )


@dataclass(frozen=True)
class RootRow:
    """One start in one of the roots of `in_growing_roots`, in words for a table.

    `files` counts what the root held beside the program; `outcome` is `RootRun.outcome`, `runs`
    says whether the program exited with 0, and `says` is the last line that it wrote to standard
    error.
    """

    file: str
    root: str
    files: int
    outcome: str
    runs: bool
    says: str


def in_growing_roots(
    program: Path, name: str, environment: Mapping[str, str] | None = None
) -> Table[RootRow]:
    """Start a program in an empty root, then with its loader, then with its libraries as well.

    A program that asks for neither is started once. `name` is what to call it in the rows.

    Raises:
        LabError: as `run_in_empty_root` and `loader_and_libraries`.
    """
    needed = loader_and_libraries(program)
    loader = dict(list(needed.items())[:1])
    roots: dict[str, dict[str, Path | bytes]] = {EMPTY: {}}
    if loader:
        roots[WITH_LOADER] = {**loader}
    if len(needed) > len(loader):
        roots[WITH_LIBRARIES] = {**needed}
    rows: Table[RootRow] = Table()
    for root, files in roots.items():
        run = run_in_empty_root(program, files=files, environment=environment)
        says = run.errors.strip().rpartition("\n")[2]
        rows.append(RootRow(name, root, len(files), run.outcome, run.ok, says))
    return rows


def impossible() -> str | None:
    """Return why this machine lets nobody make an empty root, in a sentence; None where it does."""
    try:
        _method()
    except LabError as error:
        return str(error)
    return None


def loader_and_libraries(program: Path) -> dict[str, Path]:
    """Return what a dynamic program needs to start here: path in the root, and the file.

    The program's own loader is asked (`ld.so --list`, ld.so(8)); ldd(1) does the same.

    Raises:
        LabError: the file is no ELF file, or its loader is not here or does not know a library.
    """
    with open_elf(program) as elf:
        asked = next((s for s in elf.segments if s.type == "PT_INTERP"), None)
        loader = elf.read(asked.offset, asked.file_size).rstrip(b"\0").decode() if asked else ""
    if not loader:
        return {}
    try:
        answer = subprocess.run(
            [loader, "--list", str(program)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"LC_ALL": "C"},
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"The loader {loader} of {program.name} does not run: {error}.") from error
    if "not found" in answer.stdout:
        raise LabError(f"{program.name} needs a library that is not here:\n{answer.stdout}")
    found = [word for word in answer.stdout.split() if word.startswith("/")]
    return {path: Path(path).resolve() for path in dict.fromkeys([loader, *found])}


@cache
def _method() -> Method:
    """Return the first way to an empty root that works here; a program need not be started."""
    refusals = []
    for method in get_args(Method):
        with tempfile.TemporaryDirectory(dir=cache_dir("roots"), prefix="root-") as folder:
            step, number, *_ = _enter(Path(folder), ["/nothing"], {}, 10.0, method)
        if step == "exec":
            return method  # type: ignore[no-any-return]
        refusals.append(f"{method}: {step}, {os.strerror(number)}")
    raise LabError(f"This machine lets nobody make an empty root ({'; '.join(refusals)}).")


def _place(root: Path, name: str, content: Path | bytes) -> None:
    """Put one file into the root, with the permissions of a program."""
    pure = PurePosixPath(name)
    if not pure.is_absolute() or ".." in pure.parts:
        raise LabError(f"{name!r} is no absolute path in the new root: write it like /lib/x.so.")
    target = root / pure.relative_to("/")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)
        target.chmod(0o755)
    except OSError as error:
        raise LabError(
            f"{content!r} cannot be copied into a new root: {error.strerror}."
        ) from error


def _enter(
    root: Path, argv: list[str], environment: Mapping[str, str], timeout: float, method: Method
) -> tuple[str, int, int, str, str]:
    """Return the step that failed ("" for none) with its errno, the exit status, and the output."""
    reading, report = os.pipe()
    try:
        order = {
            "report": report,
            "method": method,
            "root": str(root),
            "argv": argv,
            "environment": dict(environment),
        }
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", ENTER, json.dumps(order)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=[report],
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(
                f"{argv[0]} did not end in its empty root within {timeout:g} s and was killed."
            ) from error
        finally:
            os.close(report)
        said = os.read(reading, 1024)
    finally:
        os.close(reading)
    step, number = json.loads(said) if said else ("", 0)
    output, errors = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return step, number, done.returncode, output, errors
