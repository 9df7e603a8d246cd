"""How long Go stops the world for its collector: distributions, from runtime/metrics.

The runtime counts pauses in buckets (/sched/pauses/total/gc:seconds from Go 1.22 on, before that
/gc/pauses:seconds), so that a quantile is known to lie in a bucket and no better. A pause lasts
until every P has stopped: on a busy machine a thread that should stop may first have to be given a
core again, and that wait is in the pause. So runs with one P, where nobody is waited for, stand
beside runs with two, and how busy others kept the machine is kept with each.
"""

import os
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.schedstamps import built
from labhelpers.experiments.turns import Talker, say
from labhelpers.programs import find_program
from labhelpers.runtime.gctrace import GcRow, read_gctrace
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

LOADS: Mapping[str, tuple[int, str, int]] = {
    "small heap": (8, "natural", 300),
    "larger heap": (100, "natural", 400),
    "larger heap, asked for": (100, "forced", 6),
}
"""MiB that live, who asks for collections, and for how many ms, or how often."""
QUIET = 0.05
"""Others may have had this share of all cores in a run that counts as quiet."""


@dataclass(frozen=True)
class Bucket:
    """So many pauses from `low` to `high` µs."""

    go: str
    processors: int
    load: str
    low_us: float
    high_us: float
    pauses: int


@dataclass(frozen=True)
class Pauses:
    """The pauses of one run: medians, ninetieth and 95th percentiles as the buckets they lie in.

    All in µs. `over_1ms` is how many took longer than a millisecond for certain. `others` is the
    share of all cores that other programs had meanwhile, the host's steal included.
    """

    go: str
    processors: int
    load: str
    live_mib: int
    collections: int
    pauses: int
    p50_low: float
    p50_high: float
    p90_low: float
    p90_high: float
    p95_low: float
    p95_high: float
    longest: float
    over_1ms: int
    others: float

    @property
    def quiet(self) -> bool:
        """Whether others left the machine alone."""
        return self.others <= QUIET


@dataclass(frozen=True)
class Quantiles:
    """The pauses of all loads together: the buckets of three quantiles, in µs.

    `quiet` says whether others left the machine alone in every run.
    """

    go: str
    processors: int
    pauses: int
    half: tuple[float, float]
    nine_of_ten: tuple[float, float]
    nineteen_of_twenty: tuple[float, float]
    quiet: bool


@dataclass(frozen=True)
class Work:
    """Collections that were asked for while nothing else ran, and what each took of processors."""

    go: str
    live_mib: int
    collections: int
    cpu_ms_each: float


def distributions(
    chains: Sequence[Toolchain],
    processors: Sequence[int] = (1, 2),
    loads: Mapping[str, tuple[int, str, int]] = LOADS,
) -> tuple[Table[Pauses], Table[Bucket]]:
    """Run every load with each release and number of Ps; return quantiles, and all buckets.

    Raises:
        LabError: the program does not build or run.
    """
    rows: Table[Pauses] = Table()
    buckets: Table[Bucket] = Table()
    for chain in chains:
        for number in processors:
            for load, how in loads.items():
                own, told, others = _run(chain, number, load, how)
                buckets.extend(own)
                rows.append(_summary(own, how[0], int(told["collections"][0]), others))
    return rows, buckets


def together(rows: Sequence[Pauses], buckets: Sequence[Bucket]) -> Table[Quantiles]:
    """Return the quantiles over all loads, by release and number of Ps."""
    made: Table[Quantiles] = Table()
    for go, processors in dict.fromkeys((row.go, row.processors) for row in rows):
        own = [one for one in buckets if (one.go, one.processors) == (go, processors)]
        runs = [row for row in rows if (row.go, row.processors) == (go, processors)]
        count = sum(one.pauses for one in own)
        half, nine, nineteen = (quantile(own, share) for share in (0.5, 0.9, 0.95))
        quiet = all(run.quiet for run in runs)
        made.append(Quantiles(go, processors, count, half, nine, nineteen, quiet))
    return made


def busy(seconds: float = 0.3) -> str | None:
    """Return, in a sentence, that others keep this machine busy now; None where they do not."""
    before, own = _busy(), _children()
    time.sleep(seconds)
    share = ((_busy() - before) - (_children() - own)) / (seconds * (os.cpu_count() or 1))
    if share <= 2 * QUIET:
        return None
    return f"Other programs keep this machine busy ({100 * share:.0f} % of its cores)."


