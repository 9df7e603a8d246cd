"""Execution traces (runtime/trace) as a table of events.

The format is Go's own and changes with its releases, so Go's own reader reads it: the current
release's `go tool trace -d=parsed`, which takes traces of all releases and prints an event a line
with the frames of its stacks below it (internal/trace/event.go, Event.String):

    M=9807 P=0 G=1 StateTransition Time=22711444357504 GoID=1 Running->Syscall Reason=""
    Stack=
        main.main @ 0x4acf10
                golab/tm/main.go:17

Only that text is read here. (Until Go 1.23 `-d` was a switch or a number; the current tool it is.)
"""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

BLIND = (
    "An execution trace sees from trace.Start on: what was before that call, and so the kernel's "
    "exec, schedinit, the runtime's own inits and those of every package that runtime/trace "
    "imports, is in no trace that a program can make of itself. It has no event for a package's "
    "inits: they are the main goroutine's running, under whatever name its stacks show."
)

SECONDS = 600
"""After which the tool is given up: since Go 1.25 it is compiled at its first use."""

TEXT = r'"(?:[^"\\]|\\(?:[abfnrtv"\\]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}))*"'
COUNT = r"\d{1,20}"
EVENT = re.compile(
    rf"M=(-?{COUNT}) P=(-?{COUNT}) G=(-?{COUNT}) ([A-Z][A-Za-z]+) Time=(-?{COUNT})(?: (.*))?",
    re.ASCII,
)
CHANGE = re.compile(
    rf"(?:GoID=(-?{COUNT})|ProcID=(-?{COUNT})) (\w+)->(\w+) Reason=({TEXT})", re.ASCII
)
NAMED = {
    "Metric": re.compile(rf"Name=({TEXT}) Value=(.*)"),
    "Label": re.compile(rf"Label=({TEXT}) Resource=(.*)"),
    "RangeBegin": re.compile(rf"Name=({TEXT}) Scope=(.*)"),
    "RangeActive": re.compile(rf"Name=({TEXT}) Scope=(.*)"),
    "RangeEnd": re.compile(rf"Name=({TEXT}) Scope=(.*) Attributes=\[.*\]"),
    "TaskBegin": re.compile(rf"ID={COUNT} Parent={COUNT} Type=({TEXT})()", re.ASCII),
    "TaskEnd": re.compile(rf"ID={COUNT} Parent={COUNT} Type=({TEXT})()", re.ASCII),
    "RegionBegin": re.compile(rf"Task={COUNT} Type=({TEXT})()", re.ASCII),
    "RegionEnd": re.compile(rf"Task={COUNT} Type=({TEXT})()", re.ASCII),
    "Log": re.compile(rf"Task={COUNT} Category=({TEXT}) Message=({TEXT})", re.ASCII),
}
SYNC = re.compile(rf"N={COUNT}(?: Trace=(-?{COUNT}) Mono=(-?{COUNT}) Wall=\S+)?", re.ASCII)
FRAME = re.compile(r"\t(|\S.*) @ 0x[0-9a-f]+")  # no name: the runtime knew none


@dataclass(frozen=True)
class TraceEvent:
    """One event of a trace.

    `time_ns` is in the trace's own clock. `goroutine`, `processor` and `thread` say who made the
    event, None where nobody is named. `name` is that of a metric, label, range, task or region,
    the category of a log message, and for a change of state what changed ("goroutine 1");
    `text` is the message or value, and for a change of state "Running->Waiting sleep".
    `stack` has the functions of the event's own stack, innermost first.
    """

    time_ns: int
    kind: str
    goroutine: int | None
    processor: int | None
    thread: int | None
    name: str
    text: str
    stack: tuple[str, ...]


@dataclass(frozen=True)
class ExecTrace:
    """A trace: its events in order, and what to add to their times for CLOCK_MONOTONIC.

    `to_monotonic_ns` is None for traces made by Go 1.24 and older, which do not tell.
    """

    events: Table[TraceEvent]
    to_monotonic_ns: int | None

    @property
    def window_ns(self) -> tuple[int, int]:
        """The times of the first and the last event of some thread or goroutine."""
        times = [event.time_ns for event in self.events if event.kind != "Sync"]
        return (min(times), max(times)) if times else (0, 0)

    def kinds(self) -> dict[str, int]:
        """Return how many events there are of each kind, the most frequent first."""
        return dict(Counter(event.kind for event in self.events).most_common())


