"""The kernel's records: that the ring is read whole, and that refusals are sentences."""

import errno
import mmap
import os
import resource
import struct

import pytest
from helpers import open_files
from hypothesis import given
from hypothesis import strategies as st

from labhelpers import perf
from labhelpers.perf import PerfRefused, Ring, attributes, open_event, refused
from labhelpers.startup.watch import Watch


def packed(kind: int, misc: int, body: bytes) -> bytes:
    return struct.pack("=IHH", kind, misc, 8 + len(body)) + body


def sample(time: int, event: int = 7) -> bytes:
    body = struct.pack("=QQIIQ", event, 0x401000, 10, 11, time)
    return packed(perf.SAMPLE_RECORD, 2, body)


def thread(time: int) -> bytes:
    body = struct.pack("=IIIIQ", 10, 10, 12, 11, time) + struct.pack("=IIQQ", 10, 11, time, 3)
    return packed(perf.FORK_RECORD, 0, body)


class Written(Ring):
    """A ring in ordinary memory, for what the kernel writes only when the buffer wraps."""

    def __init__(self, pages: int) -> None:
        self.size = pages * mmap.PAGESIZE
        self.memory = mmap.mmap(-1, self.size + mmap.PAGESIZE)

    def write(self, data: bytes) -> None:
        head = struct.unpack_from("=Q", self.memory, perf.HEAD)[0]
        for index, value in enumerate(data):
            self.memory[mmap.PAGESIZE + (head + index) % self.size] = value
        struct.pack_into("=Q", self.memory, perf.HEAD, head + len(data))


@given(st.lists(st.lists(st.sampled_from([sample, thread]), max_size=60), max_size=12))
def test_every_record_is_read_once_also_where_the_buffer_wraps(batches: list[list[object]]) -> None:
    ring, time, told = Written(1), 0, []
    for batch in batches:
        for make in batch:
            time += 1
            ring.write(make(time))  # type: ignore[operator]
        told += [record.time_ns for record in ring.records()]
    assert told == list(range(1, time + 1))


def test_a_record_names_its_event_and_its_thread() -> None:
    ring = Written(1)
    ring.write(sample(5, event=9) + thread(6))
    hit, clone = ring.records()
    assert (hit.event, hit.pid, hit.tid, hit.address) == (9, 10, 11, 0x401000)
    assert (clone.type, clone.pid, clone.tid) == (perf.FORK_RECORD, 10, 12)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "perf_event_paranoid"),
        (errno.EPERM, "security policy"),
        (errno.ENOSYS, "seccomp"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EINVAL, "Invalid argument"),
    ],
)
def test_a_refusal_says_what_stands_in_the_way(number: int, words: str) -> None:
    assert words in str(refused(number, attributes(perf.SOFTWARE, perf.DUMMY)))


def test_taken_breakpoints_are_told_apart() -> None:
    wanted = attributes(perf.BREAKPOINT, address=0x401000)
    assert "breakpoints are taken" in str(refused(errno.ENOSPC, wanted))


@pytest.mark.usefixtures("_perf_events")
def test_a_fifth_breakpoint_is_refused_and_nothing_stays_open() -> None:
    before = open_files()
    with pytest.raises(PerfRefused, match="breakpoints are taken"):
        Watch([0x401000 + 16 * index for index in range(5)])
    assert open_files() == before


@pytest.mark.usefixtures("_perf_events")
def test_no_descriptor_left_is_a_refusal() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = open_files()
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken, hard))
    try:
        with pytest.raises(PerfRefused, match="no more files"):
            Watch()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert open_files() == taken


@pytest.mark.usefixtures("_perf_events")
def test_no_buffer_left_is_a_refusal() -> None:
    descriptor = open_event(attributes(perf.SOFTWARE, perf.DUMMY, perf.TASK), 0)
    try:
        with pytest.raises(PerfRefused, match="perf_event_mlock_kb"):
            Ring(descriptor, 3)  # the kernel takes powers of two only
    finally:
        os.close(descriptor)
