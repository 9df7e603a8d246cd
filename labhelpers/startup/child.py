"""The life of one started process: begun at a known time, waited for, and never left behind."""

import contextlib
import os
import resource  # os.wait4 imports it at its first call, which would fall into the timed span
import select
import signal
import threading
import time
from collections.abc import Iterator, Mapping

from labhelpers.startup.command import Command, LaunchFailed, no_descriptor

CLOCK = time.monotonic_ns


def readable(descriptor: int, timeout: float) -> bool:
    """Wait until a pipe has something to read, or a pidfd's process has ended; False: out of time.

    Not by select(2), which cannot watch descriptors of 1024 and above.
    """
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(timeout * 1000))


class Child:
    """A started process: its id, its pidfd(2), and when its clock began."""

    def __init__(self, pid: int, begin: int) -> None:
        """Take a process that has just been spawned.

        Raises:
            OSError: no descriptor is left to watch it by.
        """
        self.spawned = CLOCK()
        self.pid = pid
        self.begin = begin
        self.reaped = False
        self.descriptor = os.pidfd_open(pid)

    def reap(self) -> tuple[int, resource.struct_rusage, int]:
        """Return the wait status, the resource usage, and nanoseconds since the clock began."""
        _, status, usage = os.wait4(self.pid, 0)
        wall = CLOCK() - self.begin
        self.reaped = True
        return status, usage, wall

    def end(self) -> None:
        """Kill whatever is left of the process group, and reap the child if that is not done."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if not self.reaped:
            # Ctrl-C may have come between wait4 and the note that it was called.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        os.close(self.descriptor)


@contextlib.contextmanager
def spawned(
    command: Command, environment: Mapping[str, str], actions: list[tuple[int, int, int]]
) -> Iterator[Child]:
    """Start a command in a process group of its own; leave nothing of it behind at the end."""
    child = None
    try:
        with _ctrl_c_held_back():
            child = _start(command, environment, actions)
        yield child
    finally:
        if child:
            child.end()


def _start(
    command: Command, environment: Mapping[str, str], actions: list[tuple[int, int, int]]
) -> Child:
    argv = command.argv
    begin = CLOCK()
    try:
        pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions, setpgroup=0)
    except OSError as error:
        raise LaunchFailed(
            f"{command.name} could not be started ({error.strerror}: {argv[0]}): "
            "check that the file is there and executable."
        ) from error
    try:
        return Child(pid, begin)
    except OSError as error:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise no_descriptor(command, error) from error


@contextlib.contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the body, so that no process starts whose id is lost."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield  # Python delivers no signal here.
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        signal.raise_signal(signal.SIGINT)
