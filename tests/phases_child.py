"""Measure phases in a process that is denied something, and print what was found as JSON.

    python tests/phases_child.py REQUEST.json

A request holds the commands (name, argv, server) and what is denied: `refuse` (system calls by
name, and the error each fails with, by a seccomp filter), `uid` (a user to become, with a
`cache` folder), `taken` (that
many hardware breakpoints are in use), `files` (how many more files may be opened) and `rings` (all
memory for perf buffers is in use). Everything is denied only after a first measurement, so that
what Python imports on the way is not what is denied.
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from pathlib import Path
from typing import Any

from labhelpers import perf
from labhelpers.errors import LabError
from labhelpers.startup.phases import measure_phases
from labhelpers.startup.spawn import Command
from labhelpers.startup.watch import Watch
from labhelpers.toolchain import toolchain

CALLS = {
    "x86_64": {"perf_event_open": 298, "personality": 135},
    "aarch64": {"perf_event_open": 241, "personality": 92},
}
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NO_NEW_PRIVS, SET_SECCOMP, SET_DUMPABLE, FILTER = 38, 22, 4, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
HELD: list[object] = []
"""What stays open until the process ends."""


class Program(ctypes.Structure):
    """struct sock_fprog (linux/filter.h)."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse(calls: dict[str, int]) -> None:
    """Let system calls fail from now on, in this process and what it starts (seccomp(2))."""
    machine = platform.machine()
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, AUDIT[machine]), (RETURN, 0, 0, ALLOW), (LOAD, 0, 0, 0)]
    for name, error in calls.items():
        steps += [(EQUAL, 0, 1, CALLS[machine][name]), (RETURN, 0, 0, ERRNO | error)]
    steps.append((RETURN, 0, 0, ALLOW))
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    program = Program(len(steps), code)
    assert libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0) == 0, ctypes.get_errno()


def become(uid: int, cache: str) -> None:
    """Give up root for good; stay a process that may be watched, as one that began as that user."""
    os.environ["GOLAB_CACHE"] = cache
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(SET_DUMPABLE, 1, 0, 0, 0)


def take_breakpoints(count: int) -> None:
    """Open breakpoints on this thread and on what it starts, at an address that is never run."""
    for _ in range(count):
        wanted = perf.attributes(perf.BREAKPOINT, address=0x1000)
        HELD.append(perf.open_event(wanted, -1))


def leave_files(count: int) -> None:
    """Allow so many more open files: fill the gaps between those that are open, then limit."""
    top = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    while (descriptor := os.dup(0)) <= top:
        HELD.append(descriptor)
    os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (top + 1 + count, top + 1 + count))


def take_rings() -> None:
    """Use up what this user may lock for perf buffers (kernel.perf_event_mlock_kb)."""
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    try:
        while True:
            HELD.append(Watch())
    except perf.PerfRefused:
        return


def main() -> None:
    """Do what the request says."""
    request = json.loads(Path(sys.argv[1]).read_text())
    commands = [
        Command(name, tuple(argv), server=server) for name, argv, server in request["commands"]
    ]
    measure_phases(commands, rounds=6, seed=1)
    toolchain("current").environment()
    if "uid" in request:
        become(request["uid"], request["cache"])
    if "taken" in request:
        take_breakpoints(request["taken"])
    if "rings" in request:
        take_rings()
    if "files" in request:
        leave_files(request["files"])
    if "refuse" in request:
        refuse(request["refuse"])
    answer: dict[str, Any]
    try:
        found = measure_phases(commands, rounds=6, seed=1, method=request.get("method"))
        answer = {"uid": os.getuid(), "found": [own.as_dict() for own in found]}
    except LabError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
