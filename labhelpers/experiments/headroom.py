"""What a machine lets one try: how many threads and how much memory before something gives way.

Read before anything is started (proc_sys_kernel(5), proc_sys_vm(5), getrlimit(2), cgroups(7)): a
lab that makes crowds must not be the one that exhausts the machine.
"""

import math
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers import cgroup
from labhelpers.table import Table

SHARE = 4
"""A crowd may take this part of the memory that is available, and half of the threads."""
GOROUTINE_BYTES, THREAD_BYTES = 2_800, 40_000
"""What a waiting one is expected to take at most, the kernel's part included, for the caution."""
MAPPINGS_EACH = 2
"""A thread of the C library has a stack and a guard page below it: two mappings."""


@dataclass(frozen=True)
class Limit:
    """One limit: where it stands, what it says (inf: none), and how many threads that allows."""

    limit: str
    says: float
    threads: float


def limits(root: Path = cgroup.ROOT) -> Table[Limit]:
    """Return every limit to the number of threads, the tightest first."""
    kernel = root / "proc/sys/kernel"
    maps = _number(root / "proc/sys/vm/max_map_count")
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    processes = math.inf if soft == resource.RLIM_INFINITY else float(soft)
    memory = available(root)
    rows = [
        Limit("kernel.threads-max", *(_number(kernel / "threads-max"),) * 2),
        Limit("kernel.pid_max", *(_number(kernel / "pid_max"),) * 2),
        Limit("vm.max_map_count", maps, maps // MAPPINGS_EACH),
        Limit("RLIMIT_NPROC", processes, processes),
        Limit("pids.max of the control group", *(_tasks(root),) * 2),
        Limit("memory available, in bytes", memory, memory // THREAD_BYTES),
    ]
    return Table(sorted(rows, key=lambda row: row.threads))


def available(root: Path = cgroup.ROOT) -> float:
    """Return the bytes of memory that may be taken now: the machine's, or the group's, if less.

    A group's limit counts with what the group has taken already (its page cache apart, which goes
    when it must): so the smaller of the two numbers stays on the safe side of neither being exact.
    """
    text = _text(root / "proc/meminfo")
    found = [line.split()[1] for line in text.splitlines() if line.startswith("MemAvailable:")]
    machine = int(found[0]) * 1024 if found else math.inf
    return float(min(machine, cgroup.memory(root)))


def allowed(counts: Sequence[int], kind: str, root: Path = cgroup.ROOT) -> list[int]:
    """Return those of the counts that are safe here, of "goroutines" or "threads"."""
    each = GOROUTINE_BYTES if kind == "goroutines" else THREAD_BYTES
    most = available(root) / SHARE / each
    if kind == "threads":
        most = min(most, limits(root)[0].threads / 2)
    return [count for count in counts if count <= most]


def _tasks(root: Path) -> float:
    """Return the tightest pids.max of the own group and those above it, else infinity."""
    # The walk is the one that cores and memory take.
    texts = [_text(folder / "pids.max") for folder in cgroup._folders(root, "pids")]
    return min([math.inf, *(float(text) for text in texts if text.isdigit())])


def _number(file: Path) -> float:
    text = _text(file)
    return float(text) if text.isdigit() else math.inf


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
