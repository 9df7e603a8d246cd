"""Kernel events of an own process: perf_event_open(2) by ctypes, one ring buffer a processor.

No hardware counter is needed and no privilege: only software events and breakpoints are opened, in
user mode, which perf_event_paranoid up to 2 allows. The numbers are those of linux/perf_event.h.
"""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from labhelpers.errors import LabError

SOFTWARE, BREAKPOINT = 1, 5
PAGE_FAULTS, DUMMY = 2, 9
EXECUTE = 4  # HW_BREAKPOINT_X
LENGTHS = {"x86_64": 8, "aarch64": 4}
"""What each architecture asks for as the length of a breakpoint on an instruction."""
DISABLED, INHERIT = 1 << 0, 1 << 1
EXCLUDE_KERNEL, EXCLUDE_HYPERVISOR = 1 << 5, 1 << 6
COMM, ENABLE_ON_EXEC, TASK = 1 << 9, 1 << 12, 1 << 13
MMAP, SAMPLE_ID_ALL, MMAP2, COMM_EXEC, USE_CLOCK = 1 << 8, 1 << 18, 1 << 23, 1 << 24, 1 << 25
SAMPLE = 1 << 16 | 1 << 0 | 1 << 1 | 1 << 2  # IDENTIFIER, IP, TID, TIME
CLOCK_MONOTONIC = 1
CLOSE_ON_EXEC = 8
GET_ID, SET_OUTPUT = 0x80082407, 0x2405
COMM_RECORD, LOST_RECORD, EXIT_RECORD, FORK_RECORD, SAMPLE_RECORD, MMAP2_RECORD = 3, 2, 4, 7, 9, 10
MISC_COMM_EXEC = 1 << 13
HEAD, TAIL = 1024, 1032  # data_head and data_tail in struct perf_event_mmap_page
ID_TAIL = struct.Struct("=IIQQ")
"""What sample_id_all appends to a record: process, thread, time, event."""

ON_EXEC = DISABLED | INHERIT | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | ENABLE_ON_EXEC | USE_CLOCK


class PerfRefused(LabError):
    """The kernel gives no such event here; the message says which and why."""


