"""What a start asks of mmap(2): every address, and whether it is a hint or an order.

A tracer of our own (labs/programs/mmapcalls/watch.c) notes the calls of a program, its threads and
its children, by ptrace(2): it needs no strace, only a C compiler.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.mmapcalls import Limits, made
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

MAP_FIXED, MAP_32BIT, MAP_FIXED_NOREPLACE = 0x10, 0x40, 0x100000
"""As on x86-64 (mmap(2)); MAP_32BIT is that architecture's alone."""
CANNOT_TRACE = 125


@dataclass(frozen=True)
class Request:
    """One call of mmap(2): which thread asked for what, and the address or -errno that it got."""

    thread: int
    address: int
    length: int
    protection: int
    flags: int
    file: int
    result: int

    @property
    def fixed(self) -> bool:
        """Whether the address is an order."""
        return bool(self.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))

    @property
    def hint(self) -> bool:
        """Whether the address is a wish."""
        return not self.fixed and self.address != 0

    @property
    def refused(self) -> bool:
        """Whether the call failed."""
        return -4096 < self.result < 0


@dataclass(frozen=True)
class StartMaps:
    """The calls of mmap(2) of one start, or of several of one program.

    `anywhere` had no address; `hints` and `orders` (MAP_FIXED) had one, and the lowest of each is
    beside it, 0 where there is none. `own` counts the orders that lie in what an earlier call of
    the same process had been given. `below` counts addresses below the limit, orders for page 0
    included; `refused` calls that failed; `moved` hints that were not given as asked.
    """

    program: str
    starts: int
    calls: int
    anywhere: int
    hints: int
    lowest_hint: int
    orders: int
    lowest_order: int
    own: int
    below: int
    refused: int
    moved: int


def cannot_watch(folder: CFolder) -> str | None:
    """Return why no start can be traced here, in a sentence; None where it can."""
    if folder.impossible:
        return folder.impossible
    try:
        watch(folder, ["true"])
    except LabError as error:
        return f"No start can be traced here: {error}"
    return None


def watch(folder: CFolder, argv: Sequence[str], timeout: float = 60) -> list[Request]:
    """Start a program under the tracer and return its calls of mmap(2), in their order.

    Raises:
        LabError: nothing may be traced here, the program cannot be started, or it failed.
    """
    tracer = made(folder, "watch")
    with tempfile.NamedTemporaryFile(dir=folder.path, prefix="calls-") as file:
        step = folder.run(tracer, file.name, *argv, timeout=timeout)
        if step.exit_status:
            why = step.text[-200:] if step.exit_status == CANNOT_TRACE else ""
            name = Path(argv[0]).name
            raise LabError(f"{name} under the tracer ended with {step.exit_status}. {why}".strip())
        lines = Path(file.name).read_text().splitlines()
    return [Request(*map(int, line.split())) for line in lines]


def start_maps(program: str, starts: Sequence[Sequence[Request]], limits: Limits) -> StartMaps:
    """Add up the calls of some starts of one program; `calls` and the like are per start."""
    requests = [request for own in starts for request in own]
    hints = [request for request in requests if request.hint]
    orders = [request for request in requests if request.fixed]
    low = [r for r in requests if r.address < limits.lowest and (r.address or r.fixed)]
    each = max(len(starts), 1)
    return StartMaps(
        program=program,
        starts=len(starts),
        calls=len(requests) // each,
        anywhere=sum(not r.fixed and not r.address for r in requests) // each,
        hints=len(hints) // each,
        lowest_hint=min((r.address for r in hints), default=0),
        orders=len(orders) // each,
        lowest_order=min((r.address for r in orders), default=0),
        own=sum(within_own(own) for own in starts) // each,
        below=len(low),
        refused=sum(r.refused for r in requests),
        moved=sum(r.hint and not r.refused and r.result != r.address for r in requests),
    )


def within_own(requests: Sequence[Request]) -> int:
    """Count the orders that lie in what an earlier call that was no order had been given."""
    given: list[tuple[int, int]] = []
    count = 0
    for request in requests:
        if request.refused:
            continue
        begin, end = request.result, request.result + request.length
        if request.fixed:
            count += any(low <= begin and end <= high + 4095 for low, high in given)
        else:
            given.append((begin, end))
    return count


def watched(
    folder: CFolder, commands: Mapping[str, Sequence[str]], limits: Limits, starts: int = 1
) -> list[dict[str, Any]]:
    """Trace starts of several commands by name; return a row each, as a record takes it.

    Raises:
        LabError: one of them cannot be started or traced.
    """
    rows: Table[StartMaps] = Table()
    for name, argv in commands.items():
        rows.append(start_maps(name, [watch(folder, argv) for _ in range(starts)], limits))
    return [asdict(row) for row in rows]


def raised_frame(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Return how programs fared under raised limits: a row a program, a column a limit.

    Args:
        rows: `limit`, `program`, `ended` and `moved`, as tests/record_kernel.py records them.
    """
    import pandas as pd

    table: dict[str, dict[str, str]] = {}
    for row in rows:
        text = "runs" if row["ended"] == "exit 0" else row["ended"]
        if moved := row["moved"]:
            text += f", {moved} hint{'s' * (moved > 1)} moved"
        table.setdefault(row["program"], {})[amount(row["limit"])] = text
    return pd.DataFrame.from_dict(table, orient="index")


def amount(limit: int) -> str:
    """Return a number of bytes in the largest units that it has whole: 4 MB + 4 KB."""
    units = {"TB": 1 << 40, "MB": 1 << 20, "KB": 1 << 10}
    words = []
    for unit, worth in units.items():
        if limit >= worth:
            words.append(f"{limit // worth} {unit}")
            limit %= worth
    return " + ".join(words) or "0"