def quantile(buckets: Sequence[Bucket], share: float) -> tuple[float, float]:
    """Return the ends of the bucket in which a quantile lies, in µs.

    Raises:
        LabError: there is no pause.
    """
    total = sum(bucket.pauses for bucket in buckets)
    seen = 0
    for bucket in sorted(buckets, key=lambda own: own.low_us):
        seen += bucket.pauses
        if seen >= share * total:
            return bucket.low_us, bucket.high_us
    raise LabError("There was no pause in this run, and so no quantile: let it run for longer.")


def still_work(chains: Sequence[Toolchain], lives: Sequence[int] = (10, 100)) -> Table[Work]:
    """Ask for collections while nothing else runs and nothing is new: what do they cost?

    Raises:
        LabError: the program does not build or run.
    """
    rows: Table[Work] = Table()
    for chain in chains:
        for live in lives:
            _, told, _ = _run(chain, 2, "still", (live, "still", 3))
            count = int(told["collections"][0])
            cpu = told["assist"][1] * 1000 / (count + 1)  # one more, for the counters
            rows.append(Work(chain.release, live, count, round(cpu, 2)))
    return rows


def assists(chain: Toolchain) -> tuple[float, float]:
    """Return the seconds of mark assist, and of all that collections took, under load.

    Raises:
        LabError: the program does not build or run.
    """
    _, told, _ = _run(chain, 2, "assist", LOADS["small heap"])
    return told["assist"][0], told["assist"][1]


def traced(chain: Toolchain) -> Table[GcRow]:
    """Return what GODEBUG=gctrace=1 says of the collections under load, with one P.

    With two, a stop that waits for a thread without a core is no stop of the collector's making.

    Raises:
        LabError: the program does not build or run.
    """
    words = (_program(chain), *map(str, LOADS["small heap"]))
    said = say(Talker("garbage", words, {"GODEBUG": "gctrace=1", "GOMAXPROCS": "1"}), 60)
    # The first of them come while the tree is made.
    return Table(read_gctrace(said.err)[4:])


def _run(
    chain: Toolchain, processors: int, load: str, how: tuple[int, str, int]
) -> tuple[Table[Bucket], dict[str, list[float]], float]:
    """Run one load; return its buckets, its other lines, and the share that others had."""
    talker = Talker(
        f"garbage, Go {chain.release}",
        (_program(chain), *map(str, how)),
        {"GOMAXPROCS": str(processors)},
    )
    begin, busy, own = time.monotonic(), _busy(), _children()
    said = say(talker, 60)
    seconds = time.monotonic() - begin
    others = (_busy() - busy) - (_children() - own)
    if said.status:
        raise LabError(f"{talker.name} ended with status {said.status}: {said.err[-200:]!r}")
    buckets: Table[Bucket] = Table()
    told: dict[str, list[float]] = {}
    for line in said.out.splitlines():
        name, *numbers = line.split()
        values = [float(number) for number in numbers]
        if name == "pause":
            low, high = (round(value * 1e6, 3) for value in values[:2])
            buckets.append(Bucket(chain.release, processors, load, low, high, int(values[2])))
        else:
            told[name] = values
    share = max(0.0, others) / (seconds * (os.cpu_count() or 1))
    return buckets, told, round(share, 3)


def _summary(buckets: Table[Bucket], live: int, collections: int, others: float) -> Pauses:
    first = buckets[0]
    halves, tenths, twentieths = (quantile(buckets, share) for share in (0.5, 0.9, 0.95))
    return Pauses(
        go=first.go,
        processors=first.processors,
        load=first.load,
        live_mib=live,
        collections=collections,
        pauses=sum(bucket.pauses for bucket in buckets),
        p50_low=halves[0],
        p50_high=halves[1],
        p90_low=tenths[0],
        p90_high=tenths[1],
        p95_low=twentieths[0],
        p95_high=twentieths[1],
        longest=max(bucket.high_us for bucket in buckets),
        over_1ms=sum(bucket.pauses for bucket in buckets if bucket.low_us >= 1000),
        others=others,
    )


def _program(chain: Toolchain) -> str:
    return str(built(find_program("garbage"), find_config("trim"), chain))


def _children() -> float:
    """Return the seconds of processor time that this process and its children have had."""
    kinds = (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)
    usages = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _busy() -> float:
    """Return the seconds that all cores were not idle, by /proc/stat (proc_stat(5)).

    The host's steal counts as busy; guest time is in user time already.
    """
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = (int(word) for word in words[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
