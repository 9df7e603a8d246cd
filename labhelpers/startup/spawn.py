"""One start of one program: posix_spawn, the clock, wait4, and nothing else in between.

The clock is CLOCK_MONOTONIC in nanoseconds. It starts right before posix_spawn(3), which does not
copy the parent's page tables, and stops when wait4(2) has returned the child's resource usage.
In starts that are watched the kernel adds its own stamps in between (watch.py); that makes them
some per cent longer, mostly because each thread inherits the events, so what counts is not watched.
"""

import contextlib
import os
import resource
import select
import time
from collections.abc import Mapping
from dataclasses import dataclass

from labhelpers.perf import PerfRefused
from labhelpers.startup.child import CLOCK, Child, readable, spawned
from labhelpers.startup.command import (
    Command,
    LaunchFailed,
    Mark,
    check_status,
    no_descriptor,
    out_of_time,
)
from labhelpers.startup.layout import fixed_layout
from labhelpers.startup.serving import first_answer, ready_address
from labhelpers.startup.watch import Seen, Watch

__all__ = ["Command", "LaunchFailed", "Mark", "Observed", "Timing", "launch", "observe"]


@dataclass(frozen=True, slots=True)
class Timing:
    """What one start took. Times in the units of their names; faults and switches are counts.

    Faults, switches and processor time are the kernel's own account of the whole process (wait4(2),
    getrusage(2)). Many kernels split processor time into user and system by ticks that are longer
    than a start: their sum is exact, their parts are not. `ready_ns` is the time of a server's
    first answer, None for other programs.

    What the kernel stamped, counted like the wall time from before the spawn, is None in a start
    that was not watched: `exec_ns` when the process became the program, `first_thread_ns` when it
    began its first further thread (in a Go program, early in runtime.main), `main_ns` when the
    command's `main` was reached, `exit_ns` when its first thread ended.
    """

    wall_ns: int
    ready_ns: int | None
    user_us: int
    sys_us: int
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int
    exec_ns: int | None = None
    first_thread_ns: int | None = None
    main_ns: int | None = None
    exit_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """One start with all that was seen of it; clock values are nanoseconds of CLOCK_MONOTONIC.

    `spawned_ns` is when posix_spawn had returned, `first_byte_ns` when something was to be read
    from standard output, where that was asked for, and `seen` what the kernel stamped.
    """

    timing: Timing
    begin_ns: int
    spawned_ns: int
    first_byte_ns: int | None
    seen: Seen | None


def launch(
    command: Command, timeout: float, environment: Mapping[str, str] | None = None
) -> Timing:
    """Start a command once, with its output thrown away, and return what that took.

    Only a command with a `main` to be timed is watched.

    Args:
        command: what to start.
        timeout: seconds after which the program and what it started are killed.
        environment: variables in place of the command's own.

    Raises:
        LaunchFailed: not executable, exit status other than 0, killed, or out of time. No process
            is left behind, whatever happens.
    """
    with contextlib.ExitStack() as stack:
        watch = None
        if command.main:
            # Where events are refused from now on, this start has no time to main.
            with contextlib.suppress(PerfRefused):
                watch = stack.enter_context(Watch([command.main.address]))
        return observe(command, timeout, environment, watch).timing


def observe(
    command: Command,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    watch: Watch | None = None,
    first_byte: bool = False,
    fixed: bool = False,
) -> Observed:
    """Start a command once, as `launch` does, and return all that was seen of it.

    Args:
        command: what to start.
        timeout: seconds after which the program and what it started are killed.
        environment: variables in place of the command's own.
        watch: events that were opened for this start, in this thread; None: no stamps.
        first_byte: give the program a pipe for its output, and note when it is written to.
        fixed: start it without address space randomisation.

    Raises:
        LaunchFailed: as `launch`.
    """
    environment = command.environment if environment is None else environment
    fixed = fixed or bool(command.main and command.main.fixed)
    with fixed_layout() if fixed else contextlib.nullcontext():
        if command.server:
            return _observe_server(command, timeout, environment, watch)
        return _observe_to_exit(command, timeout, environment, watch, first_byte)


