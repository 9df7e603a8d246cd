"""Crowds: many goroutines, or many threads, that all wait, and what memory they take meanwhile.

Each crowd is one process that stands still while it is looked at from outside. Three kinds of
memory are kept apart: addresses (virtual), pages of its own (resident), and what the kernel keeps
for it: page tables (VmPTE, proc_pid_status(5)), a stack for each thread (KernelStack) and its own
records (SUnreclaim, both proc_meminfo(5)). The last two are known for the whole machine only, so
that they are what was added when the crowd came.
"""

import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments import groups
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.schedstamps import built
from labhelpers.experiments.turns import Talker, in_turns, say
from labhelpers.programs import find_program
from labhelpers.startup.estimate import median_interval, ratio_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

KIB = 1024
SEED = 11
ROUNDS = 7
PATIENCE = 60.0
"""Seconds after which a crowd that does not come is given up."""
FLAGS = ("-O2", "-pthread")
SIZES = ("virtual", "resident", "page_tables", "kernel_stacks", "kernel_records")


@dataclass(frozen=True)
class Crowd:
    """A crowd that waits: sizes in bytes, the kernel's part in three columns.

    `go` is empty for threads of C; `stack` is a thread's stack as it was asked for, in KiB, 0 for
    the system's own choice. `ns_each` is what starting one took, all together divided.
    """

    kind: str
    go: str
    stack: int
    tasks: int
    threads: int
    virtual: int
    resident: int
    page_tables: int
    kernel_stacks: int
    kernel_records: int
    ns_each: float

    @property
    def kernel(self) -> int:
        """All that the kernel keeps for it."""
        return self.page_tables + self.kernel_stacks + self.kernel_records


@dataclass(frozen=True)
class Each:
    """What one more takes, from a crowd and the process without: bytes; and what `tasks` of them.

    `extrapolated` says that so many were never there.
    """

    kind: str
    go: str
    tasks: int
    extrapolated: bool
    virtual: float
    resident: float
    page_tables: float
    kernel_stacks: float
    kernel_records: float

    @property
    def kernel(self) -> float:
        """All that the kernel keeps for them."""
        return self.page_tables + self.kernel_stacks + self.kernel_records

    @property
    def whole(self) -> float:
        """Resident memory and the kernel's together."""
        return self.resident + self.kernel


@dataclass(frozen=True)
class Refusal:
    """How a crowd ended that met a limit: which, how many there should be, the words it left."""

    kind: str
    limit: str
    wanted: int
    status: int
    said: str


@dataclass(frozen=True)
class StartCost:
    """What starting one takes: the median over processes in ns, and its 95 % interval."""

    kind: str
    median_ns: float
    low_ns: float
    high_ns: float


def goroutines(chain: Toolchain) -> str:
    """Return the program that makes crowds of goroutines.

    Raises:
        LabError: it does not build.
    """
    return str(built(find_program("goroutines"), find_config("trim"), chain))


def c_program(folder: CFolder, name: str) -> str:
    """Compile one of the C programs in `threads`, and return it.

    Raises:
        LabError: this machine's C compiler makes no program of it.
    """
    if folder.impossible:
        raise LabError(folder.impossible)
    if not (folder.path / name).is_file():
        step = folder.cc(*FLAGS, "-o", name, f"{name}.c")
        if not step.ok:
            raise LabError(f"{name}.c does not compile ({step.first_line}): see `cc` by hand.")
    return str(folder.file(name))


def of_goroutines(chain: Toolchain, count: int) -> Crowd:
    """Start so many goroutines in one process, and look at it."""
    return _look("goroutines", chain.release, 0, count, (goroutines(chain), "crowd", str(count)))


def of_threads(folder: CFolder, count: int, stack: int = 0) -> Crowd:
    """Start so many threads in one process, and look at it; `stack` in KiB, 0: as usual."""
    argv = (c_program(folder, "crowd"), str(count), str(stack))
    return _look("threads", "", stack, count, argv)


def each(crowd: Crowd, without: Crowd, tasks: int) -> Each:
    """Return what so many take, by what each of a crowd takes beyond the process without.

    Where the crowd has as many, it is the crowd itself, else a straight line through the two.
    """
    share = tasks / crowd.tasks
    sizes = [
        getattr(without, name) + share * (getattr(crowd, name) - getattr(without, name))
        for name in SIZES
    ]
    return Each(crowd.kind, crowd.go, tasks, tasks > crowd.tasks, *sizes)


