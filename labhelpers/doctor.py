"""What this machine can build and measure, and what to do about the rest."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from textwrap import fill
from typing import Literal

from labhelpers import machine
from labhelpers.ccompiler import CCompiler, find_c_compiler
from labhelpers.errors import LabError
from labhelpers.machine import Machine
from labhelpers.paths import cache_dir
from labhelpers.perf import PerfRefused
from labhelpers.startup.watch import Watch
from labhelpers.toolchain import ARTICLE, Toolchain
from labhelpers.wheels import fetched, installed

State = Literal["ok", "limited", "missing"]

LARGE_READ_AHEAD_KB = 1024
"""More than most of a small Go program: one page fault reads it in whole. Linux's own is 128."""

ROOM_GB = 2.0
"""Room for a fetched Go release, the build caches of two releases, and some to spare."""

TOOLS = {
    **dict.fromkeys(("readelf", "strip", "objcopy"), "binutils"),
    **{"gdb": "gdb", "perf": "linux-perf", "git": "git"},
}
"""Tools of labs 01, 02 and 09, and the Debian package of each."""


@dataclass(frozen=True)
class Finding:
    """One row of the report. `advice` is what to do or to bear in mind, empty when all is well."""

    subject: str
    found: str
    state: State
    advice: str = ""


def examine() -> list[Finding]:
    """Look at everything that builds and measurements depend on; nothing is downloaded.

    Raises:
        LabError: the cache folder cannot be written to.
    """
    here = machine.describe()
    compiler, unusable = _compiler()
    return [
        Finding("Python", here.python, "ok"),
        _current_go(),
        _article_go(),
        unusable or _compiler_finding(compiler),
        _linker(compiler),
        _tools(),
        _empty_root(),
        _perf(here),
        _page_cache(),
        _read_ahead(),
        _cores(here),
        _memory(here),
        _virtualised(here),
        _room(),
        _load(here),
    ]


