"""How much memory a program has resident at its peak, whatever size the process is that asks.

A child's `ru_maxrss` (getrusage(2)) is never below the peak of the process that spawned it: execve
adds what the address space before it had reached (Linux fs/exec.c, exec_mmap), and after vfork(2)
or posix_spawn(3) that is the parent's. So the program is started from a launcher that is smaller
than any Go program: `launcher.c`, linked statically, or without a C compiler a bare Python. What
the launcher itself needs is known; a figure that is not above it is said to be an upper bound.

Since Linux 6.2 the kernel counts resident pages for each processor apart and adds them up in steps
(32 pages, or twice the number of processors where that is more: lib/percpu_counter.c), so that a
figure may lie that far below the truth for each processor that the program ran on.
"""

import contextlib
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Literal

from labhelpers.ccompiler import CCompiler, find_c_compiler
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir, unwritable
from labhelpers.startup.command import Command, LaunchFailed, no_descriptor
from labhelpers.startup.spawn import observe
from labhelpers.toolchain import toolchain

PATIENCE = 1.0
"""Seconds after which no further launch is begun, so that a long program runs once."""

PYTHON_LAUNCHER = """
import os, resource, signal, sys
report = int(sys.argv[1])
os.set_inheritable(report, False)
def tell(*numbers):
    os.write(report, (" ".join(map(str, numbers)) + "\\n").encode())
with open("/proc/self/environ", "rb") as file:  # Python may have added LC_CTYPE to its own
    pairs = [entry.partition(b"=") for entry in file.read().split(b"\\0") if entry]
try:
    pid = os.posix_spawn(sys.argv[2], sys.argv[2:], {name: value for name, _, value in pairs})
except OSError as error:
    tell(0, 0, error.errno)
    sys.exit(127)
_, status, usage = os.wait4(pid, 0)
with open("/proc/self/status") as file:
    own = next((line.split()[1] for line in file if line.startswith("VmHWM:")), 0)
tell(usage.ru_maxrss, own, 0)
code = os.waitstatus_to_exitcode(status)
if code < 0:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
"""What `launcher.c` does, for a machine without C compiler. It is much larger than a small Go
program, but its size is always the same and it knows it."""


@dataclass(frozen=True)
class Resident:
    """The peak of a program's resident set, in KiB (1,024 bytes).

    `upper_bound` says that the program needs at most this much, and how much less is not known.
    `method` is "launcher" (in C) or "wait4" (from a bare Python); `note` is a sentence where there
    is something to say about it.
    """

    kib: int
    method: Literal["launcher", "wait4"]
    upper_bound: bool
    note: str = ""


@dataclass(frozen=True)
class Launcher:
    """What starts a program and tells of its memory: the words before the program's own."""

    words: tuple[str, ...]
    method: Literal["launcher", "wait4"]
    note: str = ""


def peak_resident(command: Command, timeout: float = 10.0, launches: int = 5) -> Resident:
    """Start a program some times and return the median of its peaks.

    It gets its arguments, environment and streams as in any other launch; a server is asked once.

    Args:
        command: what to start.
        timeout: seconds for one start.
        launches: how many starts; fewer where they take long (`PATIENCE`).

    Raises:
        LaunchFailed: as `observe`: not executable, a status other than 0, a signal, out of time.
            No process is left behind.
    """
    launcher = find_launcher(find_c_compiler())
    begin = time.monotonic()
    seen = [_peak(command, timeout, launcher)]
    while len(seen) < launches and time.monotonic() - begin < PATIENCE:
        seen.append(_peak(command, timeout, launcher))
    peak = statistics.median_low(peak for peak, _ in seen)
    own = max(own for _, own in seen)
    if peak > own:
        return Resident(peak, launcher.method, upper_bound=False, note=launcher.note)
    note = f"{command.name} needs no more memory than the {own:,} KiB of what started it."
    return Resident(
        max(peak, own), launcher.method, upper_bound=True, note=f"{note} {launcher.note}".strip()
    )


def find_launcher(compiler: CCompiler | None) -> Launcher:
    """Return the launcher that this compiler makes, from the cache where it is there already.

    Raises:
        LabError: the cache cannot be written to.
    """
    if compiler is None:
        return _python("There is no C compiler for a smaller one.")
    for command, note in (
        ((*compiler.static_command, "-O1", "-static"), ""),
        ((*compiler.command, "-O1"), "It is linked dynamically: no static C library is here."),
    ):
        if made := _compiled(command, compiler):
            return Launcher((str(made),), "launcher", note)
    return _python("The C compiler here cannot link a program.")


def _python(reason: str) -> Launcher:
    return Launcher((sys.executable, "-I", "-S", "-c", PYTHON_LAUNCHER), "wait4", reason)


def _compiled(command: tuple[str, ...], compiler: CCompiler) -> Path | None:
    """Return the compiled launcher, None where this command does not link one."""
    source = files("labhelpers.startup") / "launcher.c"
    text = source.read_text()
    names = [Path(command[0]).name, *command[1:], compiler.version, text]
    place = cache_dir("launcher") / sha256("\0".join(names).encode()).hexdigest()[:24]
    if os.access(place, os.X_OK):
        return place
    try:
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="tmp-") as scratch:
            code, made = Path(scratch, "launcher.c"), Path(scratch, "launcher")
            code.write_text(text)
            done = subprocess.run(
                [*command, "-o", str(made), str(code)],
                env=toolchain("current").environment() | {"TMPDIR": scratch},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=600,
                check=False,
            )
            if done.returncode or not os.access(made, os.X_OK):
                return None
            made.replace(place)  # by one rename: another process may do the same
    except OSError as error:
        raise unwritable(place.parent, error.strerror or error) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{shlex.join(command)} did not end within ten minutes.") from error
    return place


def _peak(command: Command, timeout: float, launcher: Launcher) -> tuple[int, int]:
    """Start a program once; return its peak and the launcher's own, in KiB."""
    try:
        told, report = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise no_descriptor(command, error) from error
    try:
        os.set_inheritable(report, True)
        argv = (*launcher.words, str(report), *command.argv)
        failure = None
        try:
            observe(replace(command, argv=argv, main=None), timeout)
        except LaunchFailed as error:
            failure = error
        # To the end of the line and no further: another thread may have spawned a process
        # meanwhile that holds the other end of the pipe open.
        line = b""
        with contextlib.suppress(BlockingIOError):
            line = os.read(told, 100)
    finally:
        os.close(told)
        os.close(report)
    numbers = [int(word) for word in line.split()] if line.endswith(b"\n") else []
    if len(numbers) == 3 and numbers[2]:
        raise LaunchFailed(
            f"{command.name} could not be started ({os.strerror(numbers[2])}: {command.argv[0]}): "
            "check that the file is there and executable."
        )
    if failure:
        raise failure
    if len(numbers) != 3:
        raise LaunchFailed(f"{command.name} was started, and nothing was told of its memory.")
    return numbers[0], numbers[1]