def start_costs(chain: Toolchain, folder: CFolder, count: int = 1000) -> Table[StartCost]:
    """Start crowds of goroutines and of threads in turn; the last row is a ratio, thread to both.

    Raises:
        LabError: a program does not build or run.
    """
    talkers = [
        Talker("goroutine", (goroutines(chain), "crowd", str(count)), {}),
        Talker("thread", (c_program(folder, "crowd"), str(count)), {}),
    ]
    said = [
        [float(answer.out.split()[1]) / count for answer in own]
        for own in in_turns(talkers, ROUNDS, SEED)
    ]
    rows: Table[StartCost] = Table()
    for talker, values in zip(talkers, said, strict=True):
        median, (low, high) = median_interval(values, SEED)
        rows.append(StartCost(talker.name, *(round(value) for value in (median, low, high))))
    ratio, (low, high) = ratio_interval(said[1], said[0], SEED)
    rows.append(StartCost("times dearer", *(round(value, 1) for value in (ratio, low, high))))
    return rows


def under_a_limit(argv: Sequence[str], kind: str, wanted: int, addresses: int = 2 << 30) -> Refusal:
    """Start a crowd that may have so many bytes of addresses (RLIMIT_AS), and return how it ends.

    Raises:
        LabError: it cannot be started, or does not end.
    """
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses)),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LabError(f"The crowd of {kind} could not be run to its end: {error}.") from error
    said = (done.stderr.strip() or done.stdout.strip()).partition("\n")[0]
    words = said if done.returncode else f"{done.stdout.split()[2]} are there"
    return Refusal(kind, f"{addresses >> 30} GiB of addresses", wanted, done.returncode, words)


MEMORY = cast(groups.Controller, "memory")
"""groups.py makes groups for any controller; its type names those that it sets limits of."""


def out_of_memory(folder: CFolder, wanted: int, most: int) -> Refusal:
    """Start a crowd of threads in a control group that may have so many bytes of memory.

    Raises:
        LabError: no such group can be made here, or a program does not run.
    """
    bound = {
        "memory.max": str(most),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "memory.limit_in_bytes": str(most),
    }
    talker = Talker("threads in a group", (c_program(folder, "crowd"), str(wanted)), {})
    with groups.group(MEMORY) as place:
        groups.limit(place, bound)
        said = say(groups.within(place, talker), PATIENCE)
    words = "killed (SIGKILL)" if said.status in (-9, 137) else said.err.strip() or said.out.strip()
    limit = f"{most >> 20} MiB of memory, in a control group"
    return Refusal("threads", limit, wanted, said.status, words)


def no_memory_group() -> str | None:
    """Return why no group with a limit to its memory can be made here; None where one can."""
    return groups.impossible(MEMORY)


def _look(kind: str, go: str, stack: int, count: int, argv: Sequence[str]) -> Crowd:
    """Start a crowd, look at it when all are there, and let it go."""
    before = _meminfo()
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        words = line.split()
        if len(words) != 3 or int(words[2]) != count:
            process.kill()
            told = process.communicate()[1]
            raise LabError(
                f"Of {count:,} {kind} {words[2] if len(words) == 3 else 'not all'} could be "
                f"started ({told.strip()[-120:]}): try fewer."
            )
        after = _meminfo()
        status = _fields(Path(f"/proc/{process.pid}/status"))
        return Crowd(
            kind=kind,
            go=go,
            stack=stack,
            tasks=count,
            threads=status["Threads"],
            virtual=status["VmSize"] * KIB,
            resident=status["VmRSS"] * KIB,
            page_tables=status.get("VmPTE", 0) * KIB,
            kernel_stacks=_more(before, after, "KernelStack"),
            kernel_records=_more(before, after, "SUnreclaim"),
            ns_each=round(int(words[1]) / max(count, 1), 1),
        )
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def _more(before: dict[str, int], after: dict[str, int], name: str) -> int:
    """Return the bytes that were added; less than nothing is what others gave back: nothing."""
    return max(0, (after.get(name, 0) - before.get(name, 0)) * KIB)


def _meminfo() -> dict[str, int]:
    return _fields(Path("/proc/meminfo"))


def _fields(file: Path) -> dict[str, int]:
    """Return the numbers of a file of lines "Name: number unit"."""
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    words = {name: text.split() for name, _, text in pairs}
    return {name: int(own[0]) for name, own in words.items() if own and own[0].isdigit()}
