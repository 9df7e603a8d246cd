"""One start of one program: posix_spawn, the clock, wait4, and nothing else in between.

The clock is CLOCK_MONOTONIC in nanoseconds. It starts right before posix_spawn(3), which does not
copy the parent's page tables, and stops when wait4(2) has returned the child's resource usage.
"""

import contextlib
import os
import re
import resource
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labhelpers.errors import LabError

CLOCK = time.monotonic_ns


@dataclass(frozen=True)
class Command:
    """What to start: a name for tables, and the argument list whose first entry is a path.

    A `server` is ready at its first answer: it prints a line `ready HOST:PORT`, answers an HTTP
    request there, and exits when its standard input ends. `original` is the file of which the
    program is a copy, where it is one that may be written anew.
    """

    name: str
    argv: tuple[str, ...]
    server: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    original: Path | None = None

    @property
    def file(self) -> Path:
        """The program's file."""
        return Path(self.argv[0])


@dataclass(frozen=True, slots=True)
class Timing:
    """What one start took. Times in the units of their names; faults and switches are counts.

    Faults, switches and processor time are the kernel's own account of the whole process (wait4(2),
    getrusage(2)). Many kernels split processor time into user and system by ticks that are longer
    than a start: their sum is exact, their parts are not. `ready_ns` is the time of a server's
    first answer, None for other programs.
    """

    wall_ns: int
    ready_ns: int | None
    user_us: int
    sys_us: int
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int


class LaunchFailed(LabError):
    """A program could not be started, ended badly, or did not end in time."""


def launch(
    command: Command, timeout: float, environment: Mapping[str, str] | None = None
) -> Timing:
    """Start a command once, with its output thrown away, and return what that took.

    Args:
        command: what to start.
        timeout: seconds after which the program and what it started are killed.
        environment: variables in place of the command's own.

    Raises:
        LaunchFailed: not executable, exit status other than 0, killed, or out of time. No process
            is left behind, whatever happens.
    """
    environment = command.environment if environment is None else environment
    start = _launch_server if command.server else _launch_to_exit
    return start(command, timeout, environment)


def _launch_to_exit(command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
    actions = [(os.POSIX_SPAWN_DUP2, _null(), stream) for stream in (0, 1, 2)]
    with _spawned(command, environment, actions) as child:
        if not _readable(child.descriptor, timeout):
            raise out_of_time(command, timeout)
        status, usage, wall = child.reap()
    check_status(command, status)
    return _timing(wall, None, usage)


def _launch_server(command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
    stdin_read, stdin_write = os.pipe()
    stdout_read, stdout_write = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, stdin_read, 0),
        (os.POSIX_SPAWN_DUP2, stdout_write, 1),
        (os.POSIX_SPAWN_DUP2, _null(), 2),
    ]
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, stdout_read)
        stdin = stack.enter_context(os.fdopen(stdin_write, "wb"))
        try:
            child = stack.enter_context(_spawned(command, environment, actions))
        finally:
            os.close(stdin_read)
            os.close(stdout_write)
        deadline = time.monotonic() + timeout
        host, port = _ready_address(command, stdout_read, timeout)
        _first_answer(command, host, port, max(0.001, deadline - time.monotonic()))
        ready = CLOCK() - child.begin
        stdin.close()
        left = max(0.0, deadline - time.monotonic())
        if not _readable(child.descriptor, left):
            raise out_of_time(command, timeout)
        status, usage, wall = child.reap()
    check_status(command, status)
    return _timing(wall, ready, usage)


def _ready_address(command: Command, stdout: int, timeout: float) -> tuple[str, int]:
    """Read a server's first line, `ready HOST:PORT`."""
    deadline = time.monotonic() + timeout
    line = b""
    while b"\n" not in line and len(line) <= 256:
        left = max(0.0, deadline - time.monotonic())
        if not _readable(stdout, left):
            raise not_ready(command, timeout)
        piece = os.read(stdout, 256)
        if not piece:
            break
        line += piece
    line = line.partition(b"\n")[0]
    word, _, address = line.decode(errors="replace").strip().partition(" ")
    host, _, port = address.rpartition(":")
    if word != "ready" or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise LaunchFailed(
            f"{command.name} is a server and did not print its address: its first line must be "
            f"'ready HOST:PORT', and it was {line[:80].decode(errors='replace')!r}."
        )
    return host, int(port)


def _first_answer(command: Command, host: str, port: int, timeout: float) -> None:
    """Ask a server once and wait for the first bytes of its answer."""
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = connection.recv(4096)
    except OSError as error:
        raise LaunchFailed(f"{command.name} gave no answer at {host}:{port}: {error}.") from error
    if not answer.startswith(b"HTTP/1."):
        raise LaunchFailed(f"{command.name} answered at {host}:{port}, but not in HTTP.")


def _readable(descriptor: int, timeout: float) -> bool:
    """Wait until a pipe has something to read, or a pidfd's process has ended; False: out of time.

    Not by select(2), which cannot watch descriptors of 1024 and above.
    """
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(timeout * 1000))


class _Child:
    """A started process: its id, its pidfd(2), and when its clock began."""

    def __init__(self, pid: int, begin: int) -> None:
        self.pid = pid
        self.begin = begin
        self.reaped = False
        self.descriptor = os.pidfd_open(pid)

    def reap(self) -> tuple[int, "resource.struct_rusage", int]:
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
def _spawned(
    command: Command, environment: Mapping[str, str], actions: list[tuple[int, int, int]]
) -> Iterator[_Child]:
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
) -> _Child:
    argv = command.argv
    begin = CLOCK()
    try:
        pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions, setpgroup=0)
    except OSError as error:
        raise LaunchFailed(
            f"{command.name} could not be started ({error.strerror}: {argv[0]}): "
            "check that the file is there and executable."
        ) from error
    return _Child(pid, begin)


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


def check_status(command: Command, status: int) -> None:
    """Raise LaunchFailed unless a wait status says that the program exited with 0."""
    code = os.waitstatus_to_exitcode(status)
    if code > 0:
        raise LaunchFailed(
            f"{command.name} exited with status {code}: only starts that succeed can be compared; "
            "run it by hand to see why."
        )
    if code < 0:
        raise LaunchFailed(
            f"{command.name} was ended by signal {-code} ({signal.strsignal(-code)}): "
            "run it by hand to see why."
        )


def out_of_time(command: Command, timeout: float) -> LaunchFailed:
    """Return the error for a program that did not end."""
    return LaunchFailed(
        f"{command.name} did not end within {timeout:g} s and was killed: "
        "give it arguments with which it ends, or a longer --timeout."
    )


def not_ready(command: Command, timeout: float) -> LaunchFailed:
    """Return the error for a server that did not say where it listens."""
    return LaunchFailed(
        f"{command.name} did not print its address within {timeout:g} s and was killed: "
        "its first line must be 'ready HOST:PORT', or it needs a longer --timeout."
    )


def _timing(wall: int, ready: int | None, usage: "resource.struct_rusage") -> Timing:
    return Timing(
        wall_ns=wall,
        ready_ns=ready,
        user_us=round(usage.ru_utime * 1e6),
        sys_us=round(usage.ru_stime * 1e6),
        minor_faults=usage.ru_minflt,
        major_faults=usage.ru_majflt,
        voluntary_switches=usage.ru_nvcsw,
        involuntary_switches=usage.ru_nivcsw,
    )


_NULL: list[int] = []


def _null() -> int:
    """Return a descriptor of /dev/null, opened once."""
    if not _NULL:
        _NULL.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    return _NULL[0]