def as_text(findings: list[Finding]) -> str:
    """Return the findings as an aligned table, with the advice below each row that has one."""
    width = max((len(finding.subject) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<7}  {finding.subject:<{width}}  {finding.found}")
        if finding.advice:
            first, later = " " * (width + 11) + "→ ", " " * (width + 13)
            lines.append(fill(finding.advice, 100, initial_indent=first, subsequent_indent=later))
    return "\n".join(lines)


def _tools() -> Finding:
    """Tools that labs 01, 02 and 09 try beside the project's own readers."""
    found = [tool for tool in TOOLS if shutil.which(tool)]
    missing = [tool for tool in TOOLS if tool not in found]
    if not missing:
        return Finding("tools", ", ".join(found), "ok")
    packages = sorted({TOOLS[tool] for tool in missing})
    advice = (
        f"Labs 01, 02 and 09 show a recorded result where they would use {', '.join(missing)}: "
        f"`apt install {' '.join(packages)}` for your own."
    )
    return Finding("tools", ", ".join(found) or "none", "limited", advice)


def _empty_root() -> Finding:
    from labhelpers.experiments.emptyroot import impossible

    subject = "empty root"
    if reason := impossible():
        return Finding(subject, "not allowed", "limited", f"{reason} Lab 01 shows its record.")
    return Finding(subject, "a program can be started in one", "ok")


def _current_go() -> Finding:
    try:
        release, goroot = installed()
        go = Toolchain(release, goroot, None)
        answer = _run([str(go.go), "version"], go.environment())
    except (LabError, OSError, subprocess.SubprocessError) as error:
        return Finding("Go, current", "does not run", "missing", str(error))
    if answer.returncode:
        return Finding("Go, current", "does not run", "missing", answer.stderr.strip())
    return Finding("Go, current", answer.stdout.strip(), "ok")


def _article_go() -> Finding:
    if fetched(ARTICLE):
        return Finding("Go, article", f"go{ARTICLE}, fetched", "ok")
    return Finding("Go, article", f"go{ARTICLE}, to be fetched at first use (about 75 MB)", "ok")


def _compiler() -> tuple[CCompiler | None, Finding | None]:
    try:
        return find_c_compiler(), None
    except LabError as error:
        return None, Finding("C compiler", "$CC does not run", "missing", str(error))


def _compiler_finding(compiler: CCompiler | None) -> Finding:
    subject = "C compiler"
    if compiler is None:
        advice = (
            "External linking and cgo cannot be built: `apt install gcc libc6-dev`, or "
            "`pip install ziglang` in golab's Python (./golab does that by itself)."
        )
        return Finding(subject, "none", "missing", advice)
    found = f"{compiler.version} (from {compiler.source})"
    if compiler.kind != "zig":
        return Finding(subject, found, "ok")
    advice = (
        "Zig links by its own linker: sizes and section order differ a little from gcc's, and "
        "static builds get musl in place of glibc."
    )
    return Finding(subject, found, "limited", advice)


def _linker(compiler: CCompiler | None) -> Finding:
    """Compile, link and start the smallest C program: a compiler may lack libc or its linker."""
    subject = "linker"
    if compiler is None:
        return Finding(subject, "none", "missing", "It comes with a C compiler.")
    environment = Toolchain("", Path(), compiler).environment()
    with TemporaryDirectory(dir=cache_dir("go", "tmp")) as folder:
        source, program = Path(folder, "main.c"), Path(folder, "main")
        source.write_text("#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n")
        try:
            command = [*compiler.command, "-O2", "-o", str(program), str(source)]
            for step in (command, [str(program)]):
                answer = _run(step, environment)
                if answer.returncode:
                    lines = answer.stderr.strip().splitlines() or ["it said nothing"]
                    advice = f"`apt install gcc libc6-dev`. The compiler says: {lines[-1]}"
                    return Finding(subject, "no C program can be linked", "missing", advice)
        except (OSError, subprocess.SubprocessError) as error:
            return Finding(subject, "no C program can be linked", "missing", str(error))
    return Finding(subject, "a C program was linked and started", "ok")


def _perf(here: Machine) -> Finding:
    """Ask for what golab phases uses at most: the events of every processor, four breakpoints."""
    level = here.perf_event_paranoid
    setting = "no perf in this kernel" if level is None else f"perf_event_paranoid {level}"
    if not here.perf_events:
        advice = (
            "Start-up times can be measured, phases of a start only by the parent's clock, and no "
            "time to main: `sysctl kernel.perf_event_paranoid=2` as root; in a container, allow "
            "perf_event_open."
        )
        return Finding("perf events", f"{setting}, not allowed", "limited", advice)
    try:
        with Watch([0x1000 * place for place in range(1, 5)], faults=True):
            pass
    except PerfRefused as error:
        advice = "Phases of a start are told without the functions in between, and no time to main."
        return Finding("perf events", f"{setting}; {error}", "limited", advice)
    return Finding(
        "perf events", f"{setting}, own programs can be observed, with four breakpoints", "ok"
    )


def _page_cache() -> Finding:
    """Write a file of some pages to the cache's disk, drop them, and ask what is left."""
    from labhelpers.startup.pagecache import drop, resident

    with NamedTemporaryFile(dir=cache_dir("builds")) as file:
        file.write(os.urandom(64 * os.sysconf("SC_PAGE_SIZE")))
        file.flush()
        try:
            held, pages = resident(Path(file.name))
            left = drop(Path(file.name))
        except OSError as error:
            held, pages, left = 0, 0, -1
            reason = str(error)
        else:
            reason = f"{left} of {pages} pages of a file stay in memory"
    if held and left == 0:
        return Finding("page cache", "a file can be dropped, proved by mincore", "ok")
    kind = machine.file_system(cache_dir("builds")) or "unknown file system"
    advice = "No cold starts here: set GOLAB_CACHE to a folder on a disk (not tmpfs)."
    return Finding("page cache", f"{reason} ({kind})", "limited", advice)


def _read_ahead() -> Finding:
    size = machine.read_ahead_kb(cache_dir())
    if size is None:
        advice = "A cold start may read more of a file than it touches; how much, is not known."
        return Finding("read-ahead", "unknown", "limited", advice)
    if size <= LARGE_READ_AHEAD_KB:
        return Finding("read-ahead", f"{size} KiB", "ok")
    advice = (
        "One fault reads in most of a program, so that a cold start costs by file size more than "
        "by pages touched; Linux's default is 128 KiB."
    )
    return Finding("read-ahead", f"{size} KiB", "limited", advice)


def _cores(here: Machine) -> Finding:
    found = f"{here.usable_cores} usable of {here.cores_online} ({here.cpu})"
    if here.usable_cores > 1:
        return Finding("cores", found, "ok")
    advice = "With one core, whatever else runs takes its time from the program measured."
    return Finding("cores", found, "limited", advice)


def _memory(here: Machine) -> Finding:
    gigabytes = here.memory_limit_bytes / 1e9
    if gigabytes >= 2:
        return Finding("memory", f"{gigabytes:.1f} GB", "ok")
    advice = "A build may run out of it: end other programs, or give the container more."
    return Finding("memory", f"{gigabytes:.1f} GB", "limited", advice)


def _virtualised(here: Machine) -> Finding:
    container = f", in a container ({here.container})" if here.container else ""
    if not here.virtualised:
        return Finding("virtualised", f"no{container}", "ok")
    advice = (
        "The host may still hold what this machine dropped: a cold start is cold for this "
        "machine only, and a neighbour's work shows as noise."
    )
    return Finding("virtualised", f"yes{container}", "limited", advice)


def _room() -> Finding:
    free = shutil.disk_usage(cache_dir()).free / 1e9
    found = f"{free:.1f} GB free where the cache is"
    if free >= ROOM_GB:
        return Finding("disk", found, "ok")
    advice = f"golab may need {ROOM_GB:.0f} GB: make room, or set GOLAB_CACHE to another disk."
    return Finding("disk", found, "limited", advice)


def _load(here: Machine) -> Finding:
    found = f"load {here.load_average:.2f} on {here.usable_cores} cores"
    if here.load_average <= here.usable_cores / 2:
        return Finding("load", found, "ok")
    return Finding("load", found, "limited", "Busy: end other work, or expect wide intervals.")


def _run(command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
