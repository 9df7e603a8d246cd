"""Time stamps that the kernel takes of one start, by events opened before it and read after it.

Events are opened anew for each start: those of an earlier child fall silent after a few starts.
"""

import errno
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

from labhelpers import perf
from labhelpers.perf import Processor

PAGES = 8
"""Pages of each buffer: 32 KiB hold about 500 threads, begun and ended, on each processor."""
FAULT_PAGES = 64
"""With page faults: 256 KiB hold about 6,500 of them on each processor."""

RESERVE = 16
"""Descriptors that a start needs itself: pipes, the pidfd, the program's file for its pages."""


@dataclass
class Seen:
    """What the kernel saw of one process, in nanoseconds of CLOCK_MONOTONIC.

    `execs` when it became another program, `threads` when each of its threads was cloned, `exit`
    when its first thread ended, `hits` when each watched address was first reached, `faults` when
    pages were missing in user mode. `complete` is False where the kernel had to drop records.
    """

    execs: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    exit: int | None = None
    hits: dict[int, int] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    maps: list[tuple[int, int, bytes]] = field(default_factory=list)
    complete: bool = True


class Watch:
    """The events of one start: open, start the program from the same thread, reap it, read."""

    def __init__(
        self, breakpoints: Sequence[int] = (), faults: bool = False, maps: bool = False
    ) -> None:
        """Open the events.

        Args:
            breakpoints: addresses of instructions, at most four (the processor's registers).
            faults: note each page fault, too.
            maps: note where files are mapped, too.

        Raises:
            PerfRefused: the kernel does not give them.
        """
        self.processors: list[Processor] = []
        self.addresses: dict[int, int] = {}
        self.fault_events: set[int] = set()
        try:
            for number in sorted(os.sched_getaffinity(0)):
                own = perf.open_processor(number, FAULT_PAGES if faults else PAGES, maps)
                self.processors.append(own)
                for address in breakpoints:
                    wanted = perf.attributes(perf.BREAKPOINT, address=address)
                    self.addresses[own.add(wanted, number)] = address
                if faults:
                    wanted = perf.attributes(perf.SOFTWARE, perf.PAGE_FAULTS)
                    self.fault_events.add(own.add(wanted, number))
            self._leave_room()
        except BaseException:
            self.close()
            raise

    def _leave_room(self) -> None:
        """Refuse where the start itself would find no descriptor left."""
        highest = max((own.descriptors[-1] for own in self.processors), default=0)
        if highest + RESERVE >= resource.getrlimit(resource.RLIMIT_NOFILE)[0]:
            raise perf.refused(errno.EMFILE, perf.Attributes())

    def close(self) -> None:
        """Close all events."""
        while self.processors:
            self.processors.pop().close()

    def __enter__(self) -> "Watch":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all events."""
        self.close()

    def read(self, pid: int) -> Seen:
        """Return what was seen of a process that has been reaped."""
        seen = Seen()
        records = [record for own in self.processors for record in own.ring.records()]
        for record in sorted(records, key=lambda record: record.time_ns):
            if record.type == perf.LOST_RECORD:
                seen.complete = False
            elif record.pid == pid:
                self._note(seen, record)
        return seen

    def _note(self, seen: Seen, record: perf.Record) -> None:
        if record.type == perf.COMM_RECORD and record.exec:
            seen.execs.append(record.time_ns)
        elif record.type == perf.FORK_RECORD:
            seen.threads.append(record.time_ns)
        elif record.type == perf.EXIT_RECORD and record.tid == record.pid:
            seen.exit = record.time_ns
        elif record.type == perf.MMAP2_RECORD:
            seen.maps.append((record.address, record.offset, record.name))
        elif record.event in self.fault_events:
            seen.faults.append(record.time_ns)
        elif record.event in self.addresses:
            seen.hits.setdefault(self.addresses[record.event], record.time_ns)
