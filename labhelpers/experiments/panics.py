"""Two mistakes, made in Go and in Rust: does safety of memory keep a program from a panic?

Go's memory is safe, too, but for races. A read past the end ends in a panic in both languages
(runtime/panic.go, `panicIndex`; core::panicking::panic_bounds_check). Two writers to one map end a
Go program, where the runtime notices them (internal/runtime/maps, `fatal("concurrent map
writes")`); Rust refuses to compile them (error E0499).
"""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SECONDS = 120
PAST_THE_END, TWO_WRITERS = "a read past the end", "two writers to one map"
_RUST = {PAST_THE_END: "past_the_end", TWO_WRITERS: "two_writers"}
_GO = {PAST_THE_END: "end", TWO_WRITERS: "map"}
_SAID = re.compile(r"^(?:panic|fatal error|error\[E\d+\]): .*|^index out of bounds.*", re.MULTILINE)


@dataclass(frozen=True)
class Mistake:
    """What became of one mistake: `compiles`, `ends` the program while it runs, and what it said.

    `ends` is None where there is no program to run.
    """

    mistake: str
    language: str
    compiles: bool
    ends: bool | None
    said: str


def no_rust() -> str | None:
    """Say that Rust cannot be tried here, None where it can."""
    return None if shutil.which("rustc") else "There is no Rust compiler on this machine."


def panic_trials(toolchain: Toolchain) -> Table[Mistake]:
    """Make both mistakes in both languages.

    Raises:
        LabError: there is no Rust compiler, or Go does not build its program.
    """
    if reason := no_rust():
        raise LabError(f"{reason} Install rustc, or read the recorded trials (14-panics).")
    built = build(find_program("mistakes"), find_config("trim"), toolchain)
    if built.path is None:
        raise LabError(f"mistakes was not built: {built.error}.")
    rows: Table[Mistake] = Table()
    with tempfile.TemporaryDirectory(prefix="golab-rust-") as scratch:
        for mistake in (PAST_THE_END, TWO_WRITERS):
            rows.append(_ended(mistake, "Go", [str(built.path), _GO[mistake]]))
            source = find_program("mistakes").folder / f"{_RUST[mistake]}.rs"
            file = Path(scratch) / source.stem
            words = ["rustc", "--edition", "2021", "--color", "never", "-o", str(file)]
            done = _run([*words, str(source)])
            if done.returncode:
                rows.append(Mistake(mistake, "Rust", False, None, _said(done)))
            else:
                rows.append(_ended(mistake, "Rust", [str(file)]))
    return rows


def _ended(mistake: str, language: str, command: list[str]) -> Mistake:
    done = _run(command)
    return Mistake(mistake, language, True, done.returncode != 0, _said(done))


def _said(done: subprocess.CompletedProcess[str]) -> str:
    found = _SAID.search(done.stderr)
    if done.returncode and not found:
        raise LabError(f"{Path(done.args[0]).name} failed otherwise: {done.stderr[-300:].strip()}")
    return found[0] if found else ""


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{command[0]} did not run to its end ({error}): run it by hand.") from error
