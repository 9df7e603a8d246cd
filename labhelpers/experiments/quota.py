"""GOMAXPROCS in a container: what each release makes of a CPU quota, and what looking for it takes.

A laptop has too few cores to see much: Go never goes below two. So the runtime is told by an
overlay that it has many. Nothing else is changed; the quota is a real one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments import groups
from labhelpers.experiments.schedstamps import add, built
from labhelpers.experiments.turns import Talker, say
from labhelpers.programs import find_program
from labhelpers.runtime.overlay import source
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

CORES = 64
"""How many cores the runtime is told to have."""

QUOTAS = (0.5, 1.5, 2.0, 3.5, 8.0, 100.0)

SETTINGS = {
    "as it comes": {},
    "GODEBUG=containermaxprocs=0": {"GODEBUG": "containermaxprocs=0"},
    "GOMAXPROCS=16": {"GOMAXPROCS": "16"},
}
"""What the program is started with, beside the quota."""


@dataclass(frozen=True)
class Limited:
    """How many Ps a program had under a quota, in cores (None: no quota), on 64 supposed cores."""

    go: str
    setting: str
    quota: float | None
    cores: int
    processors: int


@dataclass(frozen=True)
class Death:
    """How a program ended that may have so many threads, and the first lines that it left."""

    go: str
    threads: int
    status: int
    words: str


def limited(chains: Sequence[Toolchain], quotas: Sequence[float] = QUOTAS) -> Table[Limited]:
    """Start a program under each quota, with each setting, and ask how many Ps it has.

    Raises:
        LabError: no control group can be made here, or the program cannot be built or run.
    """
    rows: Table[Limited] = Table()
    with groups.group("cpu") as folder:
        for chain in chains:
            file = many_cores(chain)
            for setting, environment in SETTINGS.items():
                talker = Talker("gmp", (file,), environment)
                rows.append(Limited(chain.release, setting, None, *_asked(talker)))
                for quota in quotas:
                    groups.limit(folder, groups.quota(quota))
                    own = groups.within(folder, talker)
                    rows.append(Limited(chain.release, setting, quota, *_asked(own)))
    return rows


def many_cores(chain: Toolchain) -> str:
    """Build `gmp` with a runtime that believes in CORES cores; return its file.

    Raises:
        LabError: this release's runtime is laid out otherwise, or the build failed.
    """
    file = "runtime/os_linux.go"
    text = source(chain, file)
    function = "getCPUCount" if "func getCPUCount(" in text else "getproccount"
    line = rf"func {function}\(\) int32 \{{"
    text = add(text, (file, chain.release), function, line, "after", f"return {CORES}")
    config = replace(find_config("default"), name="many cores", overlay=((file, text),))
    return built(find_program("gmp"), config, chain)


def deaths(chains: Sequence[Toolchain], most: Sequence[int] = (1, 2, 8)) -> Table[Death]:
    """Start `hello` where it may have one thread, two, and more.

    Raises:
        LabError: no control group can be made here, or the program cannot be built.
    """
    rows: Table[Death] = Table()
    with groups.group("pids") as folder:
        for chain in chains:
            file = built(find_program("hello"), find_config("default"), chain)
            for count in most:
                groups.limit(folder, groups.threads(count))
                said = say(groups.within(folder, Talker("hello", (file,), {"GOMAXPROCS": "2"})))
                words = (said.err or said.out).split("\n\n")[0].strip()
                rows.append(Death(chain.release, count, said.status, words))
    return rows


def _asked(talker: Talker) -> tuple[int, int]:
    """Return how many cores and how many Ps the program says that it has."""
    said = say(talker)
    if said.status:
        raise LabError(f"gmp did not run under its quota: {said.err.strip()[-200:]}")
    says = dict(line.split(" ") for line in said.out.splitlines())
    return int(says["runtime.NumCPU"]), int(says["runtime.GOMAXPROCS"])
