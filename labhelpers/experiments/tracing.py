"""The article's recipe for a trace, followed to the letter, and what Go's viewer shows of one."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from labhelpers.binary.elf import open_elf
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import copy_for_release
from labhelpers.errors import LabError
from labhelpers.programs import Program
from labhelpers.runtime.exectrace import ExecTrace, read_exectrace
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

RECIPE = ("go", "run", "-gcflags=-l", "-ldflags=-s -w", "main.go")
"""The words of the article's command; GOTRACEBACK=crash is set, and standard error is trace.out."""

SECONDS = 300


@dataclass(frozen=True)
class Followed:
    """What the recipe left in trace.out for one program.

    `begins` is how the file begins, as Python writes bytes. `events` is how many events `go tool
    trace` finds in it, None where it takes it for no trace; `said` is why, in its words.
    """

    program: str
    bytes: int
    begins: str
    events: int | None
    said: str


def follow(
    program: Program, toolchain: Toolchain, reader: Toolchain, *arguments: str, crash: bool = True
) -> Followed:
    """Run the article's command in a program's folder; return what it left in trace.out.

    Args:
        program: has a main.go.
        toolchain: whose `go run` it is.
        reader: whose `go tool trace` is to read the file.
        arguments: for the program.
        crash: set GOTRACEBACK=crash, as the command does.

    Raises:
        LabError: go cannot be run.
    """
    environment = toolchain.environment(cgo=False)
    if crash:
        environment["GOTRACEBACK"] = "crash"
    with tempfile.TemporaryDirectory() as scratch:
        folder = copy_for_release(program, toolchain.release, Path(scratch) / "source")
        file = Path(scratch) / "trace.out"
        with file.open("wb") as stderr:
            try:
                subprocess.run(
                    [toolchain.go, *RECIPE[1:], *arguments],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    preexec_fn=_no_core,
                    timeout=SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise LabError(f"go run did not run to its end ({error}).") from error
        content = file.read_bytes()
        name = " ".join([program.name, *arguments])
        try:
            events = len(read_exectrace(file, reader).events)
        except LabError as error:
            said = re.search(r"\((.*?)\)", str(error))
            return Followed(name, len(content), _begins(content), None, said[1] if said else "")
    return Followed(name, len(content), _begins(content), events, "")


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _begins(content: bytes) -> str:
    return repr(content[:32].split(b"\n")[0])[1:] if content else "(nothing)"


@dataclass(frozen=True)
class OverHttp:
    """A trace that net/http/pprof gave: when the server was ready and when the trace began.

    In milliseconds since the server's spawn; `begins_ms` is None for Go 1.24 and older, whose
    traces do not tell.
    """

    ready_ms: float
    begins_ms: float | None
    trace: ExecTrace


def over_http(path: Path, reader: Toolchain, seconds: float = 0.1) -> OverHttp:
    """Start `pprofserver listen` and ask it for a trace, as soon as it can be asked.

    Raises:
        LabError: it gives none.
    """
    begin = time.monotonic_ns()
    with _serving(
        [str(path), "listen"], r"ready (\S+)", subprocess.PIPE, dict(os.environ)
    ) as address:
        ready = time.monotonic_ns()
        content = fetch(f"http://{address}/debug/pprof/trace?seconds={seconds}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.out"
        file.write_bytes(content)
        trace = read_exectrace(file, reader)
    begins = None
    if trace.to_monotonic_ns is not None:
        begins = (trace.window_ns[0] + trace.to_monotonic_ns - begin) / 1e6
    return OverHttp((ready - begin) / 1e6, begins, trace)


@dataclass(frozen=True)
class Shown:
    """One thing that View trace draws, with its name; `duration_us` is 0 for what has no length."""

    name: str
    at_us: float
    duration_us: float


@dataclass(frozen=True)
class Viewed:
    """What the pages of `go tool trace` show: all of View trace, and what a program marked itself.

    `marked` are the names of the regions listed; `regions` and `filtered` are how many there are of
    the one that was asked about, all of them and with the page's own filter for those above 10 ms.
    """

    shown: Table[Shown]
    marked: tuple[str, ...]
    regions: int
    filtered: int

    @property
    def names(self) -> list[str]:
        """Every name in View trace, once."""
        return sorted({own.name for own in self.shown})

    def during(self, name: str) -> list[str]:
        """Return the names of what was going on when the first thing of this name happened."""
        at = next(own.at_us for own in self.shown if own.name == name)
        return sorted(
            {own.name for own in self.shown if own.at_us <= at < own.at_us + own.duration_us}
        )


def view(content: bytes, reader: Toolchain, region: str) -> Viewed:
    """Let `go tool trace` serve a trace and ask its pages what a browser would.

    Raises:
        LabError: it serves none, or lists no region of this name.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.out"
        file.write_bytes(content)
        command = [str(reader.go), "tool", "trace", "-http=127.0.0.1:0", str(file)]
        # It opens a browser: the one that $BROWSER names, and true(1) is content with any address.
        environment = reader.environment(cgo=False) | {"BROWSER": shutil.which("true") or "true"}
        with _serving(
            command, r"listening on http://(\S+)", subprocess.DEVNULL, environment
        ) as address:
            events = json.loads(fetch(f"http://{address}/jsontrace"))["traceEvents"]
            pages = fetch(f"http://{address}/userregions").decode(errors="replace")
            links = dict(re.findall(r'href="/userregion\?type=(\w+)&(?:amp;)?pc=(\w+)', pages))
            if region not in links:
                raise LabError(f"go tool trace lists no region {region!r}.")
            one = f"http://{address}/userregion?type={region}&pc={links[region]}"
            # The table of regions has a link to the goroutine in each row.
            regions, filtered = (
                fetch(url).count(b"/trace?goid=") for url in (one, f"{one}&latmin=10ms")
            )
    shown = Table(
        Shown(event["name"], float(event.get("ts", 0)), float(event.get("dur", 0)))
        for event in events
        if event["ph"] != "M"  # those are about the page itself
    )
    return Viewed(shown, tuple(sorted(links)), regions, filtered)


def fetch(url: str) -> bytes:
    """Return what a server of this machine answers.

    Raises:
        LabError: it answers nothing, or an error.
    """
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=60) as answer:
            content: bytes = answer.read()
            return content
    except (OSError, urllib.error.URLError) as error:
        raise LabError(f"There was no answer from {url} ({error}).") from error


@contextmanager
def _serving(
    command: list[str], ready: str, stdin: int, environment: dict[str, str]
) -> Iterator[str]:
    """Start a server, wait for the line that names its address, and end it in the end."""
    with subprocess.Popen(
        command,
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said = []
            for line in process.stdout or ():
                said.append(line)
                if found := re.search(ready, line):
                    yield found[1]
                    break
            else:
                raise LabError(f"{Path(command[0]).name} serves nothing ({''.join(said)[-200:]}).")
        finally:
            # go tool runs the tool as a process of its own.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def has_function(path: Path, name: str) -> bool:
    """Say whether a file has a function of this name of its own, not only inlined into others.

    Raises:
        BinaryError: it is no ELF file, or has no symbol table.
    """
    with open_elf(path) as elf:
        symbols = read_symbols(elf)
        return symbols is not None and symbols.has(name)