class Attributes(ctypes.Structure):
    """struct perf_event_attr up to the clock (PERF_ATTR_SIZE_VER3, 96 bytes)."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("config", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
        ("sample_type", ctypes.c_uint64),
        ("read_format", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
        ("wakeup", ctypes.c_uint32),
        ("breakpoint_type", ctypes.c_uint32),
        ("address", ctypes.c_uint64),
        ("length", ctypes.c_uint64),
        ("branch_sample_type", ctypes.c_uint64),
        ("registers", ctypes.c_uint64),
        ("stack", ctypes.c_uint32),
        ("clock", ctypes.c_int32),
    )


def attributes(kind: int, config: int = 0, flags: int = 0, address: int = 0) -> Attributes:
    """Return an event of this process and its children, counted from their next exec on."""
    own = Attributes(
        type=kind,
        size=ctypes.sizeof(Attributes),
        config=config,
        sample_type=SAMPLE,
        flags=ON_EXEC | flags,
        clock=CLOCK_MONOTONIC,
    )
    if kind == BREAKPOINT:
        own.breakpoint_type, own.address = EXECUTE, address
        own.length = LENGTHS.get(platform.machine(), 8)
    if not flags & TASK:
        own.period = 1
    return own


def open_event(wanted: Attributes, processor: int) -> int:
    """Open one event of the calling thread on one processor; return its descriptor.

    Raises:
        PerfRefused: no permission, no free breakpoint, no descriptor left, no such system call.
    """
    number = {"x86_64": 298, "aarch64": 241}.get(platform.machine())
    if number is None:
        raise PerfRefused(f"perf events are not known on {platform.machine()} processors.")
    libc = _libc()
    descriptor: int = libc.syscall(
        *(ctypes.c_long(number), ctypes.byref(wanted), ctypes.c_int(0), ctypes.c_int(processor)),
        *(ctypes.c_int(-1), ctypes.c_ulong(CLOSE_ON_EXEC)),
    )
    if descriptor < 0:
        raise refused(ctypes.get_errno(), wanted)
    return descriptor


def refused(number: int, wanted: Attributes) -> PerfRefused:
    """Return the error for an event that the kernel did not give."""
    if wanted.type == BREAKPOINT and number in (errno.ENOSPC, errno.EBUSY):
        return PerfRefused("all hardware breakpoints are taken (by a debugger or another tracer)")
    why = {
        errno.EACCES: "kernel.perf_event_paranoid does not allow them",
        errno.EPERM: "a security policy of this container or kernel does not allow them",
        errno.ENOSYS: "this kernel, or the container's seccomp filter, has no perf events",
        errno.EMFILE: "this process may open no more files (ulimit -n)",
    }
    return PerfRefused(f"perf events are refused: {why.get(number, os.strerror(number))}")


def _libc() -> ctypes.CDLL:
    if not _LIBC:
        _LIBC.append(ctypes.CDLL(None, use_errno=True))
    return _LIBC[0]


_LIBC: list[ctypes.CDLL] = []


@dataclass(frozen=True, slots=True)
class Record:
    """What the kernel noted: a record type of linux/perf_event.h, when, and in which thread.

    `event` is the event that sampled it. For MMAP2 records, `address` is where the file was
    mapped, `offset` where in the file that begins, `name` the file.
    """

    type: int
    time_ns: int
    pid: int
    tid: int
    event: int = 0
    exec: bool = False
    address: int = 0
    offset: int = 0
    name: bytes = b""


class Ring:
    """The buffer into which the kernel writes what happens on one processor."""

    def __init__(self, descriptor: int, pages: int) -> None:
        """Map the buffer of an event; `pages` of data, a power of two.

        Raises:
            PerfRefused: the memory limit for such buffers is reached (perf_event_mlock_kb).
        """
        self.size = pages * mmap.PAGESIZE
        try:
            self.memory = mmap.mmap(descriptor, self.size + mmap.PAGESIZE)
        except OSError as error:
            if error.errno == errno.EMFILE:
                raise refused(errno.EMFILE, Attributes()) from error
            raise PerfRefused(
                "perf events are refused: no memory for their buffers is left "
                "(kernel.perf_event_mlock_kb)"
            ) from error

    def close(self) -> None:
        """Give the buffer back."""
        self.memory.close()

    def records(self) -> Iterator[Record]:
        """Yield what was written since the last call; the buffer is then free again."""
        head, tail = struct.unpack_from("=QQ", self.memory, HEAD)
        start = mmap.PAGESIZE
        at = tail % self.size
        length = head - tail
        data = self.memory[start + at : start + min(at + length, self.size)]
        data += self.memory[start : start + length - len(data)]
        struct.pack_into("=Q", self.memory, TAIL, head)
        place = 0
        while place < len(data):
            kind, misc, size = struct.unpack_from("=IHH", data, place)
            yield from _record(kind, misc, data[place + 8 : place + size])
            place += size


def _record(kind: int, misc: int, body: bytes) -> Iterator[Record]:
    if kind == SAMPLE_RECORD:
        event, address, pid, tid, time = struct.unpack_from("=QQIIQ", body)
        yield Record(kind, time, pid, tid, event, address=address)
        return
    if len(body) < ID_TAIL.size:
        return
    pid, tid, time, event = ID_TAIL.unpack(body[-ID_TAIL.size :])
    if kind == COMM_RECORD:
        yield Record(kind, time, pid, tid, event, exec=bool(misc & MISC_COMM_EXEC))
    elif kind in (FORK_RECORD, EXIT_RECORD):
        pid, _, tid, _, time = struct.unpack_from("=IIIIQ", body)
        yield Record(kind, time, pid, tid, event)
    elif kind == MMAP2_RECORD:
        _, _, address, _, offset = struct.unpack_from("=IIQQQ", body)
        name = body[64 : -ID_TAIL.size].partition(b"\0")[0]
        yield Record(kind, time, pid, tid, event, address=address, offset=offset, name=name)
    elif kind == LOST_RECORD:
        yield Record(kind, time, pid, tid, event)


@dataclass
class Processor:
    """The events that are open on one processor, writing into one ring."""

    ring: Ring
    descriptors: list[int]

    def add(self, wanted: Attributes, processor: int) -> int:
        """Open a further event that writes into the same ring; return its id."""
        descriptor = open_event(wanted, processor)
        self.descriptors.append(descriptor)
        fcntl.ioctl(descriptor, SET_OUTPUT, self.descriptors[0])
        return event_id(descriptor)

    def close(self) -> None:
        """Close all of them."""
        self.ring.close()
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def event_id(descriptor: int) -> int:
    """Return the number by which samples name this event."""
    answer = fcntl.ioctl(descriptor, GET_ID, bytes(8))
    return int.from_bytes(answer, "little")


def open_processor(processor: int, pages: int, maps: bool = False) -> Processor:
    """Open the event that tells of exec, threads and exits, and with `maps` of mapped files."""
    flags = TASK | COMM | COMM_EXEC | SAMPLE_ID_ALL | (MMAP | MMAP2 if maps else 0)
    descriptor = open_event(attributes(SOFTWARE, DUMMY, flags), processor)
    try:
        return Processor(Ring(descriptor, pages), [descriptor])
    except PerfRefused:
        os.close(descriptor)
        raise
