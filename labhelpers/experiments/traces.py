"""Which instructions a program runs: every address in order, of its first thread.

Two ways. Single-stepping (ptrace(2)) works wherever a debugger does, but each step is a trap that
takes microseconds, more on virtual machines. Valgrind's tool Lackey translates the program
instead: it writes every instruction's address in a second or so, but on a processor of its own
making, which has fewer features than the real one.
"""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labhelpers.binary.elf import open_elf
from labhelpers.errors import LabError
from labhelpers.experiments import stepper

Addresses = NDArray[np.int64]

MOST = 2_000_000
"""No path that is stepped here is longer."""
FAST = 5e-6
"""Seconds a step may take, that a whole start of half a million is stepped while one waits."""
SCHEDULED = re.compile(rb"(?m)^--\d+-- +SCHED\[(\d+)\]: +acquired")
INSTRUCTION = re.compile(rb"(?m)^I  ([0-9a-f]+),")
ENDED = b"Exit code:"
"""Lackey's last line, with the program's exit status: Valgrind itself has not given up."""
TRIES = 4
"""Valgrind aborts a threaded Go program now and then."""


def step(path: Path, start: int = 0, until: int = 0, most: int = MOST) -> Addresses:
    """Single-step a program from one instruction to another; return each address, as in the file.

    Args:
        path: an executable, started with an empty environment, on one processor.
        start: where to begin, as the file has it; 0: at the very first instruction.
        until: where to end; 0: at the return of the function that begins at `start`.
        most: instructions after which to give up.

    Raises:
        LabError: stepping is not possible, or the program does not come to `start` or `until`.
    """
    if why := stepping_impossible():
        raise LabError(why)
    return _stepped(path, start, until, most)


def _stepped(path: Path, start: int, until: int, most: int) -> Addresses:
    with open_elf(path) as elf:
        entry = elf.entry
    words = [str(path), *map(str, (entry, start, until, most))]
    done = subprocess.run(
        [sys.executable, "-I", stepper.__file__, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise LabError(f"{path.name} was not stepped: {said[-1] if said else done.returncode}.")
    return np.frombuffer(done.stdout, np.uint64).astype(np.int64)


@cache
def stepping_impossible() -> str | None:
    """Say why no program can be stepped here, None where it can: tried on /bin/true."""
    if os.uname().machine != "x86_64":
        return f"Single-stepping is written for x86-64, and this machine is {os.uname().machine}."
    try:
        _stepped(Path("/bin/true"), 0, 0, 1)
    except (LabError, OSError, subprocess.SubprocessError) as error:
        if "no end within 1" not in str(error):
            return "This machine lets no program be traced (ptrace)."
    return None


def step_seconds(path: Path, number: int = 1000) -> float:
    """Return the seconds that one step takes here, from that many steps of a program's start.

    Raises:
        LabError: stepping is not possible.
    """
    if why := stepping_impossible():
        raise LabError(why)
    try:
        _stepped(path, 0, 0, number)
    except LabError as error:
        if found := re.search(r"no end within (\d+) instructions and (\S+) seconds", str(error)):
            return float(found[2]) / int(found[1])
        raise
    raise LabError(f"{path.name} has no {number} instructions to step.")


@cache
def valgrind_missing() -> str | None:
    """Say why Valgrind cannot be used, None where it can."""
    try:
        done = subprocess.run(
            ["valgrind", "--tool=lackey", "/bin/true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return "This machine has no Valgrind."
    return None if done.returncode == 0 else "This machine's Valgrind does not run."


def translate(path: Path) -> Addresses:
    """Run a whole program under Valgrind; return the addresses of its first thread's instructions.

    The file must not be position-independent: Valgrind places it where it likes.

    Raises:
        LabError: Valgrind is missing, or has aborted again and again.
    """
    if why := valgrind_missing():
        raise LabError(why)
    for _ in range(TRIES):
        log = _translated(path)
        if ENDED in log:
            return first_thread(log)
    raise LabError(f"Valgrind aborted on {path.name} {TRIES} times: run the cell again.")


def _translated(path: Path) -> bytes:
    reading, writing = os.pipe()
    log = ["--trace-mem=yes", "--trace-sched=yes", f"--log-fd={writing}"]
    with os.fdopen(reading, "rb") as stream:
        try:
            process = subprocess.Popen(
                ["valgrind", "--tool=lackey", *log, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                pass_fds=[writing],
            )
        finally:
            os.close(writing)
        with process:
            try:
                written = stream.read()
            except BaseException:
                process.kill()
                raise
    return written


def first_thread(log: bytes) -> Addresses:
    """Return the addresses in Lackey's log that are the first thread's.

    `I  0048aee0,5` is an instruction of five bytes; `SCHED[2]: acquired` hands over to thread 2.
    """
    pieces = SCHEDULED.split(log)
    # What comes before the first hand-over is a heading; then thread and text take turns.
    own = [text for thread, text in zip(pieces[1::2], pieces[2::2], strict=True) if thread == b"1"]
    found = [int(address, 16) for text in own for address in INSTRUCTION.findall(text)]
    return np.array(found, np.int64)
