"""What the collector and the allocator are made of: code, counters, and the compiler's own words.

The write barrier and escape analysis are read from what the compiler makes of the program `escapes`
(its listing, -S, and its remarks, -m); the allocator's layers from the runtime's source and its
counters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.crowds import goroutines
from labhelpers.experiments.schedstamps import built
from labhelpers.experiments.turns import Talker, say
from labhelpers.programs import find_program
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

LAYERS = {
    "each P has an mcache": ("runtime/runtime2.go", "type p struct", r"\bmcache +\*mcache"),
    "an mcache is refilled from an mcentral": (
        *("runtime/mcache.go", "func (c *mcache) refill"),
        r"mheap_\.central\[\w+\]\.mcentral\.cacheSpan\(\)",
    ),
    "mcentrals belong to the one heap": (
        *("runtime/mheap.go", "type mheap struct"),
        r"mcentral +mcentral",
    ),
    "an mcentral is refilled from the mheap": (
        *("runtime/mcentral.go", "func (c *mcentral) grow"),
        r"mheap_\.alloc\(npages",
    ),
    "the mheap's lock guards its pages": (
        *("runtime/mheap.go", "func (h *mheap) allocSpan"),
        r"lock\(&h\.lock\)",
    ),
}
"""By what it shows: file, the head of the type or function, and the line in it."""
COLOURS = {
    "white: not found yet": ("runtime/mbarrier.go", "", r"white"),
    "grey: found, its pointers not yet followed": (
        *("runtime/mgcmark.go", "func greyobject"),
        r"gcw\.put|putObj|tryDeferToSpanScan|putObjFast",
    ),
    "black: followed": ("runtime/mgc.go", "", r"black"),
}


@dataclass(frozen=True)
class SourceFact:
    """A line of the runtime's source: what it shows, the line, and where it stands."""

    go: str
    shows: str
    text: str
    place: str


@dataclass(frozen=True)
class Escape:
    """What one function of `escapes` makes: what the compiler said of it, and objects a call."""

    go: str
    function: str
    compiler: str
    objects: int


@dataclass(frozen=True)
class Cache:
    """The bytes in use for mcaches with so many Ps."""

    go: str
    processors: int
    bytes: int


@dataclass(frozen=True)
class Visits:
    """So many objects of a size came in so many bytes of new spans: at most `visits` of them.

    A span has at least one page of 8 KiB, and the mcache that wants one asks the shared layers.
    """

    go: str
    object_bytes: int
    objects: int
    visits: int

    @property
    def objects_each(self) -> float:
        """Objects for each time that the shared layers are asked."""
        return self.objects / max(self.visits, 1)


def layers(chain: Toolchain) -> Table[SourceFact]:
    """Look up the allocator's layers in a release's source; MissingAnchor where one is not so."""
    return Table(_look_up(chain, shows, *where) for shows, where in LAYERS.items())


def colours(chain: Toolchain) -> Table[SourceFact]:
    """Look up the three colours in a release's source; MissingAnchor where one is not there."""
    return Table(_look_up(chain, shows, *where) for shows, where in COLOURS.items())


def caches(chain: Toolchain, processors: Sequence[int] = (1, 2, 4, 8)) -> Table[Cache]:
    """Ask a program how much its mcaches take, for several numbers of Ps.

    Raises:
        LabError: it does not build or run.
    """
    rows: Table[Cache] = Table()
    for number in processors:
        told = _words(chain, number)[0]
        rows.append(Cache(chain.release, int(told[0]), int(told[1])))
    return rows


def visits(chain: Toolchain) -> Table[Visits]:
    """Let a program make many objects of some sizes, and count the spans that they came in.

    Raises:
        LabError: it does not build or run.
    """
    rows = (map(int, words) for words in _words(chain, 1)[1:])
    return Table(Visits(chain.release, *row) for row in rows)


def barrier(chain: Toolchain) -> tuple[str, ...]:
    """Return the instructions of `store` in `escapes`, which changes a pointer on the heap.

    Raises:
        LabError: the program does not build, or the listing has no such function.
    """
    listing = _log(chain, "-S")
    found = re.search(r"(?ms)^main\.store STEXT.*?\n(.*?)^\S", listing)
    if not found:
        raise LabError(f"The compiler of Go {chain.release} lists no function main.store.")
    lines = re.findall(r"\(\S*?main\.go:\d+\)\t([A-Z][^\n]*)", found[1])
    skip = ("PCDATA", "FUNCDATA", "TEXT", "NOP", "XCHGL")
    return tuple(" ".join(line.split()) for line in lines if not line.startswith(skip))


def escapes(chain: Toolchain) -> Table[Escape]:
    """Return what the compiler said of each function's objects, and what a call makes.

    Raises:
        LabError: the program does not build or run.
    """
    remarks = _log(chain, "-m")
    config = find_config("trim")
    said = say(Talker("escapes", (str(built(find_program("escapes"), config, chain)),), {}))
    text = (find_program("escapes").folder / "main.go").read_text()
    rows: Table[Escape] = Table()
    for line in said.out.splitlines():
        function, objects = line.split()
        body = re.search(rf"(?ms)^func {function}\(.*?^\}}", text)
        if body is None:
            raise LabError(f"The program escapes has no function {function}.")
        first = text.count("\n", 0, body.start()) + 1
        last = first + body[0].count("\n")
        own = [
            remark
            for number, remark in re.findall(r"main\.go:(\d+):\d+: ([^\n]*)", remarks)
            if first <= int(number) <= last
            and re.search(r"escapes to heap|moved to heap|does not escape$", remark)
        ]
        own = [remark for remark in own if not re.match(r"(w|place|value) ", remark)]
        rows.append(Escape(chain.release, function, "; ".join(own), int(objects)))
    return rows


def _log(chain: Toolchain, flag: str) -> str:
    """Build `escapes` with a flag of the compiler's, and return what it said."""
    config = replace(find_config("trim"), name=f"gcflags={flag}", gcflags=flag)
    made = build(find_program("escapes"), config, chain)
    if made.error:
        raise LabError(f"escapes does not build with {flag}: {made.error}")
    return made.log


def _words(chain: Toolchain, processors: int) -> list[list[str]]:
    environment = {"GOMAXPROCS": str(processors)}
    said = say(Talker("goroutines", (goroutines(chain), "caches"), environment))
    return [line.split() for line in said.out.splitlines()]


def _look_up(chain: Toolchain, shows: str, file: str, head: str, line: str) -> SourceFact:
    text = source(chain, file)
    body = re.search(rf"(?ms)^{re.escape(head)}\b.*?^\}}", text) if head else None
    start = body.start() if body else 0
    found = re.search(line, body[0] if body else text)
    if found is None or (head and body is None):
        raise MissingAnchor(chain.release, file, head.split()[-1] if head else "", f"line {line!r}")
    number = text.count("\n", 0, start + found.start()) + 1
    whole = text.splitlines()[number - 1].strip()
    return SourceFact(chain.release, shows, whole, f"{file}:{number}")