def _observe_to_exit(
    command: Command,
    timeout: float,
    environment: Mapping[str, str],
    watch: Watch | None,
    first_byte: bool,
) -> Observed:
    written = None
    with contextlib.ExitStack() as stack:
        outputs = [null(), null()]
        if first_byte:
            reading, outputs[0] = _pipe(command)
            stack.callback(os.close, reading)
        actions = [
            (os.POSIX_SPAWN_DUP2, descriptor, stream)
            for stream, descriptor in enumerate([null(), *outputs])
        ]
        try:
            child = stack.enter_context(spawned(command, environment, actions))
        finally:
            if first_byte:
                os.close(outputs[0])
        deadline = time.monotonic() + timeout
        if first_byte:
            written = _first_byte(reading, child, timeout)
        if not readable(child.descriptor, max(0.0, deadline - time.monotonic())):
            raise out_of_time(command, timeout)
        status, usage, wall = child.reap()
    check_status(command, status)
    return observed(child, wall, None, usage, watch, command, written)


def _pipe(command: Command) -> tuple[int, int]:
    try:
        return os.pipe()
    except OSError as error:
        raise no_descriptor(command, error) from error


def _first_byte(pipe: int, child: Child, timeout: float) -> int | None:
    """Read what a child writes until it has ended or time is up; return when the first came."""
    waiting = select.poll()
    for descriptor in (pipe, child.descriptor):
        waiting.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + timeout
    first = None
    while ready := waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
        now = CLOCK()
        if pipe not in dict(ready):
            break
        if os.read(pipe, 65536):
            first = first or now
        else:
            waiting.unregister(pipe)  # closed by all who could write to it
    return first


def _observe_server(
    command: Command, timeout: float, environment: Mapping[str, str], watch: Watch | None
) -> Observed:
    stdin_read, stdin_write = _pipe(command)
    try:
        stdout_read, stdout_write = _pipe(command)
    except LaunchFailed:
        os.close(stdin_read)
        os.close(stdin_write)
        raise
    actions = [
        (os.POSIX_SPAWN_DUP2, stdin_read, 0),
        (os.POSIX_SPAWN_DUP2, stdout_write, 1),
        (os.POSIX_SPAWN_DUP2, null(), 2),
    ]
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, stdout_read)
        stdin = stack.enter_context(os.fdopen(stdin_write, "wb"))
        try:
            child = stack.enter_context(spawned(command, environment, actions))
        finally:
            os.close(stdin_read)
            os.close(stdout_write)
        deadline = time.monotonic() + timeout
        host, port = ready_address(command, stdout_read, timeout)
        first_answer(command, host, port, max(0.001, deadline - time.monotonic()))
        ready = CLOCK() - child.begin
        stdin.close()
        left = max(0.0, deadline - time.monotonic())
        if not readable(child.descriptor, left):
            raise out_of_time(command, timeout)
        status, usage, wall = child.reap()
    check_status(command, status)
    return observed(child, wall, ready, usage, watch, command, None)


def observed(
    child: Child,
    wall: int,
    ready: int | None,
    usage: resource.struct_rusage,
    watch: Watch | None,
    command: Command,
    first_byte: int | None,
) -> Observed:
    """Return what was seen of a child that has been reaped."""
    seen = watch.read(child.pid) if watch else None

    def since(stamp: int | None) -> int | None:
        return None if stamp is None else stamp - child.begin

    known = seen or Seen()
    timing = Timing(
        wall_ns=wall,
        ready_ns=ready,
        user_us=round(usage.ru_utime * 1e6),
        sys_us=round(usage.ru_stime * 1e6),
        minor_faults=usage.ru_minflt,
        major_faults=usage.ru_majflt,
        voluntary_switches=usage.ru_nvcsw,
        involuntary_switches=usage.ru_nivcsw,
        exec_ns=since(next(iter(known.execs), None)),
        first_thread_ns=since(next(iter(known.threads), None)),
        main_ns=since(known.hits.get(command.main.address)) if command.main else None,
        exit_ns=since(known.exit),
    )
    return Observed(timing, child.begin, child.spawned, first_byte, seen)


_NULL: list[int] = []


def null() -> int:
    """Return a descriptor of /dev/null, opened once."""
    if not _NULL:
        _NULL.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    return _NULL[0]
