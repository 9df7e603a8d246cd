"""Rules about the order of the runtime's start, each tried by breaking it in a build of its own.

A trial is a few lines changed in the runtime's source through an overlay; the program that comes
out either starts or does not, and says what the runtime has to say about it.
"""

import contextlib
import difflib
import os
import platform
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from labhelpers.build import BuildConfig, build_all
from labhelpers.errors import LabError
from labhelpers.experiments.trials import Expected, Trial
from labhelpers.overlayfiles import Overlay
from labhelpers.programs import find_program
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

STARTS = 3
"""Starts of each program; it counts as running where all of them end with 0."""
SECONDS = 20
"""After which a start that hangs is ended: thousands of times what one takes."""


@dataclass(frozen=True)
class Tried:
    """What became of a trial: its end (exit status or signal), and what the runtime said.

    `says` is the line that names the reason, `trace` the functions on the stack, innermost first,
    and `text` all of it; addresses are masked.
    """

    go: str
    trial: str
    article: Expected
    found: Literal["runs", "fails"]
    ended: str
    says: str
    trace: str
    text: str


def not_here() -> str | None:
    """Return why these trials cannot be made on this machine, in a sentence; None: they can."""
    machine = platform.machine()
    if machine == "x86_64":
        return None
    return f"The trials edit the assembly of x86-64, and this machine is {machine}."


def overlay(trial: Trial, toolchain: Toolchain) -> Overlay:
    """Return the files that a trial changes, with their whole new texts.

    Raises:
        MissingAnchor: this release has no such place.
    """
    texts: dict[str, str] = {}
    for edit in trial.edits:
        text = texts.get(edit.file) or source(toolchain, edit.file)
        if edit.old not in text:
            anchor = edit.old.strip().splitlines()[0]
            raise MissingAnchor(toolchain.release, edit.file, "", f"line {anchor!r}")
        texts[edit.file] = text.replace(edit.old, edit.new, 1)
    return tuple(texts.items())


def shown(trial: Trial, toolchain: Toolchain) -> str:
    """Return what a trial changes, as a diff with a line around each change."""
    parts = []
    for file, new in overlay(trial, toolchain):
        old = source(toolchain, file)
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), file, file, "", "", 1, "")
        parts += [line for line in lines if not line.startswith("+++")]
    return "\n".join(parts).expandtabs(4)


def attempt(trials: Sequence[Trial], toolchains: Sequence[Toolchain]) -> Table[Tried]:
    """Build every trial with every toolchain, start it, and say what became of it.

    The program is `empty`: what fails is the runtime's own start.

    Raises:
        LabError: a trial does not build, or its place is not in that release's source.
    """
    empty = find_program("empty")
    pairs = [(trial, toolchain) for trial in trials for toolchain in toolchains]
    jobs = [
        (
            empty,
            BuildConfig(name=trial.name, cgo=False, overlay=overlay(trial, toolchain)),
            toolchain,
        )
        for trial, toolchain in pairs
    ]
    rows: Table[Tried] = Table()
    for (trial, toolchain), binary in zip(pairs, build_all(jobs), strict=True):
        if binary.path is None:
            raise LabError(
                f"“{trial.name}” does not build with Go {toolchain.release} ({binary.error}): "
                "its edits do not fit that release."
            )
        ends = [start(str(binary.path)) for _ in range(STARTS)]
        status, text = next((end for end in ends if end[0]), ends[0])
        rows.append(
            Tried(
                toolchain.release,
                trial.name,
                trial.article,
                "fails" if status else "runs",
                ended(status),
                first_words(text),
                trace(text),
                masked(text),
            )
        )
    return rows


def start(
    path: str, variables: Mapping[str, str] | None = None, inherited: Sequence[int] = ()
) -> tuple[int, str]:
    """Start a program that may crash; return its status (a signal as −number) and its words.

    No core file is written: what crashes here crashes on purpose.

    Args:
        path: of the program.
        variables: put into its environment.
        inherited: descriptors that it gets.

    Raises:
        LabError: it hangs.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("GODEBUG", "GOTRACEBACK")}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                ["sh", "-c", 'ulimit -c 0; exec "$0"', path],
                cwd=folder,
                env=environment | dict(variables or {}),
                pass_fds=inherited,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"A broken start hung for {SECONDS} s and was ended.") from error
    return done.returncode, done.stdout


def ended(status: int) -> str:
    """Return a status in words: "exit 2", "SIGSEGV"."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"exit {status}"


def masked(text: str) -> str:
    """Return a crash's text without what differs from run to run: addresses and numbers of ids."""
    text = re.sub(r"0x[0-9a-f]+", "0x…", text)
    return re.sub(r"(fp|sp|pc)=0x…", "", text).replace("  ", " ")


def first_words(text: str) -> str:
    """Return the line in which the runtime says what is wrong, empty where it says nothing."""
    lines = [line for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal error:", "fatal:", "panic:"))]
    return masked((told or lines or [""])[0])


def trace(text: str) -> str:
    """Return the functions on the stack of a crash, innermost first, as far as rt0_go."""
    names = re.findall(r"(?m)^([\w./]+(?:\.\(\*?\w+\))?\.\w+)\(", text)
    short = [name.removeprefix("runtime.") for name in names]
    kept = [name for name in short if name not in ("throw", "fatal", "goexit")]
    return " ← ".join(dict.fromkeys(kept[:7]))
