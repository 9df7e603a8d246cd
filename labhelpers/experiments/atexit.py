"""What a program's memory is made of when it ends: looked at in the moment before it goes.

ptrace(2) stops a process on its way out, while its memory is still there (PTRACE_O_TRACEEXIT). Its
own files in proc then tell: the peak (VmHWM, which belongs to this program alone: execve starts it
anew), and of what is left, what is backed by files and what is not (smaps_rollup).
"""

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.table import Table

TRACEME, CONT, SETOPTIONS = 0, 7, 0x4200
EXIT_EVENT = 6
OPTIONS = (1 << EXIT_EVENT) | 0x100000
"""PTRACE_O_TRACEEXIT, and PTRACE_O_EXITKILL: it does not outlive us."""
RUNS = 3


@dataclass(frozen=True)
class AtExit:
    """A program's memory at its end, in KiB.

    `peak` is the most that was ever resident; `resident` what is at the end: `files` of it are
    pages of files, which processes share, `own` are not; `share` (Pss) counts each page by how many
    processes have it.
    """

    program: str
    peak: int
    resident: int
    own: int
    files: int
    share: int
    threads: int


def impossible() -> str | None:
    """Return why no program can be stopped at its end here, in a sentence; None where one can."""
    try:
        _once("true", [shutil.which("true") or "/bin/true"], {})
    except (LabError, OSError, subprocess.SubprocessError) as error:
        return f"Programs cannot be stopped at their end here, by ptrace ({error})."
    return None


def at_exit(
    programs: Mapping[str, Sequence[str]], environment: Mapping[str, str] | None = None
) -> Table[AtExit]:
    """Start each program some times; return the run with the median peak of each.

    Raises:
        LabError: a program does not run, or may not be traced.
    """
    rows: Table[AtExit] = Table()
    for name, argv in programs.items():
        seen = [_once(name, argv, environment or {}) for _ in range(RUNS)]
        rows.append(sorted(seen, key=lambda row: row.peak)[RUNS // 2])
    return rows


def _once(name: str, argv: Sequence[str], environment: Mapping[str, str]) -> AtExit:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long

    def ptrace(request: int, pid: int, data: int) -> None:
        if libc.ptrace(request, pid, None, data):
            error = ctypes.get_errno()
            raise LabError(f"{name} may not be traced ({os.strerror(error)}).")

    process = subprocess.Popen(
        argv,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: ptrace(TRACEME, 0, 0),
    )
    found: AtExit | None = None
    try:
        # Only this thread is its tracer: all of this stays in one function.
        _, status = os.waitpid(process.pid, 0)
        if os.WIFSTOPPED(status):
            ptrace(SETOPTIONS, process.pid, OPTIONS)
        while os.WIFSTOPPED(status):
            deliver = os.WSTOPSIG(status)
            if status >> 8 == signal.SIGTRAP | EXIT_EVENT << 8:
                found = _read(name, process.pid)
            if deliver in (signal.SIGTRAP, signal.SIGSTOP):
                deliver = 0
            ptrace(CONT, process.pid, deliver)
            _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    if found is None or process.returncode:
        raise LabError(f"{name} ended with status {process.returncode}: run it by hand.")
    return found


def _read(name: str, pid: int) -> AtExit:
    place = Path("/proc") / str(pid)
    fields: dict[str, int] = {}
    for file in ("status", "smaps_rollup"):
        for line in (place / file).read_text().splitlines():
            key, _, text = line.partition(":")
            words = text.split()
            if words and words[0].isdigit():
                fields.setdefault(key, int(words[0]))
    resident, own = fields["Rss"], fields["Anonymous"]
    return AtExit(
        program=name,
        # The two are counted at different places: see startup/resident.py.
        peak=max(fields["VmHWM"], resident),
        resident=resident,
        own=own,
        files=resident - own,
        share=fields["Pss"],
        threads=fields["Threads"],
    )
