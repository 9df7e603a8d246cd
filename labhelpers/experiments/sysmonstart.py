"""When the scheduler comes to life: stamps from schedinit to main.main, and of sysmon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labhelpers.errors import LabError
from labhelpers.experiments.schedstamps import STAMPS, lines, stamped
from labhelpers.experiments.turns import Said, Talker, in_turns
from labhelpers.programs import find_program
from labhelpers.startup.estimate import Values, median_interval
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

EVENTS = {
    0: "schedinit begins",
    9: "look for a CPU quota",
    2: "procresize begins",
    3: "schedinit has ended",
    4: "runtime.main begins",
    5: "newm(sysmon) has returned",
    7: "sysmon runs",
    8: "sysmon looks for the first time",
    6: "main.main begins",
}
"""What each stamp of `schedstamps` says, by its number; 7 and 8 come from sysmon's own thread."""


@dataclass(frozen=True)
class Event:
    """When something happened: microseconds after schedinit began, median and 95 % interval.

    `seen` is the share of starts in which it happened before main.main returned; times are of
    those. `before_main` is the share of starts in which it happened before main.main began.
    """

    go: str
    event: str
    median_us: float
    low_us: float
    high_us: float
    seen: float
    before_main: float


SETTINGS = {
    "as it comes": {},
    "GODEBUG=containermaxprocs=0": {"GODEBUG": "containermaxprocs=0"},
    "GOMAXPROCS=2": {"GOMAXPROCS": "2"},
}
"""What might spare the look for a quota."""

SPANS = {"look for a quota": (9, 2), "make the Ps": (2, 3)}
"""Between which stamps."""


@dataclass(frozen=True)
class Span:
    """How long something took, in microseconds: median and 95 % interval."""

    setting: str
    span: str
    median_us: float
    low_us: float
    high_us: float


@dataclass
class Lives:
    """Many starts of `hello`: `stamps[go]` has a line a start and a column a stamp, in ns."""

    stamps: dict[str, Values]
    seed: int

    def events(self) -> Table[Event]:
        """Return when everything happened, in the order of its median."""
        rows: Table[Event] = Table()
        for go, table in self.stamps.items():
            own = [self._event(go, number, table) for number in EVENTS if table[:, number].any()]
            rows.extend(sorted(own, key=lambda event: event.median_us))
        return rows

    def always(self, go: str, first: int, later: int) -> bool:
        """Say whether one stamp came before another in every start, or the other not at all."""
        table = self.stamps[go]
        return bool(((table[:, later] == 0) | (table[:, first] < table[:, later])).all())

    def span(self, go: str, begin: int, end: int) -> tuple[float, float, float]:
        """Return how long it took from one stamp to another: median and interval, in µs."""
        values = (self.stamps[go][:, end] - self.stamps[go][:, begin]) / 1000
        median, (low, high) = median_interval(values, self.seed)
        return round(median, 1), round(low, 1), round(high, 1)

    def _event(self, go: str, number: int, table: Values) -> Event:
        seen = table[:, number] > 0
        at = (table[seen, number] - table[seen, 0]) / 1000
        median, (low, high) = median_interval(at, self.seed) if seen.sum() >= 6 else _few(at)
        before = seen & (table[:, number] < table[:, 6])
        return Event(
            go,
            EVENTS[number],
            *(round(value, 1) for value in (median, low, high)),
            *(round(float(share), 3) for share in (seen.mean(), before.mean())),
        )


def lives(
    chains: Sequence[Toolchain],
    environment: dict[str, str] | None = None,
    rounds: int = 60,
    seed: int = 6,
) -> Lives:
    """Start `hello` on the stamped runtime, all releases in turn.

    Raises:
        LabError: the stamped runtime cannot be built or run.
    """
    program = find_program("hello")
    talkers = [
        Talker("hello", (stamped(program, chain),), {**STAMPS, **(environment or {})})
        for chain in chains
    ]
    said = in_turns(talkers, rounds, seed)
    tables = {
        chain.release: np.array([_stamps(answer) for answer in answers], dtype=float)
        for chain, answers in zip(chains, said, strict=True)
    }
    return Lives(tables, seed)


def quota_spans(chain: Toolchain, rounds: int = 60, seed: int = 6) -> Table[Span]:
    """Time the look for a quota, and the making of the Ps after it, with each of SETTINGS.

    Raises:
        LabError: the stamped runtime cannot be built or run, or it looks for no quota.
    """
    file = stamped(find_program("hello"), chain)
    talkers = [Talker(name, (file,), STAMPS | own) for name, own in SETTINGS.items()]
    said = in_turns(talkers, rounds, seed)
    rows: Table[Span] = Table()
    for name, answers in zip(SETTINGS, said, strict=True):
        table = np.array([_stamps(answer) for answer in answers], dtype=float)
        if not table[:, 9].all():
            raise LabError(f"Go {chain.release} looks for no quota: take 1.25 or newer.")
        own = Lives({chain.release: table}, seed)
        for span, (begin, end) in SPANS.items():
            rows.append(Span(name, span, *own.span(chain.release, begin, end)))
    return rows


def _stamps(said: Said) -> list[int]:
    (once,) = (line for line in lines(said.err) if line.kind == "once")
    return [int(word) for word in once.words]


def _few(at: Values) -> tuple[float, tuple[float, float]]:
    """Return the median of a handful and their range: too few for an interval."""
    return float(np.median(at)), (float(at.min()), float(at.max()))
