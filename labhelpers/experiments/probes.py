"""What still works on a stripped file: each probe tries one thing for real and says what it saw.

What the running program asks of itself (runtime.FuncForPC, a panic, its profiler) reads Go's own
table .gopclntab (runtime/symtab.go); what looks at it from outside (nm, gdb, perf) reads .symtab
and DWARF.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.experiments.stripped import VERSION, Stripped
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SECONDS = 120
"""After which a tool is given up: far more than any needs."""


@dataclass(frozen=True)
class Probe:
    """One try: what was asked of a file made in one way, whether it worked, and what came out."""

    go: str
    way: str
    probe: str
    works: bool
    said: str


Question = Callable[[Path], tuple[bool, str]]


def run(*command: str | Path, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a command; return its exit status and all that it printed.

    Raises:
        LabError: it cannot be run, or does not end.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=SECONDS,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{words[0]} did not run to its end ({error}): run it by hand.") from error
    return done.returncode, done.stdout


def ask(files: Sequence[Stripped], questions: Mapping[str, Question]) -> Table[Probe]:
    """Put every question to every file; files that are equal to the byte are asked once."""
    answers: dict[tuple[str, str], tuple[bool, str]] = {}
    rows: Table[Probe] = Table()
    for file in files:
        for name, question in questions.items():
            key = (file.sha256, name)
            if key not in answers:
                answers[key] = question(file.path)
            rows.append(Probe(file.go, file.way, name, *answers[key]))
    return rows


def from_inside(tools: Toolchain) -> dict[str, Question]:
    """Return the questions that a selfnames answers by itself, and pprof about its profile.

    Args:
        tools: whose `go tool pprof` reads the profile. Go 1.22 ships it ready to run; newer
            releases compile it at its first use, for minutes.
    """
    return {
        "runs": runs,
        "FuncForPC": func_for_pc,
        "panic trace": panic_trace,
        "-X value": x_value,
        "pprof": lambda path: pprof(path, tools),
    }


def runs(path: Path) -> tuple[bool, str]:
    """Start it: does it exit with 0?"""
    status, _ = run(path)
    return status == 0, f"exit status {status}"


def func_for_pc(path: Path) -> tuple[bool, str]:
    """Let it name its own function, file and line."""
    said = " ".join(run(path)[1].split()[:2])
    return re.fullmatch(r"main\.whereAmI main\.go:\d+", said) is not None, said


def x_value(path: Path) -> tuple[bool, str]:
    """Read the variable that the linker was told to set."""
    said = run(path)[1].split()[-1]
    return said == VERSION, said


def panic_trace(path: Path) -> tuple[bool, str]:
    """Let it panic: does the trace name the function, and the line below it?"""
    status, text = run(path, "panic")
    found = re.search(r"^(main\.explode)\(.*\)\n\t.*?(main\.go:\d+)", text, re.MULTILINE)
    return status == 2 and found is not None, " ".join(found.groups()) if found else ""


def pprof(path: Path, tools: Toolchain) -> tuple[bool, str]:
    """Let it profile itself, and look for its busiest function in `go tool pprof -top`.

    Symbolising by pprof is off: the names must be in the profile, where the runtime put them.
    """
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        run(path, "profile", profile)
        words = ("tool", "pprof", "-symbolize=none", "-top", "-nodecount=5", profile)
        # pprof keeps its settings below HOME.
        environment = tools.environment(cgo=False) | {"HOME": folder, "PPROF_TMPDIR": folder}
        _, text = run(tools.go, *words, environment=environment)
    names = [line.split()[-1] for line in text.splitlines() if "%" in line and "main." in line]
    return "main.burn" in names, names[0] if names else "no name"


def go_nm(path: Path, tools: Toolchain) -> tuple[bool, str]:
    """List the symbols with `go tool nm`."""
    status, text = run(tools.go, "tool", "nm", path, environment=tools.environment(cgo=False))
    if status:
        return False, text.strip().splitlines()[-1].rpartition(": ")[2]
    return True, f"{len(text.splitlines()):,} symbols"


GDB = (
    *("set debuginfod enabled off", "set startup-with-shell off", "break main.whereAmI"),
    *("run", "backtrace 2", "print arguments", "print main.version"),
)
"""What gdb is told: stop in a function by its name, say where that is, show two variables."""


GDB_ANSWERS = {
    "gdb: stop by name": "hit Breakpoint 1",
    "gdb: source line": r"(?m)^#0 .*main\.go:\d+",
    "gdb: variable": r"(?m)^\$1 = \d+$",
}


def gdb_missing() -> str | None:
    """Say why gdb cannot be tried here, None where it can."""
    if shutil.which("gdb") is None:
        return "This machine has no gdb."
    true = shutil.which("true") or "true"
    _, text = run("gdb", "-batch", "-nx", "-ex", "set startup-with-shell off", "-ex", "run", true)
    if "exited normally" in text:
        return None
    return "gdb may not start programs here (ptrace is not allowed)."


def gdb(path: Path) -> str:
    """Run gdb on a file; return what it said, without what changes from run to run."""
    commands = [word for line in GDB for word in ("-ex", line)]
    environment = {**os.environ, "DEBUGINFOD_URLS": "", "LC_ALL": "C"}
    _, text = run("gdb", "-batch", "-nx", *commands, path, environment=environment)
    kept = r"^(Function|Thread|#|\$|No |Breakpoint 1,)|unknown type|hit Breakpoint"
    lines = [line for line in text.splitlines() if re.search(kept, line)]
    return re.sub(r'0x[0-9a-f]+ in |0x[0-9a-f]+ (?=")|"[^"]*selfnames" ', "", "\n".join(lines))


def gdb_probes(files: Sequence[Stripped]) -> Table[Probe]:
    """Ask gdb of every file for a stop by name, for the source line, and for a variable."""
    sessions = {file.sha256: file.path for file in files}
    said = {digest: gdb(path) for digest, path in sessions.items()}
    return Table(
        Probe(file.go, file.way, name, re.search(pattern, said[file.sha256]) is not None, session)
        for file in files
        for name, pattern in GDB_ANSWERS.items()
        for session in [said[file.sha256]]
    )


PERF = ("perf", "record", "-q", "-N", "--no-bpf-event", "-e", "cpu-clock:u", "-o")
"""Sampling by a timer of the kernel's, which virtual machines have, too; nothing is kept but the
samples."""


def perf_missing() -> str | None:
    """Say why perf cannot be tried here, None where it can."""
    if shutil.which("perf") is None:
        return "This machine has no perf."
    true = shutil.which("true") or "true"
    with tempfile.TemporaryDirectory() as folder:
        status, _ = run(*PERF, Path(folder) / "data", true, environment=apart(folder))
    return "perf may not sample programs here." if status else None


def apart(home: str) -> dict[str, str]:
    """Return an environment with another home, where perf finds no file of an earlier run.

    It keeps a copy of what it sampled, by build id. strip leaves that id in the file, and so perf
    would read the names from the copy with symbols.
    """
    return {**os.environ, "HOME": home, "LC_ALL": "C"}


def perf(path: Path) -> tuple[bool, str]:
    """Sample it from outside with perf: is its busiest function named?"""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        run(*PERF, data, path, "profile", os.devnull, environment=apart(folder))
        words = ("report", "-i", data, "--stdio", "-F", "overhead,sym", "--comms", path.name[:15])
        _, text = run("perf", *words, environment=apart(folder))
    busiest = re.search(r"^ +[\d.]+% +\[[.k]\] (\S+)", text, re.MULTILINE)
    name = busiest[1] if busiest else "no sample"
    return name == "main.burn", "an address" if name.startswith("0x") else name