def read_exectrace(file: Path, toolchain: Toolchain) -> ExecTrace:
    """Return the events of a trace file.

    Args:
        file: what runtime/trace wrote.
        toolchain: whose `go tool trace` reads it: the current one reads those of older releases.

    Raises:
        LabError: the file is no trace that this release can read, or the tool cannot be run.
    """
    text = parsed_text(file, toolchain)
    events, offset = Table[TraceEvent](), None
    for event, own_offset in _events(text.split("\n")):
        events.append(event)
        offset = own_offset if offset is None else offset
    return ExecTrace(events, offset)


def parsed_text(file: Path, toolchain: Toolchain) -> str:
    """Return what `go tool trace -d=parsed` prints about a trace file.

    Raises:
        LabError: as read_exectrace.
    """
    words = (str(toolchain.go), "tool", "trace", "-d=parsed", str(file))
    try:
        done = subprocess.run(
            words,
            env=toolchain.environment(cgo=False),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(
            f"go tool trace did not run to its end ({error}): run it by hand."
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise LabError(
            f"{file.name} is no execution trace that Go {toolchain.release} can read "
            f"({said[-1] if said else 'it does not say why'}): is all of it, and nothing but it, "
            "from trace.Start?"
        )
    return done.stdout.decode(errors="replace")


def parse_events(lines: Iterable[str]) -> Iterator[TraceEvent]:
    """Return the events in the lines of `go tool trace -d=parsed`.

    Raises:
        LabError: a line is not as that tool writes it; it is named.
    """
    return (event for event, _ in _events(lines))


def _events(lines: Iterable[str]) -> Iterator[tuple[TraceEvent, int | None]]:
    """Return each event with the offset to CLOCK_MONOTONIC where it tells one."""
    event: TraceEvent | None = None
    offset: int | None = None
    frames: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("\t\t"):
            continue
        if line in ("Stack=", "TransitionStack="):
            if event is None:
                raise _unknown(number, line)
            # A change of state has the stack of whom it befell first, and then that of who did it.
            frames = []
        elif line.startswith("\t"):
            found = FRAME.fullmatch(line)
            if frames is None or not found:
                raise _unknown(number, line)
            frames.append(found[1])
        else:
            if event:
                yield _with_stack(event, frames), offset
            event, offset = _event(number, line)
            frames = None
    if event:
        yield _with_stack(event, frames), offset


def _event(number: int, line: str) -> tuple[TraceEvent, int | None]:
    found = EVENT.fullmatch(line)
    if not found:
        raise _unknown(number, line)
    thread, processor, goroutine = (_who(text) for text in found.groups()[:3])
    kind, time, rest = found[4], int(found[5]), found[6] or ""
    name, text, offset = "", rest, None
    if kind == "Sync":
        sync = SYNC.fullmatch(rest)
        if not sync:
            raise _unknown(number, line)
        offset = int(sync[2]) - int(sync[1]) if sync[1] else None
    elif kind == "StateTransition":
        name, text = _change(number, line, rest)
    elif kind in NAMED:
        own = NAMED[kind].fullmatch(rest)
        if not own:
            raise _unknown(number, line)
        name, text = _plain(own[1]), _plain(own[2])
    return TraceEvent(time, kind, goroutine, processor, thread, name, text, ()), offset


def _change(number: int, line: str, rest: str) -> tuple[str, str]:
    found = CHANGE.fullmatch(rest)
    if not found:
        raise _unknown(number, line)
    goroutine, processor, before, after, reason = found.groups()
    name = f"processor {processor}" if goroutine is None else f"goroutine {goroutine}"
    return name, f"{before}->{after} {_plain(reason)}".rstrip()


def _plain(text: str) -> str:
    """Return a text without its quotes, where it has any: they are Go's %q, as Python reads it."""
    if not re.fullmatch(TEXT, text):
        return text
    try:
        value = str(ast.literal_eval(text))
    except (ValueError, SyntaxError):  # a code point beyond Unicode's last, or a raw NUL
        return text
    return value.encode("utf-8", "replace").decode("utf-8")


def _who(text: str) -> int | None:
    return None if text.startswith("-") else int(text)


def _with_stack(event: TraceEvent, frames: list[str] | None) -> TraceEvent:
    if not frames:
        return event
    return TraceEvent(**{**event.__dict__, "stack": tuple(frames)})


def _unknown(number: int, line: str) -> LabError:
    return LabError(
        f"Line {number} is not as go tool trace -d=parsed writes it: {line[:80]!r}; is it the "
        "output of the current release?"
    )
