"""Profile-guided optimisation: what the compiler inlines more of when it has seen the program run.

Go raises the limit of 80 to 2000 for calls that a CPU profile shows to be hot (inlineHotMaxBudget
in cmd/compile/internal/inline/inl.go). The profile is of the whole run: a start of a millisecond
has no sample in it at 100 samples a second, so that nothing of a start is hot.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.ssadump import bundled, compile_go
from labhelpers.experiments.staticinit import made
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

HOT = "pgo/hot/hot.go"


@dataclass(frozen=True)
class Hot:
    """What the compiler says of one call, without and with a profile."""

    go: str
    profile: bool
    cost: int
    inlined: bool


def write_profile(go: Toolchain, file: Path) -> None:
    """Build the program pgo and let it write a CPU profile of itself.

    Raises:
        LabError: it cannot be built, or writes none.
    """
    path = made(find_program("pgo"), find_config("default"), go).path
    done = subprocess.run([str(path), str(file)], capture_output=True, text=True, timeout=60)
    if done.returncode or not file.stat().st_size:
        raise LabError(f"pgo wrote no profile: {done.stderr.strip()}")


def hot_call(go: Toolchain) -> Table[Hot]:
    """Compile the hot package without a profile and with one just taken.

    Raises:
        LabError: it cannot be built or compiled.
    """
    rows: Table[Hot] = Table()
    with tempfile.TemporaryDirectory(dir=cache_dir("c"), prefix="pgo-") as folder:
        profile = Path(folder) / "cpu.pprof"
        write_profile(go, profile)
        # The profile knows functions by their import path.
        for words in ([], [f"-pgoprofile={profile}"]):
            done = compile_go(go, bundled(HOT), "-m=2", *words, package="golab/pgo/hot")
            said = done.stdout + done.stderr
            cost = re.search(r"inline mix.* cost (\d+)", said)
            if done.returncode or not cost:
                raise LabError(f"hot.go does not compile: {said.strip()[-300:]}")
            inlined = "inlining call to mix" in said
            rows.append(Hot(go.release, bool(words), int(cost[1]), inlined))
    return rows
