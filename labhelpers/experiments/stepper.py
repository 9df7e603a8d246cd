"""Single-steps one program and writes down where it was: ptrace(2), for x86-64 Linux.

Run as a process of its own, for a tracer has to fork, and its requests must come from one thread:

    python -I stepper.py FILE ADDRESS FROM UNTIL MOST

FILE is started with nothing in its environment, without address space randomisation and on one
processor, whatever the machine has. FROM and UNTIL are addresses as the file has them; FROM 0 is
the first instruction, UNTIL 0 the return of the function that begins at FROM. ADDRESS is the entry
point in the file's header, which tells how far the kernel has moved the file. The addresses of all
instructions from FROM on go to standard output, as the file has them, eight bytes each, the last
one where it ended.

Only the first thread is stepped. Go's second thread, its monitor, is held: it would take a
goroutine of more than ten milliseconds off its processor (runtime/proc.go, sysmon), and stepping
takes longer.
"""

import array
import ctypes
import os
import sys
import time
from pathlib import Path
from typing import NoReturn

TRACEME, PEEKTEXT, PEEKUSER, POKETEXT, POKEUSER = 0, 1, 3, 4, 6
CONT, KILL, STEP, DETACH, SET_OPTIONS, EVENT_MESSAGE = 7, 8, 9, 17, 0x4200, 0x4201
TRACE_CLONE, EXIT_KILL = 0x8, 0x100000
CLONED = 5 | 3 << 8
"""SIGTRAP with PTRACE_EVENT_CLONE."""
RIP, RSP = 128, 152
"""Places in struct user (sys/user.h), in bytes."""
BREAKPOINT = 0xCC
AT_ENTRY = 9
NO_RANDOMISATION = 0x0040000
SIGTRAP = 5
EVERY_THREAD = 0x40000000
"""__WALL of waitpid(2)."""
REFUSED = 3
"""Exit status where the kernel allows no tracing."""
WORD = 0xFFFFFFFFFFFFFFFF

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def give_up(text: str, status: int = 1) -> NoReturn:
    """Say why, and end; the traced process is killed with its tracer (PTRACE_O_EXITKILL)."""
    print(text, file=sys.stderr)
    sys.exit(status)


class Traced:
    """A started process under ptrace, stopped."""

    def __init__(self, path: str) -> None:
        """Start it and stop at its first instruction."""
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        self.pid = os.fork()
        if self.pid == 0:
            self._become(path)
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            give_up("ptrace is refused", REFUSED)
        libc.ptrace(SET_OPTIONS, self.pid, None, TRACE_CLONE | EXIT_KILL)
        self.held = 0
        self.seen: set[int] = set()

    def _become(self, path: str) -> NoReturn:
        libc.personality(ctypes.c_ulong(NO_RANDOMISATION))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        if libc.ptrace(TRACEME, 0, None, None) == 0:
            os.execve(path, [path], {})
        os._exit(REFUSED)

    def moved(self, entry: int) -> int:
        """Return by how much the kernel has moved the file."""
        pairs = array.array("Q", Path(f"/proc/{self.pid}/auxv").read_bytes())
        return dict(zip(pairs[::2], pairs[1::2], strict=True))[AT_ENTRY] - entry

    def peek(self, place: int) -> int:
        """Return a register."""
        return int(libc.ptrace(PEEKUSER, self.pid, place, None)) & WORD

    def memory(self, address: int) -> int:
        """Return eight bytes of memory."""
        return int(libc.ptrace(PEEKTEXT, self.pid, address, None)) & WORD

    def go_on(self, how: int) -> bool:
        """Run on until the next stop; signals are kept from it. False: it has ended."""
        while True:
            libc.ptrace(how, self.pid, None, None)
            status = self.next_stop()
            if not os.WIFSTOPPED(status):
                return False
            if status >> 8 == CLONED:
                self._cloned()
            elif status >> 8 == SIGTRAP:
                return True

    def next_stop(self) -> int:
        """Wait for the first thread; return its status.

        The held thread has to be waited for as well, or the process could never end.
        """
        while True:
            thread, status = os.waitpid(-1, EVERY_THREAD)
            if thread == self.pid:
                return status
            self.seen.add(thread)

    def _cloned(self) -> None:
        """Hold the first further thread for good, let the others go."""
        thread = ctypes.c_ulong()
        libc.ptrace(EVENT_MESSAGE, self.pid, None, ctypes.addressof(thread))
        if thread.value not in self.seen:
            os.waitpid(thread.value, EVERY_THREAD)
        if self.held:
            libc.ptrace(DETACH, thread.value, None, None)
        self.held = self.held or thread.value

    def run_to(self, address: int) -> None:
        """Run to an instruction, by a breakpoint that is taken away again."""
        before = self.memory(address)
        libc.ptrace(POKETEXT, self.pid, address, before & ~0xFF | BREAKPOINT)
        if not self.go_on(CONT):
            give_up("the program ended before it came there")
        libc.ptrace(POKETEXT, self.pid, address, before)
        libc.ptrace(POKEUSER, self.pid, RIP, address)


def steps(path: str, entry: int, start: int, until: int, most: int) -> "array.array[int]":
    """Return the addresses of the instructions from `start` to `until`, both included."""
    own = Traced(path)
    moved = own.moved(entry)
    if start:
        own.run_to(start + moved)
    stack = own.peek(RSP) if start and not until else 0
    end = own.memory(stack) if stack else until + moved
    passed: array.array[int] = array.array("Q")
    begin = time.monotonic()
    while True:
        at = own.peek(RIP)
        passed.append(at - moved & WORD)
        # A function that calls itself comes past its return address with the stack still deep.
        if at == end and (not stack or own.peek(RSP) > stack):
            return passed
        if len(passed) >= most or not own.go_on(STEP):
            seconds = time.monotonic() - begin
            give_up(f"no end within {len(passed)} instructions and {seconds:.6f} seconds")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    steps(sys.argv[1], *numbers).tofile(sys.stdout.buffer)
