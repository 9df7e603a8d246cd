"""How long a program's first build takes, and the next one after a change.

The build cache begins empty but for the standard library, which is compiled before the clock
starts: what is timed are the program's own packages and its modules.
"""

import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from labhelpers.build import copy_for_release, go_environment
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.machine import usable_cores
from labhelpers.paths import cache_dir
from labhelpers.programs import Program, bundled_programs
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

LISTING = (
    "{{$dir := .Dir}}{{if not .Standard}}{{range .GoFiles}}go {{$dir}}/{{.}}\n{{end}}"
    "{{range .CgoFiles}}go {{$dir}}/{{.}}\n{{end}}{{range .CFiles}}c {{$dir}}/{{.}}\n{{end}}{{end}}"
)
STANDARD = "{{if .Standard}}{{.ImportPath}}{{end}}"


@dataclass(frozen=True)
class ColdBuild:
    """One program's builds, in seconds: wall time, and processor time over all cores.

    `go_lines` and `c_lines` are those of its sources outside of the standard library. `first` is
    the build with an empty cache, `next` the one after a change of its own main package.
    """

    program: str
    config: str
    go_lines: int
    c_lines: int
    cores: int
    first_s: float
    first_cpu_s: float
    next_s: float
    next_cpu_s: float


def cold_builds(programs: list[str], chain: Toolchain, config: str = "default") -> Table[ColdBuild]:
    """Build each of these bundled programs in an empty build cache of its own.

    Raises:
        LabError: one of them is not built.
    """
    known = bundled_programs()
    return Table(_cold(known[name], config, chain) for name in programs)


def _cold(program: Program, config: str, chain: Toolchain) -> ColdBuild:
    own = find_config(config)
    with tempfile.TemporaryDirectory(dir=cache_dir("runs")) as scratch:
        folder = Path(scratch)
        (folder / "tmp").mkdir()
        environment = go_environment(own, chain) | {
            "GOCACHE": str(folder / "cache"),
            "TMPDIR": str(folder / "tmp"),
        }
        source = copy_for_release(program, chain.release, folder / "source")
        switches = own.arguments()
        tags = [word for word in switches if word.startswith("-tags")]

        def go(*words: str) -> tuple[str, float, float]:
            return _timed([str(chain.go), *words], source, environment, program)

        listed = [go("list", *tags, "-deps", "-f", form, ".")[0] for form in (LISTING, STANDARD)]
        go_lines, c_lines = (_lines(listed[0], kind) for kind in ("go", "c"))
        go("build", *switches, *listed[1].split())
        build = ("build", *switches, "-o", str(folder / "made"), ".")
        _, first, first_cpu = go(*build)
        main = source / "main.go"
        main.write_text(main.read_text() + "\nvar changed = true\n")
        _, again, again_cpu = go(*build)
    seconds = (round(value, 2) for value in (first, first_cpu, again, again_cpu))
    return ColdBuild(program.name, config, go_lines, c_lines, usable_cores(), *seconds)


def _lines(listing: str, kind: str) -> int:
    paths = [
        line.removeprefix(f"{kind} ") for line in listing.splitlines() if line[:2].strip() == kind
    ]
    return sum(Path(path).read_bytes().count(b"\n") for path in paths)


def _timed(
    argv: list[str], folder: Path, environment: dict[str, str], program: Program
) -> tuple[str, float, float]:
    """Run a command; return its output, its wall time and its processor time, in seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:  # Ctrl-C: the compilers that go has started end, too
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    if process.returncode:
        raise LabError(
            f"go {argv[1]} failed for {program.name}: {' '.join(texts[1].split())[-300:]}"
        )
    return texts[0], wall, used.ru_utime + used.ru_stime
