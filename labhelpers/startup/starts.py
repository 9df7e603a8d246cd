"""Starts of a program that knows nothing of golab: until it is ready, each in its own place."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.startup.child import CLOCK, Child, readable, spawned
from labhelpers.startup.command import Command, LaunchFailed, check_status
from labhelpers.startup.ownplace import Strays, own_place, standing_in
from labhelpers.startup.spawn import Timing, launch, null, observed
from labhelpers.startup.until import PAUSE, Exit, FirstByte, Http, Port, Tcp, Until

WORDS = 2000
"""Bytes of a program's output that are kept to say what went wrong."""
SETTLE = 2.0
"""Seconds in which a port must be free again once its program was killed."""


@dataclass
class Starts:
    """How to start one user's program again and again: a launcher for rounds.py.

    Each start has a fresh folder (a copy of `template`, else empty), home and TMPDIR, and
    `variables` beside the environment it is given. `check` is called before each start, and may
    raise to end the run. `end` kills whatever the starts have left behind.
    """

    until: Until = field(default_factory=Exit)
    template: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[], None] = lambda: None
    strays: Strays = field(default_factory=Strays)

    def __call__(self, command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        """Start the command once, with its output thrown away.

        Raises:
            LaunchFailed: it failed, or was not ready in time. No process of its group is left.
        """
        return self._start(command, timeout, environment, null(), null())

    def attempt(self, command: Command, timeout: float) -> Timing:
        """Start the command once to see whether that works.

        Raises:
            LaunchFailed: it does not, with what the program said; or it went into the background.
        """
        with _Listener() as listener:
            try:
                stdout = listener.writing
                timing = self._start(command, timeout, command.environment, stdout, stdout)
            except _Background:
                raise
            except LaunchFailed as error:
                raise LaunchFailed(self._what_to_do(str(error), listener.said())) from error
            finally:
                left = self.strays.end()
        if left:
            raise _in_background(command, left[0])
        return timing

    def end(self) -> list[str]:
        """Kill what the starts left behind; return the names of those processes."""
        return self.strays.end()

    def _start(
        self,
        command: Command,
        timeout: float,
        environment: Mapping[str, str],
        stdout: int,
        stderr: int,
    ) -> Timing:
        self.check()
        with own_place(cache_dir("runs"), self.template) as place, standing_in(place.folder):
            own = {**environment, **place.variables(), **self.strays.variables(), **self.variables}
            if command.server:
                return launch(command, timeout, own)
            if isinstance(self.until, Exit):
                return _to_exit(command, timeout, own, stdout, stderr)
            if isinstance(self.until, FirstByte):
                return _to_first_byte(command, timeout, own, stderr)
            return _to_port(command, self.until, timeout, own, stdout, stderr)

    def _what_to_do(self, failure: str, said: str) -> str:
        """Return one sentence: what failed, the program's own words, and the next step."""
        what = failure.partition(": ")[0]
        quoted = f", saying “{said}”" if said else ""
        how = {
            Exit: "give it arguments with which it ends well (--args), or, for a server, say when "
            "it is ready (--ready-tcp PORT, --ready-http URL)",
            FirstByte: "give it arguments with which it prints something (--args), or measure to "
            "its exit",
        }.get(
            type(self.until),
            "give it the arguments with which it listens there (--args), or a longer --timeout",
        )
        return f"{what}{quoted}: {how}."


class _Background(LaunchFailed):
    """A program left something running."""


def _in_background(command: Command, name: str) -> _Background:
    return _Background(
        f"{command.name} left {name} running in the background: keep it in the foreground (a flag "
        "or a setting of its own), then it can be timed and ended."
    )


class _Listener:
    """Reads what a program writes, keeps its first words, and lets the rest go."""

    def __enter__(self) -> "_Listener":
        self._reading, self.writing = os.pipe()
        self._kept = b""
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def said(self) -> str:
        """Return the first line that the program wrote, or the first that speaks of an error."""
        self._close()
        text = self._kept.decode(errors="replace")
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        telling = [x for x in lines if any(w in x.lower() for w in ("error", "fatal", "panic"))]
        return "".join((telling or lines or [""])[0][:160])

    def _close(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1
            # A process in the background may still hold the other copies of this end.
            self._thread.join(0.2)

    def _drain(self) -> None:
        while piece := os.read(self._reading, 65536):
            self._kept += piece[: max(0, WORDS - len(self._kept))]
        os.close(self._reading)


@contextlib.contextmanager
def _running(
    command: Command, environment: Mapping[str, str], stdout: int, stderr: int
) -> Iterator[Child]:
    actions = [
        (os.POSIX_SPAWN_DUP2, descriptor, stream)
        for stream, descriptor in enumerate([null(), stdout, stderr])
    ]
    with spawned(command, environment, actions) as child:
        yield child


def _timing(command: Command, child: Child, ready: int | None) -> tuple[int, Timing]:
    status, usage, wall = child.reap()
    return status, observed(child, wall, ready, usage, None, command, None).timing


def _killed(command: Command, child: Child) -> Timing:
    """End a program that is ready, with all of its group."""
    ready = CLOCK() - child.begin
    os.killpg(child.pid, signal.SIGKILL)
    return _timing(command, child, ready)[1]


def _to_exit(
    command: Command, timeout: float, environment: Mapping[str, str], stdout: int, stderr: int
) -> Timing:
    with _running(command, environment, stdout, stderr) as child:
        if not readable(child.descriptor, timeout):
            raise LaunchFailed(f"{command.name} did not end within {timeout:g} s: run it by hand.")
        status, timing = _timing(command, child, None)
        # What has not left the group yet is about to be killed with it, and so would go unnoticed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, 0)
            raise _in_background(command, "a process")
    check_status(command, status)
    return timing


def _to_first_byte(
    command: Command, timeout: float, environment: Mapping[str, str], stderr: int
) -> Timing:
    reading, writing = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reading)
        try:
            child = stack.enter_context(_running(command, environment, writing, stderr))
        finally:
            os.close(writing)
        # The pipe is also readable when all who could write to it have ended.
        if readable(reading, timeout) and os.read(reading, 1):
            return _killed(command, child)
        raise LaunchFailed(
            f"{command.name} wrote nothing to its standard output within {timeout:g} s or its "
            "life: run it by hand."
        )


def _to_port(
    command: Command,
    until: Port,
    timeout: float,
    environment: Mapping[str, str],
    stdout: int,
    stderr: int,
) -> Timing:
    port = Tcp(until.host, until.port)
    if port.ready():
        raise LabError(
            f"Port {until.port} of {until.host} is taken by another program already: end that "
            "one, or let this one listen elsewhere."
        )
    deadline = time.monotonic() + timeout
    with _running(command, environment, stdout, stderr) as child:
        while not until.ready():
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                raise LaunchFailed(f"{command.name} {_ending(child)} before it was ready: see why.")
            if time.monotonic() > deadline:
                raise LaunchFailed(
                    f"{command.name} was not ready within {timeout:g} s "
                    f"({_asked(until, port)}): see why."
                )
            time.sleep(PAUSE)
        timing = _killed(command, child)
    _wait_until_free(command, port)
    return timing


def _ending(child: Child) -> str:
    status = os.waitstatus_to_exitcode(child.reap()[0])
    return f"exited with status {status}" if status >= 0 else f"was ended by signal {-status}"


def _asked(until: Port, port: Tcp) -> str:
    """Return what the port has to say at last."""
    if isinstance(until, Http) and (status := until.status()):
        return f"{until.url} answers with status {status}"
    opened = "accepts connections" if port.ready() else "accepts no connection"
    return f"port {port.port} of {port.host} {opened}"


def _wait_until_free(command: Command, port: Tcp) -> None:
    deadline = time.monotonic() + SETTLE
    while port.ready():
        if time.monotonic() > deadline:
            raise LaunchFailed(
                f"{command.name} was killed and port {port.port} is still open: it has left a "
                "process in the background; keep it in the foreground."
            )
        time.sleep(0.005)
