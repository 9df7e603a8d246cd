"""Record what another kernel says of vm.mmap_min_addr: run in a machine booted for this alone.

    GOLAB_RECORD=1 python tests/record_kernel.py PROGRAM=FILE …

Its records, `data/recorded/10-other-*.json`, stand beside what lab 10 finds on a reader's machine.
Some of them need the limit changed, and that is every process's limit: the script refuses to run
unless the word `golab.disposable` is on the kernel's command line, which only an emulated machine
made for it has. With QEMU: Debian's linux-image-amd64 as -kernel, the host's files by -virtfs,
`-append "… golab.disposable"`, and a RAM disk over data/recorded. Each PROGRAM is a name for a Go
program built before; it is started by root and by nobody while the limit is raised.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.mmapcalls import (
    FOLDER,
    LIMIT_FILE,
    PAGE,
    Limits,
    ask_everybody,
    error_name,
    made,
    packed,
)
from labhelpers.experiments.mmaphelper import lift
from labhelpers.experiments.mmapstarts import Request, start_maps
from labhelpers.recorded import live_or_recorded

RAISED = (1 << 16, 1 << 22, (1 << 22) + PAGE, 1 << 40, 1 << 46)
"""Limits to start programs under; 4 MB is where Go's linker puts a program that is no PIE."""
NOBODY = 65534

WRITE = """
import ctypes, os, sys
who, file, value = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
if who == "nobody":
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
if who == "root-without":
    head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(head, data)
    for index in (0, 1):
        data[index] &= ~(1 << 17)  # CAP_SYS_RAWIO
    libc.capset(head, data)
if who == "namespace" and libc.unshare(0x10000000) == 0:  # CLONE_NEWUSER, root is root in it
    for name, text in (("uid_map", "0 0 1"), ("setgroups", "deny"), ("gid_map", "0 0 1")):
        with open(f"/proc/self/{name}", "w") as out:
            out.write(text)
if who == "container":
    libc.unshare(0x00020000 | 0x20000000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x40000000)
try:
    target = os.open(file, os.O_WRONLY)
except OSError as error:
    print("open", error.errno)
else:
    try:
        os.write(target, value.encode())
        print("written", 0)
    except OSError as error:
        print("write", error.errno)
"""
"""Tries to write; `namespace`: a user namespace, `container`: all the others (unshare(2))."""


def writes(value: int = 1 << 17) -> list[dict[str, Any]]:
    """Let several try to write the limit, and return what they and everybody else read then."""
    rows = []
    before = LIMIT_FILE.read_text().strip()
    for who in ("nobody", "namespace", "root-without", "container", "root"):
        command = [sys.executable, "-c", WRITE, who, str(LIMIT_FILE), str(value)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        step, number = done.stdout.split()
        row = {"who": who, "step": step, "error": error_name(int(number)), "before": int(before)}
        rows.append({**row, "after": int(LIMIT_FILE.read_text())})
        LIMIT_FILE.write_text(before)
    return rows


def raised(folder: CFolder, programs: dict[str, Path]) -> list[dict[str, Any]]:
    """Start every program under every limit, as root and as nobody; return how it went."""
    rows = []
    before = LIMIT_FILE.read_text().strip()
    tracer = folder.path / made(folder, "watch")
    for limit in RAISED:
        for name, program in programs.items():
            for who, user in (("root", 0), ("nobody", NOBODY)):
                LIMIT_FILE.write_text(str(limit))
                status, requests = _traced([str(tracer)], program, user)
                LIMIT_FILE.write_text(before)
                own = start_maps(name, [requests], Limits(limit, limit))
                row = {"limit": limit, "who": who, "program": name, "ended": _ended(status)}
                rows.append({**row, "calls": own.calls, "moved": own.moved, "refused": own.refused})
    return rows


def _traced(tracer: Sequence[str], program: Path, user: int) -> tuple[int, list[Request]]:
    with tempfile.TemporaryDirectory() as own:
        folder = Path(own)
        folder.chmod(0o777)
        command = [*tracer, str(folder / "calls"), str(program)]
        done = subprocess.run(command, user=user, group=user, extra_groups=[], capture_output=True)
        lines = (folder / "calls").read_text().splitlines()
        return done.returncode, [Request(*map(int, line.split())) for line in lines]


def _ended(status: int) -> str:
    return signal.Signals(status - 128).name if status > 128 else f"exit {status}"


def main(words: Sequence[str]) -> None:
    """Record everything.

    Raises:
        SystemExit: this is no machine to be thrown away.
    """
    if "golab.disposable" not in Path("/proc/cmdline").read_text().split():
        raise SystemExit("This machine is not marked as golab.disposable: nothing was touched.")
    programs = {name: Path(file) for name, _, file in (word.partition("=") for word in words)}
    with CFolder(FOLDER) as folder:
        os.chmod(folder.path, 0o755)  # noqa: PTH101 - nobody runs the tracer from there
        kernel = ask_everybody(folder)
        live_or_recorded("10-other-answers", lambda: packed(kernel), None)
        limits = kernel.limits
        lifted = lift(folder, "nobody", [0, 1, PAGE, limits.lowest + PAGE])[0]
        live_or_recorded("10-other-helper", lambda: [asdict(row) for row in lifted], None)
        live_or_recorded("10-other-writes", writes, None)
        live_or_recorded("10-other-raised", lambda: raised(folder, programs), None)


if __name__ == "__main__":
    main(sys.argv[1:])
